"""Section 7: new → running → stopping → stopped (→ running …) → destroyed; the wrong order raises, and R10 at stop."""

from collections.abc import Awaitable, Callable

import pytest
import trio

from directive_trio import ErrorBoundary, System, open_system
from directive_trio.errors import LifecycleError
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, all_tasks, types, work_module


async def stubborn(job: Job, ctx: Ctx) -> None:
    """A run that takes a second to end."""
    try:
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(1)


async def system_in(state: str, nursery: trio.Nursery) -> System:
    """Make a system in that state."""
    system = System(work_module(stubborn), initial={"work": {"wanted": "a"}}, name="s")
    if state == "new":
        return system
    system.start(nursery)
    await trio.sleep(0.1)
    if state == "running":
        return system
    system.stop()
    if state == "stopping":
        return system
    await system.stop_async()
    if state == "destroyed":
        await system.destroy()
    return system


STATES = ["new", "running", "stopping", "stopped", "destroyed"]
RESULTS = {
    "start": {"new": "running", "stopped": "running"},
    "stop": {"running": "stopping", "stopping": "stopping", "stopped": "stopped"},
    "stop_async": {"running": "stopped", "stopping": "stopped", "stopped": "stopped"},
    "destroy": dict.fromkeys(STATES, "destroyed"),
    "run": {"new": "stopped", "stopped": "stopped"},
}


async def do(operation: str, system: System, nursery: trio.Nursery) -> None:
    """Call it; what runs until it is stopped is stopped after a second."""
    match operation:
        case "start":
            system.start(nursery)
        case "stop":
            system.stop()
        case "stop_async":
            await system.stop_async()
        case "destroy":
            await system.destroy()
        case "run":
            with trio.move_on_after(1):
                await system.run()


@pytest.mark.parametrize("operation", RESULTS)
@pytest.mark.parametrize("state", STATES)
async def test_every_operation_in_every_state(state: str, operation: str, autojump_clock: trio.abc.Clock) -> None:
    """It leads where the table says, or raises an error that names state and operation; nothing is changed then."""
    async with trio.open_nursery() as nursery:
        system = await system_in(state, nursery)
        assert system.state == state
        assert repr(system) == f"<system s: {state}>"
        expected = RESULTS[operation].get(state)
        if expected is None:
            shown = {"stop_async": "stop", "run": "start"}.get(operation, operation)
            with pytest.raises(LifecycleError, match=f"^cannot {shown} while the system is {state}$"):
                await do(operation, system, nursery)
            assert system.state == state
        else:
            await do(operation, system, nursery)
            assert system.state == expected
        nursery.cancel_scope.cancel()


async def test_each_turn_is_observed(autojump_clock: trio.abc.Clock) -> None:
    """From start to destroy; twice round."""
    log: list[Observation] = []
    system = System(work_module(stubborn))
    system.observe(log.append)
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            system.start(nursery)
            await system.settle()
            await system.stop_async()
        await system.destroy()
    assert types(log, "system.") == [
        "system.start",
        "system.unsettled",
        "system.settled",
        "system.stop",
        "system.start",
        "system.unsettled",
        "system.settled",
        "system.stop",
        "system.destroy",
    ]


async def test_stop_while_starting_starts_nothing(autojump_clock: trio.abc.Clock) -> None:
    """Before the loop has had its first turn."""
    log: list[Observation] = []
    system = System(work_module(stubborn), initial={"work": {"wanted": "a"}})
    system.observe(log.append)
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        system.stop()
    assert system.state == "stopped"
    assert types(log, "system.", "resolver.") == ["system.start", "system.stop"]


async def test_a_closed_nursery_is_refused_and_changes_nothing(autojump_clock: trio.abc.Clock) -> None:
    """The system may be started elsewhere."""
    async with trio.open_nursery() as closed:
        pass
    system = System(work_module(stubborn))
    with pytest.raises(RuntimeError, match="closed"):
        system.start(closed)
    assert system.state == "new"
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        await system.settle()
        await system.stop_async()


@pytest.mark.parametrize("first", ["stop_async", "destroy"])
@pytest.mark.parametrize("second", ["stop_async", "destroy"])
@pytest.mark.parametrize("gap", [0, 0.5])
async def test_two_may_end_it_at_once(first: str, second: str, gap: float, autojump_clock: trio.abc.Clock) -> None:
    """Each returns when it has ended; none finds the other in its way."""
    async with trio.open_nursery() as nursery:
        system = await system_in("running", nursery)

        async def end(operation: str) -> None:
            try:
                await do(operation, system, nursery)
            except LifecycleError:  # it was destroyed before it could be stopped
                assert (operation, system.state) == ("stop_async", "destroyed")

        async with trio.open_nursery() as both:
            both.start_soon(end, first)
            await trio.sleep(gap)
            both.start_soon(end, second)
        assert system.state == ("destroyed" if "destroy" in (first, second) else "stopped")


async def test_a_destroy_outlasts_a_start_that_comes_between(autojump_clock: trio.abc.Clock) -> None:
    """Somebody starts it again in the moment in which it has stopped: it is stopped again."""
    async with trio.open_nursery() as nursery:
        system = await system_in("running", nursery)

        class Again(trio.abc.Instrument):
            lives = 1

            def task_exited(self, task: trio.lowlevel.Task) -> None:
                if system.state == "stopped" and self.lives < 3:
                    self.lives += 1
                    system.start(nursery)

        again = Again()
        trio.lowlevel.add_instrument(again)
        await system.destroy()
        trio.lowlevel.remove_instrument(again)
        assert again.lives == 3
        assert system.state == "destroyed"


async def test_an_observer_of_the_end_cannot_start_it_again(autojump_clock: trio.abc.Clock) -> None:
    """It has not ended before everybody has been told."""
    async with trio.open_nursery() as nursery:
        system = await system_in("running", nursery)
        refused: list[str] = []

        def again(observation: Observation) -> None:
            if observation.type == "system.stop":
                try:
                    system.start(nursery)
                except LifecycleError as error:
                    refused.append(str(error))

        system.observe(again)
        await system.stop_async()
        assert refused == ["cannot start while the system is stopping"]


@pytest.mark.parametrize("operation", ["stop_async", "destroy"])
async def test_cancelling_who_waits_for_the_end_leaves_a_system_that_ends(
    operation: str, autojump_clock: trio.abc.Clock
) -> None:
    """The wish stands; who waits again gets it."""
    async with trio.open_nursery() as nursery:
        system = await system_in("running", nursery)
        with trio.move_on_after(0.5) as scope:
            await do(operation, system, nursery)
        assert scope.cancelled_caught
        assert system.state == "stopping"
        await do(operation, system, nursery)
        assert system.state == RESULTS[operation]["stopping"]


@pytest.mark.parametrize("operation", ["stop_async", "destroy"])
async def test_a_wish_that_is_cancelled_at_once_is_none(operation: str, autojump_clock: trio.abc.Clock) -> None:
    """Nothing has begun: the system goes on."""
    async with trio.open_nursery() as nursery:
        system = await system_in("running", nursery)
        with trio.CancelScope() as scope:
            scope.cancel()
            await do(operation, system, nursery)
        assert scope.cancelled_caught
        assert system.state == "running"
        nursery.cancel_scope.cancel()


Ending = Callable[[System], Awaitable[None]]


@pytest.mark.parametrize("end", [lambda system: system.stop_async(), lambda system: system.destroy()])
async def test_when_the_end_is_awaited_no_task_is_left(end: Ending, autojump_clock: trio.abc.Clock) -> None:
    """Not even the one that runs it: in the host's nursery stands nothing of it."""
    for how in ("start", "run"):
        async with trio.open_nursery() as nursery:
            system = System(work_module(stubborn), initial={"work": {"wanted": "a"}})
            if how == "start":
                system.start(nursery)
            else:
                await nursery.start(system.run)
            await trio.sleep(1)
            assert nursery.child_tasks
            await end(system)
            assert not nursery.child_tasks


async def test_a_failing_start_of_a_run_in_a_group_of_its_own(autojump_clock: trio.abc.Clock) -> None:
    """``run`` of what runs already raises the plain error, not a group."""
    before = all_tasks()
    async with open_system(work_module(stubborn), errors=ErrorBoundary()) as system:
        with pytest.raises(LifecycleError, match="cannot start while the system is running"):
            await system.run()
    assert all_tasks() == before
