"""The contract of adapters, as the core checks it."""

import trio
from trio.testing import MockClock
from trio_websocket import ConnectionClosed

from adapters.websocket.tests.memory_server import MemoryServer, Price, price
from directive_trio.testing import check_source
from directive_trio_websocket import Overflow, WebSocketSource, json_events, websocket_source


async def keep_sending(server: MemoryServer) -> None:
    """Send prices to everybody who connects, one at a time."""
    async for connection in server.accepted:
        try:
            for cents in range(100):
                await connection.send_message(price(cents))
                await trio.sleep(0.1)
        except ConnectionClosed:
            continue


async def test_a_feed_keeps_the_contract_of_adapters(autojump_clock: MockClock) -> None:
    """Whatever it does when messages come too fast."""
    overflows: list[Overflow] = ["block", "drop_oldest", "fail"]
    for overflow in overflows:
        async with trio.open_nursery() as nursery:
            server = MemoryServer(nursery)
            nursery.start_soon(keep_sending, server)

            def make(server: MemoryServer = server, overflow: Overflow = overflow) -> WebSocketSource:
                return websocket_source(
                    "ws://feed.test", decode=json_events([Price]), open_stream=server.open_stream, overflow=overflow
                )

            await check_source(make, events=[Price], closed=lambda _, server=server: server.all_closed)
            nursery.cancel_scope.cancel()
