"""Section 3.1, R15: `system.call` calls the function of a definition once, with the facts of the system, and no run."""

from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, SourceLink, derivation, open_system
from directive_trio.errors import AbortedError, LifecycleError, ReadOnlyFactError, UnknownNameError, UsageError
from directive_trio.observe import Observation
from tests.behaviours.worker import types


@define
class Facts:
    value: int = 1
    done: int = 0

    @derivation
    def double(self) -> int:
        return self.value * 2


@frozen
class Meet:
    value: int


@frozen
class Group:
    value: int


@frozen
class Add:
    by: int


m = Module("m", Facts)


@m.on(Add)
def add(facts: Facts, event: Add) -> None:
    facts.value += event.by


@m.constraint(when={"value": 1}, owns=["done"])
def asks(facts: Facts) -> Meet | None:
    return Meet(facts.value) if facts.done != facts.value else None


@m.constraint
async def thinks(facts: Facts) -> Meet | None:
    await trio.sleep(1)
    return None


@m.constraint
def tries(facts: Facts) -> None:
    facts.value = 9


@m.effect
def shows(facts: Facts) -> Any:
    return lambda: facts.value


@m.resolver(Meet)
async def meet(requirement: Meet, ctx: Context[Facts]) -> None:
    await trio.sleep(1)
    ctx.requeue()
    if requirement.value == 7:
        ctx.cancel()
    assert (ctx.attempt, ctx.deps, ctx.signal.aborted) == (1, "deps", False)
    ctx.facts.done = ctx.snapshot().value + requirement.value
    ctx.dispatch(Add(10))


@m.batch_resolver(Group)
async def group(requirements: list[Group], ctx: Context[Facts]) -> list[Exception | None]:
    ctx.facts.done = sum(requirement.value for requirement in requirements)
    return [None for _ in requirements]


@m.source
async def feed(link: SourceLink) -> None: ...


@pytest.fixture
def module() -> Module[Facts]:
    """The module, in which nothing is asked for by itself."""
    return m


async def test_each_kind_by_handle_and_by_name(module: Module[Facts], autojump_clock: trio.abc.Clock) -> None:
    """What it answers comes back; nothing else follows."""
    log: list[Observation] = []
    async with open_system(module, deps="deps") as system:
        for each in (asks, thinks, tries):
            system.disable(each)
        await system.settle()
        system.observe(log.append)
        assert system.call(asks) == system.call("m::asks") == Meet(1)
        thinking = system.call(thinks)
        assert thinking is not None
        assert await thinking is None
        assert (system.call(Facts.double), system.call("m.double"), system.call("m::double")) == (2, 2, 2)
        assert system.call(shows)() == 1
        with pytest.raises(ReadOnlyFactError):
            system.call(tries)
        await system.call(group, [Group(2), Group(3)])
        assert system[module].done == 5
        assert await system.call("m::group", Group(4)) == [None]
        assert types(log, "resolver.", "requirement.", "constraint.", "effect.") == []
        await system.call(meet, Meet(3))
        assert (system[module].done, system[module].value) == (4, 11)
        assert system.call(asks) is None  # its condition does not hold
        with pytest.raises(AbortedError):
            await system.call(meet, Meet(7))
        await system.settle()
        assert types(log, "resolver.", "requirement.") == []


async def test_what_is_wrong_is_said(module: Module[Facts], autojump_clock: trio.abc.Clock) -> None:
    """Names, kinds, arguments; and where nothing may act."""
    wrong: Any = feed
    nothing: Any = None
    async with open_system(module, deps="deps") as system:
        for each in (asks, thinks, tries):
            system.disable(each)
        for name in ("m::meat", "n::meet", "meet"):
            with pytest.raises(UnknownNameError):
                system.call(name)
        with pytest.raises(UnknownNameError, match="did you mean 'm::meet'"):
            system.call("m::meat", Meet(1))
        for target in [wrong, nothing]:
            with pytest.raises(UsageError, match=r"call\(\) expects a constraint, a resolver"):
                system.call(target)
        with pytest.raises(UsageError, match=r"takes one argument, a requirement, but was given 0"):
            system.call("m::meet")
        for unwanted in ("m::asks", "m::shows", "m::double"):
            with pytest.raises(UsageError, match="takes no arguments, but was given 1"):
                system.call(unwanted, 1)
        calls: Any = system.call
        with pytest.raises(UsageError, match="takes no arguments"):
            calls(Facts.double, 1)
        with pytest.raises(UsageError, match=r"call\(\) of resolver 'm::meet' expects a Meet, got"):
            await system.call("m::meet", Group(1))
        with pytest.raises(UsageError, match="expects a Group"):
            await system.call("m::group", [Group(1), 5])
        refused: list[type[Exception]] = []

        def attempt(_: object) -> None:
            try:
                system.call(shows)
            except Exception as error:  # noqa: BLE001  # which, is the question
                refused.append(type(error))

        remove = system.observe(attempt)
        system[module].value = 3
        await system.settle()
        remove()
        assert set(refused) == {LifecycleError}
    with pytest.raises(LifecycleError):
        system.call(asks)


async def test_a_resolver_is_cancelled_with_its_caller(module: Module[Facts], autojump_clock: trio.abc.Clock) -> None:
    """It is no task of the system; and it is a checkpoint in every case."""
    async with open_system(module, deps="deps") as system:
        for each in (asks, thinks, tries):
            system.disable(each)
        with trio.move_on_after(0.5) as scope:
            await system.call(meet, Meet(3))
        assert scope.cancelled_caught
        assert system[module].done == 0
        with trio.CancelScope() as scope:
            scope.cancel()
            await system.call("m::group", [])
        assert scope.cancelled_caught
