"""The tasks of a system: counted, known, and ended in order."""

import pytest
import trio

from directive_trio._runtime.tasks import Tasks


async def test_a_service_that_nobody_answers_for_fails_the_nursery(autojump_clock: trio.abc.Clock) -> None:
    """The engine's own services have no reason to fail: their error is not hidden."""

    async def fail() -> None:
        await trio.lowlevel.checkpoint()
        raise ValueError("service")

    async def start() -> None:
        tasks = Tasks(lambda: None)
        async with trio.open_nursery() as nursery:
            tasks.open(nursery)
            tasks.start_service(fail, name="failing")

    with pytest.raises(ExceptionGroup) as caught:
        await start()
    assert caught.group_contains(ValueError, match="service")


async def test_a_task_that_fails_says_so_before_its_error_leaves(autojump_clock: trio.abc.Clock) -> None:
    """So that the system stops, in order."""
    told: list[str] = []

    async def fail() -> None:
        await trio.lowlevel.checkpoint()
        raise ValueError("task")

    async def start() -> None:
        tasks = Tasks(lambda: told.append("failed"))
        async with trio.open_nursery() as nursery:
            tasks.open(nursery)
            tasks.start(fail, name="failing")
            with trio.CancelScope(shield=True):
                await tasks.wait_empty()
            told.append("empty")

    with pytest.raises(ExceptionGroup):
        await start()
    assert told == ["failed", "empty"]


async def test_descendants_of_its_tasks_belong_to_it(autojump_clock: trio.abc.Clock) -> None:
    """Neighbours do not."""
    found: dict[str, bool] = {}
    tasks = Tasks(lambda: None)

    async def look(name: str) -> None:
        await trio.lowlevel.checkpoint()
        found[name] = tasks.contains_current()

    async def with_children() -> None:
        async with trio.open_nursery() as inner:
            inner.start_soon(look, "child")
        await look("task")

    async with trio.open_nursery() as nursery:
        tasks.open(nursery)
        tasks.start(with_children, name="parent")
        nursery.start_soon(look, "neighbour")
        await look("host")
        await tasks.wait_empty()
    assert found == {"child": True, "task": True, "neighbour": False, "host": False}
