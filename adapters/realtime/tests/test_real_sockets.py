"""The few things that only a real socket and a real process can show; the clock of these tests is the real one."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio
from attrs import define, frozen
from trio.testing import MockClock, wait_all_tasks_blocked

from adapters.realtime.tests.socket_servers import STEP
from adapters.realtime.tests.world import EVENTS, WATCHING, RoomFacts, room_module
from directive_trio import ErrorBoundary, Module, System, SystemView, open_system
from directive_trio_realtime import Backoff, Patience, realtime_channel
from directive_trio_realtime.testing import RealtimeServer, open_server

KILLS = 20
QUICK = Patience(backoff=Backoff(first=0.02, most=0.1))
# Only where time is the subject: on a busy machine it would find losses that are none.
HASTY = Patience(backoff=Backoff(first=0.02, most=0.1), heartbeat=0.2, heartbeat_answer=0.3, connect=0.3)


def really(main: Callable[[], Awaitable[None]]) -> None:
    """Run it on a clock that goes as the real one does, and not for ever."""

    async def bounded() -> None:
        with trio.fail_after(60):
            await main()

    trio.run(bounded, clock=MockClock(rate=1.0))


class DyingServers:
    """The program that starts servers on a port that stays, each a process of its own."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        program = Path(__file__).with_name("socket_servers.py")
        paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        piped: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._program = subprocess.Popen([sys.executable, str(program)], env=paths, **piped)
        self._server = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/socket/websocket"

    def start(self, number: int) -> None:
        """The next server, which begins its rows at `STEP` times its number."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(f"{self._port} {number}\n")
        self._program.stdin.flush()
        self._server = int(self._program.stdout.readline())

    def kill(self) -> None:
        """SIGKILL for the server, where there is such a thing."""
        os.kill(self._server, signal.SIGKILL)

    def end(self) -> None:
        """The program too."""
        self._program.kill()
        self._program.communicate()


def room_at(url: str, patience: Patience = QUICK) -> Module[RoomFacts]:
    """A module that watches one room."""
    room = room_module()
    room.add_source(realtime_channel(url, "room", WATCHING, apikey="k", patience=patience, **EVENTS), name="channel")
    return room


def boundary(errors: list[str], enough: trio.Event | None = None) -> ErrorBoundary:
    """Keeps what went wrong; two are enough for somebody who waits for them."""

    def keep(error: object, _id: str) -> None:
        errors.append(str(error))
        if enough is not None and len(errors) > 1:
            enough.set()

    return ErrorBoundary(on_error=keep)


def open_files() -> int:
    """How many file descriptors this process holds, where that can be known."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


async def live(system: System, room: Module[RoomFacts]) -> None:
    """Wait until the room is."""
    await system.wait_until(lambda view: view[room].live, timeout=20)


async def gaps(system: System, room: Module[RoomFacts], count: int) -> None:
    """Wait until so many were told."""
    await system.wait_until(lambda view: len(view[room].gaps) >= count, timeout=20)


async def rows(system: System, room: Module[RoomFacts], count: int) -> None:
    """Wait until the room has so many."""
    await system.wait_until(lambda view: len(view[room].rows) >= count, timeout=20)


@define
class RowFacts:
    """What is known of a stream of numbered rows."""

    last: int = -1
    in_a_row: int = 0
    """How many came since the last gap."""
    gaps: int = 0
    disorder: tuple[int, ...] = ()
    """Rows that came again, late, or after others that are missing though no gap was told."""


@frozen
class Row:
    record: dict[str, Any]


@frozen
class Missed: ...


def rows_module() -> Module[RowFacts]:
    """A module that looks whether rows come in order."""
    rows = Module("rows", RowFacts)

    @rows.on(Row)
    def came(facts: RowFacts, event: Row) -> None:
        row = event.record["id"]
        if row <= facts.last or (facts.in_a_row and row != facts.last + 1):
            facts.disorder = (*facts.disorder, row)
        facts.last, facts.in_a_row = row, facts.in_a_row + 1

    @rows.on(Missed)
    def missed(facts: RowFacts, event: Missed) -> None:
        facts.gaps, facts.in_a_row = facts.gaps + 1, 0

    return rows


def test_a_server_that_is_killed_twenty_times_leaves_twenty_gaps_and_tells_no_row_twice() -> None:
    """Its process is its own, and dies without a word in the middle of a stream of numbered rows."""

    async def main() -> None:
        servers, rows = DyingServers(), rows_module()
        impatient = Patience(backoff=Backoff(first=0.02, most=0.02))
        channel = realtime_channel(
            servers.url, "room", WATCHING, apikey="k", patience=impatient, on_change=Row, on_gap=Missed
        )
        rows.add_source(channel, name="channel")
        try:
            async with open_system(rows, errors=boundary([])) as system:
                for number in range(KILLS + 1):
                    servers.start(number)
                    await system.wait_until(has_twenty_of(rows, number), timeout=20)
                    servers.kill()
                assert (system[rows].gaps, system[rows].disorder) == (KILLS, ())
        finally:
            servers.end()

    really(main)


def has_twenty_of(rows: Module[RowFacts], number: int) -> Callable[[SystemView], bool]:
    """Whether so many rows of that server have come."""
    return lambda view: view[rows].last >= number * STEP and view[rows].in_a_row >= 20


def test_a_hundred_systems_leave_no_socket_behind() -> None:
    """Start and stop, on real sockets: neither here nor on the server."""

    async def main() -> None:
        files = []
        async with open_server() as server:
            for _ in range(100):
                room = room_at(server.url)
                async with open_system(room) as system:
                    await live(system, room)
                await wait_all_tasks_blocked(0.001)
                files.append(open_files())
                assert server.open_connections == 0
        assert max(files[10:]) <= max(files[:10])

    really(main)


def test_a_server_that_accepts_and_never_answers_is_given_up_and_tried_again() -> None:
    """TCP is there, the handshake is not; the deadline is for both together."""

    async def main() -> None:
        errors: list[str] = []
        server = RealtimeServer()
        server.freeze()
        async with trio.open_nursery() as nursery:
            await nursery.start(server.serve)
            room, enough = room_at(server.url, HASTY), trio.Event()
            async with open_system(room, errors=boundary(errors, enough)) as system:
                await enough.wait()
                assert set(errors) == {"no connection in time"}
                server.thaw()
                await live(system, room)
                server.freeze()  # half open: the heartbeat notices
                await system.wait_until(lambda view: not view[room].live, timeout=20)
                server.thaw()
                await gaps(system, room, 1)
            nursery.cancel_scope.cancel()

    really(main)


HOSTILE: list[str | bytes] = [
    *("", "{", "[" * 100_000, "[null,null,null,null,null]", '[null,null,"realtime:room","broadcast",{"event":5}]'),
    *(b"", b"\x04", b"\x04\xff\xff\xff\x01", bytes(range(9, 256)), b"\xff" * 1000),
    '[null,null,"realtime:room","presence_diff",[[]]]',
    '[null,null,"realtime:room","postgres_changes",{"ids":"x","data":5}]',
]


def test_what_no_server_sends_ends_nothing() -> None:
    """Wrong, deep, random and empty frames: an error and a gap each, and the connection goes on. 5 MiB are fine."""

    async def main() -> None:
        errors: list[str] = []
        async with open_server() as server:
            room = room_at(server.url)
            async with open_system(room, errors=boundary(errors)) as system:
                await live(system, room)
                for content in HOSTILE:
                    server.send_raw(content)
                server.broadcast("room", "unheard", "x" * (5 * 1024 * 1024))
                server.broadcast("room", "said", {"text": "still here"})
                await system.wait_until(lambda view: view[room].said == ["still here"], timeout=20)
                assert (len(errors), len(system[room].gaps)) == (len(HOSTILE), len(HOSTILE))
                assert server.connections == 1

    really(main)


def test_a_message_that_is_too_large_costs_the_connection_and_no_more() -> None:
    """Above 8 MiB it is closed with 1009; the next one is there at once, with a gap, and no file stays open."""

    async def main() -> None:
        async with open_server() as server:
            room = room_at(server.url)
            async with open_system(room, errors=boundary([])) as system:
                await live(system, room)
                before = open_files()
                for times in range(1, 4):
                    server.send_raw("x" * (9 * 1024 * 1024))
                    await gaps(system, room, times)
                await wait_all_tasks_blocked(0.01)
                assert open_files() <= before
            assert set(server.goodbyes[:3]) == {1009}

    really(main)
