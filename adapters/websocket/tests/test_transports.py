"""What the libraries below the seam do in their own ways, and the adapter does in one: on streams in memory."""

import ssl

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked
from wsproto.events import Event

from adapters.websocket.tests.memory_server import Gap, MemoryServer, Price, Wire, open_feed, price
from directive_trio import Retry
from directive_trio_websocket import Address, Transport, TrioWebsocketTransport
from directive_trio_websocket.errors import RejectedError, WebSocketError
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
        whole, gap = feed.events
        assert whole == Price(250)
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


@BOTH
@pytest.mark.parametrize("status", [301, 401, 403, 404, 503])
@pytest.mark.parametrize(
    ("rest", "body"),
    [
        (b"Content-Length: 2\r\n\r\nno", b"no"),
        (b"Content-Length: 0\r\nLocation: ws://feed.test/\r\n\r\n", b""),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", b"no"),
        (b"Connection: close\r\n\r\nno", b"no"),
        (b"\r\n", b""),
    ],
    ids=["length", "redirect", "chunked", "until the end", "nothing"],
)
async def test_a_refusal_tells_its_status_however_it_ends(
    status: int, rest: bytes, body: bytes, transport: Transport, autojump_clock: MockClock
) -> None:
    """Whoever decides whether to ask again needs it; nobody is sent elsewhere."""
    refusals: list[Exception] = []

    def is_temporary(error: Exception, attempt: int) -> bool:
        refusals.append(error)
        return False

    async with open_feed(transport=transport, reconnect=Retry(5, retry_if=is_temporary)) as feed:
        feed.server.says = f"HTTP/1.1 {status} Refused\r\n".encode() + rest
        await trio.sleep(5)
        (refusal,) = refusals
        assert isinstance(refusal, RejectedError)
        assert (refusal.status, refusal.body) == (status, body)
        assert len(feed.server.attempts) == 1


@BOTH
@pytest.mark.parametrize(
    "words",
    [
        b"220 mail.test ESMTP\r\n\r\n",
        bytes(range(256)),
        b"HTTP/1.1 503 Nope\r\n" + b"X: y\r\n" * 20_000,
        b"\x15\x03\x01\x00\x02\x02\x28",
    ],
    ids=["mail", "bytes", "headers", "tls"],
)
async def test_whoever_answers_nonsense_is_no_websocket_server(
    words: bytes, transport: Transport, autojump_clock: MockClock
) -> None:
    """What was wrong is told, and not what came of it in whoever read it."""
    async with open_feed(transport=transport) as feed:
        feed.server.says = words
        await trio.sleep(0.25)
        (error,) = feed.errors
        assert error.startswith("ConnectError: ")
        assert "LocalProtocolError" not in error


@BOTH
@pytest.mark.parametrize("code", [1000, 1001, 1008, 1009, 1011, 1012, 3000, 4001, 4999])
async def test_every_code_of_a_goodbye_is_told_and_followed_by_a_gap(
    code: int, transport: Transport, autojump_clock: MockClock
) -> None:
    """Which of them is final is for ``retry_if`` to say."""
    final = Retry(100, initial_delay=1, retry_if=lambda error, _: getattr(error, "code", 0) != 1008)
    async with open_feed(transport=transport, gap=Gap, reconnect=final) as feed:
        await (await feed.accept()).aclose(code, "because")
        await trio.sleep(5)
        assert feed.errors == [f"ClosedError: closed with {code}: because"]
        assert feed.events == (() if code == 1008 else (Gap(f"closed with {code}: because", 1.0),))


@BOTH
async def test_a_goodbye_without_a_code_is_1005(transport: Transport, autojump_clock: MockClock) -> None:
    """As RFC 6455 has it."""
    async with open_feed(transport=transport) as feed:
        await feed.accept()
        await feed.server.far[0].send_all(b"\x88\x00")
        await wait_all_tasks_blocked()
        assert feed.errors == ["ClosedError: closed with 1005"]


@BOTH
async def test_of_two_who_send_in_one_moment_one_is_late_and_the_other_refused(
    transport: Transport, autojump_clock: MockClock
) -> None:
    """The message of the other has not begun."""
    outcomes: list[str] = []
    async with open_feed(transport=transport, send_timeout=5) as feed, trio.open_nursery() as nursery:
        await feed.accept()
        feed.server.near[0].hold()

        async def send() -> None:
            try:
                await feed.source.connection.send("x")
            except WebSocketError as error:
                outcomes.append(type(error).__name__)

        nursery.start_soon(send)
        nursery.start_soon(send)
        await trio.sleep(5.25)
        assert outcomes == ["SendTimeoutError", "NotConnectedError"]


class Drip(Wire):
    """A stream on which every byte comes alone."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await super().receive_some(1)


@BOTH
async def test_it_does_not_matter_how_bytes_come(transport: Transport, autojump_clock: MockClock) -> None:
    """One by one is as good as all at once."""
    server: MemoryServer | None = None

    async def drip(address: Address, context: ssl.SSLContext | None) -> trio.abc.Stream:
        assert server is not None
        return Drip(await server.open_stream(address, context))

    async with open_feed(transport=transport, gap=Gap, open_stream=drip) as feed:
        server = feed.server
        connection = await feed.accept()
        for cents in range(10):
            await connection.send_message(price(cents))
        await connection.aclose(4001, "enough")
        await trio.sleep(1)
        assert feed.events == (*(Price(cents) for cents in range(10)), Gap("closed with 4001: enough", 0.5))
