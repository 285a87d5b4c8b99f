"""A line above a transport of any kind: what it makes of what that does."""

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from directive_trio_websocket import Connection, Handshake, Socket, Transport
from directive_trio_websocket._address import address_of
from directive_trio_websocket._line import Patience, open_line
from directive_trio_websocket.errors import ClosedError, ConnectError, PongTimeoutError

HANDSHAKE = Handshake(address_of("ws://x"), (), (), 1000)
PATIENCE = Patience(connect=1, handshake=1, send=1, close=1, ping=10, pong=4)


class DeadSocket(Socket):
    """A connection that has ended without a word."""

    subprotocol = None

    async def receive(self) -> str | bytes:
        await trio.sleep_forever()
        raise AssertionError

    async def send(self, message: str | bytes) -> None:
        raise ClosedError(1006)

    async def ping(self) -> None:
        raise ClosedError(1006)

    async def close(self, code: int, reason: str) -> None:
        await trio.sleep_forever()


class DeadTransport(Transport):
    """Opens what is dead already, or nothing."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    async def open(self, nursery: trio.Nursery, stream: trio.abc.Stream, handshake: Handshake) -> Socket:
        if self.error is not None:
            raise self.error
        return DeadSocket()


async def test_a_ping_that_cannot_be_sent_is_a_pong_that_does_not_come(autojump_clock: MockClock) -> None:
    """Even if nobody reads, and so nobody notices the end."""
    stream, _ = memory_stream_pair()
    async with open_line(DeadTransport(), stream, HANDSHAKE, PATIENCE) as line:
        await trio.sleep(14.5)
        assert isinstance(line.failure, PongTimeoutError)
        with pytest.raises(trio.ClosedResourceError):
            await stream.send_all(b"x")


async def test_the_first_failure_stays(autojump_clock: MockClock) -> None:
    """What follows from it says less."""
    stream, _ = memory_stream_pair()
    async with open_line(DeadTransport(), stream, HANDSHAKE, PATIENCE) as line:
        first, second = ClosedError(4000), ClosedError(4001)
        await line.give_up(first)
        await line.give_up(second)
        assert line.failure is first


async def test_a_goodbye_that_hangs_is_cut_off(autojump_clock: MockClock) -> None:
    """And the stream is closed, also if the one who closes is cancelled."""
    for timeout in (0.5, 5):
        stream, other = memory_stream_pair()
        began = trio.current_time()
        with trio.move_on_after(timeout):
            async with open_line(DeadTransport(), stream, HANDSHAKE, PATIENCE) as line:
                await line.close(1000, "")
        assert trio.current_time() - began == min(timeout, 1)
        assert await other.receive_some() == b""


@pytest.mark.parametrize("error", [ConnectError("no"), ValueError("a transport with a bug")])
async def test_what_a_transport_raises_comes_out_as_it_is(error: Exception, autojump_clock: MockClock) -> None:
    """In no group; and the stream is closed."""
    stream, other = memory_stream_pair()
    with pytest.raises(type(error)) as caught:
        async with open_line(DeadTransport(error), stream, HANDSHAKE, PATIENCE):
            pass
    assert caught.value is error
    assert await other.receive_some() == b""


async def test_what_the_block_raises_comes_out_as_it_is(autojump_clock: MockClock) -> None:
    """In no group either."""
    stream, _ = memory_stream_pair()
    with pytest.raises(KeyError):
        async with open_line(DeadTransport(), stream, HANDSHAKE, PATIENCE):
            raise KeyError("mine")


async def test_a_connection_that_is_closed_twice_forgets_nobody_who_waits_for_it(autojump_clock: MockClock) -> None:
    """An eviction closes it in its hook and at the end of the source; the source may be started again."""
    connection = Connection("ws://x")
    stream, _ = memory_stream_pair()
    async with open_line(DeadTransport(), stream, HANDSHAKE, PATIENCE) as line, trio.open_nursery() as nursery:
        connection.opened(line)
        connection.closed()
        nursery.start_soon(connection.wait_connected)
        await wait_all_tasks_blocked()
        connection.closed()
        connection.opened(line)
        nursery.cancel_scope.deadline = trio.current_time() + 5
    assert not nursery.cancel_scope.cancelled_caught
