"""The way out: resolvers send through the connection of the source, and hear clearly when there is none."""

from typing import Any

import pytest
import trio
from attrs import define, frozen
from trio.testing import MockClock, wait_all_tasks_blocked

from adapters.websocket.tests.memory_server import MemoryServer, Price, open_feed, price
from directive_trio import Context, ErrorBoundary, Module, Retry, open_system
from directive_trio_websocket import Transport, TrioWebsocketTransport, json_events, websocket_source
from directive_trio_websocket.errors import NotConnectedError
from directive_trio_websocket.websockets import WebsocketsTransport


async def test_what_is_sent_arrives(autojump_clock: MockClock) -> None:
    """Text as text, bytes as bytes."""
    async with open_feed() as feed:
        connection = await feed.accept()
        assert feed.source.connection.is_connected
        await feed.source.connection.send("text")
        await feed.source.connection.send(b"bytes")
        assert [await connection.get_message() for _ in range(2)] == ["text", b"bytes"]


@pytest.mark.parametrize(
    ("message", "error", "words"),
    [
        (5, TypeError, "a message is a str or bytes, not a int"),
        (None, TypeError, "not a NoneType"),
        (["one", "two"], TypeError, "not a list"),
        (bytearray(b"x"), TypeError, "not a bytearray"),
        ("\ud800", ValueError, "surrogates not allowed"),
    ],
    ids=["number", "nothing", "list", "bytearray", "half a character"],
)
@pytest.mark.parametrize("transport", [TrioWebsocketTransport(), WebsocketsTransport()], ids=["trio", "websockets"])
async def test_what_is_no_message_is_refused(
    message: Any, error: type[Exception], words: str, transport: Transport, autojump_clock: MockClock
) -> None:
    """In the same words, whoever speaks the protocol; and the connection goes on."""
    async with open_feed(transport=transport) as feed:
        connection = await feed.accept()
        with pytest.raises(error, match=words):
            await feed.source.connection.send(message)
        await feed.source.connection.send("žluť")
        assert await connection.get_message() == "žluť"
        assert feed.errors == []


async def test_a_hundred_who_send_at_once_take_turns(autojump_clock: MockClock) -> None:
    """In the order in which they came; a message is whole."""
    async with open_feed(send_timeout=60) as feed, trio.open_nursery() as nursery:
        connection = await feed.accept()
        feed.server.near[0].hold(seconds=5)
        for number in range(100):
            nursery.start_soon(feed.source.connection.send, f"{number} " * 100)
            await wait_all_tasks_blocked()
        assert [await connection.get_message() for _ in range(100)] == [f"{number} " * 100 for number in range(100)]


@pytest.mark.parametrize("how", ["stop", "evict", "leave"])
@pytest.mark.parametrize("transport", [TrioWebsocketTransport(), WebsocketsTransport()], ids=["trio", "websockets"])
async def test_who_sends_in_mid_frame_holds_no_end_up(
    how: str, transport: Transport, autojump_clock: MockClock
) -> None:
    """The frame has as long as the goodbye; then the stream is closed under it, and nobody is left behind."""

    @define
    class ChatFacts:
        unsent: str = "hello"

    @frozen
    class Say:
        text: str

    async with trio.open_nursery() as nursery:
        server = MemoryServer(nursery)
        feed = websocket_source(
            "ws://chat.test", decode=json_events([Price]), open_stream=server.open_stream, transport=transport
        )
        chat = Module("chat", ChatFacts)
        chat.add_source(feed, name="feed")

        @chat.constraint
        def say(facts: ChatFacts) -> Say:
            return Say(facts.unsent)

        @chat.resolver(Say)
        async def send(requirement: Say, ctx: Context[ChatFacts]) -> None:
            await feed.connection.wait_connected()
            server.near[0].hold()
            await feed.connection.send(requirement.text)

        quiet = ErrorBoundary(on_error=lambda error, _: None)
        async with open_system(chat, errors=quiet) as system:
            await server.accepted.receive()
            await wait_all_tasks_blocked()
            began = trio.current_time()
            if how == "stop":
                await system.stop_async()
            elif how == "evict":
                assert (await system.evict(began + 5)).clean
        assert trio.current_time() == began + 1
        assert server.near[0].is_closed
        nursery.cancel_scope.cancel()


async def test_sending_is_refused_while_there_is_no_connection(autojump_clock: MockClock) -> None:
    """Before the first, between two, and after the stop; the error says what to do."""
    async with open_feed() as feed:
        connection = feed.source.connection
        with pytest.raises(NotConnectedError, match=r"wait with connection\.wait_connected"):
            await connection.send("too soon")
        far = await feed.accept()
        await far.aclose()
        await wait_all_tasks_blocked()
        assert not connection.is_connected
        with pytest.raises(NotConnectedError):
            await connection.send("between")
        await connection.wait_connected()
        assert connection.is_connected
        await feed.system.stop_async()
        with pytest.raises(NotConnectedError):
            await connection.send("too late")


async def test_a_connection_that_breaks_while_sending_refuses_too(autojump_clock: MockClock) -> None:
    """It is the same to whoever sends; the cause says how it ended."""
    async with open_feed() as feed, trio.open_nursery() as nursery:
        await feed.accept()
        feed.server.near[0].hold()

        async def send() -> None:
            with pytest.raises(NotConnectedError):
                await feed.source.connection.send("x")

        nursery.start_soon(send)
        await trio.sleep(1)
        await trio.aclose_forcefully(feed.server.far[0])


async def test_a_resolver_with_a_retry_waits_out_a_reconnect(autojump_clock: MockClock) -> None:
    """Inbound a source, outbound a resolver: nothing is queued twice, nothing is lost."""

    @define
    class ChatFacts:
        unsent: str = ""
        prices: int = 0

    @frozen
    class Say:
        text: str

    async with trio.open_nursery() as nursery:
        server = MemoryServer(nursery)
        server.failures = [OSError("not yet")]
        feed = websocket_source("ws://chat.test", decode=json_events([Price]), open_stream=server.open_stream)
        chat = Module("chat", ChatFacts)
        chat.add_source(feed, name="feed")

        @chat.on(Price)
        def count(facts: ChatFacts, event: Price) -> None:
            facts.prices += 1

        @chat.constraint
        def say(facts: ChatFacts) -> Say | None:
            return Say(facts.unsent) if facts.unsent else None

        @chat.resolver(Say, retry=Retry(10, initial_delay=0.5))
        async def send(requirement: Say, ctx: Context[ChatFacts]) -> None:
            await feed.connection.send(requirement.text)
            ctx.facts.unsent = ""

        async with open_system(chat) as system:
            system[chat].unsent = "hello"
            connection = await server.accepted.receive()
            assert await connection.get_message() == "hello"
            await connection.send_message(price(1))
            await system.settle()
            await wait_all_tasks_blocked()
            assert (system[chat].unsent, system[chat].prices) == ("", 1)
        nursery.cancel_scope.cancel()


async def test_waiting_for_a_connection_that_is_there_is_a_checkpoint(autojump_clock: MockClock) -> None:
    """And returns."""
    async with open_feed() as feed:
        await feed.accept()
        with trio.testing.assert_checkpoints():
            await feed.source.connection.wait_connected()


async def test_a_refusal_does_not_show_the_query(autojump_clock: MockClock) -> None:
    """Many services want their key there."""
    source = websocket_source("wss://chat.test/room?apikey=secret", decode=json_events([Price]))
    with pytest.raises(NotConnectedError, match=r"not connected to wss://chat\.test/room just now"):
        await source.connection.send("x")
