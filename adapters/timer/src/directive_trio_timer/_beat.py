"""When the next beat of an even rhythm is due, and which beats were missed. Pure: time is an argument.

Beat number n is due n periods after the start. It is computed from the start each time, never from the beat before, so
that nothing drifts: neither by slow work between two beats nor by adding up rounding errors.
"""

import math
from typing import Literal, TypeAlias, get_args

from attrs import frozen

from directive_trio.errors import DefinitionError

Missed: TypeAlias = Literal["skip", "coalesce", "catch_up"]
"""What becomes of beats that came due while nobody was waiting for them.

``skip``: nothing, the next one is the next in time. ``coalesce``: they become one, at once, that says how many it
stands for. ``catch_up``: each is made up for, one after the other without waiting.
"""


@frozen
class Beat:
    """One beat.

    Args:
        number: 1 for the first; beats that are passed over count.
        due: The moment it was due at.
        missed: How many before it were passed over.
    """

    number: int
    due: float
    missed: int = 0


def check_missed(missed: object) -> None:
    """Refuse what is no policy.

    Raises:
        DefinitionError: Names those there are.
    """
    if missed not in get_args(Missed):
        raise DefinitionError(f"missed={missed!r} is none of {', '.join(get_args(Missed))}")


def check_period(option: str, seconds: object, *, for_ever: bool = False) -> None:
    """Refuse a period that passes at once, or never if that may not be; NaN and True are none.

    Raises:
        DefinitionError: Says what it must be.
    """
    takes_time = isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0
    if not takes_time or (seconds == math.inf and not for_ever):
        raise DefinitionError(f"{option}={seconds!r} must be a number of seconds above 0")


def check_function(option: str, function: object) -> None:
    """Refuse what cannot be called.

    Raises:
        DefinitionError: Says so.
    """
    if not callable(function):
        raise DefinitionError(f"{option}={function!r} must be a function")


def next_beat(start: float, seconds: float, last: int, now: float, missed: Missed) -> Beat:
    """Return the beat after beat number *last* for somebody who asks for it at *now*."""
    number = last + 1
    due = start + number * seconds
    if due >= now or missed == "catch_up":
        return Beat(number, due)
    latest = _latest(start, seconds, now)
    chosen = latest if missed == "coalesce" else latest + (start + latest * seconds < now)
    return Beat(chosen, start + chosen * seconds, chosen - number)


def _latest(start: float, seconds: float, now: float) -> int:
    """Return the number of the last beat due at *now* or before, as the beats themselves are computed."""
    number = math.floor((now - start) / seconds)
    # The quotient is rounded: right at a beat it may name the one beside it.
    if start + (number + 1) * seconds <= now:
        return number + 1
    return number - (start + number * seconds > now)
