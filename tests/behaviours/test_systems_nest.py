"""R13: an inner system in a resolver of an outer one is its own; only waiting for the outer one is refused."""

import pytest
import trio

from directive_trio import System, open_system
from directive_trio.errors import LifecycleError
from tests.behaviours.worker import Ctx, Job, all_tasks, work_module


async def quick(job: Job, ctx: Ctx) -> None:
    """What an inner resolver does."""
    await trio.sleep(1)
    ctx.facts.done = job.name


async def test_the_inner_one_settles_inside_a_run_of_the_outer_one(autojump_clock: trio.abc.Clock) -> None:
    """The same module may be in both; their facts are apart."""
    inner = work_module(quick)

    async def nest(job: Job, ctx: Ctx) -> None:
        async with open_system(inner, initial={"work": {"wanted": f"inner {job.name}"}}) as system:
            await system.settle()
            ctx.facts.note = system[inner].done
            await system.stop_async()
        ctx.facts.done = job.name

    outer = work_module(nest)
    async with open_system(outer, initial={"work": {"wanted": "a"}}) as system:
        await system.settle()
        assert (system[outer].done, system[outer].note) == ("a", "inner a")


async def test_a_run_of_the_inner_one_is_inside_both(autojump_clock: trio.abc.Clock) -> None:
    """It may wait for neither."""
    refused: list[str] = []
    systems: list[System] = []

    async def innermost(job: Job, ctx: Ctx) -> None:
        for name, system in zip(("outer", "inner"), systems, strict=True):
            try:
                await system.settle()
            except LifecycleError:
                refused.append(name)
        ctx.facts.done = job.name

    inner = work_module(innermost)

    async def nest(job: Job, ctx: Ctx) -> None:
        async with open_system(inner) as system:
            systems.append(system)
            system[inner].wanted = "x"
            await system.settle()
        ctx.facts.done = job.name

    outer = work_module(nest)
    async with open_system(outer) as system:
        systems.append(system)
        system[outer].wanted = "a"
        await system.settle()
    assert refused == ["outer", "inner"]


@pytest.mark.parametrize("moment", [n * 0.25 for n in range(12)])
async def test_cancelling_the_outer_run_ends_the_inner_system_in_order(
    moment: float, autojump_clock: trio.abc.Clock
) -> None:
    """Its runs are stopped, and it is destroyed, before the outer run has ended."""
    inner = work_module(quick)
    ended: list[str] = []

    async def nest(job: Job, ctx: Ctx) -> None:
        try:
            async with open_system(inner, initial={"work": {"wanted": "x"}}) as system:
                await system.settle()
                await trio.sleep(1)
        finally:
            ended.append(system.state)

    outer = work_module(nest)
    before = all_tasks()
    async with open_system(outer, initial={"work": {"wanted": "a"}}) as system:
        await trio.sleep(0.1 + moment)
        system[outer].wanted = ""
        await system.settle()
    assert ended == ["destroyed"]
    assert all_tasks() == before
