"""What the examples share: a server as a process of its own, and a client of it."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from demo.server_process import open_server


@asynccontextmanager
async def open_api() -> AsyncIterator[httpx.AsyncClient]:
    """Run the server for as long as the block lasts, and give a client of it."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            open_server(program="examples.server", log=Path(folder) / "server.log") as server,
            httpx.AsyncClient(base_url=server.url, timeout=None, trust_env=False) as client,
        ):
            yield client


async def what_was_asked(client: httpx.AsyncClient, *about: str) -> list[str]:
    """Ask the server what it was asked; only what begins with one of these words, if there are any."""
    asked: list[str] = (await client.get("/api/asked")).json()
    return [one for one in asked if one.startswith(about or "")]


async def until_asked(client: httpx.AsyncClient, what: str) -> None:
    """Wait until the server was asked something."""
    await client.get("/api/asked", params={"until": what})
