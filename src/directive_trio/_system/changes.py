"""The changes of one target, as an async iterator."""

from collections import deque
from collections.abc import Callable

import trio

from directive_trio.errors import LifecycleError


class Changes:
    """``async for new, old in changes``: the changes since the block began, in order, none lost."""

    def __init__(self, remove: Callable[[], None]) -> None:
        self._items: deque[tuple[object, object]] = deque()
        self._remove = remove
        self._more = trio.Event()
        self._ended = False

    def put(self, new: object, old: object) -> None:
        """Add one change."""
        self._items.append((new, old))
        self._more.set()

    def end(self) -> None:
        """The system is destroyed: after what is left, iteration raises."""
        self._ended = True
        self._more.set()

    def close(self) -> None:
        """The block is left."""
        self._remove()

    def __aiter__(self) -> "Changes":
        return self

    async def __anext__(self) -> tuple[object, object]:
        await trio.lowlevel.checkpoint()
        while not self._items:
            if self._ended:
                raise LifecycleError("watch changes", "destroyed")
            self._more = trio.Event()
            await self._more.wait()
        return self._items.popleft()
