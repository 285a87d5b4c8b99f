"""W9 and the rest of memory: what one more of a thing keeps, and what its classes and functions keep, apart."""

import gc
import tracemalloc
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import trio
import trio.testing

from directive_trio import Context, Module, open_system
from tests.benchmarks.made import Job, asks_if_set, asks_together, declare_each, module_of
from tests.benchmarks.measuring import Bench, Benches, Prepare


def memory_of(kind: str) -> Prepare:
    """Return the workload for ``facts``, ``derivations`` (each read once) or ``constraints`` (each asked once)."""

    @asynccontextmanager
    async def prepare(size: int) -> Benches:
        without, module = module_without(kind, size), module_with(kind, size)

        async def measure() -> float:
            return (await kept_by_system(module) - await kept_by_system(without)) / size

        yield Bench(measure)

    return prepare


def definitions_of(kind: str) -> Prepare:
    """Return the workload for what the definitions of the same keep: code, functions, classes, views, schemas."""

    @asynccontextmanager
    async def prepare(size: int) -> Benches:
        async def define(make: Callable[[str, int], Module[Any]]) -> Module[Any]:
            module = make(kind, size)
            async with open_system(module):  # the first system made from a module makes the classes of its views
                pass
            return module

        async def measure() -> float:
            return (await kept_by(define, module_with) - await kept_by(define, module_without)) / size

        yield Bench(measure)

    return prepare


def module_with(kind: str, size: int) -> Module[Any]:
    if kind == "derivations":
        return module_of(1, tuple(f"self.f0 + {number}" for number in range(size)))
    module = module_of(size)
    if kind == "constraints":
        declare_each(module, size, asks_if_set)
    return module


def module_without(kind: str, size: int) -> Module[Any]:
    """Return a module that differs from the one above by what is measured, and nothing else."""
    return module_of(size if kind == "constraints" else 1)


async def kept_by_system(module: Module[Any]) -> int:
    """Return the bytes that a settled system of *module* keeps, with its classes made before."""
    async with open_system(module):
        pass
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


async def kept_by(make: Callable[..., Awaitable[object]], *arguments: object) -> int:
    """Return the bytes that are kept, at the end, by what *make* has made."""
    gc.collect()
    tracemalloc.start()
    try:
        made = await make(*arguments)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
        del made
    finally:
        tracemalloc.stop()
    return kept


@asynccontextmanager
async def memory_of_runs(size: int) -> Benches:
    """So many runs hang; the constraints that ask for them were there before."""
    module = module_of(1)
    declare_each(module, size, asks_together)

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Any]) -> None:
        await trio.sleep_forever()

    async with open_system(module) as system:
        await system.settle()
        view = system[module]

        async def start() -> None:
            view.f0 = 1
            await trio.testing.wait_all_tasks_blocked()

        async def measure() -> float:
            kept = await kept_by(start)
            assert len(system.inspect().runs) == size
            view.f0 = 0
            await system.settle()
            return kept / size

        yield Bench(measure)


@asynccontextmanager
async def memory_of_tasks(size: int) -> Benches:
    """So many bare tasks, each in a scope of its own, hang."""

    async def work() -> None:
        with trio.CancelScope():
            await trio.sleep_forever()

    async def measure() -> float:
        async with trio.open_nursery() as nursery:

            async def start() -> None:
                for _ in range(size):
                    nursery.start_soon(work)
                await trio.testing.wait_all_tasks_blocked()

            kept = await kept_by(start)
            nursery.cancel_scope.cancel()
        return kept / size

    yield Bench(measure)


@asynccontextmanager
async def memory_of_observations(size: int) -> Benches:
    """An observer keeps what it is told of so many passes, of one changed fact each."""
    module = module_of(1)
    async with open_system(module) as system:
        await system.settle()
        view, numbers, told = system[module], count(1), list[object]()
        system.observe(told.append)

        async def write() -> None:
            for _ in range(size):
                view.f0 = next(numbers)
                await system.settle()

        async def measure() -> float:
            told.clear()
            kept = await kept_by(write)
            assert len(told) >= size
            return kept / len(told)

        yield Bench(measure)
