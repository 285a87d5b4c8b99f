"""Effects: sync ones inline in the pass, async ones as tasks, each with a cleanup before its next run.

An effect follows its reads at once, so that what it writes to something it has read counts as a change. A new
run of an async effect supersedes the last: that one is cancelled, and the new one begins when it has ended.

An effect may stop the system, or switch itself off, while it runs. Then no other effect runs, and what it returns
as its cleanup is called right away.
"""

from collections.abc import Callable
from typing import Any

import trio

from directive_trio._definitions.effect import Effect
from directive_trio._definitions.results import refuse_result, refuse_unrun
from directive_trio._observation.observations import EffectError, EffectRun
from directive_trio._runtime.boundary import Boundary
from directive_trio._runtime.tasks import Tasks
from directive_trio._store.cell import ENGINE
from directive_trio._store.graph import CLEAN, STALE, Sink
from directive_trio._store.lenses import FollowedReads, FollowingLens, Lens, WriterLens
from directive_trio._store.store import Store


class EffectNode(Sink):
    """One effect in one system."""

    __slots__ = ("began", "cleanup", "definition", "disabled", "held", "order", "paused", "reads", "sources", "task")

    def __init__(self, queue: list[Any], definition: Effect[Any], order: int, sources: tuple[Any, ...]) -> None:
        super().__init__(queue)
        self.definition = definition
        self.order = order
        self.sources = sources
        self.disabled = False
        self.reset()

    def reset(self) -> None:
        """Become what an effect is before its system starts. Whether it is disabled stays."""
        self.began = False
        self.held = False
        """Whether the ``on`` predicate held when it was last asked."""
        self.paused = False
        self.cleanup: Callable[[], object] | None = None
        self.task: EffectTask | None = None
        self.reads: FollowedReads | None = None

    @property
    def id(self) -> str:
        """The qualified name."""
        return self.definition.id


class EffectTask:
    """One run of an async effect."""

    __slots__ = ("ended", "scope", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.scope = trio.CancelScope(shield=True)
        self.ended = trio.Event()


class Effects:
    """The effects of one system."""

    def __init__(self, store: Store, boundary: Boundary, wake: Callable[[], None]) -> None:
        self.store = store
        self.observers = store.observers
        self.boundary = boundary
        self.wake = wake
        self.tasks: Tasks
        self.marked: list[EffectNode] = []
        self.nodes: dict[str, EffectNode] = {}
        self.under_way = 0
        self.running = False
        """Whether effects are being run in a pass: what they ask for is done after it."""
        self.stopped = True
        """Whether nothing may run any more; set as soon as somebody asks the system to stop."""
        self.throw: list[Exception] = []
        """What the error boundary wants to leave the system, from cleanups outside a pass."""
        self.wrote: Callable[[Any], None] = lambda _: None
        """Told which effect has written in the pass: the guard against rings wants to know."""

    def adopt(self, node: EffectNode) -> None:
        """Take one more effect; it is due, if the system runs."""
        self.nodes[node.id] = node
        if not self.stopped:
            self._mark(node)

    @property
    def next_order(self) -> int:
        """The place of one that comes last."""
        return max((node.order for node in self.nodes.values()), default=-1) + 1

    def remove(self, node: EffectNode) -> None:
        """An effect is no longer one of the system's: clean up after it."""
        self.switch(node, False)
        del self.nodes[node.id]

    def begin(self) -> None:
        """The system starts: every effect is due."""
        self.stopped = False
        self.throw = []
        self.marked[:] = self.nodes.values()
        for node in self.marked:
            node.state = STALE

    def _mark(self, node: EffectNode) -> None:
        if node not in self.marked:
            node.state = STALE
            self.marked.append(node)

    def run_due(self, throw: list[Exception]) -> None:
        """Run what is due, in the order of declaration. What this makes due is left for the next pass."""
        throw += self.throw
        self.throw = []
        if not self.marked:
            return
        self.running = True
        try:
            self._run_marked(throw)
        finally:
            self.running = False

    def _run_marked(self, throw: list[Exception]) -> None:
        due, self.marked[:] = sorted(self.marked, key=lambda node: node.order), []
        for node in due:
            if self.stopped:
                break
            if node.disabled:
                continue
            if node.paused:
                self.marked.append(node)
            elif self._is_due(node, throw):
                self._run(node, throw)

    def resume(self) -> None:
        """A change has come from outside: whoever went round in circles may try again."""
        for node in self.marked:
            node.paused = False

    @property
    def due(self) -> bool:
        """Whether an effect would run now."""
        if not self.marked:
            return bool(self.throw)
        return bool(self.throw) or any(not node.paused and not node.disabled for node in self.marked)

    def _is_due(self, node: EffectNode, throw: list[Exception]) -> bool:
        first = not node.began
        if not first and not self.store.changed(node):
            node.state = CLEAN
            return False
        node.began = True
        if node.definition.on is None:
            return True
        held, node.held = node.held, self._holds(node, throw)
        return node.held and not held

    def _holds(self, node: EffectNode, throw: list[Exception]) -> bool:
        predicate = node.definition.on
        assert predicate is not None  # only asked where there is one
        view = self.store.tracking.beside(node.definition.module)

        def ask() -> bool:
            self._read_sources(node, self.store.tracking.reads)
            answer: object = predicate(view)
            if not isinstance(answer, bool):
                refuse_unrun(f"the predicate of effect {node.id!r}", answer)
            return bool(answer)

        try:
            return bool(self.store.track(node, ask))
        except Exception as error:  # noqa: BLE001  # the user's predicate; it does not hold
            self._report(node, "run", error, throw)
            return False

    def _read_sources(self, node: EffectNode, reads: Any) -> None:
        for source in node.sources:
            reads.append(source)

    def _run(self, node: EffectNode, throw: list[Exception]) -> None:
        self._clean_up(node, throw)
        if self._is_over(node):  # its cleanup may say so
            return
        if self.observers.listening:
            self.observers.tell(EffectRun, node.id)
        view = self._view(node)
        if node.definition.is_async:
            self._start(node, view)
            return
        revision = self.store.revision
        try:
            node.cleanup = self._call(node, view)
        except Exception as error:  # noqa: BLE001  # whatever the user's effect raises
            self._report(node, "run", error, throw)
        if self._is_over(node):
            self._clean_up(node, throw)
        if self.store.revision != revision:
            self.wrote(node)

    def _is_over(self, node: EffectNode) -> bool:
        return self.stopped or node.disabled

    def _call(self, node: EffectNode, view: Any) -> Any:
        reads = node.reads
        try:
            cleanup = node.definition.function(view)
        finally:
            if reads is not None:
                reads.closed = True
        if cleanup is not None and not callable(cleanup):
            refuse_result(f"effect {node.id!r}", cleanup, "it returns a cleanup or None")
        return cleanup

    def _view(self, node: EffectNode) -> Any:
        """Make the view of one run. With ``on``, only the predicate is followed."""
        store = self.store
        if node.definition.on is not None:
            reader: Lens = store.lens
        else:
            self._forget(node)
            node.state = CLEAN
            node.reads = FollowedReads(node, self.store.revision)
            self._read_sources(node, node.reads)
            reader = FollowingLens(store.modules, node.reads)
        if node.definition.is_async:
            return WriterLens(reader, lambda cell, value: store.write(cell, value, ENGINE)).own(node.definition.module)
        return WriterLens(reader, store.write).own(node.definition.module)

    def _forget(self, node: EffectNode) -> None:
        if node.reads is not None:
            node.reads.closed = True
        self.store.disconnect(node)

    # -- async effects ----------------------------------------------------------------------------

    def _start(self, node: EffectNode, view: Any) -> None:
        before, task = node.task, EffectTask(self.observers.clock())
        node.task = task
        self.under_way += 1
        self.tasks.start(self._run_task, node, task, before, view, name=f"effect {node.id}")

    async def _run_task(self, node: EffectNode, task: EffectTask, before: EffectTask | None, view: Any) -> None:
        throw: list[Exception] = []
        reads = node.reads
        try:
            if before is not None:
                with trio.CancelScope(shield=True):
                    await before.ended.wait()
            with task.scope:
                await trio.lowlevel.checkpoint_if_cancelled()
                result: Any = node.definition.function(view)
                await result
        except Exception as error:  # noqa: BLE001  # whatever the user's effect raises
            self._report(node, "run", error, throw)
        finally:
            task.ended.set()
            self.under_way -= 1
            if reads is not None:
                reads.closed = True
            if node.task is task:
                node.task = None
            self.wake()
        if throw:
            raise throw[0]

    # -- cleanup ----------------------------------------------------------------------------------

    def _clean_up(self, node: EffectNode, throw: list[Exception]) -> None:
        if node.task is not None:
            node.task.scope.cancel(reason="superseded")
        cleanup, node.cleanup = node.cleanup, None
        if cleanup is not None:
            try:
                outcome = cleanup()
                if outcome is not None:
                    refuse_unrun(f"the cleanup of effect {node.id!r}", outcome)
            except Exception as error:  # noqa: BLE001  # the user's cleanup
                self._report(node, "cleanup", error, throw)

    def cancel_tasks(self) -> None:
        """The system stops: no task goes on."""
        self.marked.clear()
        for node in self.nodes.values():
            if node.task is not None:
                node.task.scope.cancel(reason="stopped")

    def clean_up(self) -> None:
        """The system stops: call the cleanups, in reverse order."""
        for node in reversed([*self.nodes.values()]):  # a cleanup may unregister modules
            self._clean_up(node, self.throw)
            self._forget(node)

    def reset(self) -> None:
        """The system has stopped."""
        for node in self.nodes.values():
            node.reset()

    def switch(self, node: EffectNode, on: bool) -> None:
        """Enable or disable an effect. Disabling cleans up; enabling runs it in the next pass."""
        if node.disabled is not on:
            return
        node.disabled = not on
        if on:
            node.began = node.held = False
            self._mark(node)
        else:
            self._clean_up(node, self.throw)
            self._forget(node)

    def _report(self, node: EffectNode, phase: str, error: Exception, throw: list[Exception]) -> None:
        if self.observers.listening:
            self.observers.tell(EffectError, node.id, phase, error)
        strategy = self.boundary.recover("effect", node.id, error)
        if strategy == "disable":
            self.switch(node, False)
        elif strategy == "throw":
            throw.append(error)
