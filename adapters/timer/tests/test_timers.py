"""Stopwatch, countdown and repeat timer: facts that tell how the time stands."""

from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from adapters.timer.tests.program import NOON, JumpingClock
from directive_trio import Record, open_system
from directive_trio.errors import DefinitionError
from directive_trio_timer import Countdown, CountdownFacts, RepeatTimer, RepeatTimerFacts, Stopwatch
from directive_trio_timer.testing import wall_clock_from


async def test_a_stopwatch_counts_while_it_runs(autojump_clock: MockClock) -> None:
    """It shows full periods while it runs, and exactly what passed when it stands."""
    watch = Stopwatch("watch", clock=wall_clock_from(NOON))
    async with open_system(watch.module) as system:
        facts = system[watch.module]
        await trio.sleep(10)
        assert (facts.running, facts.elapsed) == (False, 0)
        system.dispatch(watch.start())
        await trio.sleep(2.75)
        assert (facts.running, facts.elapsed) == (True, 2)
        system.dispatch(watch.pause())
        assert (facts.running, facts.elapsed) == (False, 2.75)
        await trio.sleep(10)
        system.dispatch(watch.start())
        await trio.sleep(0.5)
        assert facts.elapsed == 3
        system.dispatch(watch.reset())
        assert (facts.running, facts.elapsed) == (True, 0)
        await trio.sleep(1.5)
        assert facts.elapsed == 1


@pytest.mark.parametrize(("ask", "stands"), [(Stopwatch.pause, (False, 3)), (Stopwatch.reset, (True, 0))])
async def test_a_tick_of_the_same_moment_takes_nothing_back(
    ask: Callable[[Stopwatch], Record], stands: tuple[bool, float], autojump_clock: MockClock
) -> None:
    """It waits for the next pass, and is about a time that is over by then."""
    watch = Stopwatch("watch", clock=wall_clock_from(NOON))
    async with open_system(watch.module) as system:
        facts = system[watch.module]
        system.dispatch(watch.start())
        await wait_all_tasks_blocked()
        await trio.sleep(3)
        system.dispatch(ask(watch))
        assert (facts.running, facts.elapsed) == stands
        await trio.sleep(0.5)
        assert (facts.running, facts.elapsed) == stands


async def test_what_is_asked_twice_happens_once(autojump_clock: MockClock) -> None:
    """Starting what runs and pausing what stands change nothing."""
    watch = Stopwatch("watch", clock=wall_clock_from(NOON))
    async with open_system(watch.module) as system:
        facts = system[watch.module]
        system.dispatch(watch.pause())
        system.dispatch(watch.start())
        await trio.sleep(1.5)
        system.dispatch(watch.start())
        await trio.sleep(1)
        assert facts.elapsed == 2
        system.dispatch(watch.pause())
        system.dispatch(watch.pause())
        system.dispatch(watch.reset())
        assert (facts.running, facts.elapsed) == (False, 0)


async def test_a_countdown_finishes_exactly(autojump_clock: MockClock) -> None:
    """Also where its length is no multiple of the tick, and no float holds it."""
    egg = Countdown("egg", 3.3, clock=wall_clock_from(NOON))
    async with open_system(egg.module) as system:
        facts = system[egg.module]
        system.dispatch(egg.start())
        await trio.sleep(3.25)
        assert (facts.elapsed, facts.finished) == (3, False)
        assert facts.remaining == pytest.approx(0.3)
        await trio.sleep(0.05 + 1e-6)
        assert (facts.remaining, facts.finished, facts.running) == (0, True, False)
        await trio.sleep(10)
        assert facts.elapsed == 3.3
        system.dispatch(egg.start())
        await trio.sleep(1.5)
        assert (facts.elapsed, facts.running) == (1, True)


async def test_a_countdown_that_is_paused_keeps_what_remains(autojump_clock: MockClock) -> None:
    """And cannot fall below nothing, however late the pause is told."""
    egg = Countdown("egg", 5, clock=wall_clock_from(NOON))
    async with open_system(egg.module) as system:
        facts = system[egg.module]
        system.dispatch(egg.start())
        await trio.sleep(2.5)
        system.dispatch(egg.pause())
        await trio.sleep(100)
        assert facts.remaining == 2.5
        system.dispatch(egg.start())
        system.dispatch("egg::PauseTimer", {"timer": "egg", "moment": NOON.timestamp() + 1e6})
        assert (facts.remaining, facts.finished) == (0, True)


async def test_a_repeat_timer_comes_round(autojump_clock: MockClock) -> None:
    """It counts its rounds; with a tick of its own it shows what remains of this one."""
    lap = RepeatTimer("lap", 0.1, clock=wall_clock_from(NOON))
    breath = RepeatTimer("breath", 4, every=1, clock=wall_clock_from(NOON))
    async with open_system(lap.module, breath.module) as system:
        system.dispatch(lap.start())
        system.dispatch(breath.start())
        await trio.sleep(10.05)
        assert system[lap.module].rounds == 100
        assert (system[breath.module].rounds, system[breath.module].remaining) == (2, 2)


async def test_a_machine_that_slept_gets_one_tick_for_all(autojump_clock: MockClock) -> None:
    """The time it slept counts."""
    clock = JumpingClock()
    watch = Stopwatch("watch", clock=clock)
    async with open_system(watch.module) as system:
        system.dispatch(watch.start())
        await trio.sleep(2.5)
        clock.ahead = 100
        await trio.sleep(0.75)
        assert system[watch.module].elapsed == 103


async def test_a_timer_goes_on_in_another_process(autojump_clock: MockClock) -> None:
    """What is kept is when it was set going; what passed meanwhile counts."""
    clock = wall_clock_from(NOON)
    first, second = Countdown("egg", 60, clock=clock), Countdown("egg", 60, clock=clock)
    async with open_system(first.module) as system:
        system.dispatch(first.start())
        await trio.sleep(10.5)
        facts = system[first.module]
        kept = {
            "running": facts.running,
            "elapsed": facts.elapsed,
            "started_at": facts.started_at,
            "started_with": facts.started_with,
        }
    await trio.sleep(20)
    async with open_system(second.module, initial={"egg": kept}) as system:
        await wait_all_tasks_blocked()
        assert system[second.module].remaining == 30
        await trio.sleep(30)
        assert system[second.module].finished


async def test_a_reset_that_meets_another_timer_leaves_it_alone(autojump_clock: MockClock) -> None:
    """Events name the timer they mean."""
    clock = wall_clock_from(NOON)
    one, two = Stopwatch("one", clock=clock), Stopwatch("two", clock=clock)
    async with open_system(one.module, two.module) as system:
        system.dispatch(one.start())
        await trio.sleep(1.5)
        system.dispatch(two.start())
        system.dispatch(two.reset())
        await trio.sleep(1.25)
        assert (system[one.module].elapsed, system[two.module].elapsed) == (2, 1)


def test_derivations_need_no_system() -> None:
    """They are properties of plain facts."""
    assert CountdownFacts(elapsed=3, seconds=10).remaining == 7
    assert RepeatTimerFacts(elapsed=0.1 * 3, seconds=0.1).rounds == 3


@pytest.mark.parametrize(
    "make", [lambda: Countdown("x", 0), lambda: RepeatTimer("x", -1), lambda: Stopwatch("x", every=0)]
)
def test_a_length_that_is_none_is_refused(make: object) -> None:
    """Before anything runs."""
    with pytest.raises(DefinitionError, match="must be a number of seconds above 0"):
        make()  # type: ignore[operator]
