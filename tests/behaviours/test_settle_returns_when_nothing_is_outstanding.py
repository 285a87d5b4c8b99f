"""R13: settled is no pass running or due, and no run, async constraint, async effect or retry outstanding."""

from collections.abc import Callable

import pytest
import trio
import trio.testing

from directive_trio import ErrorBoundary, Retry, open_system
from directive_trio.errors import LifecycleError, SettleTimeoutError
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, WorkFacts, types, work_module


async def slow(job: Job, ctx: Ctx) -> None:
    """A job of ten seconds."""
    await trio.sleep(10)
    ctx.facts.done = job.name


async def test_it_returns_at_once_when_it_is_so(autojump_clock: trio.abc.Clock) -> None:
    """Level-triggered; still a checkpoint."""
    async with open_system(work_module(slow)) as system:
        await system.settle()
        start = trio.current_time()
        with trio.testing.assert_checkpoints():
            await system.settle(timeout=0)
        assert trio.current_time() == start


async def test_a_write_unsettles_at_once(autojump_clock: trio.abc.Clock) -> None:
    """A pass is due from the moment of the write on."""
    module = work_module(slow)
    async with open_system(module) as system:
        await system.settle()
        assert system.is_settled
        system[module].note = "x"
        assert not system.is_settled
        await system.settle()
        assert system.is_settled


async def test_it_waits_for_a_chain_of_runs(autojump_clock: trio.abc.Clock) -> None:
    """What a run makes wanted counts too: no false flash of settled between."""

    async def then_another(job: Job, ctx: Ctx) -> None:
        await trio.sleep(1)
        ctx.facts.done = job.name
        if ctx.facts.count < 3:
            ctx.facts.count += 1
            ctx.facts.wanted = f"job {ctx.facts.count}"

    log: list[Observation] = []
    module = work_module(then_another)
    async with open_system(module) as system:
        await system.settle()
        system.observe(log.append)
        system[module].wanted = "first"
        await system.settle(timeout=None)
        assert system[module].done == "job 3"
    assert types(log, "system.settled", "system.unsettled") == ["system.unsettled", "system.settled"]


async def test_it_polls_nothing(autojump_clock: trio.abc.Clock) -> None:
    """However long it waits, no task makes a step until the run has ended."""

    class Steps(trio.abc.Instrument):
        count = 0

        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            self.count += 1

    async def very_slow(job: Job, ctx: Ctx) -> None:
        await trio.sleep(80_000)
        ctx.facts.done = job.name

    async with open_system(work_module(very_slow), initial={"work": {"wanted": "a"}}) as system:
        steps = Steps()
        trio.lowlevel.add_instrument(steps)
        await system.settle(timeout=None)
        trio.lowlevel.remove_instrument(steps)
    assert steps.count < 40


async def test_several_may_wait_each_for_what_it_wants(autojump_clock: trio.abc.Clock) -> None:
    """One leaves scheduled retries out, one gives up, one is cancelled, one waits for all."""

    async def fail(job: Job, ctx: Ctx) -> None:
        await trio.sleep(1)
        raise ValueError

    boundary = ErrorBoundary(resolver="retry_later", retry_later=Retry(2, initial_delay=10), on_error=lambda *_: None)
    ended: list[tuple[str, float]] = []
    async with open_system(work_module(fail), initial={"work": {"wanted": "a"}}, errors=boundary) as system:
        start = trio.current_time()

        async def wait(name: str, within: float | None, retries: bool) -> None:
            with trio.move_on_after(3 if name == "cancelled" else 1000):
                try:
                    await system.settle(within, retries=retries)
                except SettleTimeoutError:
                    name += ", timeout"
            ended.append((name, trio.current_time() - start))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait, "all", None, True)
            nursery.start_soon(wait, "without retries", None, False)
            nursery.start_soon(wait, "impatient", 2, True)
            nursery.start_soon(wait, "cancelled", None, True)
    assert ended == [("without retries", 1), ("impatient, timeout", 2), ("cancelled", 3), ("all", 12)]


async def test_one_that_settles_in_the_tick_of_the_timeout_is_settled(autojump_clock: trio.abc.Clock) -> None:
    """An error would be false: nothing is outstanding any more."""
    module = work_module(slow)

    @module.effect
    async def follow(facts: WorkFacts) -> None:
        await trio.sleep(10)

    async with open_system(module) as system:
        try:
            await system.settle(timeout=10)
        except SettleTimeoutError as error:  # the deadline came first in this tick, and the effect was under way
            assert error.holders  # noqa: PT017
        else:
            assert system.is_settled


@pytest.mark.parametrize("how", ["stop", "destroy"])
async def test_who_waits_is_woken_when_the_system_stops(how: str, autojump_clock: trio.abc.Clock) -> None:
    """With the state it found, though a run still cleans up."""

    async def stubborn(job: Job, ctx: Ctx) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(100)

    async with open_system(work_module(stubborn), initial={"work": {"wanted": "a"}}) as system:
        woken: list[float] = []
        start = trio.current_time()

        async def wait() -> None:
            with pytest.raises(LifecycleError, match="cannot settle while the system is stopping"):
                await system.settle(timeout=None)
            woken.append(trio.current_time() - start)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.sleep(1)
            await (system.stop_async() if how == "stop" else system.destroy())
        assert woken == [1]


async def test_a_stop_in_the_checkpoint_of_settle_is_seen(autojump_clock: trio.abc.Clock) -> None:
    """It stops between the call and the first look: an error, and no endless wait."""
    module = work_module(slow)
    for ticks in range(6):
        async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
            await trio.sleep(1)

            async def stop_after(ticks: int = ticks, stop: Callable[[], None] = system.stop) -> None:
                for _ in range(ticks):
                    await trio.lowlevel.checkpoint()
                stop()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(stop_after)
                with pytest.raises(LifecycleError):
                    await system.settle(timeout=None)


async def test_a_constraint_without_answer_and_an_effect_count(autojump_clock: trio.abc.Clock) -> None:
    """Everything that may still change something is outstanding."""
    module = work_module(slow)

    @module.constraint(timeout=50)
    async def think(facts: WorkFacts) -> Job | None:
        await trio.sleep(20 if facts.note else 0)
        return None

    @module.effect
    async def follow(facts: WorkFacts) -> None:
        await trio.sleep(30 if facts.note else 0)

    async with open_system(module) as system:
        await system.settle()
        start = trio.current_time()
        system[module].note = "x"
        await trio.sleep(25)
        assert not system.is_settled
        await system.settle(timeout=6)
        assert trio.current_time() == start + 30
