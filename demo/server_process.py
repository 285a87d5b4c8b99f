"""Start the API as its own process, wait until it answers, and never leave it behind."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import trio
from attrs import frozen

START_TIMEOUT = 6.0
"""Seconds the server may take until it answers."""


class ServerStartError(Exception):
    """The server did not come up; the message says what it left in its log."""


@frozen
class Server:
    """The running server process."""

    url: str
    process: trio.Process

    @property
    def pid(self) -> int:
        """Process id, for the curious and for the tests."""
        return self.process.pid

    async def kill(self) -> None:
        """End the process at once, as a crash would, and wait until it is gone."""
        self.process.kill()
        await self.process.wait()

    async def exit_status(self) -> int | None:
        """Exit status, or None while the process runs; a dying one gets a moment to finish."""
        with trio.move_on_after(0.2):
            await self.process.wait()
        return self.process.returncode


@asynccontextmanager
async def open_server(*arguments: str, log: Path, program: str = "demo.server") -> AsyncIterator[Server]:
    """Run ``python -m demo.server``, or another such program, for as long as the block lasts.

    Leaving the block, in whatever way, terminates the process and waits for its end. Its
    standard input is a pipe that ends with this program, so it ends even if this one is killed.

    Args:
        arguments: Passed on to the server.
        log: File that receives what the server writes to standard error.
        program: The module to run. It prints its address, and answers to ``/api/health``.

    Raises:
        ServerStartError: It ended, or gave no answer in ``START_TIMEOUT`` seconds.
    """
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(partial(run_server, (program, *arguments), log))
        yield Server(await wait_until_it_answers(process, log), process)
        nursery.cancel_scope.cancel()


async def run_server(
    program: tuple[str, ...],
    log: Path,
    *,
    task_status: trio.TaskStatus[trio.Process],
) -> None:
    """Run the process, a module and its arguments, to its end; cancelling terminates and reaps it.

    A session of its own keeps the Ctrl-C of the terminal away from it: the demo decides.
    """
    command = [sys.executable, "-m", *program]
    with log.open("wb") as stderr:
        await trio.run_process(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            cwd=Path(__file__).parent.parent,
            check=False,
            start_new_session=True,
            task_status=task_status,
        )


async def wait_until_it_answers(process: trio.Process, log: Path) -> str:
    """Answer the server's address once a request to it has been answered."""
    with trio.move_on_after(START_TIMEOUT):
        url = await first_line(process)
        if url and await is_healthy(url):
            return url
    raise ServerStartError(last_line(log) or f"no answer in {START_TIMEOUT:g} s, and an empty log")


async def first_line(process: trio.Process) -> str:
    """Read one line of the server's output; empty if it ends before."""
    assert process.stdout is not None
    line = b""
    while not line.endswith(b"\n"):
        received = await process.stdout.receive_some()
        if not received:
            return ""
        line += received
    return line.decode().strip()


async def is_healthy(url: str) -> bool:
    """Ask the server once whether it is well."""
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=None) as client:
        try:
            return (await client.get("/api/health")).is_success
        except httpx.HTTPError:
            return False


def last_line(log: Path) -> str:
    """Last line the server wrote to its log: of a traceback, the error itself."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
