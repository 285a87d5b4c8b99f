"""Readers and what they follow, where there are many."""

from typing import Any

import pytest
from attrs import define

from directive_trio import derivation
from directive_trio._definitions.fact import read_schema
from directive_trio._observation.observers import Observers
from directive_trio._store.graph import Sink
from directive_trio._store.lenses import FollowedReads, FollowingLens
from directive_trio._store.store import Store
from directive_trio.errors import DependencyCycleError


@define
class Facts:
    count: int = 0

    @derivation
    def doubled(self) -> int:
        return self.count * 2


def store_with_facts() -> Store:
    store = Store(Observers(), check_types=True)
    store.place("m", read_schema(Facts))
    return store


def test_many_readers_are_told_and_forgotten_like_few() -> None:
    """Few are kept in a tuple, many in a dict: nobody sees the difference."""
    store = store_with_facts()
    cell = store.modules["m"].node("count")
    queue: list[Sink] = []
    sinks = [Sink(queue) for _ in range(20)]
    view = store.tracking.beside("m")
    for sink in sinks:
        assert store.track(sink, lambda: view.count) == store.track(sink, lambda: view.count) == 0
    store.write(cell, 1)
    assert sorted(map(id, queue)) == sorted(map(id, sinks))
    for sink in sinks:
        store.disconnect(sink)
        store.disconnect(sink)
    assert not cell.dependents


def test_a_reader_that_reads_something_else_leaves_what_it_read() -> None:
    """One of many, too."""
    store = store_with_facts()
    cell = store.modules["m"].node("count")
    view = store.tracking.beside("m")
    sinks = [Sink([]) for _ in range(20)]
    for sink in sinks:
        store.track(sink, lambda: view.count)
    store.track(sinks[0], lambda: view.doubled)
    assert len(cell.dependents) == 20  # 19 sinks and the derivation
    assert sinks[0] not in cell.dependents


def test_nodes_say_what_they_are() -> None:
    """In a debugger."""
    place = store_with_facts().modules["m"]
    assert list(map(repr, place.nodes)) == ["<cell m::count>", "<derivation node m::doubled>"]


def test_a_store_of_its_own_knows_no_task_and_no_loop() -> None:
    """Both are given by the floors above; until then a transaction has no owner, and nobody wakes."""
    store = store_with_facts()
    with store.atomic(interruptible=True):
        assert store.transaction is not None
        assert store.transaction.owner is None
        store.modules["m"].live.count = 1
    assert store.due


def test_a_derivation_that_follows_itself_is_a_ring() -> None:
    """Through a view that somebody else has left open, it is not looked at while it is being computed."""
    kept: list[Any] = []

    @define
    class Ring:
        @derivation
        def ring(self) -> int:
            return kept[0].ring + 1  # type: ignore[no-any-return]

    store = Store(Observers(), check_types=True)
    place = store.place("m", read_schema(Ring))
    kept.append(FollowingLens(store.modules, FollowedReads(Sink([]), store.revision)).beside("m"))
    with pytest.raises(DependencyCycleError, match="m::ring -> m::ring"):
        _ = place.live.ring
