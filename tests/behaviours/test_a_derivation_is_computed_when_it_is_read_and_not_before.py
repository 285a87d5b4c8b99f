"""F5: derivations are lazy and memoised; an equal recomputed value stops propagation."""

import pytest
import trio
from attrs import define

from directive_trio import Module, System, derivation, open_system
from directive_trio.observe import DerivationCompute, Observation


class Count:
    """How often each was computed."""

    def __init__(self) -> None:
        self.of: list[str] = []

    def take(self) -> list[str]:
        taken, self.of = self.of, []
        return taken


count = Count()


@pytest.fixture(autouse=True)
def fresh() -> None:
    """Each test counts from nothing."""
    count.of = []


def last_digit(number: int) -> int:
    return number % 10


@define
class Facts:
    number: int = 0
    other: int = 0

    @derivation
    def sign(self) -> int:
        count.of.append("sign")
        return (self.number > 0) - (self.number < 0)

    @derivation
    def word(self) -> str:
        count.of.append("word")
        return {0: "zero", 1: "positive", -1: "negative"}[self.sign]

    @derivation
    def both(self) -> tuple[int, str]:
        count.of.append("both")
        return self.sign, self.word

    @derivation(eq=False)
    def always(self) -> int:
        count.of.append("always")
        return min(self.number, 1)

    @derivation(eq=last_digit, label="by its last digit", tags=["t"])
    def digit(self) -> int:
        count.of.append("digit")
        return self.number

    @derivation
    def after_digit(self) -> int:
        count.of.append("after_digit")
        return self.digit

    @derivation
    def after_always(self) -> int:
        count.of.append("after_always")
        return self.always

    @derivation
    def constant(self) -> int:
        count.of.append("constant")
        return 7


def facts_of_a_system() -> Facts:
    module = Module("m", Facts)
    return System(module)[module]


def test_one_that_nobody_reads_never_runs() -> None:
    """F5: whatever is written."""
    facts = facts_of_a_system()
    facts.number = 1
    facts.number = 2
    assert not count.of


async def test_a_pass_computes_what_its_constraints_read(autojump_clock: trio.abc.Clock) -> None:
    """F5: and nothing else, whatever has changed."""
    module = Module("m", Facts)

    @module.constraint
    def look(facts: Facts) -> None:
        assert facts.sign >= 0

    async with open_system(module) as system:
        await system.settle()
        system[module].number = 1
        await system.settle()
    assert count.of == ["sign", "sign"]


def test_it_is_computed_once_and_again_only_after_a_change_of_what_it_read() -> None:
    """F5: reading twice computes once; a change elsewhere computes nothing."""
    facts = facts_of_a_system()
    assert (facts.word, facts.word) == ("zero", "zero")
    assert count.take() == ["word", "sign"]
    facts.other = 1
    assert facts.word == "zero"
    assert not count.of
    facts.number = 1
    assert facts.word == "positive"
    assert count.take() == ["sign", "word"]


def test_one_that_read_nothing_is_never_computed_again() -> None:
    """F5: nothing it depends on can change."""
    facts = facts_of_a_system()
    assert facts.constant == 7
    facts.number = 1
    assert facts.constant == 7
    assert count.of == ["constant"]


def test_an_equal_value_stops_propagation() -> None:
    """F5: the sign of 1 and 2 is the same, so what reads the sign is not asked."""
    facts = facts_of_a_system()
    facts.number = 1
    assert facts.both == (1, "positive")
    count.take()
    facts.number = 2
    assert facts.both == (1, "positive")
    assert count.of == ["sign"]


def test_a_diamond_is_computed_once() -> None:
    """F5: two ways lead from the sign to both, each node is computed once."""
    facts = facts_of_a_system()
    assert facts.both == (0, "zero")
    assert sorted(count.take()) == ["both", "sign", "word"]
    facts.number = -5
    assert facts.both == (-1, "negative")
    assert sorted(count.take()) == ["both", "sign", "word"]


def test_eq_says_what_is_no_change() -> None:
    """F5: False makes every computation a change; a key function compares what it returns."""
    facts = facts_of_a_system()
    facts.number = 1
    assert (facts.after_always, facts.after_digit) == (1, 1)
    count.take()
    facts.number = 11
    assert (facts.after_always, facts.after_digit) == (1, 1)
    assert sorted(count.take()) == ["after_always", "always", "digit"]
    facts.number = 12
    assert facts.after_digit == 12


def test_a_key_function_that_raises_counts_as_a_change() -> None:
    """F2, F5: a comparison that cannot be made settles nothing."""

    @define
    class Keyed:
        number: int = 1

        @derivation(eq=lambda value: 1 // (value - 2))
        def double(self) -> int:
            return self.number * 2

        @derivation
        def quadruple(self) -> int:
            return self.double * 2

    module = Module("m", Keyed)
    facts = System(module)[module]
    assert facts.quadruple == 4
    facts.number = 5
    assert facts.quadruple == 20


async def test_each_computation_is_observed(autojump_clock: trio.abc.Clock) -> None:
    """O1: with its value, in the order in which they end."""
    log: list[Observation] = []
    module = Module("m", Facts)
    async with open_system(module) as system:
        await system.settle()
        system.observe(log.append)
        assert system[module].word == "zero"
        assert system[module].word == "zero"
    computed = [(seen.id, seen.value, seen.error) for seen in log if isinstance(seen, DerivationCompute)]
    assert computed == [("m::sign", 0, None), ("m::word", "zero", None)]


def test_handles_and_names_read_the_same() -> None:
    """Section 3.1: ``read`` takes either separator."""
    module = Module("m", Facts)
    system = System(module)
    system[module].number = 3
    assert system.read("m::sign") == system.read("m.sign") == system[module].sign == 1
    assert (Facts.digit.label, Facts.digit.tags) == ("by its last digit", ("t",))
