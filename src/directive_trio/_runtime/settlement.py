"""Settlement: is anything outstanding, who waits for that, and who holds it up."""

import math
from collections.abc import Callable

import trio

from directive_trio.errors import LifecycleError, SettleTimeoutError


class Settlement:
    """Whoever waits for rest. What counts as rest is the loop's to say."""

    def __init__(self, settled: Callable[[bool], bool], state: Callable[[], str]) -> None:
        self._settled = settled
        self._state = state
        self.failing = False
        """Whether it is an error that ends the system."""
        self._waiting: dict[trio.Event, bool] = {}

    def look(self) -> None:
        """Wake those for whom it is settled now."""
        if self._waiting and self._settled(False):
            everything = self._settled(True)
            for event, retries in self._waiting.items():
                if everything or not retries:
                    event.set()

    def wake_all(self) -> None:
        """Wake everybody: the system stops."""
        for event in self._waiting:
            event.set()

    async def wait(self, within: float | None, retries: bool, failure: Callable[[float], SettleTimeoutError]) -> None:
        """Wait until settled; a checkpoint in every case."""
        await trio.lowlevel.checkpoint()
        limit = math.inf if within is None else within
        with trio.move_on_after(limit):
            while True:
                if self._state() != "running":
                    await self._give_way(retries)
                    raise LifecycleError("settle", self._state(), "it was stopped while this task waited")
                if self._settled(retries):
                    return
                await self._sleep(retries)
        if not self._settled(retries):  # it may have come to rest in the very tick of the deadline
            raise failure(limit)

    async def _give_way(self, retries: bool) -> None:
        """Let the nursery cancel who waits where an error ends the system: no second error beside it."""
        while self.failing and self._state() == "stopping":
            await self._sleep(retries)
        await trio.lowlevel.checkpoint_if_cancelled()

    async def _sleep(self, retries: bool) -> None:
        event = trio.Event()
        self._waiting[event] = retries
        try:
            await event.wait()
        finally:
            del self._waiting[event]
