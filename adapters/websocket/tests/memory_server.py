"""A server on streams in memory, and a program that listens to it: everything on the mock clock."""

import math
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import trio
from attrs import define, field, frozen
from trio.testing import memory_stream_pair
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, wrap_server_stream

from directive_trio import ErrorBoundary, Module, System, open_system
from directive_trio.observe import Observation
from directive_trio_websocket import Address, WebSocketSource, json_events, websocket_source

URL = "ws://feed.test/prices"


@frozen
class Price:
    cents: int


@frozen
class Gap:
    reason: str
    away: float


@frozen
class Connected:
    subprotocol: str | None


@frozen
class Disconnected:
    reason: str


Event = Price | Gap | Connected | Disconnected


@define
class FeedFacts:
    events: tuple[Event, ...] = ()


PONG = 0x8A
"""The first byte of a pong that a server sends."""


class Wire(trio.abc.Stream):
    """A stream that can be made to fail as a network does."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._closed = trio.Event()
        self._free_at = -math.inf
        self.swallows_pongs = False

    def hold(self, seconds: float = math.inf) -> None:
        """What is sent from now on waits so long, as it does where the other side reads nothing."""
        self._free_at = trio.current_time() + seconds

    @property
    def is_closed(self) -> bool:
        """Whether this end was closed."""
        return self._closed.is_set()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        with trio.move_on_at(self._free_at):
            await self._closed.wait()
            raise trio.ClosedResourceError
        if not (self.swallows_pongs and data[0] == PONG):
            await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        self._closed.set()
        await self._stream.aclose()


class MemoryServer:
    """What the source connects to. Each attempt takes the first of *failures*, if there is one."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self.failures: list[Exception] = []
        self.silent = False
        self.rejects_with: int | None = None
        self.says: bytes | None = None
        """What it says instead of a handshake; then it hangs up."""
        self.subprotocol: str | None = None
        self.attempts: list[float] = []
        self.requests: list[WebSocketRequest] = []
        self.near: list[Wire] = []
        """The source's end of each connection."""
        self.far: list[Wire] = []
        """The server's."""
        self._accepted_in, self.accepted = trio.open_memory_channel[WebSocketConnection](100)

    async def open_stream(self, address: Address, context: ssl.SSLContext | None) -> trio.abc.Stream:
        """Connect, as the source does."""
        self.attempts.append(trio.current_time())
        if self.failures:
            raise self.failures.pop(0)
        client, server = map(Wire, memory_stream_pair())
        self.near.append(client)
        self.far.append(server)
        if not self.silent:
            self._nursery.start_soon(self._serve, server)
        return client

    async def _serve(self, stream: trio.abc.Stream) -> None:
        if self.says is not None:
            await stream.receive_some()
            await stream.send_all(self.says)
            await stream.aclose()
            return
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(nursery, stream)
            self.requests.append(request)
            if self.rejects_with is not None:
                await request.reject(self.rejects_with, body=b"go away")
                return
            with suppress(ConnectionClosed):  # whoever asked has gone
                await self._accepted_in.send(await request.accept(subprotocol=self.subprotocol))


@define
class Feed:
    """A running program that keeps every event, the server it listens to, and the means to see both."""

    server: MemoryServer
    system: System
    module: Module[FeedFacts]
    source: WebSocketSource
    errors: list[str]
    log: list[Observation] = field(factory=list)

    async def accept(self) -> WebSocketConnection:
        """Wait for the next connection, and answer the server's end of it."""
        connection = await self.server.accepted.receive()
        await self.source.connection.wait_connected()
        return connection

    @property
    def events(self) -> tuple[Event, ...]:
        """What the program has heard."""
        return self.system[self.module].events


def feed_module(source: WebSocketSource) -> Module[FeedFacts]:
    """A module that keeps every event."""
    module = Module("feed", FeedFacts)

    def keep(facts: FeedFacts, event: Any) -> None:
        facts.events = (*facts.events, event)

    for kind in (Price, Gap, Connected, Disconnected):
        module.on(kind)(keep)
    module.add_source(source, name="prices")
    return module


@asynccontextmanager
async def open_feed(**options: Any) -> AsyncIterator[Feed]:
    """Run a program that listens; options are those of `websocket_source`. It waits a second between attempts."""
    async with trio.open_nursery() as nursery:
        server = MemoryServer(nursery)
        settings = {"decode": json_events([Price]), "open_stream": server.open_stream, "chance": lambda: 0.0} | options
        source = websocket_source(URL, **settings)
        module = feed_module(source)
        errors: list[str] = []
        boundary = ErrorBoundary(on_error=lambda error, _: errors.append(f"{type(error).__name__}: {error}"))
        async with open_system(module, errors=boundary) as system:
            feed = Feed(server, system, module, source, errors)
            system.observe(feed.log.append)
            yield feed
        nursery.cancel_scope.cancel()


def price(cents: int) -> str:
    """The message of a price."""
    return f'{{"type": "Price", "cents": {cents}}}'
