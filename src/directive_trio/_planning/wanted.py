"""What is wanted: a requirement with its identity, everybody who asks for it, and how it stands."""

from enum import Enum
from typing import TYPE_CHECKING, Any

from directive_trio._definitions.policies import CancelReason
from directive_trio._definitions.record import Record
from directive_trio._definitions.resolver import Resolver
from directive_trio._planning.identity import Identity
from directive_trio._planning.run import Run

if TYPE_CHECKING:
    from directive_trio._planning.constraint_node import ButFor, ConstraintNode


class Link(Enum):
    """How a constraint is linked to a requirement."""

    ASKS = "asks"
    """Its answer contains it."""
    HOLDS = "holds"
    """Its answer would contain it but for the run's own writes: the run is self-satisfied."""
    LEFT = "left"
    """It asks no more; the cancelled run has not ended yet."""


class Status(Enum):
    """How a wanted requirement stands."""

    NEW = "new"
    RUNNING = "running"
    UNDECIDED = "undecided"
    """Its run has ended; a producer is blocked or has an answer outstanding."""
    RETRY = "retry scheduled"
    UNRESOLVED = "no resolver"
    UNSATISFIED = "unsatisfied"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PAUSED = "paused"

    __hash__ = object.__hash__  # the enum's own is a Python function, and every judgement asks what is pending


# As plain globals: reading a member off its enum takes five times as long.
ASKS, HOLDS, LEFT = Link
NEW, RUNNING, UNDECIDED, RETRY, UNRESOLVED, UNSATISFIED, FAILED, CANCELLED, PAUSED = Status

REMOVED = CancelReason("removed")
SUPERSEDED = CancelReason("superseded")

PENDING = frozenset({NEW, RUNNING, UNDECIDED, RETRY, UNRESOLVED})
"""What constraints that come ``after`` wait for."""


class Inputs:
    """What a producer had read, and the values: taken at dispatch, compared when the run has ended."""

    __slots__ = ("revision", "sources", "values")

    def __init__(self, revision: int, sources: tuple[Any, ...], values: tuple[Any, ...]) -> None:
        self.revision = revision
        self.sources = sources
        self.values = values


class Wanted:
    """One requirement that somebody wants.

    ``links`` are the constraints, ``asking`` and ``holding`` count them; ``rank`` is that of the last of them.
    ``required`` is the system itself; ``again``: it began to require it when the present run was over. ``newest``
    is the requirement as it was last asked for: equal ones may differ in what takes no part in ``==``.
    ``told``: it was observed as created and not yet as met or cancelled. ``failures`` counts failed runs in a row,
    for ``retry`` and ``retry_later``. ``pending``: constraints after its producers wait for it. ``gone``: nobody
    wants it any more and its last run has ended; whoever wants it again makes another one.
    """

    __slots__ = (
        "again",
        "asking",
        "but_for",
        "end_reason",
        "failures",
        "gone",
        "holding",
        "inputs",
        "key",
        "last_run",
        "links",
        "newest",
        "origin",
        "pending",
        "rank",
        "required",
        "requirement",
        "resolver",
        "run",
        "status",
        "told",
    )

    def __init__(self, key: Identity, requirement: Record, resolver: Resolver[Any, Any] | None) -> None:
        self.key = key
        self.requirement = self.newest = requirement
        self.resolver = resolver
        self.links: dict[ConstraintNode, Link] = {}
        self.asking = self.holding = 0
        self.rank = -1
        self.but_for: dict[ConstraintNode, ButFor] = {}
        self.inputs: dict[ConstraintNode, Inputs] = {}
        self.required = self.again = self.gone = False
        self.status = NEW
        self.pending = True
        self.run: Run | None = None
        self.last_run: Run | None = None
        self.failures = 0
        self.told = False
        self.origin = ""
        self.end_reason = REMOVED

    @property
    def wanted(self) -> bool:
        """Whether it is asked for, or would be but for its run's own writes."""
        return bool(self.asking or self.holding or self.required)

    @property
    def resolver_id(self) -> str | None:
        """The qualified name of its resolver."""
        return None if self.resolver is None else self.resolver.id

    def is_of_class(self, requirement: Record) -> bool:
        """Say whether *requirement* is of the same class."""
        return type(requirement) is type(self.requirement)

    def link(self, node: "ConstraintNode", link: Link) -> bool:
        """Link a constraint in this way; say whether it had no link before. It counts, so that nobody walks them."""
        before = self.links.get(node)
        self.links[node] = link
        if link is ASKS:
            self.asking += 1
        elif link is HOLDS:
            self.holding += 1
        if before is None:
            if node.rank > self.rank:  # noqa: PLR1730  # `max` takes longer
                self.rank = node.rank
        elif before is ASKS:
            self.asking -= 1
        elif before is HOLDS:
            self.holding -= 1
        return before is None

    def unlink(self, node: "ConstraintNode") -> Link | None:
        """Link a constraint no more; return how it was."""
        before = self.links.pop(node, None)
        if before is ASKS:
            self.asking -= 1
        elif before is HOLDS:
            self.holding -= 1
        return before

    def producers(self) -> "list[ConstraintNode]":
        """Return the constraints that ask for it, in their order."""
        asking = [node for node, link in self.links.items() if link is ASKS]
        return sorted(asking, key=lambda node: node.rank) if len(asking) > 1 else asking

    def __repr__(self) -> str:
        return f"<wanted {self.requirement!r}: {self.status.value}>"
