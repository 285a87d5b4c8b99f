"""F6: a transaction is all or nothing; a pass or another task's write that finds it open undoes it, and it raises."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import Module, System, open_system
from directive_trio.errors import TransactionError
from directive_trio.observe import FactChange, Observation


@define
class Facts:
    count: int = 0
    other: int = 0


@frozen
class Add: ...


@frozen
class Leave: ...


def make() -> Module[Facts]:
    module = Module("m", Facts)

    @module.on(Add)
    def add(facts: Facts, event: Add) -> None:
        facts.count += 1

    return module


async def test_its_writes_and_events_are_one_change(autojump_clock: trio.abc.Clock) -> None:
    """F6: one pass sees all of them."""
    module, log = make(), list[Observation]()
    async with open_system(module) as system:
        await system.settle()
        system.observe(log.append)
        with system.transaction():
            system[module].other = 1
            system.dispatch(Add())
            with system.transaction():
                system.dispatch(Add())
            system.touch("m::other")
        await system.settle()
    assert [(seen.id, seen.value) for seen in log if isinstance(seen, FactChange)] == [("m::other", 1), ("m::count", 2)]


def test_if_it_raises_nothing_remains() -> None:
    """F6: of its own writes, of its events, of nested transactions that had ended; an inner one undoes only itself."""
    module = make()
    system = System(module)
    with pytest.raises(ZeroDivisionError), system.transaction():
        system.dispatch(Add())
        with system.transaction():
            system[module].other = 1
        with pytest.raises(KeyError), system.transaction():
            system[module].other = 2
            raise KeyError
        assert system[module] == Facts(1, 1)
        raise ZeroDivisionError
    assert system[module] == Facts()


async def test_a_pass_that_comes_between_undoes_it(autojump_clock: trio.abc.Clock) -> None:
    """F6: the block raises at its end, and what it wrote was never seen."""
    module, asked = make(), list[int]()

    @module.constraint
    def look(facts: Facts) -> None:
        asked.append(facts.count)

    async with open_system(module) as system:
        await system.settle()
        with pytest.raises(TransactionError, match="interrupted by a pass"), system.transaction():
            system[module].count = 1
            await trio.sleep(1)
        await system.settle()
        assert system[module] == Facts()
    assert asked == [0]


@pytest.mark.parametrize(
    "attempt",
    [
        lambda system: setattr(system["m"], "count", 2),
        lambda system: system.dispatch(Add()),
        lambda system: system.touch("m::count"),
        lambda system: system.transaction().__enter__(),
    ],
)
async def test_after_that_it_writes_no_more(
    attempt: Callable[[System], object], autojump_clock: trio.abc.Clock
) -> None:
    """F6: the next write of the block raises already, and the block's end too if that is caught."""
    module = make()
    async with open_system(module) as system:
        await system.settle()
        with pytest.raises(TransactionError), system.transaction():
            system[module].count = 1
            await trio.sleep(1)
            with pytest.raises(TransactionError):
                attempt(system)
        assert system[module] == Facts()
        system[module].count = 3
        assert system[module] == Facts(3)


@pytest.mark.parametrize("running", [True, False])
async def test_another_task_that_writes_undoes_it_and_lands(running: bool, autojump_clock: trio.abc.Clock) -> None:
    """F6: only the transaction's own writes are undone; in a system that does not run yet too."""
    module = make()
    system = System(module)

    async def write(started: trio.Event) -> None:
        await started.wait()
        system[module].other = 5

    async with trio.open_nursery() as nursery:
        if running:
            system.start(nursery)
            await system.settle()
        started = trio.Event()
        nursery.start_soon(write, started)
        await trio.sleep(1)
        with pytest.raises(TransactionError, match="interrupted by another task's write"), system.transaction():
            if not running:  # a running one would be woken to a pass, which may come first
                system[module].count = 1
            started.set()
            await trio.sleep(1)
        assert system[module] == Facts(0, 5)
        nursery.cancel_scope.cancel()


async def test_another_tasks_transaction_undoes_it_too(autojump_clock: trio.abc.Clock) -> None:
    """F6: the later one is whole, nested ones of the first are undone with it."""
    module = make()
    system = System(module)

    async def write() -> None:
        with system.transaction():
            system[module].other += 5
            system.dispatch(Add())

    with pytest.raises(TransactionError), system.transaction():
        system[module].count = 10
        with system.transaction():
            system[module].other = 10
            async with trio.open_nursery() as nursery:
                nursery.start_soon(write)
    assert system[module] == Facts(1, 5)


async def test_a_checkpoint_at_which_nobody_comes_does_no_harm(autojump_clock: trio.abc.Clock) -> None:
    """F6: what counts is who finds it open."""
    module = make()
    async with open_system(module) as system:
        await system.settle()
        with system.transaction():
            await trio.sleep(1)
            system[module].count = 1
        assert system[module].count == 1


async def test_a_cancellation_undoes_it(autojump_clock: trio.abc.Clock) -> None:
    """F6: leaving the block by an exception of any kind."""
    module = make()
    system = System(module)
    with trio.CancelScope() as scope, system.transaction():
        system[module].count = 1
        scope.cancel()
        await trio.sleep(1)
    assert system[module] == Facts()


def test_those_that_end_in_the_wrong_order_all_raise() -> None:
    """F6: one that ends while another is open within it is not whole; nothing is lost unseen."""
    system = System(make())
    first, second = system.transaction(), system.transaction()
    first.__enter__()
    system["m"].count = 1
    second.__enter__()
    system["m"].other = 1
    for one in (first, second):
        with pytest.raises(TransactionError, match="interrupted by the end of one around it"):
            one.__exit__(None, None, None)
    assert system["m"] == Facts()
    with system.transaction():
        system["m"].count = 2
    assert system["m"] == Facts(2)


def test_one_that_fails_around_an_open_one_undoes_both() -> None:
    """F6: the inner one hears of it at its end."""
    system = System(make())
    inner = system.transaction()
    with pytest.raises(KeyError), system.transaction():
        system["m"].count = 1
        inner.__enter__()
        system["m"].other = 1
        raise KeyError
    with pytest.raises(TransactionError, match="interrupted by the end of one around it"):
        inner.__exit__(None, None, None)
    assert system["m"] == Facts()
    system["m"].count = 3
    assert system["m"] == Facts(3)


@pytest.mark.parametrize("outer", [False, True])
def test_a_handler_that_leaves_one_open_fails(outer: bool) -> None:
    """F6: its event comes to nothing, and so does what is around it; the next ones are as ever."""
    module = make()

    opened: list[Any] = []

    @module.on(Leave)
    def leave(facts: Facts, event: Leave) -> None:
        opened.append(system.transaction())
        opened[0].__enter__()
        facts.count = 5

    system = System(module)
    around = system.transaction() if outer else nullcontext()
    with pytest.raises(TransactionError, match="the end of one around"), around:
        system[module].other = 1
        system.dispatch(Leave())
    with pytest.raises(TransactionError):
        opened[0].__exit__(None, None, None)
    system.dispatch(Add())
    assert (system[module].count, system[module].other) == (1, 0 if outer else 1)
