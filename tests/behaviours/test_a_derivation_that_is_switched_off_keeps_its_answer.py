"""Section 3.1, F5: a disabled derivation keeps its answer and is computed no more; enabled, it is like any other."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, System, derivation, open_system
from directive_trio.errors import (
    DependencyCycleError,
    DerivationError,
    LifecycleError,
    ReadOnlyFactError,
    UnknownNameError,
)
from directive_trio.observe import Observation
from tests.behaviours.shop import Facts, shop
from tests.behaviours.told import told

# -- the answer -----------------------------------------------------------------------------------


def test_what_it_answers_now_is_what_it_answers_then() -> None:
    """Computed at that moment if it was stale, or was never read; those that read it see a constant."""
    module = shop()
    system = System(module)
    facts = system[module]
    log: list[Observation] = []
    system.observe(log.append)
    system.disable(Facts.doubled)
    assert told(log, "derivation.compute") == ["derivation.compute shop::doubled"]
    facts.count = 9
    assert (facts.doubled, system.read("shop.doubled"), facts.large) == (2, 2, False)
    assert told(log, "derivation.compute")[1:] == ["derivation.compute shop::large"]
    system.enable("shop.doubled")
    assert told(log, "derivation.compute")[2:] == []  # not before it is read
    assert (facts.large, facts.doubled) == (True, 18)
    facts.count = 1
    system.disable("shop::doubled")
    facts.count = 2
    assert (facts.doubled, facts.large) == (2, False)


def test_what_it_raises_now_it_raises_then() -> None:
    """The kept answer may be an exception; each reader gets an error of its own."""
    module = shop()
    system = System(module)
    facts = system[module]
    facts.count = 0
    system.disable(Facts.share)
    facts.count = 3
    caught: list[DerivationError] = []
    for _ in range(2):
        with pytest.raises(DerivationError, match="shop::share") as info:
            _ = facts.share
        assert isinstance(info.value.__cause__, ZeroDivisionError)
        caught.append(info.value)
    assert caught[0] is not caught[1]
    system.enable(Facts.share)
    assert facts.share == 4


def test_doing_it_twice_is_nothing() -> None:
    """The answer stays the first one; enabling what is enabled computes nothing."""
    module = shop()
    system = System(module)
    facts = system[module]
    system.enable(Facts.doubled)
    system.disable(Facts.doubled)
    facts.count = 5
    system.disable(Facts.doubled)
    assert facts.doubled == 2
    log: list[Observation] = []
    for _ in range(2):
        system.enable(Facts.doubled)
    assert facts.doubled == 10
    system.observe(log.append)
    system.enable(Facts.doubled)
    assert facts.doubled == 10
    assert log == []


def test_one_that_reads_nothing_is_computed_again() -> None:
    """Enabling is what makes it stale, not what it has read."""
    module = shop()
    system = System(module)
    log: list[Observation] = []
    system.disable(Facts.always)
    system.observe(log.append)
    system.enable(Facts.always)
    assert system[module].always == "it reads nothing"
    assert told(log, "derivation.compute") == ["derivation.compute shop::always"]


def test_a_call_computes_it_all_the_same() -> None:
    """`call` is out of band."""
    module = shop()
    system = System(module)
    system.disable(Facts.doubled)
    system[module].count = 7
    assert system.call(Facts.doubled) == 14
    assert system[module].doubled == 2


def test_it_can_hold_open_a_ring() -> None:
    """F5: one that answers all the same needs nobody. Back on, the ring is found."""

    @define
    class Ring:
        closed: bool = False

        @derivation
        def first(self) -> int:
            return self.second + 1 if self.closed else 1

        @derivation
        def second(self) -> int:
            return self.first + 1

    module = Module("ring", Ring)
    system = System(module)
    facts = system[module]
    system.disable(Ring.first)
    facts.closed = True
    assert (facts.first, facts.second) == (1, 2)
    system.enable(Ring.first)
    for _ in range(2):
        with pytest.raises(DependencyCycleError):
            _ = facts.second
        system.disable(Ring.second)  # the ring itself is what it keeps
    with pytest.raises(DependencyCycleError):
        _ = facts.first
    facts.closed = False
    assert facts.first == 1
    with pytest.raises(DependencyCycleError):
        _ = facts.second
    system.enable(Ring.second)
    assert facts.second == 2


def test_an_interrupt_while_it_is_computed_leaves_it_on() -> None:
    """KeyboardInterrupt passes through; nothing was kept."""
    interrupts: list[BaseException] = [KeyboardInterrupt()]

    @define
    class Fragile:
        count: int = 1

        @derivation
        def doubled(self) -> int:
            if self.count > 1 and interrupts:
                raise interrupts.pop()
            return self.count * 2

    module = Module("m", Fragile)
    system = System(module)
    system[module].count = 2
    with pytest.raises(KeyboardInterrupt):
        system.disable(Fragile.doubled)
    assert system[module].doubled == 4
    system[module].count = 3
    assert system[module].doubled == 6


# -- its readers ----------------------------------------------------------------------------------


@frozen
class Order:
    amount: int


def listening(heard: list[str]) -> Module[Facts]:
    """A constraint, sync and async, and an effect that read ``doubled``."""
    module = shop()

    @module.constraint
    def order(facts: Facts) -> Order | None:
        heard.append(f"constraint {facts.doubled}")
        return Order(facts.doubled) if facts.doubled > facts.seen else None

    @module.constraint
    async def later(facts: Facts) -> None:
        heard.append(f"async constraint {facts.doubled}")
        await trio.lowlevel.checkpoint()

    @module.constraint(when={"doubled": 12})
    def a_dozen(_: Facts) -> None:
        heard.append("when 12")

    @module.effect
    def print_it(facts: Facts) -> None:
        heard.append(f"effect {facts.doubled}")

    @module.resolver(Order)
    async def deliver(requirement: Order, ctx: Context[Facts]) -> None:
        ctx.facts.seen = requirement.amount

    return module


async def test_readers_hear_nothing_until_it_is_back_and_differs(autojump_clock: trio.abc.Clock) -> None:
    """Constraints, effects and watchers are asked as after any change."""
    heard: list[str] = []
    module = listening(heard)
    async with open_system(module) as system:
        system.watch(Facts.doubled, lambda new, old: heard.append(f"watcher {old} to {new}"))
        await system.settle()
        heard.clear()
        system.disable(Facts.doubled)
        system[module].count = 6
        await system.settle()
        assert heard == []
        system.enable(Facts.doubled)
        assert not system.is_settled
        await system.settle()
        assert heard[:5] == ["watcher 2 to 12", "effect 12", "constraint 12", "when 12", "async constraint 12"]
        assert system[module].seen == 12
        heard.clear()
        system.disable(Facts.doubled)
        await system.settle()
        system.enable(Facts.doubled)
        await system.settle()
        assert heard == []  # it answers the same


async def test_a_change_before_it_went_off_still_counts(autojump_clock: trio.abc.Clock) -> None:
    """What was written in the same moment is in the answer that it keeps."""
    heard: list[str] = []
    module = listening(heard)
    async with open_system(module) as system:
        await system.settle()
        heard.clear()
        system[module].count = 6
        system.disable(Facts.doubled)
        system[module].count = 1
        await system.settle()
        assert "constraint 12" in heard
        assert system[module].seen == 12


async def test_it_stays_off_over_stop_and_start(autojump_clock: trio.abc.Clock) -> None:
    """As every switch does; `debug` and its checks change nothing."""
    module = shop()
    async with trio.open_nursery() as nursery, open_system(module, debug=True) as system:
        system.disable(Facts.doubled)
        await system.stop_async()
        system[module].count = 4
        system.start(nursery)
        await system.settle()
        assert system[module].doubled == 2
        await system.stop_async()
        system.enable(Facts.doubled)
        assert system[module].doubled == 8
        await system.destroy()
        with pytest.raises(LifecycleError):
            system.disable(Facts.doubled)


# -- where it is asked for ------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["effect", "watcher"])
async def test_asked_for_in_a_pass_it_is_done_after_it(how: str, autojump_clock: trio.abc.Clock) -> None:
    """The answer it keeps is that of the end of the pass."""
    module = shop()
    kept: list[int] = []

    def switch() -> None:
        system.disable(Facts.doubled)
        system[module].count = 5
        kept.append(system[module].doubled)

    if how == "effect":

        @module.effect
        def look(facts: Facts) -> None:
            if facts.seen:
                switch()

    async with open_system(module) as system:
        await system.settle()
        if how == "watcher":
            system.watch("shop::seen", lambda new, old: switch())
        system[module].seen = 1
        await system.settle()
        system[module].count = 6
        assert (kept, system[module].doubled) == ([10], 10)


async def test_the_last_word_of_a_pass_counts(autojump_clock: trio.abc.Clock) -> None:
    """Off and on again in one pass is on; a module that goes in the same pass takes its derivation with it."""
    module = shop()

    @module.effect
    def look(facts: Facts) -> None:
        if facts.seen:
            system.disable(Facts.doubled)
            system.enable("shop::doubled")
        if facts.seen == 2:
            system.unregister(module)
            system.disable("shop::doubled")

    async with open_system(module) as system:
        system[module].seen = 1
        await system.settle()
        system[module].count = 3
        assert system[module].doubled == 6
        system[module].seen = 2
        await system.settle()
        with pytest.raises(UnknownNameError):
            system["shop"]


def refused_by(error: type[Exception], ask: Callable[[], None]) -> None:
    with pytest.raises(error):
        ask()


async def test_it_is_refused_where_nothing_may_change(autojump_clock: trio.abc.Clock) -> None:
    """In what is pure and in an observer both; and off where a transaction may yet undo what it would keep."""
    tried: list[str] = []

    @define
    class Nosy:
        on: bool = False

        @derivation
        def meddles(self) -> int:
            if self.on:
                refused_by(ReadOnlyFactError, lambda: system.disable("shop::doubled"))
                tried.append("derivation")
            return 1

    @frozen
    class Switch: ...

    nosy, module = Module("nosy", Nosy), shop()

    @nosy.on(Switch)
    def switch(facts: Nosy, event: Switch) -> None:
        refused_by(LifecycleError, lambda: system.disable("shop::doubled"))
        system.enable("shop::doubled")
        tried.append("handler")

    @nosy.constraint
    def asks(facts: Nosy) -> None:
        if facts.on:
            refused_by(ReadOnlyFactError, lambda: system.enable("shop::doubled"))
            tried.append("constraint")

    async with open_system(nosy, module) as system:
        system.disable(Facts.doubled)
        system[nosy].on = True
        _ = system[nosy].meddles
        await system.settle()
        system.dispatch(Switch())
        with system.transaction(), pytest.raises(LifecycleError, match="may yet be undone"):
            system.disable("shop::doubled")
        system.observe(lambda _: refused_by(LifecycleError, lambda: system.disable("shop::doubled")))
        system[module].count = 2
        assert system[module].doubled == 4
    assert tried == ["derivation", "constraint", "handler"]


def test_it_goes_by_its_name_or_its_handle() -> None:
    """A handle must mean one; a misspelt name is told the nearest."""
    system = System(shop(), Module("other", Facts))
    with pytest.raises(UnknownNameError, match="exactly one module"):
        system.disable(Facts.doubled)
    with pytest.raises(UnknownNameError, match="shop::doubled"):
        system.disable("shop::doubld")
    system.disable("other::doubled")
    system["other"].count = system["shop"].count = 4
    assert (system["other"].doubled, system["shop"].doubled) == (2, 8)


# -- its module -----------------------------------------------------------------------------------


async def test_who_comes_back_under_its_name_is_on(autojump_clock: trio.abc.Clock) -> None:
    """Replaced, or let go and taken again; a replacement that fails leaves it off."""
    module = shop()
    async with open_system(module) as system:
        for come_back in ("replace", "register"):
            system.disable(Facts.doubled)
            system[module].count = 3
            refusing = shop()

            @refusing.init
            def refuse(facts: Facts) -> None:
                raise ValueError("not so")

            with pytest.raises(ValueError, match="not so"):
                system.replace(refusing)
            assert system[module].doubled == 2
            if come_back == "register":
                system.unregister(module)
                system.register(module)
                system[module].count = 3
            else:
                system.replace(module)
            assert system[module].doubled == 6
            assert not any(one.disabled for one in system.inspect().derivations)
            system[module].count = 1
        await system.settle()


async def test_its_readers_hear_that_its_module_has_gone(autojump_clock: trio.abc.Clock) -> None:
    """Off or on: who has read it finds no such module."""
    module, reader = shop(), Module("reader", Facts)

    @define
    class Reading:
        @derivation
        def theirs(self) -> int:
            return module.of(self).doubled

    reading = Module("reading", Reading)
    async with open_system(module, reader, reading) as system:
        assert system[reading].theirs == 2
        system.disable("shop::doubled")
        system.unregister(module)
        with pytest.raises(DerivationError):
            _ = system[reading].theirs
        system.register(module)
        assert system[reading].theirs == 2


# -- seeing it ------------------------------------------------------------------------------------


async def test_it_is_shown(autojump_clock: trio.abc.Clock) -> None:
    """O2: inspect, explain and graph."""
    module = listening([])
    async with open_system(module) as system:
        await system.settle()
        assert "derivation shop::doubled" in str(system.explain("shop::order"))
        system.disable(Facts.doubled)
        system[module].count = 0
        system.disable(Facts.share)
        system[module].count = 3
        shown: dict[str, Any] = {one.id: one for one in system.inspect().derivations}
        assert [shown[f"shop::{name}"].disabled for name in ("doubled", "share", "large")] == [True, True, False]
        assert (shown["shop::doubled"].state, shown["shop::doubled"].value) == ("clean", 2)
        assert (shown["shop::share"].state, shown["shop::share"].value) == ("failed", None)
        kept = "derivation shop::doubled is 2; it is disabled, so this answer is kept"
        assert str(system.explain(Facts.doubled)) == kept
        assert kept in str(system.explain("shop::order"))
        assert "ZeroDivisionError" in str(system.explain(Facts.share))
        edges = {str(edge.source.id) for edge in system.graph().edges if edge.target.id == "shop::doubled"}
        assert edges == set()
        system.enable(Facts.share)
        assert "stale until it is read" in str(system.explain(Facts.share))
