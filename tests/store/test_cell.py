"""Layers: what lies beneath the writes of runs, for as long as somebody may ask."""

from attrs import define

from directive_trio._definitions.fact import read_schema
from directive_trio._observation.observers import Observers
from directive_trio._store.cell import OUTSIDE, Cell
from directive_trio._store.store import Store


@define
class Facts:
    count: int = 0


def a_cell(*open_runs: int) -> tuple[Store, Cell]:
    """A store with one fact, and the runs that are open."""
    store = Store(Observers(), check_types=True)
    store.open_runs.update(open_runs)
    return store, store.place("m", read_schema(Facts)).node("count")


def test_the_program_covers_everything() -> None:
    """What is beneath its write is never asked for: nothing is kept."""
    store, cell = a_cell(1)
    store.write(cell, 1, 1)
    assert [layer[:2] for layer in cell.layers] == [(OUTSIDE, 0)]
    store.write(cell, 2)
    assert cell.layers == ()
    assert cell.without({1}) == 2


def test_a_run_of_which_nobody_asks_any_more_leaves_nothing_behind() -> None:
    """Its write is there for good: it cannot be looked through, nor taken back."""
    store, cell = a_cell()
    store.write(cell, 1, 1)
    assert cell.layers == ()
    assert cell.without({1}) == 1
    store.take_back(cell, 1)
    assert cell.value == 1


def test_overlapping_runs_do_not_pile_up() -> None:
    """There is always an open one on top; beneath a closed one nothing is kept."""
    store, cell = a_cell()
    for run in range(1, 100):
        store.open_runs = {run, run - 1}
        store.write(cell, run, run)
        assert len(cell.layers) <= 2


def test_a_writer_has_one_layer() -> None:
    """Two runs that overwrite each other keep one layer each, above what the program wrote."""
    store, cell = a_cell(1, 2)
    for value in range(1, 9):
        store.write(cell, value, 1 + value % 2)
    assert [layer[:2] for layer in cell.layers] == [(OUTSIDE, 0), (2, 7)]
    assert (cell.without({1}), cell.without({2}), cell.without({1, 2})) == (7, 8, 0)


def test_a_layer_is_taken_out_wherever_it_is() -> None:
    """Covered, it is no change of the fact; on top, the fact returns to what is beneath."""
    store, cell = a_cell(1, 2, 3)
    for run in (1, 2, 3):
        store.write(cell, run, run)
    version = cell.version
    store.take_back(cell, 2)
    assert (cell.value, cell.version, cell.without({3})) == (3, version, 1)
    store.take_back(cell, 3)
    assert (cell.value, cell.writer) == (1, 1)
    store.take_back(cell, 1)
    assert (cell.value, cell.writer, cell.layers) == (0, OUTSIDE, ())
