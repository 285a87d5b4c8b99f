"""F5, R1: what changes are judged per pass: A → B → A is none, for nobody, even if somebody looked in between."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import trio
from attrs import define

from directive_trio import Module, System, derivation, fact, open_system
from directive_trio.errors import DerivationError
from directive_trio.observe import FactChange, Observation


@define
class Facts:
    number: int = 1
    names: tuple[str, ...] = ()
    beat: int = fact(0, eq=False)

    @derivation
    def inverse(self) -> float:
        return 1 / self.number

    @derivation
    def doubled(self) -> float:
        return self.inverse * 2


def there_and_back(facts: Facts, between: Callable[[], object]) -> None:
    facts.number = 2
    between()
    facts.number = 1


def write_and_fail(facts: Facts, between: Callable[[], object]) -> None:
    facts.number = 0
    with pytest.raises(DerivationError):
        _ = facts.doubled
    between()
    facts.number = 1


def equal_not_identical(facts: Facts, between: Callable[[], object]) -> None:
    facts.names = ("a", "b")
    between()
    facts.names = tuple("")


JOURNEYS = [there_and_back, write_and_fail, equal_not_identical]


@pytest.mark.parametrize("journey", JOURNEYS)
@pytest.mark.parametrize("looks", [0, 1, 2])
async def test_nobody_is_told(journey: Any, looks: int, autojump_clock: trio.abc.Clock) -> None:
    """R1: no effect, watcher, constraint, fact.change, though a derivation was read in between."""
    order: list[str] = []
    module = Module("m", Facts)

    @module.constraint
    def constraint(facts: Facts) -> None:
        order.append(f"constraint {facts.number} {facts.doubled} {facts.names}")

    @module.constraint
    async def slow(facts: Facts) -> None:
        order.append(f"slow {facts.number} {facts.doubled} {facts.names}")

    @module.effect
    def effect(facts: Facts) -> None:
        order.append(f"effect {facts.number} {facts.doubled} {facts.names}")

    async with open_system(module) as system:

        def look() -> None:
            for _ in range(looks):
                with suppress(DerivationError):
                    _ = system[module].doubled

        system.watch("m::number", lambda new, old: order.append("watcher of a fact"))
        system.watch(Facts.doubled, lambda new, old: order.append("watcher of a derivation"))
        await system.settle()
        log: list[Observation] = []
        system.observe(log.append)
        order.clear()
        journey(system[module], look)
        await system.settle()
        assert order == []
        assert not [seen for seen in log if isinstance(seen, FactChange)]
        journey(system[module], look)
        look()
        system[module].number = 4
        await system.settle()
        assert len(order) == 5
        assert [(seen.id, seen.previous, seen.value) for seen in log if isinstance(seen, FactChange)] == [
            ("m::number", 1, 4)
        ]


async def test_over_two_passes_it_is_two_changes(autojump_clock: trio.abc.Clock) -> None:
    """R1: what was judged stays judged."""
    seen: list[tuple[float, float]] = []
    module = Module("m", Facts)
    async with open_system(module) as system:
        system.watch(Facts.doubled, lambda new, old: seen.append((new, old)))
        for number in (2, 1):
            system[module].number = number
            await system.settle()
    assert seen == [(1.0, 2.0), (2.0, 1.0)]


async def test_a_fact_whose_writes_all_count_changes_all_the_same(autojump_clock: trio.abc.Clock) -> None:
    """F2: eq=False, and touch, once a pass."""
    log: list[Observation] = []
    module = Module("m", Facts)
    async with open_system(module) as system:
        await system.settle()
        system.observe(log.append)
        system[module].beat = 1
        system[module].beat = 0
        system.touch("m::number")
        there_and_back(system[module], print)
        await system.settle()
    assert [(seen.id, seen.previous, seen.value) for seen in log if isinstance(seen, FactChange)] == [
        ("m::beat", 0, 0),
        ("m::number", 1, 1),
    ]


async def test_an_undone_transaction_is_no_change(autojump_clock: trio.abc.Clock) -> None:
    """F6: nobody hears of what was taken back, whoever looked meanwhile."""
    order: list[float] = []
    module = Module("m", Facts)

    @module.constraint
    def constraint(facts: Facts) -> None:
        order.append(facts.doubled)

    async with open_system(module) as system:
        await system.settle()
        log: list[Observation] = []
        system.observe(log.append)
        with pytest.raises(ZeroDivisionError), system.transaction():
            system[module].number = 2
            order.append(system[module].doubled)
            raise ZeroDivisionError
        assert system[module].doubled == 2.0
        await system.settle()
    assert order == [2.0, 1.0]
    assert not [seen for seen in log if isinstance(seen, FactChange)]


def test_a_derivation_sees_each_value_at_once() -> None:
    """F5: only passes judge later; a read shows what is."""
    module = Module("m", Facts)
    facts = System(module)[module]
    shown = []
    for number in (2, 4, 1):
        facts.number = number
        shown.append(facts.doubled)
    assert shown == [1.0, 0.5, 2.0]
