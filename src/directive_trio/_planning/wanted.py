"""What is wanted: a requirement with its identity, everybody who asks for it, and how it stands."""

from collections.abc import Hashable
from enum import Enum
from typing import TYPE_CHECKING, Any

from directive_trio._definitions.policies import CancelReason
from directive_trio._definitions.record import Record
from directive_trio._definitions.resolver import Resolver
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


PENDING = frozenset({Status.NEW, Status.RUNNING, Status.UNDECIDED, Status.RETRY, Status.UNRESOLVED})
"""What constraints that come ``after`` wait for."""


class Inputs:
    """What a producer had read, and the values: taken at dispatch, compared when the run has ended."""

    __slots__ = ("revision", "values")

    def __init__(self, revision: int, values: tuple[tuple[Any, Any], ...]) -> None:
        self.revision = revision
        self.values = values


class Wanted:
    """One requirement that somebody wants.

    ``links`` are the constraints, ``required`` is the system itself. ``told``: it was observed as created and
    not yet as met or canceled. ``failures`` counts failed runs in a row, for ``retry`` and ``retry_later``.
    """

    __slots__ = (
        "but_for",
        "end_reason",
        "failures",
        "inputs",
        "key",
        "last_run",
        "links",
        "origin",
        "required",
        "requirement",
        "resolver",
        "run",
        "status",
        "told",
    )

    def __init__(self, key: Hashable, requirement: Record, resolver: Resolver[Any, Any] | None) -> None:
        self.key = key
        self.requirement = requirement
        self.resolver = resolver
        self.links: dict[ConstraintNode, Link] = {}
        self.but_for: dict[ConstraintNode, ButFor] = {}
        self.inputs: dict[ConstraintNode, Inputs] = {}
        self.required = False
        self.status = Status.NEW
        self.run: Run | None = None
        self.last_run: Run | None = None
        self.failures = 0
        self.told = False
        self.origin = ""
        self.end_reason = CancelReason("removed")

    @property
    def pending(self) -> bool:
        """Whether constraints after its producers wait for it."""
        return self.status in PENDING

    @property
    def asked_for(self) -> bool:
        """Whether a real answer, or the system itself, asks for it."""
        return self.required or any(link is Link.ASKS for link in self.links.values())

    @property
    def wanted(self) -> bool:
        """Whether it is asked for, or would be but for its run's own writes."""
        return self.required or any(link is not Link.LEFT for link in self.links.values())

    @property
    def resolver_id(self) -> str | None:
        """The qualified name of its resolver."""
        return None if self.resolver is None else self.resolver.id

    def producers(self) -> "list[ConstraintNode]":
        """Return the constraints that ask for it, in their order."""
        asking = [node for node, link in self.links.items() if link is Link.ASKS]
        return sorted(asking, key=lambda node: node.rank) if len(asking) > 1 else asking

    def __repr__(self) -> str:
        return f"<wanted {self.requirement!r}: {self.status.value}>"
