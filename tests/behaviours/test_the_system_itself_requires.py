"""R16: ``system.require`` asks until it is met, finally failed or cancelled; ``system.cancel`` ends the run."""

import pytest
import trio
import trio.testing
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, Retry, System, open_system
from directive_trio.observe import Observation
from tests.behaviours.told import told

RUNS = ("resolver.start", "resolver.complete", "resolver.error", "resolver.cancel")
ENDS = ("requirement.created", "requirement.met", "requirement.canceled")


@define
class Facts:
    wanted: bool = False
    fails: int = 0
    seconds: float = 10
    blocked: bool = False


@frozen
class Job:
    pass


@frozen
class Earlier:
    pass


def working() -> Module[Facts]:
    """A job that takes ten seconds and fails as often as it is told; a constraint asks for it too, where wanted."""
    module = Module("m", Facts)

    @module.constraint
    def before(facts: Facts) -> Earlier | None:
        return Earlier() if facts.blocked else None

    @module.constraint(after=["before"])
    def must(facts: Facts) -> Job | None:
        return Job() if facts.wanted else None

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Facts]) -> None:
        await trio.sleep(ctx.facts.seconds)
        if ctx.facts.fails:
            ctx.facts.fails -= 1
            raise OSError("no")

    @module.resolver(Earlier)
    async def hang(requirement: Earlier, ctx: Context[Facts]) -> None:
        await trio.sleep(1000)

    return module


async def test_it_is_dispatched_once_and_met(autojump_clock: trio.abc.Clock) -> None:
    """R16: when its run has completed the system asks no more."""
    log: list[Observation] = []
    async with open_system(working()) as system:
        system.observe(log.append)
        system.require(Job())
        await trio.sleep(1)
        assert system.inspect().requirements[0].producers == ("system",)
        await system.settle(timeout=60)
        assert told(log, *RUNS, *ENDS) == [
            "requirement.created system",
            "resolver.start m::work",
            "resolver.complete m::work",
            "requirement.met system",
        ]
        assert system.inspect().requirements == ()


async def test_it_shares_the_run_of_a_constraint(autojump_clock: trio.abc.Clock) -> None:
    """R16: one run for both; and it goes on for the one when the other falls silent."""
    module = working()
    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].wanted = True
        await trio.sleep(1)
        system.require(Job())
        await trio.sleep(1)
        system[module].wanted = False
        await system.settle(timeout=60)
        assert told(log, *RUNS) == ["resolver.start m::work", "resolver.complete m::work"]


async def test_one_that_stands_is_dispatched_again(autojump_clock: trio.abc.Clock) -> None:
    """R16: unsatisfied or failed."""
    module = working()
    log: list[Observation] = []
    async with open_system(module, initial={"m": {"wanted": True, "fails": 1}}) as system:
        system.observe(log.append)
        for number in range(1, 4):
            await system.settle(timeout=60)
            assert len(told(log, "resolver.start")) == number
            system.require(Job())
        await system.settle(timeout=60)
        assert told(log, "resolver.error") == ["resolver.error m::work"]


async def test_finally_failed_it_is_asked_for_no_more(autojump_clock: trio.abc.Clock) -> None:
    """R16: under skip the first failure is final."""
    log: list[Observation] = []
    async with open_system(working(), initial={"m": {"fails": 1}}) as system:
        system.observe(log.append)
        system.require(Job())
        await system.settle(timeout=60)
        assert told(log, *RUNS, *ENDS)[1:] == [
            "resolver.start m::work",
            "resolver.error m::work",
            "requirement.canceled system removed",
        ]


@pytest.mark.parametrize("strategy", ["retry", "retry_later"])
async def test_a_failure_that_is_retried_is_not_final(autojump_clock: trio.abc.Clock, strategy: str) -> None:
    """R16: it goes on asking over the retries."""
    errors = ErrorBoundary(resolver=lambda error, name: strategy)  # type: ignore[arg-type, return-value]
    log: list[Observation] = []
    async with open_system(working(), errors=errors, initial={"m": {"fails": 2}}) as system:
        system.observe(log.append)
        system.require(Job())
        await system.settle(timeout=60)
        assert told(log, "resolver.error", "resolver.complete", *ENDS) == [
            "requirement.created system",
            *["resolver.error m::work"] * 2,
            "resolver.complete m::work",
            "requirement.met system",
        ]


async def test_a_final_failure_leaves_what_a_constraint_asks_for(autojump_clock: trio.abc.Clock) -> None:
    """R16: the constraint asks for it still, so it stands as failed."""
    module = working()
    async with open_system(module, initial={"m": {"wanted": True, "fails": 1}}) as system:
        system.require(Job())
        await system.settle(timeout=60)
        (requirement,) = system.inspect().requirements
        assert (requirement.state, requirement.producers) == ("failed", ("m::must",))


async def test_it_waits_for_no_after(autojump_clock: trio.abc.Clock) -> None:
    """R16: its constraint is blocked; the system is not."""
    module = working()
    log: list[Observation] = []
    async with open_system(module, initial={"m": {"wanted": True, "seconds": 1}}) as system:
        await system.settle(timeout=60)
        system.observe(log.append)
        system[module].blocked = True
        system.touch("m::wanted")
        await trio.sleep(5)
        assert told(log, *RUNS) == ["resolver.start m::hang"]
        system.require(Job())
        await trio.sleep(5)
        assert told(log, *RUNS)[1:] == ["resolver.start m::work", "resolver.complete m::work"]


async def test_cancel_ends_its_run_and_says_whether_there_was_one(autojump_clock: trio.abc.Clock) -> None:
    """R16: reason ``cancelled``; the system asks no more."""
    log: list[Observation] = []
    async with open_system(working()) as system:
        system.observe(log.append)
        assert system.cancel(Job()) is False
        system.require(Job())
        await trio.sleep(1)
        assert system.cancel(Job()) is True
        assert system.cancel(Job()) is False
        await system.settle(timeout=60)
        assert told(log, *RUNS, *ENDS) == [
            "requirement.created system",
            "resolver.start m::work",
            "requirement.canceled system cancelled",
            "resolver.cancel m::work cancelled",
        ]
        assert system.inspect().requirements == ()


async def test_cancel_withdraws_what_has_not_begun(autojump_clock: trio.abc.Clock) -> None:
    """R16: required and cancelled before a pass: nothing runs."""
    log: list[Observation] = []
    async with open_system(working()) as system:
        system.observe(log.append)
        system.require(Job())
        assert system.cancel(Job()) is True
        await system.settle(timeout=60)
        assert told(log, *RUNS, *ENDS) == ["requirement.created system", "requirement.canceled system cancelled"]


async def test_cancel_ends_a_scheduled_retry(autojump_clock: trio.abc.Clock) -> None:
    """R16: it is not run again."""
    errors = ErrorBoundary(resolver="retry_later", retry_later=Retry(3, initial_delay=100, max_delay=100))
    log: list[Observation] = []
    async with open_system(working(), errors=errors, initial={"m": {"fails": 1}}) as system:
        system.observe(log.append)
        system.require(Job())
        await trio.sleep(20)
        assert system.cancel(Job()) is True
        await system.settle(timeout=1)
        assert told(log, *RUNS, *ENDS)[-1] == "requirement.canceled system cancelled"
        assert system.inspect().pending_retries == ()


async def test_required_again_while_the_cancelled_run_cleans_up_it_runs_again(autojump_clock: trio.abc.Clock) -> None:
    """R16: the later word counts."""
    module = Module("m", Facts)
    log: list[Observation] = []

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Facts]) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(5)

    async with open_system(module) as system:
        system.observe(log.append)
        system.require(Job())
        await trio.sleep(1)
        system.cancel(Job())
        await trio.sleep(1)
        system.require(Job())
        await system.settle(timeout=60)
        assert told(log, *RUNS, *ENDS) == [
            "requirement.created system",
            "resolver.start m::work",
            "requirement.canceled system cancelled",
            "requirement.created system",
            "resolver.cancel m::work cancelled",
            "resolver.start m::work",
            "resolver.complete m::work",
            "requirement.met system",
        ]


async def test_cancelled_again_while_it_cleans_up_it_does_not(autojump_clock: trio.abc.Clock) -> None:
    """R16: and a run that was removed can be required, and that withdrawn, while it cleans up."""
    module = Module("m", Facts)
    log: list[Observation] = []

    @module.constraint
    def must(facts: Facts) -> Job | None:
        return Job() if facts.wanted else None

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Facts]) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(5)

    async with open_system(module, initial={"m": {"wanted": True}}) as system:
        system.observe(log.append)
        await trio.sleep(1)
        system[module].wanted = False
        await trio.sleep(1)
        system.require(Job())
        assert system.cancel(Job()) is True
        await system.settle(timeout=60)
        assert told(log, *RUNS) == ["resolver.start m::work", "resolver.cancel m::work removed"]


async def test_required_when_its_run_has_ended_but_was_not_judged_it_runs_again(autojump_clock: trio.abc.Clock) -> None:
    """R16: the word came after the end of that run, so it is about another one."""
    module = Module("m", Facts)
    log: list[Observation] = []

    @module.resolver(Job)
    def work(requirement: Job, ctx: Context[Facts]) -> None:
        ctx.facts.fails += 1

    @module.effect
    def once_more(facts: Facts) -> None:
        if facts.fails == 1:
            system.require(Job())

    system = System(module)
    async with trio.open_nursery() as nursery:
        system.observe(log.append)
        system.start(nursery)
        system.require(Job())
        await system.settle(timeout=60)
        assert told(log, *RUNS) == ["resolver.start m::work", "resolver.complete m::work"] * 2
        await system.stop_async()


async def test_it_survives_stop_and_start(autojump_clock: trio.abc.Clock) -> None:
    """R16: what was not met when the system stopped is dispatched when it starts again; what was is not."""
    log: list[Observation] = []
    system = System(working())
    async with trio.open_nursery() as nursery:
        system.require(Job())
        system.observe(log.append)
        system.start(nursery)
        await trio.sleep(5)
        await system.stop_async()
        assert told(log, *RUNS) == ["resolver.start m::work", "resolver.cancel m::work stopped"]
        system.start(nursery)
        await system.settle(timeout=60)
        assert told(log, *RUNS)[2:] == ["resolver.start m::work", "resolver.complete m::work"]
        await system.stop_async()
        system.start(nursery)
        await system.settle(timeout=60)
        assert len(told(log, "resolver.start")) == 2
        await system.stop_async()


async def test_cancelled_between_stop_and_start_it_is_forgotten(autojump_clock: trio.abc.Clock) -> None:
    """R16: cancel reaches what is kept over a stop."""
    log: list[Observation] = []
    system = System(working())
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        system.require(Job())
        await trio.sleep(5)
        await system.stop_async()
        assert system.cancel(Job()) is True
        system.observe(log.append)
        system.start(nursery)
        await system.settle(timeout=60)
        assert told(log, *RUNS) == []
        await system.stop_async()


@define
class PartFacts:
    wanted: bool = False
    loaded: bool = False


@frozen
class Load:
    part: str


def part(name: str, served: list[str]) -> Module[PartFacts]:
    """One of several modules that meet the same class of requirements, each with its own resolver."""
    module = Module(name, PartFacts)

    @module.constraint
    def must(facts: PartFacts) -> Load | None:
        return Load(name) if facts.wanted and not facts.loaded else None

    @module.resolver(Load)
    async def fetch(requirement: Load, ctx: Context[PartFacts]) -> None:
        served.append(f"{name} for {requirement.part}")
        await trio.sleep(1)
        if served.count(f"{name} for {requirement.part}") == 1:
            raise OSError("no")
        ctx.facts.loaded = True

    return module


async def test_the_resolver_that_serves_it_is_meant(autojump_clock: trio.abc.Clock) -> None:
    """R16: what stands failed in the second module is dispatched there again, not to the first one's resolver."""
    served: list[str] = []
    async with open_system(part("first", served), part("second", served)) as system:
        system["second"].wanted = True
        await system.settle()
        system.require(Load("second"))
        await system.settle()
        assert served == ["second for second"] * 2
        assert system["second"].loaded


async def test_the_resolver_that_served_it_last_is_meant(autojump_clock: trio.abc.Clock) -> None:
    """R16: also when nobody wants it any more; what nobody ever wanted goes to the first in module order."""
    served: list[str] = []
    async with open_system(part("first", served), part("second", served)) as system:
        system["second"].wanted = True
        await system.settle()
        system["second"].wanted = False
        await system.settle()
        system.require(Load("second"))
        await system.settle()
        system.require(Load("new"))
        await system.settle()
        assert served == ["second for second", "second for second", "first for new"]


async def test_what_is_required_is_created_once_for_each_start(mock_clock: trio.testing.MockClock) -> None:
    """R16: it ends with the stop and begins with the next start; in between it can be taken back."""
    log: list[Observation] = []
    system = System(working())
    system.observe(log.append)
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        system.require(Job())
        await trio.testing.wait_all_tasks_blocked()
        await system.stop_async()
        assert told(log, *ENDS) == ["requirement.created system", "requirement.canceled system stopped"]
        system.start(nursery)
        await trio.testing.wait_all_tasks_blocked()
        await system.stop_async()
        assert told(log, *ENDS)[2:] == ["requirement.created system", "requirement.canceled system stopped"]
        assert system.cancel(Job())
        assert not system.cancel(Job())
        system.start(nursery)
        await trio.testing.wait_all_tasks_blocked()
        await system.destroy()
        assert len(told(log, *ENDS)) == 4
