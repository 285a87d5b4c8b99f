"""Checks of what a program hands over. Each error says what it was for, what is expected, and what came.

Declarations raise `DefinitionError`; whoever calls a system wrongly gets the ``error`` that the caller names.
"""

from collections.abc import Callable
from typing import NoReturn, TypeAlias

from directive_trio._definitions.callables import name_of, unlike_sync
from directive_trio._definitions.printing import spelt
from directive_trio.errors import DefinitionError, UsageError

Refusal: TypeAlias = type[DefinitionError] | type[UsageError]

NUMBERS = (int, float)  # as a union it would be made anew for each look


def refuse(what: str, expected: str, value: object, error: Refusal = DefinitionError, advice: str = "") -> NoReturn:
    """Raise the sentence that every check raises."""
    came = f"the class {value.__name__}" if isinstance(value, type) else spelt(value)
    raise error(f"{what} expects {expected}, got {came}{advice and f'; {advice}'}")


def check_instance(
    what: str,
    value: object,
    kind: type | tuple[type, ...],
    expected: str,
    error: Refusal = DefinitionError,
) -> None:
    """Refuse what is no instance of *kind*."""
    if not isinstance(value, kind):
        refuse(what, expected, value, error)


def check_text(what: str, value: object) -> None:
    """Refuse what is no string."""
    check_instance(what, value, str, "a string")


def check_flag(what: str, value: object, error: Refusal = DefinitionError) -> None:
    """Refuse what is neither True nor False."""
    check_instance(what, value, bool, "True or False", error)


def check_word(what: str, value: object, words: tuple[str, ...]) -> None:
    """Refuse what is none of *words*."""
    if not isinstance(value, str) or value not in words:
        refuse(what, f"one of {', '.join(words)}", value)


def check_whole(what: str, value: object, expected: str = "a whole number") -> None:
    """Refuse what is no int; True is none."""
    if not isinstance(value, int) or isinstance(value, bool):
        refuse(what, expected, value)


def check_count(what: str, value: object, of: str = "") -> None:
    """Refuse what is no int of 1 or more."""
    expected = f"a whole number, at least 1{of}"
    check_whole(what, value, expected)
    check_between(what, value, 1, float("inf"), expected)


def check_between(
    what: str, value: object, low: float, high: float, expected: str, error: Refusal = DefinitionError
) -> None:
    """Refuse what is no number from *low* to *high*. NaN is in no range, True is no number."""
    if not isinstance(value, NUMBERS) or isinstance(value, bool) or not low <= value <= high:
        refuse(what, expected, value, error)


def check_duration(what: str, value: object, error: Refusal = DefinitionError) -> None:
    """Refuse what is no time in seconds; 0 is one."""
    check_between(what, value, 0, float("inf"), "a duration in seconds, not negative", error)


def check_time_limit(what: str, value: object) -> None:
    """Refuse what is no time in seconds within which anything could happen."""
    expected = "a duration in seconds, greater than 0"
    check_between(what, value, 0, float("inf"), expected)
    if value == 0:
        refuse(what, expected, value)


def check_function(what: str, value: object, *, may_yield: bool = False) -> None:
    """Refuse what cannot be called, and what gives a generator when it is called."""
    if not callable(value):
        refuse(what, "a function", value)
    _refuse_unlike(what, "a function", value, ("async", "a generator function") if may_yield else ("async",))


def check_sync_function(what: str, value: object, error: Refusal = DefinitionError, *, expected: str = "") -> None:
    """Refuse what cannot be called, and what, called, only gives something to await or to iterate over."""
    expected = expected or "a sync function"
    if not callable(value):
        refuse(what, expected, value, error)
    _refuse_unlike(what, expected, value, (), error)


def _refuse_unlike(
    what: str,
    expected: str,
    value: Callable[..., object],
    fine: tuple[str, ...],
    error: Refusal = DefinitionError,
) -> None:
    unlike = unlike_sync(value)
    if unlike and unlike not in fine:
        raise error(f"{what} expects {expected}, got {name_of(value)!r}, which is {unlike}")
