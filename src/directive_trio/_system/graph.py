"""``graph()``: the system as nodes and edges, with Mermaid and DOT text."""

from typing import Any, final

from attrs import frozen

from directive_trio._planning.constraint_node import ConstraintNode
from directive_trio._planning.dismissal import ResolverSwitches
from directive_trio._planning.planner import Planner
from directive_trio._runtime.reconcile_loop import ReconcileLoop
from directive_trio._store.store import Store
from directive_trio._store.worlds import real_of


@frozen
class GraphNode:
    """``kind``: fact, derivation, constraint, requirement, resolver, effect or source."""

    kind: str
    id: str


@frozen
class GraphEdge:
    """From *source* to *target*; ``label``: reads, after, requires, resolves."""

    source: GraphNode
    target: GraphNode
    label: str


_SHAPES = {
    "fact": ("[(", ")]", "cylinder"),
    "derivation": ("([", "])", "ellipse"),
    "constraint": ("{{", "}}", "hexagon"),
    "requirement": ("[/", "/]", "parallelogram"),
    "resolver": ("[[", "]]", "box"),
    "effect": (">", "]", "cds"),
    "source": ("((", "))", "circle"),
}


@final
@frozen
class SystemGraph:
    """What the system is made of and what it has read so far: dependencies are known once they were read."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]

    def mermaid(self) -> str:
        """Return a Mermaid flowchart."""
        numbers = {node: f"n{at}" for at, node in enumerate(self.nodes)}
        lines = ["flowchart LR"]
        for node, number in numbers.items():
            opened, closed, _ = _SHAPES[node.kind]
            lines.append(f'    {number}{opened}"{_escape_mermaid(node.id)}"{closed}')
        lines += [f"    {numbers[edge.source]} -->|{edge.label}| {numbers[edge.target]}" for edge in self.edges]
        return "\n".join(lines) + "\n"

    def dot(self) -> str:
        """Return a Graphviz digraph."""
        numbers = {node: f"n{at}" for at, node in enumerate(self.nodes)}
        lines = ["digraph system {", "    rankdir=LR;"]
        for node, number in numbers.items():
            lines.append(f'    {number} [label="{_escape_dot(node.id)}", shape={_SHAPES[node.kind][2]}];')
        lines += [
            f'    {numbers[edge.source]} -> {numbers[edge.target]} [label="{edge.label}"];' for edge in self.edges
        ]
        return "\n".join([*lines, "}"]) + "\n"


def _escape_mermaid(text: str) -> str:
    return " ".join(text.replace("#", "#35;").replace('"', "#quot;").split())


def _escape_dot(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace('"', '\\"').split())


def draw(loop: ReconcileLoop) -> SystemGraph:
    """Draw everything that is known."""
    drawing = _Drawing()
    drawing.draw_facts(loop.store)
    for constraint in loop.planner.nodes.values():
        drawing.draw_constraint(constraint)
    for effect in loop.effects.nodes.values():
        drawing.draw_reads(effect, GraphNode("effect", effect.id))
    for source in loop.sources.nodes.values():
        drawing.draw_reads(source.watcher, GraphNode("source", source.id))
    drawing.draw_requirements(loop.planner)
    return SystemGraph(tuple(drawing.nodes), tuple(sorted(drawing.edges, key=str)))


class _Drawing:
    """The graph while it is drawn: each node and edge once, nodes in the order in which they came."""

    def __init__(self) -> None:
        self.nodes: dict[GraphNode, None] = {}
        self.edges: set[GraphEdge] = set()
        self._sources: dict[object, GraphNode] = {}

    def draw_facts(self, store: Store) -> None:
        for place in store.modules.values():
            for position, node in enumerate(place.nodes):
                kind = "fact" if position < len(place.schema.facts) else "derivation"
                self._sources[node] = GraphNode(kind, node.name)
        self.nodes.update(dict.fromkeys(self._sources.values()))
        for node, drawn in self._sources.items():
            if drawn.kind == "derivation":
                self.draw_reads(node, drawn)

    def draw_constraint(self, constraint: ConstraintNode) -> None:
        drawn = GraphNode("constraint", constraint.id)
        self.draw_reads(constraint, drawn)
        for predecessor in constraint.predecessors:
            self.edges.add(GraphEdge(GraphNode("constraint", predecessor.id), drawn, "after"))

    def draw_reads(self, reader: Any, drawn: GraphNode) -> None:
        self.nodes[drawn] = None
        for source in reader.inputs if reader is not None else ():  # a source without a key reads nothing
            read = self._sources.get(real_of(source))
            if read is not None:  # else its module has gone, or it is the switch of a derivation
                self.edges.add(GraphEdge(read, drawn, "reads"))

    def draw_requirements(self, planner: Planner) -> None:
        requirements = planner.requirements
        for name, resolver in ResolverSwitches(planner).nodes.items():
            requirement, meets = GraphNode("requirement", resolver.requirement.__name__), GraphNode("resolver", name)
            self.nodes.update({requirement: None, meets: None})
            self.edges.add(GraphEdge(requirement, meets, "resolves"))
        for wanted in [*requirements.live.values(), *requirements.last.values()]:
            requirement = GraphNode("requirement", type(wanted.requirement).__name__)
            self.nodes[requirement] = None
            for origin in {wanted.origin, *(node.id for node in wanted.links)} & set(planner.nodes):
                self.edges.add(GraphEdge(GraphNode("constraint", origin), requirement, "requires"))
