"""What may come at any moment comes at all of them: the end of the system, of a connection, bytes of any kind."""

import random

import pytest
import trio
from trio.testing import MockClock
from trio_websocket import ConnectionClosed, WebSocketConnection

from adapters.websocket.tests.memory_server import Feed, Gap, open_feed, price
from directive_trio import Retry
from directive_trio_websocket import Transport, TrioWebsocketTransport
from directive_trio_websocket.errors import NotConnectedError
from directive_trio_websocket.websockets import WebsocketsTransport

BOTH = pytest.mark.parametrize(
    "transport", [TrioWebsocketTransport(), WebsocketsTransport()], ids=["trio", "websockets"]
)
POLICIES = ["block", "drop_oldest", "fail"]


async def a_token() -> str:
    """What needs a moment."""
    await trio.lowlevel.checkpoint()
    return "t"


async def serve_all(feed: Feed) -> None:
    """Say five prices to everybody, and hear what they say."""
    async with trio.open_nursery() as nursery:
        while True:
            nursery.start_soon(_serve, await feed.server.accepted.receive())


async def _serve(connection: WebSocketConnection) -> None:
    try:
        for cents in range(5):
            await connection.send_message(price(cents))
        while True:
            await connection.get_message()
    except ConnectionClosed:
        return


async def send_much(feed: Feed) -> None:
    """Send until nobody is there."""
    await feed.source.connection.wait_connected()
    try:
        while True:
            await feed.source.connection.send("x" * 100)
    except NotConnectedError:
        return


@BOTH
@pytest.mark.parametrize("how", ["stop", "evict"])
@pytest.mark.parametrize("overflow", POLICIES)
async def test_the_end_may_come_at_any_step(
    overflow: str, how: str, transport: Transport, autojump_clock: MockClock
) -> None:
    """While it asks for a token, connects, shakes hands, receives and sends: it leaves no stream open and no word."""
    for steps in range(60):
        async with (
            open_feed(transport=transport, overflow=overflow, token=a_token) as feed,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(serve_all, feed)
            nursery.start_soon(send_much, feed)
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
            began = trio.current_time()
            if how == "stop":
                await feed.system.stop_async()
            else:
                assert (await feed.system.evict(began + 5)).clean
            assert trio.current_time() == began
            await trio.sleep(60)
            assert all(near.is_closed for near in feed.server.near)
            assert not feed.source.connection.is_connected
            assert feed.errors == []
            assert len(feed.server.attempts) <= 1
            nursery.cancel_scope.cancel()


async def end(connection: WebSocketConnection, feed: Feed, dice: random.Random) -> None:
    """End a connection in one of three ways."""
    how = dice.randrange(3)
    if how == 0:
        await connection.aclose(dice.choice([1000, 1011, 4000]))
    elif how == 1:
        await trio.aclose_forcefully(feed.server.far[-1])
    else:
        async with connection._stream_lock:
            await feed.server.far[-1].send_all(bytes(range(255, 0, -1)))


@BOTH
@pytest.mark.parametrize("seed", range(30))
async def test_between_two_connections_is_one_gap(seed: int, transport: Transport, autojump_clock: MockClock) -> None:
    """Whatever was sent, and however they ended: what comes is in order, nothing twice, each on its side of the gap."""
    dice = random.Random(seed)
    options = {"overflow": dice.choice(POLICIES), "buffer": dice.choice([1, 2, 5]), "gap": Gap}
    async with open_feed(transport=transport, reconnect=Retry(10_000, initial_delay=1), **options) as feed:
        for index in range(6):
            connection = await feed.accept()
            try:
                for cents in range(dice.randrange(8)):
                    await connection.send_message(price(100 * index + cents))
                    if dice.random() < 0.3:
                        await trio.sleep(dice.choice([0, 0.0005, 0.01]))
            except ConnectionClosed:
                assert options["overflow"] == "fail"
            feed.server.failures = [OSError()] * dice.randrange(3)
            await end(connection, feed, dice)
            await trio.sleep(0.5)
        await feed.accept()
        await trio.sleep(0.5)
        gaps, last = 0, -1
        for event in feed.events:
            if isinstance(event, Gap):
                gaps += 1
            else:
                cents = event.cents  # type: ignore[union-attr]
                assert cents // 100 == gaps
                assert cents > last
                last = cents
        assert gaps == len(feed.server.far) - 1


def some_bytes(dice: random.Random) -> bytes:
    """Anything: noise, frames of all kinds with noise in them, a ping, a price, a length that cannot be."""
    kind = dice.randrange(5)
    if kind == 0:
        return dice.randbytes(dice.randrange(1, 300))
    if kind == 1:
        length = dice.randrange(126)
        first = dice.choice([0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8A, 0x88, 0x83, 0xC1])
        return bytes([first, length]) + dice.randbytes(length)
    if kind == 2:
        return b"\x89\x05abcde"
    if kind == 3:
        text = price(dice.randrange(100)).encode()
        return bytes([0x81, len(text)]) + text
    return b"\x81\x7f" + dice.randrange(2**64).to_bytes(8, "big")


@BOTH
@pytest.mark.parametrize("seed", range(40))
async def test_bytes_of_any_kind_cost_a_connection_at_most(
    seed: int, transport: Transport, autojump_clock: MockClock
) -> None:
    """An error each, and the next connection: the source goes on."""
    dice = random.Random(seed)
    options = {"overflow": dice.choice(POLICIES), "max_message_size": 5000, "ping_interval": 5, "pong_timeout": 5}
    async with open_feed(transport=transport, gap=Gap, **options) as feed:
        for _ in range(5):
            connection = await feed.accept()
            far = feed.server.far[-1]
            try:
                for _ in range(dice.randrange(10)):
                    async with connection._stream_lock:
                        await far.send_all(some_bytes(dice))
                    if dice.random() < 0.5:
                        await trio.sleep(dice.choice([0, 0.001]))
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass
            await trio.aclose_forcefully(far)
        await feed.accept()
        expected = {"MessageError", "ClosedError", "InboundOverflowError", "PongTimeoutError"}
        assert {error.partition(":")[0] for error in feed.errors} <= expected
        (seen,) = feed.system.inspect().sources
        assert seen.attached
