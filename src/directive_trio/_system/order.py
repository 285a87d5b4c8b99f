"""The order of constraints in a system: whom each comes after, its rank, and the links between them."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from directive_trio._definitions.constraint import Constraint
from directive_trio._definitions.names import nearest, qualify, split
from directive_trio._planning.constraint_node import ConstraintNode
from directive_trio._planning.rank import rank

logger = logging.getLogger("directive_trio")


def predecessors(
    constraint: Constraint[Any, Any], known: Mapping[str, Constraint[Any, Any]], *, warn: bool = True
) -> list[str]:
    """Return the ids of those that *constraint* comes after, and warn of names that name nothing."""
    found: dict[str, None] = {}
    for item in constraint.after:
        name = item.id if isinstance(item, Constraint) else qualify(*split(item, constraint.module))
        if name in known:
            found[name] = None
        elif warn:
            hint = nearest(name, known)
            logger.warning(
                "constraint %s comes after %s, which does not exist%s: it does not block",
                constraint.id,
                name,
                f" (did you mean {hint}?)" if hint else "",
            )
    return list(found)


def ranked(constraints: Mapping[str, Constraint[Any, Any]], after: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the rank of each constraint; they are given in the order of declaration.

    Raises:
        DependencyCycleError: ``after`` forms a ring.
    """
    return rank(list(constraints), {name: found.priority for name, found in constraints.items()}, after)


def link(nodes: Mapping[str, ConstraintNode], after: Mapping[str, Sequence[str]]) -> None:
    """Let constraints know those they come after, and those that come after them."""
    followers: dict[ConstraintNode, list[ConstraintNode]] = {}
    for name, node in nodes.items():
        node.predecessors = tuple([nodes[predecessor] for predecessor in after[name]])
        for predecessor in node.predecessors:
            followers.setdefault(predecessor, []).append(node)
    for node in nodes.values():
        node.followers = tuple(followers.get(node, ()))


def link_more(
    new: Mapping[str, ConstraintNode], known: Mapping[str, ConstraintNode], after: Mapping[str, Sequence[str]]
) -> None:
    """The same for constraints that come last: of those that are there nobody comes after one of them."""
    for name, node in new.items():
        node.predecessors = tuple([new.get(before) or known[before] for before in after[name]])
        for predecessor in node.predecessors:
            predecessor.followers = (*predecessor.followers, node)


def unlink(gone: Iterable[ConstraintNode]) -> None:
    """Let those that *gone* came after forget them."""
    for node in gone:
        for predecessor in node.predecessors:
            predecessor.followers = tuple([other for other in predecessor.followers if other is not node])
