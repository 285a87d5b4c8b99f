"""Nothing takes for ever: every stage of a connection has a deadline, and a silent one is noticed."""

import math
import ssl

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from adapters.websocket.tests.memory_server import Gap, open_feed, price
from directive_trio_websocket import Address
from directive_trio_websocket.errors import NotConnectedError, SendTimeoutError


async def test_a_connection_that_does_not_come_about_is_given_up(autojump_clock: MockClock) -> None:
    """After ``connect_timeout``; then the next attempt."""

    async def open_never(address: Address, context: ssl.SSLContext | None) -> trio.abc.Stream:
        await trio.sleep_forever()
        raise AssertionError

    async with open_feed(open_stream=open_never, connect_timeout=3) as feed:
        await trio.sleep(6)
        assert feed.errors == ["ConnectTimeoutError: no connection within 3 s"]


async def test_a_server_that_accepts_and_never_answers_is_given_up(autojump_clock: MockClock) -> None:
    """After ``handshake_timeout``; the stream is closed."""
    async with open_feed(handshake_timeout=3) as feed:
        feed.server.silent = True
        await trio.sleep(3.25)
        assert feed.errors == ["ConnectTimeoutError: no handshake within 3 s"]
        (stream,) = feed.server.far
        while await stream.receive_some():
            pass
        feed.server.silent = False
        await feed.accept()


async def test_a_server_that_hangs_up_during_the_handshake_is_no_reason_to_wait(autojump_clock: MockClock) -> None:
    """It is noticed at once."""
    async with open_feed() as feed:
        feed.server.silent = True
        await wait_all_tasks_blocked()
        await feed.server.far[0].aclose()
        feed.server.silent = False
        await feed.accept()
        assert trio.current_time() == 0.5
        assert feed.errors == ["ConnectError: the server hung up during the handshake"]


async def test_a_server_that_speaks_something_else_is_no_reason_to_wait(autojump_clock: MockClock) -> None:
    """What it said is in the error."""
    async with open_feed() as feed:
        feed.server.silent = True
        await wait_all_tasks_blocked()
        await feed.server.far[0].send_all(b"220 mail.test ESMTP\r\n\r\n")
        feed.server.silent = False
        await feed.accept()
        assert feed.errors[0].startswith("ConnectError: the server ")


async def test_a_half_open_connection_is_noticed_within_the_pong_deadline(autojump_clock: MockClock) -> None:
    """Nothing arrives and nothing breaks: only the missing pong tells."""
    async with open_feed(gap=Gap, ping_interval=10, pong_timeout=4) as feed:
        await wait_all_tasks_blocked()
        feed.server.far[0].hold()  # it hears, and cannot answer
        await feed.accept()
        await feed.accept()
        assert feed.server.attempts == [0, 14.5]
        assert feed.errors == ["PongTimeoutError: no pong within 4 s"]


async def test_a_connection_that_answers_lives_for_ever(autojump_clock: MockClock) -> None:
    """Pong after pong."""
    async with open_feed(ping_interval=10, pong_timeout=4) as feed:
        await trio.sleep(20_000)
        assert feed.server.attempts == [0]
        assert feed.errors == []


async def test_a_server_that_must_not_be_pinged_is_not(autojump_clock: MockClock) -> None:
    """Then a silent one is not noticed, of course."""
    async with open_feed(ping_interval=math.inf) as feed:
        await feed.accept()
        feed.server.far[0].hold()
        await trio.sleep(10_000)
        assert feed.errors == []


async def test_who_was_held_up_does_not_blame_the_server(mock_clock: MockClock) -> None:
    """A handler that lets nobody run for a minute: the pong has come, and nobody has read it yet."""
    async with open_feed(ping_interval=10, pong_timeout=4) as feed:
        await wait_all_tasks_blocked()
        mock_clock.jump(9)
        feed.server.far[0].hold(seconds=30)
        mock_clock.jump(1)
        await wait_all_tasks_blocked()
        mock_clock.jump(60)
        await wait_all_tasks_blocked()
        assert feed.errors == []
        feed.server.far[0].hold()
        for _ in range(20):
            mock_clock.jump(1)
            await wait_all_tasks_blocked()
        assert feed.errors == ["PongTimeoutError: no pong within 4 s"]


async def test_messages_are_as_good_as_a_pong(autojump_clock: MockClock) -> None:
    """A server busy sending may answer pings late."""
    async with open_feed(ping_interval=10, pong_timeout=4) as feed:
        connection = await feed.accept()
        feed.server.far[0].swallows_pongs = True
        for second in range(60):
            await trio.sleep(1)
            await connection.send_message(price(second))
        assert feed.server.attempts == [0]
        await trio.sleep(10)
        assert len(feed.events) == 60
        assert feed.errors == ["PongTimeoutError: no pong within 4 s"]


async def test_a_send_that_takes_too_long_costs_the_connection(autojump_clock: MockClock) -> None:
    """For a frame that is cut off would spoil all that come after it."""
    async with open_feed(send_timeout=5, gap=Gap) as feed:
        await feed.accept()
        feed.server.near[0].hold()
        with pytest.raises(SendTimeoutError, match="not sent within 5 s"):
            await feed.source.connection.send("x")
        assert trio.current_time() == 5
        await feed.accept()
        await wait_all_tasks_blocked()
        assert feed.events == (Gap("not sent within 5 s", 0.5),)


async def test_a_send_that_has_begun_is_not_cancelled(autojump_clock: MockClock) -> None:
    """It ends by itself, and only then is the cancellation felt."""
    async with open_feed(send_timeout=5) as feed:
        connection = await feed.accept()
        feed.server.near[0].hold(seconds=2)
        with trio.move_on_after(1) as scope:
            await feed.source.connection.send("whole")
        assert trio.current_time() == 2
        assert not scope.cancelled_caught
        assert await connection.get_message() == "whole"


async def test_a_send_that_waits_its_turn_can_be_cancelled(autojump_clock: MockClock) -> None:
    """Nothing of it has been sent."""
    async with open_feed(send_timeout=5) as feed, trio.open_nursery() as nursery:
        connection = await feed.accept()
        feed.server.near[0].hold(seconds=2)
        nursery.start_soon(feed.source.connection.send, "first")
        await wait_all_tasks_blocked()
        with trio.move_on_after(1) as scope:
            await feed.source.connection.send("second")
        assert scope.cancelled_caught
        await feed.source.connection.send("third")
        assert [await connection.get_message() for _ in range(2)] == ["first", "third"]


async def test_who_waits_behind_a_stuck_send_hears_of_it_too(autojump_clock: MockClock) -> None:
    """The one is late, the other finds the connection closed."""
    async with open_feed(send_timeout=5) as feed, trio.open_nursery() as nursery:
        await feed.accept()
        feed.server.near[0].hold()
        outcomes: list[str] = []

        async def send(message: str) -> None:
            try:
                await feed.source.connection.send(message)
            except (SendTimeoutError, NotConnectedError) as error:
                outcomes.append(f"{message} {type(error).__name__}")

        nursery.start_soon(send, "first")
        await trio.sleep(1)
        nursery.start_soon(send, "second")
        await trio.sleep(10)
        assert sorted(outcomes) == ["first SendTimeoutError", "second NotConnectedError"]


async def test_stopping_does_not_wait_for_a_goodbye_that_never_comes(autojump_clock: MockClock) -> None:
    """After ``close_timeout`` the stream is closed without it."""
    async with open_feed(close_timeout=2) as feed:
        await feed.accept()
        feed.server.near[0].hold()
        await feed.system.stop_async()
        assert trio.current_time() == 2
