"""What cannot be is refused where it is declared, with a sentence that names the option and shows no secret."""

import math
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from adapters.websocket.tests.memory_server import Gap, Price
from directive_trio import Retry
from directive_trio.errors import DefinitionError
from directive_trio_websocket import Decoded, TrioWebsocketTransport, json_events, websocket_source
from directive_trio_websocket._address import address_of

TIMES = ["connect_timeout", "handshake_timeout", "send_timeout", "close_timeout", "ping_interval", "pong_timeout"]
COUNTS = ["buffer", "max_message_size"]


async def decode_later(message: str | bytes) -> Decoded:
    """What would give something to await."""
    return None


def decode_one_by_one(message: str | bytes) -> Iterator[Decoded]:
    """What would give something to iterate over."""
    yield None


async def tokens() -> AsyncIterator[str]:
    """What cannot be awaited."""
    yield "t"


class Later:
    """An object whose call would give something to await."""

    async def __call__(self, message: str | bytes) -> Decoded:
        return None


def declare(**options: Any) -> None:
    """Declare a source with options of which one is wrong."""
    settings: dict[str, Any] = {"url": "ws://feed.test", "decode": json_events([Price])} | options
    websocket_source(**settings)


@pytest.mark.parametrize("option", TIMES)
@pytest.mark.parametrize("value", [0, -1, math.nan, True, "10", None], ids=repr)
def test_a_time_that_cannot_be_is_refused(option: str, value: object) -> None:
    """Also what Python would take for a number."""
    expected = f"{option}={value!r} must be a number of seconds above 0"
    with pytest.raises(DefinitionError, match=f"^{re.escape(expected)}$"):
        declare(**{option: value})


@pytest.mark.parametrize("option", TIMES)
def test_any_time_may_be_for_ever(option: str) -> None:
    """Who wants to wait may."""
    declare(**{option: math.inf})


@pytest.mark.parametrize("option", COUNTS)
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, 2.0, True, "10", None], ids=repr)
def test_a_count_that_cannot_be_is_refused(option: str, value: object) -> None:
    """Half a message is none."""
    expected = f"{option}={value!r} must be a whole number above 0"
    with pytest.raises(DefinitionError, match=f"^{re.escape(expected)}$"):
        declare(**{option: value})


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"decode": None}, "decode=None must be a function"),
        ({"decode": decode_later}, "decode=decode_later must be a sync function"),
        ({"decode": Later()}, "decode=Later must be a sync function"),
        ({"decode": decode_one_by_one}, "decode=decode_one_by_one must be a sync function"),
        ({"token": "secret"}, "token= must be an async function"),
        ({"token": tokens}, "token= must be an async function"),
        ({"open_stream": "x"}, "open_stream='x' must be a function"),
        ({"chance": 0.5}, "chance=0.5 must be a function"),
        ({"transport": TrioWebsocketTransport}, "transport=.* must be an instance of Transport"),
        ({"reconnect": None}, "reconnect=None must be an instance of Retry"),
        ({"ssl_context": True, "url": "wss://feed.test"}, "ssl_context=True must be an instance of SSLContext"),
        ({"overflow": []}, r"overflow=\[\] is none of"),
        ({"gap": [Gap]}, "gap=.* must be the class of an event"),
    ],
)
def test_what_is_of_another_kind_is_refused(options: dict[str, object], error: str) -> None:
    """A token is not shown, whatever was given for the function."""
    with pytest.raises(DefinitionError, match=error) as caught:
        declare(**options)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("subprotocols", ["v1", 5, ["v 1"], [""], [1], {"v1"}], ids=repr)
def test_subprotocols_that_cannot_be_offered_are_refused(subprotocols: object) -> None:
    """They are names in an order."""
    with pytest.raises(DefinitionError, match="subprotocols"):
        declare(subprotocols=subprotocols)


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ([("X-Key", "secret")], "headers= must be a mapping of names to values"),
        ({b"X-Key": "secret"}, "b'X-Key' can be no name of a header"),
        ({"Host": "secret"}, "header 'Host' belongs to the handshake"),
        ({"upgrade": "secret"}, "header 'upgrade' belongs to the handshake"),
        ({"Connection": "secret"}, "header 'Connection' belongs to the handshake"),
        ({"Sec-WebSocket-Protocol": "secret"}, "header 'Sec-WebSocket-Protocol' belongs to the handshake"),
    ],
)
def test_headers_that_would_spoil_the_handshake_are_refused(headers: object, error: str) -> None:
    """They would be sent twice, and whoever reads them would wonder."""
    with pytest.raises(DefinitionError, match=error) as caught:
        declare(headers=headers)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_a_token_beside_such_a_header_is_refused(name: str) -> None:
    """Two of them would be sent."""

    async def token() -> str:
        return "secret"

    with pytest.raises(DefinitionError, match="token= is sent as Authorization, and headers= has one too"):
        declare(headers={name: "Basic secret"}, token=token)


def test_headers_that_change_later_change_nothing() -> None:
    """They were looked at when the source was declared."""
    headers = {"X-Key": "k"}
    source = websocket_source("ws://feed.test", decode=json_events([Price]), headers=headers)
    headers["X-Key"] = "\r\nX: y"
    assert source._headers == {"X-Key": "k"}


@pytest.mark.parametrize(
    ("url", "error"),
    [
        (None, "is no URL of a WebSocket"),
        (b"ws://feed.test", "is no URL of a WebSocket"),
        ("", "is no URL of a WebSocket"),
        ("ws://[::1", "Invalid IPv6 URL"),
        ("ws://feed.test:0/", "Port out of range"),
        ("ws://feed..test/", "feed..test can be no name of a host"),
        ("ws://žluť.test/", "write others as %.. in the path, as xn--... in the name of the host"),
        ("ws://feed.test/a b", "write others as %"),
        ("ws://feed.test/\r\nX: y", "write others as %"),
        ("http://me:secret@feed.test/", "is no URL of a WebSocket"),
        ("ws://me:secret@feed.test:99999/", "Port out of range"),
        ("ws://me:sec/secret@feed.test", "write ws://host/path|holds credentials|Port"),
        ("http://feed.test/?apikey=secret", "is no URL of a WebSocket"),
    ],
)
def test_a_url_that_cannot_be_is_refused_without_its_secrets(url: Any, error: str) -> None:
    """Credentials and what is behind the question mark are not shown."""
    with pytest.raises(DefinitionError, match=error) as caught:
        address_of(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"events": Price}, "events= must be several classes of events"),
        ({"events": ["Price"]}, "events= must be several classes of events"),
        ({"events": [Price], "tag": 5}, "tag=5 must be the name of a field"),
        ({"events": [Price], "tag": "cents"}, "Price has a field 'cents', which is the tag"),
        ({"events": [Price], "ignore": "Hello"}, r"ignore='Hello' is one tag; write \['Hello'\]"),
        ({"events": [Price, type("Price", (Gap,), {})]}, "two events are called 'Price'"),
    ],
)
def test_events_of_json_that_cannot_be_are_refused(options: Any, error: str) -> None:
    """Before the first message."""
    with pytest.raises(DefinitionError, match=error):
        json_events(**options)


def test_a_retry_of_the_program_is_taken() -> None:
    """All of these are fine."""
    declare(reconnect=Retry(3), token=lambda: decode_later(""), subprotocols=("v1", "v2"), headers={"X-Key": "ž"})
