"""Ownership: what a constraint `owns` binds its run, fact by fact, by compare-and-swap.

For each owned fact the run's own idea of its value is remembered: what it was when the run began, then what the
run wrote last. As long as the fact still has that value nobody has come between, and a write may land. If it has
another, somebody else has had the last word: the write is dropped, and the fact is lost to the run for good, even
if the old value returns. Values are compared, not versions: what comes and goes again has changed nothing.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from directive_trio._store.cell import Cell
from directive_trio._store.equality import unchanged
from directive_trio._store.lenses import Place

if TYPE_CHECKING:
    from directive_trio._planning.run import Run

logger = logging.getLogger("directive_trio")


class Ownership:
    """The facts that one run owns."""

    __slots__ = ("_expected", "_lost", "constraint")

    def __init__(self, constraint: str, cells: Iterable[Cell]) -> None:
        self.constraint = constraint
        self._expected: dict[Cell, Any] = dict.fromkeys(cells)
        self._lost: set[Cell] = set()

    def begin(self) -> None:
        """The run begins: it expects what is."""
        for cell in self._expected:
            self._expected[cell] = cell.value

    def expected(self, cell: Cell) -> Any:
        """Return what the run believes an owned fact to be."""
        return self._expected[cell]

    def admits(self, cell: Cell) -> bool:
        """Say whether a write may land. Once it may not, that fact is lost."""
        if cell not in self._expected:
            return True
        if cell not in self._lost and not unchanged(False, cell.schema.key, self._expected[cell], cell.value):
            self._lost.add(cell)
        return cell not in self._lost

    def look(self) -> None:
        """An event is about to write, all or nothing: what somebody else has written by now is lost before it."""
        for cell in self._expected:
            self.admits(cell)

    def wrote(self, run: int) -> None:
        """The run has written, itself or through an event: what it wrote last is what it expects."""
        for cell in self._expected:
            if cell.writer == run:
                self._expected[cell] = cell.value

    def landed(self, cell: Cell) -> None:
        """The engine has written for the run: that is as good as the run's own write."""
        if cell in self._expected:
            self._expected[cell] = cell.value


class Owners:
    """Binds runs to what their constraints own; there is one where any constraint owns anything."""

    def __init__(self, modules: Mapping[str, Place]) -> None:
        self._modules = modules
        self._told: set[tuple[str, str]] = set()

    def bind(self, run: "Run") -> Ownership | None:
        """Return what the first of a run's constraints owns; None if its resolver is of another module."""
        first = min(run.wanted.links, key=lambda node: node.rank, default=None)
        if first is None or not first.definition.owns:
            return None
        constraint, resolver = first.definition, run.wanted.resolver
        assert resolver is not None  # what has none is not dispatched
        if resolver.module == constraint.module:
            return Ownership(constraint.id, map(self._modules[constraint.module].node, constraint.owns))
        if (constraint.id, resolver.id) not in self._told:
            self._told.add((constraint.id, resolver.id))
            text = "constraint %s owns facts, but %s is a resolver of another module: it is not bound"
            logger.warning(text, constraint.id, resolver.id)
        return None
