"""The server's rooms: who is in which, and what each frame of a client means. No I/O: answers go to outboxes.

What it answers to what, in which order and with which refs is what a Phoenix server with Supabase's serializer was seen
to do; the conformance run holds the two side by side.
"""

import json
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, final

from attrs import define, field, frozen

from directive_trio_realtime._frames import JSON, USER_PUSH, Frame, ServerCodec, packed_user_broadcast
from directive_trio_realtime._token import expiry_of
from directive_trio_realtime.testing._filters import passes

PREFIX = "realtime:"


@final
@frozen
class Exchange:
    """A frame that went over the wire."""

    client: int
    """Which connection, counted from 1."""
    direction: Literal["received", "sent"]
    content: str | bytes
    frame: Frame


@define(eq=False)
class Client:
    """A connection as the rooms see it."""

    number: int
    codec: ServerCodec
    post: Callable[[str | bytes], None]
    memberships: dict[str, "Membership"] = field(factory=dict)


@define(eq=False)
class Membership:
    """One join of one client."""

    client: Client
    topic: str
    join_ref: str | None
    config: Mapping[str, Any]
    bindings: dict[int, Mapping[str, Any]]
    meta: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """Under which the client is present: its own word, or one for this join."""
        return str(self.asks("presence", "key") or f"key-{self.client.number}-{self.join_ref}")

    def asks(self, *path: str) -> Any:
        """A setting of the join; nothing where it says nothing."""
        value: Any = self.config
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value


class Rooms:
    """All topics and everybody in them."""

    def __init__(self, *, streams_at_once: bool = True, wall_clock: Callable[[], float] = time.time) -> None:
        self.streams_at_once = streams_at_once
        self.exchanges: list[Exchange] = []
        self._wall_clock = wall_clock
        self._members: dict[str, list[Membership]] = {}
        self._refusals: list[str] = []
        self._phx_refs = 0

    # -- words for tests -------------------------------------------------------------------------------

    def members(self, name: str) -> int:
        """How many are in a channel."""
        return len(self._in(name))

    def change(
        self,
        table: str,
        kind: Literal["INSERT", "UPDATE", "DELETE"] = "INSERT",
        *,
        record: Mapping[str, Any] | None = None,
        old_record: Mapping[str, Any] | None = None,
        schema: str = "public",
        errors: list[str] | None = None,
    ) -> int:
        """A row changes: tell whoever asked for it. How many did."""
        row = {"INSERT": {"record": record}, "UPDATE": {"record": record, "old_record": old_record}}.get(
            kind, {"old_record": old_record}
        )
        content = {
            "schema": schema,
            "table": table,
            "type": kind,
            "commit_timestamp": "2026-01-02T03:04:05.678Z",
            "columns": [],
            "errors": errors,
            **row,
        }
        compared = (old_record if kind == "DELETE" else record) or {}
        told = 0
        for member in self._everybody():
            ids = [number for number, wish in member.bindings.items() if wants(wish, content, compared)]
            if ids:
                self._send(member, "postgres_changes", {"ids": ids, "data": content}, join_ref=None)
                told += 1
        return told

    def send(self, name: str, event: str, payload: Any) -> None:
        """Any frame to everybody in a channel: a ``broadcast``, or what no server would send."""
        for member in self._in(name):
            self._send(member, event, payload, join_ref=None)

    def broadcast(self, name: str, event: str, payload: Any, *, number: str | None = None) -> None:
        """A message to everybody in a channel, with an id as the database gives it, or without."""
        meta = {} if number is None else {"meta": {"id": number}}
        self.send(name, "broadcast", {"type": "broadcast", "event": event, "payload": payload, **meta})

    def system(self, name: str, status: str, message: str, *, extension: str = "system") -> None:
        """A system message to everybody in a channel."""
        for member in self._in(name):
            self._system(member, extension, status, message)

    def stream(self, name: str) -> None:
        """Postgres changes stream: for a server made with ``streams_at_once=False``."""
        self.system(name, "ok", "Subscribed to PostgreSQL", extension="postgres_changes")

    def expire(self, name: str) -> None:
        """Everybody's token in a channel ends: a system error, then the close."""
        self.system(name, "error", "Token has expired 3 seconds ago")
        self.close(name)

    def close(self, name: str) -> None:
        """End a channel in an orderly way, for everybody in it."""
        self._end(name, "phx_close")

    def crash(self, name: str) -> None:
        """The process of a channel crashes, for everybody in it."""
        self._end(name, "phx_error")

    def refuse_joins(self, reason: str, times: int = 1) -> None:
        """Say no to the next joins."""
        self._refusals += [reason] * times

    # -- a client ----------------------------------------------------------------------------------------

    def receive(self, client: Client, content: str | bytes) -> None:
        """What a client sent; answers go to the outboxes of whom they concern.

        Raises:
            ProtocolError: It is no frame.
        """
        frame = client.codec.decode(content)
        self.exchanges.append(Exchange(client.number, "received", content, frame))
        member = client.memberships.get(frame.topic)
        if frame.topic == "phoenix":
            self._reply(client, frame, None)
        elif frame.event == "phx_join":
            self._join(client, frame)
        elif frame.event == "phx_leave":
            self._leave(client, frame, member)
        elif member is None:
            self._reply(client, frame, None, {"reason": "unmatched topic"}, "error")
        elif frame.event == "broadcast":
            self._broadcast(member, frame, content)
        elif frame.event == "presence":
            self._presence(member, frame)
        # An access_token is taken without an answer, and what is unknown too.

    def gone(self, client: Client) -> None:
        """The connection is no more."""
        for member in list(client.memberships.values()):
            self._remove(member)

    # -- inside ------------------------------------------------------------------------------------------

    def _in(self, name: str) -> list[Membership]:
        return list(self._members.get(PREFIX + name, ()))

    def _everybody(self) -> Iterator[Membership]:
        return (member for members in self._members.values() for member in members)

    def _post(self, client: Client, frame: Frame, content: str | bytes | None = None) -> None:
        written = client.codec.encode(frame) if content is None else content
        self.exchanges.append(Exchange(client.number, "sent", written, frame))
        client.post(written)

    def _send(self, member: Membership, event: str, payload: Any, join_ref: str | None, ref: str | None = None) -> None:
        self._post(member.client, Frame(member.topic, event, payload, ref, join_ref))

    def _reply(
        self, client: Client, frame: Frame, join_ref: str | None, response: Any = None, status: str = "ok"
    ) -> None:
        payload = {"response": {} if response is None else response, "status": status}
        self._post(client, Frame(frame.topic, "phx_reply", payload, frame.ref, join_ref))

    def _system(self, member: Membership, extension: str, status: str, message: str) -> None:
        name = member.topic.removeprefix(PREFIX)
        words = {"channel": name, "extension": extension, "message": message, "status": status}
        self._send(member, "system", words, member.join_ref)

    def _end(self, name: str, event: str) -> None:
        for member in self._in(name):
            self._send(member, event, {}, member.join_ref, member.join_ref)
            self._remove(member)

    def _remove(self, member: Membership) -> None:
        del member.client.memberships[member.topic]
        self._members[member.topic].remove(member)
        if member.meta is not None:
            self._difference(member.topic, {}, {member.key: {"metas": [member.meta]}})

    # -- joining and leaving -----------------------------------------------------------------------------

    def _join(self, client: Client, frame: Frame) -> None:
        reason = self._reason_against(frame)
        if reason is not None:
            known = frame.topic.startswith(PREFIX)
            self._reply(client, frame, frame.join_ref if known else None, {"reason": reason}, "error")
            return
        config = frame.payload["config"]
        listed = config.get("postgres_changes")
        wishes = [wish for wish in listed if isinstance(wish, Mapping)] if isinstance(listed, list) else []
        entries = [{**wish, "id": id_of(wish)} for wish in wishes]
        bindings: dict[int, Mapping[str, Any]] = {id_of(wish): wish for wish in wishes}
        member = Membership(client, frame.topic, frame.join_ref or frame.ref, config, bindings)
        self._reply(client, frame, member.join_ref, {"postgres_changes": entries})
        earlier = client.memberships.get(frame.topic)
        if earlier is not None:  # its end is told after the beginning of the new one
            self._send(earlier, "phx_close", {}, earlier.join_ref, earlier.join_ref)
            self._remove(earlier)
        client.memberships[frame.topic] = member
        self._members.setdefault(frame.topic, []).append(member)
        if member.asks("presence", "enabled"):
            self._send(member, "presence_state", self._present(frame.topic), member.join_ref)
        if entries and self.streams_at_once:
            self._system(member, "postgres_changes", "ok", "Subscribed to PostgreSQL")

    def _reason_against(self, frame: Frame) -> str | None:
        if not frame.topic.startswith(PREFIX):
            return "unmatched topic"
        if frame.topic == PREFIX:
            return "TopicNameRequired: You must provide a topic name"
        if self._refusals:
            return self._refusals.pop(0)
        if not isinstance(frame.payload, Mapping) or not isinstance(frame.payload.get("config"), Mapping):
            return "InvalidJoinPayload: there is no config"
        expiry = expiry_of(str(frame.payload.get("access_token", "")))
        late = 0 if expiry is None else self._wall_clock() - expiry
        return f"InvalidJWTToken: Token has expired {int(late)} seconds ago" if late > 0 else None

    def _leave(self, client: Client, frame: Frame, member: Membership | None) -> None:
        self._reply(client, frame, frame.join_ref)
        if member is not None:
            self._remove(member)
            self._send(member, "phx_close", {}, member.join_ref, member.join_ref)

    # -- broadcast and presence --------------------------------------------------------------------------

    def _broadcast(self, member: Membership, frame: Frame, content: str | bytes) -> None:
        if member.asks("broadcast", "ack"):
            self._reply(member.client, frame, member.join_ref)
        for other in list(self._members[frame.topic]):
            if other is not member:
                self._pass_on(other, frame, content, None)
            elif member.asks("broadcast", "self"):
                self._pass_on(member, frame, content, member.join_ref)

    def _pass_on(self, member: Membership, frame: Frame, content: str | bytes, join_ref: str | None) -> None:
        words = frame.payload if isinstance(frame.payload, Mapping) else {}
        is_binary = isinstance(words.get("payload"), bytes)
        if isinstance(frame.payload, bytes) and member.client.codec.version == "1.0.0":
            return
        if isinstance(content, str) or content[0] != USER_PUSH:
            self._send(member, "broadcast", frame.payload, join_ref)
        elif member.client.codec.version == "2.0.0":
            # What came in a binary frame goes out in one, with the encoding it came with.
            encoding = content[6]
            payload = words["payload"] if is_binary else json.dumps(words["payload"], separators=(",", ":")).encode()
            written = packed_user_broadcast(frame.topic, words["event"], payload, encoding)
            self._post(member.client, Frame(frame.topic, "broadcast", words), written)
        elif content[6] == JSON:
            self._send(member, "broadcast", words, join_ref)
        # Bytes are not told to a client of version 1, and nobody says so.

    def _presence(self, member: Membership, frame: Frame) -> None:
        words = frame.payload if isinstance(frame.payload, Mapping) else {}
        self._reply(member.client, frame, member.join_ref)
        before = member.meta
        if words.get("event") == "untrack":
            member.meta = None
        else:
            self._phx_refs += 1
            payload = dict(said) if isinstance(said := words.get("payload"), Mapping) else {}
            if before is not None and payload == {k: v for k, v in before.items() if not k.startswith("phx_ref")}:
                return
            earlier = {} if before is None else {"phx_ref_prev": before["phx_ref"]}
            member.meta = {"phx_ref": f"F{self._phx_refs:015}", **earlier, **payload}
        joins = {} if member.meta is None else {member.key: {"metas": [member.meta]}}
        leaves = {} if before is None else {member.key: {"metas": [before]}}
        self._difference(member.topic, joins, leaves)

    def _difference(self, topic: str, joins: Mapping[str, Any], leaves: Mapping[str, Any]) -> None:
        for member in list(self._members[topic]):
            if member.asks("presence", "enabled"):
                self._send(member, "presence_diff", {"joins": joins, "leaves": leaves}, None)

    def _present(self, topic: str) -> dict[str, Any]:
        present: dict[str, Any] = {}
        for member in self._members[topic]:
            if member.meta is not None:
                present.setdefault(member.key, {"metas": []})["metas"].append(member.meta)
        return present


def id_of(wish: Mapping[str, Any]) -> int:
    """Equal wishes get equal ids, whoever asks and however often."""
    return zlib.crc32(json.dumps(wish, sort_keys=True).encode()) & 0x7FFFFFF


def wants(wish: Mapping[str, Any], content: Mapping[str, Any], compared: Mapping[str, Any]) -> bool:
    """Whether a change is one of those asked for."""
    return (
        wish.get("event") in {"*", content["type"]}
        and wish.get("schema") in {"*", content["schema"]}
        and wish.get("table") in {None, "", "*", content["table"]}
        and passes(str(wish.get("filter") or ""), compared)
    )
