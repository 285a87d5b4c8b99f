"""The test server on trio: sockets, handshakes, and the faults that only a socket can have."""

import json
import math
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, cast, final
from urllib.parse import parse_qs, urlsplit

import trio
from attrs import define
from trio_websocket import (
    ConnectionClosed,
    HandshakeError,
    WebSocketConnection,
    WebSocketRequest,
    wrap_server_stream,
)

from directive_trio_realtime._frames import ServerCodec, Version
from directive_trio_realtime._socket import Reader
from directive_trio_realtime.errors import ProtocolError
from directive_trio_realtime.testing._rooms import Client, Rooms

LARGEST_MESSAGE = 5_000_000
INTERNAL_ERROR, SERVICE_RESTART = 1011, 1012
VERSIONS: dict[str, Version] = {"1.0.0": "1.0.0", "2.0.0": "2.0.0"}


@define
class Goodbye:
    """The last thing in an outbox."""

    code: int


@define(eq=False)
class Socket:
    """A connection that was accepted."""

    stream: trio.abc.Stream
    outbox: trio.MemorySendChannel[str | bytes | Goodbye]
    scope: trio.CancelScope


@final
class RealtimeServer(Rooms):
    """A server for tests. Every word can be said at any time, and has its effect at once."""

    def __init__(
        self,
        *,
        apikey: str | None = None,
        streams_at_once: bool = True,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(streams_at_once=streams_at_once, wall_clock=wall_clock)
        self.url = ""
        """Where it listens: what a client is given."""
        self.connections = 0
        """How many were accepted so far."""
        self.goodbyes: list[int] = []
        """The close codes with which connections ended, as they ended; 1006 is none."""
        self._apikey = apikey
        self._sockets: dict[int, Socket] = {}
        self._refused_handshakes: list[tuple[int, str]] = []
        self._is_frozen = False

    # -- words for tests -------------------------------------------------------------------------------

    @property
    def open_connections(self) -> int:
        """How many sockets there are now."""
        return len(self._sockets)

    def send_raw(self, content: str | bytes) -> None:
        """Any message at all, to every connection."""
        for found in list(self._sockets.values()):
            found.outbox.send_nowait(content)

    def kill(self) -> None:
        """Every connection dies without a word: the peer sees a reset."""
        for found in list(self._sockets.values()):
            reset_when_closed(found.stream)
            found.scope.cancel()

    def disconnect(self, code: int = INTERNAL_ERROR) -> None:
        """Every connection is closed, as by a server that wants to be rid of it."""
        for found in list(self._sockets.values()):
            found.outbox.send_nowait(Goodbye(code))

    def drain(self) -> None:
        """Every connection is closed, as by a server that restarts."""
        self.disconnect(SERVICE_RESTART)

    def freeze(self) -> None:
        """Half open: connections stay, and nothing is answered or sent any more; a new one gets no handshake."""
        self._is_frozen = True

    def thaw(self) -> None:
        """Answer again what comes from now on."""
        self._is_frozen = False

    def refuse_connections(self, status: int, message: str = "", times: int = 1) -> None:
        """Answer the next handshakes with an HTTP status."""
        self._refused_handshakes += [(status, json.dumps({"error": message}) if message else "")] * times

    # -- serving -----------------------------------------------------------------------------------------

    async def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Listen until cancelled; `url` is known once it is started."""
        listeners = await trio.open_tcp_listeners(port, host=host)
        self.url = f"ws://{host}:{listeners[0].socket.getsockname()[1]}/socket/websocket"
        task_status.started()
        await trio.serve_listeners(self.attend, listeners)

    async def attend(self, stream: trio.abc.Stream) -> None:
        """Serve one client on any stream, a pair in memory too, until it has gone."""
        async with trio.open_nursery() as nursery:
            with suppress(HandshakeError, ConnectionClosed):
                reader = Reader(nursery, on_early_end=nursery.cancel_scope.cancel)
                request = await wrap_server_stream(cast("Any", reader), stream, max_message_size=LARGEST_MESSAGE)
                version = await self._greet(request)
                if version is not None:
                    reader.is_greeted = True
                    await self._talk(stream, await request.accept(), version, nursery)
            nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(stream)

    async def _greet(self, request: WebSocketRequest) -> Version | None:
        """Look at the handshake: the version that is spoken, or nothing after a no."""
        if self._is_frozen:
            await trio.sleep_forever()
        query = parse_qs(urlsplit(request.path).query)
        version = VERSIONS.get(query.get("vsn", ["1.0.0"])[0])
        given = query.get("apikey", [""])[0]
        if self._refused_handshakes:
            refusal = self._refused_handshakes.pop(0)
        elif not given:
            refusal = (401, json.dumps({"error": "API key is missing"}))
        elif self._apikey not in {None, given}:
            refusal = (401, json.dumps({"error": "The token provided is not a valid JWT"}))
        elif version is None:
            refusal = (403, "")
        else:
            return version
        await request.reject(refusal[0], body=refusal[1].encode() or None)
        return None

    async def _talk(
        self, stream: trio.abc.Stream, connection: WebSocketConnection, version: Version, nursery: trio.Nursery
    ) -> None:
        outbox, waiting = trio.open_memory_channel[str | bytes | Goodbye](math.inf)
        self.connections += 1
        client = Client(self.connections, ServerCodec(version), partial(self._post_to, outbox))
        self._sockets[client.number] = Socket(stream, outbox, nursery.cancel_scope)
        nursery.start_soon(self._write, connection, waiting)
        try:
            while True:
                await self._read(client, await connection.get_message(), outbox)
        except ConnectionClosed as closed:
            self.goodbyes.append(1006 if closed.reason is None else closed.reason.code)
        finally:
            del self._sockets[client.number]
            outbox.close()
            self.gone(client)

    async def _read(
        self, client: Client, message: str | bytes, outbox: trio.MemorySendChannel[str | bytes | Goodbye]
    ) -> None:
        await trio.lowlevel.checkpoint()  # a client that never pauses must not keep the others waiting
        if self._is_frozen:
            return
        try:
            self.receive(client, message)
        except ProtocolError:
            outbox.send_nowait(Goodbye(INTERNAL_ERROR))

    def _post_to(self, outbox: trio.MemorySendChannel[str | bytes | Goodbye], content: str | bytes) -> None:
        if not self._is_frozen:
            outbox.send_nowait(content)

    async def _write(
        self, connection: WebSocketConnection, waiting: trio.MemoryReceiveChannel[str | bytes | Goodbye]
    ) -> None:
        with suppress(ConnectionClosed):
            async for content in waiting:
                if isinstance(content, Goodbye):
                    with trio.move_on_after(1):
                        await connection.aclose(content.code)
                else:
                    await connection.send_message(content)


def reset_when_closed(stream: trio.abc.Stream) -> None:
    """Let a TCP connection end with a reset, as when its process is killed; a stream in memory just ends."""
    if isinstance(stream, trio.SocketStream):
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@asynccontextmanager
async def open_server(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    apikey: str | None = None,
    streams_at_once: bool = True,
    wall_clock: Callable[[], float] = time.time,
) -> AsyncIterator[RealtimeServer]:
    """A server that runs as long as the block, on a port of its own."""
    server = RealtimeServer(apikey=apikey, streams_at_once=streams_at_once, wall_clock=wall_clock)
    async with trio.open_nursery() as nursery:
        await nursery.start(server.serve, host, port)
        yield server
        nursery.cancel_scope.cancel()
