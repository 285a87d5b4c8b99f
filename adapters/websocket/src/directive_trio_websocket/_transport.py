"""The seam: what an implementation of the WebSocket protocol must offer.

Below it: frames, masks, fragments, the closing handshake. Above it: connecting again, keepalive, deadlines, buffers. A
transport needs none of those; its methods may wait for ever, because whoever calls them has a deadline and ends them
by closing the stream.
"""

from abc import ABC, abstractmethod

import trio
from attrs import frozen

from directive_trio_websocket._address import Address


@frozen
class Handshake:
    """What is asked for when a connection is opened."""

    address: Address
    headers: tuple[tuple[str, str], ...]
    subprotocols: tuple[str, ...]
    max_message_size: int


class Socket(ABC):
    """An open WebSocket."""

    subprotocol: str | None

    @abstractmethod
    async def receive(self) -> str | bytes:
        """Wait for the next message.

        Raises:
            ClosedError: There will be none.
        """

    @abstractmethod
    async def send(self, message: str | bytes) -> None:
        """Send a message. Never cancelled in the middle, but for closing the stream.

        Raises:
            ClosedError: It cannot be sent any more.
        """

    @abstractmethod
    async def ping(self) -> None:
        """Send a ping, and wait for its pong.

        Raises:
            ClosedError: It cannot be sent any more.
        """

    @abstractmethod
    async def close(self, code: int, reason: str) -> None:
        """Say goodbye, and wait for the other side's."""


class Transport(ABC):
    """An implementation of the WebSocket protocol."""

    @abstractmethod
    async def open(self, nursery: trio.Nursery, stream: trio.abc.Stream, handshake: Handshake) -> Socket:
        """Make a stream a WebSocket.

        Args:
            nursery: For the tasks it needs; cancelled when the connection is over. None of them may raise.
            stream: Connected, with TLS where it is asked for. Whoever gave it closes it.
            handshake: What to ask for.

        Raises:
            ConnectError: The other side hung up, or is no WebSocket server.
            RejectedError: It refused.
        """
