"""Asking async constraints: tasks beside the loop, so that a slow one delays nobody."""

from collections.abc import Callable
from typing import Any

import trio

from directive_trio._definitions.policies import CancelKind
from directive_trio._definitions.record import Record
from directive_trio._planning.answer import NOTHING, as_demand
from directive_trio._planning.constraint_node import AsyncConstraintNode
from directive_trio._planning.inputs import value_of
from directive_trio._planning.planner import Planner
from directive_trio._runtime.boundary import Boundary
from directive_trio._runtime.tasks import Tasks
from directive_trio._runtime.timers import Timers
from directive_trio._store.lenses import FollowedReads, FollowingLens, Lens
from directive_trio._store.store import Store
from directive_trio._store.worlds import FollowingWorldLens, real_of
from directive_trio.errors import ConstraintTimeoutError


class SeenReads(FollowedReads):
    """Reads that are followed at once, noted with their values for the constraint's next judgement."""

    __slots__ = ()

    def append(self, node: Any) -> None:
        known = node in self.known or self.closed
        super().append(node)
        if not known:
            self.sink.seen.append((real_of(node), value_of(node)))


class Asking:
    """One question under way: its scope, what it reads, and the world it is asked in (None: the real one)."""

    __slots__ = ("evaluation", "lens", "node", "reads", "scope", "since", "world")

    def __init__(self, store: Store, node: AsyncConstraintNode) -> None:
        self.node = node
        self.since = store.observers.clock()
        self.evaluation = node.evaluation
        self.scope = trio.CancelScope(shield=True)
        self.world = node.world
        self.reads = SeenReads(node, store.revision)
        self.lens: Lens = (
            FollowingLens(store.modules, self.reads)
            if self.world is None
            else FollowingWorldLens(self.world, self.reads)
        )

    def read(self, node: Any) -> Any:
        """Read a node for the condition."""
        shown = node if self.world is None else self.world.shadow(node)
        self.reads.append(shown)
        return shown.recall()


class AsyncConstraints:
    """The async constraints that are being asked."""

    def __init__(self, store: Store, boundary: Boundary, timers: Timers, wake: Callable[[], None]) -> None:
        self.store = store
        self.boundary = boundary
        self.timers = timers
        self.wake = wake
        self.planner: Planner
        self.tasks: Tasks
        self.asking: dict[AsyncConstraintNode, Asking] = {}
        self.under_way: dict[Asking, None] = {}
        """The questions whose tasks go on, also those that nobody waits for and that still clean up."""

    def ask(self, node: AsyncConstraintNode) -> None:
        """Ask a constraint in a task of its own."""
        asking = self.asking[node] = Asking(self.store, node)
        self.under_way[asking] = None
        self.tasks.start(self._ask, node, asking, name=f"constraint {node.id}")

    def abandon(self, node: AsyncConstraintNode, reason: CancelKind = "superseded") -> None:
        """Nobody waits for this answer any more."""
        asking = self.asking.pop(node, None)
        if asking is not None:
            asking.reads.closed = True
            asking.scope.cancel(reason=reason)

    def stop(self) -> None:
        """The system stops: ask nothing any more."""
        for node in list(self.asking):
            self.abandon(node, "stopped")

    async def _ask(self, node: AsyncConstraintNode, asking: Asking) -> None:
        timeout = node.definition.timeout
        limit = trio.CancelScope()
        timer = self.timers.call_at(trio.current_time() + timeout, lambda: limit.cancel(reason="timeout"))
        answer: tuple[Record, ...] | Exception = NOTHING
        try:
            with self.store.purely(), asking.scope, limit:
                await trio.lowlevel.checkpoint_if_cancelled()
                answer = await self._answer(node, asking)
        except Exception as error:  # noqa: BLE001  # whatever the user's constraint raises
            answer = error
        finally:
            timer.cancel()
            asking.reads.closed = True
            del self.under_way[asking]
            self.wake()
        raised = answer if isinstance(answer, Exception) else None
        if limit.cancel_called:
            late = answer = ConstraintTimeoutError(node.id, timeout)
            late.__cause__ = raised
        if self.asking.get(node) is asking:
            del self.asking[node]
            self.planner.answered(node, asking.evaluation, answer)
        elif raised is not None:  # while it cleaned up
            self.boundary.report_unjudged(node.id, raised)

    async def _answer(self, node: AsyncConstraintNode, asking: Asking) -> tuple[Record, ...]:
        if not node.question.holds(asking.read):
            return NOTHING
        return as_demand(await node.definition.function(asking.lens.beside(node.definition.module)))
