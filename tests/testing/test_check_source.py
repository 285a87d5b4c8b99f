"""`check_source`: good sources pass it, and one that breaks a part of the contract fails that part."""

import socket
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import trio
from attrs import frozen

from directive_trio import SourceLink, from_callback
from directive_trio.abc import Source
from directive_trio.testing import check_source


@frozen
class Tick:
    number: int = 0


class Clockwork(Source):
    """A good source: it opens something, publishes, and closes what it has opened."""

    def __init__(self) -> None:
        self.open = False

    async def run(self, link: SourceLink, /) -> None:
        try:
            await self.connect()
            link.attached()
            number = 0
            while True:
                await trio.sleep(0.5)
                number += 1
                link.publish(Tick(number))
        finally:
            with link.teardown():
                await self.disconnect()

    async def connect(self) -> None:
        self.open = True
        await trio.sleep(0.1)

    async def disconnect(self) -> None:
        if self.open:
            await trio.sleep(0.1)
            self.open = False


async def failures(make_source: Callable[[], Source], **options: Any) -> dict[str, str]:
    """Return what fails, by part."""
    try:
        await check_source(make_source, **options)
    except AssertionError as error:
        head, *lines = str(error).splitlines()
        assert head == "the source breaks its contract:"
        return dict(line.strip().split(": ", 1) for line in lines)
    return {}


def closed(source: Any) -> bool:
    """Say whether nothing is open."""
    return not source.open


async def test_a_good_source_passes(autojump_clock: trio.abc.Clock) -> None:
    """Every part; on the mock clock no time passes for whoever waits."""
    assert await failures(Clockwork, closed=closed) == {}


async def test_a_callback_source_passes(autojump_clock: trio.abc.Clock) -> None:
    """One that is made of callbacks and publishes at once."""

    def make() -> Source:
        def attach(link: SourceLink) -> Callable[[], None]:
            link.publish(Tick())
            return lambda: None

        return from_callback(attach)

    assert await failures(make) == {}


async def test_one_that_ends_by_itself_passes(autojump_clock: trio.abc.Clock) -> None:
    """An alarm that rings once."""

    class Once(Source):
        coalesce = "last_write_wins"

        async def run(self, link: SourceLink, /) -> None:
            await trio.sleep(1)
            link.publish(Tick())

    assert await failures(Once) == {}


async def test_one_that_publishes_names_needs_the_classes(autojump_clock: trio.abc.Clock) -> None:
    """They cannot be found out; a payload that does not fit is a complaint."""

    class Named(Source):
        payload: ClassVar[dict[str, Any]] = {"number": 1}

        async def run(self, link: SourceLink, /) -> None:
            link.publish("Tick", self.payload)
            await trio.sleep_forever()

    class Wrong(Named):
        payload: ClassVar[dict[str, Any]] = {"number": "one"}

    assert await failures(Named, events=[Tick]) == {}
    assert (await failures(Named))["publishes"] == "it published nothing within 5 s; 1 dropped: unknown_event"
    found = await failures(Wrong, events=[Tick])
    assert found["publishes"] == "it published nothing within 5 s; 1 dropped: bad_payload"


class Silent(Source):
    """Neither attaches nor publishes."""

    async def run(self, link: SourceLink, /) -> None:
        await trio.sleep_forever()


class Refused(Source):
    """Cannot connect."""

    async def run(self, link: SourceLink, /) -> None:
        raise OSError("refused")


class NeverPublishing(Clockwork):
    """Only attaches."""

    async def run(self, link: SourceLink, /) -> None:
        link.attached()
        await trio.sleep_forever()


class Touchy(Clockwork):
    """Gives up when one of its events was dropped."""

    async def run(self, link: SourceLink, /) -> None:
        anything: Any = link
        while not anything._node.drops:
            link.publish(Tick())
            await trio.sleep(0.5)
        raise OSError("nobody listens")


class Haunting(Clockwork):
    """Leaves a task to trio that goes on for a while."""

    async def run(self, link: SourceLink, /) -> None:
        async def go_on() -> None:
            for _ in range(100):
                link.publish(Tick())
                await trio.sleep(0.1)

        trio.lowlevel.spawn_system_task(go_on)
        await trio.sleep_forever()


class Slow(Clockwork):
    """Takes a minute to disconnect, and lets nobody hurry it."""

    async def disconnect(self) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(60)


class Overlong(Clockwork):
    """Takes a minute to disconnect, in the shield of the engine."""

    async def disconnect(self) -> None:
        await trio.sleep(60)


class Clumsy(Clockwork):
    """Cannot be disconnected twice."""

    async def disconnect(self) -> None:
        if not self.open:
            raise OSError("not connected")
        await super().disconnect()

    async def on_evict(self) -> None:
        await self.disconnect()


class Lingering(Clockwork):
    """Says a very long good-bye."""

    async def on_evict(self) -> None:
        await trio.sleep_forever()


class OnlyOnce(Clockwork):
    """Keeps a state that is good for one time."""

    def __init__(self) -> None:
        super().__init__()
        self.used = False

    async def connect(self) -> None:
        if self.used:
            raise OSError("used up")
        self.used = True
        await super().connect()


class Careless(Clockwork):
    """Closes in its teardown what it may not have opened yet."""

    connection: Any

    async def connect(self) -> None:
        await trio.sleep(0.1)
        self.connection = True

    async def disconnect(self) -> None:
        del self.connection


class Unshielded(Clockwork):
    """Awaits in its ``finally``, without a shield: it never gets to the end."""

    async def run(self, link: SourceLink, /) -> None:
        await self.connect()
        link.publish(Tick())
        try:
            await trio.sleep_forever()
        finally:
            await self.disconnect()


class Leaking(Clockwork):
    """Leaves a socket open."""

    def __init__(self) -> None:
        super().__init__()
        self.sockets: list[socket.socket] = []
        SOCKETS.append(self.sockets)

    async def connect(self) -> None:
        self.sockets.append(socket.socket())


SOCKETS: list[list[socket.socket]] = []

BROKEN: list[tuple[type[Source], dict[str, str]]] = [
    (Silent, {"attaches": "not attached", "publishes": "nothing within 5 s", "attaches again": "not back within 5 s"}),
    (Refused, {"attaches": "refused", "publishes": "refused", "attaches again": "refused"}),
    (NeverPublishing, {"publishes": "it published nothing within 5 s"}),
    (Touchy, {"survives a failing handler": "it failed (runtime): OSError('nobody listens')"}),
    (Haunting, {"is silent when detached": "it published", "leaves nothing behind": "tasks are left"}),
    (Slow, {"detaches in time": "it took 60 s", "is evicted in time": "it hung for 5 s"}),
    (Overlong, {"detaches in time": "TeardownTimeoutError", "is evicted in time": "TeardownTimeoutError"}),
    (Clumsy, {"is evicted in time": "it failed (cleanup): OSError('not connected')"}),
    (Lingering, {"is evicted in time": "TeardownTimeoutError"}),
    (OnlyOnce, {"attaches again": "it failed (runtime): OSError('used up')"}),
    (Careless, {"can be cancelled anywhere": "at its step 1: it failed (cleanup): AttributeError"}),
    (Unshielded, {"leaves nothing behind": "what it has opened is not closed"}),
    (Leaking, {"leaves nothing behind": "1 sockets are open"}),
]


@pytest.mark.parametrize(("broken", "parts"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
async def test_one_that_breaks_a_part_fails_it(
    broken: type[Source], parts: dict[str, str], autojump_clock: trio.abc.Clock
) -> None:
    """And the complaint says how."""
    found = await failures(broken, closed=closed if issubclass(broken, Clockwork) else None)
    for opened in [found_socket for sockets in SOCKETS for found_socket in sockets]:
        opened.close()
    SOCKETS.clear()
    for part, complaint in parts.items():
        assert complaint in found.get(part, "nothing"), found
    if broken not in {Silent, Refused, Haunting, Slow, Overlong, Clumsy, Careless, Unshielded, Leaking}:
        assert set(found) == set(parts)


def test_each_part_has_a_source_that_breaks_it() -> None:
    """A check that nothing can fail checks nothing."""
    assert {part for _, parts in BROKEN for part in parts} == {
        "attaches",
        "publishes",
        "survives a failing handler",
        "is silent when detached",
        "detaches in time",
        "is evicted in time",
        "attaches again",
        "can be cancelled anywhere",
        "leaves nothing behind",
    }
