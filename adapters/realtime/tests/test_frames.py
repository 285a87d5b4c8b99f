"""Frames: what one side writes the other reads, and what is no frame is refused."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directive_trio_realtime import ClientCodec, Frame, ServerCodec
from directive_trio_realtime._frames import Version, packed_user_broadcast
from directive_trio_realtime.errors import LimitError, ProtocolError

versions = st.sampled_from(["1.0.0", "2.0.0"])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
fields = texts.filter(lambda text: len(text.encode()) <= 255)
refs = st.none() | fields.filter(bool)
numbers = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    numbers | texts, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4)
)
metas = st.dictionaries(texts, values, min_size=1, max_size=3)
words = st.fixed_dictionaries({"type": st.just("broadcast"), "event": fields, "payload": values})
byte_words = st.fixed_dictionaries(
    {"type": st.just("broadcast"), "event": fields, "payload": st.binary()}, optional={"meta": metas.filter(bool)}
)
text_frames = st.builds(Frame, texts, texts, values, refs, refs)
byte_frames = st.builds(Frame, fields, st.just("broadcast"), byte_words, refs, refs)


def small(frame: Frame) -> bool:
    """Whether the metadata of a binary broadcast fits its length byte."""
    return len(json.dumps(frame.payload.get("meta", {})).encode()) < 200


@given(text_frames, versions)
def test_what_a_client_writes_a_server_reads(frame: Frame, version: Version) -> None:
    """Text frames of both versions, all five fields."""
    assert ServerCodec(version).decode(ClientCodec(version).encode(frame)) == frame


@given(text_frames)
def test_what_a_server_writes_a_client_reads(frame: Frame) -> None:
    """Text frames of version 2."""
    if frame.event != "phx_reply":  # its payload has a shape of its own, below
        assert ClientCodec("2.0.0").decode(ServerCodec("2.0.0").encode(frame)) == frame


@given(text_frames)
def test_a_server_of_version_1_never_says_the_join_ref(frame: Frame) -> None:
    """Everything else arrives."""
    read = ClientCodec("1.0.0").decode(ServerCodec("1.0.0").encode(frame))
    assert read == Frame(frame.topic, frame.event, frame.payload, frame.ref, None)


@given(byte_frames.filter(small))
def test_a_users_bytes_go_both_ways(frame: Frame) -> None:
    """Kinds 3 and 4; what the server passes on belongs to no join and answers nothing."""
    assert ServerCodec().decode(ClientCodec().encode(frame)) == frame
    assert ClientCodec().decode(ServerCodec().encode(frame)) == Frame(frame.topic, "broadcast", frame.payload)


@given(fields, fields, st.binary(), refs, refs)
def test_plain_bytes_go_both_ways(
    topic: str, event: str, payload: bytes, ref: str | None, join_ref: str | None
) -> None:
    """Kind 0 up, and kind 0 or 2 down."""
    frame = Frame(topic, event, payload, ref, join_ref)
    assert ServerCodec().decode(ClientCodec().encode(frame)) == frame
    assert ClientCodec().decode(ServerCodec().encode(frame)) == Frame(topic, event, payload, None, join_ref)


@given(fields, fields.filter(bool), st.binary(), refs, refs)
def test_a_reply_of_bytes_arrives(topic: str, status: str, response: bytes, ref: str | None, join: str | None) -> None:
    """Kind 1."""
    frame = Frame(topic, "phx_reply", {"status": status, "response": response}, ref, join)
    assert ClientCodec().decode(ServerCodec().encode(frame)) == frame


def test_the_example_of_the_protocol_is_read_and_written() -> None:
    """A user broadcast of JSON in a binary frame, byte for byte as a real server was seen to treat it."""
    pushed = b'\x03\x01\x01\x0e\x02\x00\x0124realtime:room1ev{"a":2}'
    frame = ServerCodec().decode(pushed)
    assert frame == Frame(
        "realtime:room1", "broadcast", {"type": "broadcast", "event": "ev", "payload": {"a": 2}}, "4", "2"
    )
    passed_on = packed_user_broadcast("realtime:room1", "ev", b'{"a":2}', 1)
    assert passed_on == b'\x04\x0e\x02\x00\x01realtime:room1ev{"a":2}'
    assert ClientCodec().decode(passed_on).payload == {"type": "broadcast", "event": "ev", "payload": {"a": 2}}


@given(st.binary(max_size=80) | texts, versions)
def test_whatever_comes_is_a_frame_or_a_protocol_error(received: str | bytes, version: Version) -> None:
    """Random bytes and texts: nothing else is raised, on either side."""
    for codec in (ClientCodec(version), ServerCodec(version)):
        with suppress(ProtocolError):
            assert isinstance(codec.decode(received), Frame)


@given(st.integers(0, 5), st.binary(max_size=80))
def test_whatever_follows_a_known_kind_is_a_frame_or_a_protocol_error(kind: int, rest: bytes) -> None:
    """The header may lie about its lengths."""
    for codec in (ClientCodec(), ServerCodec()):
        with suppress(ProtocolError):
            assert isinstance(codec.decode(bytes([kind]) + rest), Frame)


HOSTILE: list[tuple[Version, Any]] = [
    ("2.0.0", "{not json"),
    ("2.0.0", "[" * 100_000),
    ("2.0.0", "[null,null,null,null,null]"),
    ("2.0.0", '[null,null,"t",5,{}]'),
    ("2.0.0", '[null,7,"t","e",{}]'),
    ("2.0.0", '[7,null,"t","e",{}]'),
    ("2.0.0", '[null,null,"t","e",NaN]'),
    ("2.0.0", f'[null,null,"t","e",{"9" * 5000}]'),
    ("2.0.0", "[]"),
    ("2.0.0", "{}"),
    ("1.0.0", "[]"),
    ("1.0.0", "{}"),
    ("1.0.0", '{"topic":"t","event":"e","payload":{}}'),
    ("2.0.0", b""),
    ("2.0.0", b"\x09"),
    ("2.0.0", b"\x04"),
    ("2.0.0", b"\x04\x01\x01\x00\x01t"),
    ("2.0.0", b"\x04\x01\x01\x00\x07te{}"),
    ("2.0.0", b"\x04\x01\x01\x00\x01te{"),
    ("2.0.0", b"\x04\x01\x01\x01\x00te{"),
    ("2.0.0", b"\x02\x01\x01\xffe"),
]


@pytest.mark.parametrize(("version", "received"), HOSTILE)
def test_what_is_no_frame_is_refused(version: Version, received: str | bytes) -> None:
    """Broken, deep, mistyped, endless and truncated: an error that says so."""
    with pytest.raises(ProtocolError):
        ClientCodec(version).decode(received)


@pytest.mark.parametrize(
    ("version", "frame"),
    [
        ("2.0.0", Frame("t", "e", {1, 2})),
        ("2.0.0", Frame("t", "e", float("nan"))),
        ("2.0.0", Frame("t", "e", "\ud800")),
        ("2.0.0", Frame("\ud800", "e", b"")),
        ("2.0.0", Frame("t" * 256, "e", b"")),
        ("1.0.0", Frame("t", "broadcast", {"type": "broadcast", "event": "e", "payload": b"x"})),
    ],
)
def test_what_cannot_be_written_is_refused(version: Version, frame: Frame) -> None:
    """No JSON, no UTF-8, a field over its length byte, bytes in version 1."""
    with pytest.raises(LimitError):
        ClientCodec(version).encode(frame)


def test_numbers_are_read_as_the_user_wants() -> None:
    """An int8 is exact; a numeric can be a Decimal."""
    read = ClientCodec(parse_float=lambda text: f"decimal {text}").decode(
        '[null,null,"t","e",[9007199254740993,12.30]]'
    )
    assert read.payload == [9007199254740993, "decimal 12.30"]
