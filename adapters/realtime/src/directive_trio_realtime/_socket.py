"""One WebSocket, from the dialling to its end: trio-websocket, with what it leaves to its user.

- A send that is cancelled in mid-frame would leave half a frame on the wire and a connection that looks open. So sends
  are shielded, have a deadline of their own, and the socket is aborted when it passes.
- The library does not close the stream in every case: whatever happens, it is closed here.
- Nothing it raises goes on from here: the end of a socket is told as a reason, or as the status of a refused handshake.
"""

import math
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast, final
from urllib.parse import urlsplit

import trio
from attrs import frozen
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from directive_trio_realtime._outputs import HangUp
from directive_trio_realtime.errors import LostError

LARGEST_MESSAGE = 8 * 1024 * 1024
GOODBYE = 1.0  # seconds for the closing handshake

Headers = Sequence[tuple[str, str]]
OpenStream = Callable[[str, int, ssl.SSLContext | None], Awaitable[trio.abc.Stream]]


async def open_stream(host: str, port: int, context: ssl.SSLContext | None) -> trio.abc.Stream:
    """A TCP connection, with TLS where there is a context for it."""
    if context is None:
        return await trio.open_tcp_stream(host, port)
    return await trio.open_ssl_over_tcp_stream(host, port, ssl_context=context)


@final
@frozen
class Place:
    """Where a server is, and how one gets there."""

    address: str
    headers: Headers
    context: ssl.SSLContext | None
    open_stream: OpenStream
    send_patience: float

    async def connect(self) -> trio.abc.Stream:
        """The stream that a WebSocket is put on."""
        parts = urlsplit(self.address)
        is_secure = parts.scheme == "wss"
        context = (self.context or ssl.create_default_context()) if is_secure else None
        return await self.open_stream(parts.hostname or "", parts.port or (443 if is_secure else 80), context)

    async def greet(self, nursery: trio.Nursery, stream: trio.abc.Stream) -> WebSocketConnection:
        """The WebSocket on that stream, after its handshake."""
        parts = urlsplit(self.address)
        headers = [(name.encode(), value.encode()) for name, value in self.headers]
        reader = Reader(nursery, on_early_end=refuse_early_end)
        connection = await wrap_client_stream(
            cast("Any", reader),
            cast("Any", stream),  # any stream will do
            parts.netloc,
            f"{parts.path or '/'}?{parts.query}",
            extra_headers=headers,
            max_message_size=LARGEST_MESSAGE,
        )
        reader.is_greeted = True
        return connection


def refuse_early_end() -> None:
    """There is nobody who would answer the handshake.

    Raises:
        LostError: In any case.
    """
    raise LostError("the server hung up before the handshake was done")


@final
class Reader:
    """Where the library starts the task that reads. When that ends before the handshake is done, somebody is told.

    The library itself would wait for the handshake for ever, on either side.
    """

    def __init__(self, nursery: trio.Nursery, on_early_end: Callable[[], None]) -> None:
        self._nursery = nursery
        self._on_early_end = on_early_end
        self.is_greeted = False

    def start_soon(self, read: Callable[[], Awaitable[None]]) -> None:
        """Read, as in a nursery."""
        self._nursery.start_soon(self._run, read)

    async def _run(self, read: Callable[[], Awaitable[None]]) -> None:
        await read()
        if not self.is_greeted:
            self._on_early_end()


@final
class Socket:
    """One WebSocket. Its owner is told of its opening, of each message, and once of its end."""

    def __init__(
        self,
        place: Place,
        *,
        on_open: Callable[[], None],
        on_message: Callable[[str | bytes], None],
        on_end: Callable[..., None],
    ) -> None:
        self._place = place
        self._on_open = on_open
        self._on_message = on_message
        self._on_end = on_end
        self._outbox, self._waiting = trio.open_memory_channel[str | bytes | HangUp](math.inf)
        self._scope = trio.CancelScope()
        self._sending: trio.CancelScope | None = None
        self._is_open = False
        self._is_abandoned = False
        self._failure: Exception | None = None
        self.ended = trio.Event()

    def send(self, content: str | bytes) -> None:
        """Send it after the others. What cannot be sent any more is lost, and its owner is told of the end."""
        self._outbox.send_nowait(content)

    def hang_up(self, goodbye: HangUp) -> None:
        """End it: after what is still to be sent, or at once. Its owner is told nothing more of it."""
        self._is_abandoned = True
        if goodbye.abort or not self._is_open:
            self.abort()
            return
        self._outbox.send_nowait(goodbye)
        self._scope.deadline = trio.current_time() + GOODBYE
        if self._sending is not None:
            self._sending.deadline = min(self._sending.deadline, self._scope.deadline)

    def abort(self) -> None:
        """End it at once, in the middle of a frame if need be: nobody will use it again."""
        self._is_abandoned = True
        self._scope.cancel()
        if self._sending is not None:
            self._sending.cancel()

    async def run(self) -> None:
        """The whole life of it."""
        try:
            with self._scope:
                await self._live()
        finally:
            self.ended.set()
        if not self._is_abandoned:
            self._on_end(self._failure, was_open=self._is_open)

    async def _live(self) -> None:
        """Dial and talk, until something fails."""
        try:
            stream = await self._place.connect()
            try:
                await self._talk(stream)
            finally:
                await trio.aclose_forcefully(stream)
        except Exception as error:  # noqa: BLE001 - whatever the network and the library have in store
            self._failure = first_of(error)

    async def _talk(self, stream: trio.abc.Stream) -> None:
        async with trio.open_nursery() as nursery:
            connection = await self._place.greet(nursery, stream)
            self._is_open = True
            nursery.start_soon(self._write, connection)
            self._on_open()
            while True:
                message = await connection.get_message()
                if not self._is_abandoned:
                    self._on_message(message)

    async def _write(self, connection: WebSocketConnection) -> None:
        async for content in self._waiting:
            if isinstance(content, HangUp):
                await connection.aclose(content.code, content.reason)
            else:
                await self._send_shielded(connection, content)

    async def _send_shielded(self, connection: WebSocketConnection, content: str | bytes) -> None:
        deadline = min(trio.current_time() + self._place.send_patience, self._scope.deadline)  # of a goodbye
        with trio.CancelScope(shield=True, deadline=deadline) as self._sending:
            await connection.send_message(content)
        if self._sending.cancelled_caught:
            raise LostError("a message could not be sent in time")
        self._sending = None


def first_of(error: Exception) -> Exception:
    """The first error in a group of groups; trio makes one of whatever leaves a nursery."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def words_for(error: Exception) -> str:
    """Why a connection ended, for people."""
    if isinstance(error, ConnectionClosed):
        reason = error.reason
        return "no goodbye" if reason is None else f"code {reason.code} ({reason.reason or reason.name})"
    return str(error) or type(error).__name__
