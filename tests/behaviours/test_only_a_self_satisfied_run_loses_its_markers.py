"""R10: what a cancelled run wrote stays, but for the markers of a self-satisfied one: they go to what others wrote."""

from collections.abc import Callable

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, open_system
from directive_trio.observe import Observation
from tests.behaviours.told import required


@define
class Facts:
    open: bool = True
    level: int = 0
    stage: int = 1


@frozen
class Job:
    name: str


Ctx = Context[Facts]


def jobs(work: Callable[[str, Facts], None]) -> Module[Facts]:
    """Each job does its work a second after its start, and hangs."""
    module = Module("m", Facts)

    @module.resolver(Job)
    async def do(requirement: Job, ctx: Ctx) -> None:
        await trio.sleep(1)
        work(requirement.name, ctx.facts)
        await trio.sleep_forever()

    return module


async def test_a_value_that_was_taken_back_is_nobodys_latest(autojump_clock: trio.abc.Clock) -> None:
    """R10: one run writes over another's marker and is taken back, then the other: the first value stands again."""

    def work(name: str, facts: Facts) -> None:
        facts.level = 1 if name == "first" else 2

    module = jobs(work)

    @module.constraint
    def must_first(facts: Facts) -> Job | None:
        return Job("first") if facts.open and facts.level != 1 else None

    @module.constraint
    def must_second(facts: Facts) -> Job | None:
        return Job("second") if facts.stage == 2 and facts.level == 1 else None

    async with open_system(module) as system:
        await trio.sleep(2)
        system[module].stage = 2
        await trio.sleep(2)
        assert system[module].level == 2
        system[module].stage = 3
        await trio.sleep(1)
        assert system[module].level == 1
        system[module].open = False
        await trio.sleep(1)
        assert system[module].level == 0


async def test_not_one_that_is_unwanted_because_another_marker_was_taken_back(autojump_clock: trio.abc.Clock) -> None:
    """R10: its own write of the same window did not make the constraint false, the other's return did."""

    def work(name: str, facts: Facts) -> None:
        if name == "first":
            facts.stage = 2
        else:
            facts.level = 9

    module = jobs(work)
    log: list[Observation] = []

    @module.constraint
    def must(facts: Facts) -> Job:
        names = {1: "first" if facts.level < 9 else "third", 2: "second"}
        return Job(names[facts.stage])

    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(2.5)
        assert required(log, "resolver.start") == [
            f"resolver.start Job(name={name!r})" for name in ("first", "second", "third")
        ]
        assert system[module] == Facts(level=9, stage=1)


@pytest.mark.parametrize("end", ["timeout", "cancel"])
async def test_what_only_an_async_constraint_asked_for_is_not_known_to_be_self_satisfied(
    autojump_clock: trio.abc.Clock, end: str
) -> None:
    """R10: that its write made the constraint false is known only when that has answered anew; the write stays."""
    module = Module("m", Facts)
    answers: list[tuple[float, bool]] = []

    @module.constraint
    async def must(facts: Facts) -> Job | None:
        asks = facts.level == 0
        answers.append((trio.current_time(), asks))
        await trio.sleep(1)
        return Job("slow") if asks else None

    @module.resolver(Job, timeout=3)
    async def do(requirement: Job, ctx: Ctx) -> None:
        ctx.facts.level = 1
        await trio.sleep_forever()

    async with open_system(module, errors=ErrorBoundary(on_error=lambda error, name: None)) as system:
        await trio.sleep(2)
        if end == "cancel":
            system.cancel(Job("slow"))
        await system.settle()
        assert system[module].level == 1
        ended = 4 if end == "timeout" else 2
        assert answers == [(0, True), (ended, False)]  # at the end of the run it is asked, in the world as it is
        assert system.inspect().requirements == ()
