"""`every`: an even rhythm that does not drift, and what becomes of the beats that were missed."""

import math

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from directive_trio.errors import DefinitionError
from directive_trio_timer import Beat, Missed, every
from directive_trio_timer._beat import next_beat


async def beats_with_work(missed: Missed, *work: float) -> list[tuple[float, Beat]]:
    """The beats of a period of 1 whose loop works so long after each, with the moment each came at."""
    seen: list[tuple[float, Beat]] = []
    async for beat in every(1.0, missed=missed):
        seen.append((trio.current_time(), beat))
        if len(seen) > len(work):
            break
        await trio.sleep(work[len(seen) - 1])
    return seen


async def test_beats_come_one_period_apart_whatever_the_loop_does_between_them(autojump_clock: MockClock) -> None:
    """Work that takes less than a period shifts nothing."""
    assert await beats_with_work("skip", 0.9, 0.2, 0.5) == [
        (1.0, Beat(1, 1.0)),
        (2.0, Beat(2, 2.0)),
        (3.0, Beat(3, 3.0)),
        (4.0, Beat(4, 4.0)),
    ]


async def test_skip_goes_on_with_the_next_beat_in_time(autojump_clock: MockClock) -> None:
    """What was missed is only counted."""
    assert await beats_with_work("skip", 2.5) == [(1.0, Beat(1, 1.0)), (4.0, Beat(4, 4.0, missed=2))]


async def test_coalesce_makes_up_for_all_with_one_beat_at_once(autojump_clock: MockClock) -> None:
    """Then the rhythm goes on as if nothing had happened."""
    assert await beats_with_work("coalesce", 2.5, 0) == [
        (1.0, Beat(1, 1.0)),
        (3.5, Beat(3, 3.0, missed=1)),
        (4.0, Beat(4, 4.0)),
    ]


async def test_catch_up_makes_up_for_each(autojump_clock: MockClock) -> None:
    """Without waiting, until it is level again."""
    assert await beats_with_work("catch_up", 2.5, 0, 0) == [
        (1.0, Beat(1, 1.0)),
        (3.5, Beat(2, 2.0)),
        (3.5, Beat(3, 3.0)),
        (4.0, Beat(4, 4.0)),
    ]


@pytest.mark.parametrize("missed", ["skip", "coalesce", "catch_up"])
async def test_a_beat_that_falls_due_as_the_work_ends_is_not_missed(missed: Missed, autojump_clock: MockClock) -> None:
    """Whoever asks at the very moment is in time."""
    assert await beats_with_work(missed, 1.0) == [(1.0, Beat(1, 1.0)), (2.0, Beat(2, 2.0))]


async def test_ten_thousand_beats_do_not_drift(autojump_clock: MockClock) -> None:
    """A period that no float holds exactly adds up to nothing."""
    start = trio.current_time()
    async for beat in every(0.1):
        if beat.number == 10_000:
            break
    assert trio.current_time() == start + 10_000 * 0.1


async def test_cancelling_the_wait_loses_no_beat(autojump_clock: MockClock) -> None:
    """Whoever goes on with the same loop gets the beat that was waited for."""
    rhythm = aiter(every(1.0))
    with trio.move_on_after(0.5):
        await anext(rhythm)
    assert await anext(rhythm) == Beat(1, 1.0)


async def test_each_loop_has_a_rhythm_of_its_own(autojump_clock: MockClock) -> None:
    """It starts with the loop, not when the object is made."""
    clock = every(1.0)
    await trio.sleep(0.25)
    async for beat in aiter(clock):
        assert beat.due == 1.25
        break


async def test_a_late_beat_is_a_checkpoint_too(autojump_clock: MockClock) -> None:
    """Catching up lets others run, and can be cancelled."""
    rhythm = aiter(every(1.0, missed="catch_up"))
    await trio.sleep(5)
    with trio.testing.assert_checkpoints():
        await anext(rhythm)


@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf])
def test_a_period_that_is_none_is_refused(seconds: float) -> None:
    """Before anything runs."""
    with pytest.raises(DefinitionError, match="must be a number of seconds above 0"):
        every(seconds)


def test_a_policy_that_is_none_is_refused() -> None:
    """The message names those there are."""
    with pytest.raises(DefinitionError, match="missed='all' is none of skip, coalesce, catch_up"):
        every(1, missed="all")  # type: ignore[arg-type]


@given(
    start=st.floats(0, 1e9),
    seconds=st.floats(1e-3, 1e6),
    last=st.integers(0, 1000),
    late=st.floats(0, 1e7),
    missed=st.sampled_from(["skip", "coalesce", "catch_up"]),
)
def test_beats_are_always_on_the_grid_and_in_order(
    start: float, seconds: float, last: int, late: float, missed: Missed
) -> None:
    """However late somebody asks: after the last one, on the grid, skip never in the past, coalesce never early."""
    now = start + last * seconds + late
    beat = next_beat(start, seconds, last, now, missed)
    assert beat.number == last + 1 + beat.missed
    assert beat.due == start + beat.number * seconds
    if missed == "skip":
        assert beat.due >= now
    if missed == "coalesce" and beat.missed:
        assert beat.due <= now < start + (beat.number + 1) * seconds


def test_right_at_a_beat_that_beat_is_the_latest() -> None:
    """Where the quotient is rounded to the one beside it, too."""
    moments = [(number, 0.0 + number * 0.1) for number in range(1, 2000)]
    found = [next_beat(0.0, 0.1, 0, now, "coalesce") for _, now in moments]
    assert [(beat.number, beat.due) for beat in found] == moments
