"""W1 to W4 and W12: writing and reading, without a pass."""

from contextlib import asynccontextmanager
from itertools import count
from time import process_time

from attrs import define, frozen

from directive_trio import Module, System, derivation, open_system
from tests.benchmarks.made import module_of
from tests.benchmarks.measuring import Bench, Benches, of_each


@define
class Counter:
    number: int = 0

    @derivation
    def double(self) -> int:
        return self.number * 2


@frozen
class Add:
    amount: int


def counter_module() -> Module[Counter]:
    counter = Module("counter", Counter)

    @counter.on(Add)
    def add(facts: Counter, event: Add) -> None:
        facts.number += event.amount

    return counter


@asynccontextmanager
async def write_a_fact(times: int) -> Benches:
    counter = counter_module()
    async with open_system(counter) as system:
        view = system[counter]
        numbers = [number + 1000 for number in range(times)]

        def write(_: int) -> None:
            for number in numbers:
                view.number = number

        def check() -> None:
            assert view.number == numbers[-1]

        yield Bench(of_each(write, times), check)


@asynccontextmanager
async def read_a_fact(times: int) -> Benches:
    counter = counter_module()
    async with open_system(counter) as system:
        view = system[counter]
        view.number = 7

        def read(_: int) -> None:
            for _ in range(times):
                view.number  # noqa: B018  # the read is the workload

        def check() -> None:
            assert view.number == 7

        yield Bench(of_each(read, times), check)


@asynccontextmanager
async def read_a_derivation(times: int) -> Benches:
    counter = counter_module()
    async with open_system(counter) as system:
        view = system[counter]
        view.number = 7

        def read(_: int) -> None:
            for _ in range(times):
                view.double  # noqa: B018  # the read is the workload

        def check() -> None:
            assert view.double == 14

        yield Bench(of_each(read, times), check)


@asynccontextmanager
async def write_and_read(times: int) -> Benches:
    counter = counter_module()
    async with open_system(counter) as system:
        view, numbers = system[counter], count(1)

        def write_and_read_it(_: int) -> None:
            for _ in range(times):
                view.number = next(numbers)
                view.double  # noqa: B018  # the read is the workload

        def check() -> None:
            assert view.double == view.number * 2 > 0

        yield Bench(of_each(write_and_read_it, times), check)


@asynccontextmanager
async def dispatch_an_event(times: int) -> Benches:
    counter = counter_module()
    async with open_system(counter) as system:
        view, event = system[counter], Add(1)

        def dispatch(_: int) -> None:
            for _ in range(times):
                system.dispatch(event)

        def check() -> None:
            assert view.number
            assert not view.number % times

        yield Bench(of_each(dispatch, times), check)


def chain(length: int) -> tuple[str, ...]:
    return ("self.f0 + 1", *(f"self.d{number} + 1" for number in range(length - 1)))


@asynccontextmanager
async def chain_of_derivations(length: int) -> Benches:
    module = module_of(1, chain(length))
    leaf = f"d{length - 1}"
    async with open_system(module) as system:
        view, numbers = system[module], count(1)

        def write_and_read_it(times: int) -> None:
            for _ in range(times):
                view.f0 = next(numbers)
                getattr(view, leaf)

        def check() -> None:
            assert getattr(view, leaf) == view.f0 + length

        getattr(view, leaf)
        yield Bench(of_each(write_and_read_it, max(1, 2000 // length)), check)


@asynccontextmanager
async def first_reads_of_a_chain(length: int) -> Benches:
    module = module_of(1, chain(length))
    leaf = f"d{length - 1}"

    async def measure() -> float:
        view = System(module)[module]
        begin = process_time()
        value = getattr(view, leaf)
        took = process_time() - begin
        assert value == length
        return took

    yield Bench(measure)


@asynccontextmanager
async def wide_derivations(width: int) -> Benches:
    module = module_of(1, tuple(f"self.f0 + {number}" for number in range(width)))
    names = [f"d{number}" for number in range(width)]
    async with open_system(module) as system:
        view, numbers = system[module], count(1)

        def write_and_read_all(times: int) -> None:
            for _ in range(times):
                view.f0 = next(numbers)
                for name in names:
                    getattr(view, name)

        def check() -> None:
            assert [getattr(view, name) for name in names] == [view.f0 + number for number in range(width)]

        yield Bench(of_each(write_and_read_all, 5), check)


@asynccontextmanager
async def diamond(times: int) -> Benches:
    sides = tuple(f"self.f0 + {number}" for number in range(4))
    module = module_of(1, (*sides, "self.d0 + self.d1 + self.d2 + self.d3"))
    async with open_system(module) as system:
        view, numbers = system[module], count(1)

        def write_and_read_it(_: int) -> None:
            for _ in range(times):
                view.f0 = next(numbers)
                view.d4  # noqa: B018  # the read is the workload

        def check() -> None:
            assert view.d4 == 4 * view.f0 + 6

        yield Bench(of_each(write_and_read_it, times), check)
