"""Looking: the part of a system's handle by which a program waits for it, watches it, and asks it why."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar, overload

from directive_trio._definitions.callables import name_of
from directive_trio._definitions.checks import check_flag, check_sync_function
from directive_trio._definitions.constraint import Constraint
from directive_trio._definitions.derivation import Derivation
from directive_trio._definitions.record import Record
from directive_trio._observation.observations import Observation
from directive_trio._observation.observers import Observers
from directive_trio._planning.planner import Planner
from directive_trio._runtime.events import Events
from directive_trio._runtime.reconcile_loop import ReconcileLoop
from directive_trio._system.explanation import Explanation, explain
from directive_trio._system.graph import SystemGraph, draw
from directive_trio._system.inspection import Inspection, inspect
from directive_trio._system.lifecycle import Life
from directive_trio._system.names import Names
from directive_trio._system.view import SystemView
from directive_trio._system.waiting import Waiting, check_timeout
from directive_trio.errors import SettleTimeoutError, UsageError

T = TypeVar("T")


class Looking:
    """What a program does with a system that it leaves as it is."""

    _names: Names
    _observers: Observers
    _events: Events
    _planner: Planner
    _loop: ReconcileLoop
    _life: Life
    _view: SystemView
    _waiting: Waiting

    # -- waiting and watching ---------------------------------------------------------------------

    @property
    def is_settled(self) -> bool:
        """Whether nothing is outstanding: no pass, run, async constraint or effect, no scheduled retry."""
        return self._loop.is_settled()

    async def settle(self, timeout: float | None = 5, *, retries: bool = True) -> None:  # noqa: ASYNC109
        """Wait until nothing is outstanding. Level-triggered: returns at once if it is so.

        Args:
            timeout: Seconds from now; None waits for ever. It is a parameter, not a scope around the call,
                because the error names the holders.
            retries: Whether scheduled retries count as outstanding.

        Raises:
            SettleTimeoutError: Unsettled after *timeout*; names every holder. The system goes on.
            UsageError: *timeout* is no duration.
            LifecycleError: The system is not running, stops meanwhile, or the caller is inside it.

        Cancellation:
            A checkpoint on every call. Cancelling leaves the system untouched.
        """
        check_timeout("settle(timeout=)", timeout)
        check_flag("settle(retries=)", retries, UsageError)
        self._life.refuse_unless_running("settle")
        self._life.refuse_inside("settle")
        self._loop.check_facts()
        await self._loop.settlement.wait(timeout, retries, self._settle_failure)

    def _settle_failure(self, timeout: float) -> SettleTimeoutError:
        return SettleTimeoutError(timeout, tuple(self._loop.holders()), tuple(self._planner.unmet()), self._loop.due)

    async def wait_until(
        self,
        predicate: Callable[[SystemView], bool],
        *,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> None:
        """Wait until *predicate* of the system holds; it is asked again only when what it read has changed.

        Judged once a pass: what becomes true and false again within one pass is missed.

        Args:
            predicate: ``lambda view: view[auth].is_valid``.
            timeout: Seconds from now; None waits for ever.

        Raises:
            WaitTimeoutError: It does not hold after *timeout*; names what is outstanding.
            UsageError: *predicate* is no sync function, or *timeout* no duration.
            LifecycleError: The system is destroyed, or was destroyed meanwhile.
            Exception: What the predicate raises when it is first asked.

        Cancellation:
            A checkpoint on every call. Cancelling takes the predicate away.
        """
        check_sync_function("wait_until()", predicate, UsageError)
        check_timeout("wait_until(timeout=)", timeout)
        self._life.refuse_destroyed("wait")
        await self._waiting.until(predicate, timeout, self._settle_failure)

    @overload
    def changes(self, target: str, /) -> AbstractAsyncContextManager[AsyncIterator[tuple[Any, Any]]]: ...
    @overload
    def changes(self, target: Derivation[Any, T], /) -> AbstractAsyncContextManager[AsyncIterator[tuple[T, T]]]: ...
    @overload
    def changes(
        self, target: Callable[[SystemView], T], /
    ) -> AbstractAsyncContextManager[AsyncIterator[tuple[T, T]]]: ...
    def changes(self, target: Any, /) -> AbstractAsyncContextManager[AsyncIterator[tuple[Any, Any]]]:
        """Iterate over the changes of a target, from now on: ``async for new, old in changes``.

        One item a pass at most. Items wait until they are taken. Iteration raises `LifecycleError` when the
        system is destroyed.

        Args:
            target: A derivation's handle, a name, or a selector ``lambda view: ...``.

        Raises:
            UnknownNameError: The name or handle means nothing here.
            UsageError: It is neither a name, nor a handle, nor a sync function.
            LifecycleError: The system is destroyed.
            Exception: What the selector raises when it is first asked, which is when the block begins.

        Cancellation:
            The block and each step of the iteration begin with a checkpoint. Cancelling a step takes no change.
        """
        self._life.refuse_destroyed("watch changes")
        return self._waiting.changes(*self._target(target))

    @overload
    def watch(self, target: str, callback: Callable[[Any, Any], object], /) -> Callable[[], None]: ...
    @overload
    def watch(self, target: Derivation[Any, T], callback: Callable[[T, T], object], /) -> Callable[[], None]: ...
    @overload
    def watch(self, target: Callable[[SystemView], T], callback: Callable[[T, T], object], /) -> Callable[[], None]: ...
    def watch(self, target: Any, callback: Callable[[Any, Any], object], /) -> Callable[[], None]:
        """Call ``callback(new, old)`` in the pass after a change of *target*. Returns what ends it.

        Args:
            target: A derivation's handle, a name, or a selector ``lambda view: ...``.
            callback: Sync; may write and dispatch. What it raises is reported, never fatal.

        Raises:
            UnknownNameError: The name or handle means nothing here.
            UsageError: *target* is neither a name, nor a handle, nor a sync function, or *callback* is not sync.
            LifecycleError: The system is destroyed.
            Exception: What the selector raises now, when it is first asked.
        """
        self._life.refuse_destroyed("watch")
        name, select = self._target(target)
        check_sync_function("watch(callback)", callback, UsageError)
        watcher = self._loop.watchers.add(name, select, callback)
        return lambda: self._loop.watchers.remove(watcher)

    def _target(self, target: Any) -> tuple[str, Callable[[], Any]]:
        if isinstance(target, str | Derivation):
            name = self._names.node(target).name
            return name, lambda: self._planner.read(self._names.node(target))  # a module may be replaced
        check_sync_function("what is watched", target, UsageError, expected="a name, a derivation or a sync function")
        return name_of(target), lambda: target(self._view)

    # -- seeing -----------------------------------------------------------------------------------

    def observe(self, callback: Callable[[Observation], object], /) -> Callable[[], None]:
        """Tell *callback* every observation from now on. Returns what ends it.

        It only looks: a write, dispatch or transaction inside it raises `LifecycleError`. What it raises is
        reported and observed as ``observer.error``.

        Raises:
            UsageError: It is no sync function.
            LifecycleError: The system is destroyed.
        """
        self._life.refuse_destroyed("observe")
        check_sync_function("observe()", callback, UsageError)
        return self._observers.add(callback)

    def inspect(self) -> Inspection:
        """Return one frozen picture of everything."""
        return inspect(self._life.state, self._loop)

    def explain(self, target: "str | Record | Constraint[Any, Any] | Derivation[Any, Any]", /) -> Explanation:
        """Return why *target* is so, or why not; ``str()`` prints a tree.

        Args:
            target: A handle, a name, a requirement, or an id as observations print it.

        Raises:
            UnknownNameError: It names nothing.
            UsageError: It is nothing that has a name.
        """
        return explain(target, self._names, self._loop, self._events)

    def graph(self) -> SystemGraph:
        """Return nodes and edges: facts, derivations, constraints, requirements, resolvers, effects, sources."""
        return draw(self._loop)
