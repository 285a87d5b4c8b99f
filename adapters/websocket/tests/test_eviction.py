"""Eviction says goodbye with 1001, and makes no new connection."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from adapters.websocket.tests.memory_server import Gap, open_feed


async def test_an_evicted_feed_closes_with_1001(autojump_clock: MockClock) -> None:
    """It is not made again: the source is completed."""
    async with open_feed(gap=Gap) as feed:
        connection = await feed.accept()
        await feed.source.on_evict()
        await trio.sleep(60)
        assert connection.closed is not None
        assert (connection.closed.code, connection.closed.reason) == (1001, "going away")
        assert feed.server.attempts == [0]
        assert feed.errors == []
        assert not feed.source.connection.is_connected


async def test_a_feed_that_is_evicted_while_it_waits_connects_no_more(autojump_clock: MockClock) -> None:
    """Between two attempts there is nobody to say goodbye to."""
    async with open_feed() as feed:
        feed.server.failures = [OSError("nobody")]
        await wait_all_tasks_blocked()
        await feed.source.on_evict()
        await trio.sleep(60)
        assert len(feed.server.attempts) == 1


async def test_a_system_that_is_evicted_says_goodbye_with_1001(autojump_clock: MockClock) -> None:
    """Whatever its other sources do."""
    async with open_feed() as feed:
        connection = await feed.accept()
        report = await feed.system.evict(trio.current_time() + 5)
        assert report.clean
        assert connection.closed is not None
        assert connection.closed.code == 1001


async def test_a_goodbye_that_is_not_heard_does_not_hold_an_eviction_up(autojump_clock: MockClock) -> None:
    """It returns by its deadline, and the stream is closed."""
    async with open_feed(close_timeout=60) as feed:
        await feed.accept()
        feed.server.near[0].hold()
        begin = trio.current_time()
        await feed.system.evict(begin + 5)
        assert trio.current_time() <= begin + 5
        with pytest.raises(trio.ClosedResourceError):
            await feed.server.near[0].send_all(b"x")
