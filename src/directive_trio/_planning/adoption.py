"""Taking in a module that comes later: its constraints get their places, its resolvers what nobody has served."""

from collections.abc import Mapping
from typing import Any

from directive_trio._definitions.resolver import Resolver
from directive_trio._planning.constraint_node import ConstraintNode
from directive_trio._planning.identity import Identities
from directive_trio._planning.planner import Planner
from directive_trio._planning.wanted import NEW


def adopt_constraints(
    planner: Planner, nodes: Mapping[str, ConstraintNode], ranks: Mapping[str, int], *, running: bool
) -> None:
    """Take more constraints, which know their predecessors; *ranks* are those of all.

    The new ones are due, if the system is *running*.
    """
    planner.nodes.update(nodes)
    for name, node in planner.nodes.items():
        node.rank = ranks[name]
        node.waiting = sum(predecessor.pending for predecessor in node.predecessors)
    for wanted in planner.requirements.live.values():
        wanted.rank = max((node.rank for node in wanted.links), default=-1)
    planner.agenda.reorder()
    if running:
        for node in nodes.values():
            planner.agenda.push(node)


def adopt_last(planner: Planner, nodes: Mapping[str, ConstraintNode], *, running: bool) -> None:
    """Take more constraints that come after all others: these keep their places."""
    planner.nodes.update(nodes)
    for node in nodes.values():
        node.waiting = sum(predecessor.pending for predecessor in node.predecessors)
        if running:
            planner.agenda.push(node)


def adopt_resolvers(planner: Planner, module: str, resolvers: dict[type, Resolver[Any, Any]]) -> None:
    """Take the resolvers of one more module. A requirement that nobody has served is theirs from now on."""
    requirements = planner.requirements
    requirements.resolvers[module] = resolvers
    requirements.identity = Identities(requirements.resolvers).of
    requirements.unresolved -= resolvers.keys()
    for wanted in list(requirements.live.values()):
        if wanted.resolver is None and type(wanted.requirement) in resolvers:
            del requirements.live[wanted.key]
            wanted.key, wanted.resolver = requirements.identity(module, wanted.requirement)
            requirements.live[wanted.key] = wanted
            requirements.set_status(wanted, NEW)
            planner.agenda.push_decision(wanted)
