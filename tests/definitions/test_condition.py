"""Conditions as data: what fits, and how they are printed."""

from typing import Any

import pytest

from directive_trio import Match, above, any_of, below, not_, one_of
from directive_trio._definitions.condition import describe, fits

CASES: list[tuple[Any, list[Any], list[Any], str]] = [
    ("idle", ["idle"], ["busy", None], "'idle'"),
    (True, [True, 1], [False], "True"),
    (one_of("", "guest"), ["", "guest"], ["ann"], "one_of('', 'guest')"),
    (one_of(), [], ["", None], "one_of()"),
    (above(3), [4, 3.5], [3, 2], "above(3)"),
    (below(3), [2], [3, 4], "below(3)"),
    (any_of(below(0), above(3), 1), [-1, 4, 1], [0, 2], "any_of(below(0), above(3), 1)"),
    (any_of(), [], [1], "any_of()"),
    (not_("idle"), ["busy"], ["idle"], "not_('idle')"),
    (not_(one_of(1, 2)), [3], [1, 2], "not_(one_of(1, 2))"),
    (not_(not_(above(3))), [4], [3], "not_(not_(above(3)))"),
]


@pytest.mark.parametrize(("expected", "fitting", "other", "_text"), CASES)
def test_what_fits(expected: Any, fitting: list[Any], other: list[Any], _text: str) -> None:
    """Values are compared by ``==``, matches say it themselves."""
    assert all(fits(expected, value) for value in fitting)
    assert not any(fits(expected, value) for value in other)


@pytest.mark.parametrize(("expected", "_fitting", "_other", "text"), CASES)
def test_it_is_printed_as_it_is_written(expected: Any, _fitting: object, _other: object, text: str) -> None:
    """Joined by ``and``, plain values with ``==``."""
    shown = f"a.b {text}" if isinstance(expected, Match) else f"a.b == {text}"
    assert describe({"a.b": expected, "count": 1}) == f"{shown} and count == 1"


def test_a_comparison_that_cannot_be_made_is_an_error() -> None:
    """It is the constraint's: nothing is guessed."""
    with pytest.raises(TypeError):
        fits(above(3), "four")


def test_matches_compare_by_value() -> None:
    """So that a condition can be compared and stored."""
    assert one_of(1, 2) == one_of(1, 2) != one_of(2, 1)
    assert hash(above(3)) == hash(above(3))
