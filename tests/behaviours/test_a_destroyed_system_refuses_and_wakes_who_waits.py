"""Section 7, R13: after destroy writes, dispatch and the like raise; whoever waits is woken with LifecycleError."""

from collections.abc import Callable

import pytest
import trio
import trio.testing

from directive_trio import System, open_system
from directive_trio.errors import LifecycleError
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, WorkFacts, work_module


async def forever(job: Job, ctx: Ctx) -> None:
    """A job that does not end."""
    await trio.sleep_forever()


async def destroyed() -> System:
    """A system with a past."""
    module = work_module(forever)
    module.on(Job)(_note)
    async with open_system(module) as system:
        await system.settle()
    return system


def _note(facts: WorkFacts, event: Job) -> None:
    facts.note = event.name


def _write(system: System) -> None:
    system["work"].note = "x"


def _transaction(system: System) -> None:
    with system.transaction():
        raise AssertionError("it was opened")


REFUSED: dict[str, Callable[[System], object]] = {
    "write": _write,
    "dispatch": lambda system: system.dispatch(Job("a")),
    "dispatch by name": lambda system: system.dispatch("work::Job", {"name": "a"}),
    "transaction": _transaction,
    "touch": lambda system: system.touch("work::note"),
    "require": lambda system: system.require(Job("a")),
    "cancel": lambda system: system.cancel(Job("a")),
    "enable": lambda system: system.enable("work::must_be_done"),
    "disable": lambda system: system.disable("work::must_be_done"),
    "watch": lambda system: system.watch("work::note", print),
    "changes": lambda system: system.changes("work::note"),
    "observe": lambda system: system.observe(print),
    "stop": lambda system: system.stop(),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_it_raises(what: str, autojump_clock: trio.abc.Clock) -> None:
    """Everything that would change it or wait for it; what was, stays."""
    system = await destroyed()
    with pytest.raises(LifecycleError, match="destroyed"):
        REFUSED[what](system)
    assert system["work"].note == ""


async def test_it_can_still_be_looked_at(autojump_clock: trio.abc.Clock) -> None:
    """Reading changes nothing."""
    system = await destroyed()
    assert system.read("work::note") == ""
    assert system.inspect().state == "destroyed"
    assert "destroyed" in repr(system)


async def test_waiting_for_facts_is_refused_too(autojump_clock: trio.abc.Clock) -> None:
    """It could never come true."""
    system = await destroyed()
    with pytest.raises(LifecycleError, match="cannot wait while the system is destroyed"):
        await system.wait_until(lambda view: True)


async def test_who_waits_is_woken(autojump_clock: trio.abc.Clock) -> None:
    """`wait_until`, an iteration, `settle`: each with the error, at that moment."""
    woken: list[str] = []
    module = work_module(forever)

    async def wait(what: str, system: System) -> None:
        with pytest.raises(LifecycleError):
            if what == "wait_until":
                await system.wait_until(lambda view: view["work"].note == "never")
            elif what == "changes":
                async with system.changes("work::note") as changes:
                    async for new, _ in changes:
                        woken.append(f"{what} {new}")
            else:
                await system.settle(timeout=None)
        woken.append(what)

    async with trio.open_nursery() as nursery, open_system(module, initial={"work": {"wanted": "a"}}) as system:
        for what in ("wait_until", "changes", "settle"):
            nursery.start_soon(wait, what, system)
        await trio.sleep(1)
        system[module].note = "x"
        await trio.sleep(1)
        assert woken == ["changes x"]
        await system.destroy()
        await trio.testing.wait_all_tasks_blocked()
        assert sorted(woken[1:]) == ["changes", "settle", "wait_until"]


@pytest.mark.parametrize("ticks", [*range(8), *[0] * 12])
async def test_a_destroy_in_the_first_checkpoint_of_a_waiter_is_seen(
    ticks: int, autojump_clock: trio.abc.Clock
) -> None:
    """It comes between the call and the sleep: an error, and no endless wait."""
    system = System(work_module(forever))

    async def destroy() -> None:
        for _ in range(ticks):
            await trio.lowlevel.checkpoint()
        await system.destroy()

    async def wait() -> None:
        with pytest.raises(LifecycleError):
            await system.wait_until(lambda view: view["work"].note == "never")

    async def iterate() -> None:
        with pytest.raises(LifecycleError):
            async with system.changes("work::note") as changes:
                async for _ in changes:
                    raise AssertionError("nothing has changed")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(destroy)
        nursery.start_soon(wait)
        nursery.start_soon(iterate)


async def test_a_block_that_was_prepared_before_and_entered_after_is_refused(autojump_clock: trio.abc.Clock) -> None:
    """Iteration begins with the block."""
    system = System(work_module(forever))
    block = system.changes("work::note")
    await system.destroy()
    with pytest.raises(LifecycleError):
        async with block:
            raise AssertionError("it was entered")


async def test_what_changed_before_the_end_is_still_delivered(autojump_clock: trio.abc.Clock) -> None:
    """Iteration raises after what is left."""
    module = work_module(forever)
    got: list[str] = []
    async with open_system(module) as system, system.changes("work::note") as changes:
        for note in ("a", "b"):
            system[module].note = note
            await system.settle()
        await system.destroy()
        with pytest.raises(LifecycleError):
            async for new, _ in changes:
                got.append(new)  # it ends with an error
    assert got == ["a", "b"]


async def test_the_last_thing_observed_is_its_end(autojump_clock: trio.abc.Clock) -> None:
    """A second destroy is observed no more."""
    log: list[Observation] = []
    system = System(work_module(forever))
    system.observe(log.append)
    await system.destroy()
    await system.destroy()
    assert [one.type for one in log] == ["system.destroy"]
