"""How a server process listens, says where, and ends with the program that started it."""

import logging
import os
from functools import partial
from typing import cast

import hypercorn.trio
import trio
from hypercorn.config import Config
from hypercorn.typing import Framework
from starlette.applications import Starlette
from starlette.requests import Request


async def serve(app: Starlette, port: int) -> None:
    """Listen on the loopback address, say where, and go on until the input ends."""
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.accesslog = config.errorlog = logging.getLogger(__name__)
    config.graceful_timeout = 0.5
    listen = partial(hypercorn.trio.serve, cast(Framework, app), config)
    async with trio.open_nursery() as nursery:
        urls = await nursery.start(partial(listen, shutdown_trigger=input_ends))
        print(urls[0], flush=True)


async def input_ends() -> None:
    """Wait for the end of standard input: the other end of the pipe is gone."""
    await trio.to_thread.run_sync(os.read, 0, 1, abandon_on_cancel=True)


async def client_hangs_up(request: Request) -> None:
    """Wait until the other side has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
