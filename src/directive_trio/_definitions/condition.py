"""Conditions as data: the ``when`` of a constraint, printable and serialisable.

A condition maps names of facts or derivations to values or to matches. It holds when every name's value
fits. Names are checked when the system is made; here only values are compared.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, TypeAlias, final

from attrs import frozen

Word: TypeAlias = Literal["one_of", "above", "below", "any_of", "not_"]


@final
@frozen
class Match:
    """What a value is compared with when equality is not enough: a word, and what it is said of."""

    word: Word
    arguments: tuple[object, ...]

    def fits(self, value: object) -> bool:
        """Say whether *value* is one this match asks for."""
        return _TESTS[self.word](value, *self.arguments)

    def __str__(self) -> str:
        return f"{self.word}({_listed(self.arguments)})"


# Values of a wrong type make a comparison raise; that is the constraint's error.
_TESTS: dict[Word, Callable[..., bool]] = {
    "one_of": lambda value, *candidates: any(value == candidate for candidate in candidates),
    "above": lambda value, bound: bool(value > bound),
    "below": lambda value, bound: bool(value < bound),
    "any_of": lambda value, *matches: any(fits(match, value) for match in matches),
    "not_": lambda value, match: not fits(match, value),
}


def fits(expected: object, value: object) -> bool:
    """Compare *value* with a match or, for anything else, by equality."""
    return expected.fits(value) if isinstance(expected, Match) else bool(expected == value)


def one_of(*values: object) -> Match:
    """Match a value that equals one of *values*.

    Example:
        >>> print(one_of("", "guest"))
        one_of('', 'guest')
    """
    return Match("one_of", values)


def above(value: float) -> Match:
    """Match a value greater than *value*."""
    return Match("above", (value,))


def below(value: float) -> Match:
    """Match a value less than *value*."""
    return Match("below", (value,))


def any_of(*matches: object) -> Match:
    """Match a value that fits at least one of *matches* (values or matches)."""
    return Match("any_of", matches)


def not_(match: object) -> Match:
    """Match a value that does not fit *match* (a value or a match)."""
    return Match("not_", (match,))


def describe(when: Mapping[str, object]) -> str:
    """Print a condition the way it is written: ``status == 'idle' and count above(3)``."""
    return " and ".join(
        f"{name} {expected}" if isinstance(expected, Match) else f"{name} == {expected!r}"
        for name, expected in when.items()
    )


def _listed(values: Iterable[object]) -> str:
    return ", ".join(_shown(value) for value in values)


def _shown(value: object) -> str:
    return str(value) if isinstance(value, Match) else repr(value)
