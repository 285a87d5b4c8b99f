"""A program of its own: servers of numbered messages, one at a time, each a process that can be killed.

It reads orders from its input and answers with the id of the process: ``PORT NUMBER`` starts a server that sends
``NUMBER:0``, ``NUMBER:1`` … to everybody as fast as it can, once the one before is dead. Forking costs a few
milliseconds, a new interpreter a hundred times that.
"""

import os
import sys
from functools import partial
from itertools import count

import trio
from trio_websocket import ConnectionClosed, WebSocketRequest, serve_websocket


async def send_numbers(number: str, request: WebSocketRequest) -> None:
    """Send until nobody listens."""
    connection = await request.accept()
    try:
        for index in count():
            await connection.send_message(f"{number}:{index}")
    except ConnectionClosed:
        return


def main() -> None:
    """Start a server for each order."""
    child = 0
    for order in sys.stdin:
        port, number = order.split()
        if child:
            os.waitpid(child, 0)  # or its port would still be taken
        child = os.fork()
        if not child:
            trio.run(partial(serve_websocket, partial(send_numbers, number), "127.0.0.1", int(port), None))
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


main()
