"""The default transport: trio-websocket."""

from collections.abc import Awaitable, Callable
from typing import cast, final

import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, WebSocketConnection, wrap_client_stream

from directive_trio_websocket._transport import Handshake, Socket, Transport
from directive_trio_websocket.errors import ABNORMAL, ClosedError, ConnectError, RejectedError, described

TOO_LONG = 1009
UTF8 = 4
"""At most so many bytes make a character."""


class _ReaderTask:
    """Stands for the nursery where trio-websocket starts its reader, because the end of that must be noticed.

    Its reader raises where the server says no, and ends without a word where the server hangs up during the
    handshake: whoever waits for the handshake would wait for ever.
    """

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._connection: object = None
        self.handshake = trio.CancelScope()
        self.ended = trio.Event()
        self.error: Exception | None = None

    def start_soon(self, reader: Callable[[], Awaitable[None]]) -> None:
        self._connection = getattr(reader, "__self__", None)
        self._nursery.start_soon(self._read, reader)

    async def _read(self, reader: Callable[[], Awaitable[None]]) -> None:
        try:
            await reader()
        except Exception as error:  # noqa: BLE001  # told by `failure`, or by the closed connection
            self.error = error
        finally:
            self.handshake.cancel()
            self.ended.set()

    def failure(self) -> ConnectError:
        """Say why there was no handshake."""
        error = self.error
        if isinstance(error, ConnectionRejected):
            return RejectedError(error.status_code, error.body or b"")
        if error is not None:
            cause = error.__context__ or error  # it fails once more in telling the server what was wrong
            return ConnectError(f"the server broke the protocol during the handshake: {described(cause)}")
        status = getattr(self._connection, "_reject_status", 0)
        if status:  # the end of what it said was to be the end of the stream, and that is no end to its reader
            return RejectedError(status, bytes(getattr(self._connection, "_reject_body", b"")))
        return ConnectError("the server hung up during the handshake")


@final
class TrioWebsocketTransport(Transport):
    """trio-websocket, by the makers of trio."""

    async def open(self, nursery: trio.Nursery, stream: trio.abc.Stream, handshake: Handshake) -> Socket:
        reader = _ReaderTask(nursery)
        with reader.handshake:
            connection = await wrap_client_stream(
                cast("trio.Nursery", reader),
                cast("trio.SocketStream", stream),  # any stream will do
                handshake.address.host_header,
                handshake.address.target,
                subprotocols=handshake.subprotocols,
                extra_headers=[(name.encode(), value.encode()) for name, value in handshake.headers],
                max_message_size=handshake.max_message_size,
            )
            return TrioWebsocket(connection, reader.ended, handshake.max_message_size)
        raise reader.failure() from reader.error


@final
class TrioWebsocket(Socket):
    """A connection of trio-websocket."""

    def __init__(self, connection: WebSocketConnection, reader_ended: trio.Event, max_message_size: int) -> None:
        self._connection = connection
        self._reader_ended = reader_ended
        self._max_message_size = max_message_size
        self._complaint: ClosedError | None = None
        """Why this side does not want to receive any more."""
        self.subprotocol = connection.subprotocol

    async def receive(self) -> str | bytes:
        try:
            message = await self._connection.get_message()
        except ConnectionClosed as closed:
            raise _ended(closed) from None
        if self._is_too_long(message):
            said = f"Exceeded maximum message size: {self._max_message_size} bytes"
            self._complaint = ClosedError(TOO_LONG, said)
            raise self._complaint
        return message

    def _is_too_long(self, message: str | bytes) -> bool:
        """Count the bytes of text, of which trio-websocket has counted the characters."""
        if len(message) * UTF8 <= self._max_message_size or isinstance(message, bytes):
            return False
        return len(message.encode()) > self._max_message_size

    async def send(self, message: str | bytes) -> None:
        try:
            await self._connection.send_message(message)
        except ConnectionClosed as closed:
            raise _ended(closed) from None

    async def ping(self) -> None:
        try:
            await self._connection.ping()
        except ConnectionClosed as closed:
            raise _ended(closed) from None

    async def close(self, code: int, reason: str) -> None:
        if self._complaint is not None:
            code, reason = self._complaint.code, self._complaint.reason
        # Its reader ends when it should answer a ping after the goodbye, and then nobody hears the other side's.
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._end_with_the_reader, nursery.cancel_scope)
            await self._connection.aclose(code, reason)
            nursery.cancel_scope.cancel()

    async def _end_with_the_reader(self, scope: trio.CancelScope) -> None:
        await self._reader_ended.wait()
        scope.cancel()


def _ended(closed: ConnectionClosed) -> ClosedError:
    reason = closed.reason
    return ClosedError(ABNORMAL) if reason is None else ClosedError(reason.code, reason.reason or "")
