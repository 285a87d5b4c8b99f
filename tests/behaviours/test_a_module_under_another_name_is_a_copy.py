"""Section 3.1: `Module.named`: the same definition under another name; handles mean the copy inside the copy."""

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, SourceLink, derivation, open_system
from directive_trio.errors import SchemaError


@define
class CounterFacts:
    wanted: int = 0
    count: int = 0
    heard: int = 0

    @derivation
    def open(self) -> int:
        return self.wanted - self.count


@frozen
class Raise:
    by: int


@frozen
class Tick: ...


@frozen
class Want:
    much: int


def counter_module(order: list[str]) -> Module[CounterFacts]:
    """A module that names its own definitions by handle wherever that is possible."""
    counter = Module("counter", CounterFacts)

    @counter.on(Want)
    def want(facts: CounterFacts, event: Want) -> None:
        facts.wanted = event.much

    @counter.on(Tick)
    def tick(facts: CounterFacts, event: Tick) -> None:
        facts.heard += 1

    @counter.constraint
    def first(facts: CounterFacts) -> Raise | None:
        return Raise(facts.open) if facts.open else None

    @counter.constraint(after=[first, "first"], reads=[CounterFacts.open], when={"wanted": 3})
    def second(facts: CounterFacts) -> None:
        order.append(f"second sees {facts.count}")

    @counter.effect(reads=[CounterFacts.open])
    def look(facts: CounterFacts) -> None:
        order.append("effect")

    @counter.resolver(Raise)
    async def rise(requirement: Raise, ctx: Context[CounterFacts]) -> None:
        await trio.sleep(1)
        ctx.facts.count += requirement.by

    @counter.source
    async def feed(link: SourceLink) -> None:
        link.publish("Tick")
        await trio.sleep_forever()

    return counter


async def test_both_live_side_by_side(autojump_clock: trio.abc.Clock) -> None:
    """Each with its own facts, order, resolver and source; an event that both handle goes to both."""
    order: list[str] = []
    one = counter_module(order)
    two = one.named("other")
    async with open_system(one, two) as system:
        await trio.sleep(0.1)  # settling waits for no source: both have published by now
        assert [source.id for source in system.inspect().sources] == ["counter::feed", "other::feed"]
        assert (system[one].heard, system[two].heard) == (2, 2)
        order.clear()
        system[two].wanted = 3
        await trio.sleep(0.5)
        assert [run.resolver for run in system.inspect().runs] == ["other::rise"]
        assert order == ["effect"]
        await system.settle()
        assert order == ["effect", "effect", "second sees 3"]
        assert (system[one].count, system[two].count) == (0, 3)
        system.dispatch(Want(1))
        await system.settle()
        assert (system[one].count, system[two].count) == (1, 1)
        system.disable("other::first")
        system.dispatch(Want(2))
        await system.settle()
        assert (system[one].count, system[two].count) == (2, 1)
        system.unregister(one)
        system.enable("other::first")
        await system.settle()
        assert system[two].count == 2


def test_the_original_stays_as_it_is() -> None:
    """And what is declared in one later is not in the other."""
    one = counter_module([])
    two = one.named("other")
    two.constraint(name="third")(lambda facts: None)
    assert (one.name, two.name) == ("counter", "other")
    assert set(two.constraints) - set(one.constraints) == {"third"}
    assert [constraint.id for constraint in one.constraints.values()] == ["counter::first", "counter::second"]
    assert one.constraints["second"].after[0] is one.constraints["first"]
    with pytest.raises(SchemaError):
        one.named("no::name")
