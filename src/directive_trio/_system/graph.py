"""``graph()``: the system as nodes and edges, with Mermaid and DOT text."""

from attrs import frozen

from directive_trio._planning.planner import Planner
from directive_trio._runtime.reconcile_loop import ReconcileLoop
from directive_trio._store.lenses import Place
from directive_trio._store.store import Store


@frozen
class GraphNode:
    """``kind``: fact, derivation, constraint, requirement, resolver or effect."""

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
}


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
            lines.append(f'    {number}{opened}"{node.id}"{closed}')
        for edge in self.edges:
            lines.append(f"    {numbers[edge.source]} -->|{edge.label}| {numbers[edge.target]}")
        return "\n".join(lines) + "\n"

    def dot(self) -> str:
        """Return a Graphviz digraph."""
        numbers = {node: f"n{at}" for at, node in enumerate(self.nodes)}
        lines = ["digraph system {", "    rankdir=LR;"]
        for node, number in numbers.items():
            lines.append(f'    {number} [label="{node.id}", shape={_SHAPES[node.kind][2]}];')
        for edge in self.edges:
            lines.append(f'    {numbers[edge.source]} -> {numbers[edge.target]} [label="{edge.label}"];')
        return "\n".join([*lines, "}"]) + "\n"


def draw(store: Store, planner: Planner, loop: ReconcileLoop) -> SystemGraph:
    """Draw everything that is known."""
    nodes: dict[GraphNode, None] = {}
    edges: dict[GraphEdge, None] = {}
    sources: dict[object, GraphNode] = {}
    for place in store.modules.values():
        for at, node in enumerate(place.nodes):
            sources[node] = GraphNode(_kind(place, at), node.name)
    nodes.update(dict.fromkeys(sources.values()))

    def read(reader: object, target: GraphNode) -> None:
        nodes[target] = None
        for source in getattr(reader, "inputs", ()):
            known = sources.get(getattr(source, "real", source))
            if known is not None:
                edges[GraphEdge(known, target, "reads")] = None

    for place in store.modules.values():
        for node in place.nodes[len(place.schema.facts) :]:
            read(node, sources[node])
    for constraint in planner.nodes.values():
        target = GraphNode("constraint", constraint.id)
        read(constraint, target)
        for predecessor in constraint.predecessors:
            edges[GraphEdge(GraphNode("constraint", predecessor.id), target, "after")] = None
    for effect in loop.effects.nodes.values():
        read(effect, GraphNode("effect", effect.id))
    for module in planner.requirements.resolvers.values():
        for kind, resolver in module.items():
            requirement, meets = GraphNode("requirement", kind.__name__), GraphNode("resolver", resolver.id)
            nodes.update({requirement: None, meets: None})
            edges[GraphEdge(requirement, meets, "resolves")] = None
    requirements = planner.requirements
    for wanted in [*requirements.live.values(), *requirements.last.values()]:
        requirement = GraphNode("requirement", type(wanted.requirement).__name__)
        nodes[requirement] = None
        for origin in {wanted.origin, *(node.id for node in wanted.links)}:
            if origin in planner.nodes:
                edges[GraphEdge(GraphNode("constraint", origin), requirement, "requires")] = None
    return SystemGraph(tuple(nodes), tuple(sorted(edges, key=str)))


def _kind(place: Place, position: int) -> str:
    return "fact" if position < len(place.schema.facts) else "derivation"
