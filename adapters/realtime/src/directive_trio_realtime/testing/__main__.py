"""The test server as a process: ``python -m directive_trio_realtime.testing --port 0``.

It prints its address on a line, and then takes words from its input, each a line of JSON: the name of a method
of the server, its arguments, and last, if wanted, an object of named ones. ``["crash", "room"]`` ·
``["change", "todos", {"record": {"id": 1}}]`` · ``["kill"]``. Each is answered with a line, ``ok`` or what was wrong.
When its input ends it goes on until it is interrupted.
"""

import argparse
import json
import os
import sys
from collections.abc import AsyncIterator

import trio

from directive_trio_realtime.testing._server import RealtimeServer

WORDS = frozenset({
    *("broadcast", "change", "close", "crash", "disconnect", "drain", "expire", "freeze", "kill", "members"),
    *("refuse_connections", "refuse_joins", "send", "send_raw", "stream", "system", "thaw"),
})  # fmt: skip


def obey(server: RealtimeServer, line: str) -> str:
    """Do what a line says; the answer to it."""
    try:
        word, *arguments = json.loads(line)
        if word not in WORDS:
            return f"error: there is no word {word!r}; there are {', '.join(sorted(WORDS))}"
        named = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
        answer = getattr(server, word)(*arguments, **named)
    except (ValueError, TypeError) as error:
        return f"error: {error}"
    return "ok" if answer is None else f"ok {answer}"


async def lines(stream: trio.abc.ReceiveStream) -> AsyncIterator[str]:
    """The lines of a stream, as they come."""
    rest = b""
    async for received in stream:
        *whole, rest = (rest + received).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")


async def main(arguments: list[str]) -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m directive_trio_realtime.testing", description="A realtime test server."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0, the default, is any free one")
    parser.add_argument("--apikey", help="the only key that is accepted; without it, any")
    options = parser.parse_args(arguments)
    server = RealtimeServer(apikey=options.apikey)
    async with trio.open_nursery() as nursery:
        await nursery.start(server.serve, options.host, options.port)
        say(server.url)
        async for line in lines(trio.lowlevel.FdStream(os.dup(sys.stdin.fileno()))):
            say(obey(server, line))


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    trio.run(main, sys.argv[1:])
