"""The whole feed at real sockets: servers that are killed, that say nothing, that nobody can reach."""

import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import trio
import trustme
from attrs import define, frozen

from adapters.websocket.tests.memory_server import Gap, Price, feed_module, price
from adapters.websocket.tests.socket_server import open_server, open_tcp_server, until
from directive_trio import ErrorBoundary, Module, Retry, open_system
from directive_trio.testing import check_source
from directive_trio_websocket import (
    Decoded,
    Transport,
    TrioWebsocketTransport,
    WebSocketSource,
    json_events,
    websocket_source,
)
from directive_trio_websocket.websockets import WebsocketsTransport

KILLS = 20
SOON = Retry(10_000, initial_delay=0.01)


@frozen
class Number:
    server: int
    index: int


@define
class NumberFacts:
    numbers: int = 0
    last: Number | None = None
    gaps: int = 0
    disorder: tuple[Number, ...] = ()


def numbers_module() -> Module[NumberFacts]:
    """A module that counts numbers and gaps, and keeps what came out of turn."""
    module = Module("numbers", NumberFacts)

    @module.on(Number)
    def count(facts: NumberFacts, event: Number) -> None:
        last = facts.last
        follows = event.index == 0 if last is None or last.server != event.server else event.index == last.index + 1
        if not follows or (last is not None and event.server < last.server):
            facts.disorder = (*facts.disorder, event)
        facts.numbers += 1
        facts.last = event

    @module.on(Gap)
    def note(facts: NumberFacts, event: Gap) -> None:
        facts.gaps += 1

    return module


def decode_number(message: str | bytes) -> Decoded:
    """``3:17`` is the seventeenth of the third server."""
    server, index = str(message).split(":")
    return Number(int(server), int(index))


@contextmanager
def numbers_servers() -> Iterator[subprocess.Popen[str]]:
    """The program that starts servers, for the length of a block."""
    program = Path(__file__).with_name("socket_numbers.py")
    with subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def start(servers: subprocess.Popen[str], port: int, number: int) -> int:
    """Start the next server; answers the id of its process."""
    assert servers.stdin is not None
    assert servers.stdout is not None
    servers.stdin.write(f"{port} {number}\n")
    servers.stdin.flush()
    return int(servers.stdout.readline())


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def wait_for_server(port: int) -> None:
    """Return when somebody listens at a port."""
    with trio.fail_after(10):
        while True:
            try:
                stream = await trio.open_tcp_stream("127.0.0.1", port)
            except OSError:
                await trio.sleep(0.005)
            else:
                await stream.aclose()
                return


def open_files() -> int:
    """How many files and sockets this process has open."""
    return sum(1 for _ in Path("/dev/fd").iterdir())


@pytest.mark.parametrize("transport", [TrioWebsocketTransport(), WebsocketsTransport()], ids=["trio", "websockets"])
async def test_a_server_that_is_killed_twenty_times_costs_twenty_gaps_and_nothing_twice(transport: Transport) -> None:
    """Its process is its own, and dies without a word in the middle of a stream of numbered messages."""
    port = free_port()
    feed = websocket_source(
        f"ws://127.0.0.1:{port}", decode=decode_number, gap=Gap, reconnect=SOON, transport=transport
    )
    module = numbers_module()
    module.add_source(feed, name="feed")
    quiet = ErrorBoundary(on_error=lambda error, _: None)
    with numbers_servers() as servers:
        async with open_system(module, errors=quiet) as system:
            for number in range(KILLS + 1):
                child = start(servers, port, number)
                try:
                    with trio.fail_after(10):
                        async with system.changes(lambda view: view[module].last) as changes:
                            async for last, _ in changes:
                                if last is not None and last.server == number and last.index >= 20:
                                    break
                finally:
                    os.kill(child, signal.SIGKILL)
            facts = system[module]
            assert (facts.gaps, facts.disorder) == (KILLS, ())
            assert facts.numbers > 20 * KILLS


@pytest.mark.parametrize("transport", [TrioWebsocketTransport(), WebsocketsTransport()], ids=["trio", "websockets"])
async def test_a_feed_at_a_socket_keeps_the_contract_of_adapters(transport: Transport) -> None:
    """Cancelled at whichever step, it leaves no task and no socket behind."""
    port = free_port()
    with numbers_servers() as servers:
        child = start(servers, port, 0)

        def make() -> WebSocketSource:
            return websocket_source(f"ws://127.0.0.1:{port}", decode=decode_number, reconnect=SOON, transport=transport)

        try:
            await wait_for_server(port)
            await check_source(make, events=[Number], quiet=0.05)
        finally:
            os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("transport", [TrioWebsocketTransport(), WebsocketsTransport()], ids=["trio", "websockets"])
async def test_a_server_that_accepts_and_says_nothing_is_given_up(transport: Transport) -> None:
    """At the deadline of the handshake; and a connection that is there then is taken."""
    errors: list[str] = []
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        feed = websocket_source(
            f"ws://127.0.0.1:{deaf.getsockname()[1]}",
            decode=json_events([Price]),
            handshake_timeout=0.1,
            reconnect=SOON,
            transport=transport,
        )
        boundary = ErrorBoundary(on_error=lambda error, _: errors.append(str(error)))
        async with open_system(feed_module(feed), errors=boundary):
            await until(lambda: len(errors) >= 2)
    assert errors[:2] == ["no handshake within 0.1 s"] * 2


async def test_nobody_there_is_a_failed_attempt_each_time() -> None:
    """The error says where it tried, and what came of it."""
    errors: list[str] = []
    feed = websocket_source(f"ws://127.0.0.1:{free_port()}", decode=json_events([Price]), reconnect=SOON)
    boundary = ErrorBoundary(on_error=lambda error, _: errors.append(str(error)))
    async with open_system(feed_module(feed), errors=boundary):
        await until(lambda: len(errors) >= 2)
    assert "no connection to 127.0.0.1:" in errors[0]


async def test_a_certificate_of_somebody_else_is_a_failed_attempt_each_time() -> None:
    """What was wrong with it is told."""
    errors: list[str] = []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)

    async def refuse(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            await trio.SSLStream(stream, context, server_side=True).do_handshake()

    async with open_tcp_server(refuse) as url:
        feed = websocket_source(url.replace("ws:", "wss:"), decode=json_events([Price]), reconnect=SOON)
        boundary = ErrorBoundary(on_error=lambda error, _: errors.append(str(error)))
        async with open_system(feed_module(feed), errors=boundary):
            await until(lambda: len(errors) >= 2)
    assert "SSLCertVerificationError: " in errors[0]


async def test_a_hundred_starts_and_stops_leave_no_socket_open() -> None:
    """Every end of every connection is closed."""

    async def send(connection: object) -> None:
        await connection.send_message(price(1))  # type: ignore[attr-defined]
        await connection.get_message()  # type: ignore[attr-defined]

    async with open_server(send) as url:
        feed = websocket_source(url, decode=json_events([Price]))
        module = feed_module(feed)
        before = 0
        for round_ in range(100):
            async with open_system(module) as system:
                await system.wait_until(lambda view: len(view[module].events) == 1, timeout=10)
            if round_ == 10:
                before = open_files()
        await until(lambda: open_files() <= before)


async def test_a_server_that_stands_still_is_noticed_within_the_pong_deadline() -> None:
    """Its process is halted: the connection stays open, and nothing comes any more."""
    errors: list[str] = []
    port = free_port()
    feed = websocket_source(
        f"ws://127.0.0.1:{port}", decode=decode_number, reconnect=SOON, ping_interval=0.2, pong_timeout=0.5
    )
    module = numbers_module()
    module.add_source(feed, name="feed")
    boundary = ErrorBoundary(on_error=lambda error, _: errors.append(str(error)))
    with numbers_servers() as servers:
        child = start(servers, port, 0)
        try:
            await wait_for_server(port)
            async with open_system(module, errors=boundary) as system:
                await system.wait_until(lambda view: view[module].numbers > 100, timeout=10)
                assert errors == []
                os.kill(child, signal.SIGSTOP)
                await until(lambda: bool(errors))
        finally:
            os.kill(child, signal.SIGKILL)
    assert errors[0] == "no pong within 0.5 s"
