"""Scheduled retries: requirements that the strategy ``retry_later`` runs again after a wait."""

from collections.abc import Callable

import trio

from directive_trio._planning.wanted import Wanted
from directive_trio._runtime.timers import Timer, Timers


class ScheduledRetries:
    """One timer for each requirement that waits."""

    def __init__(self, timers: Timers, due: Callable[[Wanted], None]) -> None:
        self.timers = timers
        self.due = due
        self.scheduled: dict[Wanted, Timer] = {}

    def schedule(self, wanted: Wanted, delay: float) -> None:
        """Run *wanted* again after *delay* seconds."""
        self.scheduled[wanted] = self.timers.call_at(trio.current_time() + delay, lambda: self._call(wanted))

    def unschedule(self, wanted: Wanted) -> None:
        """Do not, after all."""
        timer = self.scheduled.pop(wanted, None)
        if timer is not None:
            timer.cancel()

    def clear(self) -> None:
        """Forget all."""
        for wanted in list(self.scheduled):
            self.unschedule(wanted)

    def _call(self, wanted: Wanted) -> None:
        del self.scheduled[wanted]
        self.due(wanted)
