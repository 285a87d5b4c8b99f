"""Realtime channels as sources of a system: a network in memory, a mocked clock."""

from functools import partial
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from adapters.realtime.tests.conversation import token_until
from adapters.realtime.tests.world import (
    EVENTS,
    WATCHING,
    RoomFacts,
    RoomLive,
    connection,
    open_network,
    open_system_with,
    open_world,
    room_module,
)
from directive_trio import CancelReason, Retry, open_system
from directive_trio_realtime import ChannelOptions, Limits, Patience, realtime_channel
from directive_trio_realtime.errors import LimitError, LostError, NotJoinedError, PushError
from directive_trio_realtime.testing import Exchange, RealtimeServer

ACKNOWLEDGED = ChannelOptions(broadcast_ack=True)


async def test_what_the_server_tells_becomes_events(autojump_clock: MockClock) -> None:
    """Messages, bytes, rows, presence, and that all of it streams."""
    async with open_network() as network, open_world(network) as world:
        await world.live()
        assert world.channel.is_live
        world.server.broadcast("room", "said", {"text": "hello"})
        world.server.broadcast("room", "bytes", b"\x01")
        world.server.broadcast("room", "unheard", {})
        world.server.change("todos", record={"id": 1})
        world.server.change("todos", "UPDATE", record={"id": 1}, old_record={"id": 1})
        world.channel.track({"n": 1})
        await trio.sleep(1)
        assert (world.facts.said, world.facts.rows) == (["hello", "01"], [1])
        assert world.facts.present == {"me"}
        world.channel.untrack()
        await trio.sleep(1)
        assert world.facts.present == set()
        states = world.system.inspect().sources
        assert [(state.attached, state.drop_count) for state in states] == [(True, 0), (True, 0)]
        assert world.errors == []


async def test_a_message_that_does_not_fit_is_dropped_and_an_error_of_ours_is_told(autojump_clock: MockClock) -> None:
    """The channel goes on in both cases."""

    def fail(_message: object) -> None:
        raise KeyError("a mistake")

    async with open_network() as network:
        room, realtime = room_module(), connection(network)
        events = EVENTS | {"on_broadcast": {"said": EVENTS["on_broadcast"]["said"], "*": fail}}
        channel = realtime.channel("room", **events)
        async with open_system_with(network, room, channel, [realtime, channel]) as world:
            await world.live()
            world.server.broadcast("room", "said", {"txt": "hello"})
            world.server.broadcast("room", "other", {})
            world.server.broadcast("room", "said", {"text": "hello"})
            await trio.sleep(1)
            assert world.facts.said == ["hello"]
            assert world.errors == ["'a mistake'"]
            assert world.system.inspect().sources[1].last_drop_reason == "bad_payload"


@pytest.mark.parametrize("end", ["kill", "disconnect", "drain"])
async def test_a_lost_connection_comes_back_and_leaves_a_gap(autojump_clock: MockClock, end: str) -> None:
    """Told while it is away, and when it is back; our presence too."""
    async with open_network() as network, open_world(network) as world:
        await world.live()
        world.channel.track({"n": 1})
        await trio.sleep(1)
        getattr(world.server, end)()
        await world.system.wait_until(lambda view: not view[world.room].live, timeout=10)
        assert not world.channel.is_live
        await world.gaps(1)
        await trio.sleep(1)
        assert world.facts.live
        assert world.facts.present == {"me"}
        assert len(world.errors) == 1
        assert world.server.open_connections == 1


async def test_a_network_that_is_down_is_tried_until_it_is_up(autojump_clock: MockClock) -> None:
    """With longer and longer waits; each failure is told."""
    async with open_network() as network:
        network.is_up = False
        async with open_world(network) as world:
            await trio.sleep(60)
            tries = len(network.dialled)
            assert 4 < tries < 10
            assert world.errors == ["no connection: no route to host"] * tries
            network.is_up = True
            await world.live()


async def test_a_half_open_connection_is_noticed_by_its_heartbeat(autojump_clock: MockClock) -> None:
    """35 seconds at most; nobody waits for a goodbye."""
    async with open_network() as network, open_world(network) as world:
        await world.live()
        world.server.freeze()
        await trio.sleep(36)
        assert not world.facts.live
        await trio.sleep(30)
        world.server.thaw()
        await world.gaps(1)
        assert "no answer to the heartbeat" in world.facts.gaps[0]


async def test_a_handshake_that_is_refused_for_good_ends_the_channel(autojump_clock: MockClock) -> None:
    """The channel's source has failed; its retry policy decides."""
    async with open_network(RealtimeServer(apikey="other")) as network, open_world(network) as world:
        await trio.sleep(1)
        assert world.errors == [
            'the server refused the connection with HTTP 401: {"error": "The token provided is not a valid JWT"}'
        ]
        assert [state.state for state in world.system.inspect().sources] == ["waiting", "failed"]


async def test_a_refusal_that_may_change_is_tried_again(autojump_clock: MockClock) -> None:
    """A crowded server is asked again after a minute."""
    async with open_network() as network:
        network.server.refuse_connections(429, "Too many connected users")
        async with open_world(network) as world:
            await world.live()
            assert 60 < trio.current_time() < 125


async def test_a_channel_that_is_refused_is_run_again_as_its_policy_says(autojump_clock: MockClock) -> None:
    """S6: the source raised."""
    async with open_network() as network:
        network.server.refuse_joins("Unauthorized: no")
        async with open_world(network, retry=Retry(attempts=2, initial_delay=5)) as world:
            await world.live()
            assert world.errors == ["Unauthorized: no"]


async def test_a_channel_with_a_connection_of_its_own_is_refused_as_any_other(autojump_clock: MockClock) -> None:
    """What the source raises is the refusal itself, in no group."""
    async with open_network() as network:
        network.server.refuse_joins("Unauthorized: no")
        room = room_module()
        url = "ws://server/socket/websocket"
        channel = realtime_channel(url, "room", apikey="k", open_stream=network.open_stream)
        async with open_system_with(network, room, channel, [channel]) as world:
            await trio.sleep(1)
            assert world.errors == ["Unauthorized: no"]
            assert world.server.open_connections == 0


@pytest.mark.parametrize(("kind", "code"), [("evicted", 1001), ("stopped", 1000)])
async def test_the_goodbye_says_why(autojump_clock: MockClock, kind: Any, code: int) -> None:
    """Going away, or done."""

    class Link:
        """As little of a link as a connection needs."""

        key = None

        def __init__(self) -> None:
            self.signal = self
            self.reason = CancelReason(kind)
            self.teardown = lambda: trio.CancelScope(shield=True)

        def attached(self) -> None:
            """It is."""

        report_error = attached

    async with open_network() as network:
        channel = connection(network).channel("room")
        channel.owns_connection = True
        with trio.move_on_after(1):
            await channel.run(cast("Any", Link()))
        await wait_all_tasks_blocked()
        assert network.server.goodbyes == [code]


@pytest.mark.parametrize("shared", [True, False])
async def test_eviction_says_goodbye_and_makes_no_other_connection(autojump_clock: MockClock, shared: bool) -> None:
    """Whoever has the connection ends it; a channel that shares one leaves that to it."""
    async with open_network() as network:
        room, realtime = room_module(), connection(network)
        channel = realtime.channel("room", WATCHING, **EVENTS)
        channel.owns_connection = not shared
        sources: list[Any] = [realtime, channel] if shared else [channel]
        async with open_system_with(network, room, channel, sources) as world:
            await world.live()
            for source in reversed(sources):
                assert world.server.goodbyes == []
                await source.on_evict()
            await source.on_evict()
            await trio.sleep(60)
            assert (world.server.goodbyes, world.server.connections) == ([1001], 1)
            assert world.errors == []


@pytest.mark.parametrize("is_frozen", [True, False])
@pytest.mark.parametrize("shared", [True, False])
async def test_a_system_is_evicted_in_time(autojump_clock: MockClock, shared: bool, is_frozen: bool) -> None:
    """Also when the server does not answer the goodbye; what it says while it lasts is dropped."""
    async with open_network() as network:
        room, realtime = room_module(), connection(network)
        channel = realtime.channel("room", WATCHING, **EVENTS)
        channel.owns_connection = not shared
        sources: list[Any] = [realtime, channel] if shared else [channel]
        async with open_system_with(network, room, channel, sources) as world:
            await world.live()
            if is_frozen:
                world.server.freeze()
            begin = trio.current_time()
            report = await world.system.evict(begin + 3)
            assert report.clean
            assert trio.current_time() - begin <= 1.1
            await wait_all_tasks_blocked()
            assert world.server.open_connections == 0
            assert is_frozen or world.server.goodbyes == [1001]
            assert world.errors == []


async def test_a_keyboard_interrupt_passes_through(autojump_clock: MockClock) -> None:
    """And nothing hangs on its way."""

    async def open_stream(host: str, port: int, context: Any) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        raise KeyboardInterrupt

    room = room_module()
    channel = realtime_channel("ws://server/socket/websocket", "room", open_stream=open_stream)
    room.add_source(channel, name="channel")
    with pytest.raises(BaseExceptionGroup) as caught:
        async with open_system(room):
            await trio.sleep(1)
    assert caught.group_contains(KeyboardInterrupt)


@pytest.mark.parametrize("shared", [True, False])
async def test_stop_leaves_nothing_behind_and_start_joins_again(autojump_clock: MockClock, shared: bool) -> None:
    """Neither here nor on the server; what comes later is not told."""
    async with open_network() as network:
        room, realtime = room_module(), connection(network)
        channel = realtime.channel("room", WATCHING, **EVENTS)
        channel.owns_connection = not shared
        sources: list[Any] = [realtime, channel] if shared else [channel]
        async with open_system_with(network, room, channel, sources) as world:
            for _ in range(3):
                await world.live()
                begin = trio.current_time()
                await world.system.stop_async()
                assert trio.current_time() - begin < 1
                assert (world.server.open_connections, world.server.members("room")) == (0, 0)
                world.facts.live = False
                world.server.broadcast("room", "said", {"text": "too late"})
                world.system.start(network.nursery)
            await world.live()
            assert (world.facts.said, world.errors) == ([], [])
        await wait_all_tasks_blocked()
        assert world.server.open_connections == 0
        assert len(network.nursery.child_tasks) == 0


async def test_a_goodbye_to_a_server_that_is_frozen_is_short(autojump_clock: MockClock) -> None:
    """A second for the closing handshake, then the stream is closed."""
    async with open_network() as network, open_world(network) as world:
        await world.live()
        world.server.freeze()
        begin = trio.current_time()
        await world.system.stop_async()
        assert trio.current_time() - begin <= 1.1


async def test_several_channels_share_a_connection_and_leave_it_one_by_one(autojump_clock: MockClock) -> None:
    """The last one too: the connection stays for its source, and is closed when it is idle."""
    async with open_network() as network:
        room, other, realtime = room_module(), room_module("other"), connection(network)
        channel = realtime.channel("room", **EVENTS)
        second = realtime.channel("second", **EVENTS)
        room.add_source(realtime, name="realtime")
        handles = [room.add_source(channel, name="channel"), other.add_source(second, name="channel")]
        async with open_system(room, other) as system:
            await system.wait_until(lambda view: view[room].live and view[other].live, timeout=10)
            assert (network.server.connections, network.server.members("second")) == (1, 1)
            system.disable(handles[1])
            await trio.sleep(1)
            assert (network.server.members("room"), network.server.members("second")) == (1, 0)
            system.disable(handles[0])
            await trio.sleep(10)
            assert network.server.open_connections == 0
            system.enable(handles[0])
            await trio.sleep(1)
            assert network.server.members("room") == 1


async def test_a_channel_waits_for_its_connection_and_outlives_it(autojump_clock: MockClock) -> None:
    """Declared before it, or while it is switched off."""
    async with open_network() as network:
        room, realtime = room_module(), connection(network)
        channel = realtime.channel("room", WATCHING, **EVENTS)
        channel.track({"n": 1})
        async with open_system_with(network, room, channel, [channel, realtime]) as world:
            await world.live()
            await trio.sleep(1)
            assert world.facts.present == {"me"}
            handle = world.system.inspect().sources[1].id
            world.system.disable(handle)
            await trio.sleep(1)
            assert not world.facts.live
            with pytest.raises(NotJoinedError):
                await channel.broadcast("e", {})
            channel.untrack()
            world.system.enable(handle)
            await world.live()
            await trio.sleep(1)
            assert world.facts.present == set()


async def test_a_channel_that_comes_while_its_connection_goes_waits_for_the_next(autojump_clock: MockClock) -> None:
    """The goodbye takes a second, with a server that does not answer."""
    async with open_network() as network:
        room, realtime = room_module(), connection(network)
        channel, late = realtime.channel("room", **EVENTS), realtime.channel("late")
        async with open_system_with(network, room, channel, [realtime, channel, late]) as world:
            await world.live()
            connected, _, second = (state.id for state in world.system.inspect().sources)
            world.system.disable(second)
            await trio.sleep(1)
            world.server.freeze()
            world.system.disable(connected)
            await trio.sleep(0.5)
            world.system.enable(second)
            await trio.sleep(1)
            world.server.thaw()
            world.system.enable(connected)
            await trio.sleep(1)
            assert world.server.members("late") == 1
            assert world.errors == []


async def test_a_handler_may_track_and_the_order_is_kept(autojump_clock: MockClock) -> None:
    """What it asks for from inside comes after what is being told."""
    async with open_network() as network:
        room, realtime = room_module(), connection(network)
        channel = realtime.channel("room", WATCHING, **EVENTS)

        @room.on(RoomLive)
        def here(_facts: RoomFacts, _event: RoomLive) -> None:
            channel.track({"n": 1})
            channel.track({"n": 2})

        async with open_system_with(network, room, channel, [realtime, channel]) as world:
            await world.live()
            await trio.sleep(1)
            assert world.facts.present == {"me"}
            tracked = [exchange.frame.payload["payload"] for exchange in world.server.exchanges if is_track(exchange)]
            assert tracked == [{"n": 1}, {"n": 2}]


def is_track(exchange: Exchange) -> bool:
    """Whether a client said that it is there."""
    return exchange.direction == "received" and exchange.frame.event == "presence"


async def test_two_channels_of_one_name_are_an_error(autojump_clock: MockClock) -> None:
    """The second one fails, the first goes on."""
    async with open_network() as network:
        room, realtime = room_module(), connection(network)
        channel, double = realtime.channel("room", **EVENTS), realtime.channel("room")
        async with open_system_with(network, room, channel, [realtime, channel, double]) as world:
            await world.live()
            assert world.errors == ["channel 'room' is there already: one for each name"]


# -- for resolvers -------------------------------------------------------------------------------------------


async def test_a_broadcast_is_acknowledged_or_fails(autojump_clock: MockClock) -> None:
    """Taken, refused here, not answered, lost, left: each says so."""
    async with open_network() as network, open_world(network, ACKNOWLEDGED, limits=Limits(payload=200)) as world:
        await world.live()
        await world.channel.broadcast("said", {"text": "hello"})
        assert world.server.exchanges[-2].frame.payload["payload"] == {"text": "hello"}
        with pytest.raises(LimitError):
            await world.channel.broadcast("said", {"text": "x" * 300})
        world.server.freeze()
        with pytest.raises(PushError, match="in time"):
            await world.channel.broadcast("said", {})
        world.server.thaw()
        results = []

        async def send() -> None:
            with pytest.raises((LostError, NotJoinedError)) as caught:
                await world.channel.broadcast("said", {})
            results.append(type(caught.value))

        for end in (world.server.kill, world.system.stop):
            await world.live()
            world.server.freeze()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send)
                await wait_all_tasks_blocked()
                world.server.thaw()
                end()
            world.facts.live = False
        assert results == [LostError, NotJoinedError]


async def test_a_broadcast_without_acknowledgement_is_on_its_way(autojump_clock: MockClock) -> None:
    """Bytes too, and it is a checkpoint."""
    async with open_network() as network, open_world(network, ChannelOptions(broadcast_self=True)) as world:
        with pytest.raises(NotJoinedError):
            await world.channel.broadcast("bytes", b"\x02")
        await world.live()
        with trio.testing.assert_checkpoints():
            await world.channel.broadcast("bytes", b"\x02")
        await trio.sleep(1)
        assert world.facts.said == ["02"]


async def test_presence_must_be_asked_for(autojump_clock: MockClock) -> None:
    """And its payload must be JSON; both are said at once."""
    async with open_network() as network:
        realtime = connection(network)
        with pytest.raises(ValueError, match="presence=True"):
            realtime.channel("room").track({})
        with pytest.raises(LimitError):
            realtime.channel("room", WATCHING).track({"n": {1}})


# -- tokens --------------------------------------------------------------------------------------------------


async def test_a_token_is_asked_for_before_the_join_and_refreshed(autojump_clock: MockClock) -> None:
    """By a callable of the user's; what it raises is told, and it is asked again."""
    answers: list[object] = [OSError("no tokens"), token_until(100), token_until(10_000)]

    async def token() -> str:
        await trio.sleep(0.1)
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return str(answer)

    async with (
        open_network(RealtimeServer(wall_clock=trio.current_time)) as network,
        open_world(network, token=token, wall_clock=trio.current_time) as world,
    ):
        await world.live()
        assert world.errors == ["no access token: no tokens"] * 2
        await trio.sleep(60)
        assert answers == []
        assert [exchange.frame.event for exchange in world.server.exchanges].count("access_token") == 1


async def test_a_token_that_is_late_is_asked_for_again(autojump_clock: MockClock) -> None:
    """The first question is withdrawn."""
    asked = []

    async def token() -> str:
        asked.append(trio.current_time())
        if len(asked) == 1:
            await trio.sleep_forever()
        return "t"

    async with open_network() as network, open_world(network, token=token) as world:
        await world.live()
        assert len(asked) == 2


async def test_a_token_that_expires_is_replaced(autojump_clock: MockClock) -> None:
    """The server closes the channel, and is back in it at once."""

    async def token() -> str:
        await trio.lowlevel.checkpoint()
        return f"t{trio.current_time()}"

    async with open_network() as network, open_world(network, token=token) as world:
        await world.live()
        world.server.expire("room")
        await world.gaps(1)
        assert world.errors == ["Token has expired 3 seconds ago"]


class Stuck(trio.abc.SendStream):
    """A peer that, one day, reads no more."""

    def __init__(self, stream: trio.abc.SendStream) -> None:
        self.stream = stream
        self.is_stuck = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self.is_stuck:
            await trio.sleep_forever()
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self.stream.aclose()


# -- the transport -------------------------------------------------------------------------------------------


async def test_a_server_that_hangs_up_during_the_handshake_was_never_there(autojump_clock: MockClock) -> None:
    """It is a failure to connect, not a connection that was lost, and no source says that it is attached."""

    async def hang_up(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        await stream.aclose()

    async with open_network() as network:
        network.server.attend = hang_up  # type: ignore[method-assign]
        async with open_world(network) as world:
            await trio.sleep(0.5)
            assert world.errors == ["no connection: the server hung up before the handshake was done"]
            assert not world.system.inspect().sources[0].attached


async def test_a_message_that_cannot_be_sent_in_time_ends_the_connection(autojump_clock: MockClock) -> None:
    """The peer reads no more: after the patience the socket is given up, and another one is made."""
    async with open_network() as network:
        network.wrap = Stuck
        async with open_world(network, ACKNOWLEDGED, patience=Patience(answer=100)) as world:
            await world.live()
            network.streams[0].send_stream.is_stuck = True
            with pytest.raises(LostError, match="could not be sent in time"):
                await world.channel.broadcast("said", {})
            await world.gaps(1)
            assert len(network.streams) == 2
            network.streams[1].send_stream.is_stuck = True
            with trio.move_on_after(1):
                await world.channel.broadcast("said", {})
            begin = trio.current_time()
            await world.system.stop_async()
            assert trio.current_time() - begin <= 1.1


async def test_a_goodbye_is_cut_at_the_end_of_the_teardown(autojump_clock: MockClock) -> None:
    """The system's grace is shorter than ours: the stream is closed in mid-frame, and nothing hangs."""
    async with open_network() as network:
        room, realtime = room_module(), connection(network)
        network.wrap = Stuck
        channel = realtime.channel("room", WATCHING, **EVENTS)
        async with open_system_with(network, room, channel, [realtime, channel], grace=0.1) as world:
            await world.live()
            network.streams[0].send_stream.is_stuck = True
            channel.track({"n": 1})
            await wait_all_tasks_blocked()
            begin = trio.current_time()
            await world.system.stop_async()
            assert trio.current_time() - begin < 0.5
            await wait_all_tasks_blocked()
            assert world.server.open_connections == 0
            assert len(world.errors) == 1


async def test_a_source_that_is_stopped_before_it_began_is_stopped(autojump_clock: MockClock) -> None:
    """Nothing was dialled yet."""
    async with open_network() as network:
        room = room_module()
        room.add_source(connection(network), name="connection")
        async with open_system(room) as system:
            system.stop()
        assert network.dialled == []


async def test_what_comes_after_the_goodbye_is_not_told(autojump_clock: MockClock) -> None:
    """It was on its way; an answer nobody waits for any more is dropped too; and a channel may be silent."""
    async with open_network() as network:
        room, realtime = room_module(), connection(network)
        channel = realtime.channel("room", ACKNOWLEDGED)
        async with open_system_with(network, room, channel, [realtime, channel]) as world:
            await trio.sleep(1)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(channel.broadcast, "said", {})
                while not any(exchange.frame.event == "broadcast" for exchange in world.server.exchanges):
                    await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
            await trio.sleep(1)
            for _ in range(3):
                world.server.broadcast("room", "said", {"text": "too late"})
            world.system.stop()
        assert world.errors == []


@pytest.mark.parametrize(
    ("url", "where"),
    [("ws://h:4000/s", ("h", 4000, False)), ("ws://h/s", ("h", 80, False)), ("wss://h/s", ("h", 443, True))],
)
async def test_the_address_says_where_to_go(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, url: str, where: tuple[Any, ...]
) -> None:
    """Host, port and TLS."""
    dialled: list[tuple[Any, ...]] = []

    async def open_stream(host: str, port: int, context: Any) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        dialled.append((host, port, context is not None))
        raise OSError

    async def no_tls(host: str, port: int, ssl_context: Any) -> trio.abc.Stream:
        return await open_stream(host, port, ssl_context)

    monkeypatch.setattr(trio, "open_ssl_over_tcp_stream", no_tls)
    monkeypatch.setattr(trio, "open_tcp_stream", partial(open_stream, context=None))
    room = room_module()
    room.add_source(realtime_channel(url, "room", coalesce="last_write_wins"), name="channel")
    async with open_system(room):
        await trio.sleep(0.5)
    assert dialled == [where]
