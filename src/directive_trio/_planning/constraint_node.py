"""Constraints in a system: sinks of the graph, with their place in the order and what they last answered."""

from collections.abc import Sequence
from typing import Any

from directive_trio._definitions.constraint import Constraint
from directive_trio._planning.answer import Question
from directive_trio._planning.run import Run
from directive_trio._planning.wanted import Wanted
from directive_trio._store.graph import Sink
from directive_trio._store.worlds import World


class ConstraintNode(Sink):
    """One constraint in one system.

    ``waiting`` counts the predecessors (``after``) that are pending, ``open`` the pending requirements of its
    own. ``held``: it was due while blocked, and stays pending until it has been asked. ``delayed`` is what else
    waits for it to be unblocked or answered, ``holds`` what it would ask for but for a run's own writes; both
    are dicts for their order, and None for most. ``outstanding``: it is async, and its answer is awaited.
    """

    __slots__ = (
        "answer",
        "asked",
        "definition",
        "delayed",
        "disabled",
        "error",
        "followers",
        "held",
        "hits",
        "holds",
        "open",
        "outstanding",
        "pending",
        "predecessors",
        "question",
        "queued",
        "rank",
        "told_blocked",
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
        self.held = False
        self.pending = False
        self.outstanding = False
        self.delayed: dict[Any, None] | None = None
        self.told_blocked = False
        self.hits = 0
        self.holds: dict[Wanted, None] | None = None
        self.error: Exception | None = None

    @property
    def id(self) -> str:
        """The qualified name."""
        return self.definition.id

    def delay(self, item: Any) -> None:
        """Let *item* wait until this is unblocked or answered."""
        if self.delayed is None:
            self.delayed = {}
        self.delayed[item] = None

    def hold(self, wanted: Wanted) -> None:
        """Take note of what it would ask for but for a run's own writes."""
        if self.holds is None:
            self.holds = {}
        self.holds[wanted] = None

    def let_go(self, wanted: Wanted) -> None:
        """Undo `hold`."""
        (self.holds or {}).pop(wanted, None)

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
