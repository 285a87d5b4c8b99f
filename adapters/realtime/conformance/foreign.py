"""Our client against a server that somebody else wrote: it joins, hears, is answered, is refused, loses it, comes back.

The server is installed below ``build/conformance`` as the clients are (``servers/requirements.txt``). What it is, and
how far it speaks the protocol, stands in ``servers/liveview.py``.
"""

import os
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import trio
from attrs import define, field

from adapters.realtime.tests.world import RoomFacts, RoomGap, RoomLive, RoomLost, Said, room_module
from directive_trio import ErrorBoundary, Module, System, open_system
from directive_trio_realtime import Backoff, Broadcast, ChannelOptions, Patience, RealtimeChannel, realtime_channel
from directive_trio_realtime.errors import NotJoinedError

PATIENCE = 20.0
# A heartbeat that nobody answers ends the connection, and that would be seen as a gap.
QUICK = Patience(heartbeat=0.1, heartbeat_answer=2, answer=1, backoff=Backoff(first=0.05, most=0.2))
ROOMS = ("kitchen", "garden")
SCRIPT = Path(__file__).parent / "servers" / "liveview.py"


class DiffersError(Exception):
    """Our client saw something else than it should."""


class Server:
    """The other's server, a process on a port that stays, and what it has told."""

    def __init__(self, python: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._python = python
        self._process: trio.Process | None = None
        self.tokens: dict[str, str] = {}
        self.told: list[str] = []

    @property
    def url(self) -> str:
        """Where it is."""
        return f"ws://127.0.0.1:{self.port}/live/websocket"

    async def start(self, nursery: trio.Nursery) -> None:
        """Start it, again on the same port and with the same secret."""
        command = [str(self._python), str(SCRIPT), str(self.port), *(f"realtime:{name}" for name in ROOMS)]
        environment = {**os.environ, "PYVIEW_SECRET": "the same each time"}
        piped: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "env": environment}
        self._process = await nursery.start(partial(trio.run_process, command, check=False, **piped))
        listens = trio.Event()
        nursery.start_soon(self._listen, self._process, listens)
        await listens.wait()

    async def _listen(self, process: trio.Process, listens: trio.Event) -> None:
        assert process.stdout is not None
        rest = b""
        async for received in process.stdout:
            *lines, rest = (rest + received).split(b"\n")
            for line in lines:
                if listens.is_set():
                    self.told.append(line.decode().rstrip())
                else:
                    self.tokens = dict(zip(ROOMS, line.decode().split(), strict=True))
                    listens.set()

    async def say(self, text: str) -> None:
        """Tell every visitor."""
        assert self._process is not None
        assert self._process.stdin is not None
        await self._process.stdin.send_all(text.encode() + b"\n")

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()


@define
class Visit:
    """A running system of ours with one room at that server."""

    system: System
    room: Module[RoomFacts]
    channel: RealtimeChannel
    errors: list[BaseException] = field(factory=list)

    async def until(self, what: str, is_so: Callable[[RoomFacts], bool]) -> None:
        """Wait for it, or say what was waited for."""
        await until(what, lambda: is_so(self.system[self.room]), self)


async def until(what: str, is_so: Callable[[], bool], seen: object = None) -> None:
    """Look often; what this end and the other tell is told in no one place."""
    with trio.move_on_after(PATIENCE):
        while not is_so():  # noqa: ASYNC110 - there is no event to wait for
            await trio.sleep(0.01)
        return
    raise DiffersError(f"{what}: never; seen {seen!s:.1000}")


def shown(message: Broadcast) -> Said | None:
    """The text that the page has become; to a page that did not change nothing is said."""
    text = message.payload.get("0")
    return Said(text) if text is not None else None


@asynccontextmanager
async def visiting(server: Server, name: str, token: str) -> AsyncIterator[Visit]:
    """In a room, with this token."""

    async def give() -> str:
        return token

    room = room_module()
    channel = realtime_channel(
        server.url,
        name,
        ChannelOptions(broadcast_ack=True),
        token=give,
        patience=QUICK,
        on_broadcast={"diff": shown},
        on_live=RoomLive,
        on_lost=RoomLost,
        on_gap=RoomGap,
    )
    room.add_source(channel, name="channel")
    errors: list[BaseException] = []
    boundary = ErrorBoundary(on_error=lambda error, _id: errors.append(error))
    async with open_system(room, errors=boundary) as system:
        yield Visit(system, room, channel, errors)


async def meet(python: Path) -> list[str]:
    """Everything, in order; what was shown."""
    server = Server(python)
    async with trio.open_nursery() as nursery:
        await server.start(nursery)
        await visit(server, nursery)
        await be_refused(server)
        server.kill()
        nursery.cancel_scope.cancel()
    return ["joined", "heard", "answered", "kept alive by heartbeats", "back after it was killed", "left", "refused"]


async def visit(server: Server, nursery: trio.Nursery) -> None:
    """What works, until it is killed, and after."""
    (kitchen, garden), tokens = ROOMS, server.tokens
    async with visiting(server, kitchen, tokens[kitchen]) as here, visiting(server, garden, tokens[garden]) as there:
        for each in (here, there):
            await each.until("the join", lambda facts: facts.live)
        await until("both came", lambda: server.told == ["came", "came"], server.told)
        await server.say("good morning")
        await here.until("what it says", lambda facts: facts.said == ["good morning"])
        await here.channel.broadcast("greet", {"name": "Ada"})  # returns once the server has answered it
        for each in (here, there):
            await each.until("what one says", lambda facts: facts.said[-1] == 'greet {"name": "Ada"}')
        await trio.sleep(QUICK.heartbeat_answer + 10 * QUICK.heartbeat)
        for each in (here, there):
            assert (each.system[each.room].gaps, each.errors) == ([], []), each

        server.kill()
        for each in (here, there):
            await each.until("the loss", lambda facts: not facts.live)
        server.told.clear()
        await server.start(nursery)
        for each in (here, there):
            await each.until("the return", lambda facts: facts.live and len(facts.gaps) == 1)
        await server.say("good evening")
        for each in (here, there):
            await each.until("what it says then", lambda facts: facts.said[-1] == "good evening")
    await until("both left", lambda: server.told.count("left") == 2, server.told)  # noqa: PLR2004 - two visitors


async def be_refused(server: Server) -> None:
    """A token for something else: it hangs up, each time, and is tried again, ever later; nobody gets in."""
    server.told.clear()
    async with visiting(server, "kitchen", server.tokens["garden"]) as visit:
        await until("three refusals", lambda: len(visit.errors) > 2, visit)  # noqa: PLR2004 - so it is tried again
        assert not visit.system[visit.room].live
        try:
            await visit.channel.broadcast("greet", {})
        except NotJoinedError:
            pass
        else:
            raise DiffersError("who is not in the room could speak there")
    assert server.told == [], server.told
