"""One connection: its deadlines, its keepalive, and its end.

A frame that is cut off spoils all that come after it, so nothing that writes is ever cancelled while the connection
is to be used again. Sending is shielded; whoever loses patience gives the whole connection up, by closing the stream
under the sender. For the same reason the tasks of a connection (the reader, which answers pings, and the keepalive) are
shielded from the cancellation of the source, and end after the goodbye: the connection closes them, nobody else.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar, TypeVarTuple, final

import trio
from attrs import frozen

from directive_trio_websocket._transport import Handshake, Socket, Transport
from directive_trio_websocket.errors import (
    ABNORMAL,
    ClosedError,
    ConnectTimeoutError,
    PongTimeoutError,
    SendTimeoutError,
    WebSocketError,
)

AWAY = 0.25
"""Seconds: who wakes up so much too late was held up, and the pong may have come meanwhile."""

Arguments = TypeVarTuple("Arguments")
Answer = TypeVar("Answer")


@frozen(kw_only=True)
class Patience:
    """How long each thing may take, in seconds."""

    connect: float
    handshake: float
    send: float
    close: float
    ping: float
    """Between two pings."""
    pong: float


@final
class Line:
    """An open connection."""

    def __init__(self, socket: Socket, stream: trio.abc.Stream, patience: Patience) -> None:
        self.socket = socket
        self.subprotocol = socket.subprotocol
        self.heard = 0
        """How many messages have come: a sign of life as good as a pong."""
        self.paused = False
        """Whether nothing is read just now, because this side is not ready: then no pong can be heard."""
        self.failure: WebSocketError | None = None
        """Why this side has given it up."""
        self._stream = stream
        self._patience = patience
        self._turn = trio.Lock()
        self._goodbye = trio.Lock()
        self._closed = False

    async def send(self, message: str | bytes) -> None:
        """Send a message: all of it, or the connection is given up.

        Raises:
            SendTimeoutError: It took too long.
            ClosedError: The connection has ended.
        """
        deadline = trio.current_time() + self._patience.send
        async with self._turn:  # whoever holds it has begun earlier, so no deadline passes before
            if self.failure is not None:  # the deadline of both may be the same
                raise ClosedError(ABNORMAL)
            with trio.CancelScope(shield=True, deadline=deadline):
                await self.socket.send(message)
                return
            await self.give_up(SendTimeoutError(self._patience.send))
        raise SendTimeoutError(self._patience.send)

    async def keep_alive(self, nursery: trio.Nursery) -> None:
        """Ping now and then; when neither a pong nor anything else is heard in time, give the connection up.

        Silence proves nothing while nobody here listened: then the same pong is waited for once more.
        """
        while True:
            await trio.sleep(self._patience.ping)
            pong = trio.Event()
            nursery.start_soon(self._ping, pong)  # a task of its own, for the wait is cancelled and it must not be
            while not pong.is_set():
                heard, deadline = self.heard, trio.current_time() + self._patience.pong
                with trio.move_on_at(deadline):
                    await pong.wait()
                was_away = trio.current_time() > deadline + AWAY
                if not (pong.is_set() or self.paused or was_away or self.heard != heard):
                    await self.give_up(PongTimeoutError(self._patience.pong))
                    return

    async def _ping(self, pong: trio.Event) -> None:
        try:
            await self.socket.ping()
        except ClosedError:
            return
        pong.set()

    async def give_up(self, failure: WebSocketError) -> None:
        """End it at once: whoever reads or writes gets a ClosedError. The first failure stays."""
        self.failure = self.failure or failure
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(self._stream)

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye, wait a while for an answer, and end it. Whoever closes it too waits for the first."""
        async with self._goodbye:
            try:
                if not self._closed:
                    self._closed = True
                    with trio.move_on_after(self._patience.close):
                        await self.socket.close(code, reason)
            finally:
                with trio.CancelScope(shield=True):
                    await trio.aclose_forcefully(self._stream)


async def within(
    seconds: float,
    stage: str,
    function: Callable[[*Arguments], Awaitable[Answer]],
    *arguments: *Arguments,
) -> Answer:
    """Call a function that may not take longer.

    Raises:
        ConnectTimeoutError: It did. A TooSlowError of its own is something else, and comes out as it is.
    """
    with trio.move_on_after(seconds):
        return await function(*arguments)
    raise ConnectTimeoutError(stage, seconds)


@asynccontextmanager
async def open_line(
    transport: Transport, stream: trio.abc.Stream, handshake: Handshake, patience: Patience
) -> AsyncIterator[Line]:
    """Make a connected stream a line for the length of a block. Whatever happens, the stream is closed after it.

    Raises:
        ConnectError: There was no handshake, or not in time.
    """
    try:
        async with _tasks_of_its_own() as nursery:
            socket = await within(patience.handshake, "handshake", transport.open, nursery, stream, handshake)
            line = Line(socket, stream, patience)
            nursery.start_soon(line.keep_alive, nursery)
            yield line
    finally:
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(stream)


@asynccontextmanager
async def _tasks_of_its_own() -> AsyncIterator[trio.Nursery]:
    """A nursery that ends with the block and not before: what cancels the block does not cancel its tasks.

    What the block raises comes out as it is and not in a group, because no task of the nursery raises.
    """
    failure: BaseException | None = None
    inner: list[trio.Nursery] = []
    shield, opened = trio.CancelScope(shield=True), trio.Event()

    async def keep_open() -> None:
        with shield:
            async with trio.open_nursery() as nursery:
                inner.append(nursery)
                opened.set()
                await trio.sleep_forever()

    async with trio.open_nursery() as outer:
        # Not `outer.start`: where that is cancelled it waits for the end of the task, which is shielded.
        outer.start_soon(keep_open)
        try:
            await opened.wait()
            yield inner[0]
        except BaseException as error:  # noqa: BLE001  # raised again below
            failure = error
        shield.cancel()
    if failure is not None:
        raise failure
