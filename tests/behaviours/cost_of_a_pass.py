"""What a change, the waking of the loop and the pass cost, once among a hundred others and once among ten thousand.

Counted are the bytecodes executed, of whatever code, and the most memory in use at once. Neither is a time, so a
busy machine changes nothing. Each is taken several times, in several systems if need be, and the least counts: a
table that happens to grow is not the cost of the pass.

It is a program: `python -m tests.behaviours.cost_of_a_pass WORKLOAD` writes both costs as JSON. In an interpreter of
its own nobody else allocates or traces.
"""

import gc
import json
import sys
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from types import FrameType
from typing import Any

import attrs
import trio
from attrs import define, frozen
from trio.testing import MockClock

from directive_trio import Context, Module, System, fact, open_system

FEW, MANY = 100, 10_000
BYTES = 256
"""How much dearer the pass may be among many."""
WARM_UPS, COUNTS, PEAKS = 16, 4, 32
STEPS = WARM_UPS + COUNTS + PEAKS
SYSTEMS = 5
ROUNDS = 6
"""How often the scheduler goes round after a change. The pass is over after three."""

Step = Callable[[], None]
Workload = Callable[[int], AbstractAsyncContextManager[tuple[System, Step]]]


@frozen
class Job:
    number: int


@define
class Switches:
    wanted: bool = True
    unrelated: int = 0


# -- the workloads: each gives a system and a step to take in it ---------------------------------------


@asynccontextmanager
async def inactive_constraints(size: int) -> AsyncIterator[tuple[System, Step]]:
    """W7: each reads a fact of its own and asks for nothing; one of the facts changes."""
    facts_class: Any = attrs.make_class("Facts", {f"f{number}": fact(0) for number in range(size)})
    facts_class.__annotations__ = {f"f{number}": int for number in range(size)}
    module: Module[Any] = Module("many", facts_class)
    asked: list[str] = []
    for number in range(size):
        declare_reader(module, f"f{number}", asked)
    async with open_system(module) as system:
        await rounds()
        view, values = system[module], count(1)
        asked.clear()

        def step() -> None:
            view.f7 = next(values)

        yield system, step
        assert asked == ["f7"] * STEPS


def declare_reader(module: Module[Any], name: str, asked: list[str]) -> None:
    @module.constraint(name=f"reads_{name}")
    def reads(facts: Any) -> Job | None:
        asked.append(name)
        return Job(0) if getattr(facts, name) < 0 else None


@asynccontextmanager
async def pending_runs(size: int) -> AsyncIterator[tuple[System, Step]]:
    """W7b: each constraint asks, and its run hangs; a fact changes that none of them reads."""
    module, _ = module_of_jobs(size)
    async with open_system(module) as system:
        await rounds()
        view, values = system[module], count(1)

        def step() -> None:
            view.unrelated = next(values)

        yield system, step
        assert len(system.inspect().runs) == size


@asynccontextmanager
async def ending_runs(size: int) -> AsyncIterator[tuple[System, Step]]:
    """W7c: each constraint asks, and its run hangs; one of the runs ends and has written nothing."""
    module, gates = module_of_jobs(size)
    async with open_system(module) as system:
        await rounds()
        numbers = count(7)

        def step() -> None:
            gates[next(numbers)].set()

        yield system, step
        assert len(system.inspect().runs) == size - STEPS


@asynccontextmanager
async def unmet_requirements(size: int) -> AsyncIterator[tuple[System, Step]]:
    """Each constraint asks, and its run has ended without meeting it; a fact changes that none of them reads."""
    module, gates = module_of_jobs(size)
    for gate in gates:
        gate.set()
    async with open_system(module) as system:
        await system.settle(timeout=None)
        view, values = system[module], count(1)

        def step() -> None:
            view.unrelated = next(values)

        yield system, step
        assert {found.state for found in system.inspect().requirements} == {"unsatisfied"}
        assert len(system.inspect().requirements) == size


@asynccontextmanager
async def effects_and_watchers(size: int) -> AsyncIterator[tuple[System, Step]]:
    """So many effects and watchers, of which one each reads the fact that changes."""
    module = Module("watched", Switches)
    ran = Counter[str]()
    for number in range(size):
        module.effect(name=f"effect_{number}")(lambda facts: ran.update([f"others {facts.wanted}"]))

    @module.effect
    def mirror(facts: Switches) -> None:
        ran["effect"] += facts.unrelated

    async with open_system(module) as system:
        for _ in range(size):
            system.watch("watched::wanted", lambda new, old: ran.update(["others"]))
        system.watch("watched::unrelated", lambda new, old: ran.update(watcher=new))
        await system.settle()
        view, values = system[module], count(1)
        ran.clear()

        def step() -> None:
            view.unrelated = next(values)

        yield system, step
        assert ran == {"effect": sum(range(STEPS + 1)), "watcher": sum(range(STEPS + 1))}


def module_of_jobs(size: int) -> tuple[Module[Switches], list[trio.Event]]:
    """As many constraints; each asks for a job of its own, whose run waits for an event of its own."""
    module = Module("jobs", Switches)
    gates = [trio.Event() for _ in range(size)]
    for number in range(size):
        declare_job(module, number)

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Switches]) -> None:
        await gates[requirement.number].wait()

    return module, gates


def declare_job(module: Module[Switches], number: int) -> None:
    @module.constraint(name=f"job_{number}")
    def job(facts: Switches) -> Job | None:
        return Job(number) if facts.wanted else None


WORKLOADS: dict[str, Workload] = {
    "W7": inactive_constraints,
    "W7b": pending_runs,
    "W7c": ending_runs,
    "unmet requirements": unmet_requirements,
    "effects and watchers": effects_and_watchers,
}

# -- the measures --------------------------------------------------------------------------------------


@frozen
class Cost:
    """What one step costs, until the loop is parked again; the scheduler's idle rounds not counted."""

    passes: int
    bytecodes: int
    peak: int


async def cost_among(workload: Workload, size: int) -> Cost:
    async with workload(size) as (system, step):
        for _ in range(WARM_UPS):
            step()
            await rounds()
        before = system.inspect().passes
        gc.disable()
        try:
            idle = min([await bytecodes_of(lambda: None) for _ in range(COUNTS)])
            bytecodes = min([await bytecodes_of(step) for _ in range(COUNTS)]) - idle
            peak = min([await peak_of(step) for _ in range(PEAKS)])
        finally:
            gc.enable()
        return Cost(system.inspect().passes - before, bytecodes, peak)


async def rounds() -> None:
    for _ in range(ROUNDS):
        await trio.lowlevel.checkpoint()


async def bytecodes_of(step: Step) -> int:
    """Count what every frame executes. Whoever was tracing (coverage does) goes on afterwards."""
    executed = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal executed
        executed += event == "opcode"
        frame.f_trace_opcodes = event != "return"
        return trace

    tracer = sys.gettrace()
    sys.settrace(trace)
    try:
        step()
        await rounds()
    finally:
        sys.settrace(tracer)
    return executed


async def peak_of(step: Step) -> int:
    """Say how much more memory is in use at the worst moment than before."""
    tracer = sys.gettrace()
    sys.settrace(None)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        step()
        await rounds()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        sys.settrace(tracer)
    return peak - before


def main(workload: str) -> None:
    """Write what a pass costs among few and among many."""
    among = WORKLOADS[workload]
    trio.run(cost_among, among, FEW, clock=MockClock())  # fills the interpreter's own free lists, for both
    few, many = cost_of(among, FEW), cost_of(among, MANY)
    for _ in range(SYSTEMS):
        if abs(few.peak - many.peak) <= BYTES:
            break
        few, many = least(few, cost_of(among, FEW)), least(many, cost_of(among, MANY))
    sys.stdout.write(json.dumps([attrs.asdict(few), attrs.asdict(many)]))


def cost_of(among: Workload, size: int) -> Cost:
    """Measure in a new system."""
    return trio.run(cost_among, among, size, clock=MockClock())


def least(one: Cost, other: Cost) -> Cost:
    """Of two costs of the same the lower ones."""
    return Cost(one.passes, min(one.bytecodes, other.bytecodes), min(one.peak, other.peak))


if __name__ == "__main__":
    main(*sys.argv[1:])
