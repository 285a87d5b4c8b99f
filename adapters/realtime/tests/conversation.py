"""A machine and, on the other side of the table, the test as its server and its clock."""

import base64
import json
from typing import Any

from directive_trio_realtime import ChannelOptions, Frame, Limits, Machine, Patience, ServerCodec
from directive_trio_realtime._frames import Version
from directive_trio_realtime._outputs import Dial, FetchToken, HangUp, Output, Send

MIDDLE = 0.5  # what chance always says: every backoff of 1 second with jitter 0.5 is 0.75


class Conversation:
    """Says to the machine what happens, and keeps what it answers."""

    def __init__(
        self,
        *,
        version: Version = "2.0.0",
        token: str | None = None,
        patience: Patience | None = None,
        limits: Limits | None = None,
        wall: float = 1_000_000.0,
    ) -> None:
        self.now = 100.0
        self.wall = wall
        self.token = token
        self.codec = ServerCodec(version)
        self.sent: list[Frame] = []
        self.told: list[Output] = []
        self.machine = Machine(
            version=version,
            patience=patience,
            limits=limits,
            asks_for_tokens=token is not None,
            random=lambda: MIDDLE,
            wall_clock=lambda: self.wall + self.now,
        )

    # -- what the machine answers ------------------------------------------------------------------------

    def look(self) -> list[Output]:
        """Take the outputs; what is sent is read as a server would read it, a wanted token is given."""
        told: list[Output] = []
        while outputs := self.machine.take():
            for output in outputs:
                if isinstance(output, Send):
                    self.sent.append(self.codec.decode(output.content))
                else:
                    told.append(output)
                if isinstance(output, FetchToken) and self.token:
                    self.machine.token_fetched(self.token, self.now)
        self.told += told
        return told

    def all_told(self, kind: type[Any]) -> list[Any]:
        """Everything of one kind that was told so far."""
        self.look()
        return [output for output in self.told if isinstance(output, kind)]

    def all_sent(self, event: str) -> list[Frame]:
        """Every frame with this event that was sent so far."""
        self.look()
        return [frame for frame in self.sent if frame.event == event]

    def last(self, event: str) -> Frame:
        """The last frame with this event."""
        return self.all_sent(event)[-1]

    @property
    def refs(self) -> str:
        """The ref of the last join."""
        ref = self.last("phx_join").ref
        assert ref is not None
        return ref

    # -- what happens ------------------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Time passes, and what is due by then is done at its moment."""
        end = self.now + seconds
        while True:
            self.look()
            if self.machine.next_deadline > end:
                break
            self.now = max(self.now, self.machine.next_deadline)
            self.machine.tick(self.now)
        self.now = end

    def pause(self, seconds: float) -> None:
        """The whole process stands still; then everything overdue is due at once."""
        self.now += seconds
        self.machine.tick(self.now)

    def hear(self, topic: str, event: str, payload: Any, ref: str | None = None, join_ref: str | None = None) -> None:
        """The server sends a frame."""
        self.machine.receive(self.codec.encode(Frame(topic, event, payload, ref, join_ref)), self.now)
        self.look()

    def reply(self, frame: Frame, response: Any = None, status: str = "ok") -> None:
        """The server answers a push."""
        payload = {"status": status, "response": {} if response is None else response}
        self.hear(frame.topic, "phx_reply", payload, frame.ref, frame.join_ref)

    def open(self) -> None:
        """The socket opens."""
        assert self.all_told(Dial)
        self.machine.opened(self.now)
        self.look()

    def accept_join(self, *, streams: bool = True) -> None:
        """The server takes us in, and postgres changes stream if there are any."""
        frame = self.last("phx_join")
        wishes = frame.payload["config"]["postgres_changes"]
        entries = [{**wish, "id": number} for number, wish in enumerate(wishes, start=1)]
        self.reply(frame, {"postgres_changes": entries})
        if wishes and streams:
            self.stream()

    def stream(self) -> None:
        """The server says that postgres changes stream."""
        self.system("postgres_changes", "ok", "Subscribed to PostgreSQL")

    def system(self, extension: str, status: str, message: str) -> None:
        """A system frame for the current join."""
        frame = self.last("phx_join")
        words = {"extension": extension, "status": status, "message": message, "channel": "room"}
        self.hear(frame.topic, "system", words, None, frame.join_ref)

    def close_channel(self, event: str = "phx_close") -> None:
        """The server ends the current join."""
        frame = self.last("phx_join")
        self.hear(frame.topic, event, {}, frame.ref, frame.ref)

    def refuse_join(self, reason: str) -> None:
        """The server says no to the last join."""
        self.reply(self.last("phx_join"), {"reason": reason}, "error")

    def join(self, options: ChannelOptions | None = None, name: str = "room") -> None:
        """The user wants to be in a channel."""
        self.machine.join(name, options or ChannelOptions(), self.now)
        self.look()

    def in_room(self, options: ChannelOptions | None = None) -> "Conversation":
        """Everything until the channel is live."""
        self.join(options)
        self.open()
        self.accept_join()
        return self

    def reopen(self) -> None:
        """After a loss: the backoff passes and the next socket opens."""
        dials = len(self.all_told(Dial))
        while len(self.all_told(Dial)) == dials:
            self.wait(1)
        self.open()

    def hung_up(self) -> list[HangUp]:
        """Every goodbye."""
        return self.all_told(HangUp)


def token_until(expiry: float, name: str = "") -> str:
    """An access token that ends at this moment of the wall clock."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": expiry, "role": "a", "name": name}).encode()).rstrip(b"=")
    return f"e30.{claims.decode()}.x"
