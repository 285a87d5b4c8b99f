"""W9: what one more fact, derivation or constraint keeps in memory; classes and functions are not counted."""

import gc
import tracemalloc
from contextlib import asynccontextmanager
from typing import Any

from directive_trio import Module, open_system
from tests.benchmarks.made import asks_if_set, declare_each, module_of
from tests.benchmarks.measuring import Bench, Benches, Prepare


def memory_of(kind: str) -> Prepare:
    """Return the workload for ``facts``, ``derivations`` (each read once) or ``constraints`` (each asked once)."""

    @asynccontextmanager
    async def prepare(size: int) -> Benches:
        if kind == "derivations":
            small, large = module_of(1), module_of(1, tuple(f"self.f0 + {number}" for number in range(size)))
        else:
            small, large = module_of(1 if kind == "facts" else size), module_of(size)
        if kind == "constraints":
            declare_each(large, size, asks_if_set)

        async def measure() -> float:
            return (await kept_by(large) - await kept_by(small)) / size

        yield Bench(measure)

    return prepare


async def kept_by(module: Module[Any]) -> int:
    """Return the bytes that a settled system of *module* keeps, with its classes made before."""
    async with open_system(module):
        pass  # the first system made from a module makes the classes of its views
    gc.collect()
    tracemalloc.start()
    try:
        async with open_system(module) as system:
            view = system[module]
            for name in module.schema.derivations:
                getattr(view, name)
            await system.settle()
            gc.collect()
            kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return kept
