"""What is asked for: headers, a token that is asked for anew each time, subprotocols; and what is refused at once."""

import ssl
from typing import Any

import pytest
import trio
from attrs import frozen
from trio.testing import MockClock, wait_all_tasks_blocked

from adapters.websocket.tests.memory_server import Gap, Price, open_feed
from directive_trio import Record
from directive_trio.errors import DefinitionError
from directive_trio_websocket import json_events, websocket_source
from directive_trio_websocket._address import address_of
from directive_trio_websocket.errors import RejectedError


async def test_headers_are_sent_with_the_handshake(autojump_clock: MockClock) -> None:
    """As they were given; the host and the path are those of the URL."""
    async with open_feed(headers={"X-Key": "k"}) as feed:
        await feed.accept()
        (request,) = feed.server.requests
        assert (b"x-key", b"k") in request.headers
        assert request.path == "/prices"


async def test_the_token_is_asked_for_before_each_attempt(autojump_clock: MockClock) -> None:
    """So that a new connection has a fresh one."""
    tokens = iter(["one", "two"])

    async def token() -> str:
        await trio.sleep(0.1)
        return next(tokens)

    async with open_feed(token=token) as feed:
        await (await feed.accept()).aclose()
        await feed.accept()
        sent = [dict(request.headers)[b"authorization"] for request in feed.server.requests]
        assert sent == [b"Bearer one", b"Bearer two"]


async def test_a_token_that_cannot_be_had_is_a_failed_attempt(autojump_clock: MockClock) -> None:
    """Reported, and tried again; so is one that takes too long."""
    tries = 0

    async def token() -> str:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise KeyError("vault")
        if tries == 2:
            await trio.sleep_forever()
        return "three"

    async with open_feed(token=token, connect_timeout=5) as feed:
        await feed.accept()
        assert feed.errors == ["ConnectError: no token: KeyError: 'vault'", "ConnectTimeoutError: no token within 5 s"]


async def test_a_token_that_gives_up_by_itself_is_not_what_took_too_long(autojump_clock: MockClock) -> None:
    """The deadline that passed was its own."""

    async def token() -> str:
        with trio.fail_after(1):
            await trio.sleep_forever()
        raise AssertionError

    async with open_feed(token=token) as feed:
        await trio.sleep(1)
        await wait_all_tasks_blocked()
        assert feed.errors == ["ConnectError: no token: TooSlowError"]


@pytest.mark.parametrize("token", ["secret\n", " secret", "", "se\x00cret", b"secret", None])
async def test_a_token_that_cannot_be_sent_is_not_shown(token: Any, autojump_clock: MockClock) -> None:
    """It is a failed attempt, and the words of it say what was wrong."""

    async def answer() -> Any:
        return token

    async with open_feed(token=answer) as feed:
        await wait_all_tasks_blocked()
        (error,) = feed.errors
        assert error.startswith("ConnectError: no token: ")
        assert "secret" not in error
        assert not feed.server.attempts


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"X Key": "k"}, r"'X Key' can be no name of a header"),
        ({"": "k"}, r"'' can be no name of a header"),
        ({"X-Key": "secret\r\nX: y"}, r"headers\['X-Key'\] must be one line of text without spaces around it$"),
        ({"X-Key": b"secret"}, r"headers\['X-Key'\] must be one line of text without spaces around it$"),
    ],
)
def test_a_header_that_cannot_be_is_refused(headers: Any, error: str) -> None:
    """At once, by its name; its value may be a secret."""
    with pytest.raises(DefinitionError, match=error):
        websocket_source("ws://feed.test", decode=json_events([]), headers=headers)


async def test_the_subprotocol_is_the_one_the_server_took(autojump_clock: MockClock) -> None:
    """None while there is no connection."""
    async with open_feed(subprotocols=["v2", "v1"]) as feed:
        feed.server.subprotocol = "v1"
        assert feed.source.connection.subprotocol is None
        await feed.accept()
        assert feed.source.connection.subprotocol == "v1"
        assert feed.server.requests[0].proposed_subprotocols == ("v2", "v1")


async def test_a_server_that_refuses_is_asked_again(autojump_clock: MockClock) -> None:
    """Its status and what it says are in the error."""
    async with open_feed(gap=Gap) as feed:
        feed.server.rejects_with = 503
        await wait_all_tasks_blocked()
        feed.server.rejects_with = None
        await feed.accept()
        assert feed.errors == ["RejectedError: the server answered 503: b'go away'"]
        assert feed.events == ()


def test_a_refusal_without_a_word_shows_the_status() -> None:
    """That is all there is."""
    assert str(RejectedError(401)) == "the server answered 401"


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://x", "is no URL of a WebSocket; write ws://host/path or wss://host/path"),
        ("ws:///path", "is no URL of a WebSocket"),
        ("ws://host:99999/", "Port out of range"),
        ("wss://me:secret@host/", "the URL of host holds credentials; give them as headers= or token="),
    ],
)
def test_a_url_that_cannot_be_is_refused(url: str, error: str) -> None:
    """Before anything runs, and without showing a password."""
    with pytest.raises(DefinitionError, match=error) as caught:
        websocket_source(url, decode=json_events([Price]))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "header"),
    [
        ("ws://host", "host", 80, "/", "host"),
        ("wss://host/a?b=c#d", "host", 443, "/a?b=c", "host"),
        ("ws://host:443/a", "host", 443, "/a", "host:443"),
        ("ws://[::1]:8080", "::1", 8080, "/", "[::1]:8080"),
    ],
)
def test_a_url_says_where_to_go(url: str, host: str, port: int, target: str, header: str) -> None:
    """And what to ask for there."""
    address = address_of(url)
    assert (address.host, address.port, address.target, address.host_header) == (host, port, target, header)


def test_certificates_without_tls_are_refused() -> None:
    """They would not be looked at."""
    with pytest.raises(DefinitionError, match="is no wss:// URL"):
        websocket_source("ws://x", decode=json_events([Price]), ssl_context=ssl.create_default_context())


def test_a_bare_name_of_a_subprotocol_is_refused() -> None:
    """Its letters are no subprotocols."""
    with pytest.raises(DefinitionError, match=r"write \['v1'\]"):
        websocket_source("ws://x", decode=json_events([Price]), subprotocols="v1")


@frozen
class Needy:
    reason: str
    market: str


@frozen
class Brief:
    times: int = 1


@pytest.mark.parametrize(
    ("gap", "error"),
    [
        (Needy, "gap=Needy needs market; it is told reason, away, and other fields need a default"),
        (Brief(), "must be the class of an event"),
        (len, "must be the class of an event"),
    ],
)
def test_a_gap_that_nobody_can_make_is_refused(gap: type[Record], error: str) -> None:
    """Before anything runs."""
    with pytest.raises(DefinitionError, match=error):
        websocket_source("ws://x", decode=json_events([Price]), gap=gap)


async def test_a_gap_is_told_what_it_asks_for(autojump_clock: MockClock) -> None:
    """One that asks for nothing is told nothing."""
    async with open_feed(gap=Brief) as feed:
        await (await feed.accept()).aclose()
        await feed.accept()
        (seen,) = feed.system.inspect().sources
        assert seen.last_drop_reason == "unknown_event"
