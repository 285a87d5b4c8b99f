"""A feed that ends is connected again, and says that something may be missing."""

import itertools
import math
import ssl
from typing import Any

import pytest
import trio
from attrs import define, field, frozen
from trio.testing import MockClock, wait_all_tasks_blocked

from adapters.websocket.tests.memory_server import (
    URL,
    Connected,
    Disconnected,
    FeedFacts,
    Gap,
    MemoryServer,
    Price,
    open_feed,
    price,
)
from directive_trio import ErrorBoundary, Module, Retry, open_system
from directive_trio.observe import SourceError
from directive_trio_websocket import Address, json_events, websocket_source
from directive_trio_websocket.errors import ConnectError, NotConnectedError


async def test_messages_become_events(autojump_clock: MockClock) -> None:
    """Each is decoded and handled when it comes."""
    async with open_feed() as feed:
        connection = await feed.accept()
        for cents in (1, 2, 3):
            await connection.send_message(price(cents))
        await wait_all_tasks_blocked()
        assert feed.events == (Price(1), Price(2), Price(3))
        (seen,) = feed.system.inspect().sources
        assert (seen.attached, seen.publish_count, seen.drop_count) == (True, 3, 0)


async def test_a_lost_connection_is_made_again_with_a_gap_before_its_first_message(autojump_clock: MockClock) -> None:
    """The gap says why, and for how long nothing was heard."""
    async with open_feed(gap=Gap, connected=Connected, disconnected=Disconnected) as feed:
        first = await feed.accept()
        await first.send_message(price(1))
        await first.aclose(1011, "restart")
        second = await feed.accept()
        await second.send_message(price(2))
        await wait_all_tasks_blocked()
        assert feed.events == (
            Connected(None),
            Price(1),
            Disconnected("closed with 1011: restart"),
            Connected(None),
            Gap("closed with 1011: restart", 0.5),
            Price(2),
        )
        assert feed.errors == ["ClosedError: closed with 1011: restart"]


async def test_a_connection_that_breaks_without_a_word_is_made_again(autojump_clock: MockClock) -> None:
    """Nobody says goodbye when a machine dies: code 1006."""
    async with open_feed(gap=Gap) as feed:
        await feed.accept()
        await trio.aclose_forcefully(feed.server.far[0])
        await feed.accept()
        await wait_all_tasks_blocked()
        assert feed.events == (Gap("closed with 1006", 0.5),)


async def test_waits_between_attempts_grow_to_a_limit(autojump_clock: MockClock) -> None:
    """Each attempt that fails doubles the wait; each is reported."""
    async with open_feed(reconnect=Retry(100, "exponential", initial_delay=1, max_delay=5)) as feed:
        feed.server.failures = [OSError(f"no {number}") for number in range(5)]
        await feed.accept()
        moments = feed.server.attempts
        assert [after - before for before, after in itertools.pairwise(moments)] == [1, 2, 4, 5, 5]
        assert feed.errors == [
            f"ConnectError: no connection to feed.test:80: OSError: no {number}" for number in range(5)
        ]
        assert feed.events == ()


async def test_jitter_takes_a_share_off_the_wait(autojump_clock: MockClock) -> None:
    """So that a thousand clients do not come back in the same moment."""
    retry = Retry(100, "exponential", initial_delay=1, max_delay=5, jitter=0.5)
    async with open_feed(reconnect=retry, chance=lambda: 0.5) as feed:
        feed.server.failures = [OSError()]
        await feed.accept()
        assert feed.server.attempts == [0, 0.75]


async def test_a_server_that_throws_everybody_out_is_asked_less_and_less_often(autojump_clock: MockClock) -> None:
    """Only a connection that lasted begins the waits anew."""
    async with open_feed(reconnect=Retry(100, "exponential", initial_delay=1, max_delay=8)) as feed:
        for _ in range(3):
            await (await feed.accept()).aclose()
        lasting = await feed.accept()
        assert feed.server.attempts == [0, 1, 3, 7]
        await trio.sleep(8)
        await lasting.aclose()
        await feed.accept()
        assert feed.server.attempts == [0, 1, 3, 7, 16]


async def test_after_so_many_failures_in_a_row_the_source_fails(autojump_clock: MockClock) -> None:
    """What then becomes of it is the business of its own retry, and of the error boundary."""
    async with open_feed(reconnect=Retry(3, initial_delay=1)) as feed:
        feed.server.failures = [OSError("a"), OSError("b"), OSError("c"), OSError("d")]
        await trio.sleep(10)
        assert len(feed.server.attempts) == 3
        assert [error[-1] for error in feed.errors] == ["a", "b", "c"]
        (seen,) = feed.system.inspect().sources
        assert not seen.attached


async def test_attempts_that_take_long_count_too(autojump_clock: MockClock) -> None:
    """Only a connection lasts; a deadline that passes does not."""
    async with open_feed(reconnect=Retry(3, initial_delay=1, max_delay=2), handshake_timeout=5) as feed:
        feed.server.silent = True
        await trio.sleep(100)
        assert feed.server.attempts == [0, 6, 12]


async def test_a_failure_that_is_final_is_not_tried_again(autojump_clock: MockClock) -> None:
    """``retry_if`` says which is."""
    reconnect = Retry(100, retry_if=lambda error, attempt: not isinstance(error, ConnectError))
    async with open_feed(reconnect=reconnect) as feed:
        feed.server.failures = [OSError("nobody")]
        await trio.sleep(10)
        assert len(feed.server.attempts) == 1


class ProxyError(Exception):
    """What some library for proxies raises."""


async def test_whatever_hinders_a_stream_is_a_failed_attempt(autojump_clock: MockClock) -> None:
    """Nobody knows here what the errors of a proxy are; a deadline that passes within it is not the one of here."""
    async with open_feed(reconnect=Retry(100, initial_delay=1)) as feed:
        feed.server.failures = [ProxyError("busy"), trio.TooSlowError()]
        await trio.sleep(10)
        assert feed.server.attempts == [0, 1, 2]
        said = "ConnectError: no connection to feed.test:80: "
        assert feed.errors == [f"{said}ProxyError: busy", f"{said}TooSlowError"]


async def test_a_retry_if_that_raises_ends_the_source_and_says_of_what_it_was_asked(autojump_clock: MockClock) -> None:
    """The failure of the connection is the cause of its own."""

    def judge(error: Exception, attempt: int) -> bool:
        raise KeyError("no opinion")

    async with open_feed(reconnect=Retry(100, retry_if=judge)) as feed:
        feed.server.failures = [OSError("nobody")]
        await trio.sleep(10)
        assert len(feed.server.attempts) == 1
        (told,) = [told for told in feed.log if isinstance(told, SourceError)]
        assert isinstance(told.error, KeyError)
        assert isinstance(told.error.__cause__, ConnectError)


async def test_who_is_told_of_a_loss_finds_no_connection(autojump_clock: MockClock) -> None:
    """And who is told of a connection finds one."""
    seen = []
    async with trio.open_nursery() as nursery:
        server = MemoryServer(nursery)
        feed = websocket_source(
            URL,
            decode=json_events([Price]),
            open_stream=server.open_stream,
            gap=Gap,
            connected=Connected,
            disconnected=Disconnected,
        )
        module = Module("feed", FeedFacts)
        module.add_source(feed, name="prices")

        def look(facts: FeedFacts, event: Any) -> None:
            seen.append((type(event).__name__, feed.connection.is_connected))

        for kind in (Gap, Connected, Disconnected):
            module.on(kind)(look)
        async with open_system(module, errors=ErrorBoundary(on_error=lambda error, _: None)):
            await (await server.accepted.receive()).aclose()
            await server.accepted.receive()
            await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert seen == [("Connected", True), ("Disconnected", False), ("Connected", True), ("Gap", True)]


def test_in_another_run_nobody_knows_how_long_it_was_away() -> None:
    """The clocks of two runs have nothing in common; that something may be missing is told."""
    gaps: list[Gap] = []
    servers: list[MemoryServer] = []

    async def connect(address: Address, context: ssl.SSLContext | None) -> trio.abc.Stream:
        return await servers[-1].open_stream(address, context)

    feed = websocket_source(URL, decode=json_events([Price]), open_stream=connect, gap=Gap)
    module = Module("feed", FeedFacts)
    module.add_source(feed, name="prices")

    @module.on(Gap)
    def note(facts: FeedFacts, event: Gap) -> None:
        gaps.append(event)

    async def listen() -> None:
        async with trio.open_nursery() as nursery:
            servers.append(MemoryServer(nursery))
            async with open_system(module):
                await servers[-1].accepted.receive()
                await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    trio.run(listen, clock=MockClock(autojump_threshold=0))
    assert gaps == []
    trio.run(listen, clock=MockClock(autojump_threshold=0))
    assert gaps == [Gap("stopped", math.inf)]


async def test_a_system_that_is_started_again_hears_of_the_gap(autojump_clock: MockClock) -> None:
    """While it was stopped nobody listened."""
    async with open_feed(gap=Gap) as feed, trio.open_nursery() as nursery:
        await feed.accept()
        await feed.system.stop_async()
        await trio.sleep(3)
        feed.system.start(nursery)
        await feed.accept()
        await wait_all_tasks_blocked()
        assert feed.events == (Gap("stopped", 3.0),)
        feed.system.stop()


async def test_the_gap_says_why_the_source_was_detached(autojump_clock: MockClock) -> None:
    """A key that became another one is no stop."""

    @define
    class RoomFacts:
        room: str = "one"
        gaps: tuple[Gap, ...] = ()

    async with trio.open_nursery() as nursery:
        server = MemoryServer(nursery)
        feed = websocket_source(URL, decode=json_events([Price]), open_stream=server.open_stream, gap=Gap)
        rooms = Module("rooms", RoomFacts)
        rooms.add_source(feed, name="feed", key=lambda facts: facts.room)

        @rooms.on(Gap)
        def note(facts: RoomFacts, event: Gap) -> None:
            facts.gaps = (*facts.gaps, event)

        async with open_system(rooms) as system:
            await server.accepted.receive()
            system[rooms].room = "two"
            await server.accepted.receive()
            await wait_all_tasks_blocked()
            assert system[rooms].gaps == (Gap("superseded", 0.0),)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("how", ["stop", "leave"])
async def test_stopping_says_goodbye_with_1000(how: str, autojump_clock: MockClock) -> None:
    """And the goodbye is heard."""
    async with open_feed() as feed:
        connection = await feed.accept()
        if how == "stop":
            await feed.system.stop_async()
            assert connection.closed is not None
    assert connection.closed is not None
    assert connection.closed.code == 1000


@frozen
class Fussy:
    reason: str = field()

    @reason.validator
    def _refuse(self, attribute: object, value: str) -> None:
        raise ValueError(value)


async def test_an_event_that_cannot_be_made_leaves_no_connection(autojump_clock: MockClock) -> None:
    """The source fails, with a goodbye; nobody believes that it is connected."""
    async with open_feed(gap=Fussy) as feed:
        await (await feed.accept()).aclose(1011, "restart")
        await trio.sleep(5)
        assert feed.errors == ["ClosedError: closed with 1011: restart", "ValueError: closed with 1011: restart"]
        assert not feed.source.connection.is_connected
        assert [near.is_closed for near in feed.server.near] == [True, True]
        with pytest.raises(NotConnectedError):
            await feed.source.connection.send("hello")
