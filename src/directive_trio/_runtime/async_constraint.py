"""Asking async constraints: tasks beside the loop, so that a slow one delays nobody."""

from collections.abc import Callable
from typing import Any

import trio

from directive_trio._definitions.record import Record
from directive_trio._planning.answer import NOTHING, as_demand
from directive_trio._planning.constraint_node import ConstraintNode
from directive_trio._planning.inputs import real_of, value_of
from directive_trio._planning.planner import Planner
from directive_trio._runtime.tasks import Tasks
from directive_trio._runtime.timers import Timers
from directive_trio._store.lenses import FollowedReads, FollowingLens, Lens
from directive_trio._store.store import Store
from directive_trio._store.worlds import FollowingWorldLens
from directive_trio.errors import ConstraintTimeoutError


class SeenReads(FollowedReads):
    """Reads that are followed at once, noted with their values for the constraint's next judgement."""

    __slots__ = ()

    def __setitem__(self, node: Any, nothing: None) -> None:
        known = node in self or self.closed
        super().__setitem__(node, nothing)
        if not known:
            self.sink.seen.append((real_of(node), value_of(node)))


class Asking:
    """One question under way: its scope, what it reads, and the world it is asked in (None: the real one)."""

    __slots__ = ("evaluation", "lens", "reads", "scope", "world")

    def __init__(self, store: Store, node: ConstraintNode) -> None:
        self.evaluation = node.evaluation
        self.scope = trio.CancelScope(shield=True)
        self.world = node.world
        self.reads = SeenReads(node)
        self.lens: Lens = (
            FollowingLens(store.modules, self.reads)
            if self.world is None
            else FollowingWorldLens(self.world, self.reads)
        )

    def read(self, node: Any) -> Any:
        """Read a node for the condition."""
        shown = node if self.world is None else self.world.shadow(node)
        self.reads[shown] = None
        return shown.recall()


class AsyncConstraints:
    """The async constraints that are being asked."""

    def __init__(self, store: Store, timers: Timers, wake: Callable[[], None]) -> None:
        self.store = store
        self.timers = timers
        self.wake = wake
        self.planner: Planner
        self.tasks: Tasks
        self.asking: dict[ConstraintNode, Asking] = {}
        self.under_way = 0

    def ask(self, node: ConstraintNode) -> None:
        """Ask a constraint in a task of its own."""
        asking = self.asking[node] = Asking(self.store, node)
        self.under_way += 1
        self.tasks.start(self._ask, node, asking, name=f"constraint {node.id}")

    def abandon(self, node: ConstraintNode) -> None:
        """Nobody waits for this answer any more."""
        asking = self.asking.pop(node, None)
        if asking is not None:
            asking.reads.closed = True
            asking.scope.cancel(reason="superseded")

    async def _ask(self, node: ConstraintNode, asking: Asking) -> None:
        timeout = node.definition.timeout
        timed_out = trio.CancelScope()
        timer = self.timers.call_at(trio.current_time() + timeout, lambda: timed_out.cancel(reason="timeout"))
        demand = NOTHING
        failure: Exception | None = None
        try:
            with asking.scope, timed_out:
                demand = await self._answer(node, asking)
        except Exception as error:  # noqa: BLE001  # whatever the user's constraint raises
            failure = error
        finally:
            timer.cancel()
            self.under_way -= 1
            asking.reads.closed = True
        if self.asking.get(node) is asking:
            del self.asking[node]
        if timed_out.cancelled_caught and failure is None:
            failure = ConstraintTimeoutError(node.id, timeout)
        if failure is None:
            self.planner.answered(node, asking.evaluation, demand)
        else:
            self.planner.unanswered(node, asking.evaluation, failure)
        self.wake()

    async def _answer(self, node: ConstraintNode, asking: Asking) -> tuple[Record, ...]:
        if not node.question.holds(asking.read):
            return NOTHING
        return as_demand(await node.question.function(asking.lens.beside(node.definition.module)))
