"""The contract of adapters, as the core checks it, above a transport of its own."""

import ssl

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from adapters.websocket.tests.memory_server import Price, Wire, price
from directive_trio.testing import check_source
from directive_trio_websocket import (
    Address,
    Handshake,
    Overflow,
    Socket,
    Transport,
    WebSocketSource,
    json_events,
    websocket_source,
)


class PriceSocket(Socket):
    """A server that says a price ten times a second."""

    subprotocol = None

    async def receive(self) -> str | bytes:
        await trio.sleep(0.1)
        return price(1)

    async def send(self, message: str | bytes) -> None:
        await trio.lowlevel.checkpoint()

    async def ping(self) -> None:
        await trio.lowlevel.checkpoint()

    async def close(self, code: int, reason: str) -> None:
        await trio.sleep(0.1)


class PriceTransport(Transport):
    """Opens at once: it has no tasks, so that none of those that are seen is the server's."""

    async def open(self, nursery: trio.Nursery, stream: trio.abc.Stream, handshake: Handshake) -> Socket:
        await trio.lowlevel.checkpoint()
        return PriceSocket()


@pytest.mark.parametrize("overflow", ["block", "drop_oldest", "fail"])
async def test_a_feed_keeps_the_contract_of_adapters(overflow: Overflow, autojump_clock: MockClock) -> None:
    """Whatever it does when messages come too fast."""
    wires: list[Wire] = []

    async def open_stream(address: Address, context: ssl.SSLContext | None) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        wires.append(Wire(memory_stream_pair()[0]))
        return wires[-1]

    def make() -> WebSocketSource:
        return websocket_source(
            "ws://feed.test",
            decode=json_events([Price]),
            open_stream=open_stream,
            overflow=overflow,
            transport=PriceTransport(),
        )

    await check_source(make, events=[Price], closed=lambda _: all(wire.is_closed for wire in wires))
    assert wires
