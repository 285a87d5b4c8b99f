"""Lenses: how a view sees. What it tracks, whose its writes are, and which world it shows.

| lens | tracked | writes | who gets it |
|---|---|---|---|
| `Lens` | no | refused | ``module.of(view)`` outside tracking, ``untracked(view)`` |
| `TrackingLens` | while something pure is computed | refused | derivations, sync constraints, predicates |
| `FollowingLens` | at once, across awaits | refused | async constraints, modules beside an effect's |
| ``WriterLens`` | as its reader | its writer's | effects, runs |
| ``WorldLens`` | as `TrackingLens` | refused | the but-for world of a run (see `worlds`) |
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from attrs import define

from directive_trio._definitions.fact import FactsSchema, read_schema
from directive_trio._definitions.names import nearest
from directive_trio._store.cell import Cell
from directive_trio._store.graph import FAILED, follow
from directive_trio.errors import ReadOnlyFactError, UnknownNameError

F = TypeVar("F")


class Place:
    """One module in one system: its nodes (facts, then derivations), its live view, and the values that shows."""

    __slots__ = ("classes", "live", "module", "nodes", "schema", "values")

    def __init__(self, module: str, schema: FactsSchema, classes: Any, values: dict[str, Any]) -> None:
        self.module = module
        self.schema = schema
        self.classes = classes
        self.values = values
        self.nodes: tuple[Any, ...] = ()
        self.live: Any = None

    @property
    def derivations(self) -> tuple[Any, ...]:
        """The derivation nodes."""
        return self.nodes[len(self.schema.facts) :]

    def node(self, name: str) -> Any:
        """Return the cell or derivation node called *name*.

        Raises:
            UnknownNameError: There is none; names the nearest.
        """
        position = self.classes.positions.get(name)
        if position is None:
            raise UnknownNameError(
                f"fact or derivation in module {self.module!r}:", name, nearest(name, self.classes.positions)
            )
        return self.nodes[position]

    def cell(self, name: str) -> Cell:
        """Return the cell of the fact called *name*.

        Raises:
            UnknownNameError: There is none; names the nearest.
        """
        if name not in self.schema.facts:
            raise UnknownNameError(f"fact in module {self.module!r}:", name, nearest(name, self.schema.facts))
        cell: Cell = self.node(name)
        return cell


@define
class _Absent:
    """What is known of a module that is not there."""

    registered: bool = False


class Places(dict[str, Place]):
    """The modules of one system, and the absence of those that somebody has looked for in vain.

    An absence is a fact too: who has read it looks again when the module comes.
    """

    def __init__(self) -> None:
        self._absent: dict[str, Cell] = {}

    def absence(self, module: str) -> Cell:
        """Return the fact that a module is not there."""
        cell = self._absent.get(module)
        if cell is None:
            schema = read_schema(_Absent)
            home = Place(module, schema, None, {})
            cell = self._absent[module] = Cell(home, schema.facts["registered"], False)
        return cell

    def end_absence(self, module: str) -> Cell | None:
        """A module comes; return the fact that it was not there, if that has been read."""
        return self._absent.pop(module, None)


class Lens:
    """Sees what is, tracks nothing, writes nothing."""

    __slots__ = ("_views", "modules")

    reads: Any = None

    def __init__(self, modules: Places) -> None:
        self.modules = modules
        self._views: dict[str, Any] = {}

    @property
    def quiet(self) -> "Lens":
        """The lens on the same world that tracks nothing."""
        return Lens(self.modules)

    def beside(self, module: str) -> Any:
        """Return the view of *module* through this lens.

        Raises:
            UnknownNameError: The system has no such module.
        """
        view = self._views.get(module)
        if view is None:
            place = self.modules.get(module)
            if place is None:
                if self.reads is not None:
                    self.reads.append(self.modules.absence(module))
                raise UnknownNameError("module", module, nearest(module, self.modules))
            view = self._views[module] = place.classes.helpful(self, self.nodes(place))
        return view

    def forget(self, module: str) -> None:
        """A module is removed, or another one takes its name."""
        self._views.pop(module, None)

    def nodes(self, place: Place) -> Any:
        """Return what stands for the facts and derivations of a module in this world."""
        return place.nodes

    def write(self, cell: Any, _value: Any) -> None:
        """Refuse the write."""
        raise ReadOnlyFactError(cell.name, "this view is read-only")


class TrackingLens(Lens):
    """Tracks into ``reads`` while something pure is being computed."""

    __slots__ = ("reads",)

    def __init__(self, modules: Places) -> None:
        super().__init__(modules)
        self.reads: list[Any] | None = None


class FollowedReads:
    """Reads that are followed at once: a change counts from the moment of the read, across awaits."""

    __slots__ = ("closed", "known", "sink")

    def __init__(self, sink: Any, revision: int) -> None:
        self.known: set[Any] = set()
        self.sink = sink
        self.closed = False
        """Whether the function has ended: a read through a view it kept is followed no more."""
        sink.inputs, sink.values = [], []
        sink.verified = revision

    def append(self, node: Any) -> None:
        """Take note of a read."""
        if node in self.known or self.closed:
            return
        self.known.add(node)
        if node.state > FAILED:
            node.graph.refresh(node)
        follow(node, self.sink)
        self.sink.inputs.append(node)
        self.sink.values.append(node.value)


class FollowingLens(Lens):
    """Tracks into the given reads, whenever."""

    __slots__ = ("reads",)

    def __init__(self, modules: Places, reads: FollowedReads) -> None:
        super().__init__(modules)
        self.reads = reads


class WriterLens(Lens):
    """Sees like its reader and writes as somebody; the modules beside are seen through the reader."""

    __slots__ = ("reader", "reads", "write")

    def __init__(self, reader: Lens, write: Callable[[Any, Any], None]) -> None:
        self.modules = reader.modules
        self.reader = reader
        self.reads = reader.reads
        self.write = write  # type: ignore[method-assign,assignment]

    @property
    def quiet(self) -> Lens:
        return self.reader.quiet

    def own(self, module: str) -> Any:
        """Return the writable view of *module*."""
        self._views = {}
        return super().beside(module)

    def beside(self, module: str) -> Any:
        return self.reader.beside(module)


def untracked(view: F, /) -> F:
    """Return a read-only view of the same facts whose reads are not tracked.

    What is read through it is not a dependency: a change of it alone recomputes nothing. A plain instance,
    as a unit test gives it to a derivation, is returned as it is.
    """
    quiet = getattr(view, "_untracked", None)
    return view if quiet is None else cast("F", quiet())
