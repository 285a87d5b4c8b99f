"""Section 3.1: what is asked for in a pass is done after it, in that order; what cannot be done by then is reported."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, System, open_system
from directive_trio.errors import DependencyCycleError, LifecycleError, UnknownNameError, UsageError


@define
class Facts:
    count: int = 0


Errors = list[tuple[type[Exception], str]]


async def in_a_pass(work: Callable[[System], None], *modules: Module[Any]) -> tuple[Errors, set[str]]:
    """Do *work* in an effect; return what was reported, and the names of the modules that are left."""
    host, errors = Module("host", Facts), Errors()

    @host.effect
    def effect(facts: Facts) -> None:
        if facts.count:
            work(system)

    boundary = ErrorBoundary(on_error=lambda error, name: errors.append((type(error), name)))
    async with open_system(host, *modules, errors=boundary) as system:
        await system.settle()
        system[host].count = 1
        await system.settle()
        system.graph()
        for one in system.inspect().constraints:
            system.explain(one.id)
        return errors, {name.partition("::")[0] for name in system.inspect().facts} - {"host"}


def naming(name: str, other: str, read: list[int] | None = None) -> Module[Facts]:
    """A module whose constraint names a fact of another one."""
    module = Module(name, Facts)

    @module.constraint(reads=[f"{other}.count"])
    def looks(facts: Facts) -> None:
        if read is not None:
            read.append(1)

    return module


async def test_one_that_goes_twice_goes_once(autojump_clock: trio.abc.Clock) -> None:
    """There is no such module any more: that is what is said, after the pass."""
    module = Module("m", Facts)

    def work(system: System) -> None:
        system.unregister(module)
        system.unregister(module)

    assert await in_a_pass(work, module) == ([(UnknownNameError, "m")], set())


async def test_one_that_is_named_by_then_stays(autojump_clock: trio.abc.Clock) -> None:
    """Who comes first counts."""
    module = Module("m", Facts)

    def work(system: System) -> None:
        system.register(naming("reader", "m"))
        system.unregister(module)

    assert await in_a_pass(work, module) == ([(UsageError, "m")], {"m", "reader"})


async def test_one_that_names_what_has_gone_by_then_does_not_come(autojump_clock: trio.abc.Clock) -> None:
    """Its facts are there no more, and another one may be made with it."""
    module, reader = Module("m", Facts), naming("reader", "m")

    def work(system: System) -> None:
        system.unregister(module)
        system.register(reader)

    assert await in_a_pass(work, module) == ([(UnknownNameError, "reader")], set())
    assert not reader.sealed


async def test_one_that_names_what_is_replaced_names_the_new_one(autojump_clock: trio.abc.Clock) -> None:
    """It is asked again when a fact of that changes."""
    module, read = Module("m", Facts), list[int]()

    async with open_system(module) as system:
        host = Module("host", Facts)

        @host.effect
        def effect(facts: Facts) -> None:
            if facts.count:
                system.replace(Module("m", Facts))
                system.register(naming("reader", "m", read))

        system.register(host)
        system[host].count = 1
        await system.settle()
        assert read == [1]
        system["m"].count = 1
        await system.settle()
        assert read == [1, 1]


async def test_two_that_form_a_ring_do_not_both_come(autojump_clock: trio.abc.Clock) -> None:
    """Each alone comes after one that does not exist. The system goes on."""
    first, second = Module("first", Facts), Module("second", Facts)
    first.constraint(after=["second::rule"], name="rule")(lambda facts: None)
    second.constraint(after=["first::rule"], name="rule")(lambda facts: None)

    def work(system: System) -> None:
        system.register(first)
        system.register(second)

    assert await in_a_pass(work) == ([(DependencyCycleError, "second")], {"first"})


async def test_a_stop_in_the_same_pass_comes_first(autojump_clock: trio.abc.Clock) -> None:
    """What was asked for is done, and asks nobody: the system runs no more."""
    module, host, asked = Module("m", Facts), Module("host", Facts), list[str]()
    late = Module("late", Facts)
    late.constraint(name="rule")(lambda facts: asked.append("late"))

    @host.effect
    def effect(facts: Facts) -> None:
        if facts.count:
            system.unregister(module)
            system.register(late)
            system.stop()

    async with trio.open_nursery() as nursery:
        system = System(module, host)
        system.start(nursery)
        await system.settle()
        system[host].count = 1
        await trio.testing.wait_all_tasks_blocked()
        assert (system.state, asked) == ("stopped", [])
        assert {name.partition("::")[0] for name in system.inspect().facts} == {"host", "late"}
        system[host].count = 0
        system.start(nursery)
        await system.settle()
        assert asked == ["late"]
        await system.stop_async()


def cleaning(name: str, clean_up: Callable[[], None]) -> Module[Facts]:
    """A module with an effect whose cleanup does something."""
    module = Module(name, Facts)

    @module.effect
    def effect(facts: Facts) -> Callable[[], None]:
        return clean_up

    return module


@pytest.mark.parametrize("in_pass", [False, True])
async def test_what_a_cleanup_asks_for_waits_for_its_module(in_pass: bool, autojump_clock: trio.abc.Clock) -> None:
    """One that lets its own module go, puts another in its place, and switches things off: after the first word."""
    host, errors = Module("host", Facts), Errors()

    @host.effect
    def effect(facts: Facts) -> None:
        if facts.count:
            system.unregister("m")

    @host.constraint
    def rule(facts: Facts) -> None: ...

    def clean_up() -> None:
        system.unregister("m")
        system.replace(Module("other", Facts))
        system.disable("host::rule")
        system.disable("host::effect")
        system.enable("m::effect")  # which is off while it goes
        system.register(Module("late", Facts))

    boundary = ErrorBoundary(on_error=lambda error, name: errors.append((type(error), name)))
    module, other = cleaning("m", clean_up), naming("other", "host")
    async with open_system(host, module, other, errors=boundary) as system:
        await system.settle()
        if in_pass:
            system[host].count = 1
        else:
            system.unregister("m")
        await system.settle()
        shown = system.inspect()
        assert errors == [(UnknownNameError, "m")]
        assert {name.partition("::")[0] for name in shown.facts} == {"host", "other", "late"}
        assert [(one.id, one.disabled) for one in shown.constraints] == [("host::rule", True)]
        assert [(one.id, one.disabled) for one in shown.effects] == [("host::effect", True)]


@frozen
class Enter: ...


@pytest.mark.parametrize("place", ["handler", "transaction"])
async def test_none_comes_where_its_facts_may_yet_be_undone(place: str, autojump_clock: trio.abc.Clock) -> None:
    """As none goes, or is replaced: a transaction undoes writes, and not modules."""
    host = Module("host", Facts)

    @host.on(Enter)
    def enter(facts: Facts, event: Enter) -> None:
        system.register(Module("m", Facts))

    async with open_system(host) as system:
        with pytest.raises(LifecycleError, match="may yet be undone"):
            if place == "handler":
                system.dispatch(Enter())
            else:
                with system.transaction():
                    system.register(Module("m", Facts))
        with pytest.raises(UnknownNameError):
            system["m"]


async def test_a_run_may_do_it_too(autojump_clock: trio.abc.Clock) -> None:
    """Between passes it is done at once."""
    host = Module("host", Facts)
    host.constraint(name="rule")(lambda facts: Enter() if facts.count == 1 else None)

    @host.resolver(Enter)
    async def enter(requirement: Enter, ctx: Context[Facts]) -> None:
        system.register(Module("m", Facts))
        ctx.facts.count = system["m"].count + 2

    async with open_system(host) as system:
        system[host].count = 1
        await system.settle()
        assert system[host].count == 2
