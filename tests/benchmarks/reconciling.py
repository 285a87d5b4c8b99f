"""W1b, W5 to W8, W10, W13: passes and runs."""

from collections.abc import Callable
from contextlib import asynccontextmanager
from itertools import count
from time import process_time
from typing import Any

import trio
import trio.testing
from attrs import define, frozen

from directive_trio import Context, Module, open_system
from tests.benchmarks.made import (
    Job,
    Place,
    asks_if_set,
    asks_together,
    declare_at,
    declare_each,
    module_of,
    places_of,
)
from tests.benchmarks.measuring import Bench, Benches, net_of_rounds

TIMES = 100


@define
class Trip:
    wanted: int = 0
    reached: int = 0


@frozen
class Go:
    to: int


def trip_module() -> Module[Trip]:
    trip = Module("trip", Trip)

    @trip.constraint
    def go_there(facts: Trip) -> Go | None:
        return Go(facts.wanted) if facts.wanted != facts.reached else None

    @trip.resolver(Go)
    async def go(requirement: Go, ctx: Context[Trip]) -> None:
        ctx.facts.reached = requirement.to

    return trip


@asynccontextmanager
async def one_pass(facts: int) -> Benches:
    module = module_of(facts)
    async with open_system(module) as system:
        await system.settle()
        view, numbers = system[module], count(1)
        passes = system.inspect().passes

        def write() -> None:
            view.f0 = next(numbers)

        def check() -> None:
            assert system.inspect().passes == passes + view.f0

        yield Bench(net_of_rounds(write, TIMES), check)


def round_trip(observer: Callable[[Any], object] | None = None) -> Any:
    @asynccontextmanager
    async def prepare(times: int) -> Benches:
        trip = trip_module()
        async with open_system(trip) as system:
            await system.settle()
            view, numbers = system[trip], count(1)
            if observer is not None:
                system.observe(observer)

            async def measure() -> float:
                begin = process_time()
                for _ in range(times):
                    view.wanted = next(numbers)
                    await system.settle()
                return (process_time() - begin) / times

            def check() -> None:
                assert view.reached == view.wanted > 0

            yield Bench(measure, check)

    return prepare


@asynccontextmanager
async def many_at_once(size: int) -> Benches:
    """Each run writes nothing but ends; the fact goes back, and nothing is left."""
    module = module_of(1)
    declare_each(module, size, asks_together)
    done: list[int] = []

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Any]) -> None:
        await trio.lowlevel.checkpoint()
        done.append(requirement.number)

    async with open_system(module) as system:
        await system.settle()
        view = system[module]

        async def measure() -> float:
            done.clear()
            begin = process_time()
            view.f0 = 1
            await system.settle()
            took = process_time() - begin
            assert sorted(done) == list(range(size))
            view.f0 = 0
            await system.settle()
            return took

        def check() -> None:
            assert not system.inspect().requirements

        yield Bench(measure, check)


@asynccontextmanager
async def relay(size: int) -> Benches:
    """The same, and each run sets the event that the next one waits for."""
    module = module_of(1)
    declare_each(module, size, asks_together)
    gates: list[trio.Event] = []

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Any]) -> None:
        await gates[requirement.number].wait()
        gates[requirement.number + 1].set()

    async with open_system(module) as system:
        await system.settle()
        view = system[module]

        async def measure() -> float:
            gates[:] = [trio.Event() for _ in range(size + 1)]
            gates[0].set()
            begin = process_time()
            view.f0 = 1
            await system.settle(timeout=None)
            took = process_time() - begin
            assert gates[size].is_set()
            view.f0 = 0
            await system.settle()
            return took

        def check() -> None:
            assert not system.inspect().requirements

        yield Bench(measure, check)


@asynccontextmanager
async def among_inactive(size: int) -> Benches:
    modules, places = places_of(size)
    asked: list[None] = []

    def asks(number: int, name: str) -> Callable[[Any], Job | None]:
        def ask(facts: Any) -> Job | None:
            asked.append(None)
            return Job(number) if getattr(facts, name) < 0 else None

        return ask

    declare_at(places, asks)
    async with open_system(*modules) as system:
        await system.settle(timeout=None)
        view, numbers = system[modules[0]], count(1)
        asked.clear()

        def write() -> None:
            view.f1 = next(numbers)

        def check() -> None:
            assert len(asked) == view.f1

        yield Bench(net_of_rounds(write, TIMES), check)


@asynccontextmanager
async def among_pending(size: int) -> Benches:
    module = module_of(2)
    declare_each(module, size, asks_together)

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Any]) -> None:
        await trio.sleep_forever()

    async with open_system(module, initial={"many": {"f0": 1}}) as system:
        await trio.testing.wait_all_tasks_blocked()
        view, numbers = system[module], count(1)

        def write() -> None:
            view.f1 = next(numbers)

        def check() -> None:
            assert len(system.inspect().runs) == size

        yield Bench(net_of_rounds(write, TIMES), check)


@asynccontextmanager
async def ending_among(size: int) -> Benches:
    """A few of the runs end, one after the other; then an input of those changes, and they are started again."""
    few = min(20, size)
    module = module_of(2)
    gates: dict[int, trio.Event] = {}

    def asks(number: int) -> Callable[[Any], Job | None]:
        name = "f1" if number < few else "f0"
        return lambda facts: Job(number) if getattr(facts, name) > 0 else None

    declare_each(module, size, asks)

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Any]) -> None:
        gates[requirement.number] = trio.Event()
        await gates[requirement.number].wait()

    async with open_system(module, initial={"many": {"f0": 1, "f1": 1}}) as system:
        await trio.testing.wait_all_tasks_blocked()
        view, numbers = system[module], count()

        def end() -> None:
            gates[next(numbers) % few].set()

        ends = net_of_rounds(end, few)

        async def measure() -> float:
            taken = await ends()
            view.f1 += 1
            await trio.testing.wait_all_tasks_blocked()
            return taken

        def check() -> None:
            assert len(system.inspect().runs) == size
            assert not any(gate.is_set() for gate in gates.values())

        yield Bench(measure, check)


@asynccontextmanager
async def chain_of_constraints(links: int) -> Benches:
    """Each comes after the one before; each run sets the fact that satisfies its own."""
    modules, places = places_of(links)
    order: list[int] = []
    turn = 0

    def asks(number: int, name: str) -> Callable[[Any], Job | None]:
        job = Job(number)
        return lambda facts: job if getattr(facts, name) < turn else None

    declare_at(places, asks, chained=True)
    for module in modules:
        does_jobs(module, places, order, lambda: turn)
    async with open_system(*modules) as system:
        await system.settle(timeout=None)

        async def measure() -> float:
            nonlocal turn
            turn += 1
            order.clear()
            begin = process_time()
            for place in places:
                system.touch(place.name)
            await system.settle(timeout=None)
            took = process_time() - begin
            assert order == list(range(links))
            return took

        yield Bench(measure)


def does_jobs(module: Module[Any], places: list[Place], order: list[int], turn: Callable[[], int]) -> None:
    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Any]) -> None:
        order.append(requirement.number)
        setattr(ctx.facts, places[requirement.number].fact, turn())


@asynccontextmanager
async def start(facts: int) -> Benches:
    """Make a system and start it; its modules were made before."""
    module = starting_module(facts)

    async def measure() -> float:
        begin = process_time()
        async with open_system(module) as system:
            await system.settle()
            took = process_time() - begin
            assert len(system.inspect().constraints) == tenth_of(facts)
        return took

    yield Bench(measure)


def starting_module(facts: int) -> Module[Any]:
    tenth = tenth_of(facts)
    module = module_of(facts, tuple(f"self.f{number} + 1" for number in range(tenth)))
    declare_each(module, tenth, asks_if_set)
    return module


def tenth_of(facts: int) -> int:
    return max(1, facts // 10)
