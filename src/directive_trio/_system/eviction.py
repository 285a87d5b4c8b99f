"""Eviction: the end of a system within a given time, whatever hangs in it.

One task of the system runs the hooks and then asks for the end; whoever called ``evict`` only waits, until its own
deadline. Half of the time belongs to the hooks; then the sources begin to end beside those that are still at it.
"""

from collections.abc import Callable
from typing import final

import trio
from attrs import frozen

from directive_trio._runtime.eviction import EvictionHooks
from directive_trio._runtime.reconcile_loop import ReconcileLoop

TURNS = 100
"""How many turns of the scheduler, which take no time, what was cut off at the deadline has for its last steps."""


@final
@frozen
class EvictionReport:
    """What came of an eviction. ``hung``: the names of what was cut off, or had not ended, at the deadline."""

    clean: bool
    hung: tuple[str, ...]


class Eviction:
    """The eviction of one system; there is one at most."""

    def __init__(self, loop: ReconcileLoop, stop: Callable[[], None]) -> None:
        self._loop = loop
        self._stop = stop
        self._hooks = EvictionHooks(loop.sources)

    def begin(self, deadline: float, *, running: bool) -> None:
        """Run the hooks, if the system is *running*, then ask for the end."""
        self.hasten(deadline)
        if running:
            self._loop.tasks.start(self._drive, deadline, name="eviction")

    async def _drive(self, deadline: float) -> None:
        with trio.CancelScope(shield=True):
            now = trio.current_time()
            await self._hooks.run(now + max(deadline - now, 0) / 2)
            self._stop()

    def hasten(self, deadline: float) -> None:
        """End every shield of the engine at *deadline*, at the latest."""
        self._hooks.hasten(deadline)

    async def wait(self, ended: trio.Event, deadline: float) -> EvictionReport:
        """Wait for the end, at most until *deadline*, and report."""
        with trio.CancelScope(deadline=deadline):
            await ended.wait()
        turns = 0
        while not ended.is_set() and turns < TURNS:
            turns += 1
            await trio.lowlevel.checkpoint()
        return self.report()

    def report(self) -> EvictionReport:
        """Say what hangs, or was cut off."""
        hung = {*self._loop.sources.hung, *self._loop.tasks.left()}
        return EvictionReport(not hung, tuple(sorted(hung)))
