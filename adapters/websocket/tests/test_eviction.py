"""Eviction says goodbye with 1001, and makes no new connection."""

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
