"""What cannot be is refused where it is declared, with a sentence that names the option."""

import math
import re
from datetime import date
from typing import Any

import pytest

from adapters.timer.tests.program import Tick, tick_module
from directive_trio.errors import DefinitionError
from directive_trio_timer import Beat, Countdown, RepeatTimer, Stopwatch, add_alarm, at, cron, every, poll, repeat
from directive_trio_timer.testing import wall_clock_from


async def fetch() -> Tick:
    """What polling asks."""
    return Tick()


async def make_later(beat: Beat) -> Tick:
    """What would give something to await."""
    return Tick()


@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf, True, "1", None], ids=repr)
@pytest.mark.parametrize(
    ("option", "declare"),
    [
        ("seconds", every),
        ("every", lambda seconds: repeat(Tick(), every=seconds)),
        ("every", lambda seconds: poll(fetch, every=seconds)),
        ("every", lambda seconds: Stopwatch("t", every=seconds)),
        ("seconds", lambda seconds: Countdown("t", seconds)),
        ("seconds", lambda seconds: RepeatTimer("t", seconds)),
    ],
    ids=["every", "repeat", "poll", "stopwatch", "countdown", "repeat timer"],
)
def test_a_period_that_cannot_be_is_refused(option: str, declare: Any, seconds: object) -> None:
    """Also what Python would take for a number, and for ever."""
    with pytest.raises(DefinitionError, match=f"^{option}={re.escape(repr(seconds))} must be a number of seconds"):
        declare(seconds)


@pytest.mark.parametrize("timeout", [0, math.nan, True, "1", None], ids=repr)
def test_a_timeout_that_cannot_be_is_refused(timeout: Any) -> None:
    """One that never comes is fine."""
    poll(fetch, every=1, timeout=math.inf)
    with pytest.raises(DefinitionError, match=r"timeout=.* must be a number of seconds above 0"):
        poll(fetch, every=1, timeout=timeout)


@pytest.mark.parametrize("moment", [True, "noon", None, date(2026, 1, 1), math.nan], ids=repr)
@pytest.mark.parametrize("take", [lambda moment: at(moment, Tick()), wall_clock_from], ids=["at", "clock"])
def test_what_is_no_moment_is_refused(take: Any, moment: object) -> None:
    """A day is none: it is one in each time zone."""
    with pytest.raises(DefinitionError, match=f"{re.escape(repr(moment))} is no moment"):
        take(moment)


@pytest.mark.parametrize(
    ("declare", "error"),
    [
        (lambda: cron(5, Tick()), r"cron\(5\) must be text"),  # type: ignore[arg-type]
        (lambda: cron("* * * * *", Tick(), zone="Europe/Prague"), r"write ZoneInfo\('Europe/Prague'\)"),  # type: ignore[arg-type]
        (lambda: cron("* * * * *", Tick(), clock=5), "clock=5 must be a function"),  # type: ignore[arg-type]
        (lambda: cron("* * * * *", make_later), "event=make_later must be an event"),  # type: ignore[arg-type]
        (lambda: repeat(make_later, every=1), "event=make_later must be an event"),  # type: ignore[arg-type]
        (lambda: at(0, Tick(), clock=5), "clock=5 must be a function"),  # type: ignore[arg-type]
        (lambda: add_alarm(tick_module(), "due", Tick(), clock=5), "clock=5 must be a function"),  # type: ignore[arg-type]
        (lambda: Stopwatch("t", clock=5), "clock=5 must be a function"),  # type: ignore[arg-type]
        (lambda: poll(Tick(), every=1), r"fetch=Tick\(number=0\) must be a function"),  # type: ignore[arg-type]
        (lambda: every(1, missed=[]), r"missed=\[\] is none of"),  # type: ignore[arg-type]
    ],
)
def test_what_is_of_another_kind_is_refused(declare: Any, error: str) -> None:
    """Else it would be noticed at the first beat, or never."""
    with pytest.raises(DefinitionError, match=error):
        declare()
