"""The short way of a write: the second plain write of the program does less, and nobody can tell."""

import pytest
from attrs import define

from directive_trio import derivation
from directive_trio._definitions.fact import read_schema
from directive_trio._observation.observers import Observers
from directive_trio._store.cell import OUTSIDE, Cell
from directive_trio._store.lenses import Place
from directive_trio._store.store import Store
from directive_trio.errors import FactValueError, LifecycleError, ReadOnlyFactError


@define
class Facts:
    count: int = 0

    @derivation
    def doubled(self) -> int:
        return self.count * 2


def after_a_write() -> tuple[Store, Place, Cell]:
    """A store whose fact the program has just written: the next write may take the short way."""
    schema = read_schema(Facts)
    schema.resolve_annotations()
    store = Store(Observers(), check_types=True)
    place = store.place("m", schema)
    cell: Cell = place.node("count")
    place.live.count = 1
    assert cell.epoch == store.epoch
    return store, place, cell


def test_an_equal_value_changes_nothing() -> None:
    """F2: not even the version."""
    _, place, cell = after_a_write()
    version = cell.version
    place.live.count = 1
    assert cell.version == version
    place.live.count = 2
    assert cell.version > version


def test_readers_hear_of_it() -> None:
    """F5: what was computed meanwhile is stale again."""
    _, place, _ = after_a_write()
    assert place.live.doubled == 2
    place.live.count = 5
    assert place.live.doubled == 10


def test_another_type_is_checked() -> None:
    """F1: True is no int, and the old value stays."""
    _, place, cell = after_a_write()
    with pytest.raises(FactValueError):
        place.live.count = True
    assert (cell.value, place.live.count) == (1, 1)


def test_it_is_undone_like_any_other() -> None:
    """F6: nested blocks undo their own part only."""
    store, place, cell = after_a_write()
    with store.atomic():
        place.live.count = 2
        with pytest.raises(ZeroDivisionError), store.atomic():
            place.live.count = 3
            raise ZeroDivisionError
        assert place.live.count == 2
        place.live.count = 4
    assert (cell.value, place.live.count) == (4, 4)
    with pytest.raises(ZeroDivisionError), store.atomic():
        place.live.count = 5
        raise ZeroDivisionError
    assert (cell.value, place.live.count) == (4, 4)


def test_what_a_run_writes_through_an_event_is_the_runs() -> None:
    """R5: also right after the program wrote, and right before."""
    store, place, cell = after_a_write()
    store.open_runs.add(7)
    store.ambient = 7
    with store.atomic():
        place.live.count = 2
        place.live.count = 3
    store.ambient = OUTSIDE
    assert (cell.writer, cell.without({7})) == (7, 1)
    place.live.count = 4
    assert (cell.writer, cell.without({7})) == (OUTSIDE, 4)


def test_each_window_knows_its_changes() -> None:
    """R1: with the value of before, and a value that comes back is no change."""
    store, place, cell = after_a_write()
    store.take_changes()
    place.live.count = 2
    place.live.count = 3
    assert [before for before, _ in store.take_changes().values()] == [1]
    place.live.count = 4
    place.live.count = 3
    assert store.take_changes() == {}
    assert cell.value == 3


def test_what_is_refused_is_refused() -> None:
    """F3, O1: while something pure is computed, while observers are told, and after the end."""
    store, place, cell = after_a_write()
    store.tracking.reads = []
    with pytest.raises(ReadOnlyFactError):
        place.live.count = 2
    store.tracking.reads = None
    with store.purely(), pytest.raises(ReadOnlyFactError):
        place.live.count = 2
    place.live.count = 3
    store.destroyed = True
    store.recheck()
    with pytest.raises(LifecycleError):
        place.live.count = 4
    assert cell.value == 3
