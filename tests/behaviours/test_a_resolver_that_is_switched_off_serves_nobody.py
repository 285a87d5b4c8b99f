"""Section 3.1, R4, R10: a disabled resolver is as if it were not there; enabled, it serves what is wanted by then."""

import pytest
import trio

from directive_trio import Module, System, open_system
from directive_trio.errors import UnknownNameError
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, WorkFacts, seen, types, work_module


async def do(job: Job, ctx: Ctx) -> None:
    await trio.sleep(1)
    ctx.facts.done = job.name


async def test_its_run_ends_and_its_requirement_waits(autojump_clock: trio.abc.Clock) -> None:
    """Cancelled with reason ``removed``; repeated switching changes nothing; it stays off over stop and start."""
    log: list[Observation] = []
    work = work_module(do)
    async with trio.open_nursery() as nursery, open_system(work) as system:
        system.observe(log.append)
        system[work].wanted = "a"
        await trio.sleep(0.5)
        for _ in range(2):
            system.disable("work::do")
        await trio.sleep(1)
        assert [end.reason.kind for end in seen(log, "resolver.cancel")] == ["removed"]
        assert [one.state for one in system.inspect().requirements] == ["no resolver"]
        await system.stop_async()
        system.start(nursery)
        await trio.sleep(1)
        assert system.inspect().runs == ()
        log.clear()
        for _ in range(2):
            system.enable(work.resolvers["do"])
        await system.settle()
        assert system[work].done == "a"
        assert types(log, "resolver.") == ["resolver.start", "resolver.complete"]
        await system.stop_async()


async def test_another_module_may_take_over(autojump_clock: trio.abc.Clock) -> None:
    """R4: the producing module's own, then others in module order; what another serves it goes on serving."""
    work = work_module(do)
    other = Module("other", WorkFacts)
    served: list[str] = []

    @other.resolver(Job)
    async def serve(job: Job, ctx: Ctx) -> None:
        served.append(job.name)
        await trio.sleep(1)

    async with open_system(work, other) as system:
        system[work].wanted = "a"
        await trio.sleep(0.5)
        system.disable("work::do")
        await trio.sleep(0.5)
        assert [run.resolver for run in system.inspect().runs] == ["other::serve"]
        system.enable("work::do")
        await system.settle()
        assert served == ["a"]
        assert system[work].done == ""
        system[work].wanted = "b"
        await system.settle()
        assert system[work].done == "b"


async def test_it_may_go_with_its_module(autojump_clock: trio.abc.Clock) -> None:
    """Who comes back under its name is on."""
    work = work_module(do)
    async with open_system(work, work.named("more")) as system:
        system.disable("work::do")
        system.disable("more::do")
        system.unregister(work)
        with pytest.raises(UnknownNameError):
            system.enable("work::do")
        system.register(work)
        system[work].wanted = "a"
        await system.settle()
        assert system[work].done == "a"
        system["more"].wanted = "a"
        await system.settle()
        assert system["more"].done == ""


def test_the_graph_still_has_it() -> None:
    """O2: as `explain` and `inspect` do."""
    system = System(work_module(do))
    before = system.graph()
    system.disable("work::do")
    assert system.graph().edges == before.edges
    assert ("resolver", "work::do") in [(node.kind, node.id) for node in system.graph().nodes]
