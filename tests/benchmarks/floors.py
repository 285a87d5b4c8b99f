"""The floors: what plain Python and bare trio take for the same, measured in the same run."""

from contextlib import asynccontextmanager
from time import process_time

import trio
from attrs import define

from tests.benchmarks.measuring import Bench, Benches, net_of_rounds, of_each

TIMES = 2000


@define
class Plain:
    number: int = 0


@asynccontextmanager
async def slot_write(_: int) -> Benches:
    plain = Plain()

    def write(times: int) -> None:
        for number in range(times):
            plain.number = number

    yield Bench(of_each(write, TIMES))


@asynccontextmanager
async def slot_read(_: int) -> Benches:
    plain = Plain()

    def read(times: int) -> None:
        for _ in range(times):
            plain.number  # noqa: B018  # the read is the workload

    yield Bench(of_each(read, TIMES))


@asynccontextmanager
async def wake_up(_: int) -> Benches:
    """Wake one parked task, which goes once round the scheduler before it parks again."""
    parked: list[trio.lowlevel.Task] = []

    async def park() -> None:
        while True:
            parked.append(trio.lowlevel.current_task())
            await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.SUCCEEDED)
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(park)
        await trio.lowlevel.checkpoint()
        yield Bench(net_of_rounds(lambda: trio.lowlevel.reschedule(parked.pop()), 200))
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def tasks(count: int) -> Benches:
    """Start tasks, each with a scope of its own, and wait for the last."""
    left = [0]
    times = max(1, 300 // count)

    async def work(done: trio.Event) -> None:
        with trio.CancelScope():
            await trio.lowlevel.checkpoint()
        left[0] -= 1
        if not left[0]:
            done.set()

    async def measure() -> float:
        begin = process_time()
        for _ in range(times):
            left[0] = count
            done = trio.Event()
            for _ in range(count):
                nursery.start_soon(work, done)
            await done.wait()
        return (process_time() - begin) / times

    async with trio.open_nursery() as nursery:
        yield Bench(measure)
