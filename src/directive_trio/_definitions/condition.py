"""Conditions as data: the ``when`` of a constraint, printable and serialisable.

A condition maps names of facts or derivations to values or to matches. It holds when every name's value
fits. Names are checked when the system is made; here only values are compared.
"""

from collections.abc import Iterable, Mapping
from typing import final

from attrs import frozen


class Match:
    """What a value is compared with when equality is not enough."""

    __slots__ = ()

    def fits(self, value: object) -> bool:
        """Say whether *value* is one this match asks for."""
        raise NotImplementedError


def fits(expected: object, value: object) -> bool:
    """Compare *value* with a match or, for anything else, by equality."""
    return expected.fits(value) if isinstance(expected, Match) else bool(expected == value)


@final
@frozen
class OneOf(Match):
    values: tuple[object, ...]

    def fits(self, value: object) -> bool:
        return any(value == candidate for candidate in self.values)

    def __str__(self) -> str:
        return f"one_of({_listed(self.values)})"


@final
@frozen
class Above(Match):
    value: float

    def fits(self, value: object) -> bool:
        return bool(value > self.value)  # type: ignore[operator]  # a wrong type is the constraint's error

    def __str__(self) -> str:
        return f"above({self.value!r})"


@final
@frozen
class Below(Match):
    value: float

    def fits(self, value: object) -> bool:
        return bool(value < self.value)  # type: ignore[operator]  # a wrong type is the constraint's error

    def __str__(self) -> str:
        return f"below({self.value!r})"


@final
@frozen
class AnyOf(Match):
    matches: tuple[object, ...]

    def fits(self, value: object) -> bool:
        return any(fits(match, value) for match in self.matches)

    def __str__(self) -> str:
        return f"any_of({_listed(self.matches)})"


@final
@frozen
class Not(Match):
    match: object

    def fits(self, value: object) -> bool:
        return not fits(self.match, value)

    def __str__(self) -> str:
        return f"not_({_shown(self.match)})"


def one_of(*values: object) -> Match:
    """Match a value that equals one of *values*.

    Example:
        >>> print(one_of("", "guest"))
        one_of('', 'guest')
    """
    return OneOf(values)


def above(value: float) -> Match:
    """Match a value greater than *value*."""
    return Above(value)


def below(value: float) -> Match:
    """Match a value less than *value*."""
    return Below(value)


def any_of(*matches: object) -> Match:
    """Match a value that fits at least one of *matches* (values or matches)."""
    return AnyOf(matches)


def not_(match: object) -> Match:
    """Match a value that does not fit *match* (a value or a match)."""
    return Not(match)


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
