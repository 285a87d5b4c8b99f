"""R1: all writes made before the loop's next turn are one pass, whose order the observation log shows."""

from collections.abc import Callable

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, System, derivation, open_system
from directive_trio.observe import FactChange, Observation, ReconcileEnd, ReconcileStart
from tests.behaviours.told import told


@define
class Facts:
    first: int = 0
    second: int = 0
    third: int = 0

    @derivation
    def doubled(self) -> int:
        return self.first * 2


@frozen
class Job:
    number: int


@frozen
class Late:
    pass


Ctx = Context[Facts]


async def test_writes_made_together_are_one_pass(autojump_clock: trio.abc.Clock) -> None:
    """R1: however many, and dispatches among them."""
    module = Module("m", Facts)

    @module.on(Job)
    def on_job(facts: Facts, event: Job) -> None:
        facts.third = event.number

    log: list[Observation] = []
    async with open_system(module) as system:
        await system.settle()
        system.observe(log.append)
        for number in (1, 2, 3):
            system[module].first = number
        system[module].second = 4
        system.dispatch(Job(5))
        await system.settle()
        assert [seen.changed for seen in log if isinstance(seen, ReconcileStart)] == [
            ("m::first", "m::second", "m::third")
        ]
        changes = [(seen.id, seen.previous, seen.value) for seen in log if isinstance(seen, FactChange)]
        assert changes == [("m::first", 0, 3), ("m::second", 0, 4), ("m::third", 0, 5)]


async def test_the_order_inside_a_pass(autojump_clock: trio.abc.Clock) -> None:
    """R1: start, watchers, effects, constraints, cancel, dispatch, end."""
    module = Module("m", Facts)
    order: list[str] = []

    @module.effect
    def shows(facts: Facts) -> None:
        order.append(f"effect {facts.first}")

    @module.constraint
    def must(facts: Facts) -> Job | None:
        order.append(f"constraint {facts.first}")
        return Job(facts.first) if facts.first else None

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Ctx) -> None:
        ctx.signal.on_abort(lambda reason: order.append(f"cancel {requirement.number}"))
        await trio.sleep(10)

    async with open_system(module) as system:
        system[module].first = 1
        await trio.sleep(1)
        order.clear()
        system.observe(
            lambda seen: (
                order.append(seen.type)
                if seen.type in {"reconcile.start", "fact.change", "resolver.start", "reconcile.end"}
                else None
            )
        )
        system.watch("m::doubled", lambda new, old: order.append(f"watcher {new}"))
        system[module].first = 2
        await trio.sleep(1)
        assert order[:8] == [
            "reconcile.start",
            "fact.change",
            "watcher 4",
            "effect 2",
            "constraint 2",
            "cancel 1",
            "resolver.start",
            "reconcile.end",
        ]


async def test_watchers_see_all_derivations_invalidated(autojump_clock: trio.abc.Clock) -> None:
    """R1: one that watches a fact reads the derivation of today."""
    module = Module("m", Facts)
    seen: list[tuple[int, int]] = []
    async with open_system(module) as system:
        assert system[module].doubled == 0
        system.watch("m::first", lambda new, old: seen.append((new, system[module].doubled)))
        system[module].first = 4
        await system.settle()
        assert seen == [(4, 8)]


async def test_there_and_back_is_no_change(autojump_clock: trio.abc.Clock) -> None:
    """R1: judged per pass: no fact.change, no watcher, no effect, no constraint."""
    module = Module("m", Facts)
    called: list[str] = []

    @module.effect
    def shows(facts: Facts) -> None:
        called.append(f"effect {facts.first}")

    @module.constraint
    def must(facts: Facts) -> None:
        called.append(f"constraint {facts.doubled}")

    log: list[Observation] = []
    async with open_system(module) as system:
        await system.settle()
        system.watch("m::first", lambda new, old: called.append("watcher"))
        called.clear()
        system.observe(log.append)
        system[module].first = 1
        assert system[module].doubled == 2
        system[module].first = 0
        await system.settle()
        assert called == []
        assert told(log, "fact.change", "constraint.evaluate", "effect.run") == []


async def test_settlement_is_announced_only_when_no_pass_is_due(autojump_clock: trio.abc.Clock) -> None:
    """R1: a pass that makes another necessary is followed by it at once: no false flash of settled."""
    module = Module("m", Facts)

    @module.effect
    def follows(facts: Facts) -> None:
        facts.second = facts.first

    @module.constraint
    def must(facts: Facts) -> Job | None:
        return Job(facts.second) if facts.second != facts.third else None

    @module.resolver(Job)
    def work(requirement: Job, ctx: Ctx) -> None:
        ctx.facts.third = requirement.number

    log: list[Observation] = []
    async with open_system(module) as system:
        await trio.sleep(1)
        system.observe(log.append)
        system[module].first = 1
        await trio.sleep(1)
        assert system[module].third == 1
        words = [seen.type for seen in log if seen.type.startswith(("system.", "reconcile.start"))]
        assert words[0] == "system.unsettled"
        assert words[-1] == "system.settled"
        assert set(words[1:-1]) == {"reconcile.start"}
        assert system.is_settled


async def test_a_write_while_nothing_runs_is_not_settled_until_its_pass(autojump_clock: trio.abc.Clock) -> None:
    """R1, R13: the pass that is due counts."""
    module = Module("m", Facts)
    async with open_system(module) as system:
        await system.settle()
        assert system.is_settled
        system[module].first = 1
        assert not system.is_settled
        await system.settle()


Place = Callable[[Module[Facts], list[System]], None]


def in_effect(module: Module[Facts], systems: list[System]) -> None:
    """An effect stops the system."""

    @module.effect
    def stops(facts: Facts) -> None:
        if facts.first:
            systems[0].stop()


def in_sync_resolver(module: Module[Facts], systems: list[System]) -> None:
    """A sync resolver stops the system; it is the first to be dispatched."""

    @module.constraint(priority=1)
    def must_stop(facts: Facts) -> Late | None:
        return Late() if facts.first else None

    @module.resolver(Late)
    def stops(requirement: Late, ctx: Ctx) -> None:
        systems[0].stop()


def in_constraint(module: Module[Facts], systems: list[System]) -> None:
    """A constraint stops the system, through its closure; it is the first to be asked."""

    @module.constraint(priority=1)
    def stops(facts: Facts) -> None:
        if facts.first:
            systems[0].stop()


def in_the_last_constraint(module: Module[Facts], systems: list[System]) -> None:
    """A constraint stops the system when another has been asked already."""

    @module.constraint(priority=-1)
    def stops(facts: Facts) -> None:
        if facts.first:
            systems[0].stop()


def in_watcher(module: Module[Facts], systems: list[System]) -> None:
    """Whoever watches stops the system; see the test."""


@pytest.mark.parametrize("place", [in_effect, in_sync_resolver, in_constraint, in_the_last_constraint, in_watcher])
async def test_stop_in_a_pass_starts_nothing_more(autojump_clock: trio.abc.Clock, place: Place) -> None:
    """R1: it takes effect at once, wherever in the pass it is called; start runs what is still wanted."""
    module = Module("m", Facts)
    systems: list[System] = []
    place(module, systems)

    @module.constraint
    def must(facts: Facts) -> Job | None:
        return Job(facts.first) if facts.first != facts.second else None

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Ctx) -> None:
        ctx.facts.second = requirement.number

    log: list[Observation] = []
    async with open_system(module) as system, trio.open_nursery() as nursery:
        systems.append(system)
        await system.settle()
        remove = system.watch("m::first", lambda new, old: system.stop() if place is in_watcher else None)
        system.observe(log.append)
        system[module].first = 1
        await trio.sleep(1)
        assert system.state == "stopped"
        assert "m::work" not in " ".join(told(log, "resolver.start"))
        assert system.inspect().runs == ()
        remove()
        if place is not in_watcher:
            system[module].first = 0
            system[module].second = 5
        system.start(nursery)
        await system.settle()
        assert system[module].second == system[module].first
        await system.stop_async()


async def test_a_pass_says_what_it_started_and_cancelled(autojump_clock: trio.abc.Clock) -> None:
    """R1, O1: reconcile.end counts."""
    module = Module("m", Facts)

    @module.constraint
    def must(facts: Facts) -> Job | None:
        return Job(facts.first) if facts.first else None

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Ctx) -> None:
        await trio.sleep(10)

    log: list[Observation] = []
    async with open_system(module) as system:
        await system.settle()
        system.observe(log.append)
        system[module].first = 1
        await trio.sleep(1)
        system[module].first = 2
        await trio.sleep(1)
        counts = [(seen.started, seen.canceled) for seen in log if isinstance(seen, ReconcileEnd)]
        assert counts[0] == (1, 0)
        assert (1, 1) in counts
