"""What happens at one moment, and what is refused at once so that nothing happens later."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import trio
from attrs import define
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked
from trio_websocket import CloseReason, ConnectionClosed

from adapters.realtime.tests.conversation import Conversation, token_until
from adapters.realtime.tests.world import (
    EVENTS,
    WATCHING,
    connection,
    open_network,
    open_system_with,
    open_world,
    room_module,
)
from directive_trio.errors import DefinitionError
from directive_trio_realtime import ChannelOptions, Limits, Realtime, realtime_channel
from directive_trio_realtime._outputs import Dial, FetchToken
from directive_trio_realtime._socket import Socket
from directive_trio_realtime._token import expiry_of

PRESENT = ChannelOptions(presence=True)


class Somewhere:
    """A place whose connection ends when it is told to."""

    send_patience = 10.0

    def __init__(self) -> None:
        self.ends = trio.Event()

    async def connect(self) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        return memory_stream_pair()[0]

    async def greet(self, _nursery: trio.Nursery, _stream: trio.abc.Stream) -> "Somewhere":
        await trio.lowlevel.checkpoint()
        return self

    async def get_message(self) -> str:
        await self.ends.wait()
        raise ConnectionClosed(CloseReason(1011, None))


def nothing(*_told: object, **_more: object) -> None:
    """Nobody listens."""


async def test_a_connection_that_ends_just_when_it_is_aborted_is_just_over(autojump_clock: MockClock) -> None:
    """One task of it is cancelled, another fails: what is left of both together must end nobody else."""
    place: Any = Somewhere()
    socket = Socket(place, on_open=nothing, on_message=nothing, on_end=nothing)
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(socket.run)
            await wait_all_tasks_blocked()
            place.ends.set()
            socket.abort()
    assert socket.ended.is_set()


def test_a_token_that_never_comes_does_not_bar_a_later_connection() -> None:
    """It was asked for by a channel that has left; the connection was closed for want of channels meanwhile."""
    talk = Conversation(token="")
    talk.join()
    talk.open()
    assert len(talk.all_told(FetchToken)) == 1
    talk.machine.leave("room", talk.now)
    talk.wait(6)
    assert len(talk.hung_up()) == 1
    talk.join()
    assert len(talk.all_told(Dial)) == 2
    talk.machine.opened(talk.now)
    assert len(talk.all_told(FetchToken)) == 2


@pytest.mark.parametrize("begin", [0.15, 0.45, 100.2, 1e6 + 0.3])
def test_a_presence_call_is_allowed_at_the_very_moment_that_was_promised(begin: float) -> None:
    """Whatever the floats say: or that moment would come for ever on a clock that stands still meanwhile."""
    talk = Conversation()
    talk.now = begin
    talk.in_room(PRESENT)
    for number in range(6):
        talk.machine.track("room", {"n": number}, talk.now)
    talk.look()
    assert len(talk.all_sent("presence")) == 5
    talk.now = begin + 30.0
    talk.machine.tick(talk.now)
    assert talk.last("presence").payload["payload"] == {"n": 5}


class SlowThenStuck(trio.abc.SendStream):
    """Once it is slow, what is being sent still takes half a second, and all after it for ever."""

    def __init__(self, stream: trio.abc.SendStream) -> None:
        self.stream = stream
        self.is_slow = False
        self.count = 0

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self.count += self.is_slow
        if self.count:
            await trio.sleep(0.5 if self.count == 1 else 1000)
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self.stream.aclose()


async def test_a_goodbye_is_short_however_much_is_still_to_be_sent(autojump_clock: MockClock) -> None:
    """Not only the message that is being sent then: those after it have no more time than the goodbye itself."""
    async with open_network() as network:
        network.wrap = SlowThenStuck
        async with open_world(network, ChannelOptions(presence=True)) as world:
            await world.live()
            network.streams[0].send_stream.is_slow = True
            for number in range(3):
                await world.channel.broadcast("said", {"n": number})
            await wait_all_tasks_blocked()
            begin = trio.current_time()
            await world.system.stop_async()
            assert trio.current_time() - begin <= 1.6


# -- what a user may get wrong -----------------------------------------------------------------------------


@define
class Silent:
    """A class that takes nothing of what is told."""


@pytest.mark.parametrize("maker", [dict, int])
def test_a_class_that_cannot_take_what_is_told_is_refused_at_once(maker: Any) -> None:
    """Not when it is told: that would look like a connection that is lost again and again."""
    realtime = Realtime("ws://server")
    with pytest.raises(DefinitionError, match="cannot take a Gap"):
        realtime.channel("room", on_gap=maker)
    realtime.channel("room", on_gap=Silent)


@pytest.mark.parametrize(
    "make", [partial(realtime_channel, "ws://server"), Realtime("ws://server").channel], ids=["own", "shared"]
)
def test_a_name_that_is_none_is_refused_at_once(make: Callable[[str], object]) -> None:
    """Not when it is joined, which would end the connection that it shares with others."""
    for name in ("", "x" * 250):
        with pytest.raises(ValueError, match="the name of a channel"):
            make(name)


async def test_a_channel_too_many_is_given_up_and_the_others_live(autojump_clock: MockClock) -> None:
    """The connection they share goes on."""
    async with open_network() as network:
        room, realtime = room_module(), connection(network, limits=Limits(channels=1))
        first, second = realtime.channel("room", WATCHING, **EVENTS), realtime.channel("hall")
        async with open_system_with(network, room, first, [realtime, first, second]) as world:
            await world.live()
            assert world.errors == ["a connection has at most 1 channels"]
            assert network.server.members("hall") == 0


async def test_a_presence_is_what_it_was_when_it_was_told(autojump_clock: MockClock) -> None:
    """Whoever changes the payload afterwards changes nothing, and what is no JSON then bars no rejoin."""
    payload: dict[str, Any] = {"tags": ["a"]}
    async with open_network() as network, open_world(network) as world:
        await world.live()
        world.channel.track(payload)
        await world.system.wait_until(lambda view: "me" in view[world.room].present, timeout=10)
        payload["tags"].append(object())
        world.server.kill()
        await world.gaps(1)
        await trio.sleep(1)
        assert network.server.connections == 2
        tracked = [seen.frame.payload for seen in world.server.exchanges if seen.frame.event == "presence"]
        assert [each["payload"] for each in tracked] == [{"tags": ["a"]}] * 2


@pytest.mark.parametrize("token", [None, 5, b"t"])
async def test_a_token_that_is_no_text_is_a_token_that_failed(autojump_clock: MockClock, token: Any) -> None:
    """It is told, and asked for again."""
    answers = [token]

    async def fetch() -> Any:
        await trio.lowlevel.checkpoint()
        return answers.pop() if answers else "t"

    async with open_network() as network, open_world(network, token=fetch) as world:
        await world.live()
        assert [error.startswith("no access token: ") for error in world.errors] == [True] * len(world.errors) != []


def test_a_token_may_claim_to_end_after_all_time() -> None:
    """A number too large for any clock says nothing."""
    assert expiry_of(token_until(10**400)) is None
