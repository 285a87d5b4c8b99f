"""Table 3.1, R13: ``wait_until`` is asked again only when what it read has changed; its timeout names what is open."""

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, SystemView, derivation, open_system
from directive_trio.errors import WaitTimeoutError


@define
class Facts:
    value: int = 0
    other: int = 0

    @derivation
    def share(self) -> float:
        return 1 / self.value


@frozen
class Slow: ...


async def test_it_returns_at_once_when_it_holds(autojump_clock: trio.abc.Clock) -> None:
    """Settled or not."""
    module = Module("m", Facts)
    async with open_system(module) as system:
        start = trio.current_time()
        await system.wait_until(lambda view: view[module].value == 0, timeout=0)
        assert trio.current_time() == start


async def test_it_wakes_in_the_pass_that_makes_it_true(autojump_clock: trio.abc.Clock) -> None:
    """And is asked only when what it read has changed."""
    module = Module("m", Facts)
    asked: list[int] = []

    def holds(view: SystemView) -> bool:
        asked.append(view["m"].value)
        return bool(view["m"].value >= 2)

    async with open_system(module) as system, trio.open_nursery() as nursery:
        start = trio.current_time()

        async def write() -> None:
            for value in (1, 2, 3):
                await trio.sleep(1)
                system[module].other = value
                system[module].value = value

        nursery.start_soon(write)
        await system.wait_until(holds)
        assert trio.current_time() == start + 2
        await trio.sleep(5)
    assert asked == [0, 1, 2]


async def test_its_timeout_names_it_and_what_is_outstanding(autojump_clock: trio.abc.Clock) -> None:
    """A timeout error like any other."""
    module = Module("m", Facts)

    @module.constraint
    def must(facts: Facts) -> Slow | None:
        return Slow() if facts.other else None

    @module.resolver(Slow)
    async def slow(requirement: Slow, ctx: Context[Facts]) -> None:
        await trio.sleep(100)

    def never(view: SystemView) -> bool:
        return bool(view["m"].value)

    async with open_system(module, initial={"m": {"other": 1}}) as system:
        with pytest.raises(WaitTimeoutError) as caught:
            await system.wait_until(never, timeout=3)
        assert isinstance(caught.value, TimeoutError)
        assert "never" in str(caught.value)
        assert "does not hold after 3 s" in str(caught.value)
        assert "run 1 of m::slow for Slow(), attempt 1, since 3 s" in str(caught.value)


async def test_one_that_turns_true_in_the_tick_of_the_timeout_has_one_end(autojump_clock: trio.abc.Clock) -> None:
    """Either it holds, or it is a timeout: never both, never neither."""
    module = Module("m", Facts)
    async with open_system(module) as system, trio.open_nursery() as nursery:

        async def write() -> None:
            await trio.sleep(1)
            system[module].value = 1

        nursery.start_soon(write)
        try:
            await system.wait_until(lambda view: view[module].value == 1, timeout=1)
        except WaitTimeoutError:
            await system.wait_until(lambda view: view[module].value == 1, timeout=1)
        assert system[module].value == 1


async def test_what_it_raises_at_first_is_the_callers_and_later_it_is_reported(autojump_clock: trio.abc.Clock) -> None:
    """A derivation that fails for a while only delays it."""
    module = Module("m", Facts)
    reported: list[str] = []
    boundary = ErrorBoundary(on_error=lambda error, _: reported.append(type(error).__name__))
    async with open_system(module, errors=boundary, initial={"m": {"value": 1}}) as system:
        with pytest.raises(ZeroDivisionError):
            await system.wait_until(lambda view: 1 / view[module].other > 0)

        async def write() -> None:
            for value in (0, 2):
                await trio.sleep(1)
                system[module].value = value

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            await system.wait_until(lambda view: view[module].share == 0.5, timeout=5)
    assert reported == ["DerivationError"]


async def test_cancelling_it_takes_the_predicate_away(autojump_clock: trio.abc.Clock) -> None:
    """It is asked no more."""
    module = Module("m", Facts)
    asked: list[int] = []

    def never(view: SystemView) -> bool:
        asked.append(view["m"].value)
        return False

    async with open_system(module) as system:
        with trio.move_on_after(1):
            await system.wait_until(never)
        system[module].value = 1
        await system.settle()
    assert asked == [0]


async def test_it_may_be_awaited_from_inside_the_system(autojump_clock: trio.abc.Clock) -> None:
    """A run waits for a fact that somebody else writes."""
    module = Module("m", Facts)

    @module.constraint
    def must(facts: Facts) -> Slow | None:
        return Slow() if facts.other == 1 else None

    @module.resolver(Slow)
    async def slow(requirement: Slow, ctx: Context[Facts]) -> None:
        await system.wait_until(lambda view: view[module].value == 5)
        ctx.facts.other = 2

    async with open_system(module, initial={"m": {"other": 1}}) as system:
        await trio.sleep(1)
        system[module].value = 5
        await system.settle()
        assert system[module].other == 2
