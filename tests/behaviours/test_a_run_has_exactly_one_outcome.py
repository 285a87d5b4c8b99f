"""R10: exactly one terminal outcome per run: complete, error or cancel."""

import pytest
import trio
from attrs import define, frozen

from directive_trio import CancelReason, Context, ErrorBoundary, Module, Retry, System, open_system
from directive_trio.errors import AbortedError
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, seen, types, work_module

QUIET = ErrorBoundary(on_error=lambda *_: None)


async def test_a_run_that_returns_has_completed(autojump_clock: trio.abc.Clock) -> None:
    """Start and complete, and how long it took."""

    async def do(job: Job, ctx: Ctx) -> None:
        await trio.sleep(3)
        ctx.facts.done = job.name

    log: list[Observation] = []
    async with open_system(work_module(do), initial={"work": {"wanted": "a"}}) as system:
        system.observe(log.append)
        await system.settle()
    assert types(log, "resolver.") == ["resolver.start", "resolver.complete"]
    assert seen(log, "resolver.complete")[0].duration == 3


async def test_a_run_that_raises_has_failed(autojump_clock: trio.abc.Clock) -> None:
    """Start and error; the error boundary's recovery follows."""

    async def do(job: Job, ctx: Ctx) -> None:
        raise ValueError(job.name)

    log: list[Observation] = []
    async with open_system(work_module(do), initial={"work": {"wanted": "a"}}, errors=QUIET) as system:
        system.observe(log.append)
        await system.settle()
    assert types(log, "resolver.", "error.") == ["resolver.start", "resolver.error", "error.recovery"]


async def test_a_run_that_cancels_itself_has_been_cancelled(autojump_clock: trio.abc.Clock) -> None:
    """``ctx.cancel()`` ends it at its next checkpoint, and it is not dispatched again."""

    async def do(job: Job, ctx: Ctx) -> None:
        ctx.cancel()
        ctx.cancel()
        assert ctx.signal.aborted
        await trio.sleep(1)
        raise AssertionError("it went on")

    log: list[Observation] = []
    async with open_system(work_module(do), initial={"work": {"wanted": "a"}}) as system:
        system.observe(log.append)
        await system.settle()
    assert types(log, "resolver.") == ["resolver.start", "resolver.cancel"]
    assert str(seen(log, "resolver.cancel")[0].reason) == "cancelled"


async def test_a_sync_run_may_cancel_itself_too(autojump_clock: trio.abc.Clock) -> None:
    """Then its return does not count."""

    def do(job: Job, ctx: Ctx) -> None:
        ctx.cancel()

    log: list[Observation] = []
    async with open_system(work_module(do), initial={"work": {"wanted": "a"}}) as system:
        system.observe(log.append)
        await system.settle()
    assert types(log, "resolver.") == ["resolver.start", "resolver.cancel"]


async def test_an_abort_error_of_somebody_else_ends_the_run_as_cancel(autojump_clock: trio.abc.Clock) -> None:
    """It is no error of the resolver, and it is not tried again at once."""

    async def do(job: Job, ctx: Ctx) -> None:
        raise AbortedError(CancelReason("stopped"))

    log: list[Observation] = []
    async with open_system(work_module(do), initial={"work": {"wanted": "a"}}) as system:
        system.observe(log.append)
        await system.settle()
    assert types(log, "resolver.") == ["resolver.start", "resolver.cancel"]
    assert str(seen(log, "resolver.cancel")[0].reason) == "cancelled"


@pytest.mark.parametrize("beside", [None, ValueError("more")])
async def test_an_abort_error_in_a_nursery_of_the_resolver_is_one_too(
    beside: Exception | None, autojump_clock: trio.abc.Clock
) -> None:
    """It arrives in a group; only if there is nothing else in it, it is no error, and not tried again at once."""

    async def give_up(deep: bool) -> None:
        await trio.sleep(1)
        if deep:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(give_up, False)
        raise AbortedError(CancelReason("stopped"))

    async def fail() -> None:
        try:
            await trio.sleep_forever()
        finally:
            if beside is not None:
                raise beside

    async def do(job: Job, ctx: Ctx) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(give_up, True)
            nursery.start_soon(fail)

    log: list[Observation] = []
    module = work_module(do, retry=Retry(attempts=2))
    async with open_system(module, initial={"work": {"wanted": "a"}}, errors=QUIET) as system:
        system.observe(log.append)
        await system.settle(timeout=None)
    tried = ["resolver.start", "resolver.retry", "resolver.error"]
    assert types(log, "resolver.") == (["resolver.start", "resolver.cancel"] if beside is None else tried)


async def test_an_error_in_a_nursery_of_the_resolver_is_its_error(autojump_clock: trio.abc.Clock) -> None:
    """It arrives as the group that the nursery made of it."""

    async def fail() -> None:
        await trio.sleep(1)
        raise ValueError("child")

    async def do(job: Job, ctx: Ctx) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)
            nursery.start_soon(trio.sleep_forever)

    log: list[Observation] = []
    async with open_system(work_module(do), initial={"work": {"wanted": "a"}}, errors=QUIET) as system:
        system.observe(log.append)
        await system.settle()
    error = seen(log, "resolver.error")[0].error
    assert isinstance(error, ExceptionGroup)
    assert [str(one) for one in error.exceptions] == ["child"]


@pytest.mark.parametrize("moment", [n * 0.25 for n in range(24)])
@pytest.mark.parametrize("how", ["cancel", "remove", "supersede", "stop", "destroy"])
async def test_whenever_it_is_cancelled_there_is_one_outcome(
    moment: float, how: str, autojump_clock: trio.abc.Clock
) -> None:
    """Swept over a run with a failing attempt, a backoff, a timeout, a nursery and a return, ticks included."""

    async def do(job: Job, ctx: Ctx) -> None:
        ctx.facts.note = f"attempt {ctx.attempt}"
        await trio.sleep(1)
        if ctx.attempt == 1:
            raise ValueError("again")
        if ctx.attempt == 2:
            await trio.sleep_forever()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 0.5)
        ctx.facts.done = job.name

    retry = Retry(attempts=3, initial_delay=0.5)
    module = work_module(do, retry=retry, timeout=2)
    log: list[Observation] = []
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        system.observe(log.append)
        await trio.sleep(moment)
        match how:
            case "cancel":
                system.cancel(Job("a"))
            case "remove":
                system[module].wanted = system[module].done
            case "supersede":
                system[module].wanted = "b"
            case "stop":
                await system.stop_async()
            case "destroy":
                await system.destroy()
        if how not in ("stop", "destroy"):
            await system.settle(timeout=None)
    started = [start.run for start in seen(log, "resolver.start")]
    ended = [end.run for kind in ("complete", "error", "cancel") for end in seen(log, f"resolver.{kind}")]
    assert sorted(started) == sorted(ended)
    assert len(set(ended)) == len(ended)


@pytest.mark.parametrize("first", ["return", "cancel"])
async def test_a_return_and_a_cancellation_in_one_tick_make_one_outcome(
    first: str, autojump_clock: trio.abc.Clock
) -> None:
    """The task is due to return when the cancellation comes: cancel wins, and only once."""
    go = trio.Event()

    async def do(job: Job, ctx: Ctx) -> None:
        await go.wait()
        ctx.facts.done = job.name

    module = work_module(do)
    log: list[Observation] = []
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        system.observe(log.append)
        await trio.sleep(1)
        if first == "return":
            go.set()
            system.cancel(Job("a"))
        else:
            system.cancel(Job("a"))
            go.set()
        await system.settle()
        assert system[module].done == ""
    assert types(log, "resolver.") == [
        "resolver.start",
        *(["resolver.write.rejected"] if first == "return" else []),
        "resolver.cancel",
    ]


@pytest.mark.parametrize("sync", [False, True])
async def test_a_cancellation_in_the_tick_in_which_the_backoff_ends_starts_no_attempt(
    sync: bool, autojump_clock: trio.abc.Clock
) -> None:
    """The wait is over, the next attempt has not begun, the word comes: it never begins."""
    attempts: list[int] = []

    def fail(job: Job, ctx: Ctx) -> None:
        attempts.append(ctx.attempt)
        raise ValueError

    async def fail_later(job: Job, ctx: Ctx) -> None:
        fail(job, ctx)

    module = work_module(fail if sync else fail_later, retry=Retry(attempts=5, initial_delay=1))
    for ticks in [*range(6), *[0] * 20]:  # two tasks wake in one tick: trio shuffles them
        attempts.clear()
        log: list[Observation] = []
        async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
            system.observe(log.append)
            await trio.sleep(1)
            for _ in range(ticks):
                await trio.lowlevel.checkpoint()
            before = len(attempts)
            system.cancel(Job("a"))
            await system.settle()
            assert len(attempts) == before
            assert types(log, "resolver.")[-1] == "resolver.cancel"


@pytest.mark.parametrize("where", ["resolver.start", "retry_if"])
async def test_an_interrupt_beside_a_sync_run_ends_it_too(autojump_clock: trio.abc.Clock, where: str) -> None:
    """In the observer of its start, or while another attempt is considered: it is cancelled with the system."""

    @define
    class Facts:
        wanted: bool = True

    @frozen
    class Fail: ...

    def interrupt(*_: object) -> bool:
        raise KeyboardInterrupt

    module = Module("m", Facts)
    module.constraint(name="must")(lambda facts: Fail() if facts.wanted else None)
    retry = Retry(2, retry_if=interrupt) if where == "retry_if" else Retry()

    @module.resolver(Fail, retry=retry)
    def fail(requirement: Fail, ctx: Context[Facts]) -> None:
        raise ValueError

    log: list[Observation] = []

    def observe(seen: Observation) -> None:
        log.append(seen)
        if seen.type == where:
            raise KeyboardInterrupt

    system = System(module)
    system.observe(observe)
    with pytest.RaisesGroup(KeyboardInterrupt, flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            system.start(nursery)
    ends = [seen.type for seen in log if seen.type in {"resolver.cancel", "resolver.error", "resolver.complete"}]
    assert ends == ["resolver.cancel"]
    assert system.inspect().runs == ()
