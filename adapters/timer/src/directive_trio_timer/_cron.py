"""Moments of the calendar, by a cron expression."""

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from itertools import chain

from cronsim import CronSim, CronSimError

from directive_trio.errors import DefinitionError
from directive_trio_timer._beat import Beat, Missed


def check_cron(expression: object) -> None:
    """Refuse what is no expression, and one that never comes true.

    Raises:
        DefinitionError: Shows the expression, and what is wrong with it.
    """
    if not isinstance(expression, str):
        raise DefinitionError(f"cron({expression!r}) must be text")
    try:
        next(CronSim(expression, datetime.now(UTC)))
    except CronSimError as error:
        raise DefinitionError(f"cron({expression!r}): {error}") from None
    except StopIteration:
        raise DefinitionError(f"cron({expression!r}) never comes true") from None


def moments_after(expression: str, zone: tzinfo, moment: float) -> Iterator[float]:
    """Return the moments of an expression after one, as the clocks of a time zone show them.

    As Debian's cron has it: what the clocks skip in spring runs at the end of the hour that is missing, and what they
    show twice in autumn runs once.
    """
    return map(datetime.timestamp, CronSim(expression, datetime.fromtimestamp(moment, zone)))


class CronRhythm:
    """The beats of an expression: like those of `every`, on the wall clock."""

    def __init__(self, expression: str, zone: tzinfo, start: float, missed: Missed) -> None:
        self._expression = expression
        self._zone = zone
        self._missed = missed
        self._number = 0
        self.begin_at(start)

    def begin_at(self, moment: float) -> None:
        """Go on from there; the beats are counted on."""
        self._moments = moments_after(self._expression, self._zone, moment)

    def next_beat(self, now: float) -> Beat:
        """Return the next beat for somebody who asks at *now*."""
        passed = 0
        moment = next(self._moments)
        while self._missed != "catch_up" and moment < now:
            following = next(self._moments)
            if self._missed == "coalesce" and following > now:
                self._moments = chain([following], self._moments)
                break
            moment = following
            passed += 1
        self._number += 1 + passed
        return Beat(self._number, moment, passed)
