"""S1, R4, R8: a module that is registered with a system counts like the others, from then on."""

from typing import Any

import pytest
import trio
from attrs import define, frozen
from trio.testing import wait_all_tasks_blocked

from directive_trio import Context, Module, System, derivation, open_system
from directive_trio.errors import (
    DefinitionError,
    DependencyCycleError,
    DuplicateNameError,
    LifecycleError,
    ReadOnlyFactError,
    UnknownNameError,
)
from directive_trio.observe import Observation
from tests.behaviours.feeds import Connected, Line, Tick, feed_module, of_source
from tests.behaviours.worker import types


@define
class Facts:
    value: int = 0
    seen: int = 0

    @derivation
    def doubled(self) -> int:
        return self.value * 2


@frozen
class Do:
    name: str


def first() -> Module[Facts]:
    """A module that asks for something nobody does."""
    one = Module("one", Facts)

    @one.constraint
    def ask(facts: Facts) -> Do | None:
        return Do("x") if facts.value else None

    return one


def doing(name: str, done: list[str]) -> Module[Facts]:
    """A module that does it."""
    module = Module(name, Facts)

    @module.resolver(Do)
    async def do(requirement: Do, ctx: Context[Facts]) -> None:
        done.append(f"{name} {requirement.name}")
        await trio.sleep(1)

    return module


async def test_its_sources_attach_at_once(autojump_clock: trio.abc.Clock) -> None:
    """And publish; they are detached before those that were there."""
    line, feed = Line(), feed_module()
    feed.source(name="line")(line)
    feed.source(name="other")(line)
    async with open_system(first()) as system:
        await wait_all_tasks_blocked()
        system.register(feed)
        await wait_all_tasks_blocked()
        assert [link.signal.aborted for link in line.links] == [False, False]
        line.link.publish(Tick(3))
        line.link.publish("Connected")
        assert (system[feed].total, system[feed].online, of_source(system).attached) == (3, True, True)
        system.dispatch(Connected())
        system.disable("feed::line")
    assert system.state == "destroyed"


async def test_everything_of_it_counts(autojump_clock: trio.abc.Clock) -> None:
    """Facts, inits, derivations, constraints, resolvers, effects; and it may look at the others."""
    done: list[str] = []
    one, two = first(), doing("two", done)
    two.init(lambda facts: setattr(facts, "value", one.of(facts).value + 1))

    @two.constraint
    def also(facts: Facts) -> Do | None:
        return Do("y") if facts.doubled == 12 else None

    @two.effect
    def note(facts: Facts) -> None:
        facts.seen = facts.value

    log: list[Observation] = []
    async with open_system(one, initial={"one": {"value": 5}}) as system:
        await wait_all_tasks_blocked()
        system.observe(log.append)
        system.register(two)
        assert (system[two].value, system.read("two.doubled"), two.sealed) == (6, 12, True)
        await system.settle()
        assert (system[two].seen, system["two"].seen) == (6, 6)
        assert {node.id for node in system.graph().nodes} >= {"two::also", "two::do", "two::note", "two::value"}
    assert sorted(done) == ["two x", "two y"]


async def test_what_nobody_has_served_is_served(autojump_clock: trio.abc.Clock) -> None:
    """R4: it stood open, with one warning; it is not asked for anew."""
    done: list[str] = []
    log: list[Observation] = []
    async with open_system(first(), initial={"one": {"value": 1}}) as system:
        system.require(Do("z"))
        await system.settle()
        assert "no resolver takes it" in str(system.explain(Do("x")))
        system.observe(log.append)
        system.register(doing("two", done))
        system.register(doing("three", done))
        await system.settle()
        assert not types(log, "requirement.created", "requirement.canceled")
    assert sorted(done) == ["two x", "two z"]


async def test_those_who_have_a_resolver_keep_it(autojump_clock: trio.abc.Clock) -> None:
    """The new one is the last in module order; for its own constraints it comes first."""
    done: list[str] = []
    one, two, three = first(), doing("two", done), doing("three", done)
    three.constraint(name="own")(lambda facts: Do("own") if facts.value == 0 else None)
    async with open_system(one, two) as system:
        system.register(three)
        system[one].value = 1
        await system.settle()
    assert sorted(done) == ["three own", "two x"]


async def test_after_is_found_in_both_directions(autojump_clock: trio.abc.Clock) -> None:
    """R8: a constraint that named it before it came waits for it from then on."""
    done: list[str] = []
    one = doing("one", done)

    @one.constraint(after=["two::early"])
    def late(facts: Facts) -> Do | None:
        return Do("late") if facts.value else None

    two = doing("two", done)

    @two.constraint(priority=-5)
    def early(facts: Facts) -> Do | None:
        return Do("early") if one.of(facts).value and not facts.value else None

    @two.constraint(after=[late])
    def last(facts: Facts) -> Do | None:
        return Do("last") if one.of(facts).value else None

    async with open_system(one) as system:
        await system.settle()
        system.register(two)
        system[one].value = 1
        await system.settle(timeout=60)
        ranks = [constraint.id for constraint in system.inspect().constraints]
    assert ranks == ["two::early", "one::late", "two::last"]
    assert done == ["two early", "one late", "two last"]


@pytest.mark.parametrize("state", ["new", "stopped"])
async def test_it_may_come_while_nothing_runs(state: str, autojump_clock: trio.abc.Clock) -> None:
    """It counts from the start on."""
    done: list[str] = []
    line, two = Line(), doing("two", done)
    two.source(name="line")(line)
    two.effect(name="note")(lambda facts: done.append("effect"))
    system = System(first(), initial={"one": {"value": 1}})
    async with trio.open_nursery() as nursery:
        if state == "stopped":
            system.start(nursery)
            await system.stop_async()
        settled = system.is_settled
        system.register(two)
        assert (line.links, system.is_settled) == ([], settled)
        system.start(nursery)
        await system.settle()
        assert (len(line.links), sorted(done)) == (1, ["effect", "two x"])
        system.stop()


async def test_what_an_effect_registers_counts_after_the_pass(autojump_clock: trio.abc.Clock) -> None:
    """Two at once too."""
    done: list[str] = []
    one = first()
    systems: list[System] = []

    @one.effect
    def grow(facts: Facts) -> None:
        if facts.value and len(done) == 0:
            done.append("grow")
            two, three = doing("two", done), Module("three", Facts)
            three.constraint(name="more", after=["one::ask"])(lambda facts: Do("more"))
            systems[0].register(two)
            systems[0].register(three)

    async with open_system(one) as system:
        systems.append(system)
        system[one].value = 1
        await system.settle(timeout=60)
        assert len(system.inspect().constraints) == 2
    assert done == ["grow", "two x", "two more"]


async def test_constraints_that_are_due_keep_their_place(autojump_clock: trio.abc.Clock) -> None:
    """R3: one that comes before them in rank is asked before them, in the very next pass."""
    order: list[str] = []
    one, two = Module("one", Facts), Module("two", Facts)

    def asking(name: str) -> Any:
        def ask(facts: Facts) -> None:
            _ = facts.value
            order.append(name)

        return ask

    one.constraint(name="low", priority=1)(asking("low"))
    one.constraint(name="lower")(asking("lower"))
    two.constraint(name="high", priority=2)(asking("high"))
    async with open_system(one) as system:
        await system.settle()
        order.clear()
        system[one].value = 1
        system.disable("one::low")
        system.enable("one::low")
        system.register(two)
        await system.settle()
    assert order == ["high", "low", "lower"]


async def test_what_is_wrong_with_it_changes_nothing(autojump_clock: trio.abc.Clock) -> None:
    """It is found before anything counts; a better one of that name may come."""
    one = first()
    one.constraint(name="tail", after=["two::head"])(lambda facts: None)
    misnamed, ring, failing = (Module("two", Facts) for _ in range(3))
    misnamed.constraint(name="wrong", when={"nothing": 1})(lambda facts: None)
    ring.constraint(name="head", after=["one::tail"])(lambda facts: None)
    failing.init(lambda facts: setattr(facts, "value", "text"))
    failing.effect(name="note")(lambda facts: None)
    twin: Any = "two"
    async with open_system(one) as system:
        before = system.inspect()
        wrong: list[tuple[Any, type[Exception]]] = [
            (misnamed, UnknownNameError),
            (ring, DependencyCycleError),
            (failing, ValueError),
            (first(), DuplicateNameError),
            (twin, DefinitionError),
        ]
        for module, error in wrong:
            with pytest.raises(error):
                system.register(module)
        await system.settle()
        assert system.inspect().facts == before.facts
        assert [node.id for node in system.inspect().constraints] == [node.id for node in before.constraints]
        assert not any(module.sealed for module in (misnamed, ring, failing))
        system.register(Module("two", Facts))
        assert system["two"].value == 0


async def test_where_nothing_may_change_it_is_refused(autojump_clock: trio.abc.Clock) -> None:
    """A destroyed system takes none, and what is pure registers nothing."""
    one = first()
    refused: list[type[Exception]] = []
    systems: list[System] = []

    @one.constraint
    def pure(facts: Facts) -> None:
        if facts.value:
            try:
                systems[0].register(Module("two", Facts))
            except ReadOnlyFactError as error:
                refused.append(type(error))

    async with open_system(one) as system:
        systems.append(system)
        system[one].value = 1
        await system.settle()
        await system.destroy()
        with pytest.raises(LifecycleError):
            system.register(Module("two", Facts))
    assert refused == [ReadOnlyFactError]


async def test_owned_facts_of_a_module_that_comes_later_are_owned(autojump_clock: trio.abc.Clock) -> None:
    """R15: also where nobody owned anything before."""
    two = Module("two", Facts)

    @two.constraint(owns=["value"])
    def own(facts: Facts) -> Do | None:
        return Do("x") if facts.seen == 0 else None

    @two.resolver(Do)
    async def do(requirement: Do, ctx: Context[Facts]) -> None:
        await trio.sleep(1)
        ctx.facts.value = 1
        ctx.facts.seen = 1

    async with open_system(first()) as system:
        system.register(two)
        await trio.sleep(0.5)
        system[two].value = 9
        await system.settle()
        assert (system[two].value, system[two].seen) == (9, 1)


async def test_what_was_to_be_decided_is_decided_then(autojump_clock: trio.abc.Clock) -> None:
    """A requirement that waits for its decision when the module comes is served by it."""
    done: list[str] = []
    later = Module("later", Facts)

    @later.resolver(Do)
    async def do(requirement: Do, ctx: Context[Facts]) -> None:
        done.append(requirement.name)

    async with open_system(first()) as system:
        await system.settle()
        system.require(Do("y"))
        system.register(later)
        await system.settle()
        assert done == ["y"]
