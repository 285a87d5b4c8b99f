"""The order of constraints."""

import pytest

from directive_trio._planning.rank import rank
from directive_trio.errors import DependencyCycleError


def test_after_then_priority_then_declaration() -> None:
    """Of those whose predecessors are placed the highest priority comes next, of equals the first declared."""
    names = ["a", "b", "c", "d"]
    after = {"a": ["c", "d"], "b": [], "c": ["b"], "d": ["b"]}
    ranks = rank(names, {"a": 9, "b": 0, "c": 0, "d": 1}, after)
    assert sorted(names, key=ranks.__getitem__) == ["b", "d", "c", "a"]


def test_a_ring_is_named_without_what_hangs_on_it() -> None:
    """The path goes from predecessor to predecessor and closes."""
    after = {"a": ["b"], "b": ["c"], "c": ["b"]}
    with pytest.raises(DependencyCycleError) as caught:
        rank(list(after), dict.fromkeys(after, 0), after)
    assert caught.value.path == ("b", "c", "b")
