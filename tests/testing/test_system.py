"""The test system: mock clock only, recorded, nothing left running; resolvers can be replaced."""

import re

import pytest
import trio
from attrs import frozen
from trio.testing import MockClock

from directive_trio import Context, Module, open_system
from directive_trio.errors import DefinitionError, SettleTimeoutError, UnknownNameError, UsageError
from directive_trio.plugins.devtools import DevtoolsTrace
from directive_trio.testing import ManualResolver, MockResolver, open_test_system
from tests.testing.lamp import LampFacts, SwitchOn, lamp_module


async def test_a_test_system_records_from_the_first_moment(autojump_clock: MockClock) -> None:
    """To the last one."""
    lamp = lamp_module()
    async with open_test_system(lamp, name="house") as (system, recorder):
        system[lamp].wanted = True
        await system.settle()
        assert system[lamp].lit
    assert recorder.sequence("system.init", "resolver", "system.destroy") == [
        ("system.init", "house"),
        ("resolver.start", "lamp::switch_on"),
        ("resolver.complete", "lamp::switch_on"),
        ("system.destroy", "house"),
    ]


async def test_the_options_of_a_system_are_passed_on(autojump_clock: MockClock) -> None:
    """Further plugins beside the recorder."""
    lamp, trace = lamp_module(), DevtoolsTrace()
    async with open_test_system(
        lamp, plugins=[trace], initial={"lamp": {"lit": True}}, deps="socket", check_types=False
    ) as (system, _):
        assert system[lamp].lit
    assert trace.entries


def test_the_real_clock_is_refused() -> None:
    """With the two ways to the mock clock."""

    class Clock(trio.abc.Clock):
        """A clock that is not trio's mock clock."""

        def start_clock(self) -> None:
            """Nothing to do."""

        def current_time(self) -> float:
            return 0

        def deadline_to_sleep_time(self, deadline: float) -> float:
            return 0

    async def main() -> None:
        async with open_test_system(lamp_module()):
            raise NotImplementedError

    with pytest.raises(UsageError, match="autojump_clock"):
        trio.run(main, clock=Clock())


async def test_a_run_left_running_fails_the_test(autojump_clock: MockClock) -> None:
    """It is named; the settle error says the rest."""
    lamp = lamp_module()
    with pytest.raises(AssertionError, match="left running at the end of the test") as caught:
        async with open_test_system(lamp) as (system, _):
            system[lamp].wanted = True
    assert "lamp::switch_on" in str(caught.value)
    assert isinstance(caught.value.__cause__, SettleTimeoutError)


async def test_what_only_is_due_may_still_come_to_pass(autojump_clock: MockClock) -> None:
    """A pass after the last write leaves nothing running."""
    lamp = lamp_module()
    async with open_test_system(lamp) as (system, recorder):
        system[lamp].lit = True
    assert ("fact.change", "lamp::lit") in recorder.sequence()


async def test_a_failing_test_fails_for_its_own_reason(autojump_clock: MockClock) -> None:
    """What it left running does not matter then."""
    lamp = lamp_module()

    async def fail() -> None:
        async with open_test_system(lamp) as (system, _):
            system[lamp].wanted = True
            raise LookupError("its own")

    with pytest.raises(ExceptionGroup) as caught:
        await fail()
    assert caught.group_contains(LookupError, match="its own")


async def test_a_system_stopped_by_the_test_is_left_alone(autojump_clock: MockClock) -> None:
    """To stop in the middle of a run is a way to end it."""
    lamp = lamp_module()
    async with open_test_system(lamp) as (system, recorder):
        system[lamp].wanted = True
        await trio.sleep(0.5)
        await system.stop_async()
    assert recorder.sequence("resolver") == [
        ("resolver.start", "lamp::switch_on"),
        ("resolver.cancel", "lamp::switch_on"),
    ]


async def test_stand_ins_leave_the_module_as_it_is(autojump_clock: MockClock) -> None:
    """Another system made from it has the real resolver, and it can still be declared on."""
    lamp = lamp_module()
    async with open_test_system(lamp, resolvers={SwitchOn: MockResolver()}) as (system, _):
        system[lamp].wanted = True
        await system.settle()
        assert not system[lamp].lit

    @lamp.init
    def want(facts: LampFacts) -> None:
        facts.wanted = True

    async with open_system(lamp) as system:
        await system.settle()
        assert system[lamp].lit


async def test_a_stand_in_serves_every_module_that_resolves_the_requirement(autojump_clock: MockClock) -> None:
    """The others stay as they are."""
    left, right, other = lamp_module("left"), lamp_module("right"), Module("other", LampFacts)
    mock = MockResolver[SwitchOn](writes={"lit": True})
    async with open_test_system(left, right, other, resolvers={SwitchOn: mock}) as (system, _):
        system[left].wanted = system[right].wanted = True
        await system.settle()
        assert (system[left].lit, system[right].lit) == (True, True)
    assert len(mock.requirements) == 2


@frozen
class SwitchOff: ...


async def test_a_stand_in_for_nothing_is_refused(autojump_clock: MockClock) -> None:
    """It would be a test that tests something else."""
    with pytest.raises(DefinitionError, match="SwitchOff, but no module has any"):
        async with open_test_system(lamp_module(), resolvers={SwitchOn: MockResolver(), SwitchOff: ManualResolver()}):
            raise NotImplementedError


def test_a_copy_with_another_resolver_shares_the_rest() -> None:
    """The new one has the name, retry and timeout of the old one."""
    lamp, manual = lamp_module(timeout=3), ManualResolver[SwitchOn]()
    copy = lamp.with_resolver(SwitchOn, manual)
    assert copy.constraints == lamp.constraints
    old, new = lamp.resolvers["switch_on"], copy.resolvers["switch_on"]
    assert (new.id, new.retry, new.timeout, new.is_async) == (old.id, old.retry, 3, True)
    assert new.function is manual
    assert old.function is not manual


def test_a_copy_is_declared_on_its_own() -> None:
    """What it gets, the original has not; it is not sealed, even where the original is."""
    lamp = lamp_module()
    lamp.sealed = True
    copy = lamp.with_resolver(SwitchOn, ManualResolver[SwitchOn]())

    @copy.constraint
    def must_be_off(facts: LampFacts) -> SwitchOff | None:
        return SwitchOff() if facts.lit else None

    @copy.resolver(SwitchOff)
    def switch_off(requirement: SwitchOff, ctx: Context[LampFacts]) -> None:
        ctx.facts.lit = False

    @copy.on(SwitchOff)
    def switched_off(facts: LampFacts, event: SwitchOff) -> None:
        facts.lit = False

    @copy.effect
    def tell(facts: LampFacts) -> None: ...

    @copy.init
    def light(facts: LampFacts) -> None:
        facts.lit = True

    assert set(lamp.constraints) == {"must_be_lit"}
    assert set(lamp.resolvers) == {"switch_on"}
    assert (lamp.handlers, lamp.effects, lamp.inits) == ({}, {}, [])
    assert lamp.with_resolver(SwitchOn, ManualResolver()).handlers == {}
    assert copy.with_resolver(SwitchOff, switch_off).handlers == {SwitchOff: [switched_off]}


def test_a_requirement_the_module_does_not_resolve_is_refused() -> None:
    """With the nearest one that it does."""
    message = "there is no resolver in module 'lamp' for 'SwitchOff'; did you mean 'SwitchOn'?"
    with pytest.raises(UnknownNameError, match=re.escape(message)):
        lamp_module().with_resolver(SwitchOff, MockResolver())
