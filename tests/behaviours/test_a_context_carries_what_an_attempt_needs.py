"""R10, table 3.1: the context of an attempt has `deps`, a plain `snapshot()`, and views that read and write."""

import trio

from directive_trio import open_system
from tests.behaviours.worker import Ctx, Job, WorkFacts, work_module


async def test_deps_are_what_the_system_was_given(autojump_clock: trio.abc.Clock) -> None:
    """The very object."""
    deps = object()
    got: list[object] = []

    def do(job: Job, ctx: Ctx) -> None:
        got.append(ctx.deps)
        ctx.facts.done = job.name

    async with open_system(work_module(do), deps=deps, initial={"work": {"wanted": "a"}}) as system:
        await system.settle()
    assert got == [deps]


async def test_a_snapshot_is_a_plain_instance_that_does_not_change(autojump_clock: trio.abc.Clock) -> None:
    """What is written later is not in it."""
    taken: list[WorkFacts] = []

    def do(job: Job, ctx: Ctx) -> None:
        taken.append(ctx.snapshot())
        ctx.facts.done = job.name
        assert ctx.facts.done == job.name
        taken.append(ctx.snapshot())

    async with open_system(work_module(do), initial={"work": {"wanted": "a"}}) as system:
        await system.settle()
    assert taken == [WorkFacts(wanted="a"), WorkFacts(wanted="a", done="a")]
    assert {type(one) for one in taken} == {WorkFacts}


async def test_every_attempt_writes_through_its_own(autojump_clock: trio.abc.Clock) -> None:
    """The view stays the same within one attempt."""
    views: list[object] = []

    def do(job: Job, ctx: Ctx) -> None:
        views.extend((ctx.facts, ctx.facts))
        ctx.facts.done = job.name

    async with open_system(work_module(do), initial={"work": {"wanted": "a"}}) as system:
        await system.settle()
        system["work"].wanted = "b"
        await system.settle()
    assert views[0] is views[1]
    assert views[2] is views[3]
    assert views[0] is not views[2]
