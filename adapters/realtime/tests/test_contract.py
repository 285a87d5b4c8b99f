"""The contract of adapters, as `check_source` tests it: a channel keeps it, on its own connection or a shared one."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from adapters.realtime.tests.world import (
    EVENTS,
    WATCHING,
    Network,
    connection,
    open_network,
    open_system_with,
    room_module,
)
from directive_trio import SourceLink
from directive_trio.abc import Source
from directive_trio.testing import check_source
from directive_trio_realtime import RealtimeChannel


class WithItsServer(Source):
    """A channel, and the server's side of its connection: that runs in the same program and must not count as left."""

    def __init__(self, network: Network, channel: RealtimeChannel) -> None:
        self.network = network
        self.channel = channel

    async def run(self, link: SourceLink, /) -> None:
        try:
            await self.channel.run(link)
        finally:
            with trio.CancelScope(shield=True):
                while self.network.nursery.child_tasks:
                    await trio.lowlevel.checkpoint()

    async def on_evict(self) -> None:
        await self.channel.on_evict()


@pytest.mark.parametrize("token", [None, "a token"])
async def test_a_channel_keeps_the_contract_of_adapters(autojump_clock: MockClock, token: str | None) -> None:
    """It publishes that it is live, at once; with a token it asks for one before."""

    async def fetch() -> str:
        await trio.sleep(0.1)
        return str(token)

    async with open_network() as network:

        def make_source() -> Source:
            realtime = connection(network, token=None if token is None else fetch)
            channel = realtime.channel("room", WATCHING, **EVENTS)
            channel.owns_connection = True
            return WithItsServer(network, channel)

        def closed(_source: object) -> bool:
            return network.server.open_connections == 0 and network.server.members("room") == 0

        await check_source(make_source, closed=closed)


class UntilTheServerKnows(Source):
    """A channel whose leaving has reached the server: that runs in the same program and takes a few steps for it."""

    def __init__(self, network: Network, channel: RealtimeChannel) -> None:
        self.network = network
        self.channel = channel

    async def run(self, link: SourceLink, /) -> None:
        try:
            await self.channel.run(link)
        finally:
            with trio.CancelScope(shield=True):
                await wait_all_tasks_blocked()

    async def on_evict(self) -> None:
        await self.channel.on_evict()


@pytest.mark.parametrize("token", [None, "a token"])
async def test_a_channel_on_a_shared_connection_keeps_it_too(autojump_clock: MockClock, token: str | None) -> None:
    """All parts, beside another channel that notices nothing: it stays live, on the one connection there ever is."""

    async def fetch() -> str:
        await trio.lowlevel.checkpoint()
        return str(token)

    async with open_network() as network:
        realtime = connection(network, token=None if token is None else fetch)
        hall, module = realtime.channel("hall", WATCHING, **EVENTS), room_module("hall")
        async with open_system_with(network, module, hall, [realtime, hall]) as world:
            await world.live()

            def make_source() -> Source:
                return UntilTheServerKnows(network, realtime.channel("room", WATCHING, **EVENTS))

            def closed(source: UntilTheServerKnows) -> bool:
                return not source.channel.is_live and network.server.members("room") == 0

            await check_source(make_source, closed=closed)
            network.server.broadcast("hall", "said", {"text": "still here"})
            await world.system.wait_until(lambda view: view[module].said == ["still here"], timeout=5)
            assert (world.facts.live, world.facts.gaps, world.errors, network.server.connections) == (True, [], [], 1)
