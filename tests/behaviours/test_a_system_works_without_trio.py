"""Section 7, table 3.1: a system that does not run is plain code: facts and derivations are read and written."""

import trio
import trio.testing
from attrs import define, frozen

from directive_trio import Context, Module, System, derivation
from directive_trio.observe import Observation
from tests.behaviours.worker import seen, types


@define
class Facts:
    price: int = 2
    count: int = 0
    ordered: int = 0

    @derivation
    def total(self) -> int:
        return self.price * self.count


@frozen
class Add:
    count: int


@frozen
class Order:
    total: int


def shop() -> Module[Facts]:
    """A module with all kinds of definitions."""
    module = Module("shop", Facts)

    @module.on(Add)
    def add(facts: Facts, event: Add) -> None:
        facts.count += event.count

    @module.constraint
    def must_order(facts: Facts) -> Order | None:
        return Order(facts.total) if facts.total != facts.ordered else None

    @module.resolver(Order)
    async def order(requirement: Order, ctx: Context[Facts]) -> None:
        await trio.sleep(1)
        ctx.facts.ordered = requirement.total

    return module


def use(module: Module[Facts], system: System) -> None:
    """Do everything that plain code may do."""
    before = system[module].total
    system.dispatch(Add(2))
    assert system[module].total == before + 4
    assert system.read("shop::total") == before + 4
    with system.transaction():
        system[module].count += 1
        system[module].count -= 1
    system.touch("shop::count")
    system.disable("shop::must_order")
    system.enable("shop::must_order")


def test_before_it_has_ever_run() -> None:
    """No trio anywhere; observations have the time zero."""
    module = shop()
    system = System(module)
    log: list[Observation] = []
    system.observe(log.append)
    use(module, system)
    assert system.state == "new"
    assert types(log, "event.", "resolver.") == ["event.dispatch"]
    assert {one.time for one in log} == {0}


def test_after_its_trio_run_is_over() -> None:
    """It was stopped and not destroyed; observations have the time of its end, and it may run in another trio."""
    module = shop()
    system = System(module, initial={"shop": {"count": 1}})
    log: list[Observation] = []
    system.observe(log.append)

    async def main() -> float:
        async with trio.open_nursery() as nursery:
            system.start(nursery)
            await system.settle()
            await system.stop_async()
        return trio.current_time()

    end = trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert system[module].ordered == 2
    log.clear()
    use(module, system)
    assert {one.time for one in log} == {end}
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert system[module].ordered == 6
    assert [one.requirement for one in seen(log, "resolver.start")] == [Order(6)]
