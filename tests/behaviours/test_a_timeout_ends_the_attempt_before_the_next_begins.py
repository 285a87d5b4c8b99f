"""R10: a timed-out attempt is an error, is retried, and has ended before the next one begins."""

import pytest
import trio

from directive_trio import ErrorBoundary, Retry, open_system
from directive_trio.errors import ResolverTimeoutError
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, seen, types, work_module

QUIET = ErrorBoundary(on_error=lambda *_: None)


async def test_each_attempt_has_its_time_and_the_last_one_ends_the_run_as_error(
    autojump_clock: trio.abc.Clock,
) -> None:
    """Two attempts of two seconds, one second between them."""
    told: list[str] = []

    async def do(job: Job, ctx: Ctx) -> None:
        told.append(f"{ctx.attempt} begins at {trio.current_time() - start:g}")
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.5)
            told.append(f"{ctx.attempt} ends at {trio.current_time() - start:g}")

    log: list[Observation] = []
    module = work_module(do, timeout=2, retry=Retry(attempts=2, initial_delay=1))
    start = trio.current_time()
    async with open_system(module, initial={"work": {"wanted": "a"}}, errors=QUIET) as system:
        system.observe(log.append)
        await system.settle(timeout=None)
    assert told == ["1 begins at 0", "1 ends at 2.5", "2 begins at 3.5", "2 ends at 6"]
    assert types(log, "resolver.") == ["resolver.start", "resolver.retry", "resolver.error"]
    error = seen(log, "resolver.error")[0].error
    assert isinstance(error, ResolverTimeoutError)
    assert str(error) == "resolver 'work::do' timed out after 2 s in attempt 2"


async def test_the_signal_says_so_before_the_cancellation_arrives(autojump_clock: trio.abc.Clock) -> None:
    """Reason timeout with its seconds, and trio's own reason is the same word."""
    told: list[object] = []

    async def do(job: Job, ctx: Ctx) -> None:
        ctx.signal.on_abort(lambda reason: told.append(("aborted", reason.kind, reason.after)))
        try:
            await trio.sleep_forever()
        except trio.Cancelled as cancelled:
            told.append(("cancelled", cancelled.reason, str(ctx.signal.reason)))
            raise

    module = work_module(do, timeout=2)
    async with open_system(module, initial={"work": {"wanted": "a"}}, errors=QUIET) as system:
        await system.settle()
    assert told == [("aborted", "timeout", 2), ("cancelled", "timeout", "timeout after 2 s")]


async def test_the_next_attempt_has_a_context_of_its_own(autojump_clock: trio.abc.Clock) -> None:
    """Its signal is not aborted, and it is not the one that timed out."""
    contexts: list[Ctx] = []

    async def do(job: Job, ctx: Ctx) -> None:
        contexts.append(ctx)
        assert not ctx.signal.aborted
        if ctx.attempt == 1:
            await trio.sleep_forever()
        ctx.facts.done = job.name

    module = work_module(do, timeout=2, retry=Retry(attempts=2))
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        await system.settle()
        assert system[module].done == "a"
    assert [ctx.attempt for ctx in contexts] == [1, 2]
    assert contexts[0] is not contexts[1]
    assert [ctx.signal.aborted for ctx in contexts] == [True, False]


async def test_an_attempt_that_returns_in_time_is_not_timed_out(autojump_clock: trio.abc.Clock) -> None:
    """However short the rest is."""

    async def do(job: Job, ctx: Ctx) -> None:
        await trio.sleep(1.999)
        ctx.facts.done = job.name

    log: list[Observation] = []
    module = work_module(do, timeout=2)
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        system.observe(log.append)
        await system.settle()
        await trio.sleep(5)
    assert types(log, "resolver.") == ["resolver.start", "resolver.complete"]


async def test_an_attempt_that_ends_in_the_tick_of_its_deadline_has_one_outcome(
    autojump_clock: trio.abc.Clock,
) -> None:
    """In time or too late, as the tick has it: if its signal was aborted it is an error, else complete."""
    aborted: list[bool] = []

    async def do(job: Job, ctx: Ctx) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(2)
        ctx.facts.done = job.name
        aborted.append(ctx.signal.aborted)

    log: list[Observation] = []
    module = work_module(do, timeout=2)
    async with open_system(module, initial={"work": {"wanted": "a"}}, errors=QUIET) as system:
        system.observe(log.append)
        await system.settle()
    expected = "resolver.error" if aborted[0] else "resolver.complete"
    assert types(log, "resolver.") == ["resolver.start", expected]


async def test_an_attempt_that_shields_itself_has_timed_out_all_the_same(autojump_clock: trio.abc.Clock) -> None:
    """The run waits for its end, and its return does not count."""

    async def do(job: Job, ctx: Ctx) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(5)

    log: list[Observation] = []
    module = work_module(do, timeout=2)
    start = trio.current_time()
    async with open_system(module, initial={"work": {"wanted": "a"}}, errors=QUIET) as system:
        system.observe(log.append)
        await system.settle(timeout=None)
        assert trio.current_time() == start + 5
    assert isinstance(seen(log, "resolver.error")[0].error, ResolverTimeoutError)


@pytest.mark.parametrize("how", ["raise", "abort", "group"])
async def test_what_it_raises_instead_is_the_cause(how: str, autojump_clock: trio.abc.Clock) -> None:
    """An error while it cleans up, an abort error, a group: the timeout is the error, and is retried."""

    async def fail_at_the_end() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("child")

    async def do(job: Job, ctx: Ctx) -> None:
        if ctx.attempt == 2:
            ctx.facts.done = job.name
        elif how == "group":
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fail_at_the_end)
        else:
            with trio.CancelScope(shield=True):
                await ctx.signal.wait()
            ctx.signal.raise_if_aborted() if how == "abort" else int("x")

    log: list[Observation] = []
    module = work_module(do, timeout=2, retry=Retry(attempts=2))
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        system.observe(log.append)
        await system.settle()
        assert system[module].done == "a"
    error = seen(log, "resolver.retry")[0].error
    assert isinstance(error, ResolverTimeoutError)
    cause = {"raise": "ValueError", "abort": "AbortedError", "group": "ExceptionGroup"}
    assert type(error.__cause__).__name__ == cause[how]


async def test_a_cancellation_of_a_timed_out_attempt_wins(autojump_clock: trio.abc.Clock) -> None:
    """It still cleans up after its timeout when the run is cancelled: no other attempt, one outcome.

    The first reason of its signal stays.
    """
    contexts: list[Ctx] = []

    async def do(job: Job, ctx: Ctx) -> None:
        contexts.append(ctx)
        with trio.CancelScope(shield=True):
            await trio.sleep(5)

    log: list[Observation] = []
    module = work_module(do, timeout=2, retry=Retry(attempts=3))
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        system.observe(log.append)
        await trio.sleep(3)
        system.cancel(Job("a"))
        await system.settle(timeout=None)
    assert types(log, "resolver.") == ["resolver.start", "resolver.cancel"]
    assert seen(log, "resolver.cancel")[0].error is None
    assert [str(ctx.signal.reason) for ctx in contexts] == ["timeout after 2 s"]


async def test_a_run_that_times_out_for_good_leaves_no_marker(autojump_clock: trio.abc.Clock) -> None:
    """It had satisfied itself; its marker returns to what it was."""

    async def do(job: Job, ctx: Ctx) -> None:
        ctx.facts.done = job.name
        await trio.sleep_forever()

    module = work_module(do, timeout=2)
    async with open_system(module, initial={"work": {"wanted": "a"}}, errors=QUIET) as system:
        await system.settle()
        assert system[module].done == ""
