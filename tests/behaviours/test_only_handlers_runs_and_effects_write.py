"""F3: views of pure functions and of other modules are read-only, and there is no way round through a closure."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, System, derivation, open_system, untracked
from directive_trio.errors import DerivationError, ReadOnlyFactError, UnknownNameError, UsageError


@define
class Facts:
    count: int = 0
    other: int = 0


@define
class OtherFacts:
    count: int = 0


@frozen
class Tick: ...


@frozen
class Job: ...


WRITES: list[Callable[[Any], object]] = [
    lambda system: setattr(system["m"], "count", 1),
    lambda system: setattr(system["n"], "count", 1),
    lambda system: system.dispatch(Tick()),
    lambda system: system.dispatch("m::Tick"),
    lambda system: system.touch("m::count"),
    lambda system: system.transaction().__enter__(),
    lambda system: system.require(Job()),
    lambda system: system.cancel(Job()),
    lambda system: system.enable("m::rule"),
    lambda system: system.disable("m::rule"),
]


def make(module: Module[Facts]) -> System:
    other = Module("n", OtherFacts)

    @module.on(Tick)
    def tick(facts: Facts, event: Tick) -> None:
        facts.count += 1

    module.constraint(name="rule")(lambda facts: None)
    return System(module, other)


@pytest.mark.parametrize("write", WRITES)
def test_a_derivation_cannot_write_through_a_closure(write: Callable[[Any], object]) -> None:
    """F3: the reader gets the error, named; nothing was written."""
    systems: list[System] = []

    @define
    class Writing(Facts):
        @derivation
        def sly(self) -> object:
            return write(systems[0])

    module = Module("m", Writing)
    systems.append(make(module))  # type: ignore[arg-type]  # its facts are a subclass
    with pytest.raises(DerivationError) as caught:
        _ = systems[0][module].sly
    assert isinstance(caught.value.__cause__, ReadOnlyFactError)
    assert systems[0]["m"].count == systems[0]["n"].count == 0


@pytest.mark.parametrize("write", WRITES)
async def test_neither_can_a_constraint_or_a_selector(
    write: Callable[[Any], object], autojump_clock: trio.abc.Clock
) -> None:
    """F3: sync constraints, predicates, conditions of effects."""
    systems: list[System] = []
    caught: list[Exception] = []

    def sly(*_: object) -> Any:
        try:
            return write(systems[0])
        except ReadOnlyFactError as error:
            caught.append(error)

    module = Module("m", Facts)
    module.constraint(name="sly")(sly)
    module.effect(on=sly, name="on")(lambda facts: None)
    systems.append(make(module))
    async with trio.open_nursery() as nursery:
        systems[0].start(nursery)
        await systems[0].settle()
        systems[0].watch(sly, print)
        with trio.move_on_after(1):
            await systems[0].wait_until(sly)
        assert len(caught) == 4
        assert systems[0]["m"].count == systems[0]["n"].count == 0
        systems[0].stop()


@pytest.mark.parametrize("write", WRITES)
async def test_neither_can_an_async_constraint(write: Callable[[Any], object], autojump_clock: trio.abc.Clock) -> None:
    """F3: before and after its awaits, and in tasks it starts; whoever else writes meanwhile may."""
    systems: list[System] = []
    caught: list[Exception] = []

    async def sly() -> None:
        try:
            write(systems[0])
        except ReadOnlyFactError as error:
            caught.append(error)

    module = Module("m", Facts)

    @module.constraint
    async def slow(facts: Facts) -> None:
        await sly()
        await trio.sleep(2)
        await sly()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sly)

    systems.append(make(module))
    async with trio.open_nursery() as nursery:
        systems[0].start(nursery)
        await trio.sleep(1)
        systems[0]["m"].other = 5
        await systems[0].settle()
        assert len(caught) == 3
        assert (systems[0]["m"], systems[0]["n"].count) == (Facts(0, 5), 0)
        systems[0].stop()


async def test_the_views_they_get_refuse_writes(autojump_clock: trio.abc.Clock) -> None:
    """F3: sync and async constraints, predicates; and the view of another module everywhere."""
    caught: list[str] = []
    module, other = Module("m", Facts), Module("n", OtherFacts)

    def attempt(view: Any, name: str) -> bool:
        try:
            view.count = 1
        except ReadOnlyFactError as error:
            caught.append(f"{name}: {error}")
        return True

    @module.constraint
    def plain(facts: Facts) -> Job:
        attempt(facts, "constraint")
        return Job()

    @module.constraint
    async def slow(facts: Facts) -> None:
        attempt(facts, "async constraint")

    @module.effect
    def effect(facts: Facts) -> None:
        attempt(other.of(facts), "beside an effect")

    @module.resolver(Job)
    async def resolve(requirement: Job, ctx: Context[Facts]) -> None:
        attempt(other.of(ctx.facts), "beside a run")

    @module.on(Tick)
    def tick(facts: Facts, event: Tick) -> None:
        attempt(other.of(facts), "beside a handler")

    async with open_system(module, other) as system:
        await system.settle()
        system.dispatch(Tick())
        await system.wait_until(lambda view: attempt(view[module], "predicate"))
        attempt(untracked(system[module]), "untracked")
    assert sorted(caught) == [
        "async constraint: cannot write 'm::count': this view is read-only",
        "beside a handler: cannot write 'n::count': this view is read-only",
        "beside a run: cannot write 'n::count': this view is read-only",
        "beside an effect: cannot write 'n::count': this view is read-only",
        "constraint: cannot write 'm::count': this view is read-only",
        "predicate: cannot write 'm::count': this view is read-only",
        "untracked: cannot write 'm::count': this view is read-only",
    ]


def test_the_way_to_another_module_leads_through_a_view() -> None:
    """A plain instance stands beside nothing; a module that is not there is named, with the nearest."""
    module, other = Module("m", Facts), Module("counter", OtherFacts)
    system = System(module, other)
    assert other.of(system[module]).count == 0
    with pytest.raises(UsageError, match="plain instance"):
        other.of(Facts())
    with pytest.raises(UnknownNameError, match="there is no module 'countre'; did you mean 'counter'"):
        Module("countre", OtherFacts).of(system[module])
