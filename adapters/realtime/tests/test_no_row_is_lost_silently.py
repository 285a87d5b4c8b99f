"""The machine against the test server's rooms, both without I/O, through any faults in any order.

Whatever happens, a row is told once, in order, or lies in a gap that was told; and when the faults are over the channel
is live and joined once.
"""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from directive_trio_realtime import ChannelOptions, Machine, PostgresChanges, ServerCodec
from directive_trio_realtime._frames import Version
from directive_trio_realtime._outputs import Dial, FetchToken, Gap, HangUp, Live, Output, PostgresChange, Send
from directive_trio_realtime.testing._rooms import Client, Rooms

TRANSIENT = (
    "RealtimeRestarting: soon",
    "Token has expired 3 seconds ago",
    "ChannelRateLimitReached: Too many channels",
)
OPTIONS = ChannelOptions(presence=True, presence_key="me", postgres_changes=[PostgresChanges(table="todos")])


class World:
    """A machine, a server's rooms, and a network that can fail between them."""

    def __init__(self, version: Version) -> None:
        self.now = 0.0
        self.machine = Machine(version=version, asks_for_tokens=True, random=lambda: 0.5, wall_clock=lambda: 0.0)
        self.rooms = Rooms(wall_clock=lambda: 0.0)
        self.codec = ServerCodec(version)
        self.client: Client | None = None
        self.inbox: list[str | bytes] = []
        self.is_up, self.is_frozen = True, False
        self.sent: list[tuple[float, int]] = []
        self.told: list[tuple[float, Output]] = []
        self.machine.join("room", OPTIONS, 0.0)
        self.machine.track("room", {"n": 1}, 0.0)

    # -- the network ---------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Do what the machine wants and bring what the server says, until both are silent."""
        while (outputs := self.machine.take()) or self.inbox:
            for output in outputs:
                self.do(output)
            inbox, self.inbox = self.inbox, []
            for message in inbox:
                self.machine.receive(message, self.now)

    def do(self, output: Output) -> None:
        match output:
            case Dial() if self.is_frozen:
                pass
            case Dial() if self.is_up:
                self.client = Client(1, self.codec, self.post)
                self.machine.opened(self.now)
            case Dial():
                self.machine.failed("no route to host", self.now)
            case HangUp():
                self.forget()
            case Send() if self.client is not None and not self.is_frozen:
                self.rooms.receive(self.client, output.content)
            case FetchToken():
                self.machine.token_fetched(f"t{self.now}", self.now)
            case _:
                self.told.append((self.now, output))

    def post(self, content: str | bytes) -> None:
        if not self.is_frozen:
            self.inbox.append(content)

    def forget(self) -> None:
        """The server notices that nobody is there."""
        if self.client is not None:
            self.rooms.gone(self.client)
            self.client = None
            self.inbox.clear()

    # -- what may happen -----------------------------------------------------------------------------------

    def kill(self) -> None:
        self.forget()
        self.is_frozen = False
        self.machine.lost("killed", self.now)

    def freeze(self) -> None:
        self.is_frozen = True

    def down(self) -> None:
        self.is_up = False
        self.kill()

    def up(self) -> None:
        self.is_up = True

    def row(self) -> None:
        self.sent.append((self.now, len(self.sent)))
        self.rooms.change("todos", record={"id": len(self.sent) - 1})

    def crash(self) -> None:
        self.rooms.crash("room")

    def close(self) -> None:
        self.rooms.close("room")

    def expire(self) -> None:
        self.rooms.expire("room")

    def break_stream(self) -> None:
        self.rooms.system("room", "error", "the database is away", extension="postgres_changes")
        self.rooms.stream("room")

    def garbage(self) -> None:
        if self.client is not None:
            self.post("{")

    def wait(self, seconds: float) -> None:
        """Time passes, and each deadline is kept."""
        end = self.now + seconds
        for _ in range(10_000):
            self.settle()
            if self.machine.next_deadline > end:
                break
            self.now = max(self.now, self.machine.next_deadline)
            self.machine.tick(self.now)
        else:
            raise AssertionError("the machine runs in circles")
        self.now = end


FAULTS = st.sampled_from([
    *("kill", "freeze", "down", "up", "crash", "close", "expire", "break_stream", "garbage"),
    *("row", "row", "row", "row", "row", "row"),
])  # fmt: skip
STEPS = st.one_of(
    st.tuples(FAULTS),
    st.tuples(FAULTS),
    st.tuples(st.just("refuse"), st.sampled_from(TRANSIENT)),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 1.0, 12.0, 40.0, 200.0])),
)


@settings(max_examples=150)
@given(st.lists(STEPS, max_size=30), st.sampled_from(["1.0.0", "2.0.0"]))
def test_each_row_is_told_once_or_lies_in_a_gap(steps: list[tuple[object, ...]], version: Version) -> None:
    """And in the end we are live, in the room once, and present."""
    world = World(version)
    for step in steps:
        match step:
            case ("refuse", str(reason)):
                world.rooms.refuse_joins(reason)
            case ("wait", float(seconds)):
                world.wait(seconds)
            case (str(word),):
                getattr(world, word)()
                world.settle()
    world.up()
    if world.is_frozen:
        world.kill()
    world.wait(2000)
    world.row()
    world.settle()

    told = [output.record["id"] for _, output in world.told if isinstance(output, PostgresChange)]
    assert told == sorted(set(told))
    assert told[-1] == world.sent[-1][1]
    assert world.rooms.members("room") == 1
    last_words = [exchange.frame for exchange in world.rooms.exchanges if exchange.frame.event == "presence"]
    assert last_words[-1].payload["payload"] == {"n": 1}

    began = next(moment for moment, output in world.told if isinstance(output, Live))
    gaps = [output for _, output in world.told if isinstance(output, Gap)]
    for moment, number in world.sent:
        if number not in told and moment > began:
            assert any(gap.since <= moment <= gap.until for gap in gaps), (moment, number, gaps)
    for earlier, later in itertools.pairwise(gaps):
        assert earlier.until <= later.until
