"""Sources that publish when it is time: in a rhythm, at a moment, by the calendar, and by asking again and again."""

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from adapters.timer.tests.program import NOON, JumpingClock, Tick, open_ticks, ticks_within
from directive_trio.errors import DefinitionError
from directive_trio_timer import Missed, at, cron, poll, repeat, sleep_until
from directive_trio_timer._cron import CronRhythm
from directive_trio_timer.testing import wall_clock_from


async def test_repeat_publishes_in_an_even_rhythm(autojump_clock: MockClock) -> None:
    """The same event each time, or one made from the beat."""
    assert await ticks_within(repeat(Tick(7), every=2), 5) == [(2, 7), (4, 7)]
    assert await ticks_within(repeat(lambda beat: Tick(beat.number), every=0.5), 1.25) == [(5.5, 1), (6, 2)]


async def test_a_system_that_is_started_again_begins_the_rhythm_anew(autojump_clock: MockClock) -> None:
    """Nothing is made up for what passed while it was stopped."""
    async with (
        open_ticks(repeat(lambda beat: Tick(beat.number), every=2, missed="catch_up")) as (system, module, _),
        trio.open_nursery() as nursery,
    ):
        await trio.sleep(3)
        await system.stop_async()
        await trio.sleep(10)
        system.start(nursery)
        await trio.sleep(3)
        assert system[module].ticks == ((2, 1), (15, 1))
        system.stop()


async def test_at_publishes_once_and_is_completed(autojump_clock: MockClock) -> None:
    """At its moment on the wall clock, whatever the clock of trio shows."""
    clock = wall_clock_from(NOON)
    async with open_ticks(at(NOON + timedelta(hours=2), Tick(1), clock=clock)) as (system, module, _):
        await trio.sleep(7199)
        assert system[module].ticks == ()
        await trio.sleep(10_000)
        assert system[module].ticks == ((7200, 1),)
        (source,) = system.inspect().sources
        assert not source.attached


@pytest.mark.parametrize(("missed", "ticks"), [("skip", []), ("coalesce", [(0, 1)]), ("catch_up", [(0, 1)])])
async def test_a_moment_that_has_passed(missed: Missed, ticks: list[object], autojump_clock: MockClock) -> None:
    """Is passed over, unless it is asked for."""
    source = at(NOON.timestamp() - 1, Tick(1), missed=missed, clock=wall_clock_from(NOON))
    assert await ticks_within(source, 5) == ticks


async def test_a_wall_clock_that_is_put_forward_is_noticed_within_a_minute(autojump_clock: MockClock) -> None:
    """As after the machine slept: the clock of trio knows nothing of it."""
    clock = JumpingClock()
    async with open_ticks(at(NOON + timedelta(hours=2), Tick(1), clock=clock)) as (system, module, _):
        await trio.sleep(90)
        clock.ahead = 7200
        await trio.sleep(60)
        assert system[module].ticks == ((120, 1),)


async def test_cron_publishes_by_the_calendar(autojump_clock: MockClock) -> None:
    """On the hour and half past, counted from noon."""
    source = cron("*/30 * * * *", lambda beat: Tick(beat.number), clock=wall_clock_from(NOON))
    assert await ticks_within(source, 5401) == [(1800, 1), (3600, 2), (5400, 3)]


async def test_cron_knows_seconds_too(autojump_clock: MockClock) -> None:
    """With six fields."""
    assert await ticks_within(cron("*/20 * * * * *", Tick(), clock=wall_clock_from(NOON)), 50) == [(20, 0), (40, 0)]


async def test_cron_follows_the_clocks_of_its_zone(autojump_clock: MockClock) -> None:
    """Half past two in Berlin: there was none on 29 March 2026, and there were two on 25 October."""
    berlin = ZoneInfo("Europe/Berlin")
    spring = wall_clock_from(datetime(2026, 3, 28, 12, tzinfo=UTC))
    (first, _), (second, _) = await ticks_within(cron("30 2 * * *", Tick(), zone=berlin, clock=spring), 2 * 86_400)
    begin = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert begin + timedelta(seconds=first) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert begin + timedelta(seconds=second) == datetime(2026, 3, 30, 0, 30, tzinfo=UTC)
    start = trio.current_time()
    begin = datetime(2026, 10, 24, 12, tzinfo=UTC)
    autumn = wall_clock_from(begin - timedelta(seconds=start))
    ticks = await ticks_within(cron("30 2 * * *", Tick(), zone=berlin, clock=autumn), 2 * 86_400)
    assert [begin + timedelta(seconds=moment - start) for moment, _ in ticks] == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 26, 1, 30, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("missed", "beats"),
    [
        ("skip", [(5, 4, 300), (6, 0, 360)]),
        ("coalesce", [(4, 3, 240), (5, 0, 300)]),
        ("catch_up", [(1, 0, 60), (2, 0, 120), (3, 0, 180), (4, 0, 240), (5, 0, 300)]),
    ],
)
def test_moments_that_passed_unseen(missed: Missed, beats: list[tuple[int, int, float]]) -> None:
    """Are passed over, become one, or are made up for."""
    rhythm = CronRhythm("* * * * *", UTC, 0.0, missed)
    found = [rhythm.next_beat(250.0) for _ in beats]
    assert [(beat.number, beat.missed, beat.due) for beat in found] == beats


@pytest.mark.parametrize("missed", ["skip", "coalesce", "catch_up"])
def test_a_moment_that_comes_as_it_is_asked_for_is_not_missed(missed: Missed) -> None:
    """Whoever asks at the very moment is in time."""
    rhythm = CronRhythm("* * * * *", UTC, 0.0, missed)
    assert (rhythm.next_beat(60.0).due, rhythm.next_beat(60.0).due) == (60.0, 120.0)


async def test_a_machine_that_slept_publishes_once_with_coalesce(autojump_clock: MockClock) -> None:
    """The beat says how many moments it stands for."""
    clock = JumpingClock()
    source = cron("* * * * *", lambda beat: Tick(beat.missed), missed="coalesce", clock=clock)
    async with open_ticks(source) as (system, module, _):
        await trio.sleep(61)
        clock.ahead = 3600
        await trio.sleep(61)
        assert system[module].ticks == ((60, 0), (120, 0), (120, 59))


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("* * * *", "Wrong number of fields"),
        ("61 * * * *", "Bad minute"),
        ("0 0 31 2 *", "Bad day-of-month"),
        ("0 0 */40 * 1#3", "never comes true"),
    ],
)
def test_an_expression_that_is_none_is_refused(expression: str, error: str) -> None:
    """Before anything runs; so is one that never comes true."""
    with pytest.raises(DefinitionError, match=error):
        cron(expression, Tick())


def test_a_moment_without_a_zone_is_refused() -> None:
    """It names no moment."""
    with pytest.raises(DefinitionError, match="has no time zone"):
        at(datetime(2026, 1, 1), Tick())  # noqa: DTZ001  # that is what is refused


async def test_waiting_for_a_moment_that_has_passed_is_a_checkpoint(autojump_clock: MockClock) -> None:
    """And returns."""
    with trio.testing.assert_checkpoints():
        await sleep_until(0.0)


async def test_poll_asks_at_once_and_then_after_the_end_of_each_time(autojump_clock: MockClock) -> None:
    """What a fetch takes is not taken off the pause; None is nothing new."""
    answers = iter([Tick(1), None, Tick(3)])

    async def fetch() -> Tick | None:
        await trio.sleep(0.5)
        return next(answers)

    assert await ticks_within(poll(fetch, every=2), 6) == [(0.5, 1), (5.5, 3)]


async def test_a_fetch_that_fails_is_reported_and_polling_goes_on(autojump_clock: MockClock) -> None:
    """The source stays attached."""
    tries = 0

    async def fetch() -> Tick:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError("down")
        if tries == 2:
            await trio.sleep_forever()
        return Tick(tries)

    async with open_ticks(poll(fetch, every=1, timeout=3)) as (system, module, errors):
        await trio.sleep(5.5)
        assert system[module].ticks == ((5, 3),)
        assert [error.split(":")[0] for error in errors] == ["OSError", "TooSlowError"]
        assert system.inspect().sources[0].attached


async def test_a_fetch_that_is_cancelled_is_no_error(autojump_clock: MockClock) -> None:
    """Stopping in the middle of it reports nothing."""
    async with open_ticks(poll(trio.sleep_forever, every=1)) as (system, _, errors):
        await wait_all_tasks_blocked()
        await system.stop_async()
        assert errors == []


async def test_of_several_answers_before_a_pass_only_the_last_counts(autojump_clock: MockClock) -> None:
    """A poll tells how things are, not what happened: it coalesces, unless ``add_source`` says otherwise."""

    async def fetch() -> Tick:
        raise NotImplementedError

    assert poll(fetch, every=1).coalesce == "last_write_wins"


@pytest.mark.parametrize(("every", "timeout"), [(0, 1), (math.nan, 1), (1, 0), (1, math.nan)])
def test_a_pause_or_timeout_that_is_none_is_refused(every: float, timeout: float) -> None:
    """Before anything runs."""
    with pytest.raises(DefinitionError, match="must be a number of seconds above 0"):
        poll(trio.sleep_forever, every=every, timeout=timeout)


@pytest.mark.parametrize(("back", "moments"), [(2 * 3600, [60, 120]), (86_370, [60, 120, 210])])
async def test_a_clock_that_was_wrong_begins_the_calendar_anew(
    back: float, moments: list[float], autojump_clock: MockClock
) -> None:
    """Put back a little, nothing runs twice; put back by a day, nobody waits a day."""
    clock = JumpingClock()
    async with open_ticks(cron("* * * * *", Tick(), clock=clock)) as (system, module, errors):
        await trio.sleep(130)
        clock.ahead = -back
        await trio.sleep(130)
        assert [moment for moment, _ in system[module].ticks] == moments
        assert errors == []


def test_what_is_no_number_is_no_moment() -> None:
    """It would be reached at once."""
    with pytest.raises(DefinitionError, match="nan is no moment"):
        at(math.nan, Tick())
