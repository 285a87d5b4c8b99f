"""R10: cancel wins over a return or an exception that comes after it; the error is attached to the observation."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from directive_trio import ErrorBoundary, open_system
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, seen, types, work_module


async def cancelled_run(do: Callable[[Job, Ctx], Awaitable[None]], **options: Any) -> tuple[list[Observation], Any]:
    """Cancel a run after a second; return what was observed, and the facts."""
    log: list[Observation] = []
    module = work_module(do, **options)
    errors: list[Exception] = []
    boundary = ErrorBoundary(on_error=lambda error, _: errors.append(error))
    async with open_system(module, initial={"work": {"wanted": "a"}}, errors=boundary) as system:
        system.observe(log.append)
        await trio.sleep(1)
        system[module].wanted = ""
        await system.settle(timeout=None)
        assert not errors  # neither Cancelled nor what came after it reaches the boundary
        return log, system[module]


async def test_a_resolver_that_swallows_the_cancellation_is_cancelled(autojump_clock: trio.abc.Clock) -> None:
    """Its return does not count, nor what it writes."""

    async def do(job: Job, ctx: Ctx) -> None:
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            ctx.facts.note = "swallowed"

    log, facts = await cancelled_run(do)
    assert types(log, "resolver.") == ["resolver.start", "resolver.write.rejected", "resolver.cancel"]
    assert seen(log, "resolver.cancel")[0].error is None
    assert facts.note == ""


async def test_an_exception_while_it_cleans_up_is_attached(autojump_clock: trio.abc.Clock) -> None:
    """The outcome is cancel."""

    async def do(job: Job, ctx: Ctx) -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("while cleaning up")

    log, _ = await cancelled_run(do)
    assert types(log, "resolver.") == ["resolver.start", "resolver.cancel"]
    assert repr(seen(log, "resolver.cancel")[0].error) == "ValueError('while cleaning up')"


async def test_a_group_with_a_cancellation_in_it_is_split(autojump_clock: trio.abc.Clock) -> None:
    """Trio takes its part, the rest is attached."""

    async def fail_at_the_end() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("child")

    async def do(job: Job, ctx: Ctx) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail_at_the_end)
            nursery.start_soon(trio.sleep_forever)

    log, _ = await cancelled_run(do)
    error = seen(log, "resolver.cancel")[0].error
    assert isinstance(error, ExceptionGroup)
    assert [repr(one) for one in error.exceptions] == ["ValueError('child')"]


@pytest.mark.parametrize("seconds", [None, 100])
async def test_raise_if_aborted_ends_it_without_an_error(seconds: float | None, autojump_clock: trio.abc.Clock) -> None:
    """Leaving with it is how a resolver says that it has heard."""

    async def do(job: Job, ctx: Ctx) -> None:
        with trio.CancelScope(shield=True):
            await ctx.signal.wait()
        ctx.signal.raise_if_aborted()

    log, _ = await cancelled_run(do, timeout=seconds)
    assert types(log, "resolver.") == ["resolver.start", "resolver.cancel"]
    assert seen(log, "resolver.cancel")[0].error is None


async def test_a_run_that_shields_itself_is_waited_for(autojump_clock: trio.abc.Clock) -> None:
    """It counts for settlement until its code has ended."""
    ended: list[float] = []

    async def do(job: Job, ctx: Ctx) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(10)
        ended.append(trio.current_time())

    start = trio.current_time()
    log, _ = await cancelled_run(do)
    assert ended == [start + 10]
    assert seen(log, "resolver.cancel")[0].time == start + 10
