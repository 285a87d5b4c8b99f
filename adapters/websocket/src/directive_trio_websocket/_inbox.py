"""Messages that have come and were not taken yet: at most so many."""

from collections import deque
from typing import Literal, TypeAlias, final, get_args

import trio

from directive_trio.errors import DefinitionError
from directive_trio_websocket.errors import InboundOverflowError

Overflow: TypeAlias = Literal["block", "drop_oldest", "fail"]
"""What happens when messages come faster than they are taken.

``block``: no more are read, so that the server has to wait. ``drop_oldest``: the oldest make room. ``fail``: the
connection is given up and made anew, with a gap.
"""


def check_overflow(overflow: object) -> None:
    """Refuse what is no policy.

    Raises:
        DefinitionError: Names those there are.
    """
    if overflow not in get_args(Overflow):
        raise DefinitionError(f"overflow={overflow!r} is none of {', '.join(get_args(Overflow))}")


@final
class Inbox:
    """Between who reads messages and who takes them, where neither waits for the other."""

    def __init__(self, size: int, overflow: Overflow) -> None:
        self._size = size
        self._fails = overflow == "fail"
        self._messages: deque[str | bytes] = deque()
        self._dropped = 0
        self._closed = False
        self._news = trio.Event()

    def put(self, message: str | bytes) -> None:
        """Add a message.

        Raises:
            InboundOverflowError: There is no room, and the policy is to fail.
        """
        if len(self._messages) >= self._size:
            if self._fails:
                raise InboundOverflowError(self._size, 0)
            self._messages.popleft()
            self._dropped += 1
        self._messages.append(message)
        self._news.set()

    def close(self) -> None:
        """No more will come."""
        self._closed = True
        self._news.set()

    async def take(self) -> tuple[list[str | bytes], InboundOverflowError | None]:
        """Wait for messages and take them all: none when it is closed. Tell how many were dropped since."""
        if not (self._messages or self._closed):
            self._news = trio.Event()
            await self._news.wait()
        messages = list(self._messages)
        self._messages.clear()
        dropped, self._dropped = self._dropped, 0
        return messages, InboundOverflowError(self._size, dropped) if dropped else None
