"""R10: at whatever step of whatever task a program is ended, nothing is left, nothing is lost, nothing has two ends.

An instrument counts the steps of all tasks and ends the program at the n-th, for every n there is. What trio leaves
to chance, the order of tasks within a tick, is drawn for each n from a seed of its own.
"""

import random
from collections.abc import Awaitable, Callable, Iterator

import pytest
import trio
from trio.testing import MockClock

from directive_trio import System, open_system
from directive_trio.errors import LifecycleError
from directive_trio.observe import (
    ResolverCancel,
    ResolverComplete,
    ResolverError,
    ResolverStart,
    SourceAttach,
    SourceDetach,
)
from tests.behaviours.city import City
from tests.behaviours.worker import all_tasks

MANY = 10_000
"""More steps than the program takes."""

Watch = Callable[[System], None]


class AtStep(trio.abc.Instrument):
    """Does something before the n-th step of any task."""

    def __init__(self, step: int, act: Callable[[], None]) -> None:
        self.left = step
        self.act = act

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.left -= 1
        if self.left == 0:
            self.act()


# -- where it lives ------------------------------------------------------------------------------------


async def in_a_block(city: City, host: trio.Nursery, watch: Watch) -> None:
    """The main road."""
    async with open_system(city.module, errors=city.boundary()) as system:
        system.observe(city.log.append)
        watch(system)
        await city.live(system)


async def in_a_task(city: City, host: trio.Nursery, watch: Watch) -> None:
    """`System.run`."""
    system = System(city.module, errors=city.boundary())
    system.observe(city.log.append)
    watch(system)
    await host.start(system.run)
    await city.live(system)
    await system.stop_async()


async def in_a_nursery(city: City, host: trio.Nursery, watch: Watch) -> None:
    """`System.start`, in the nursery of the host."""
    system = System(city.module, errors=city.boundary())
    system.observe(city.log.append)
    watch(system)
    system.start(host)
    await city.live(system)
    await system.stop_async()


# -- how it ends ---------------------------------------------------------------------------------------


def cancel(system: System, host: trio.Nursery, outside: trio.Nursery) -> None:
    """The host is cancelled."""
    host.cancel_scope.cancel()


def stop(system: System, host: trio.Nursery, outside: trio.Nursery) -> None:
    """Whoever runs just then says stop."""
    try:
        system.stop()
    except LifecycleError:
        assert system.state in {"new", "destroyed"}


def fail(system: System, host: trio.Nursery, outside: trio.Nursery) -> None:
    """A task beside it raises."""

    async def do() -> None:
        raise KeyError

    host.start_soon(do)


def evict(system: System, host: trio.Nursery, outside: trio.Nursery) -> None:
    """A task of somebody else ends it for good."""

    async def do() -> None:
        assert (await system.evict()).clean
        assert system.state == "destroyed"

    outside.start_soon(do)


async def live_and_end(
    home: Callable[[City, trio.Nursery, Watch], Awaitable[None]],
    end: Callable[[System, trio.Nursery, trio.Nursery], None],
    city: City,
    step: int,
) -> int:
    """Let the program live until it is ended at a step; return how many are left."""
    instruments: list[AtStep] = []
    before = all_tasks()
    async with trio.open_nursery() as outside:
        try:
            async with trio.open_nursery() as host:

                def watch(system: System) -> None:
                    instruments.append(AtStep(step, lambda: end(system, host, outside)))
                    trio.lowlevel.add_instrument(instruments[0])

                try:
                    await home(city, host, watch)
                finally:
                    trio.lowlevel.remove_instrument(instruments[0])
        except* LifecycleError:
            assert end in {stop, evict}
        except* KeyError:
            assert end is fail
    assert all_tasks() == before
    return instruments[0].left


# -- what must be so -----------------------------------------------------------------------------------


def check(city: City) -> None:
    """One end for each beginning, and every error has been told."""
    assert city.begun == city.ended
    assert city.ids(ResolverStart) == city.ids(ResolverComplete, ResolverError, ResolverCancel)
    assert city.ids(SourceAttach) <= city.ids(SourceDetach)  # one that fails before it is attached ends too
    assert [seen.seq for seen in city.log] == list(range(city.log[0].seq, city.log[0].seq + len(city.log)))
    told = {id(error) for error in leaves([*city.reported, *city.errors()])}
    assert [error for error in city.raised if id(error) not in told] == []


def leaves(errors: list[BaseException]) -> Iterator[BaseException]:
    """Everything in a group, and what was the cause of each."""
    for error in errors:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves([*error.exceptions])
        else:
            yield error
            yield from leaves([error.__cause__] if error.__cause__ is not None else [])


@pytest.mark.parametrize("spoilt", [False, True], ids=["plain", "spoilt"])
@pytest.mark.parametrize("end", [cancel, stop, fail, evict])
@pytest.mark.parametrize("home", [in_a_block, in_a_task, in_a_nursery])
def test_it_ends_whole(
    home: Callable[[City, trio.Nursery, Watch], Awaitable[None]],
    end: Callable[[System, trio.Nursery, trio.Nursery], None],
    spoilt: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At each step in turn, until it takes fewer."""
    for step in range(1, MANY):
        monkeypatch.setattr("trio._core._run._r", random.Random(step))
        city = City(spoilt=spoilt)
        left = trio.run(live_and_end, home, end, city, step, clock=MockClock(autojump_threshold=0))
        check(city)
        if left > 0:
            break
    assert 100 < step < MANY - 1
