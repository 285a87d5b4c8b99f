"""Section 7, R10: stop cancels runs with reason ``stopped``; start again dispatches what is still wanted."""

import trio

from directive_trio import System
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, seen, types, work_module


async def slow(job: Job, ctx: Ctx) -> None:
    """A job of ten seconds."""
    await trio.sleep(10)
    ctx.facts.done = job.name


async def test_a_run_that_was_stopped_begins_again(autojump_clock: trio.abc.Clock) -> None:
    """A new run with a number of its own; in between its requirement is told as canceled."""
    log: list[Observation] = []
    module = work_module(slow)
    system = System(module, initial={"work": {"wanted": "a"}})
    system.observe(log.append)
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            system.start(nursery)
            await trio.sleep(5)
            await system.stop_async()
        system.start(nursery)
        await system.settle(timeout=None)
        assert system[module].done == "a"
        await system.stop_async()
    assert types(log, "resolver.") == [
        "resolver.start",
        "resolver.cancel",
        "resolver.start",
        "resolver.cancel",
        "resolver.start",
        "resolver.complete",
    ]
    assert [one.run for one in seen(log, "resolver.start")] == [1, 2, 3]
    assert {one.reason.kind for one in seen(log, "resolver.cancel")} == {"stopped"}
    assert {one.reason.kind for one in seen(log, "requirement.canceled")} == {"stopped"}


async def test_writes_and_events_while_it_is_stopped_are_reconciled_at_start(autojump_clock: trio.abc.Clock) -> None:
    """They apply at once, and count in the first pass: also before the first start."""
    module = work_module(slow)

    @module.on(Job)
    def want(facts: object, event: Job) -> None:
        system[module].wanted = event.name

    log: list[Observation] = []
    system = System(module)
    system.observe(log.append)
    async with trio.open_nursery() as nursery:
        for name in ("a", "b"):
            system.dispatch(Job(name))
            assert system[module].wanted == name
            await trio.sleep(50)
            assert system[module].done != name
            system.start(nursery)
            await system.settle(timeout=None)
            assert system[module].done == name
            await system.stop_async()
    assert [one.requirement.name for one in seen(log, "resolver.start")] == ["a", "b"]


async def test_what_became_unwanted_while_it_was_stopped_is_not_dispatched(autojump_clock: trio.abc.Clock) -> None:
    """Level-triggered: what is, counts."""
    log: list[Observation] = []
    module = work_module(slow)
    system = System(module, initial={"work": {"wanted": "a"}})
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        await trio.sleep(5)
        await system.stop_async()
        system[module].wanted = ""
        system.observe(log.append)
        system.start(nursery)
        await system.settle()
        await system.stop_async()
    assert types(log, "resolver.", "requirement.") == []


async def test_a_watcher_outlives_a_stop(autojump_clock: trio.abc.Clock) -> None:
    """It hears in the first pass after start what has changed meanwhile."""
    heard: list[tuple[str, str]] = []
    module = work_module(slow)
    system = System(module)
    system.watch("work::note", lambda new, old: heard.append((new, old)))
    async with trio.open_nursery() as nursery:
        for note in ("x", "y"):
            system[module].note = note
            system.start(nursery)
            await system.settle()
            await system.stop_async()
    assert heard == [("x", ""), ("y", "x")]
