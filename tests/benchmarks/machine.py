"""How slow this machine is: goals in seconds were set on another one, whose figures for the same are known.

What counts is the ratio: a goal of 10 µs is one of 20 µs where trio and Python take twice as long.
"""

import statistics
from collections.abc import Awaitable, Callable
from time import process_time
from typing import Any

import trio

REPETITIONS = 9


class Guarded:
    """A class whose writes go through Python, as those of views do."""

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


async def guarded_writes(times: int) -> None:
    guarded: Any = Guarded()
    for _ in range(times):
        guarded.number = 1


async def checkpoints(times: int) -> None:
    for _ in range(times):
        await trio.lowlevel.checkpoint()


async def nurseries(times: int) -> None:
    for _ in range(times):
        async with trio.open_nursery():
            pass


ANCHORS: dict[Callable[[int], Awaitable[None]], float] = {
    guarded_writes: 108e-9,
    checkpoints: 2.6e-6,
    nurseries: 7.3e-6,
}
"""What each took there, in seconds for one."""


async def slowness(times: int = 500) -> float:
    """Return how many times as long as there it takes here."""
    ratios: list[float] = []
    for anchor, there in ANCHORS.items():
        taken: list[float] = []
        for _ in range(REPETITIONS):
            begin = process_time()
            await anchor(times)
            taken.append((process_time() - begin) / times)
        ratios.append(statistics.median(taken) / there)
    return statistics.median(ratios)
