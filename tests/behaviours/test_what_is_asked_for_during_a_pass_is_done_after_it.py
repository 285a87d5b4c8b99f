"""Table 3.1: what effects and watchers ask for during a pass, switching on and off, is done after it."""

from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, open_system
from directive_trio.observe import Observation
from tests.behaviours.told import told


@define
class Facts:
    value: int = 0
    done: int = 0


@frozen
class Job:
    number: int


def working() -> Module[Facts]:
    module = Module("m", Facts)

    @module.constraint
    def rule(facts: Facts) -> Job | None:
        return Job(facts.value) if facts.value > facts.done else None

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Facts]) -> None:
        await trio.sleep(1)
        ctx.facts.done = requirement.number

    return module


@pytest.mark.parametrize("how", ["effect", "watcher"])
async def test_a_constraint_that_is_disabled_is_still_asked_in_this_pass(
    how: str, autojump_clock: trio.abc.Clock
) -> None:
    """Its run begins, and is cancelled in the next pass, which comes at once."""
    module = working()
    if how == "effect":

        @module.effect
        def switch(facts: Facts) -> None:
            if facts.value == 1:
                system.disable("m::rule")

    log: list[Observation] = []
    async with open_system(module) as system:
        if how == "watcher":
            system.watch("m::value", lambda new, old: system.disable("m::rule"))
        await system.settle()
        system.observe(log.append)
        moment = trio.current_time()
        system[module].value = 1
        await system.settle()
        assert trio.current_time() == moment
        assert system.inspect().constraints[0].disabled
    assert told(log, "resolver.start", "resolver.cancel") == [
        "resolver.start m::work",
        "resolver.cancel m::work removed",
    ]


async def test_what_is_switched_off_and_on_in_one_pass_goes_on(autojump_clock: trio.abc.Clock) -> None:
    """The last word counts."""
    module = working()

    @module.effect
    def switch(facts: Facts) -> None:
        if facts.value:
            system.disable("m::rule")
            system.enable("m::rule")

    async with open_system(module) as system:
        system[module].value = 1
        await system.settle()
        assert system[module].done == 1


async def test_an_effect_that_is_enabled_in_a_pass_runs_in_the_next(autojump_clock: trio.abc.Clock) -> None:
    """Before the system is settled."""
    order: list[Any] = []
    module = Module("m", Facts)

    @module.effect
    def switch(facts: Facts) -> None:
        if facts.value:
            system.enable("m::sleeper")
        order.append(f"switch {facts.value}")

    @module.effect
    def sleeper(facts: Facts) -> None:
        order.append(f"sleeper {facts.value} in pass {system.inspect().passes}")

    async with open_system(module) as system:
        system.disable("m::sleeper")
        await system.settle()
        passes = system.inspect().passes
        system[module].value = 1
        await system.settle()
    assert order == ["switch 0", "switch 1", f"sleeper 1 in pass {passes + 2}"]
