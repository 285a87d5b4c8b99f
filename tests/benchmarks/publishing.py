"""W11: from a source to the event handler and through one pass, many publishes in one turn of the scheduler."""

from contextlib import asynccontextmanager
from itertools import repeat
from time import process_time
from typing import Literal

import trio
from attrs import define, frozen

from directive_trio import Module, SourceLink, open_system
from tests.benchmarks.measuring import Bench, Benches, Prepare


@define
class Meter:
    total: int = 0


@frozen
class Tick:
    step: int = 1


def publish(coalesce: Literal["none", "last_write_wins"]) -> Prepare:
    """Return the workload: a burst of publishes and the pass that follows, for each publish."""

    @asynccontextmanager
    async def prepare(times: int) -> Benches:
        meter, links = Module("meter", Meter), list[SourceLink]()
        attached = trio.Event()

        @meter.on(Tick)
        def tick(facts: Meter, event: Tick) -> None:
            facts.total += event.step

        @meter.source(coalesce=coalesce)
        async def line(link: SourceLink) -> None:
            link.attached()
            links.append(link)
            attached.set()
            await trio.sleep_forever()

        async with open_system(meter) as system:
            await attached.wait()
            await system.settle()
            link, event = links[0], Tick()

            async def measure() -> float:
                begin = process_time()
                for _ in repeat(None, times):
                    link.publish(event)
                await system.settle()
                return (process_time() - begin) / times

            yield Bench(measure)

    return prepare


@asynccontextmanager
async def channel(times: int) -> Benches:
    """Send through a memory channel and receive, without a handler."""
    send, receive = trio.open_memory_channel[int](times)

    async def measure() -> float:
        begin = process_time()
        for number in range(times):
            send.send_nowait(number)
        for _ in range(times):
            receive.receive_nowait()
        return (process_time() - begin) / times

    with send, receive:
        yield Bench(measure)
