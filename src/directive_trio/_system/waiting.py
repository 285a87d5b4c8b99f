"""Whoever waits for facts: ``wait_until`` and ``changes``. Both are watchers with somebody asleep behind."""

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio

from directive_trio._definitions.callables import name_of
from directive_trio._definitions.checks import check_duration
from directive_trio._definitions.results import refuse_unrun
from directive_trio._runtime.reconcile_loop import ReconcileLoop
from directive_trio._system.changes import Changes
from directive_trio.errors import LifecycleError, SettleTimeoutError, UsageError, WaitTimeoutError


class Waiting:
    """Those who wait for facts of one system."""

    def __init__(self, loop: ReconcileLoop, view: Any) -> None:
        self.loop = loop
        self.view = view
        self._changes: set[Changes] = set()
        self._events: set[trio.Event] = set()
        self._ended = False

    async def until(
        self,
        predicate: Callable[[Any], bool],
        within: float | None,
        failure: Callable[[float], SettleTimeoutError],
    ) -> None:
        """Wait until *predicate* holds; a checkpoint in every case."""
        name = name_of(predicate)
        event = trio.Event()

        def holds() -> bool:
            answer: object = predicate(self.view)
            if not isinstance(answer, bool):
                refuse_unrun(f"predicate {name!r}", answer)
            return bool(answer)

        watcher = self.loop.watchers.add(name, holds, lambda holds, _: event.set() if holds else None)
        limit = math.inf if within is None else within
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
        if not self._ended:
            self._events.add(event)
            try:
                await event.wait()
            finally:
                self._events.discard(event)
        if self._ended:
            raise LifecycleError("wait", "destroyed")

    @asynccontextmanager
    async def changes(self, name: str, select: Callable[[], Any]) -> AsyncIterator[Changes]:
        """Collect the changes of a selector while the block lasts."""
        if self._ended:  # since the block was prepared
            raise LifecycleError("watch changes", "destroyed")
        changes = Changes()
        watcher = self.loop.watchers.add(name, select, changes.put)
        self._changes.add(changes)
        try:
            await trio.lowlevel.checkpoint()
            yield changes
        finally:
            self._changes.discard(changes)
            self.loop.watchers.remove(watcher)
            changes.close()

    def end(self) -> None:
        """The system is destroyed: wake everybody."""
        self._ended = True
        for changes in self._changes:
            changes.end()
        for event in self._events:
            event.set()


def check_timeout(what: str, timeout: object) -> None:
    """Refuse what is neither None nor a time in seconds."""
    if timeout is not None:
        check_duration(what, timeout, UsageError)
