"""The agenda of a pass: what is due, in the order of the constraints.

At one rank the constraint comes first, then the but-for questions about it by the age of their runs, then
decisions about requirements whose last producer it is. Whatever is judged may put more on the agenda, also
before its own place: a marker taken back makes its constraint due again in the same pass.

In most passes one constraint is due and nothing else: it is handed over without being put in order.
"""

import heapq
from collections.abc import Callable
from typing import Any

from directive_trio._planning.constraint_node import ButFor, ConstraintNode
from directive_trio._planning.wanted import Wanted
from directive_trio._store.graph import STALE

Item = ConstraintNode | ButFor | Wanted


class Agenda:
    """What is due. ``marked`` is the queue into which sinks put themselves when they become stale."""

    __slots__ = ("_count", "heap", "marked")

    def __init__(self) -> None:
        self.marked: list[Any] = []
        self.heap: list[tuple[int, int, int, int, Item]] = []
        self._count = 0

    def push(self, node: ConstraintNode) -> None:
        """Put a constraint on the agenda. It is on it at most once."""
        if not node.queued:
            node.queued = True
            self._count += 1
            heapq.heappush(self.heap, (node.rank, 0, 0, self._count, node))

    def push_question(self, sink: ButFor) -> None:
        """Put a but-for question on the agenda."""
        self._count += 1
        heapq.heappush(self.heap, (sink.node.rank, 1, sink.run.number, self._count, sink))

    def push_decision(self, wanted: Wanted) -> None:
        """Put a decision on the agenda."""
        self._count += 1
        heapq.heappush(self.heap, (wanted.rank, 2, 0, self._count, wanted))

    def take(self) -> Item | None:
        """Take what comes first; None when nothing is left."""
        heap = self.heap
        if self.marked:
            if len(self.marked) == 1 and not heap:
                sink = self.marked.pop()
                return sink if sink.state == STALE else None  # else it was judged meanwhile
            self._take_marked()
        return heapq.heappop(heap)[-1] if heap else None

    def _take_marked(self) -> None:
        for sink in self.marked:
            if sink.state != STALE:
                continue
            if type(sink) is ConstraintNode:
                self.push(sink)
            else:
                self.push_question(sink)
        self.marked.clear()

    def reorder(self) -> None:
        """The ranks of constraints are others now."""
        items = [entry[-1] for entry in sorted(self.heap)]
        self.heap.clear()
        pushes: dict[type, Callable[[Any], None]] = {ConstraintNode: self._push_again, ButFor: self.push_question}
        for item in items:
            pushes.get(type(item), self.push_decision)(item)

    def _push_again(self, node: ConstraintNode) -> None:
        node.queued = False
        self.push(node)

    def clear(self) -> None:
        """Forget everything."""
        self.marked.clear()
        self.heap.clear()
