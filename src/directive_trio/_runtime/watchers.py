"""Watchers: whoever outside the engine wants to hear of a change: ``watch``, ``changes``, ``wait_until``.

They are judged once a pass, before effects, with all derivations already invalidated. What a watcher writes
makes other watchers due in the same pass, round by round; a hundred rounds are a ring.
"""

from collections.abc import Callable
from itertools import count
from typing import Any

from directive_trio._definitions.results import refuse_unrun
from directive_trio._observation.observations import WatcherError
from directive_trio._runtime.boundary import Boundary
from directive_trio._store.equality import same
from directive_trio._store.graph import CLEAN, Sink
from directive_trio._store.store import Store
from directive_trio.errors import ConvergenceError, DerivationError

ROUNDS = 100
"""How many rounds of watchers a pass has before they count as a ring."""


class Watcher(Sink):
    """One selector, its last value, and whom to tell: ``callback(new, old)``."""

    __slots__ = ("callback", "id", "order", "paused", "select", "value")

    def __init__(
        self,
        queue: list[Any],
        name: str,
        order: int,
        select: Callable[[], Any],
        callback: Callable[[Any, Any], object],
    ) -> None:
        super().__init__(queue)
        self.id = name
        self.order = order
        self.select = select
        self.callback = callback
        self.paused = False
        self.value: Any = None


class Watchers:
    """The watchers of one system."""

    def __init__(self, store: Store, boundary: Boundary) -> None:
        self.store = store
        self.boundary = boundary
        self.marked: list[Watcher] = []
        self.all: set[Watcher] = set()
        self._order = count()
        self.running = False
        """Whether watchers are being judged in a pass: what they ask for is done after it."""
        self.wrote: Callable[[Any], None] = lambda _: None

    @property
    def due(self) -> bool:
        """Whether a watcher would be judged now."""
        return bool(self.marked) and any(not watcher.paused for watcher in self.marked)

    def add(self, name: str, select: Callable[[], Any], callback: Callable[[Any, Any], object]) -> Watcher:
        """Begin to watch. The first value is taken now, and tells nobody; what it raises is the caller's."""
        watcher = Watcher(self.marked, name, next(self._order), select, callback)
        try:
            watcher.value = self.store.track(watcher, select)
            refuse_unrun(f"selector {name!r}", watcher.value)
        except BaseException:
            self.store.disconnect(watcher)
            raise
        self.all.add(watcher)
        return watcher

    def remove(self, watcher: Watcher) -> None:
        """Watch no more. Harmless when repeated."""
        self.all.discard(watcher)
        self.store.disconnect(watcher)

    def run_due(self, throw: list[Exception]) -> None:
        """Judge what is due, round by round, until nothing is."""
        self.running = True
        try:
            self._run_marked(throw)
        finally:
            self.running = False

    def _run_marked(self, throw: list[Exception]) -> None:
        waiting = [watcher for watcher in self.marked if watcher.paused]
        rounds = 0
        while due := sorted((watcher for watcher in self.marked if not watcher.paused), key=_order):
            self.marked[:] = []
            rounds += 1
            if rounds > ROUNDS:
                self._stop_ring(due, throw)
                waiting += due
                break
            for watcher in due:
                if watcher in self.all:
                    self._judge(watcher, throw)
        self.marked[:] = waiting

    def resume(self) -> None:
        """A change has come from outside: whoever went round in circles may try again."""
        for watcher in self.marked:
            watcher.paused = False

    def _judge(self, watcher: Watcher, throw: list[Exception]) -> None:
        if not self.store.changed(watcher):
            watcher.state = CLEAN
            return
        try:
            value = self.store.track(watcher, watcher.select)
        except DerivationError as error:
            self._recover("derivation", error.derivation, error, throw)
            return
        except Exception as error:  # noqa: BLE001  # the user's selector
            self._report(watcher, error)
            return
        old, watcher.value = watcher.value, value
        if same(old, value):
            return
        revision = self.store.revision
        try:
            outcome = watcher.callback(value, old)
            if outcome is not None:
                refuse_unrun(f"the callback of watcher {watcher.id!r}", outcome)
        except Exception as error:  # noqa: BLE001  # the user's callback
            self._report(watcher, error)
        if self.store.revision != revision:
            self.wrote(watcher)

    def _report(self, watcher: Watcher, error: Exception) -> None:
        if self.store.observers.listening:
            self.store.observers.tell(WatcherError, watcher.id, error)
        self.boundary.report("watcher", watcher.id, error)

    def _recover(self, kind: str, definition: str, error: Exception, throw: list[Exception]) -> None:
        if self.boundary.recover(kind, definition, error) == "throw":
            throw.append(error)

    def _stop_ring(self, due: list[Watcher], throw: list[Exception]) -> None:
        for watcher in due:
            watcher.paused = True
        ring = tuple(watcher.id for watcher in due)
        self._recover("effect", ring[0], ConvergenceError(ring, ROUNDS, "rounds of watchers"), throw)


def _order(watcher: Watcher) -> int:
    return watcher.order
