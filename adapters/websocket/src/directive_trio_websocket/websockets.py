"""The other transport: websockets. ``pip install directive-trio-websocket[websockets]``.

Never imported by the package itself, so that nobody needs websockets who does not use it.
"""

from contextlib import suppress
from typing import final

import trio
from websockets.client import ClientProtocol
from websockets.exceptions import ConcurrencyError, ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.trio.client import ClientConnection
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from directive_trio_websocket._transport import Handshake, Socket, Transport
from directive_trio_websocket.errors import ABNORMAL, ClosedError, ConnectError, RejectedError

__all__ = ["WebsocketsTransport"]


@final
class WebsocketsTransport(Transport):
    """websockets 17 or newer, its trio implementation.

    Args:
        close_timeout: How long it waits, once it has closed the connection itself, for the server to hang up.
    """

    def __init__(self, *, close_timeout: float = 2) -> None:
        self._close_timeout = close_timeout

    async def open(self, nursery: trio.Nursery, stream: trio.abc.Stream, handshake: Handshake) -> Socket:
        address = handshake.address
        path, _, query = address.target.partition("?")
        protocol = ClientProtocol(
            WebSocketURI(address.secure, address.host, address.port, path, query),
            subprotocols=[Subprotocol(name) for name in handshake.subprotocols] or None,
            max_size=handshake.max_message_size,
        )
        # No keepalive here: it stands above the seam, the same for all.
        connection = ClientConnection(nursery, stream, protocol, ping_interval=None, close_timeout=self._close_timeout)
        try:
            await connection.handshake(handshake.headers)
        except InvalidStatus as error:
            raise RejectedError(error.response.status_code, bytes(error.response.body or b"")) from error
        except (InvalidHandshake, ConnectionClosed, OSError, EOFError, ValueError, trio.BrokenResourceError) as error:
            raise ConnectError(f"no handshake: {error}") from error
        return Websockets(connection)


@final
class Websockets(Socket):
    """A connection of websockets."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.subprotocol = connection.subprotocol

    async def receive(self) -> str | bytes:
        try:
            return await self._connection.recv()
        except ConnectionClosed as closed:
            raise _ended(closed) from None

    async def send(self, message: str | bytes) -> None:
        try:
            await self._connection.send(message)
        except ConnectionClosed as closed:
            raise _ended(closed) from None

    async def ping(self) -> None:
        try:
            pong = await self._connection.ping()
        except ConnectionClosed as closed:
            raise _ended(closed) from None
        await pong.wait()

    async def close(self, code: int, reason: str) -> None:
        # Its reader stands still while messages wait to be received, and would not hear the answer behind them.
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._drain)
            await self._connection.aclose(code, reason)
            nursery.cancel_scope.cancel()

    async def _drain(self) -> None:
        with suppress(ConnectionClosed, ConcurrencyError):  # the latter: somebody does receive
            while True:
                await self._connection.recv()


def _ended(closed: ConnectionClosed) -> ClosedError:
    """Take the word of whoever closed first."""
    said = closed.rcvd if closed.rcvd_then_sent or closed.sent is None else closed.sent
    return ClosedError(ABNORMAL) if said is None else ClosedError(said.code, said.reason)
