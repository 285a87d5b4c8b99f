"""The agenda of a pass: what is due, in the order of the constraints.

At one rank the constraint comes first, then the but-for questions about it by the age of their runs, then
decisions about requirements whose last producer it is. Whatever is judged may put more on the agenda, also
before its own place: a marker taken back makes its constraint due again in the same pass.
"""

import heapq
from typing import Any

from directive_trio._planning.constraint_node import ButFor, ConstraintNode
from directive_trio._planning.wanted import Wanted
from directive_trio._store.graph import STALE

Item = ConstraintNode | ButFor | Wanted


class Agenda:
    """What is due. ``marked`` is the queue into which sinks put themselves when they become stale."""

    __slots__ = ("_count", "_heap", "marked")

    def __init__(self) -> None:
        self.marked: list[Any] = []
        self._heap: list[tuple[int, int, int, int, Item]] = []
        self._count = 0

    def __bool__(self) -> bool:
        if self.marked:
            self._take_marked()
        return bool(self._heap)

    def push(self, item: Item) -> None:
        """Put something on the agenda. A constraint is on it at most once."""
        self._count += 1
        if isinstance(item, ConstraintNode):
            if item.queued:
                return
            item.queued = True
            place = (item.rank, 0, 0)
        elif isinstance(item, ButFor):
            place = (item.node.rank, 1, item.run.number)
        else:
            place = (item.rank, 2, 0)
        heapq.heappush(self._heap, (*place, self._count, item))

    def pop(self) -> Item:
        """Take what comes first. Ask before whether there is something."""
        return heapq.heappop(self._heap)[-1]

    def _take_marked(self) -> None:
        for sink in self.marked:
            if sink.state == STALE:  # else it was judged meanwhile
                self.push(sink)
        self.marked.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.marked.clear()
        self._heap.clear()
