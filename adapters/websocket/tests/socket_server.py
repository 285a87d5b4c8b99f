"""A server at a real socket of this machine, and what else the tests at sockets need."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket

from directive_trio_websocket import Handshake, Transport
from directive_trio_websocket._address import address_of, open_stream
from directive_trio_websocket._line import Line, Patience, open_line

Handler = Callable[[WebSocketConnection], Awaitable[None]]

PATIENCE = Patience(connect=5, handshake=5, send=5, close=0.5, ping=60, pong=60)


async def echo(connection: WebSocketConnection) -> None:
    """Send everything back."""
    while True:
        await connection.send_message(await connection.get_message())


@asynccontextmanager
async def open_server(
    handler: Handler = echo, *, subprotocol: str | None = None, context: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Serve for the length of a block; answers the URL."""

    async def serve(request: WebSocketRequest) -> None:
        if request.path == "/no":
            await request.reject(403, body=b"not you")
            return
        headers = [(b"x-you-said", value) for name, value in request.headers if name == b"x-key"]
        connection = await request.accept(subprotocol=subprotocol, extra_headers=headers)
        try:
            await handler(connection)
        except ConnectionClosed:
            return

    async with trio.open_nursery() as nursery:
        start = partial(serve_websocket, serve, "127.0.0.1", 0, context)
        server: Any = await nursery.start(start)
        yield f"{'ws' if context is None else 'wss'}://localhost:{server.port}/path"
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def open_tcp_server(handler: Callable[[trio.SocketStream], Awaitable[None]]) -> AsyncIterator[str]:
    """Serve something that is no WebSocket."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, handler, 0, host="127.0.0.1"))
        yield f"ws://localhost:{listeners[0].socket.getsockname()[1]}/path"
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def connect(
    transport: Transport,
    url: str,
    *,
    headers: tuple[tuple[str, str], ...] = (),
    subprotocols: tuple[str, ...] = (),
    limit: int = 2**20,
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[Line]:
    """Open a line through a transport, as the source does."""
    address = address_of(url)
    stream = await open_stream(address, context)
    async with open_line(transport, stream, Handshake(address, headers, subprotocols, limit), PATIENCE) as line:
        try:
            yield line
        finally:
            await line.close(1000, "")


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what nobody announces, such as the other process; ten seconds at most."""
    with trio.fail_after(10):
        while not condition():  # noqa: ASYNC110  # there is no event to wait for
            await trio.sleep(0.005)
