"""When messages come faster than they are taken: the server waits, the oldest go, or the connection does."""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from adapters.websocket.tests.memory_server import Gap, MemoryServer, Price, price
from directive_trio import Record, Signal, SourceLink
from directive_trio.errors import DefinitionError
from directive_trio_websocket import Overflow, json_events, websocket_source


class SlowSystem:
    """A link whose passes are over when the test says so."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.errors: list[str] = []
        self.pass_is_over = trio.Event()

    def publish(self, event: Record | str, payload: Mapping[str, object] | None = None, /) -> None:
        self.events.append(event if payload is None else payload["cents"])

    def report_error(self, error: BaseException, /) -> None:
        self.errors.append(str(error))

    def attached(self) -> None: ...

    def on_evict(self, callback: Callable[[], Awaitable[object] | object], /) -> None: ...

    @property
    def key(self) -> Hashable:
        return None

    @property
    def signal(self) -> Signal:
        return cast("Signal", SimpleNamespace(reason=None))

    @contextmanager
    def teardown(self) -> Iterator[None]:
        with trio.CancelScope(shield=True):
            yield

    async def caught_up(self) -> None:
        await self.pass_is_over.wait()


@asynccontextmanager
async def open_slow_feed(overflow: Overflow, **options: Any) -> AsyncIterator[tuple[MemoryServer, SlowSystem]]:
    """A feed with a buffer of three, into a system whose next pass does not come."""
    async with trio.open_nursery() as nursery:
        server, system = MemoryServer(nursery), SlowSystem()
        source = websocket_source(
            "ws://feed.test",
            decode=json_events([Price]),
            gap=Gap,
            buffer=3,
            overflow=overflow,
            open_stream=server.open_stream,
            chance=lambda: 0.0,
            **options,
        )
        nursery.start_soon(source.run, system)
        yield server, system
        nursery.cancel_scope.cancel()


async def test_block_lets_the_server_wait(autojump_clock: MockClock) -> None:
    """No more are taken than the buffer holds; nothing is lost."""
    async with open_slow_feed("block") as (server, system), trio.open_nursery() as nursery:
        connection = await server.accepted.receive()

        async def send_many() -> None:
            for cents in range(100):
                await connection.send_message(price(cents))

        nursery.start_soon(send_many)
        await wait_all_tasks_blocked()
        assert system.events == [0, 1, 2]
        system.pass_is_over.set()
        await trio.sleep(1)
        assert system.events == list(range(100))
        assert system.errors == []


async def test_a_system_that_is_slow_is_no_silent_server(autojump_clock: MockClock) -> None:
    """While nothing is read no pong can be heard: that is not the server's fault."""
    async with open_slow_feed("block", ping_interval=5, pong_timeout=2) as (server, system):
        connection = await server.accepted.receive()
        for cents in range(5):
            await connection.send_message(price(cents))
        await trio.sleep(60)
        assert system.errors == []
        system.pass_is_over.set()
        await trio.sleep(60)
        assert system.events == list(range(5))
        assert system.errors == []


async def test_drop_oldest_keeps_the_latest(autojump_clock: MockClock) -> None:
    """How many are gone is reported, in one error, when the system is ready again."""
    async with open_slow_feed("drop_oldest") as (server, system):
        connection = await server.accepted.receive()
        await connection.send_message(price(0))
        await wait_all_tasks_blocked()
        for cents in range(1, 11):
            await connection.send_message(price(cents))
        await wait_all_tasks_blocked()
        assert system.events == [0]
        system.pass_is_over.set()
        await wait_all_tasks_blocked()
        assert system.events == [0, 8, 9, 10]
        assert system.errors == ["more than 3 messages wait to be taken: 7 of the oldest were dropped"]


async def test_fail_gives_the_connection_up_and_tells_the_gap(autojump_clock: MockClock) -> None:
    """What had come before is still taken."""
    async with open_slow_feed("fail") as (server, system):
        connection = await server.accepted.receive()
        await connection.send_message(price(0))
        await wait_all_tasks_blocked()
        for cents in range(1, 5):
            await connection.send_message(price(cents))
        await wait_all_tasks_blocked()
        assert server.attempts == [0]
        system.pass_is_over.set()
        connection = await server.accepted.receive()
        await connection.send_message(price(9))
        await wait_all_tasks_blocked()
        reason = "more than 3 messages wait to be taken: the connection was given up"
        assert system.events == [0, 1, 2, 3, Gap(reason, 0.5), 9]
        assert system.errors == [reason]


async def test_a_closed_connection_is_drained_before_the_next_one(autojump_clock: MockClock) -> None:
    """Nothing that came before the end is lost, and nothing comes after the gap."""
    async with open_slow_feed("drop_oldest") as (server, system):
        connection = await server.accepted.receive()
        await connection.send_message(price(0))
        await wait_all_tasks_blocked()
        await connection.send_message(price(1))
        await connection.aclose()
        system.pass_is_over.set()
        await (await server.accepted.receive()).send_message(price(2))
        await wait_all_tasks_blocked()
        assert system.events == [0, 1, Gap("closed with 1000", 0.5), 2]


async def test_a_buffer_can_be_cancelled_while_it_is_empty(autojump_clock: MockClock) -> None:
    """As when the system stops."""
    async with open_slow_feed("drop_oldest") as (server, system):
        await server.accepted.receive()
        await wait_all_tasks_blocked()
    assert system.errors == []


def test_a_policy_that_is_none_is_refused() -> None:
    """The message names those there are."""
    with pytest.raises(DefinitionError, match="overflow='ignore' is none of block, drop_oldest, fail"):
        websocket_source("ws://x", decode=json_events([Price]), overflow="ignore")  # type: ignore[arg-type]


def test_a_link_is_all_that_a_source_needs() -> None:
    """The stand-in of these tests keeps the promises of the real one, as far as types can say."""
    link: SourceLink = SlowSystem()
    assert link.key is None
