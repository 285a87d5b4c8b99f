"""W14: frames of 64 bytes from a server on loopback, through the websocket adapter and through the library below it.

Server and client are tasks of one process, so both figures hold the server's work too: what the adapter adds is
judged against what receiving a frame takes in all, as it was when the goal was set.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import process_time

import trio
from attrs import define, frozen
from trio_websocket import ConnectionClosed, WebSocketRequest, open_websocket_url, serve_websocket

from directive_trio import Module, open_system
from directive_trio_websocket import websocket_source
from tests.benchmarks.measuring import Bench, Benches

FRAME = "x" * 64


@frozen
class Frame:
    """What a message becomes."""

    text: str


@define
class InboundFacts:
    """What the program keeps."""

    frames: int = 0


async def send_frames(request: WebSocketRequest) -> None:
    """Send as many frames as each message says."""
    connection = await request.accept()
    try:
        while True:
            for _ in range(int(await connection.get_message())):
                await connection.send_message(FRAME)
    except ConnectionClosed:
        return


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    """A server for the length of a block; answers its URL."""
    async with trio.open_nursery() as nursery:
        server = await nursery.start(serve_websocket, send_frames, "127.0.0.1", 0, None)
        yield f"ws://127.0.0.1:{server.port}"
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def raw_frames(frames: int) -> Benches:
    """Receive with trio-websocket."""
    async with serving() as url, open_websocket_url(url) as connection:

        async def measure() -> float:
            begin = process_time()
            await connection.send_message(str(frames))
            for _ in range(frames):
                await connection.get_message()
            return (process_time() - begin) / frames

        yield Bench(measure)


@asynccontextmanager
async def frames_of_a_feed(frames: int) -> Benches:
    """Receive with the adapter: each frame is an event whose handler writes a fact."""
    module = Module("inbound", InboundFacts)
    all_there = trio.Event()

    @module.on(Frame)
    def count(facts: InboundFacts, event: Frame) -> None:
        facts.frames += 1
        if facts.frames == frames:
            all_there.set()

    async with serving() as url:
        feed = websocket_source(url, decode=lambda message: Frame(str(message)))
        module.add_source(feed, name="feed")
        async with open_system(module) as system:
            await feed.connection.wait_connected()
            measured = 0

            async def measure() -> float:
                nonlocal all_there, measured
                all_there = trio.Event()
                system[module].frames = 0
                measured += 1
                begin = process_time()
                await feed.connection.send(str(frames))
                await all_there.wait()
                return (process_time() - begin) / frames

            def check() -> None:
                (source,) = system.inspect().sources
                assert (source.publish_count, source.drop_count) == (measured * frames, 0)

            yield Bench(measure, check)
