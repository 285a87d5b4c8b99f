"""Frames: one message of the protocol, and how each protocol version writes it on the wire.

Version 1 is a JSON object, version 2 a JSON array; version 2 has binary frames as well. A binary frame is a
byte for its kind, a byte for the length of each of its header fields, for two kinds a byte that says whether
the payload is JSON, then the header fields and the payload:

```text
0 push            join_ref ref topic event                    client to server
0 push            join_ref topic event                        server to client
1 reply           join_ref ref topic status                   server to client
2 broadcast       topic event                                 server to client
3 user broadcast  join_ref ref topic user_event metadata      client to server, encoding byte
4 user broadcast  topic user_event metadata                   server to client, encoding byte
```

Kinds 3 and 4 say what a text frame with the event ``broadcast`` says, so they are read into the same `Frame`: a
payload ``{"type": "broadcast", "event": …, "payload": …}`` whose inner payload may be bytes. In the same way the
response in a kind 1 reply is bytes, and so is the whole payload of kinds 0 and 2.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal, final

from attrs import frozen

from directive_trio_realtime.errors import LimitError, ProtocolError

Version = Literal["1.0.0", "2.0.0"]

PUSH, REPLY, BROADCAST, USER_PUSH, USER_BROADCAST = range(5)
BINARY, JSON = 0, 1
LONGEST_FIELD = 255


@final
@frozen
class Frame:
    """One message, in either direction and either version."""

    topic: str
    event: str
    payload: Any
    ref: str | None = None
    """The number of this push, or of the push it answers."""
    join_ref: str | None = None
    """The number of the join it belongs to; a server that speaks version 1 never says it."""


@final
@frozen
class ClientCodec:
    """Writes what a client sends and reads what it receives."""

    version: Version = "2.0.0"
    parse_float: Callable[[str], Any] = float

    def encode(self, frame: Frame) -> str | bytes:
        """The frame on the wire.

        Raises:
            LimitError: It cannot be written: no JSON, a header field over 255 bytes, or bytes in version 1.
        """
        if self.version == "1.0.0":
            return to_json(
                {
                    "topic": frame.topic,
                    "event": frame.event,
                    "payload": frame.payload,
                    "ref": frame.ref,
                    "join_ref": frame.join_ref,
                }
            )
        if isinstance(frame.payload, bytes):
            return packed(PUSH, [frame.join_ref, frame.ref, frame.topic, frame.event], frame.payload)
        if carries_bytes(frame):
            header = [frame.join_ref, frame.ref, frame.topic, frame.payload["event"], metadata_of(frame.payload)]
            return packed(USER_PUSH, header, frame.payload["payload"], BINARY)
        return to_json([frame.join_ref, frame.ref, frame.topic, frame.event, frame.payload])

    def decode(self, received: str | bytes) -> Frame:
        """The frame a server meant.

        Raises:
            ProtocolError: It is none.
        """
        if isinstance(received, str):
            return read_text(received, self.version, self.parse_float)
        kind = received[0] if received else None
        if kind == PUSH:
            (join_ref, topic, event), _, payload = unpacked(received, 3)
            return Frame(topic, event, payload, None, join_ref or None)
        if kind == REPLY:
            (join_ref, ref, topic, status), _, payload = unpacked(received, 4)
            return Frame(topic, "phx_reply", {"status": status, "response": payload}, ref or None, join_ref or None)
        if kind == BROADCAST:
            (topic, event), _, payload = unpacked(received, 2)
            return Frame(topic, event, payload)
        if kind == USER_BROADCAST:
            (topic, event, metadata), encoding, payload = unpacked(received, 3, encoded=True)
            return Frame(topic, "broadcast", user_payload(event, metadata, encoding, payload, self.parse_float))
        raise ProtocolError(f"a binary frame of unknown kind {kind}")


@final
@frozen
class ServerCodec:
    """Writes what a server sends and reads what it receives: the mirror of `ClientCodec`."""

    version: Version = "2.0.0"

    def encode(self, frame: Frame) -> str | bytes:
        """The frame on the wire; version 1 does not say to which join it belongs."""
        if self.version == "1.0.0":
            return to_json({"event": frame.event, "payload": frame.payload, "ref": frame.ref, "topic": frame.topic})
        if isinstance(frame.payload, bytes):
            if frame.join_ref is None:
                return packed(BROADCAST, [frame.topic, frame.event], frame.payload)
            return packed(PUSH, [frame.join_ref, frame.topic, frame.event], frame.payload)
        if carries_bytes(frame):
            header = [frame.topic, frame.payload["event"], metadata_of(frame.payload)]
            return packed(USER_BROADCAST, header, frame.payload["payload"], BINARY)
        if isinstance(frame.payload, dict) and isinstance(frame.payload.get("response"), bytes):
            header = [frame.join_ref, frame.ref, frame.topic, frame.payload["status"]]
            return packed(REPLY, header, frame.payload["response"])
        return to_json([frame.join_ref, frame.ref, frame.topic, frame.event, frame.payload])

    def decode(self, received: str | bytes) -> Frame:
        """The frame a client meant.

        Raises:
            ProtocolError: It is none.
        """
        if isinstance(received, str):
            return read_text(received, self.version, float)
        kind = received[0] if received else None
        if kind == PUSH:
            (join_ref, ref, topic, event), _, payload = unpacked(received, 4)
            return Frame(topic, event, payload, ref or None, join_ref or None)
        if kind == USER_PUSH:
            (join_ref, ref, topic, event, metadata), encoding, payload = unpacked(received, 5, encoded=True)
            content = user_payload(event, metadata, encoding, payload, float)
            return Frame(topic, "broadcast", content, ref or None, join_ref or None)
        raise ProtocolError(f"a binary frame of unknown kind {kind}")


def packed_user_broadcast(topic: str, event: str, payload: bytes, encoding: int, metadata: str = "") -> bytes:
    """A kind 4 frame whose payload keeps the encoding it came with: what a server makes of a kind 3 frame."""
    return packed(USER_BROADCAST, [topic, event, metadata], payload, encoding)


# -- text ----------------------------------------------------------------------------------------------


def to_json(value: Any) -> str:
    """The shortest JSON of a value; text stays as it is.

    Raises:
        LimitError: There is no JSON for it.
    """
    try:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        text.encode()  # a lone surrogate is found here, not on the wire
    except (TypeError, ValueError, RecursionError) as error:
        raise LimitError(f"this cannot be sent as JSON: {error}") from error
    return text


def copy_of(value: Any) -> Any:
    """The value as its JSON will say it: what its owner does with it afterwards changes nothing.

    Raises:
        LimitError: There is no JSON for it.
    """
    return json.loads(to_json(value))


def from_json(text: str | bytes, parse_float: Callable[[str], Any]) -> Any:
    """What a text from outside says, or a `ProtocolError`: broken, too deep, NaN, a number without end."""
    try:
        return json.loads(text, parse_float=parse_float, parse_constant=refuse_constant)
    except (ValueError, ArithmeticError, RecursionError) as error:  # the second from a Decimal
        raise ProtocolError(f"a frame that is no JSON: {error}") from error


def refuse_constant(name: str) -> None:
    """NaN and the infinities are no JSON, though Python reads them."""
    raise ValueError(f"{name} is no number")


def read_text(text: str, version: Version, parse_float: Callable[[str], Any]) -> Frame:
    """A text frame of either version."""
    content = from_json(text, parse_float)
    if version == "1.0.0":
        if not isinstance(content, dict) or not {"topic", "event", "payload", "ref"} <= content.keys():
            raise ProtocolError("a text frame of version 1 is an object with topic, event, payload and ref")
        fields = (content.get("join_ref"), *(content[name] for name in ("ref", "topic", "event", "payload")))
    elif isinstance(content, list) and len(content) == 5:  # noqa: PLR2004 - the five named below
        fields = tuple(content)
    else:
        raise ProtocolError("a text frame of version 2 is an array of join_ref, ref, topic, event and payload")
    join_ref, ref, topic, event, payload = fields
    if not (isinstance(topic, str) and isinstance(event, str)):
        raise ProtocolError("topic and event of a frame are strings")
    if not (isinstance(ref, str | None) and isinstance(join_ref, str | None)):
        raise ProtocolError("the refs of a frame are strings or null")
    return Frame(topic, event, payload, ref, join_ref)


# -- binary --------------------------------------------------------------------------------------------


def carries_bytes(frame: Frame) -> bool:
    """Whether it is a user's broadcast of bytes."""
    content = frame.payload
    return frame.event == "broadcast" and isinstance(content, dict) and isinstance(content.get("payload"), bytes)


def metadata_of(content: dict[str, Any]) -> str:
    """The header field for what stands beside a user's payload; empty for nothing."""
    return to_json(content["meta"]) if content.get("meta") else ""


def user_payload(
    event: str, metadata: str, encoding: int, payload: bytes, parse_float: Callable[[str], Any]
) -> dict[str, Any]:
    """What kinds 3 and 4 say, in the words of a text frame."""
    if encoding not in {BINARY, JSON}:
        raise ProtocolError(f"a user broadcast of unknown encoding {encoding}")
    content = payload if encoding == BINARY else from_json(payload, parse_float)
    spoken = {"type": "broadcast", "event": event, "payload": content}
    return {**spoken, "meta": from_json(metadata, parse_float)} if metadata else spoken


def packed(kind: int, header: Sequence[str | None], payload: bytes, encoding: int | None = None) -> bytes:
    """A binary frame.

    Raises:
        LimitError: A header field is longer than its length byte can say.
    """
    try:
        fields = [(field or "").encode() for field in header]
    except UnicodeEncodeError as error:
        raise LimitError(f"this cannot be sent as UTF-8: {error}") from error
    longest = max(fields, key=len)
    if len(longest) > LONGEST_FIELD:
        raise LimitError(f"a header field of a binary frame has at most 255 bytes, not {len(longest)}")
    sizes = bytes([kind, *map(len, fields)])
    encoded = b"" if encoding is None else bytes([encoding])
    return b"".join([sizes, encoded, *fields, payload])


def unpacked(received: bytes, count: int, *, encoded: bool = False) -> tuple[list[str], int, bytes]:
    """The header fields, the encoding byte (0 where there is none) and the payload of a binary frame."""
    start = 1 + count + encoded
    end = start + sum(received[1 : 1 + count])
    if len(received) < max(start, end):
        raise ProtocolError(f"a binary frame that ends after {len(received)} bytes, before its header does")
    fields, at = [], start
    for size in received[1 : 1 + count]:
        try:
            fields.append(received[at : at + size].decode())
        except UnicodeDecodeError as error:
            raise ProtocolError("a header field that is no UTF-8") from error
        at += size
    return fields, received[start - 1] if encoded else BINARY, received[end:]
