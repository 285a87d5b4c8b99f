"""Worlds: what the facts would be without some writes."""

from typing import Any

from attrs import define

from directive_trio import Module, derivation, untracked
from directive_trio._definitions.fact import read_schema
from directive_trio._observation.observers import Observers
from directive_trio._store.graph import Sink
from directive_trio._store.lenses import FollowedReads
from directive_trio._store.store import Store
from directive_trio._store.worlds import FollowingWorldLens, World


@define
class Facts:
    count: int = 0

    @derivation
    def doubled(self) -> int:
        return self.count * 2


RUN = 7


class Fixture:
    """A store in which a run has written."""

    def __init__(self) -> None:
        self.store = Store(Observers(), check_types=True)
        self.place = self.store.place("m", read_schema(Facts))
        self.cell = self.place.node("count")
        self.store.open_runs.add(RUN)
        self.store.write(self.cell, 1)
        self.store.write(self.cell, 2, RUN)
        self.world = World(self.store, self.store.tracking, lambda cell: cell.without({RUN}))


def test_it_shows_the_latest_value_the_run_did_not_write() -> None:
    """Facts and what follows from them; the real ones are as they are."""
    fixture = Fixture()
    view = fixture.world.lens.beside("m")
    assert (view.count, view.doubled) == (1, 2)
    assert (fixture.place.live.count, fixture.place.live.doubled) == (2, 4)
    fixture.store.write(fixture.cell, 5)
    assert (view.count, view.doubled) == (5, 10)


def test_it_can_be_read_untracked() -> None:
    """`untracked` shows the same world."""
    fixture = Fixture()
    view: Any = untracked(fixture.world.lens.beside("m"))
    sink = Sink([])
    assert fixture.store.track(sink, lambda: view.doubled) == 2
    assert sink.inputs == ()


def test_it_can_be_followed_across_awaits() -> None:
    """Reads are dependencies at once, of the shadows."""
    fixture = Fixture()
    queue: list[Sink] = []
    sink = Sink(queue)
    reads = FollowedReads(sink, fixture.store.revision)
    view = FollowingWorldLens(fixture.world, reads).beside("m")
    assert view.doubled == 2
    fixture.store.write(fixture.cell, 3, RUN)
    assert queue == [sink]
    assert not fixture.store.changed(sink)
    fixture.store.write(fixture.cell, 4)
    assert fixture.store.changed(sink)


def test_a_closed_one_is_told_no_more() -> None:
    """Or the facts would go on telling its shadows."""
    fixture = Fixture()
    assert fixture.world.lens.beside("m").doubled == 2
    assert fixture.cell.dependents
    fixture.world.close()
    assert not fixture.cell.dependents


def test_the_way_to_other_modules_stays_in_it() -> None:
    """`Module.of` on a view of a world."""
    fixture = Fixture()
    fixture.store.place("n", read_schema(Facts))
    assert Module("m", Facts).of(fixture.world.lens.beside("n")).count == 1
