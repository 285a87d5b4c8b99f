"""Section 7, R13: everything async and public is a checkpoint, also where there is nothing to wait for."""

import trio
import trio.testing

from directive_trio import System, open_system
from tests.behaviours.worker import Ctx, Job, work_module


def done(job: Job, ctx: Ctx) -> None:
    """A resolver."""
    ctx.facts.done = job.name


async def test_settle_and_wait_until(autojump_clock: trio.abc.Clock) -> None:
    """Settled already, true already."""
    async with open_system(work_module(done)) as system:
        await system.settle()
        with trio.testing.assert_checkpoints():
            await system.settle()
        with trio.testing.assert_checkpoints():
            await system.wait_until(lambda view: view["work"].note == "")


async def test_stopping_and_destroying(autojump_clock: trio.abc.Clock) -> None:
    """The first time, and when there is nothing left to stop."""
    async with open_system(work_module(done)) as system:
        for _ in range(2):
            with trio.testing.assert_checkpoints():
                await system.stop_async()
        for _ in range(2):
            with trio.testing.assert_checkpoints():
                await system.destroy()


async def test_opening_and_leaving(autojump_clock: trio.abc.Clock) -> None:
    """Both ends of the block."""
    block = open_system(work_module(done))
    with trio.testing.assert_checkpoints():
        await block.__aenter__()
    with trio.testing.assert_checkpoints():
        await block.__aexit__(None, None, None)


async def test_the_block_of_changes_and_each_item(autojump_clock: trio.abc.Clock) -> None:
    """An item that is there already too."""
    module = work_module(done)
    async with open_system(module) as system:
        block = system.changes("work::note")
        with trio.testing.assert_checkpoints():
            changes = await block.__aenter__()
        system[module].note = "x"
        await system.settle()
        with trio.testing.assert_checkpoints():
            assert await anext(changes) == ("x", "")
        await block.__aexit__(None, None, None)


async def test_a_system_that_is_run_and_stopped_at_once(autojump_clock: trio.abc.Clock) -> None:
    """The shortest of lives."""
    system = System(work_module(done))
    async with trio.open_nursery() as nursery:
        with trio.testing.assert_checkpoints():
            await nursery.start(system.run)
        system.stop()
