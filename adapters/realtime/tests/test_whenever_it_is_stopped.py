"""A system with channels is stopped at any moment, while the server and the network do whatever they like."""

from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from adapters.realtime.tests.world import EVENTS, Network, connection, open_network, room_module
from directive_trio import ErrorBoundary, System
from directive_trio_realtime import Backoff, ChannelOptions, Patience, PostgresChanges, RealtimeChannel
from directive_trio_realtime.errors import RealtimeError

GOODBYE = 1.0
RUNS = 30  # with each seed
PAUSES = (0.0, 0.001, 0.05, 0.3, 1.0)


class Unsteady(trio.abc.SendStream):
    """A peer that reads at once, mostly; or after a while, or never again."""

    def __init__(self, stream: trio.abc.SendStream, dice: Random) -> None:
        self.stream = stream
        self.dice = dice

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.sleep(self.dice.choice([*[0.0] * 12, 0.2, 0.7, 3.0, 1000.0]))
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self.stream.aclose()


class Trouble:
    """What may happen to a channel, and what may be asked of it."""

    def __init__(self, network: Network, channel: RealtimeChannel, dice: Random) -> None:
        self.network = network
        self.channel = channel
        self.dice = dice
        server = network.server
        self.kinds: list[Callable[[], object]] = [
            *(server.kill, server.freeze, server.thaw, server.disconnect, server.drain, self.cut),
            lambda: server.crash("room"),
            lambda: server.expire("room"),
            lambda: server.close("room"),
            lambda: server.refuse_joins("RealtimeRestarting: x", 1),
            lambda: server.refuse_connections(500, "x", 1),
            lambda: server.change("todos", record={"id": 1}),
            lambda: channel.track({"n": dice.random()}),
        ]  # fmt: skip

    def cut(self) -> None:
        """The network goes down, or is up again."""
        self.network.is_up = not self.network.is_up

    async def go_on(self) -> None:
        """One thing after the other, until cancelled."""
        while True:
            await trio.sleep(self.dice.choice(PAUSES))
            self.dice.choice(self.kinds)()

    async def talk(self) -> None:
        """Broadcast until cancelled."""
        while True:
            await trio.sleep(self.dice.choice(PAUSES))
            try:
                await self.channel.broadcast("said", {"text": "x"})
            except RealtimeError:
                continue


def sources_with(network: Network, dice: Random) -> tuple[list[Any], Trouble]:
    """A channel, alone or on a shared connection, and the trouble it will have."""
    patience = Patience(
        heartbeat=dice.choice([0.5, 25]),
        heartbeat_answer=dice.choice([0.2, 10]),
        join=dice.choice([0.3, 10]),
        token=dice.choice([0.3, 10]),
        idle=dice.choice([0.1, 5]),
        backoff=Backoff(first=0.1, most=0.5),
    )
    token = partial(token_by, dice) if dice.random() < 0.5 else None
    realtime = connection(network, patience=patience, token=token)
    wishes = [PostgresChanges(table="todos")]
    options = ChannelOptions(presence=True, broadcast_ack=dice.random() < 0.5, postgres_changes=wishes)
    channel = realtime.channel("room", options, **EVENTS)
    channel.owns_connection = dice.random() < 0.5
    sources = [channel] if channel.owns_connection else [realtime, channel, realtime.channel("hall", options)]
    return sources, Trouble(network, channel, dice)


async def token_by(dice: Random) -> str:
    """One that comes at once, late, or not at all."""
    await trio.sleep(dice.choice([0, 0.01, 0.5, 20]))
    if dice.random() < 0.2:
        raise OSError("no tokens")
    return f"t{dice.random()}"


async def longest_end(network: Network, dice: Random, errors: list[Exception]) -> float:
    """Start a system twice, and end it; how long the slower end took, until its last task."""
    if dice.random() < 0.5:
        network.wrap = lambda stream: Unsteady(stream, dice)
    room, (sources, trouble) = room_module(), sources_with(network, dice)
    for number, source in enumerate(sources):
        room.add_source(source, name=f"source_{number}")
    boundary = ErrorBoundary(on_error=lambda error, _: errors.append(error))
    system, longest = System(room, errors=boundary, teardown_grace=30), 0.0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trouble.go_on)
        nursery.start_soon(trouble.talk)
        ends: list[Callable[[], Awaitable[object]]] = [system.stop_async, system.evict]
        for end in (system.stop_async, dice.choice(ends)):
            async with trio.open_nursery() as host:
                system.start(host)
                await trio.sleep(7 * dice.random() * dice.choice(PAUSES))
                begin = trio.current_time()
                await end()
            longest = max(longest, trio.current_time() - begin)
        nursery.cancel_scope.cancel()
    network.server.thaw()
    await wait_all_tasks_blocked()
    assert network.server.open_connections == 0
    return longest


@pytest.mark.parametrize("seed", range(10))
async def test_it_ends_within_a_goodbye_and_leaves_nothing(autojump_clock: MockClock, seed: int) -> None:
    """Whatever was going on: a dial, a handshake, a question for a token, a send that is stuck, a frozen server."""
    dice, errors = Random(seed), list[Exception]()
    for _ in range(RUNS):
        async with open_network() as network:
            assert await longest_end(network, dice, errors) <= 1.2 * GOODBYE
    assert [error for error in errors if not isinstance(error, RealtimeError)] == []
