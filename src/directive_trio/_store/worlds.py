"""Worlds: what would be true if some writes had not happened.

The but-for rule asks whether a constraint would still want a run's requirement in the world without the run's
own writes. That world is made of *shadows*: a shadow of a fact is a derivation whose value is what the world
shows of the fact, and a shadow of a derivation is the same function over shadows. They are nodes of the same
graph, so they are lazy, memoised, and marked stale by what changes; nothing is computed twice, and nothing at
all is made for a run that nobody asks about.

A derivation that is switched off (see `switches`) answers in every world what it answers in the real one.

A world must be closed, or the facts would go on telling its shadows.
"""

from collections.abc import Callable, Iterable
from typing import Any

from directive_trio._definitions.derivation import Derivation
from directive_trio._store.cell import Cell
from directive_trio._store.graph import DerivationNode, Graph
from directive_trio._store.lenses import Lens, Place, TrackingLens


class ShadowNode(DerivationNode):
    """The shadow of one fact or derivation; ``real`` is what throws it. It is not observed."""

    __slots__ = ("real",)

    told = False

    def __init__(self, graph: Graph, real: Any, definition: Derivation[Any, Any], view: Any) -> None:
        module, _, key = real.name.partition("::")
        super().__init__(graph, module, key, definition, view)
        self.real = real


class WorldLens(Lens):
    """Shows a world; tracks like the store's own lens, or not at all."""

    __slots__ = ("_world", "tracking")

    def __init__(self, world: "World", tracking: TrackingLens | None) -> None:
        super().__init__(world.modules)
        self._world = world
        self.tracking = tracking

    @property
    def reads(self) -> Any:
        return None if self.tracking is None else self.tracking.reads

    @property
    def quiet(self) -> Lens:
        return WorldLens(self._world, None)

    def nodes(self, place: Place) -> Any:
        return _Shadows(self._world, place)


class FollowingWorldLens(WorldLens):
    """Shows a world; tracks into the given reads, whenever."""

    __slots__ = ("_reads",)

    def __init__(self, world: "World", reads: Any) -> None:
        super().__init__(world, None)
        self._reads = reads

    @property
    def reads(self) -> Any:
        return self._reads


class _Shadows:
    """The nodes of a module in a world, by position; each made when it is first looked at."""

    __slots__ = ("_place", "_world")

    def __init__(self, world: "World", place: Place) -> None:
        self._world = world
        self._place = place

    def __getitem__(self, position: int) -> ShadowNode:
        return self._world.shadow(self._place.nodes[position])


class World:
    """One world: *see* tells what it shows of a fact."""

    __slots__ = ("_graph", "_shadows", "_tracking", "lens", "modules", "see")

    def __init__(self, graph: Graph, tracking: TrackingLens, see: Callable[[Cell], Any]) -> None:
        self._graph = graph
        self._tracking = tracking
        self.modules = tracking.modules
        self.see = see
        self._shadows: dict[Any, ShadowNode] = {}
        self.lens = WorldLens(self, tracking)
        graph.worlds[self] = None

    def shadow(self, real: Any) -> ShadowNode:
        """Return the shadow of a cell or derivation node."""
        found = self._shadows.get(real)
        if found is None:
            if isinstance(real, Cell):
                found = ShadowNode(self._graph, real, self._shadow_of_fact(real), None)
            else:
                found = ShadowNode(self._graph, real, real.definition, self.lens.beside(real.module))
            self._shadows[real] = found
            if real in self._graph.switches:
                self.keep_answer_of(real)
        return found

    def keep_answer_of(self, real: DerivationNode) -> None:
        """Let the shadow of a derivation that is switched off show the same answer, if it has been looked at."""
        shadow, graph = self._shadows.get(real), self._graph
        if shadow is not None:
            graph.connect(shadow, real.inputs)
            graph.revision += 1
            shadow.version = shadow.verified = graph.revision
            shadow.value, shadow.error, shadow.state = real.value, real.error, real.state
            graph.mark(shadow)

    def _shadow_of_fact(self, cell: Cell) -> Derivation[Any, Any]:
        reads, see = self._tracking, self.see

        def shown(_: Any) -> Any:
            assert reads.reads is not None  # a shadow is computed like any derivation
            reads.reads.append(cell)
            return see(cell)

        return Derivation(shown, cell.schema.key or True)

    def close(self) -> None:
        """Take all shadows out of the graph."""
        for shadow in self._shadows.values():
            self._graph.disconnect(shadow)
        self._shadows.clear()
        self._graph.worlds.pop(self, None)


def real_of(node: Any) -> Any:
    """Return what throws a shadow; anything else stands for itself."""
    return node.real if isinstance(node, ShadowNode) else node


def cells_of(sources: Iterable[Any]) -> set[Cell]:
    """Return the facts that *sources* are, or are made of, in whatever world."""
    found: set[Cell] = set()
    visited: set[Any] = set()
    pending = list(sources)
    while pending:
        node = pending.pop()
        if node in visited:
            continue
        visited.add(node)
        if isinstance(node, Cell):
            found.add(node)
        else:
            pending += (real_of(node), *node.inputs)
    return found
