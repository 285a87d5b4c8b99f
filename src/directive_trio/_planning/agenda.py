"""The agenda of a pass: what is due, in the order of the constraints.

At one rank the constraint comes first, then the but-for questions about it by the age of their runs, then
decisions about requirements whose last producer it is. Whatever is judged may put more on the agenda, also
before its own place: a marker taken back makes its constraint due again in the same pass.

In most passes one constraint is due and comes first: it is handed over without being put in order.
"""

from collections.abc import Callable
from heapq import heappush
from itertools import count
from typing import Any

from directive_trio._planning.constraint_node import AsyncConstraintNode, ButFor, ConstraintNode
from directive_trio._planning.wanted import Wanted
from directive_trio._store.graph import STALE

Item = ConstraintNode | ButFor | Wanted
Entry = tuple[int, int, int, int, Item]


class Agenda:
    """What is due. ``marked`` is the queue into which sinks put themselves when they become stale.

    ``row`` are constraints that were marked together, the last one first: to take the next from a long row is a step,
    and from a heap of that size it takes as long as judging it. ``heap`` is what else there is.

    These three are always the same lists; whoever works through them looks at all before each step.
    ``delayed`` is what waits for a constraint to be unblocked or answered, in the order in which it came.
    """

    __slots__ = ("_numbers", "delayed", "heap", "marked", "row")

    def __init__(self) -> None:
        self.marked: list[Any] = []
        self.row: list[Entry] = []
        self.heap: list[Entry] = []
        self.delayed: dict[ConstraintNode, dict[ButFor | Wanted, None]] = {}
        self._numbers = count()

    def push(self, node: ConstraintNode) -> None:
        """Put a constraint on the agenda. It is on it at most once."""
        if not node.queued:
            node.queued = True
            heappush(self.heap, (node.rank, 0, 0, next(self._numbers), node))

    def push_question(self, sink: ButFor) -> None:
        """Put a but-for question on the agenda."""
        heappush(self.heap, (sink.node.rank, 1, sink.run.number, next(self._numbers), sink))

    def push_decision(self, wanted: Wanted) -> None:
        """Put a decision on the agenda."""
        heappush(self.heap, (wanted.rank, 2, 0, next(self._numbers), wanted))

    def delay(self, item: ButFor | Wanted, node: ConstraintNode) -> None:
        """Let *item* wait until *node* is unblocked or answered."""
        self.delayed.setdefault(node, {})[item] = None

    def take_marked(self) -> Item | None:
        """Put what is marked in order. One constraint that is alone and comes first is handed over instead."""
        marked, heap, row = self.marked, self.heap, self.row
        if not row and len(marked) == 1 and type(marked[0]) is not ButFor:
            node: ConstraintNode = marked[0]
            if node.state == STALE and not node.queued and (not heap or node.rank <= heap[0][0]):
                marked.clear()
                return node
        begins = not row  # else all of it would have to be put in order again
        for sink in marked:
            if sink.state != STALE:  # it was judged meanwhile
                continue
            if type(sink) is ButFor:
                self.push_question(sink)
            elif not sink.queued and begins:
                sink.queued = True
                row.append((sink.rank, 0, 0, next(self._numbers), sink))
            else:
                self.push(sink)
        if begins:
            row.sort(reverse=True)
        marked.clear()
        return None

    def reorder(self) -> None:
        """The ranks of constraints are others now."""
        items = [entry[-1] for entry in sorted([*self.row, *self.heap])]
        self.row.clear()
        self.heap.clear()
        pushes: dict[type, Callable[[Any], None]] = {
            ConstraintNode: self._push_again,
            AsyncConstraintNode: self._push_again,
            ButFor: self.push_question,
        }
        for item in items:
            pushes.get(type(item), self.push_decision)(item)

    def _push_again(self, node: ConstraintNode) -> None:
        node.queued = False
        self.push(node)

    def clear(self) -> None:
        """Forget everything."""
        self.marked.clear()
        self.row.clear()
        self.heap.clear()
        self.delayed.clear()
