"""Settlement: is anything outstanding, who waits for that, and who holds it up.

Whoever waits is parked and woken by the scheduler's own means: no event, and no cancel scope for the deadline,
which is one of the system's timers.
"""

import math
from collections.abc import Callable
from typing import Any

import trio

from directive_trio._runtime.timers import Timer, Timers
from directive_trio.errors import LifecycleError, SettleTimeoutError


class Waiter:
    """A task that waits for rest; *retries*: scheduled retries count as outstanding."""

    __slots__ = ("late", "retries", "task")

    def __init__(self, retries: bool) -> None:
        self.retries = retries
        self.late = False
        self.task: trio.lowlevel.Task | None = None

    async def sleep(self) -> None:
        """Wait until woken."""
        self.task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._abort)

    def _abort(self, _: Any) -> trio.lowlevel.Abort:
        self.task = None
        return trio.lowlevel.Abort.SUCCEEDED

    def wake(self) -> None:
        """Have it look again."""
        if self.task is not None:
            task, self.task = self.task, None
            trio.lowlevel.reschedule(task)

    def time_out(self) -> None:
        """Its time is over."""
        self.late = True
        self.wake()


class Settlement:
    """Whoever waits for rest. What counts as rest is the loop's to say."""

    def __init__(self, settled: Callable[[bool], bool], state: Callable[[], str], timers: Timers) -> None:
        self._settled = settled
        self._state = state
        self._timers = timers
        self.failing = False
        """Whether it is an error that ends the system."""
        self.waiting: dict[Waiter, None] = {}

    def look(self) -> None:
        """Wake those for whom it is settled now."""
        if self._settled(False):
            everything = self._settled(True)
            for waiter in self.waiting:
                if everything or not waiter.retries:
                    waiter.wake()

    def wake_all(self) -> None:
        """Wake everybody: the system stops."""
        for waiter in self.waiting:
            waiter.wake()

    async def wait(self, within: float | None, retries: bool, failure: Callable[[float], SettleTimeoutError]) -> None:
        """Wait until settled; a checkpoint in every case."""
        limit = math.inf if within is None else within
        if self._settled(retries):
            await trio.lowlevel.checkpoint()  # else it will sleep, which is one too
        waiter = Waiter(retries)
        timer = self._timer(limit, waiter)
        self.waiting[waiter] = None
        try:
            await self._until_settled(waiter)
        finally:
            del self.waiting[waiter]
            if timer is not None:
                timer.cancel()
        if waiter.late and not self._settled(retries):  # it may have come to rest in the very tick of the deadline
            raise failure(limit)

    def _timer(self, limit: float, waiter: Waiter) -> Timer | None:
        return None if limit == math.inf else self._timers.call_at(trio.current_time() + limit, waiter.time_out)

    async def _until_settled(self, waiter: Waiter) -> None:
        while not waiter.late:
            if self._state() != "running":
                await self._give_way(waiter)
                raise LifecycleError("settle", self._state(), "it was stopped while this task waited")
            if self._settled(waiter.retries):
                return
            await waiter.sleep()

    async def _give_way(self, waiter: Waiter) -> None:
        """Let the nursery cancel who waits where an error ends the system: no second error beside it."""
        while self.failing and self._state() == "stopping" and not waiter.late:
            await waiter.sleep()
        await trio.lowlevel.checkpoint_if_cancelled()
