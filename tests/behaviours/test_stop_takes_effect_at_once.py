"""R1: ``stop()`` in a pass takes effect at once: nothing more is started."""

from collections.abc import Iterable

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, System, open_system
from directive_trio.observe import Observation
from tests.behaviours.worker import types


@define
class Facts:
    go: bool = False
    level: int = 0


@frozen
class Meet:
    name: str


@frozen
class Go: ...


def stopping_in(place: str, ran: list[str], systems: list[System]) -> Module[Facts]:
    """A module in which somebody stops the system as soon as it is told to go."""
    module = Module("m", Facts)

    def stop(where: str) -> None:
        if where == place:
            systems[0].stop()

    @module.on(Go)
    def go(facts: Facts, event: Go) -> None:
        facts.go = True
        stop("event handler")

    @module.effect
    def first(facts: Facts) -> None:
        if facts.go:
            ran.append("first effect")
            stop("effect")

    @module.effect
    async def second(facts: Facts) -> None:
        if facts.go:
            ran.append("async effect")

    @module.effect
    def third(facts: Facts) -> None:
        if facts.go:
            ran.append("third effect")

    @module.constraint
    def wanting(facts: Facts) -> Iterable[Meet]:
        if facts.go:
            ran.append("constraint")
            stop("constraint")
        return [Meet("a"), Meet("b")] if facts.go else []

    @module.constraint
    async def thinking(facts: Facts) -> None:
        if facts.go:
            ran.append("async constraint")

    @module.resolver(Meet)
    def meet(requirement: Meet, ctx: Context[Facts]) -> None:
        ran.append(f"resolver {requirement.name}")
        stop("resolver")

    return module


EXPECTED = {
    "event handler": [],
    "observer": [],
    "watcher": [],
    "effect": ["first effect"],
    "constraint": ["first effect", "third effect", "constraint"],
    "resolver": ["first effect", "third effect", "constraint", "resolver a"],
}


async def test_a_stop_by_an_observer_of_settlement_is_heard(autojump_clock: trio.abc.Clock) -> None:
    """The loop was about to sleep."""
    systems: list[System] = []
    module = stopping_in("", [], systems)

    def look(observation: Observation) -> None:
        if observation.type == "system.settled":
            systems[0].stop()

    async with open_system(module) as system:
        systems.append(system)
        system.observe(look)
        await trio.sleep(1)
        assert system.state == "stopped"


@pytest.mark.parametrize("place", EXPECTED)
async def test_nothing_is_started_after_it(place: str, autojump_clock: trio.abc.Clock) -> None:
    """Wherever in the pass the word is said; what has begun ends in order."""
    ran: list[str] = []
    systems: list[System] = []
    log: list[Observation] = []
    module = stopping_in(place, ran, systems)

    def look(observation: Observation) -> None:
        if place == "observer" and observation.type == "reconcile.start":
            systems[0].stop()

    async with open_system(module) as system:
        systems.append(system)
        await system.settle()
        system.observe(log.append)
        system.observe(look)
        if place == "watcher":
            system.watch("m::go", lambda new, old: system.stop())
        system.dispatch(Go())
        await trio.sleep(1)
        assert system.state == "stopped"
        assert ran == EXPECTED[place]
        assert types(log, "system.")[-1] == "system.stop"
