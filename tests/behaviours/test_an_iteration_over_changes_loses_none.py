"""Table 3.1, R1: ``async with system.changes(target)`` yields every change since the block began, one a pass."""

import pytest
import trio
from attrs import define

from directive_trio import Module, derivation, open_system


@define
class Facts:
    value: int = 0

    @derivation
    def even(self) -> bool:
        return self.value % 2 == 0


async def test_changes_wait_until_they_are_taken(autojump_clock: trio.abc.Clock) -> None:
    """In order, each with the new and the old value."""
    module = Module("m", Facts)
    async with open_system(module) as system, system.changes("m::value") as changes:
        for value in (1, 2, 3):
            system[module].value = value
            await system.settle()
        assert [await anext(changes) for _ in range(3)] == [(1, 0), (2, 1), (3, 2)]


async def test_a_handle_and_a_selector_are_targets_too(autojump_clock: trio.abc.Clock) -> None:
    """Only changes of their value are items."""
    module = Module("m", Facts)
    async with (
        open_system(module) as system,
        system.changes(Facts.even) as even,
        system.changes(lambda view: view[module].value // 10) as tens,
    ):
        for value in (2, 4, 5, 25):
            system[module].value = value
            await system.settle()
        assert await anext(even) == (False, True)
        assert await anext(tens) == (2, 0)
        with trio.move_on_after(1) as scope:
            await anext(even)
        assert scope.cancelled_caught


async def test_one_that_sleeps_is_woken(autojump_clock: trio.abc.Clock) -> None:
    """By the pass that sees the change; `async for` goes on until it is left."""
    module = Module("m", Facts)
    got: list[tuple[float, int]] = []
    async with open_system(module) as system, trio.open_nursery() as nursery:
        start = trio.current_time()

        async def follow() -> None:
            async with system.changes("m::value") as changes:
                async for new, _ in changes:
                    got.append((trio.current_time() - start, new))
                    if new == 3:
                        break

        nursery.start_soon(follow)
        for value in (1, 2, 3, 4):
            await trio.sleep(1)
            system[module].value = value
    assert got == [(1, 1), (2, 2), (3, 3)]


async def test_a_cancelled_wait_loses_nothing(autojump_clock: trio.abc.Clock) -> None:
    """The item comes in the tick of the cancellation, or later: it is there for the next."""
    module = Module("m", Facts)
    async with open_system(module) as system, system.changes("m::value") as changes:
        got: list[tuple[int, int]] = []
        for value in range(1, 9):
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:

                    async def take() -> None:
                        got.append(await anext(changes))

                    nursery.start_soon(take)
                    await trio.sleep(1)
                    system[module].value = value
                    for _ in range(value - 1):
                        await trio.lowlevel.checkpoint()
                    scope.cancel()
        await system.settle()
        with trio.move_on_after(1):
            while True:
                got.append(await anext(changes))
        assert got == [(value, value - 1) for value in range(1, 9)]


async def test_several_tasks_share_the_changes(autojump_clock: trio.abc.Clock) -> None:
    """Each change goes to one of them, and none of them sleeps on."""
    module = Module("m", Facts)
    got: list[int] = []
    async with open_system(module) as system, system.changes("m::value") as changes, trio.open_nursery() as nursery:

        async def take() -> None:
            new, _ = await anext(changes)
            got.append(new)

        for _ in range(3):
            nursery.start_soon(take)
        for value in (1, 2, 3):
            await trio.sleep(1)
            system[module].value = value
    assert got == [1, 2, 3]


async def test_who_still_iterates_when_the_block_is_left_is_told(autojump_clock: trio.abc.Clock) -> None:
    """With trio's word for it, asleep or not."""
    module = Module("m", Facts)
    told: list[str] = []
    async with open_system(module) as system, trio.open_nursery() as nursery:
        async with system.changes("m::value") as changes:

            async def take() -> None:
                with pytest.raises(trio.ClosedResourceError):
                    await anext(changes)
                told.append("asleep")

            nursery.start_soon(take)
            await trio.sleep(1)
        with pytest.raises(trio.ClosedResourceError):
            await anext(changes)
    assert told == ["asleep"]


async def test_a_selector_that_raises_is_the_callers_error(autojump_clock: trio.abc.Clock) -> None:
    """When the block is entered."""
    module = Module("m", Facts)
    async with open_system(module) as system:
        with pytest.raises(ZeroDivisionError):
            async with system.changes(lambda view: 1 // view[module].value):
                raise AssertionError("it was entered")
