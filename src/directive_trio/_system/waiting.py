"""Whoever waits for facts: ``wait_until`` and ``changes``. Both are watchers with somebody asleep behind."""

import math
from collections.abc import Callable
from typing import Any

import trio

from directive_trio._definitions.calls import name_of
from directive_trio._runtime.boundary import Boundary
from directive_trio._runtime.reconcile_loop import ReconcileLoop
from directive_trio._runtime.watchers import Watcher
from directive_trio._store.store import Store
from directive_trio._system.changes import Changes
from directive_trio.errors import LifecycleError, SettleTimeoutError, WaitTimeoutError


class Waiting:
    """Those who wait for facts of one system."""

    def __init__(self, store: Store, loop: ReconcileLoop, boundary: Boundary, view: Any) -> None:
        self.store = store
        self.loop = loop
        self.boundary = boundary
        self.view = view
        self._changes: set[Changes] = set()
        self._events: set[trio.Event] = set()
        self._ended = False

    async def until(
        self,
        predicate: Callable[[Any], bool],
        timeout: float | None,
        failure: Callable[[float], SettleTimeoutError],
    ) -> None:
        """Wait until *predicate* holds; a checkpoint in every case."""
        name = name_of(predicate)
        event = trio.Event()
        watcher = self.loop.watchers.add(
            name, lambda: bool(predicate(self.view)), lambda holds, _: event.set() if holds else None
        )
        limit = math.inf if timeout is None else timeout
        try:
            await trio.lowlevel.checkpoint()
            if watcher.value:
                return
            with trio.move_on_after(limit):
                await self._sleep(event)
                return
        finally:
            self.loop.watchers.remove(watcher)
        found = failure(limit)
        raise WaitTimeoutError(name, limit, found.holders, found.unmet)

    async def _sleep(self, event: trio.Event) -> None:
        self._events.add(event)
        try:
            await event.wait()
        finally:
            self._events.discard(event)
        if self._ended:
            raise LifecycleError("wait", "destroyed")

    def changes(self, name: str, select: Callable[[], Any]) -> Changes:
        """Begin to collect the changes of a selector."""
        found: list[Watcher] = []

        def remove() -> None:
            self._changes.discard(changes)
            self.loop.watchers.remove(found[0])

        changes = Changes(remove)
        found.append(self.loop.watchers.add(name, select, changes.put))
        self._changes.add(changes)
        return changes

    def end(self) -> None:
        """The system is destroyed: wake everybody."""
        self._ended = True
        for changes in self._changes:
            changes.end()
        for event in self._events:
            event.set()
