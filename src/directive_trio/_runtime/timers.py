"""Timers: one task that sleeps until the next moment somebody asked for.

Timeouts, scheduled retries and whoever waits for rest share it: a deadline costs a heap entry, not a task or a
scope. A callback is sync and runs in the timer task, so whoever is timed out hears of it before it is cancelled.

Most timers are cancelled long before their moment. They stay in the heap, empty, until it is twice as long as
what was left of it when they were last cleared away: so a timer costs the same, however many there were.
"""

import heapq
import math
from collections.abc import Callable
from itertools import count

import trio

FEW = 64
"""How many entries the heap may have before the cancelled ones are looked for."""


class Timer:
    """One moment on the trio clock, in seconds, and what to call then."""

    __slots__ = ("callback", "moment")

    def __init__(self, moment: float, callback: Callable[[], None]) -> None:
        self.moment = moment
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Do not call. Harmless when it is over."""
        self.callback = None


class Timers:
    """The timers of one running system."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._scope: trio.CancelScope | None = None
        self._enough = FEW

    def call_at(self, moment: float, callback: Callable[[], None]) -> Timer:
        """Call *callback* at *moment*; equal moments in the order of asking."""
        timer = Timer(moment, callback)
        if len(self._heap) >= self._enough:
            self._clear_away()
        heapq.heappush(self._heap, (moment, next(self._order), timer))
        if self._scope is not None and moment < self._scope.deadline:
            self._scope.deadline = moment
        return timer

    def _clear_away(self) -> None:
        self._heap = [entry for entry in self._heap if entry[2].callback is not None]
        heapq.heapify(self._heap)
        self._enough = max(FEW, 2 * len(self._heap))

    async def run(self) -> None:
        """Call what is due, sleep, for ever. Ends by cancellation."""
        while True:
            self._call_due()
            with trio.CancelScope(deadline=self._next()) as self._scope:
                await trio.sleep_forever()

    def _call_due(self) -> None:
        now = trio.current_time()
        while self._heap and self._heap[0][0] <= now:
            timer = heapq.heappop(self._heap)[2]
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback()

    def _next(self) -> float:
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else math.inf
