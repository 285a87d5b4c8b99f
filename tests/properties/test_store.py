"""The store alone: random derivation graphs against computing everything anew at each read.

A derivation is computed at most once for each change of what it reads, and one that nobody reads never.
"""

from collections.abc import Callable
from typing import Any, Final

from attrs import define, frozen
from hypothesis import given
from hypothesis import strategies as st

from directive_trio import Module, System, derivation

FACTS: Final = 4
MODULO: Final = 4


@frozen
class Node:
    """A derivation: ``first + second`` modulo 4, but only *first* is read if that is odd and *lazy* is set."""

    first: int
    second: int
    lazy: bool


@frozen
class Set:
    """Write a fact."""

    fact: int
    value: int


@frozen
class ThereAndBack:
    """Write a fact twice; the second time its old value."""

    fact: int
    value: int


@frozen
class Touch:
    """Touch a fact."""

    fact: int


@frozen
class Together:
    """Write several facts in a transaction, with a read in between; it may raise, and may nest one that does."""

    writes: tuple[tuple[int, int], ...]
    inner: tuple[tuple[int, int], ...]
    broken: bool
    read: int


@frozen
class Read:
    """Read a derivation."""

    node: int


Action = Set | ThereAndBack | Touch | Together | Read
Graph = tuple[Node, ...]


class BrokenError(Exception):
    """What a broken transaction raises."""


def fail() -> None:
    """Break off."""
    raise BrokenError


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Each derivation reads facts and earlier derivations."""
    return tuple(
        draw(st.builds(Node, st.integers(0, FACTS + at - 1), st.integers(0, FACTS + at - 1), st.booleans()))
        for at in range(draw(st.integers(1, 8)))
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Graph, list[Action]]:
    """A graph and what is done to it."""
    graph = draw(graphs())
    fact, value, node = st.integers(0, FACTS - 1), st.integers(0, MODULO - 1), st.integers(0, len(graph) - 1)
    writes = st.lists(st.tuples(fact, value), max_size=3).map(tuple)
    action: st.SearchStrategy[Action] = st.one_of(
        st.builds(Read, node),
        st.builds(Set, fact, value),
        st.builds(ThereAndBack, fact, value),
        st.builds(Touch, fact),
        st.builds(Together, writes, writes, st.booleans(), node),
    )
    return graph, draw(st.lists(action, min_size=1, max_size=20))


class Naive:
    """Facts in a list; a derivation is computed whenever it is read."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.facts = [0] * FACTS

    def value(self, source: int) -> int:
        if source < FACTS:
            return self.facts[source]
        node = self.graph[source - FACTS]
        first = self.value(node.first)
        return first if node.lazy and first % 2 else (first + self.value(node.second)) % MODULO

    def sources(self, node: Node) -> list[int]:
        """What computing *node* reads directly."""
        return [node.first] if node.lazy and self.value(node.first) % 2 else [node.first, node.second]


class Both:
    """The real store and the naive one, side by side."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.naive = Naive(graph)
        self.counts = [0] * len(graph)
        self.changes = [0] * (FACTS + len(graph))
        """How often a fact was changed or touched, and how often a derivation was computed to another value."""
        self.values: list[int | None] = [None] * len(graph)
        self.made_of: list[dict[int, int] | None] = [None] * len(graph)
        """What the last computation read directly, with the changes of that up to then."""
        body: dict[str, Any] = {f"n{fact}": 0 for fact in range(FACTS)}
        body["__annotations__"] = dict.fromkeys(body, int)
        for at, node in enumerate(graph):
            body[f"n{FACTS + at}"] = derivation(self.method(at, node))
        self.system = System(Module("m", define(type("Facts", (), body))))
        self.view = self.system["m"]

    def method(self, at: int, node: Node) -> Callable[[Any], int]:
        """A derivation that counts how often it is computed."""

        def compute(self_: Any) -> int:
            self.counts[at] += 1
            first: int = getattr(self_, f"n{node.first}")
            if node.lazy and first % 2:
                return first
            second: int = getattr(self_, f"n{node.second}")
            return (first + second) % MODULO

        return compute

    def write(self, fact: int, value: int) -> None:
        setattr(self.view, f"n{fact}", value)
        self.changes[fact] += self.naive.facts[fact] != value
        self.naive.facts[fact] = value

    def remember(self) -> tuple[list[int], list[int]]:
        """What a failing transaction returns to."""
        return list(self.naive.facts), list(self.changes)

    def undo(self, before: tuple[list[int], list[int]]) -> None:
        """A transaction has failed. To be set back is a change."""
        self.naive.facts, changes = before
        for fact in range(FACTS):
            self.changes[fact] += self.changes[fact] != changes[fact]

    def act(self, action: Action) -> None:
        """Do the same to both."""
        match action:
            case Set(fact, value):
                self.write(fact, value)
            case ThereAndBack(fact, value):
                before = self.naive.facts[fact]
                self.write(fact, value)
                self.write(fact, before)
            case Touch(fact):
                self.system.touch(f"m::n{fact}")
                self.changes[fact] += 1
            case Read(node):
                self.read(node)
            case Together(writes, inner, broken, node):
                self.together(writes, inner, broken, node)

    def together(
        self, writes: tuple[tuple[int, int], ...], inner: tuple[tuple[int, int], ...], broken: bool, node: int
    ) -> None:
        """A transaction in which another one always fails, and which fails itself if *broken*."""
        before = self.remember()
        try:
            with self.system.transaction():
                for fact, value in writes:
                    self.write(fact, value)
                self.fail_inside(inner, node)
                self.read(node)
                if broken:
                    fail()
        except BrokenError:
            self.undo(before)

    def fail_inside(self, writes: tuple[tuple[int, int], ...], node: int) -> None:
        """Write and read in a nested transaction that raises: nothing of it remains."""
        before = self.remember()
        try:
            with self.system.transaction():
                for fact, value in writes:
                    self.write(fact, value)
                self.read(node)
                fail()
        except BrokenError:
            self.undo(before)

    def read(self, node: int) -> None:
        """Read one derivation of both; what it computed is counted against what has changed."""
        before = list(self.counts)
        assert getattr(self.view, f"n{FACTS + node}") == self.naive.value(FACTS + node)
        needed = self.needed(node)
        for at, derived in enumerate(self.graph):  # sources come before their readers
            if self.counts[at] == before[at]:
                continue
            assert self.counts[at] == before[at] + 1, "computed twice for one change"
            assert at in needed, "computed, but nobody reads it"
            last = self.made_of[at]
            assert last is None or any(self.changes[source] != count for source, count in last.items()), (
                "computed, but nothing it read has changed"
            )
            self.made_of[at] = {source: self.changes[source] for source in self.naive.sources(derived)}
            value = self.naive.value(FACTS + at)
            self.changes[FACTS + at] += value != self.values[at]
            self.values[at] = value

    def needed(self, node: int, found: set[int] | None = None) -> set[int]:
        """Every derivation that *node* could be made of."""
        found = set() if found is None else found
        if node not in found:
            found.add(node)
            for source in (self.graph[node].first, self.graph[node].second):
                if source >= FACTS:
                    self.needed(source - FACTS, found)
        return found


@given(cases())
def test_derivations_are_what_computing_them_anew_gives(case: tuple[Graph, list[Action]]) -> None:
    """F5: equal values after any writes, each computed at most once a change, and never without a reader."""
    graph, actions = case
    both = Both(graph)
    for action in actions:
        both.act(action)
    for node in range(len(graph)):
        both.read(node)
    assert [both.system.read(f"m::n{fact}") for fact in range(FACTS)] == both.naive.facts


@given(graphs(), st.lists(st.tuples(st.integers(0, FACTS - 1), st.integers(0, MODULO - 1))))
def test_a_derivation_nobody_reads_is_never_computed(graph: Graph, writes: list[tuple[int, int]]) -> None:
    """F5: whatever is written."""
    both = Both(graph)
    for fact, value in writes:
        both.write(fact, value)
    assert not any(both.counts)
