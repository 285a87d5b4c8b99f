"""One channel's life: from the wish to be in it, through joins and losses, to the end.

```text
OFFLINE ──socket──> ASKING ──token──> JOINING ──reply──> JOINED ──leave──> LEAVING ──> OVER
   ^                  ^                  │  error           │  phx_error, phx_close
   │ socket lost      └────── WAITING <──┴──────────────────┘
   └── from anywhere     (by cause)
```

Joined is not live: a channel with postgres changes is live when the server has said that they stream. A channel that
was live and is not keeps the moment since when something may have been missed, and tells it as a gap once it is live
again. Every frame is compared with the ref of the current join, so that what belongs to an earlier one changes nothing.

The channel does no I/O and reads no clock. What it needs from the connection is its `Wire`.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from enum import Enum, auto
from operator import itemgetter
from typing import Any, Protocol, final

from attrs import define

from directive_trio_realtime._bindings import Bindings
from directive_trio_realtime._causes import refusal
from directive_trio_realtime._frames import Frame, copy_of
from directive_trio_realtime._options import ChannelOptions, Limits, Patience
from directive_trio_realtime._outputs import (
    Accepted,
    Broadcast,
    Gap,
    GivenUp,
    Joined,
    Left,
    Live,
    Lost,
    Output,
    Presences,
    Problem,
    Rejected,
)
from directive_trio_realtime._presence import Presence, PresenceChange
from directive_trio_realtime.errors import (
    Cause,
    LostError,
    NotJoinedError,
    ProtocolError,
    PushError,
    RealtimeError,
    RefusedError,
)

REMEMBERED_MESSAGES = 1000


class Wire(Protocol):
    """What a channel needs from its connection."""

    patience: Patience
    limits: Limits
    random: Callable[[], float]
    token: str | None
    asks_for_tokens: bool

    def tell(self, output: Output, /) -> None: ...
    def new_ref(self) -> str: ...
    def send(self, frame: Frame, /) -> None: ...
    def ask_token(self, now: float, /) -> None: ...
    def forget(self, name: str, now: float, /) -> None: ...


class Phase(Enum):
    """Where a channel is in its life; the picture stands above."""

    OFFLINE = auto()
    ASKING = auto()
    JOINING = auto()
    WAITING = auto()
    JOINED = auto()
    LEAVING = auto()
    OVER = auto()


@define
class Push:
    """A push that waits for its answer."""

    what: str
    deadline: float


@final
class Channel:
    """The state of one channel."""

    def __init__(self, name: str, options: ChannelOptions, wire: Wire) -> None:
        self.name = name
        self.topic = f"realtime:{name}"
        self.phase = Phase.OFFLINE
        self.is_live = False
        self._options = options
        self._wire = wire
        # A key of the server's making would be another at each rejoin.
        self._presence_key = options.presence_key or (f"{int(wire.random() * 2**64):016x}" if options.presence else "")
        self._join_ref: str | None = None
        self._joined_at: float | None = None
        self._attempt = 0
        self._not_before = 0.0
        self._awaited: set[str] = set()  # what must stream before the channel is live
        self._gap: tuple[str, float] | None = None
        self._bindings = Bindings((), {})
        self._pushes: dict[str, Push] = {}
        self._last_words = ""  # the server's error text before it closes the channel
        self._token_sent_at: float | None = None
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._presence = Presence()
        self._wanted: Mapping[str, Any] | None = None
        self._tracked: Mapping[str, Any] | None = None
        self._presence_calls: deque[float] = deque()
        self._deadlines: dict[Callable[[float], None], float] = {}

    # -- what the connection says ------------------------------------------------------------------------

    def begin(self, now: float) -> None:
        """There is a socket: join, as soon as there is a token for it."""
        if now < self._not_before:
            self.phase = Phase.WAITING
            self._deadlines[self.begin] = self._not_before
        elif self._wire.asks_for_tokens:
            self.phase = Phase.ASKING
            self._wire.ask_token(now)
        else:
            self._join(now)

    def token_fetched(self, now: float, *, is_new: bool) -> None:
        """There is a token: join with it, or give it to the channel that is joined already."""
        if self.phase is Phase.ASKING:
            self._join(now)
        elif self.phase is Phase.JOINED and is_new:
            self._token_sent_at = now
            self._send("access_token", {"access_token": self._wire.token})

    def token_failed(self, error: RealtimeError, now: float) -> None:
        """No token, no join."""
        if self.phase is Phase.ASKING:
            self._retry(error, now)

    def offline(self, reason: str, since: float) -> None:
        """The socket is gone. What is to be waited for is waited for on the next one."""
        if self.phase is Phase.LEAVING:
            self._over(Left(self.name), since)
            return
        self._down(reason, since)
        self.phase = Phase.OFFLINE

    @property
    def next_deadline(self) -> float | None:
        """When `tick` is due."""
        return min([*self._deadlines.values(), *(push.deadline for push in self._pushes.values())], default=None)

    def tick(self, now: float) -> None:
        """Do what is due. However late it is, each thing is done once."""
        for what, deadline in sorted(self._deadlines.items(), key=itemgetter(1)):
            # An earlier one may have settled it, or put it off.
            if deadline <= now and self._deadlines.get(what) == deadline:
                del self._deadlines[what]
                what(now)
        for ref in [ref for ref, push in self._pushes.items() if push.deadline <= now]:
            push = self._pushes.pop(ref)
            self._settle(ref, push, PushError(f"no answer to {push.what} in time"), now)

    # -- what the user says ------------------------------------------------------------------------------

    def leave(self, now: float) -> None:
        """Go, politely if there is somebody to tell it to."""
        if self.phase not in {Phase.JOINING, Phase.JOINED}:
            self._over(Left(self.name), now)
            return
        self._down("left", now, tells=False)
        self.phase = Phase.LEAVING
        self._pushes[self._send("phx_leave", {})] = Push("leave", math.inf)
        self._deadlines[self._left] = now + self._wire.patience.leave

    def broadcast(self, event: str, payload: Any, now: float) -> str:
        """Send a message to the others; its ref. An answer follows if the channel acknowledges.

        Raises:
            NotJoinedError: Just now there is no way to send it.
            LimitError: It is too large, cannot be written, or there are too many.
        """
        if self.phase is not Phase.JOINED:
            raise NotJoinedError(f"channel {self.name!r} is not joined just now")
        ref = self._send("broadcast", {"type": "broadcast", "event": event, "payload": payload})
        if self._options.broadcast_ack:
            self._pushes[ref] = Push("broadcast", now + self._wire.patience.answer)
        return ref

    def track(self, payload: Mapping[str, Any] | None, now: float) -> None:
        """Be there with this payload, after each rejoin again; None: be there no more.

        Raises:
            ValueError: The channel was made without presence.
            LimitError: It cannot be written as JSON.
        """
        if not self._options.presence:
            raise ValueError(f"channel {self.name!r} has no presence: make it with presence=True")
        self._wanted = copy_of(payload)
        self._track(now)

    # -- what the server says ----------------------------------------------------------------------------

    def receive(self, frame: Frame, now: float) -> None:
        """A frame on this channel's topic.

        Raises:
            ProtocolError: It makes no sense; the channel is as it was.
        """
        if self._join_ref is None or frame.join_ref not in {None, self._join_ref}:
            return
        if frame.event == "phx_reply":
            self._answered(frame, now)
        elif frame.event in {"phx_close", "phx_error"}:
            # The close of an earlier join says so in its ref, in version 1 only there.
            if (frame.join_ref if frame.ref is None else frame.ref) == self._join_ref:
                self._ended(frame.event, now)
        elif self.phase is Phase.JOINED:
            told = {
                "system": self._system,
                "postgres_changes": self._postgres_change,
                "broadcast": self._broadcast,
                "presence_state": self._presence_state,
                "presence_diff": self._presence_difference,
            }.get(frame.event)
            if told is None:
                self._wire.tell(Broadcast(self.name, frame.event, frame.payload, {}))
            else:
                told(frame.payload, now)

    def missed(self, reason: str, since: float, now: float) -> None:
        """Something for this channel was lost on the way, and the channel goes on."""
        if self.is_live:
            self._wire.tell(Gap(self.name, reason, since, now))

    # -- joining -----------------------------------------------------------------------------------------

    def _join(self, now: float) -> None:
        self.phase = Phase.JOINING
        self._join_ref = self._wire.new_ref()
        self._last_words = ""
        self._presence.rejoined()
        self._tracked = None
        payload = self._options.join_payload(self._presence_key, self._wire.token)
        self._wire.send(Frame(self.topic, "phx_join", payload, self._join_ref, self._join_ref))
        self._deadlines[self._join_is_late] = now + self._wire.patience.join

    def _join_is_late(self, now: float) -> None:
        self._send("phx_leave", {})
        self._retry(LostError(f"no answer to the join of {self.name!r} in time"), now)

    def _joined(self, response: Any, now: float) -> None:
        try:
            self._bindings = Bindings(self._options.postgres_changes, response)
        except ProtocolError as error:
            self._send("phx_leave", {})
            self._retry(error, now)
            return
        del self._deadlines[self._join_is_late]
        self.phase, self._joined_at = Phase.JOINED, now
        self._wire.tell(Joined(self.name))
        self._awaited = {"postgres_changes"} if self._options.postgres_changes else set()
        if self._options.replication_ready:
            self._awaited.add("replication")
        self._deadlines[self._live_is_late] = now + self._wire.patience.live
        self._live_if_all_streams(now)
        self._track(now)

    def _streams(self, what: str, now: float) -> None:
        if self.is_live:  # it was subscribed anew, after a token refresh for one
            self.missed(f"{what} subscribed again", now if self._token_sent_at is None else self._token_sent_at, now)
        self._awaited.discard(what)
        self._live_if_all_streams(now)

    def _live_if_all_streams(self, now: float) -> None:
        if self._awaited or self.is_live:
            return
        self._deadlines.pop(self._live_is_late, None)
        self.is_live = True
        self._wire.tell(Live(self.name))
        if self._gap is not None:
            reason, since = self._gap
            self._gap = None
            self._wire.tell(Gap(self.name, reason, since, now))

    def _live_is_late(self, now: float) -> None:
        self._send("phx_leave", {})
        self._retry(LostError(f"{self.name!r} is joined, but {', '.join(sorted(self._awaited))} never streamed"), now)

    # -- losing ------------------------------------------------------------------------------------------

    def _stops_streaming(self, reason: str, since: float) -> None:
        if self.is_live:
            self.is_live = False
            self._gap = (reason, since)
            self._wire.tell(Lost(self.name, reason, since))

    def _down(self, reason: str, since: float, *, tells: bool = True) -> None:
        """This join is over, whatever comes next."""
        if tells:
            self._stops_streaming(reason, since)
        if self._joined_at is not None and since - self._joined_at >= self._wire.patience.stable:
            self._attempt = 0
        self.is_live, self._joined_at, self._token_sent_at = False, None, None
        self._deadlines.clear()
        pushes, self._pushes = self._pushes, {}
        for ref, push in pushes.items():
            if push.what == "broadcast":
                self._wire.tell(Rejected(self.name, ref, LostError(f"the channel went down: {reason}")))

    def _ended(self, event: str, now: float) -> None:
        if self.phase is Phase.LEAVING:
            self._left(now)
        elif self._last_words:
            self._retry(refusal(self._last_words), now)
        else:
            self._retry(LostError(f"the server ended channel {self.name!r} with {event}"), now)

    def _retry(self, error: RealtimeError, now: float) -> None:
        """By cause: at once with a fresh token, after a backoff, after a long while, or never."""
        self._down(str(error), now)
        self._join_ref = None
        cause = error.cause if isinstance(error, RefusedError) else Cause.TRANSIENT
        if cause is Cause.FATAL or (cause is Cause.TOKEN and not self._wire.asks_for_tokens):
            self._over(GivenUp(self.name, error), now)
            return
        self._wire.tell(Problem(self.name, error))
        delay = self._wire.patience.backoff.delay(self._attempt, self._wire.random)
        if cause is Cause.RATE:
            delay = self._wire.patience.cooldown * (1 + self._wire.random())
        elif cause is Cause.TOKEN and self._attempt == 0:
            delay = 0.0
        self._attempt += 1
        self._not_before = now + delay
        self.begin(now)

    def _left(self, now: float) -> None:
        self._over(Left(self.name), now)

    def _over(self, output: Left | GivenUp, now: float) -> None:
        self._down("it is over", now, tells=False)
        self.phase, self._join_ref = Phase.OVER, None
        self._wire.forget(self.name, now)
        self._wire.tell(output)

    # -- pushes and answers ------------------------------------------------------------------------------

    def _send(self, event: str, payload: Any) -> str:
        ref = self._wire.new_ref()
        self._wire.send(Frame(self.topic, event, payload, ref, self._join_ref))
        return ref

    def _answered(self, frame: Frame, now: float) -> None:
        if not isinstance(frame.payload, dict):
            raise ProtocolError("a reply that is no object")
        accepted, response = frame.payload.get("status") == "ok", frame.payload.get("response")
        if frame.ref == self._join_ref:
            if self.phase is not Phase.JOINING:
                return
            if accepted:
                self._joined(response, now)
            else:
                self._retry(refusal(reason_in(response)), now)
        elif frame.ref is not None and (push := self._pushes.pop(frame.ref, None)) is not None:
            self._settle(frame.ref, push, None if accepted else PushError(f"{push.what}: {reason_in(response)}"), now)

    def _settle(self, ref: str, push: Push, error: PushError | None, now: float) -> None:
        if push.what == "leave":
            self._left(now)
        elif push.what == "broadcast":
            self._wire.tell(Accepted(self.name, ref) if error is None else Rejected(self.name, ref, error))
        elif error is not None:
            self._wire.tell(Problem(self.name, error))

    def _track(self, now: float) -> None:
        """Send what is wanted, if the server does not know it; as often as it allows, the latest then."""
        if self.phase is not Phase.JOINED or self._wanted == self._tracked:
            self._deadlines.pop(self._track, None)
            return
        limits, calls = self._wire.limits, self._presence_calls
        while calls and calls[0] + limits.presence_window <= now:  # as the deadline below is reckoned, to the last bit
            calls.popleft()
        if len(calls) >= limits.presence_calls:
            self._deadlines[self._track] = calls[0] + limits.presence_window
            return
        calls.append(now)
        self._tracked = self._wanted
        word = "untrack" if self._wanted is None else "track"
        ref = self._send("presence", {"type": "presence", "event": word, "payload": self._wanted or {}})
        self._pushes[ref] = Push(word, now + self._wire.patience.answer)

    # -- what streams ------------------------------------------------------------------------------------

    def _system(self, payload: Any, now: float) -> None:
        said = payload if isinstance(payload, dict) else {}
        words = [said[key] for key in ("extension", "status", "message") if isinstance(said.get(key), str)]
        if len(words) != 3:  # noqa: PLR2004 - the three named above
            raise ProtocolError("a system frame without extension, status and message")
        extension, status, message = words
        if status == "ok":
            if extension == "postgres_changes":
                self._streams(extension, now)
            elif message.startswith("Replication connection established"):
                self._streams("replication", now)
        elif extension == "postgres_changes":
            self._wire.tell(Problem(self.name, refusal(message)))
            self._stops_streaming(message, now)
            self._awaited.add(extension)
            self._deadlines.setdefault(self._live_is_late, now + self._wire.patience.live)
        else:
            self._last_words = message

    def _postgres_change(self, payload: Any, _now: float) -> None:
        change = self._bindings.change(self.name, payload)
        if change is not None:
            self._wire.tell(change)

    def _broadcast(self, payload: Any, _now: float) -> None:
        if not isinstance(payload, dict) or not isinstance(payload.get("event"), str):
            raise ProtocolError("a broadcast without an event")
        meta = payload.get("meta") or {}
        if not isinstance(meta, dict):
            raise ProtocolError("a broadcast whose meta is no object")
        if not self._is_repeated(meta.get("id")):
            self._wire.tell(Broadcast(self.name, payload["event"], payload.get("payload"), meta))

    def _is_repeated(self, number: Any) -> bool:
        """Whether a message with this id was told already: a rejoin replays what is stored."""
        if not isinstance(number, str):
            return False
        repeated = number in self._seen
        self._seen[number] = None
        if len(self._seen) > REMEMBERED_MESSAGES:
            self._seen.popitem(last=False)
        return repeated

    def _presence_state(self, payload: Any, _now: float) -> None:
        if self._options.presence:
            self._tell_presence(self._presence.snapshot(payload))

    def _presence_difference(self, payload: Any, _now: float) -> None:
        if self._options.presence:  # or it would wait for a state that never comes
            self._tell_presence(self._presence.difference(payload))

    def _tell_presence(self, change: PresenceChange | None) -> None:
        if change is not None:
            self._wire.tell(Presences(self.name, change))


def reason_in(response: Any) -> str:
    """What the server says for itself, in whatever shape."""
    reason = response.get("reason") if isinstance(response, dict) else response
    return reason if isinstance(reason, str) else f"refused: {response!r:.200}"
