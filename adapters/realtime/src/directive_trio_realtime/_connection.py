"""The client's side of the protocol, without I/O: one connection and the channels on it.

Call a method for everything that happens (a socket opened, a frame came, time passed, the user wants something), take
the outputs after each call, do what they say in their order, and call `tick` when `next_deadline` has come. ``now`` is
any clock in seconds that does not go back; the machine reads none, throws its dice with the `random` it was given, and
is as deterministic as they are.

```text
IDLE ──join──> DIALLING ──opened──> OPEN ──lost, no heartbeat──> WAITING ──backoff──> DIALLING …
```

A connection is made when the first channel is wanted, closed a while after the last one has gone, and made again as
long as there are channels, however often it fails. Only what will never help ends it: a key the server does not
know, for one.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum, auto
from operator import itemgetter
from random import random as any_random
from typing import Any, final
from urllib.parse import urlencode, urlsplit

from directive_trio_realtime._causes import handshake_refusal
from directive_trio_realtime._channel import Channel, Phase
from directive_trio_realtime._frames import LONGEST_FIELD, ClientCodec, Frame, Version, to_json
from directive_trio_realtime._options import ChannelOptions, Limits, Patience
from directive_trio_realtime._outputs import Dial, FetchToken, GivenUp, HangUp, Output, Problem, Send
from directive_trio_realtime._token import expiry_of
from directive_trio_realtime.errors import Cause, LimitError, LostError, NotJoinedError, ProtocolError, RealtimeError

NORMAL, GOING_AWAY = 1000, 1001
HEARTBEAT_TOPIC = "phoenix"


class Stage(Enum):
    """Where a connection is; the picture stands above."""

    IDLE = auto()
    DIALLING = auto()
    OPEN = auto()
    WAITING = auto()
    CLOSED = auto()


def address(url: str, apikey: str | None, version: Version) -> str:
    """The address to dial: the socket's, with what it must be told.

    Raises:
        ValueError: It is no address of a socket.
    """
    if urlsplit(url).scheme not in {"ws", "wss"} or not urlsplit(url).hostname:
        raise ValueError(f"the address of a socket begins with ws:// or wss:// and names a host, not {url!r}")
    query = urlencode(({} if apikey is None else {"apikey": apikey}) | {"vsn": version})
    return f"{url}{'&' if '?' in url else '?'}{query}"


def check_name(name: str) -> None:
    """See that it can be a channel's.

    Raises:
        ValueError: It cannot.
    """
    if not name or len(f"realtime:{name}".encode()) > LONGEST_FIELD:
        raise ValueError(f"the name of a channel has 1 to {LONGEST_FIELD - 9} bytes: {name!r:.100}")


@final
class Machine:
    """The state of a connection."""

    def __init__(
        self,
        *,
        version: Version = "2.0.0",
        patience: Patience | None = None,
        limits: Limits | None = None,
        asks_for_tokens: bool = False,
        random: Callable[[], float] = any_random,
        wall_clock: Callable[[], float] = time.time,
        parse_float: Callable[[str], Any] = float,
    ) -> None:
        self.patience = patience or Patience()
        self.limits = limits or Limits()
        self.random = random
        self.asks_for_tokens = asks_for_tokens
        self.token: str | None = None
        self.stage = Stage.IDLE
        self._codec = ClientCodec(version, parse_float)
        self._wall_clock = wall_clock
        self._channels: dict[str, Channel] = {}
        self._outputs: list[Output] = []
        self._refs = 0
        self._attempt = 0
        self._opened_at = self._heard_at = 0.0
        self._beat: str | None = None  # the ref of the heartbeat that is not answered yet
        self._is_fetching = False
        self._token_attempt = 0
        self._sent_at: deque[float] = deque()
        self._deadlines: dict[Callable[[float], None], float] = {}

    # -- outputs -----------------------------------------------------------------------------------------

    def take(self) -> list[Output]:
        """What is to be done and told since the last call, in its order."""
        outputs, self._outputs = self._outputs, []
        return outputs

    @property
    def next_deadline(self) -> float:
        """When `tick` is due; infinity for never."""
        channels = (channel.next_deadline for channel in self._channels.values())
        return min([*self._deadlines.values(), *(due for due in channels if due is not None)], default=math.inf)

    # -- the user ----------------------------------------------------------------------------------------

    def join(self, name: str, options: ChannelOptions, now: float) -> None:
        """Be in a channel from now on, through everything that may happen.

        Raises:
            ValueError: The name is none, or the channel is there already.
            LimitError: The connection has as many channels as the server takes, or the options are no text.
        """
        check_name(name)
        to_json(options.join_payload(options.presence_key, None))  # refused here, not when it is sent
        self._make_room(name, now)
        channel = self._channels[name] = Channel(name, options, self)
        self._deadlines.pop(self._idle, None)
        if self.stage is Stage.IDLE:
            self._dial(now)
        elif self.stage is Stage.OPEN:
            channel.begin(now)

    def _make_room(self, name: str, now: float) -> None:
        channel = self._channels.get(name)
        if self.stage is Stage.CLOSED:
            raise NotJoinedError("the connection is closed for good")
        if channel is not None and channel.phase is not Phase.LEAVING:
            raise ValueError(f"channel {name!r} is there already: one for each name")
        if channel is not None:  # what the server still says about it is known by its ref
            channel.offline("left", now)
        if len(self._channels) >= self.limits.channels:
            raise LimitError(f"a connection has at most {self.limits.channels} channels")

    def leave(self, name: str, now: float) -> None:
        """Be in it no more; `Left` follows, at the latest after the patience for it. Nobody there: nothing happens."""
        channel = self._channels.get(name)
        if channel is not None and channel.phase is not Phase.LEAVING:
            channel.leave(now)

    def broadcast(self, name: str, event: str, payload: Any, now: float) -> str:
        """Send a message to the others in a channel; its ref.

        Raises:
            NotJoinedError: Just now there is no way to send it.
            LimitError: It is too large, cannot be written, or there are too many. Nothing was sent.
        """
        while self._sent_at and self._sent_at[0] <= now - 1:
            self._sent_at.popleft()
        if len(self._sent_at) >= self.limits.messages_per_second:
            raise LimitError(f"at most {self.limits.messages_per_second} messages a second")
        ref = self._channel(name).broadcast(event, payload, now)
        self._sent_at.append(now)
        return ref

    def track(self, name: str, payload: Mapping[str, Any] | None, now: float) -> None:
        """Be there with this payload, after each rejoin again; None: be there no more.

        It is told to the server as soon, and as often, as it allows; only the latest counts.

        Raises:
            NotJoinedError: There is no such channel.
            ValueError: The channel was made without presence.
            LimitError: It cannot be written as JSON.
        """
        self._channel(name).track(payload, now)

    def close(self, now: float, code: int = NORMAL, reason: str = "") -> None:
        """End it for good, whatever is going on."""
        self._hang_up(code, reason)
        for channel in list(self._channels.values()):
            channel.offline(reason or "closed", now)
        self._channels.clear()
        self._deadlines.clear()
        self.stage = Stage.CLOSED

    # -- the socket --------------------------------------------------------------------------------------

    def opened(self, now: float) -> None:
        """The handshake is done."""
        if self.stage is not Stage.DIALLING:
            return
        self.stage, self._opened_at, self._heard_at, self._beat = Stage.OPEN, now, now, None
        self._deadlines.pop(self._connect_is_late, None)
        self._deadlines[self._send_beat] = now + self.patience.heartbeat
        for channel in list(self._channels.values()):
            channel.begin(now)

    def refused(self, status: int, body: str, now: float) -> None:
        """The handshake was answered, with a no."""
        error = handshake_refusal(status, body)
        if self.stage is not Stage.DIALLING:
            return
        if error.cause is Cause.FATAL:
            self._deadlines.clear()
            self.stage = Stage.IDLE
            channels, self._channels = self._channels, {}
            self._outputs += [GivenUp(name, error) for name in channels]
        else:
            self._wait(error, now, self.patience.cooldown if error.cause is Cause.RATE else 0.0)

    def failed(self, reason: str, now: float) -> None:
        """There was no connection to be had."""
        if self.stage is Stage.DIALLING:
            self._wait(LostError(f"no connection: {reason}"), now)

    def lost(self, reason: str, now: float) -> None:
        """The connection is gone, whoever ended it: no close code is a reason not to come back."""
        if self.stage is Stage.OPEN:
            if now - self._opened_at >= self.patience.stable:
                self._attempt = 0
            self._wait(LostError(f"connection lost: {reason}"), now)

    def receive(self, received: str | bytes, now: float) -> None:
        """A message came. One that cannot be read is a problem, and a gap of every channel it may have been for."""
        if self.stage is not Stage.OPEN:
            return
        self._heard_at = now
        try:
            frame = self._codec.decode(received)
        except ProtocolError as error:
            self.tell(Problem(None, error))
            for channel in self._channels.values():
                channel.missed(str(error), now, now)
            return
        if frame.topic == HEARTBEAT_TOPIC:
            self._answered(frame)
            return
        channel_or_none = self._channels.get(frame.topic.removeprefix("realtime:"))
        if channel_or_none is None or channel_or_none.topic != frame.topic:
            return  # the last words of a channel that was left
        try:
            channel_or_none.receive(frame, now)
        except ProtocolError as error:
            self.tell(Problem(channel_or_none.name, error))
            channel_or_none.missed(str(error), now, now)

    def tick(self, now: float) -> None:
        """Do what is due. However late it is, each thing is done once."""
        for what, deadline in sorted(self._deadlines.items(), key=itemgetter(1)):
            # An earlier one may have settled it, or put it off.
            if deadline <= now and self._deadlines.get(what) == deadline:
                del self._deadlines[what]
                what(now)
        for channel in list(self._channels.values()):
            channel.tick(now)

    # -- the token ---------------------------------------------------------------------------------------

    def token_fetched(self, token: str, now: float) -> None:
        """The answer to `FetchToken`."""
        if not isinstance(token, str):
            self.token_failed(f"it is no text, but {type(token).__name__}", now)
            return
        if not token.isascii():
            self.token_failed("it is no ASCII", now)
            return
        is_new, self.token, self._is_fetching, self._token_attempt = token != self.token, token, False, 0
        self._deadlines.pop(self._token_is_late, None)
        expiry = expiry_of(token)
        self._deadlines.pop(self.ask_token, None)
        if expiry is not None:
            left = max(0.0, expiry - self._wall_clock())
            # One that lives hardly longer than the margin is refreshed in the middle of its life, not all the time.
            self._deadlines[self.ask_token] = now + max(1.0, left / 2, left - self.patience.token_margin)
        for channel in list(self._channels.values()):
            channel.token_fetched(now, is_new=is_new)

    def token_failed(self, reason: str, now: float) -> None:
        """There was no token to be had; the old one, if there is one, stays."""
        error = LostError(f"no access token: {reason}")
        self._is_fetching = False
        self._deadlines.pop(self._token_is_late, None)
        self.tell(Problem(None, error))
        if any(channel.phase is Phase.JOINED for channel in self._channels.values()):
            self._deadlines[self.ask_token] = now + self.patience.backoff.delay(self._token_attempt, self.random)
            self._token_attempt += 1
        for channel in list(self._channels.values()):
            channel.token_failed(error, now)

    def ask_token(self, now: float) -> None:
        """A channel needs a token, or the one there is will end soon. One question at a time."""
        if self._is_fetching or not self._channels:
            return
        self._is_fetching = True
        self._deadlines[self._token_is_late] = now + self.patience.token
        self.tell(FetchToken())

    def _token_is_late(self, now: float) -> None:
        self.token_failed("nobody answered in time", now)

    # -- what the channels need --------------------------------------------------------------------------

    def tell(self, output: Output) -> None:
        """Put an output after the others."""
        self._outputs.append(output)

    def new_ref(self) -> str:
        """A number that no other push of this connection has, and none of an earlier one."""
        self._refs += 1
        return str(self._refs)

    def send(self, frame: Frame) -> None:
        """Send a frame, or refuse it before anything is sent."""
        content = self._codec.encode(frame)
        size = len(content.encode() if isinstance(content, str) else content)
        if frame.event == "broadcast" and size > self.limits.payload:
            raise LimitError(f"a broadcast has at most {self.limits.payload} bytes, not {size}")
        self.tell(Send(content))

    def forget(self, name: str, now: float) -> None:
        """A channel is over."""
        del self._channels[name]
        if not self._channels and self.stage is not Stage.CLOSED:
            self._deadlines[self._idle] = now + self.patience.idle

    # -- inside ------------------------------------------------------------------------------------------

    def _channel(self, name: str) -> Channel:
        try:
            return self._channels[name]
        except KeyError:
            raise NotJoinedError(f"there is no channel {name!r}") from None

    def _dial(self, now: float) -> None:
        self.stage = Stage.DIALLING
        self._deadlines[self._connect_is_late] = now + self.patience.connect
        self.tell(Dial())

    def _connect_is_late(self, now: float) -> None:
        self._hang_up(GOING_AWAY, "the handshake took too long", abort=True)
        self._wait(LostError("no connection in time"), now)

    def _send_beat(self, now: float) -> None:
        """On the clock, not on silence: a busy connection must beat too."""
        self._deadlines[self._send_beat] = now + self.patience.heartbeat
        if self._beat is None:
            self._beat = self.new_ref()
            self._deadlines[self._beat_is_late] = now + self.patience.heartbeat_answer
            self.send(Frame(HEARTBEAT_TOPIC, "heartbeat", {}, self._beat))

    def _answered(self, frame: Frame) -> None:
        if frame.ref is not None and frame.ref == self._beat:
            self._beat = None
            del self._deadlines[self._beat_is_late]

    def _beat_is_late(self, now: float) -> None:
        self._hang_up(GOING_AWAY, "no answer to the heartbeat", abort=True)
        self.lost("no answer to the heartbeat", now)

    def _hang_up(self, code: int, reason: str, *, abort: bool = False) -> None:
        if self.stage in {Stage.DIALLING, Stage.OPEN}:
            self.tell(HangUp(code, reason, abort))

    def _wait(self, error: RealtimeError, now: float, least: float = 0.0) -> None:
        """The socket is gone; the next one comes after a while. What was missed began with the last sign of life."""
        heard_at = self._heard_at if self.stage is Stage.OPEN else now
        self.stage = Stage.WAITING
        self._is_fetching = False
        self._deadlines.clear()
        self.tell(Problem(None, error))
        for channel in list(self._channels.values()):
            channel.offline(str(error), heard_at)
        delay = least * (1 + self.random()) + self.patience.backoff.delay(self._attempt, self.random)
        self._attempt += 1
        self._deadlines[self._dial_if_wanted] = now + delay

    def _dial_if_wanted(self, now: float) -> None:
        if self._channels:
            self._dial(now)
        else:
            self.stage = Stage.IDLE

    def _idle(self, _now: float) -> None:
        self._hang_up(NORMAL, "no channels")
        self._is_fetching = False  # for nobody any more
        self._deadlines.clear()
        self.stage = Stage.IDLE
