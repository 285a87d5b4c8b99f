"""Settlement: is anything outstanding, who waits for that, and who holds it up."""

import math
from collections.abc import Callable

import trio

from directive_trio.errors import LifecycleError, SettleTimeoutError


class Settlement:
    """Whoever waits for rest. What counts as rest is the loop's to say."""

    def __init__(self, settled: Callable[[bool], bool], running: Callable[[], str]) -> None:
        self._settled = settled
        self._state = running
        self._waiting: dict[trio.Event, bool] = {}

    def look(self) -> None:
        """Wake those for whom it is settled now."""
        for event, retries in list(self._waiting.items()):
            if self._settled(retries):
                event.set()

    def wake_all(self) -> None:
        """Wake everybody: the system has stopped."""
        for event in self._waiting:
            event.set()

    async def wait(self, timeout: float | None, retries: bool, failure: Callable[[float], SettleTimeoutError]) -> None:
        """Wait until settled; a checkpoint in every case."""
        await trio.lowlevel.checkpoint()
        limit = math.inf if timeout is None else timeout
        with trio.move_on_after(limit):
            while not self._settled(retries):
                event = trio.Event()
                self._waiting[event] = retries
                try:
                    await event.wait()
                finally:
                    del self._waiting[event]
                if self._state() != "running":
                    raise LifecycleError("settle", self._state(), "it stopped while this task waited")
            return
        raise failure(limit)
