"""How it is measured: side by side, repeated, median and minimum, collector off.

A *bench* is one workload set up and ready: ``measure`` performs it once or many times and returns the seconds (or
bytes) for one. Each repetition measures the workload, then its floor, then each peer (a process of its own, which is
asked for one repetition at a time), then the yardstick that says how slow the machine is just now: whatever slows the
machine down for a while slows all of them. Time is processor time: what else the machine does is not counted, and no
workload waits.
"""

import gc
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from time import monotonic, process_time
from typing import Protocol

import trio
from attrs import field, frozen

from tests.benchmarks.machine import slowness

ROUNDS = 4
"""How often the scheduler goes round after a change; the pass is over after three."""

TURN = 20
"""So many steps, then so many idle rounds: the clock is a system call, after which a step alone would be slower."""

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

    ``small`` is the size at which it takes no time to speak of: the tests run it so. ``quick`` is whether it is
    measured when there is little time.
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
    quick: bool = True


@frozen
class Effort:
    """How often each is measured: *repetitions* times, fewer if that takes longer than *seconds*, but *fewest*."""

    repetitions: int = 25
    seconds: float = 20.0
    fewest: int = 3


class Peer(Protocol):
    """Another library that can do some of the workloads."""

    @property
    def name(self) -> str: ...

    def can(self, workload: str) -> bool: ...

    def measure(self, workload: str, size: int) -> float: ...


@frozen
class Figures:
    """What was measured of one workload, in seconds or bytes, repetition by repetition."""

    workload: Workload
    runs: tuple[float, ...]
    floors: tuple[float, ...] = ()
    peers: Mapping[str, tuple[float, ...]] = field(factory=dict)
    slowness: float = 1.0

    @property
    def median(self) -> float:
        return statistics.median(self.runs)

    @property
    def minimum(self) -> float:
        return min(self.runs)

    @property
    def floor(self) -> float | None:
        return statistics.median(self.floors) if self.floors else None

    @property
    def ratio(self) -> float | None:
        """The median of the ratios to the floor, each taken side by side."""
        return self.ratio_to(self.floors) if self.floors else None

    @property
    def best_peer(self) -> str | None:
        """The name of the peer that took the least."""
        return min(self.peers, key=lambda name: statistics.median(self.peers[name]), default=None)

    def ratio_to(self, others: Sequence[float]) -> float:
        return statistics.median(run / other for run, other in zip(self.runs, others, strict=True))

    @property
    def of_goal(self) -> float | None:
        """How many times its goal it is; None where there is no goal."""
        workload = self.workload
        if workload.goal is None:
            return None
        if not workload.of_floor:
            return self.median * workload.unit.scale / workload.goal
        assert self.ratio is not None  # a goal of the floor has one
        return self.ratio / workload.goal

    @property
    def eased(self) -> float | None:
        """The same, if the goal is as much longer as this machine is slower; ratios and bytes do not care."""
        times = self.of_goal
        is_time = not self.workload.of_floor and self.workload.unit is not BYTES
        return times / self.slowness if times is not None and is_time else times

    @property
    def met(self) -> str | None:
        """Whether the goal is met: yes, no, or *eased*: only because this machine is slower (see `machine`)."""
        if self.of_goal is None or self.eased is None:
            return None
        return "yes" if self.of_goal <= 1 else "eased" if self.eased <= 1 else "no"


async def measure(workload: Workload, effort: Effort, peers: Sequence[Peer] = ()) -> Figures:
    """Measure a workload, its floor and its peers, in turns, after a warm-up."""
    able = [peer for peer in peers if peer.can(workload.id)]
    runs: list[float] = []
    floors: list[float] = []
    others: dict[str, list[float]] = {peer.name: [] for peer in able}
    slow: list[float] = []
    async with AsyncExitStack() as stack:
        bench = await stack.enter_async_context(workload.prepare(workload.size))
        floor = None if workload.floor is None else await stack.enter_async_context(workload.floor(workload.size))
        gc.collect()
        gc.freeze()  # or each collection before a repetition would walk over all that has been set up
        stack.callback(gc.unfreeze)
        end = monotonic() + effort.seconds
        while len(runs) <= effort.repetitions and (monotonic() < end or len(runs) <= effort.fewest):
            runs.append(await once(bench))
            if floor is not None:
                floors.append(await once(floor))
            for peer in able:
                others[peer.name].append(peer.measure(workload.id, workload.size))
            slow.append(await slowness())
        bench.check()
    kept = {name: tuple(taken[1:]) for name, taken in others.items()}
    return Figures(workload, tuple(runs[1:]), tuple(floors[1:]), kept, statistics.median(slow[1:]))


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
    """Time a step and the pass that follows; what the scheduler takes to go round anyhow is taken off, in turns."""

    async def measure_it() -> float:
        taken = 0.0
        for done in range(0, times, TURN):
            turn = range(min(TURN, times - done))
            begin = process_time()
            for _ in turn:
                step()
                await rounds()
            middle = process_time()
            for _ in turn:
                await rounds()
            taken += middle - begin - (process_time() - middle)
        return taken / times

    return measure_it


async def rounds() -> None:
    """Let the loop work."""
    for _ in range(ROUNDS):
        await trio.lowlevel.checkpoint()
