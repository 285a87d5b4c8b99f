"""R10: what a run writes after its cancellation does not land and is observed; what it wrote before stays."""

import trio
from attrs import define, frozen

from directive_trio import Context, Module, open_system
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, seen, work_module


async def test_what_it_wrote_before_stays(autojump_clock: trio.abc.Clock) -> None:
    """A cancellation undoes nothing but markers."""

    async def do(job: Job, ctx: Ctx) -> None:
        ctx.facts.note = "before"
        try:
            await trio.sleep_forever()
        finally:
            ctx.facts.note = "after"

    log: list[Observation] = []
    module = work_module(do)
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        system.observe(log.append)
        await trio.sleep(1)
        system[module].wanted = ""
        await system.settle()
        assert system[module].note == "before"
    rejected = seen(log, "resolver.write.rejected")
    assert [(one.fact, str(one.reason), one.requirement) for one in rejected] == [("work::note", "removed", Job("a"))]


async def test_a_write_in_the_tick_of_the_cancellation_does_not_land(autojump_clock: trio.abc.Clock) -> None:
    """The moment of cancellation counts, not the checkpoint at which the task hears of it."""
    go = trio.Event()

    async def do(job: Job, ctx: Ctx) -> None:
        await go.wait()
        ctx.facts.note = "late"
        await trio.sleep_forever()

    module = work_module(do)
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        await trio.sleep(1)
        go.set()
        system.cancel(Job("a"))
        await system.settle()
        assert system[module].note == ""


async def test_an_event_dispatched_after_the_cancellation_does_not_land(autojump_clock: trio.abc.Clock) -> None:
    """Nor after the end of the run, through a context that somebody kept."""

    @define
    class Facts:
        wanted: bool = True
        heard: int = 0

    @frozen
    class Meet: ...

    @frozen
    class Heard: ...

    module = Module("m", Facts)
    kept: list[Context[Facts]] = []

    @module.on(Heard)
    def hear(facts: Facts, event: Heard) -> None:
        facts.heard += 1

    @module.constraint
    def must_meet(facts: Facts) -> Meet | None:
        return Meet() if facts.wanted else None

    @module.resolver(Meet)
    async def meet(requirement: Meet, ctx: Context[Facts]) -> None:
        kept.append(ctx)
        ctx.dispatch(Heard())
        try:
            await trio.sleep_forever()
        finally:
            ctx.dispatch(Heard())

    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(1)
        system[module].wanted = False
        await system.settle()
        kept[0].dispatch(Heard())
        kept[0].cancel()
        assert system[module].heard == 1
    assert [(one.fact, str(one.reason)) for one in seen(log, "resolver.write.rejected")] == [("Heard", "removed")] * 2


async def test_a_kept_context_writes_nothing_when_the_run_has_completed(autojump_clock: trio.abc.Clock) -> None:
    """It is observed as written after the end; with nobody looking it is still refused."""
    kept: list[Ctx] = []

    async def do(job: Job, ctx: Ctx) -> None:
        kept.append(ctx)
        ctx.facts.done = job.name

    log: list[Observation] = []
    module = work_module(do)
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        await system.settle()
        kept[0].facts.note = "unseen"
        remove = system.observe(log.append)
        kept[0].facts.note = "seen"
        remove()
        assert system[module].note == ""
        assert [one.reason for one in seen(log, "resolver.write.rejected")] == [None]


async def test_a_cancelled_run_that_satisfied_itself_leaves_no_marker(autojump_clock: trio.abc.Clock) -> None:
    """Cancelled explicitly in the middle: the marker returns in the same pass, so the constraint asks again later."""

    async def do(job: Job, ctx: Ctx) -> None:
        ctx.facts.note = "kept"
        ctx.facts.done = job.name
        await trio.sleep_forever()

    module = work_module(do)
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        await trio.sleep(1)
        assert system[module].done == "a"
        system.cancel(Job("a"))
        await system.settle()
        assert system[module].done == ""
        assert system[module].note == "kept"
