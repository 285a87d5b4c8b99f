"""The conformance of the transports: the same promises at real sockets, whoever speaks the protocol."""

import base64
import hashlib
import re
import ssl

import pytest
import trio
import trustme
from trio_websocket import ConnectionClosed, WebSocketConnection

from adapters.websocket.tests.socket_server import PATIENCE, connect, open_server, open_tcp_server, until
from directive_trio_websocket import Transport, TrioWebsocketTransport
from directive_trio_websocket._address import address_of, open_stream
from directive_trio_websocket.errors import ClosedError, ConnectError, RejectedError
from directive_trio_websocket.websockets import WebsocketsTransport

TEXT, FINAL = 0x1, 0x80
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@pytest.fixture(params=[TrioWebsocketTransport, WebsocketsTransport])
def transport(request: pytest.FixtureRequest) -> Transport:
    """Each of them."""
    made: Transport = request.param()
    return made


@pytest.mark.parametrize("message", ["text", "žluťoučký 🐎", "", b"bytes", b"", "x" * 100_000], ids=len)
async def test_messages_go_both_ways_as_they_are(transport: Transport, message: str | bytes) -> None:
    """Text stays text, bytes stay bytes, of any length."""
    async with open_server() as url, connect(transport, url) as line:
        await line.send(message)
        assert await line.socket.receive() == message


async def test_fragments_are_one_message(transport: Transport) -> None:
    """However the server cuts it."""

    async def cut(connection: WebSocketConnection) -> None:
        stream = connection._stream
        for first, text in [(TEXT, b"one "), (0, b"two "), (FINAL, b"three")]:
            await stream.send_all(bytes([first, len(text)]) + text)
        await trio.sleep_forever()

    async with open_server(cut) as url, connect(transport, url) as line:
        assert await line.socket.receive() == "one two three"


async def test_headers_and_subprotocols_are_offered(transport: Transport) -> None:
    """And what the server took is known."""

    async def tell(connection: WebSocketConnection) -> None:
        await connection.send_message(str(connection.subprotocol))
        await trio.sleep_forever()

    async with (
        open_server(tell, subprotocol="v1") as url,
        connect(transport, url, headers=(("X-Key", "k"),), subprotocols=("v2", "v1")) as line,
    ):
        assert line.subprotocol == "v1"
        assert await line.socket.receive() == "v1"


async def test_no_subprotocol_is_none(transport: Transport) -> None:
    """Where none is offered."""
    async with open_server() as url, connect(transport, url) as line:
        assert line.subprotocol is None


async def test_the_fragment_of_a_url_is_not_asked_for(transport: Transport) -> None:
    """The query is."""

    async def tell(connection: WebSocketConnection) -> None:
        await connection.send_message(str(connection.path))
        await trio.sleep_forever()

    async with open_server(tell) as url, connect(transport, f"{url}?a=b#c") as line:
        assert await line.socket.receive() == "/path?a=b"


async def test_a_refusal_carries_status_and_body(transport: Transport) -> None:
    """What the server says to those it does not let in."""
    async with open_server() as url:
        with pytest.raises(RejectedError) as caught:
            async with connect(transport, url.replace("/path", "/no")):
                pass
    assert (caught.value.status, caught.value.body) == (403, b"not you")


@pytest.mark.parametrize("answer", [b"", b"220 mail.test ESMTP\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"])
async def test_whoever_is_no_websocket_server_is_a_failed_attempt(transport: Transport, answer: bytes) -> None:
    """Whether it hangs up, says something else, or only pretends."""

    async def serve(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(answer)
        await stream.aclose()

    async with open_tcp_server(serve) as url:
        with pytest.raises(ConnectError):
            async with connect(transport, url):
                pass


async def test_the_code_and_reason_of_the_server_are_told(transport: Transport) -> None:
    """After what it sent before."""

    async def leave(connection: WebSocketConnection) -> None:
        await connection.send_message("last")
        await connection.aclose(4001, "bye")

    async with open_server(leave) as url, connect(transport, url) as line:
        assert await line.socket.receive() == "last"
        for _ in range(2):
            with pytest.raises(ClosedError) as caught:
                await line.socket.receive()
            assert (caught.value.code, caught.value.reason) == (4001, "bye")
        with pytest.raises(ClosedError):
            await line.send("too late")
        with pytest.raises(ClosedError):
            await line.socket.ping()


async def test_a_connection_that_breaks_is_1006(transport: Transport) -> None:
    """Nobody said goodbye."""

    async def die(connection: WebSocketConnection) -> None:
        await trio.aclose_forcefully(connection._stream)

    async with open_server(die) as url, connect(transport, url) as line:
        with pytest.raises(ClosedError) as caught:
            await line.socket.receive()
        assert caught.value.code == 1006


async def test_the_goodbye_arrives_with_code_and_reason(transport: Transport) -> None:
    """And is answered before the stream is closed."""
    seen: list[object] = []

    async def listen(connection: WebSocketConnection) -> None:
        with pytest.raises(ConnectionClosed) as closed:
            await connection.get_message()
        reason = closed.value.reason
        seen.append(reason and (reason.code, reason.reason))

    async with open_server(listen) as url:
        async with connect(transport, url) as line:
            await line.close(1001, "going away")
            with pytest.raises(ClosedError):
                await line.socket.receive()
        await until(lambda: bool(seen))
    assert seen == [(1001, "going away")]


async def test_the_goodbye_is_heard_through_a_flood(transport: Transport) -> None:
    """What was sent before it is passed over: nobody waits until it was taken."""

    async def flood(connection: WebSocketConnection) -> None:
        while True:
            await connection.send_message("x" * 1000)

    async with open_server(flood) as url:
        async with connect(transport, url) as line:
            await line.socket.receive()
            await trio.sleep(0.1)
            began = trio.current_time()
        assert trio.current_time() - began < PATIENCE.close


async def test_a_ping_is_answered_while_nobody_receives(transport: Transport) -> None:
    """Pongs need nobody who waits for messages."""
    async with open_server() as url, connect(transport, url) as line:
        with trio.fail_after(5):
            await line.socket.ping()
            await line.socket.ping()


@pytest.mark.parametrize("length", [1001, 5 * 2**20])
async def test_a_message_that_is_too_long_ends_the_connection_with_1009(transport: Transport, length: int) -> None:
    """It is not kept, and the server is told."""
    seen: list[int] = []

    async def send(connection: WebSocketConnection) -> None:
        try:
            await connection.send_message("x" * 1000)
            await connection.send_message("x" * length)
            await connection.get_message()
        except ConnectionClosed as closed:
            seen.append(closed.reason.code if closed.reason else 0)

    async with open_server(send) as url, connect(transport, url, limit=1000) as line:
        assert await line.socket.receive() == "x" * 1000
        with trio.fail_after(10), pytest.raises(ClosedError) as caught:
            await line.socket.receive()
        assert caught.value.code == 1009
    assert seen in ([], [1009], [1006])  # a server that is still sending may find the stream closed


@pytest.mark.parametrize(
    "frames",
    [bytes(range(255, 0, -1)), bytes([FINAL | 0x3, 0]), bytes([FINAL | TEXT, 2, 0xC3, 0x28])],
    ids=["random", "reserved opcode", "no UTF-8"],
)
async def test_frames_that_break_the_protocol_end_the_connection(transport: Transport, frames: bytes) -> None:
    """With an error, and with nothing else."""

    async def send(connection: WebSocketConnection) -> None:
        await connection._stream.send_all(frames)
        await trio.sleep(0.2)
        await trio.aclose_forcefully(connection._stream)

    async with open_server(send) as url, connect(transport, url) as line:
        with trio.fail_after(5), pytest.raises(ClosedError):
            await line.socket.receive()


async def test_a_server_that_ignores_the_goodbye_is_not_waited_for(transport: Transport) -> None:
    """Not longer than the line has patience: half a second here."""

    async def say_hello_and_nothing_more(stream: trio.SocketStream) -> None:
        key = re.search(rb"Sec-WebSocket-Key: (\S+)", await stream.receive_some(), re.IGNORECASE)
        assert key is not None
        accept = base64.b64encode(hashlib.sha1(key[1] + GUID).digest())  # the handshake of RFC 6455
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        await stream.send_all(head + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        await trio.sleep_forever()

    async with open_tcp_server(say_hello_and_nothing_more) as url:
        async with connect(transport, url):
            began = trio.current_time()
        assert 0.4 < trio.current_time() - began < 3


async def test_giving_up_ends_whoever_receives(transport: Transport) -> None:
    """Closing the stream below is enough."""
    async with open_server() as url, connect(transport, url) as line, trio.open_nursery() as nursery:

        async def receive() -> None:
            with pytest.raises(ClosedError):
                await line.socket.receive()

        nursery.start_soon(receive)
        await trio.sleep(0.05)
        await line.give_up(ClosedError(1006))


async def test_receiving_can_be_cancelled_and_taken_up_again(transport: Transport) -> None:
    """No message is lost by it."""
    async with open_server() as url, connect(transport, url) as line:
        for _ in range(3):
            with trio.move_on_after(0.01):
                await line.socket.receive()
        await line.send("still here")
        assert await line.socket.receive() == "still here"


async def test_tls_checks_who_is_there(transport: Transport) -> None:
    """With a certificate that is trusted it works; with another there is no connection."""
    authority = trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    async with open_server(context=server) as url:
        async with connect(transport, url, context=client) as line:
            await line.send("secret")
            assert await line.socket.receive() == "secret"
        with pytest.raises(trio.BrokenResourceError):
            await open_stream(address_of(url), None)
