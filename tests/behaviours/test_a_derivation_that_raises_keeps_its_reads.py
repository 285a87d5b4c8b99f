"""F5: a raising derivation raises `DerivationError` to its reader and computes again when what it read changes."""

import logging

import pytest
import trio
from attrs import define

from directive_trio import ErrorBoundary, Module, System, derivation, open_system
from directive_trio.errors import DerivationError
from directive_trio.observe import DerivationCompute, Observation

computed: list[int] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    """Each test counts from nothing."""
    computed.clear()


@define
class Facts:
    number: int = 0
    other: int = 0
    interrupt: bool = False

    @derivation
    def inverse(self) -> float:
        computed.append(self.number)
        return 1 / self.number

    @derivation
    def doubled(self) -> float:
        return self.inverse * 2

    @derivation
    def guarded(self) -> float:
        try:
            return self.inverse
        except DerivationError:
            return 0.0

    @derivation
    def fragile(self) -> int:
        number = self.number
        if self.interrupt:
            raise KeyboardInterrupt
        return number


def facts_of_a_system() -> Facts:
    module = Module("m", Facts)
    return System(module)[module]


def test_the_reader_gets_it_with_the_original_as_its_cause() -> None:
    """F5: named after the one that raised, however far the reader is."""
    facts = facts_of_a_system()
    for name in ("inverse", "doubled"):
        with pytest.raises(DerivationError) as caught:
            getattr(facts, name)
        assert caught.value.derivation == "m::inverse"
        assert str(caught.value) == "derivation 'm::inverse' raised ZeroDivisionError('division by zero')"
        assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_the_failure_is_memoised_like_a_value() -> None:
    """F5: it runs again when its input changes, not when it is read again or when something else changes."""
    facts = facts_of_a_system()
    for _ in range(2):
        with pytest.raises(DerivationError):
            _ = facts.inverse
        facts.other += 1
    assert computed == [0]
    facts.number = 2
    assert (facts.inverse, facts.doubled) == (0.5, 1.0)
    facts.number = 0
    with pytest.raises(DerivationError):
        _ = facts.doubled
    facts.number = 4
    assert facts.doubled == 0.5
    assert computed == [0, 2, 0, 4]


def test_a_reader_may_catch_it() -> None:
    """F5: and is computed again when it recovers."""
    facts = facts_of_a_system()
    assert facts.guarded == 0.0
    facts.number = 2
    assert facts.guarded == 0.5


def test_an_interrupt_is_as_if_it_had_never_begun() -> None:
    """R10: KeyboardInterrupt passes through; the next read computes, also with a value from before."""
    facts = facts_of_a_system()
    facts.interrupt = True
    with pytest.raises(KeyboardInterrupt):
        _ = facts.fragile
    facts.interrupt = False
    assert facts.fragile == 0
    facts.number, facts.interrupt = 1, True
    with pytest.raises(KeyboardInterrupt):
        _ = facts.fragile
    facts.interrupt = False
    assert facts.fragile == 1


def test_an_interrupt_that_nothing_it_read_explains_leaves_no_old_value() -> None:
    """R10: computed again even if no fact has changed since."""
    interrupts = [False, True, False]

    @define
    class Hit:
        number: int = 0

        @derivation
        def seen(self) -> int:
            number = self.number
            if interrupts.pop(0):
                raise KeyboardInterrupt
            return number

    module = Module("m", Hit)
    facts = System(module)[module]
    assert facts.seen == 0
    facts.number = 1
    with pytest.raises(KeyboardInterrupt):
        _ = facts.seen
    assert facts.seen == 1


async def test_it_never_breaks_start(caplog: pytest.LogCaptureFixture, autojump_clock: trio.abc.Clock) -> None:
    """F5: constraints, effects and watchers that read it; each gets over it when it recovers."""
    module = Module("m", Facts)
    order: list[str] = []
    log: list[Observation] = []

    @module.constraint
    def look(facts: Facts) -> None:
        order.append(f"constraint {facts.inverse}")

    @module.effect
    def effect(facts: Facts) -> None:
        order.append(f"effect {facts.inverse}")

    with caplog.at_level(logging.CRITICAL, "directive_trio"):
        async with open_system(module) as system:
            system.observe(log.append)
            await system.settle()
            system[module].number = 2
            system.watch(Facts.inverse, lambda new, old: order.append(f"watcher {new}"))
            await system.settle()
            system[module].number = 0
            await system.settle()
            system[module].number = 4
            await system.settle()
    assert order == ["effect 0.5", "constraint 0.5", "watcher 0.25", "effect 0.25", "constraint 0.25"]
    errors = [seen.error for seen in log if isinstance(seen, DerivationCompute)]
    assert [type(error) for error in errors] == [ZeroDivisionError, type(None), ZeroDivisionError, type(None)]


async def test_a_strategy_may_throw_where_there_is_no_caller(autojump_clock: trio.abc.Clock) -> None:
    """R12: the error of a derivation that only a watcher reads acts by the boundary's word."""
    module = Module("m", Facts)
    with pytest.raises(ExceptionGroup) as caught:
        async with open_system(
            module,
            initial={"m": {"number": 1}},
            errors=ErrorBoundary(derivation="throw", on_error=lambda error, where: None),
        ) as system:
            system.watch("m::inverse", print)
            await system.settle()
            system[module].number = 0
            await trio.sleep(1)
    assert caught.group_contains(DerivationError)
