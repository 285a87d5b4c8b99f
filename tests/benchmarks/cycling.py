"""A thousand systems start and stop, each with all three adapters on real sockets, and nothing of them is left.

Each has two realtime channels on one connection, a third on a connection of its own, a websocket feed, a rhythm and a
poll. It is stopped when everything has been heard, every other one by an eviction. The servers are a process of their
own; it says which connections it still has. Here the tasks, the file descriptors and the blocks of memory that
Python's allocator has given out are counted.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic

import trio
from attrs import define, fields, frozen
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket

from directive_trio import ErrorBoundary, Module, open_system
from directive_trio.errors import WaitTimeoutError
from directive_trio_realtime import Realtime, realtime_channel
from directive_trio_realtime.testing import RealtimeServer
from directive_trio_timer import poll, repeat
from directive_trio_websocket import websocket_source

CYCLES, TENTHS = 1000, 10
WARM_UP = 3
"""So many tenths may still grow: what is made once and kept is made by then."""
SLACK, NOISE = 0.5, 150
"""Blocks for each system after those, and in all: what is kept of every one takes one at least, and mostly many."""


# -- the servers, in a process of their own ----------------------------------------------------------------


class Servers:
    """Both, and who is connected to them."""

    def __init__(self) -> None:
        self.realtime = RealtimeServer()
        self.feeds = 0

    async def feed(self, request: WebSocketRequest) -> None:
        """Say one word, and wait for the end."""
        connection = await request.accept()
        self.feeds += 1
        try:
            await connection.send_message("hello")
            await connection.get_message()
        except ConnectionClosed:
            self.feeds -= 1

    async def serve(self) -> None:
        """Print where they are, and answer each line of the input with the number of connections, until it ends."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.realtime.serve)
            listening = await nursery.start(serve_websocket, self.feed, "127.0.0.1", 0, None)
            print(json.dumps([self.realtime.url, f"ws://127.0.0.1:{listening.port}"]), flush=True)
            while await trio.to_thread.run_sync(sys.stdin.readline):
                print(self.realtime.open_connections + self.feeds, flush=True)
            nursery.cancel_scope.cancel()


class ServerProcess:
    """They, from here."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._questions, self._answers = process.stdin, process.stdout
        self.realtime, self.feed = json.loads(self._answers.readline())

    def connections(self) -> int:
        """How many they have."""
        print(file=self._questions, flush=True)
        return int(self._answers.readline())


@contextmanager
def servers() -> Iterator[ServerProcess]:
    """They run for the length of a block."""
    command = [sys.executable, "-m", "tests.benchmarks.cycling", "--serve"]
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=paths, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield ServerProcess(process)
        finally:
            process.kill()


# -- the systems -------------------------------------------------------------------------------------------


@define
class Heard:
    """Of whom the system has heard."""

    kitchen: bool = False
    garden: bool = False
    hall: bool = False
    feed: bool = False
    rhythm: bool = False
    poll: bool = False


@frozen
class Said:
    """Somebody has said something."""

    who: str


def module_with_all(at: ServerProcess) -> Module[Heard]:
    """All adapters in one module."""
    module = Module("all", Heard)

    @module.on(Said)
    def said(facts: Heard, event: Said) -> None:
        setattr(facts, event.who, True)

    async def ask() -> Said:
        await trio.lowlevel.checkpoint()
        return Said("poll")

    shared = Realtime(at.realtime, apikey="key")
    module.add_source(shared, name="shared")
    for name in ("kitchen", "garden"):
        module.add_source(shared.channel(name, on_live=partial(says, name)), name=name)
    module.add_source(realtime_channel(at.realtime, "hall", apikey="key", on_live=partial(says, "hall")), name="hall")
    module.add_source(websocket_source(at.feed, decode=partial(says, "feed")), name="feed")
    module.add_source(repeat(Said("rhythm"), every=0.001), name="rhythm")
    module.add_source(poll(ask, every=0.001), name="poll")
    return module


def says(who: str, _told: object) -> Said:
    """Make the event."""
    return Said(who)


async def cycle(module: Module[Heard], *, evicts: bool) -> list[str]:
    """One system, from its start to its end; what went wrong."""
    errors: list[str] = []
    boundary = ErrorBoundary(on_error=lambda error, name: errors.append(f"{name}: {error!r}"))
    async with open_system(module, errors=boundary) as system:
        names = [each.name for each in fields(Heard)]
        try:
            await system.wait_until(lambda view: all(getattr(view[module], name) for name in names), timeout=30)
        except WaitTimeoutError:
            errors.append(f"heard is only {system[module]!r}")
        if evicts:
            report = await system.evict(trio.current_time() + 30)
            errors += [f"{name} hung" for name in report.hung]
    return errors


# -- counting ----------------------------------------------------------------------------------------------


@frozen
class Left:
    """What there is between two systems."""

    tasks: int
    files: int
    connections: int


async def run_some(at: ServerProcess, cycles: int) -> Left:
    """Some systems, one after the other, and what is left of them.

    Raises:
        AssertionError: Something went wrong in one.
    """
    module = module_with_all(at)
    for number in range(cycles):
        errors = await cycle(module, evicts=number % 2 == 1)
        assert not errors, errors
    with trio.move_on_after(10):  # for the servers to see the last ones end
        while at.connections():  # noqa: ASYNC110 - another process; there is no event to wait for
            await trio.sleep(0.005)
    return Left(tasks(), open_files(), at.connections())


def tasks() -> int:
    """How many tasks run in the program."""
    root = trio.lowlevel.current_root_task()
    waiting, count = [root] if root is not None else [], 0
    while waiting:
        count += 1
        waiting += [child for nursery in waiting.pop().child_nurseries for child in nursery.child_tasks]
    return count


def open_files() -> int:
    """How many file descriptors this process holds, where that can be known."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def run_cycles(cycles: int) -> bool:
    """Do it, print what is left after each tenth, and say whether it stays as much.

    A tenth is a run of trio of its own: trio remembers up to a thousand deadlines that are over, and their blocks would
    hide those that count.
    """
    begin, seen, blocks = monotonic(), list[Left](), list[int]()
    print(
        f"{cycles:,} systems\n{'systems':>10}{'tasks':>8}{'files':>8}{'connections':>13}{'blocks':>12}{'seconds':>10}"
    )
    with servers() as at:
        for tenth in range(1, TENTHS + 1):
            seen.append(now := trio.run(run_some, at, cycles // TENTHS))
            gc.collect()
            blocks.append(sys.getallocatedblocks())
            print(
                f"{tenth * cycles // TENTHS:>10,}{now.tasks:>8}{now.files:>8}{now.connections:>13}{blocks[-1]:>12,}"
                f"{monotonic() - begin:>10.1f}",
                flush=True,
            )
    grown, systems = blocks[-1] - blocks[WARM_UP - 1], cycles * (TENTHS - WARM_UP) // TENTHS
    print(f"{grown:+,} blocks in the last {systems:,}")
    return set(seen) == {Left(seen[0].tasks, seen[0].files, 0)} and grown <= SLACK * systems + NOISE


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cycling", description=__doc__)
    parser.add_argument("--cycles", type=int, default=CYCLES)
    parser.add_argument("--serve", action="store_true", help="be the servers")
    chosen = parser.parse_args(arguments)
    if chosen.serve:
        trio.run(Servers().serve)
    elif not run_cycles(chosen.cycles):
        sys.exit("something is left")


if __name__ == "__main__":
    main()
