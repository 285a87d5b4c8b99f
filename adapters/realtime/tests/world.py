"""A system with realtime channels, a server, and a network in memory between them."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
from attrs import define, frozen
from trio.testing import memory_stream_pair

from directive_trio import ErrorBoundary, Module, Retry, System, fact, open_system
from directive_trio_realtime import (
    Broadcast,
    ChannelOptions,
    PostgresChange,
    PostgresChanges,
    PresenceChange,
    Realtime,
    RealtimeChannel,
)
from directive_trio_realtime.testing import RealtimeServer

WATCHING = ChannelOptions(presence=True, presence_key="me", postgres_changes=[PostgresChanges(table="todos")])


@define
class RoomFacts:
    """What is known of a room."""

    said: list[str] = fact(factory=list)
    rows: list[object] = fact(factory=list)
    present: frozenset[str] = frozenset()
    live: bool = False
    gaps: list[str] = fact(factory=list)


@frozen
class Said:
    text: str


@frozen
class Bytes:
    content: bytes


@frozen
class RowChanged:
    type: str
    record: dict[str, Any]


@frozen
class PresentNow:
    names: frozenset[str]


@frozen
class RoomLive: ...


@frozen
class RoomLost:
    reason: str


@frozen
class RoomGap:
    reason: str
    since: float
    until: float


def room_module(name: str = "room") -> Module[RoomFacts]:
    """A module that keeps what it is told."""
    room = Module(name, RoomFacts)

    @room.on(Said)
    def said(facts: RoomFacts, event: Said) -> None:
        facts.said = [*facts.said, event.text]

    @room.on(Bytes)
    def received(facts: RoomFacts, event: Bytes) -> None:
        facts.said = [*facts.said, event.content.hex()]

    @room.on(RowChanged)
    def changed(facts: RoomFacts, event: RowChanged) -> None:
        facts.rows = [*facts.rows, event.record.get("id")]

    @room.on(PresentNow)
    def present(facts: RoomFacts, event: PresentNow) -> None:
        facts.present = event.names

    @room.on(RoomLive)
    def live(facts: RoomFacts, event: RoomLive) -> None:
        facts.live = True

    @room.on(RoomLost)
    def lost(facts: RoomFacts, event: RoomLost) -> None:
        facts.live = False

    @room.on(RoomGap)
    def gap(facts: RoomFacts, event: RoomGap) -> None:
        facts.gaps = [*facts.gaps, event.reason]

    return room


def said_bytes(message: Broadcast) -> Bytes:
    """Bytes need a function: a class is for what JSON can say."""
    return Bytes(message.payload)


def only_inserts(change: PostgresChange) -> RowChanged | None:
    """None is no event."""
    return RowChanged(change.type, dict(change.record)) if change.type == "INSERT" else None


def present_now(change: PresenceChange) -> PresentNow:
    """Who is there."""
    return PresentNow(frozenset(change.present))


EVENTS: dict[str, Any] = {
    "on_broadcast": {"said": Said, "bytes": said_bytes},
    "on_change": only_inserts,
    "on_presence": present_now,
    "on_live": RoomLive,
    "on_lost": RoomLost,
    "on_gap": RoomGap,
}


class Network:
    """Leads to the server, as long as it is up."""

    def __init__(self, nursery: trio.Nursery, server: RealtimeServer) -> None:
        self.nursery = nursery
        self.server = server
        self.is_up = True
        self.dialled: list[tuple[str, int, bool]] = []
        self.wrap: Callable[[trio.abc.SendStream], trio.abc.SendStream] | None = None
        self.streams: list[Any] = []

    async def open_stream(self, host: str, port: int, context: ssl.SSLContext | None) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        self.dialled.append((host, port, context is not None))
        if not self.is_up:
            raise OSError("no route to host")
        ours, theirs = memory_stream_pair()
        self.nursery.start_soon(self.server.attend, theirs)
        self.streams.append(ours if self.wrap is None else trio.StapledStream(self.wrap(ours), ours))
        stream: trio.abc.Stream = self.streams[-1]
        return stream


@asynccontextmanager
async def open_network(server: RealtimeServer | None = None) -> AsyncIterator[Network]:
    """A server, and the way to it."""
    async with trio.open_nursery() as nursery:
        yield Network(nursery, server or RealtimeServer())
        nursery.cancel_scope.cancel()


def connection(network: Network, **settings: Any) -> Realtime:
    """A connection over that network, whose dice always fall the same way."""
    given: dict[str, Any] = {"apikey": "k", "random": lambda: 0.5, "wall_clock": lambda: 0.0} | settings
    return Realtime("ws://server/socket/websocket", open_stream=network.open_stream, **given)


class World:
    """A running system with one room, and what it was told of errors."""

    def __init__(self, network: Network, room: Module[RoomFacts], channel: RealtimeChannel) -> None:
        self.network = network
        self.server = network.server
        self.room = room
        self.channel = channel
        self.errors: list[str] = []
        self.system: System

    @property
    def facts(self) -> RoomFacts:
        """What the room knows."""
        return self.system[self.room]

    async def live(self) -> None:
        """Wait until the channel is."""
        await self.system.wait_until(lambda view: view[self.room].live, timeout=1000)

    async def gaps(self, count: int) -> None:
        """Wait until so many were told."""
        await self.system.wait_until(lambda view: len(view[self.room].gaps) >= count, timeout=1000)


@asynccontextmanager
async def open_world(
    network: Network, options: ChannelOptions = WATCHING, *, retry: Retry | None = None, **settings: Any
) -> AsyncIterator[World]:
    """A system whose channel shares a connection that is a source of its own."""
    room, realtime = room_module(), connection(network, **settings)
    channel = realtime.channel("room", options, **EVENTS)
    async with open_system_with(network, room, channel, [realtime, channel], retry) as world:
        yield world


@asynccontextmanager
async def open_system_with(
    network: Network,
    room: Module[RoomFacts],
    channel: RealtimeChannel,
    sources: list[Any],
    retry: Retry | None = None,
    grace: float = 5,
) -> AsyncIterator[World]:
    """A system with these sources, in their order."""
    world = World(network, room, channel)
    for number, source in enumerate(sources):
        room.add_source(source, name=f"source_{number}", retry=retry or Retry())
    boundary = ErrorBoundary(on_error=lambda error, _id: world.errors.append(str(error)))
    async with open_system(room, errors=boundary, teardown_grace=grace) as world.system:
        yield world
