"""R3: ``after`` first, then priority, then declaration; on every pass; ``resolver.start`` shows it."""

import itertools

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, open_system
from directive_trio.observe import Observation
from tests.behaviours.told import required, told


@define
class Facts:
    wave: int = 0
    chosen: tuple[str, ...] = ("a", "b", "c", "d")


@frozen
class Job:
    name: str
    wave: int


def ordered(after: dict[str, list[str]], priority: dict[str, int]) -> Module[Facts]:
    """Four constraints, declared from a to d; each asks for a job of its own in each wave in which it is chosen."""
    module = Module("m", Facts)

    def declare(name: str) -> None:
        @module.constraint(name=name, after=after.get(name, []), priority=priority.get(name, 0))
        def asks(facts: Facts) -> Job | None:
            return Job(name, facts.wave) if facts.wave and name in facts.chosen else None

    for name in "abcd":
        declare(name)

    @module.resolver(Job)
    def work(requirement: Job, ctx: Context[Facts]) -> None: ...

    return module


CASES: list[tuple[dict[str, list[str]], dict[str, int], str]] = [
    ({}, {}, "abcd"),
    ({}, {"c": 1}, "cabd"),
    ({}, {"d": 2, "b": 1, "a": -1}, "dbca"),
    ({"a": ["d"]}, {}, "bcda"),
    ({"a": ["c"], "c": ["d"]}, {"a": 9}, "bdca"),
    ({"b": ["d"], "a": ["d"]}, {"b": 5, "d": -1}, "cdba"),
]


@pytest.mark.parametrize(("after", "priority", "order"), CASES)
async def test_the_first_wave_is_in_order(
    autojump_clock: trio.abc.Clock, after: dict[str, list[str]], priority: dict[str, int], order: str
) -> None:
    """R3: evaluated and dispatched in it."""
    module = ordered(after, priority)
    log: list[Observation] = []
    async with open_system(module, initial={"m": {"wave": 1}}) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        assert required(log, "resolver.start") == [f"resolver.start Job(name='{name}', wave=1)" for name in order]
        if not after:
            assert told(log, "constraint.evaluate") == [f"constraint.evaluate m::{name}" for name in order]


@pytest.mark.parametrize(("after", "priority", "order"), CASES)
async def test_later_waves_are_in_order_whoever_is_chosen(
    autojump_clock: trio.abc.Clock, after: dict[str, list[str]], priority: dict[str, int], order: str
) -> None:
    """R3: incremental passes too, for every choice and whatever was written first."""
    module = ordered(after, priority)
    log: list[Observation] = []
    async with open_system(module) as system:
        waves = itertools.count(1)
        for size in range(1, 5):
            for chosen in itertools.permutations("abcd", size):
                await system.settle(timeout=60)
                remove = system.observe(log.append)
                wave = next(waves)
                system[module].chosen = chosen
                system[module].wave = wave
                await system.settle(timeout=60)
                remove()
                expected = [f"resolver.start Job(name='{name}', wave={wave})" for name in order if name in chosen]
                assert required(log, "resolver.start") == expected
                log.clear()


async def test_requirements_of_one_answer_start_in_its_order(autojump_clock: trio.abc.Clock) -> None:
    """R3: same input, same order of decisions."""
    module = Module("m", Facts)
    log: list[Observation] = []

    @module.constraint
    def all_of_them(facts: Facts) -> list[Job]:
        return [Job(name, facts.wave) for name in facts.chosen]

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Facts]) -> None: ...

    async with open_system(module, initial={"m": {"chosen": ()}}) as system:
        await system.settle(timeout=60)
        system.observe(log.append)
        system[module].chosen = ("c", "a", "d", "b")
        await system.settle(timeout=60)
        assert required(log, "resolver.start") == [f"resolver.start {Job(name, 0)}" for name in "cadb"]


async def test_what_both_ask_for_starts_in_the_place_of_the_first(autojump_clock: trio.abc.Clock) -> None:
    """R3: a shared requirement is dispatched with its first producer; what the system requires comes before all."""
    module = Module("m", Facts)
    log: list[Observation] = []

    def declare(name: str, *asked: str) -> None:
        @module.constraint(name=name)
        def asks(facts: Facts) -> list[Job]:
            return [Job(job, facts.wave) for job in asked] if facts.wave else []

    declare("first", "shared")
    declare("second", "own")
    declare("third", "shared")

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Facts]) -> None: ...

    async with open_system(module) as system:
        system.observe(log.append)
        system[module].wave = 1
        system.require(Job("required", 0))
        await system.settle(timeout=60)
        assert required(log, "resolver.start") == [
            f"resolver.start {Job(*job)}" for job in (("required", 0), ("shared", 1), ("own", 1))
        ]


async def test_cancelled_runs_end_before_new_ones_start_and_in_order(autojump_clock: trio.abc.Clock) -> None:
    """R3, R10: the signals of removed runs are aborted in the order of the constraints, before any start."""
    module = Module("m", Facts)
    seen: list[str] = []

    def declare(name: str) -> None:
        @module.constraint(name=name)
        def asks(facts: Facts) -> Job:
            return Job(name, facts.wave)

    for name in "abcdefghijkl":
        declare(name)

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Facts]) -> None:
        ctx.signal.on_abort(lambda reason: seen.append(f"abort {requirement.name}"))
        ctx.facts.chosen = ("mine",)
        await trio.sleep(10)

    async with open_system(module) as system:
        await trio.sleep(1)
        system.observe(lambda told: seen.append("start") if told.type == "resolver.start" else None)
        system[module].wave = 1
        await system.settle(timeout=60)
        assert seen == [*(f"abort {name}" for name in "abcdefghijkl"), *["start"] * 12]


@define
class Marked:
    reached: bool = False
    number: int = 0


async def test_what_becomes_due_while_others_are_asked_has_its_own_place(autojump_clock: trio.abc.Clock) -> None:
    """The markers of a run are taken back at its end; who read them is asked in order with those due before."""
    module, asked = Module("m", Marked), list[str]()

    @module.constraint
    def first(facts: Marked) -> Job | None:
        asked.append("first")
        return None if facts.reached else Job("it", 1)

    def looks(name: str, fact: str) -> None:
        @module.constraint(name=name)
        def ask(facts: Marked) -> None:
            getattr(facts, fact)
            asked.append(name)

    for name in ("second", "third"):
        looks(name, "number")
    looks("last", "reached")

    @module.resolver(Job, timeout=1)
    async def work(requirement: Job, ctx: Context[Marked]) -> None:
        ctx.facts.reached = True
        try:
            await trio.sleep_forever()
        finally:
            asked.clear()
            system[module].number += 1

    async with open_system(module) as system:
        await trio.sleep(1.5)
        assert asked == ["first", "second", "third", "last"]
