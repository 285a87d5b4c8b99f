"""Alarms: moments that stand in a fact, and so survive whatever the facts survive."""

import math
from datetime import timedelta

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from adapters.timer.tests.program import NOON, JumpingClock, Tick, TickFacts, tick_module
from directive_trio import ErrorBoundary, Module, open_system
from directive_trio_timer import Missed, WallClock, add_alarm
from directive_trio_timer.testing import wall_clock_from

START = NOON.timestamp()


def alarm_module(clock: WallClock, *, keep: bool = False, missed: Missed = "coalesce") -> Module[TickFacts]:
    """A module whose fact ``due`` is an alarm."""
    module = tick_module()
    add_alarm(module, "due", Tick(1), keep=keep, missed=missed, clock=clock)
    return module


@pytest.mark.parametrize("keep", [False, True])
async def test_an_alarm_comes_true_once_and_is_cleared(keep: bool, autojump_clock: MockClock) -> None:
    """Writing the fact sets it; what would become of it at an eviction makes no difference."""
    module = alarm_module(wall_clock_from(NOON), keep=keep)
    async with open_system(module) as system:
        await trio.sleep(100)
        assert system[module].ticks == ()
        system[module].due = START + 130
        await trio.sleep(1000)
        assert system[module].ticks == ((130, 1),)
        assert system[module].due is None


async def test_an_alarm_that_is_moved_comes_true_at_its_new_moment_only(autojump_clock: MockClock) -> None:
    """And one that is taken back does not."""
    module = alarm_module(wall_clock_from(NOON))
    async with open_system(module) as system:
        system[module].due = START + 50
        await trio.sleep(10)
        system[module].due = START + 70
        await trio.sleep(50)
        assert system[module].ticks == ()
        await trio.sleep(50)
        assert system[module].ticks == ((70, 1),)
        system[module].due = START + 200
        await trio.sleep(10)
        system[module].due = None
        await trio.sleep(1000)
        assert system[module].ticks == ((70, 1),)


async def test_what_is_no_moment_does_not_come_true(autojump_clock: MockClock) -> None:
    """The source fails, and says what stands in the fact; the next moment is an alarm again."""
    errors: list[str] = []
    module = alarm_module(wall_clock_from(NOON))
    boundary = ErrorBoundary(on_error=lambda error, _: errors.append(str(error)))
    async with open_system(module, errors=boundary) as system:
        system[module].due = math.nan
        await trio.sleep(100)
        assert system[module].ticks == ()
        assert errors == ["nan is no moment"]
        system[module].due = START + 150
        await trio.sleep(100)
        assert system[module].ticks == ((150, 1),)


async def test_a_handler_may_set_the_alarm_again(autojump_clock: MockClock) -> None:
    """It is cleared before the event is handled, so the new moment stays; in whatever order they were declared."""
    clock = wall_clock_from(NOON)
    module = tick_module()

    @module.on(Tick)
    def again(facts: TickFacts, event: Tick) -> None:
        facts.due = clock() + 60

    add_alarm(module, "due", Tick(1), clock=clock)
    async with open_system(module, initial={"ticks": {"due": START + 60}}) as system:
        await trio.sleep(200)
        assert [moment for moment, _ in system[module].ticks] == [60, 120, 180]


async def test_an_alarm_comes_true_in_another_process(autojump_clock: MockClock) -> None:
    """What is kept is the moment, not what is left of the wait."""
    clock = wall_clock_from(NOON)
    first, second = alarm_module(clock), alarm_module(clock)
    async with open_system(first) as system:
        system[first].due = START + 100
        await trio.sleep(30)
        kept = system[first].due
    await trio.sleep(20)
    async with open_system(second, initial={"ticks": {"due": kept}}) as system:
        await trio.sleep(100)
        assert system[second].ticks == ((100, 1),)


@pytest.mark.parametrize(("missed", "ticks"), [("skip", ()), ("coalesce", ((0, 1),)), ("catch_up", ((0, 1),))], ids=str)
async def test_an_alarm_that_passed_while_nobody_waited(
    missed: Missed, ticks: tuple[object, ...], autojump_clock: MockClock
) -> None:
    """Comes true at once, unless it is to be skipped; it is cleared in either case."""
    module = alarm_module(wall_clock_from(NOON), missed=missed)
    async with open_system(module, initial={"ticks": {"due": START - 5}}) as system:
        await wait_all_tasks_blocked()
        assert system[module].ticks == ticks
        assert system[module].due is None


async def test_two_alarms_of_two_modules_do_not_clear_each_other(autojump_clock: MockClock) -> None:
    """Though both have the same moment and the same event."""
    clock = wall_clock_from(NOON)
    one = alarm_module(clock)
    two = Module("two", TickFacts)
    add_alarm(two, "due", Tick(2), clock=clock)
    async with open_system(one, two) as system:
        system[one].due = START + 10
        system[two].due = START + 20
        await trio.sleep(15)
        assert (system[one].due, system[two].due) == (None, START + 20)
        await trio.sleep(15)
        assert [number for _, number in system[one].ticks] == [1, 2]


async def test_a_clock_that_is_put_forward_brings_the_alarm(autojump_clock: MockClock) -> None:
    """Within a minute."""
    clock = JumpingClock()
    module = alarm_module(clock)
    async with open_system(module) as system:
        system[module].due = (NOON + timedelta(days=1)).timestamp()
        await trio.sleep(30)
        clock.ahead = 2 * 86_400
        await trio.sleep(60)
        assert system[module].ticks == ((60, 1),)


@pytest.mark.parametrize(("keep", "due"), [(False, None), (True, START + 500)])
async def test_an_eviction_clears_the_alarm_unless_it_is_to_be_kept(
    keep: bool, due: float | None, autojump_clock: MockClock
) -> None:
    """What is left in the facts is what comes true elsewhere."""
    module = alarm_module(wall_clock_from(NOON), keep=keep)
    async with open_system(module) as system:
        system[module].due = START + 500
        await trio.sleep(1)
        report = await system.evict(trio.current_time() + 5)
        assert report.clean
        assert (system[module].due, system[module].ticks) == (due, ())


@pytest.mark.parametrize("repeat", range(8))
async def test_an_eviction_clears_an_alarm_that_was_just_set_too(repeat: int, autojump_clock: MockClock) -> None:
    """Nobody waits for it yet, but it stands in the facts."""
    module = alarm_module(wall_clock_from(NOON))
    async with open_system(module) as system:
        await trio.sleep(1)
        system[module].due = START + 500
        assert (await system.evict(trio.current_time() + 5)).clean
        assert system[module].due is None
