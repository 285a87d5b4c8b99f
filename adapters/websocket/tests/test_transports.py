"""What the libraries below the seam do in their own ways, and the adapter does in one: on streams in memory."""

import pytest
import trio
from trio.testing import MockClock
from wsproto.events import Event

from adapters.websocket.tests.memory_server import Gap, Price, open_feed
from directive_trio_websocket import Transport, TrioWebsocketTransport
from directive_trio_websocket.websockets import WebsocketsTransport

PING = bytes([0x89, 1, 65])

BOTH = pytest.mark.parametrize(
    "transport", [TrioWebsocketTransport(), WebsocketsTransport()], ids=["trio", "websockets"]
)


@BOTH
@pytest.mark.parametrize("letter", ["ž", "馬", "🐎"])
async def test_the_size_of_a_message_is_that_of_its_bytes(
    letter: str, transport: Transport, autojump_clock: MockClock
) -> None:
    """Also where a letter takes several; a longer one ends the connection with 1009, on both sides."""
    size = len(letter.encode())
    limit = 250 * size
    async with open_feed(
        transport=transport, max_message_size=limit, decode=lambda message: Price(len(message)), gap=Gap
    ) as feed:
        connection = await feed.accept()
        await connection.send_message(letter * 250)
        await connection.send_message(letter * 251)
        await trio.sleep(10)
        assert connection.closed is not None
        assert connection.closed.code == 1009
        price, gap = feed.events
        assert price == Price(250)
        assert isinstance(gap, Gap)
        assert gap.reason.startswith("closed with 1009: ")
        assert str(limit) in gap.reason


@BOTH
async def test_a_ping_that_crosses_the_goodbye_delays_it_not(transport: Transport, autojump_clock: MockClock) -> None:
    """Nobody answers a ping after the goodbye, and the end does not wait for its deadline."""
    async with open_feed(transport=transport, close_timeout=60) as feed:
        connection = await feed.accept()
        send = connection._send

        async def ping_and_send(event: Event) -> None:
            await feed.server.far[0].send_all(PING)
            await send(event)

        connection._send = ping_and_send  # type: ignore[method-assign]  # its answer to the goodbye
        await feed.system.stop_async()
        assert trio.current_time() == 0
        assert connection.closed is not None
        assert connection.closed.code == 1000
