"""R10: only the engine cancels runs: a cancellation of the body or the host's nursery is a stop, in order."""

from collections.abc import Awaitable, Callable

import pytest
import trio

from directive_trio import Module, Retry, System, open_system
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, WorkFacts, all_tasks, seen, types, work_module


def busy() -> Module[WorkFacts]:
    """A module with everything that may go on: a run, an async effect, a sync one with cleanup, a constraint."""

    async def do(job: Job, ctx: Ctx) -> None:
        try:
            await trio.sleep(3)
            if ctx.attempt == 1:
                raise ValueError("again")
            ctx.facts.done = job.name
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.3)

    module = work_module(do, retry=Retry(attempts=2, initial_delay=1), timeout=10)

    @module.effect
    async def follow(facts: WorkFacts) -> None:
        if facts.wanted:
            await trio.sleep(2)

    @module.effect
    def note(facts: WorkFacts) -> Callable[[], object]:
        assert facts.wanted is not None
        return lambda: None

    @module.constraint(timeout=20)
    async def think(facts: WorkFacts) -> Job | None:
        wanted = facts.note
        await trio.sleep(2.5)
        return Job(wanted) if wanted else None

    return module


async def body_cancelled(module: Module[WorkFacts], moment: float, log: list[Observation]) -> System:
    """Cancel the body of `open_system`."""
    with trio.CancelScope() as scope:
        scope.deadline = trio.current_time() + moment
        async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
            system.observe(log.append)
            await trio.sleep_forever()
    return system


async def host_cancelled(module: Module[WorkFacts], moment: float, log: list[Observation]) -> System:
    """Cancel the nursery in which a system was started."""
    system = System(module, initial={"work": {"wanted": "a"}})
    system.observe(log.append)
    with trio.CancelScope() as scope:
        scope.deadline = trio.current_time() + moment
        async with trio.open_nursery() as nursery:
            system.start(nursery)
    return system


async def runner_cancelled(module: Module[WorkFacts], moment: float, log: list[Observation]) -> System:
    """Cancel the task that runs it."""
    system = System(module, initial={"work": {"wanted": "a"}})
    system.observe(log.append)
    async with trio.open_nursery() as nursery:
        nursery.cancel_scope.deadline = trio.current_time() + moment
        started: object = await nursery.start(system.run)
        assert started is system
    return system


async def body_left(module: Module[WorkFacts], moment: float, log: list[Observation]) -> System:
    """Leave the block."""
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        system.observe(log.append)
        await trio.sleep(moment)
    return system


WAYS = [body_cancelled, host_cancelled, runner_cancelled, body_left]
Way = Callable[[Module[WorkFacts], float, list[Observation]], Awaitable[System]]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("moment", [n * 0.1 for n in range(1, 90, 3)])
async def test_at_every_moment_everything_ends(way: Way, moment: float, autojump_clock: trio.abc.Clock) -> None:
    """Every run has one outcome; cancelled ones have reason stopped; no task is left."""
    log: list[Observation] = []
    before = all_tasks()
    system = await way(busy(), moment, log)
    assert system.state == ("stopped" if way in (host_cancelled, runner_cancelled) else "destroyed")
    started = [start.run for start in seen(log, "resolver.start")]
    cancelled = seen(log, "resolver.cancel")
    ended = [one.run for one in [*seen(log, "resolver.complete"), *seen(log, "resolver.error"), *cancelled]]
    assert sorted(ended) == sorted(started)
    assert {str(one.reason) for one in cancelled} <= {"stopped"}
    assert types(log, "system.st")[-1] == "system.stop"
    assert all_tasks() == before


async def test_the_finally_of_the_body_still_finds_the_system_serving(autojump_clock: trio.abc.Clock) -> None:
    """The body is cancelled, not the system: shielded, it may wait for a run."""

    async def do(job: Job, ctx: Ctx) -> None:
        await trio.sleep(1)
        ctx.facts.done = job.name

    module = work_module(do)
    with trio.move_on_after(5):
        async with open_system(module) as system:
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    system[module].wanted = "a"
                    await system.settle()
                    assert system[module].done == "a"


async def test_a_shielded_clean_up_is_waited_for(autojump_clock: trio.abc.Clock) -> None:
    """The block is left when the last run has ended, though it was cancelled long before."""

    async def do(job: Job, ctx: Ctx) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(100)

    start = trio.current_time()
    with trio.move_on_after(5) as scope:
        async with open_system(work_module(do), initial={"work": {"wanted": "a"}}):
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() == start + 105


async def test_a_host_that_is_cancelled_already_starts_nothing(autojump_clock: trio.abc.Clock) -> None:
    """Not even the first pass runs."""
    begun: list[str] = []

    def do(job: Job, ctx: Ctx) -> None:
        begun.append(job.name)

    system = System(work_module(do), initial={"work": {"wanted": "a"}})
    async with trio.open_nursery() as nursery:
        nursery.cancel_scope.cancel()
        system.start(nursery)
    assert not begun
    assert system.state == "stopped"


async def test_a_cancelled_opening_leaves_nothing(autojump_clock: trio.abc.Clock) -> None:
    """The entry is a checkpoint, and before it nothing is made."""
    made: list[str] = []
    module = Module("m", WorkFacts)
    module.init(lambda facts: made.append("made"))
    with trio.CancelScope() as scope:
        scope.cancel()
        async with open_system(module):
            raise AssertionError("it was opened")
    assert scope.cancelled_caught
    assert not made


@pytest.mark.parametrize("steps", range(40))
async def test_a_cancellation_at_every_step_of_the_body_is_an_ordered_stop(
    steps: int, autojump_clock: trio.abc.Clock
) -> None:
    """The cancellation comes after that many steps of any task, wherever the system stands then."""

    class Countdown(trio.abc.Instrument):
        def __init__(self, scope: trio.CancelScope) -> None:
            self.left = steps
            self.scope = scope

        def after_task_step(self, task: trio.lowlevel.Task) -> None:
            self.left -= 1
            if self.left == 0:
                self.scope.cancel()

    log: list[Observation] = []
    module = busy()
    before = all_tasks()
    with trio.CancelScope() as scope:
        countdown = Countdown(scope)
        trio.lowlevel.add_instrument(countdown)
        try:
            async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
                system.observe(log.append)
                await system.settle(timeout=None)
                system[module].wanted = "b"
                system[module].note = "c"
                await system.settle(timeout=None)
                await system.stop_async()
                await system.destroy()
        finally:
            trio.lowlevel.remove_instrument(countdown)
    started = [start.run for start in seen(log, "resolver.start")]
    ended = [end.run for kind in ("complete", "error", "cancel") for end in seen(log, f"resolver.{kind}")]
    assert sorted(ended) == sorted(started)
    assert all_tasks() == before
