"""The source: connect, receive, and when it ends connect again."""

import math
import random
import ssl
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeAlias, final

import trio

from directive_trio import Record, Retry, SourceLink
from directive_trio.abc import Source
from directive_trio.errors import DefinitionError
from directive_trio_websocket._address import Address, address_of, open_stream
from directive_trio_websocket._checks import check_count, check_kinds, check_subprotocols, check_time
from directive_trio_websocket._connection import Connection
from directive_trio_websocket._decoding import Decode
from directive_trio_websocket._headers import check_headers, token_of
from directive_trio_websocket._inbox import Inbox, Overflow, check_overflow
from directive_trio_websocket._line import Line, Patience, open_line, within
from directive_trio_websocket._occasion import maker_of
from directive_trio_websocket._transport import Handshake, Transport
from directive_trio_websocket._trio_websocket import TrioWebsocketTransport
from directive_trio_websocket.errors import (
    ABNORMAL,
    ClosedError,
    ConnectError,
    ConnectTimeoutError,
    InboundOverflowError,
    MessageError,
    WebSocketError,
    described,
)

OpenStream: TypeAlias = Callable[[Address, ssl.SSLContext | None], Awaitable[trio.abc.Stream]]
Headers: TypeAlias = Mapping[str, str]

FOREVER = sys.maxsize
"""As ``attempts`` of a `Retry`: never give up."""

RECONNECT = Retry(FOREVER, "exponential", initial_delay=0.5, max_delay=30, jitter=0.5)

TIMES = ("connect_timeout", "handshake_timeout", "send_timeout", "close_timeout", "ping_interval", "pong_timeout")

BREATH = 0.001
"""Seconds: messages that are less apart are a stream."""

NORMAL = (1000, "")
GOING_AWAY = (1001, "going away")


@final
class Loss:
    """The end of a connection."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self._moment = trio.current_time()
        self._run = trio.lowlevel.current_trio_token()

    def away(self) -> float:
        """Return the seconds since then: infinity in another run of trio, whose clock knows nothing of this one."""
        same = trio.lowlevel.current_trio_token() is self._run
        return trio.current_time() - self._moment if same else math.inf


@final
class WebSocketSource(Source):
    """A feed of messages that are events. Made by `websocket_source`, which says what everything means."""

    def __init__(
        self,
        *,
        address: Address,
        decode: Decode,
        transport: Transport,
        open_stream: OpenStream,
        context: ssl.SSLContext | None,
        headers: Headers,
        token: Callable[[], Awaitable[str]] | None,
        subprotocols: tuple[str, ...],
        max_message_size: int,
        buffer: int,
        overflow: Overflow,
        patience: Patience,
        reconnect: Retry,
        chance: Callable[[], float],
        occasions: Mapping[str, Callable[..., Record | None]],
    ) -> None:
        self.connection = Connection(address.shown)
        """What resolvers send through."""
        self._address = address
        self._decode = decode
        self._transport = transport
        self._open_stream = open_stream
        self._context = context
        self._headers = headers
        self._token = token
        self._subprotocols = subprotocols
        self._max_message_size = max_message_size
        self._buffer = buffer
        self._overflow: Overflow = overflow
        self._patience = patience
        self._reconnect = reconnect
        self._chance = chance
        self._occasions = occasions
        self._line: Line | None = None
        self._lost: Loss | None = None
        """Of the last connection; None before there was one."""
        self._scope = trio.CancelScope()
        """Of what runs."""

    async def run(self, link: SourceLink, /) -> None:
        """Connect, receive, and when it ends connect again; ends by cancellation, or when `reconnect` gives up."""
        with trio.CancelScope() as self._scope:
            failures = 0
            while True:
                failure, lasted = await self._session(link)
                # A server that lets everybody in and throws them out again must not be asked without pause.
                failures = 1 if lasted >= self._reconnect.max_delay else failures + 1
                if failures >= self._reconnect.attempts or not self._is_worth_it(failure, failures):
                    raise failure
                link.report_error(failure)
                await trio.sleep(self._reconnect.delay(failures, self._chance()))

    async def on_evict(self) -> None:
        """Close with 1001, and do not connect again."""
        self._scope.cancel()
        if self._line is not None:
            self.connection.closed()
            await self._line.close(*GOING_AWAY)

    def _is_worth_it(self, failure: WebSocketError, failures: int) -> bool:
        retry_if = self._reconnect.retry_if
        try:
            return retry_if is None or retry_if(failure, failures)
        except Exception as error:
            raise error from failure  # nobody would hear of that otherwise

    async def _session(self, link: SourceLink) -> tuple[WebSocketError, float]:
        """One connection, from the attempt to its end: why it ended, or never began, and how long it lasted."""
        opened = math.inf
        try:
            handshake = await self._prepare()
            stream = await self._connect()
            async with open_line(self._transport, stream, handshake, self._patience) as line:
                opened = trio.current_time()
                failure = await self._use(line, link)
        except WebSocketError as error:
            failure = error
        return failure, trio.current_time() - opened

    async def _prepare(self) -> Handshake:
        headers = dict(self._headers)
        if self._token is not None:
            try:
                token = token_of(await within(self._patience.connect, "token", self._token))
            except ConnectTimeoutError:
                raise
            except Exception as error:  # the program's, or that of a service it asks
                raise ConnectError(f"no token: {described(error)}") from error
            headers["Authorization"] = f"Bearer {token}"
        return Handshake(self._address, tuple(headers.items()), self._subprotocols, self._max_message_size)

    async def _connect(self) -> trio.abc.Stream:
        address = self._address
        try:
            return await within(self._patience.connect, "connection", self._open_stream, address, self._context)
        except ConnectTimeoutError:
            raise
        except Exception as error:  # of the network, or of a proxy, whose errors nobody knows here
            cause = error.__cause__ or error  # of "all attempts to connect failed", what they failed with
            raise ConnectError(f"no connection to {address.host}:{address.port}: {described(cause)}") from error

    async def _use(self, line: Line, link: SourceLink) -> WebSocketError:
        """Publish what a line brings until it ends."""
        self._line = line
        reason = ""
        try:
            self._tell_open(line, link)
            await (self._receive if self._overflow == "block" else self._receive_apart)(line, link)
        except ClosedError as closed:
            failure = line.failure or closed
            reason = str(failure)
            self.connection.closed()  # whoever is told looks
            self._tell(link, "disconnected", reason=reason)
            return failure
        finally:
            self.connection.closed()  # first of all: nobody sends after the goodbye
            self._line = None
            self._lost = Loss(reason or str(link.signal.reason or "stopped"))
            with link.teardown():
                await line.close(*self._goodbye(link))

    def _tell_open(self, line: Line, link: SourceLink) -> None:
        link.attached()
        self.connection.opened(line)
        self._tell(link, "connected", subprotocol=line.subprotocol)
        if self._lost is not None:
            self._tell(link, "gap", reason=self._lost.reason, away=self._lost.away())

    def _tell(self, link: SourceLink, occasion: str, **known: object) -> None:
        event = self._occasions[occasion](**known)
        if event is not None:
            link.publish(event)

    @staticmethod
    def _goodbye(link: SourceLink) -> tuple[int, str]:
        reason = link.signal.reason
        return GOING_AWAY if reason is not None and reason.kind == "evicted" else NORMAL

    # -- the way of every message -----------------------------------------------------------------

    async def _receive(self, line: Line, link: SourceLink) -> NoReturn:
        """Take each message as it comes; in a stream, take together what comes within a `BREATH`.

        What is taken makes a pass, and in a stream that would be a pass for each message. It is one when as many
        messages as the buffer holds came less than a `BREATH` apart on average. No more are read while as many as the
        buffer holds have been taken and seen by no pass.
        """
        receive, take, buffer = line.socket.receive, self._take, self._buffer
        unseen, began, is_stream = 0, trio.current_time(), False
        while True:
            group = [await receive()]
            try:
                if is_stream:
                    with trio.move_on_after(BREATH):
                        while unseen + len(group) < buffer:
                            group.append(await receive())
            finally:  # what came before the end is taken
                for message in group:
                    take(message, link)
            line.heard += len(group)
            unseen += len(group)
            if unseen >= buffer:
                line.paused = True
                await link.caught_up()
                line.paused = False
                now = trio.current_time()
                unseen, began, is_stream = 0, now, now - began < buffer * BREATH

    async def _receive_apart(self, line: Line, link: SourceLink) -> NoReturn:
        """Read whatever happens, and take messages in a task of its own, from a buffer that may overflow."""
        inbox = Inbox(self._buffer, self._overflow)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._take_from, inbox, link)
            try:
                while True:
                    inbox.put(await line.socket.receive())
                    line.heard += 1
            except InboundOverflowError as overflow:
                await line.give_up(overflow)
            except ClosedError as closed:
                line.failure = line.failure or closed
            inbox.close()  # what has come is still taken
        raise ClosedError(ABNORMAL)

    async def _take_from(self, inbox: Inbox, link: SourceLink) -> None:
        while True:
            messages, dropped = await inbox.take()
            if dropped is not None:
                link.report_error(dropped)
            for message in messages:
                self._take(message, link)
            if not messages:
                return
            await link.caught_up()

    def _take(self, message: str | bytes, link: SourceLink) -> None:
        try:
            decoded = self._decode(message)
            if isinstance(decoded, list):
                for event in decoded:
                    _publish(event, link)
            elif decoded is not None:
                _publish(decoded, link)
        except Exception as error:  # noqa: BLE001  # the program's, about what anybody may send
            self._report(message, error, link)

    @staticmethod
    def _report(message: str | bytes, error: Exception, link: SourceLink) -> None:
        told = MessageError(message, error)
        told.__cause__ = error
        link.report_error(told)


def _publish(event: Any, link: SourceLink) -> None:
    if isinstance(event, tuple):
        name, fields = event
        if not isinstance(name, str):
            raise TypeError("a tuple is the name of an event and its fields; several events are a list")
        link.publish(name, fields)
    else:
        link.publish(event)


def websocket_source(
    url: str,
    *,
    decode: Decode,
    gap: type[Record] | None = None,
    connected: type[Record] | None = None,
    disconnected: type[Record] | None = None,
    headers: Mapping[str, str] | None = None,
    token: Callable[[], Awaitable[str]] | None = None,
    subprotocols: Sequence[str] = (),
    ssl_context: ssl.SSLContext | None = None,
    transport: Transport | None = None,
    max_message_size: int = 2**20,
    buffer: int = 64,
    overflow: Overflow = "block",
    reconnect: Retry = RECONNECT,
    connect_timeout: float = 10,
    handshake_timeout: float = 10,
    send_timeout: float = 10,
    close_timeout: float = 1,
    ping_interval: float = 20,
    pong_timeout: float = 20,
    open_stream: OpenStream = open_stream,
    chance: Callable[[], float] = random.random,
) -> WebSocketSource:
    """Make a source of the messages of a WebSocket; give it to ``module.add_source``.

    Whatever ends a connection is reported (``source.error``, phase ``runtime``), and another one is made. A message
    that cannot be decoded is reported and dropped; one that is too long ends the connection with code 1009.

    Args:
        url: ``ws://`` or ``wss://``.
        decode: ``(message) -> event``, the name of one with its fields, a list of such, or None for nothing;
            see `json_events`. It raises for what it does not understand.
        gap: The class of an event that says: from here on something may be missing. It is published before the
            first message of every connection but the first. Told, where it has such fields: ``reason`` (text: how
            the last one ended, or why the source was detached) and ``away`` (seconds; infinity, if the last one was
            in another run of trio).
        connected: The class of an event for every connection that is made. Told: ``subprotocol``.
        disconnected: The class of an event for every connection that is lost. Told: ``reason``.
        headers: Sent with the handshake.
        token: Awaited before each attempt; its answer is sent as ``Authorization: Bearer ...``.
        subprotocols: Offered in this order; ``connection.subprotocol`` is the one the server took.
        ssl_context: For ``wss://``; None takes Python's default, which checks certificates.
        transport: Who speaks the protocol; None is trio-websocket. The other: `directive_trio_websocket.websockets`.
        max_message_size: In bytes.
        buffer: How many messages may wait for a pass of the system.
        overflow: What happens when there are more: ``block``, ``drop_oldest`` or ``fail``.
        reconnect: The waits between attempts. ``attempts`` are failures in a row, after which the source itself fails;
            a connection that lasted ``max_delay`` begins the count anew. ``retry_if`` may answer that a failure
            is final.
        connect_timeout: For the token, and again for TCP and TLS.
        handshake_timeout: For the server's answer.
        send_timeout: For one message; after that the connection is given up.
        close_timeout: For the goodbye of the other side.
        ping_interval: Between two pings; `math.inf` is never.
        pong_timeout: For an answer, or any other message; after that the connection is given up.
        open_stream: Connects; for tests, proxies and sockets of another kind.
        chance: Where the jitter comes from: a number from 0 to 1.

    Raises:
        DefinitionError: The URL, a policy, a number or a class cannot be.

    Example:
        >>> from attrs import frozen
        >>> from directive_trio_websocket import json_events
        >>> @frozen
        ... class Price:
        ...     cents: int
        >>> feed = websocket_source("wss://example.org/prices", decode=json_events([Price]))
        >>> feed.connection.is_connected
        False
    """
    options = locals()
    check_kinds(options)
    address = address_of(url)
    check_headers({} if headers is None else headers, has_token=token is not None)
    check_overflow(overflow)
    check_subprotocols(subprotocols)
    if ssl_context is not None and not address.secure:
        raise DefinitionError(f"ssl_context is given, but {address.shown!r} is no wss:// URL")
    for option in ("buffer", "max_message_size"):
        check_count(option, options[option])
    for option in TIMES:
        check_time(option, options[option])
    patience = Patience(
        connect=connect_timeout,
        handshake=handshake_timeout,
        send=send_timeout,
        close=close_timeout,
        ping=ping_interval,
        pong=pong_timeout,
    )
    return WebSocketSource(
        address=address,
        decode=decode,
        transport=transport or TrioWebsocketTransport(),
        open_stream=open_stream,
        context=ssl_context,
        headers=dict(headers or {}),
        token=token,
        subprotocols=tuple(subprotocols),
        max_message_size=max_message_size,
        buffer=buffer,
        overflow=overflow,
        patience=patience,
        reconnect=reconnect,
        chance=chance,
        occasions={
            "gap": maker_of("gap", gap),
            "connected": maker_of("connected", connected),
            "disconnected": maker_of("disconnected", disconnected),
        },
    )
