"""A program of its own: realtime servers that tell of numbered rows, one server at a time, each a process to be killed.

It reads orders from its input and answers with the id of the process: ``PORT NUMBER`` starts a server that says every
millisecond that a row was inserted, ``NUMBER * STEP``, the next one … once the server before is dead.
"""

import os
import sys
from itertools import count

import trio

from directive_trio_realtime.testing import RealtimeServer

STEP = 1_000_000


async def serve(port: int, number: int) -> None:
    """Serve, and tell of rows, until killed."""
    server = RealtimeServer()
    async with trio.open_nursery() as nursery:
        await nursery.start(server.serve, "127.0.0.1", port)
        for row in count(number * STEP):
            server.change("todos", record={"id": row})
            await trio.sleep(0.001)


def main() -> None:
    """Start a server for each order. Forking costs a few milliseconds, a new interpreter a hundred times that."""
    child = 0
    for order in sys.stdin:
        port, number = map(int, order.split())
        if child:
            os.waitpid(child, 0)  # or its port would still be taken
        child = os.fork()
        if not child:
            trio.run(serve, port, number)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
