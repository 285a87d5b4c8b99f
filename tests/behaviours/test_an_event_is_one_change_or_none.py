"""F6: all handlers of an event are one change; if one raises, none of its writes remain and `dispatch` raises."""

from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, System, derivation, open_system
from directive_trio.errors import LifecycleError, UnknownNameError, UsageError
from directive_trio.observe import EventDispatch, EventError, FactChange, Observation


@define
class Facts:
    count: int = 0
    other: int = 0

    @derivation
    def total(self) -> int:
        return self.count + self.other


@frozen
class Add:
    number: int = 1


@frozen
class AddMore(Add): ...


@frozen
class Fail: ...


class Modules:
    """Two modules that both handle the events, the second of which may fail."""

    def __init__(self) -> None:
        self.one, self.two = Module("one", Facts), Module("two", Facts)
        self.order: list[str] = []

        @self.one.on(Add)
        def first(facts: Facts, event: Add) -> None:
            facts.count += event.number
            self.order.append(f"first: {facts.total}")

        @self.one.on(Add)
        def second(facts: Facts, event: Add) -> None:
            facts.count += event.number
            self.order.append(f"second: {facts.total}, the other has {self.two.of(facts).total}")

        @self.two.on(Add)
        def third(facts: Facts, event: Add) -> None:
            facts.count += event.number
            self.order.append(f"third: {facts.total}")
            if event.number > 100:
                raise ValueError("too much")

        @self.one.on(Fail)
        def fail(facts: Facts, event: Fail) -> None:
            facts.count, facts.other = 7, 8
            assert facts.total == 15
            raise KeyError("fail")


def test_all_handlers_have_run_when_dispatch_returns() -> None:
    """F6: in the order of modules and of declaration, each sees what those before it wrote."""
    modules = Modules()
    system = System(modules.one, modules.two)
    system.dispatch(Add(5))
    assert modules.order == ["first: 5", "second: 10, the other has 0", "third: 5"]
    assert (system["one"].count, system["two"].count) == (10, 5)


def test_if_one_raises_none_of_the_writes_remain() -> None:
    """F6: of no module; the caller gets the exception, with a note where it came from."""
    modules = Modules()
    system = System(modules.one, modules.two, initial={"one": {"count": 1}})
    with pytest.raises(ValueError, match="too much") as caught:
        system.dispatch(Add(101))
    assert (system["one"], system["two"]) == (Facts(1), Facts(0))
    assert system["one"].total == 1
    assert caught.value.__notes__ == ["while handling two::Add; none of its writes remain"]


def test_an_interrupt_undoes_it_as_well() -> None:
    """R10, F6: KeyboardInterrupt passes through, and leaves nothing half done."""
    module = Module("m", Facts)

    @module.on(Add)
    def add(facts: Facts, event: Add) -> None:
        facts.count = 5
        raise KeyboardInterrupt

    system = System(module)
    with pytest.raises(KeyboardInterrupt):
        system.dispatch(Add())
    assert system["m"].count == 0


async def test_it_is_one_change_to_whoever_watches(autojump_clock: trio.abc.Clock) -> None:
    """F6: one pass, one change a fact; and none of an event that failed."""
    modules = Modules()
    seen: list[tuple[int, int]] = []
    log: list[Observation] = []
    async with open_system(modules.one, modules.two) as system:
        await system.settle()
        passes = system.inspect().passes
        system.observe(log.append)
        system.watch(lambda view: view[modules.one].total, lambda new, old: seen.append((new, old)))
        system.dispatch(Add(5))
        await system.settle()
        assert system.inspect().passes == passes + 1
        with pytest.raises(KeyError):
            system.dispatch(Fail())
        await system.settle()
    assert seen == [(10, 0)]
    assert [(seen.id, seen.value) for seen in log if isinstance(seen, FactChange)] == [
        ("one::count", 10),
        ("two::count", 5),
    ]
    assert [(seen.id, seen.event) for seen in log if isinstance(seen, EventDispatch)] == [("one::Add", Add(5))]
    errors = [(seen.id, seen.event, type(seen.error)) for seen in log if isinstance(seen, EventError)]
    assert errors == [("one::Fail", Fail(), KeyError)]


def test_the_class_itself_is_handled_and_no_other() -> None:
    """F6: an event of a subclass is another event; one that no module handles names the nearest that is."""
    modules = Modules()
    system = System(modules.one, modules.two)
    with pytest.raises(UnknownNameError, match="no handler for event 'AddMore'") as caught:
        system.dispatch(AddMore())
    assert not modules.order

    @frozen
    class Ad: ...

    with pytest.raises(UnknownNameError, match="did you mean 'Add'"):
        system.dispatch(Ad())
    assert caught.value.kind == "handler for event"


@pytest.mark.parametrize("event", [1, None, Add, {"number": 1}])
def test_what_is_no_event_is_refused(event: Any) -> None:
    """Neither the class nor a mapping without a name."""
    modules = Modules()
    with pytest.raises(UsageError, match=r"dispatch\(\) expects an event"):
        System(modules.one, modules.two).dispatch(event)


async def test_before_start_it_is_applied_and_after_destroy_refused(autojump_clock: trio.abc.Clock) -> None:
    """Section 7: the first pass finds what was dispatched before."""
    modules = Modules()
    asked: list[int] = []

    @modules.one.constraint
    def look(facts: Facts) -> None:
        asked.append(facts.count)

    system = System(modules.one, modules.two)
    system.dispatch(Add())
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        await system.settle()
        await system.destroy()
    assert asked == [2]
    with pytest.raises(LifecycleError, match="destroyed"):
        system.dispatch(Add())
    with pytest.raises(LifecycleError, match="destroyed"):
        system["one"].count = 1
    with pytest.raises(LifecycleError, match="destroyed"), system.transaction():
        pass


async def test_a_run_dispatches_on_its_own_account(autojump_clock: trio.abc.Clock) -> None:
    """O1: the observation says whose event it was."""
    modules = Modules()

    @modules.one.constraint
    def ask(facts: Facts) -> Add | None:
        return Add(1) if not facts.count else None

    @modules.one.resolver(Add)
    async def resolve(requirement: Add, ctx: Context[Facts]) -> None:
        ctx.dispatch(requirement)

    log: list[Observation] = []
    async with open_system(modules.one, modules.two) as system:
        system.observe(log.append)
        await system.settle()
    assert [(seen.id, seen.run) for seen in log if isinstance(seen, EventDispatch)] == [("one::Add", 1)]
    assert {seen.run for seen in log if isinstance(seen, FactChange)} == {1}
