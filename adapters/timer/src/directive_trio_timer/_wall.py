"""The clock on the wall: moments of the calendar, and waiting for them.

The trio clock counts seconds since nobody knows when; a moment that must survive the process is one of the wall clock.
That one is set, is put right, and goes on while the machine sleeps. So a wait for a moment looks at it again and again.
"""

import math
import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

import trio

from directive_trio.errors import DefinitionError

WallClock: TypeAlias = Callable[[], float]
"""Answers the seconds since 1970, UTC."""

LOOK_AGAIN = 60.0
"""The wall clock is looked at every so many seconds while somebody waits for it."""

CORRECTION = 3 * 3600.0
"""By how many seconds a clock must be put back for the calendar to begin anew there: it was wrong before."""

wall_clock: WallClock = time.time


def seconds_of(moment: object) -> float:
    """Return a moment as seconds since 1970.

    Raises:
        DefinitionError: A `datetime` without a time zone names no moment, nor does NaN, nor what is no number.
    """
    if not isinstance(moment, datetime):
        if not isinstance(moment, int | float) or isinstance(moment, bool) or math.isnan(moment):
            raise DefinitionError(f"{moment!r} is no moment")
        return float(moment)
    if moment.tzinfo is None:
        raise DefinitionError(f"{moment!r} has no time zone; write datetime(..., tzinfo=UTC), or moment.astimezone()")
    return moment.timestamp()


async def sleep_until(moment: float, clock: WallClock = wall_clock) -> None:
    """Wait until the wall clock shows *moment*, or a later one.

    Cancellation:
        A checkpoint on every call.
    """
    await trio.lowlevel.checkpoint()
    while (rest := moment - clock()) > 0:  # noqa: ASYNC110  # the wall clock wakes nobody
        await trio.sleep(min(rest, LOOK_AGAIN))
