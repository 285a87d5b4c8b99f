"""Nothing grows: 10 million writes and a million runs, and as much memory in use at the end as at the beginning.

Runs end in all the ways they can: they meet their requirement, leave it unmet, fail, are tried again, are cancelled;
every requirement is another one. After each tenth the blocks that Python's allocator has given out are counted, the
objects that the collector knows, and the pages the system has given us. The first two say exactly what is kept; the
last also what cannot be given back. Then ten thousand modules come, work and go, and the same is counted.
"""

import argparse
import gc
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import trio
import trio.testing
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, Retry, SourceLink, System, derivation, open_system

WRITES, RUNS, ROUNDS, TENTHS = 10_000_000, 1_000_000, 10_000, 10
WARM_UP = 1500
"""So many runs come first: the engine remembers how the last thousand requirements ended."""
WAYS = 5
"""How many ways a run ends, one after the other."""
SLACK = 400
"""So many blocks, in all, are no growth: the last hundred errors are kept, and each has a traceback of its own."""


@define
class Work:
    wanted: int = 0
    done: int = 0
    number: int = 0

    @derivation
    def double(self) -> int:
        return self.number * 2


@frozen
class Do:
    number: int


@frozen
class Wrote:
    number: int


@frozen
class Kept:
    """What is in use."""

    blocks: int
    objects: int
    resident: int


class BrokenError(Exception):
    """What a run fails with on purpose."""


def ignore(error: Exception, name: str) -> None:
    """Know that runs fail here."""


def soaked_module() -> Module[Work]:
    work = Module("work", Work)

    @work.on(Wrote)
    def wrote(facts: Work, event: Wrote) -> None:
        facts.number = event.number

    @work.constraint
    def must_be_done(facts: Work) -> Do | None:
        return Do(facts.wanted) if facts.wanted != facts.done else None

    @work.effect
    def look(facts: Work) -> None:
        assert facts.double == facts.number * 2

    @work.resolver(Do, retry=Retry(attempts=2, initial_delay=0))
    async def do(requirement: Do, ctx: Context[Work]) -> None:
        match requirement.number % WAYS:
            case 0:  # meets it
                ctx.facts.done = requirement.number
            case 1:  # leaves it unmet
                await trio.lowlevel.checkpoint()
            case 2 if ctx.attempt == 1:  # is tried again
                raise BrokenError
            case 2:
                ctx.facts.done = requirement.number
            case 3:  # fails
                raise BrokenError
            case _:  # is superseded by the next one
                await trio.sleep_forever()

    return work


@asynccontextmanager
async def soaking() -> AsyncIterator[System]:
    module = soaked_module()
    errors = ErrorBoundary(on_error=ignore)
    async with open_system(module, errors=errors) as system:
        remove = system.observe(lambda observation: None)
        yield system
        remove()


async def work_through(system: System, begin: int, writes: int, runs: int) -> int:
    """Do that many of both; return the number of the next run."""
    view, share = system["work"], writes // runs
    for at in range(begin, begin + runs):
        for number in range(at * share, at * share + share - 1):
            view.number = number
        system.dispatch(Wrote(-at))
        view.wanted = at
        if at % WAYS < WAYS - 1:
            await system.settle(timeout=None)
        else:
            await trio.lowlevel.checkpoint()
    return begin + runs


def kept() -> Kept:
    gc.collect()
    return Kept(sys.getallocatedblocks(), len(gc.get_objects()), resident())


def resident() -> int:
    """Return the bytes of memory that are ours, where the system tells it."""
    told = Path("/proc/self/statm")
    return int(told.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") if told.exists() else 0


def visiting_module(number: int) -> Module[Work]:
    """A module with one of everything; every second has a name of its own."""
    visitor = Module(f"visitor{number if number % 2 else ''}", Work)

    @visitor.on(Wrote)
    def wrote(facts: Work, event: Wrote) -> None:
        facts.number = event.number

    @visitor.constraint(after=["work::must_be_done"], reads=["double"])
    def must_be_done(facts: Work) -> Do | None:
        return Do(facts.number) if facts.number != facts.done else None

    @visitor.constraint
    async def later(facts: Work) -> None:
        assert facts.double == facts.number * 2
        await trio.sleep_forever()

    @visitor.effect
    def look(facts: Work) -> Callable[[], None]:
        return lambda: None

    @visitor.source
    async def feed(link: SourceLink) -> None:
        link.publish(Wrote(number))
        await trio.sleep_forever()

    @visitor.resolver(Do)
    async def do(requirement: Do, ctx: Context[Work]) -> None:
        if number % 3:  # else it is cancelled when its module goes
            ctx.facts.done = requirement.number
        else:
            await trio.sleep_forever()

    return visitor


async def come_and_go(system: System, begin: int, rounds: int) -> int:
    """Have that many modules come, work and go; return the number of the next."""
    for number in range(begin, begin + rounds):
        visitor = visiting_module(number)
        system.register(visitor)
        for name in ("double", "must_be_done", "look", "feed"):
            system.disable(f"{visitor.name}::{name}")
            system.enable(f"{visitor.name}::{name}")
        await trio.testing.wait_all_tasks_blocked()
        if number % 5 == 0:
            system.replace(visiting_module(number))
        system.unregister(visitor.name)
        await system.settle(timeout=None)
    return begin + rounds


async def soak_modules(rounds: int) -> bool:
    """Have modules come and go, print what is in use after each tenth, and return whether nothing has grown."""
    print(f"{rounds:,} modules come and go\n{'modules':>12}{'blocks':>12}{'objects':>12}")
    seen = list[Kept]()
    async with soaking() as system:
        number = await come_and_go(system, 1, WARM_UP // TENTHS)
        for _ in range(TENTHS):
            number = await come_and_go(system, number, rounds // TENTHS)
            seen.append(now := kept())
            print(f"{number - 1:>12,}{now.blocks:>12,}{now.objects:>12,}", flush=True)
    grown = seen[-1].blocks - seen[0].blocks
    print(f"{grown:+,} blocks since the first tenth")
    return grown <= SLACK


async def soak(writes: int, runs: int) -> bool:
    """Do it, print what is in use after each tenth, and return whether nothing has grown since the first."""
    print(
        f"{writes:,} writes and {runs:,} runs\n{'runs':>12}{'blocks':>12}{'objects':>12}{'resident':>12}{'seconds':>10}"
    )
    begin, seen = monotonic(), list[Kept]()
    async with soaking() as system:
        number = await work_through(system, 1, WARM_UP, WARM_UP)
        for _ in range(TENTHS):
            number = await work_through(system, number, writes // TENTHS, runs // TENTHS)
            seen.append(now := kept())
            print(
                f"{number - 1 - WARM_UP:>12,}{now.blocks:>12,}{now.objects:>12,}{now.resident / 1e6:>9,.1f} MB"
                f"{monotonic() - begin:>10.0f}",
                flush=True,
            )
    grown = seen[-1].blocks - seen[0].blocks
    print(f"{grown:+,} blocks since the first tenth, which came after {WARM_UP:,} runs to warm up")
    return grown <= SLACK


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="how much of it: 0.01 takes seconds")
    share = parser.parse_args(arguments).share
    nothing_grows = trio.run(soak, int(WRITES * share), int(RUNS * share))
    if not (trio.run(soak_modules, int(ROUNDS * share)) and nothing_grows):
        sys.exit("something grows")


if __name__ == "__main__":
    main()
