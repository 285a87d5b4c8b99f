"""Constraints in a system: sinks of the graph, with their place in the order and what they last answered."""

from collections.abc import Sequence
from typing import Any

from directive_trio._definitions.constraint import Constraint
from directive_trio._planning.answer import Question
from directive_trio._planning.run import Run
from directive_trio._planning.wanted import Wanted
from directive_trio._store.graph import Sink
from directive_trio._store.worlds import World

NOT_HELD, UNBLOCKED, BLOCKED = range(3)
"""Whether a constraint was due while it was blocked; if so, whether it still is."""


class ConstraintNode(Sink):
    """One constraint in one system. What few constraints have stands elsewhere, by node: errors, delayed items, holds.

    ``waiting`` counts the predecessors (``after``) that are pending, ``open`` the pending requirements of its
    own. ``held``: it was due while it was blocked, and stays pending until it has been asked. ``outstanding``: it is
    async, and its answer is awaited.
    """

    __slots__ = (
        "answer",
        "asked",
        "definition",
        "disabled",
        "followers",
        "held",
        "hits",
        "open",
        "outstanding",
        "pending",
        "predecessors",
        "question",
        "queued",
        "rank",
        "view",
        "waiting",
    )

    def __init__(
        self, queue: list[Any], definition: Constraint[Any, Any], question: Question, view: Any, rank: int
    ) -> None:
        super().__init__(queue)
        self.definition = definition
        self.question = question
        self.view = view
        self.rank = rank
        self.predecessors: tuple[ConstraintNode, ...] = ()
        self.followers: tuple[ConstraintNode, ...] = ()
        self.disabled = False
        self.reset()

    def reset(self) -> None:
        """Become what a constraint is before its system starts. Whether it is disabled stays."""
        self.answer: tuple[Wanted, ...] = ()
        self.asked = False
        self.queued = False
        self.waiting = 0
        self.open = 0
        self.held = NOT_HELD
        self.pending = False
        self.outstanding = False
        self.hits = 0

    @property
    def id(self) -> str:
        """The qualified name."""
        return self.definition.id

    def waits_on(self) -> tuple[str, ...]:
        """Return the ids of the predecessors that are pending."""
        return tuple(node.id for node in self.predecessors if node.pending)

    def __repr__(self) -> str:
        return f"<constraint node {self.id}>"


class AsyncConstraintNode(ConstraintNode):
    """One async constraint in one system.

    ``evaluation`` numbers the questions to it: an answer to an older one is stale. ``seen`` is what it has read
    since it was asked at ``seen_revision``, with the values in its ``world``. ``joined``: the live runs that its
    answer has joined, and what it saw without their writes.
    """

    __slots__ = ("evaluation", "joined", "seen", "seen_revision", "world")

    looks_beneath = True

    def reset(self) -> None:
        super().reset()
        self.evaluation = 0
        self.seen: Sequence[tuple[Any, Any]] = ()
        self.seen_revision = 0
        self.joined: tuple[set[int], list[tuple[Any, Any]]] | None = None
        self.world: World | None = None


def node_of(
    queue: list[Any], definition: Constraint[Any, Any], question: Question, view: Any, rank: int
) -> ConstraintNode:
    """Make the node of a constraint."""
    kind = AsyncConstraintNode if definition.is_async else ConstraintNode
    return kind(queue, definition, question, view, rank)


class ButFor(Sink):
    """The question whether a constraint would want a run's requirement without the run's own writes."""

    __slots__ = ("node", "run")

    def __init__(self, queue: list[Any], node: ConstraintNode, run: Run) -> None:
        super().__init__(queue)
        self.node = node
        self.run = run
