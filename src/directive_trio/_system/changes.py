"""The changes of one target, as an async iterator."""

from collections import deque

import trio

from directive_trio.errors import LifecycleError


class Changes:
    """``async for new, old in changes``: the changes since the block began, in order, none lost.

    Several tasks may iterate; each change goes to one of them.
    """

    def __init__(self) -> None:
        self._items: deque[tuple[object, object]] = deque()
        self._waiting = trio.lowlevel.ParkingLot()
        self._ended = False
        self._closed = False

    def put(self, new: object, old: object) -> None:
        """Add one change."""
        self._items.append((new, old))
        self._waiting.unpark_all()

    def end(self) -> None:
        """The system is destroyed: after what is left, iteration raises."""
        self._ended = True
        self._waiting.unpark_all()

    def close(self) -> None:
        """The block is left: whoever still iterates is told so."""
        self._closed = True
        self._waiting.unpark_all()

    def __aiter__(self) -> "Changes":
        return self

    async def __anext__(self) -> tuple[object, object]:
        await trio.lowlevel.checkpoint()
        while True:
            if self._closed:
                raise trio.ClosedResourceError("the block of `changes` was left")
            if self._items:
                return self._items.popleft()
            if self._ended:
                raise LifecycleError("watch changes", "destroyed")
            await self._waiting.park()
