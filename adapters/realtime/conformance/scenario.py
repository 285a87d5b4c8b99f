"""What every client goes through, step by step, and how the frames of a step are held against the recording.

A step is something a client is told to do or the server does; it is over when the client has told all that it should
see. The frames the server sent meanwhile must be those that a real server was seen to send, with the same refs: which
ref stands for what (the current join, an earlier one, the push that is answered) is compared, not its number.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from attrs import frozen

from adapters.realtime.tests.recorded import Normal, steps_of
from directive_trio_realtime import ClientCodec, ServerCodec
from directive_trio_realtime._frames import Version
from directive_trio_realtime.testing import Exchange, RealtimeServer

LIVE = "system ok Subscribed to PostgreSQL"
REJOINED = ("joined", LIVE)


@frozen
class Act:
    """One step: a command for the client, or a word for the server."""

    does: Sequence[Any] | Callable[[RealtimeServer], object]
    sees: tuple[str, ...]
    recorded: tuple[str, ...] = ()
    """The steps of the recording that are the same; none: only what the client sees counts."""


def scenario(*, is_binary: bool) -> tuple[Act, ...]:
    """The steps, in the order of the recording. Some clients broadcast in binary frames, even JSON."""
    event, content, name = ("ev", {"a": 2}, "broadcast-bin") if is_binary else ("e", {"a": 1}, "broadcast")
    said = '{"a":2}' if is_binary else '{"a":1}'
    return (
        Act(["join"], REJOINED, ("join",)),
        Act(["broadcast", event, content], (f"broadcast {event} {said}", "acknowledged ok"), (name,)),
        Act(["track", {"n": 1}], ("tracked ok", "present k1:1"), ("track",)),
        Act(["track", {"n": 2}], ("tracked ok", "present k1:2"), ("track2",)),
        Act(lambda server: server.change("todos", record={"id": 1}), ('change INSERT {"id":1}',)),
        Act(["leave"], ("closed", "left ok"), ("leave",)),
        Act(["join"], REJOINED, ("join",)),
        Act(lambda server: server.crash("room1"), ("errored", *REJOINED), ("crash", "join")),
        Act(lambda server: server.expire("room1"), ("closed",), ("system_error",)),
        Act(["join"], REJOINED, ("join",)),
        Act(lambda server: server.kill(), ("errored", *REJOINED), ("kill", "join")),
        Act(lambda server: server.disconnect(), ("errored", *REJOINED), ("disconnect", "join")),
    )  # fmt: skip


class Labels:
    """Gives each ref a name for what it stands for, so that two runs can be compared."""

    def __init__(self, version: Version) -> None:
        self._server, self._client = ServerCodec(version), ClientCodec(version)
        self._names: dict[str | None, str] = {None: "none"}
        self._normal = Normal()

    def read(self, exchanges: Iterable[Exchange]) -> list[Any]:
        """What the server sent, comparable; what a client sent only gives names to its refs."""
        sent = []
        for exchange in exchanges:
            if exchange.direction == "received":
                frame = self._server.decode(exchange.content)
                if frame.event == "phx_join":
                    self._names = {ref: "earlier" if name == "join" else name for ref, name in self._names.items()}
                if frame.ref is not None:
                    self._names[frame.ref] = "join" if frame.event == "phx_join" else "push"
            else:
                frame = self._client.decode(exchange.content)
                kind = "binary" if isinstance(exchange.content, bytes) else "text"
                refs = (self._names.get(frame.join_ref, "unknown"), self._names.get(frame.ref, "unknown"))
                sent.append((kind, refs, frame.topic, frame.event, self._normal.value(frame.payload)))
        return sent


def recording(version: Version) -> dict[str, list[Any]]:
    """Step → what the recorded server sent, comparable. A step that comes up again was answered as the first time."""
    server, client, labels = ServerCodec(version), ClientCodec(version), Labels(version)
    recorded: dict[str, list[Any]] = {}
    for step in steps_of(version):
        exchanges = [Exchange(0, "sent", answer, client.decode(answer)) for answer in step.answers]
        if step.sent is not None and step.name != "malformed":
            exchanges.insert(0, Exchange(0, "received", step.sent, server.decode(step.sent)))
        recorded.setdefault(step.name, labels.read(exchanges))
    return recorded
