"""The other end of `tests.benchmarks.peer`: a process in the peers' environment answers one request a line.

``W3c 100`` is answered with the seconds that one took, measured as ours are: processor time, no collection in
between. What a request needs is made once, at its first, and kept.
"""

import gc
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from itertools import count
from time import process_time

Measure = Callable[[], float]
"""Performs the workload, and returns the seconds that one took."""

FACTOR = 5
"""So often those that take long for one are performed at a time."""


def answer(distribution: str, workloads: Mapping[str, Callable[[int], Measure]]) -> None:
    """Say who is here, then answer until nobody asks any more."""
    print(json.dumps({"version": version(distribution), "workloads": list(workloads)}), flush=True)
    made: dict[tuple[str, int], Measure] = {}
    for line in sys.stdin:
        name, size = line.split()
        key = name, int(size)
        if key not in made:
            made[key] = workloads[name](int(size))
        print(undisturbed(made[key]), flush=True)


def undisturbed(measure: Measure) -> float:
    gc.collect()
    gc.disable()
    try:
        return measure()
    finally:
        gc.enable()


def each(step: Callable[[], None], times: int) -> Measure:
    """Return what measures a step that performs the workload so many times."""

    def measure() -> float:
        begin = process_time()
        step()
        return (process_time() - begin) / times

    return measure


def fresh_numbers() -> Iterator[int]:
    """Return numbers of which each is a change."""
    return count(1000)
