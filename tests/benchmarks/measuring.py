"""How it is measured: side by side, repeated, median and minimum, collector off.

A *bench* is one workload set up and ready: ``measure`` performs it once or many times and returns the seconds (or
bytes) for one. Each repetition measures the workload, then its floor, so whatever slows the machine down for a while
slows both. Time is processor time: what else the machine does is not counted, and no workload waits.
"""

import gc
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from time import process_time

import trio
from attrs import field, frozen

ROUNDS = 4
"""How often the scheduler goes round after a change; the pass is over after three."""

Step = Callable[[], object]


@frozen
class Bench:
    """One workload, ready. ``check`` asserts what must be true after it, however often it was measured."""

    measure: Callable[[], Awaitable[float]]
    check: Callable[[], None] = lambda: None


Prepare = Callable[[int], AbstractAsyncContextManager[Bench]]
Benches = AsyncIterator[Bench]


@frozen
class Unit:
    """What a figure is shown in."""

    name: str
    scale: float


NS, US, MS, BYTES = Unit("ns", 1e9), Unit("µs", 1e6), Unit("ms", 1e3), Unit("B", 1.0)


@frozen
class Workload:
    """What is measured, and its goal: a figure in its unit, or with *of_floor* a multiple of its floor.

    ``small`` is the size at which it takes no time to speak of: the tests run it so.
    """

    id: str
    title: str
    prepare: Prepare
    unit: Unit
    goal: float | None = None
    size: int = 1
    small: int = 3
    floor: Prepare | None = None
    of_floor: bool = False


@frozen
class Figures:
    """What was measured of one workload, in seconds or bytes."""

    workload: Workload
    runs: tuple[float, ...]
    floors: tuple[float, ...] = field(default=())

    @property
    def median(self) -> float:
        return statistics.median(self.runs)

    @property
    def floor(self) -> float | None:
        return statistics.median(self.floors) if self.floors else None

    @property
    def ratio(self) -> float | None:
        """The median of the ratios, each taken side by side."""
        if not self.floors:
            return None
        return statistics.median(run / floor for run, floor in zip(self.runs, self.floors, strict=True))

    def met(self, slowness: float = 1.0) -> bool | None:
        """Whether the goal is met; one in seconds is eased by how slow this machine is (see `machine`)."""
        workload = self.workload
        if workload.goal is None:
            return None
        if workload.of_floor:
            assert self.ratio is not None  # a goal of the floor has one
            return self.ratio <= workload.goal
        allowed = workload.goal if workload.unit is BYTES else workload.goal * slowness
        return self.median * workload.unit.scale <= allowed


async def measure(workload: Workload, repetitions: int) -> Figures:
    """Measure a workload and its floor, in turns, after a warm-up."""
    runs: list[float] = []
    floors: list[float] = []
    async with AsyncExitStack() as stack:
        bench = await stack.enter_async_context(workload.prepare(workload.size))
        floor = None if workload.floor is None else await stack.enter_async_context(workload.floor(workload.size))
        for _ in range(repetitions + 1):
            runs.append(await once(bench))
            if floor is not None:
                floors.append(await once(floor))
        bench.check()
    return Figures(workload, tuple(runs[1:]), tuple(floors[1:]))


async def once(bench: Bench) -> float:
    """Measure once, with no collection in between."""
    await trio.lowlevel.checkpoint()
    gc.collect()
    gc.disable()
    try:
        return await bench.measure()
    finally:
        gc.enable()


def of_each(step: Callable[[int], object], times: int) -> Callable[[], Awaitable[float]]:
    """Time a sync function that loops by itself."""

    async def measure_it() -> float:
        begin = process_time()
        step(times)
        return (process_time() - begin) / times

    return measure_it


def net_of_rounds(step: Step, times: int) -> Callable[[], Awaitable[float]]:
    """Time a step and the pass that follows; what the scheduler takes to go round anyhow is taken off."""

    async def measure_it() -> float:
        begin = process_time()
        for _ in range(times):
            step()
            await rounds()
        middle = process_time()
        for _ in range(times):
            await rounds()
        return (middle - begin - (process_time() - middle)) / times

    return measure_it


async def rounds() -> None:
    """Let the loop work."""
    for _ in range(ROUNDS):
        await trio.lowlevel.checkpoint()
