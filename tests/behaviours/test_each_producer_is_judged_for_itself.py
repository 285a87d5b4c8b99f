"""R5: several producers of one run: each is judged for itself, and one that is blocked keeps its last answer."""

import trio
from attrs import define, frozen

from directive_trio import Context, Module, open_system
from directive_trio.observe import Observation
from tests.behaviours.told import told

RUNS = ("resolver.start", "resolver.complete", "resolver.error", "resolver.cancel")


@define
class Facts:
    one: bool = True
    other: bool = False
    busy: bool = False
    earlier: bool = False
    moment: int = 0


@frozen
class Job:
    number: int = 0


@frozen
class Earlier:
    pass


Ctx = Context[Facts]


def marking() -> Module[Facts]:
    """``one`` is made false by the run's marker; ``other`` does not read it; both can be switched by the program."""
    module = Module("m", Facts)

    @module.constraint
    def must_before(facts: Facts) -> Earlier | None:
        return Earlier() if facts.earlier else None

    @module.constraint(after=["must_before"])
    def by_one(facts: Facts) -> Job | None:
        return Job(facts.moment // 100) if facts.one and not facts.busy else None

    @module.constraint
    def by_other(facts: Facts) -> Job | None:
        return Job() if facts.other else None

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Ctx) -> None:
        ctx.facts.busy = True
        await trio.sleep(20)
        ctx.facts.one = ctx.facts.busy = False

    @module.resolver(Earlier)
    async def before(requirement: Earlier, ctx: Ctx) -> None:
        await trio.sleep(5)
        ctx.facts.earlier = False

    return module


async def test_one_that_holds_keeps_the_run_when_the_other_falls_silent(autojump_clock: trio.abc.Clock) -> None:
    """R5: the other was false for real, the one is only self-satisfied."""
    module = marking()
    log: list[Observation] = []
    async with open_system(module, initial={"m": {"other": True}}) as system:
        system.observe(log.append)
        await trio.sleep(2)
        system[module].other = False
        await system.settle(timeout=60)
        assert told(log, *RUNS) == ["resolver.start m::work", "resolver.complete m::work"]


async def test_one_that_asks_keeps_the_run_when_the_one_that_held_does_no_more(autojump_clock: trio.abc.Clock) -> None:
    """R5: and when it falls silent too, the run is cancelled, and its marker goes."""
    module = marking()
    log: list[Observation] = []
    async with open_system(module, initial={"m": {"other": True}}) as system:
        system.observe(log.append)
        await trio.sleep(2)
        system[module].one = False
        await trio.sleep(2)
        assert told(log, *RUNS) == ["resolver.start m::work"]
        system[module].other = False
        await trio.sleep(2)
        assert told(log, *RUNS)[1:] == ["resolver.cancel m::work removed"]
        assert not system[module].busy


async def test_one_that_joins_and_leaves_changes_nothing_for_the_one_that_holds(
    autojump_clock: trio.abc.Clock,
) -> None:
    """R5: the marker is still found when the run is cancelled later."""
    module = marking()
    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(2)
        system[module].other = True
        await trio.sleep(2)
        system[module].other = False
        await trio.sleep(2)
        assert told(log, *RUNS) == ["resolver.start m::work"]
        system.cancel(Job())
        await system.settle(timeout=60)
        assert not system[module].busy


async def test_the_marker_goes_on_an_explicit_cancel_though_another_asks(autojump_clock: trio.abc.Clock) -> None:
    """R10: nobody works any more, so nothing may say that somebody does."""
    module = marking()
    async with open_system(module, initial={"m": {"other": True}}) as system:
        await trio.sleep(2)
        system.cancel(Job())
        await system.settle(timeout=60)
        assert not system[module].busy


async def test_one_that_asks_again_while_its_run_goes_on_holds_nothing(autojump_clock: trio.abc.Clock) -> None:
    """R5: somebody else reset the marker: the constraint asks for real, and the run goes on."""
    module = marking()
    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(2)
        system[module].busy = False
        await trio.sleep(2)
        assert system.inspect().requirements[0].producers == ("m::by_one",)
        await system.settle(timeout=60)
        assert told(log, *RUNS) == ["resolver.start m::work", "resolver.complete m::work"]


async def test_a_change_that_the_world_without_its_writes_survives_changes_nothing(
    autojump_clock: trio.abc.Clock,
) -> None:
    """R5: asked again, it would still ask; also after a change that came back."""
    module = marking()
    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(2)
        for moment in (1, 2):
            system[module].moment = moment
            await trio.sleep(1)
        system[module].moment = 3
        system[module].moment = 2
        await system.settle(timeout=60)
        assert told(log, *RUNS) == ["resolver.start m::work", "resolver.complete m::work"]


async def test_a_blocked_producer_keeps_its_last_answer(autojump_clock: trio.abc.Clock) -> None:
    """R5: it would not ask any more, but nobody may ask it; when it is unblocked the run is cancelled."""
    module = marking()
    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(2)
        with system.transaction():
            system[module].earlier = True
            system[module].one = False
        await trio.sleep(1)
        system[module].moment = 1
        await trio.sleep(2)
        assert "resolver.cancel m::work removed" not in told(log, *RUNS)
        await trio.sleep(5)
        assert told(log, *RUNS)[2:] == ["resolver.complete m::before", "resolver.cancel m::work removed"]
        assert not system[module].busy


async def test_a_blocked_producer_that_asks_for_real_keeps_it_too(autojump_clock: trio.abc.Clock) -> None:
    """R5: no marker: what it required stands while it is blocked, whatever changes."""
    module = Module("m", Facts)
    log: list[Observation] = []

    @module.constraint
    def must_before(facts: Facts) -> Earlier | None:
        return Earlier() if facts.earlier else None

    @module.constraint(after=["must_before"])
    def must(facts: Facts) -> Job | None:
        return Job(facts.moment) if facts.one else None

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Ctx) -> None:
        await trio.sleep(20)

    @module.resolver(Earlier)
    async def before(requirement: Earlier, ctx: Ctx) -> None:
        await trio.sleep(5)
        ctx.facts.earlier = False

    async with open_system(module) as system:
        await trio.sleep(1)
        system.observe(log.append)
        system[module].earlier = True
        for moment in (1, 2):
            system[module].moment = moment
            await trio.sleep(1)
        assert told(log, *RUNS, "constraint.blocked") == ["constraint.blocked m::must", "resolver.start m::before"]
        await system.settle(timeout=60)
        assert "resolver.cancel m::work superseded" in told(log, *RUNS)


async def test_a_constraint_that_raises_in_the_world_without_the_writes_asks_for_nothing_there(
    autojump_clock: trio.abc.Clock,
) -> None:
    """R5: and that error is nobody's: no constraint.error."""
    module = Module("m", Facts)
    log: list[Observation] = []

    @module.constraint
    def must(facts: Facts) -> Job | None:
        if facts.moment and not facts.busy:
            raise ValueError("not now")
        return None if facts.busy else Job()

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Ctx) -> None:
        ctx.facts.busy = True
        await trio.sleep(20)

    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(1)
        system[module].moment = 1
        await trio.sleep(1)
        assert told(log, "resolver.cancel") == ["resolver.cancel m::work removed"]
        await system.settle(timeout=60)


async def test_a_key_that_raises_in_the_world_without_the_writes_is_no_error_either(
    autojump_clock: trio.abc.Clock,
) -> None:
    """R5: what has no identity there is not the run's requirement."""
    module = Module("m", Facts)
    log: list[Observation] = []

    @module.constraint
    def must(facts: Facts) -> Job | None:
        return None if facts.busy else Job(facts.moment)

    def key(job: Job) -> float:
        return 1 / (1 - job.number)

    @module.resolver(Job, key=key)
    async def work(requirement: Job, ctx: Ctx) -> None:
        ctx.facts.busy = True
        await trio.sleep(20)
        ctx.facts.moment = 0

    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(1)
        with system.transaction():
            system[module].moment = 1
            system[module].other = True
        await trio.sleep(1)
        assert told(log, "resolver.cancel") == ["resolver.cancel m::work superseded"]


async def test_a_requirement_made_once_and_returned_again_is_the_same(autojump_clock: trio.abc.Clock) -> None:
    """R4: the same object, whatever its ``==``."""
    module = Module("m", Facts)
    log: list[Observation] = []
    job = Job()

    @module.constraint
    def must(facts: Facts) -> Job | None:
        return job if facts.moment >= 0 else None

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Ctx) -> None:
        await trio.sleep(20)

    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(1)
        system[module].moment = 1
        await trio.sleep(1)
        assert told(log, *RUNS) == ["resolver.start m::work"]


async def test_a_disabled_constraint_is_not_asked_and_enabled_again_it_is(autojump_clock: trio.abc.Clock) -> None:
    """R8: whatever it reads may change meanwhile; off and on within a window is nothing at all."""
    module = marking()
    log: list[Observation] = []
    async with open_system(module, initial={"m": {"one": False}}) as system:
        system.disable("m::by_other")
        await system.settle()
        system.observe(log.append)
        system[module].other = True
        await system.settle()
        assert told(log, "constraint.evaluate") == []
        system.enable("m::by_other")
        await trio.sleep(1)
        assert told(log, "constraint.evaluate")[0] == "constraint.evaluate m::by_other"
        assert told(log, *RUNS) == ["resolver.start m::work"]
        system.disable("m::by_other")
        system.enable("m::by_other")
        await system.settle(timeout=60)
        assert told(log, *RUNS)[1:2] == ["resolver.complete m::work"]


async def test_a_decision_that_waits_for_a_disabled_producer_is_made(autojump_clock: trio.abc.Clock) -> None:
    """R6: the blocked producer is switched off: nothing waits for it any more."""
    module = Module("m", Facts)
    log: list[Observation] = []

    @module.constraint
    def must_before(facts: Facts) -> Earlier | None:
        return Earlier() if facts.earlier else None

    @module.constraint(after=["must_before"])
    def blocked(facts: Facts) -> Job | None:
        return Job() if facts.one else None

    @module.constraint
    def free(facts: Facts) -> Job | None:
        return Job() if facts.one else None

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Ctx) -> None:
        await trio.sleep(2)

    @module.resolver(Earlier)
    async def before(requirement: Earlier, ctx: Ctx) -> None:
        await trio.sleep(50)

    async with open_system(module) as system:
        await trio.sleep(1)
        system.observe(log.append)
        system[module].earlier = True
        await trio.sleep(5)
        assert told(log, "requirement.unsatisfied") == []
        system.disable("m::blocked")
        await trio.sleep(1)
        assert told(log, "requirement.unsatisfied") == ["requirement.unsatisfied m::blocked"]


async def test_an_answer_that_comes_when_its_constraint_is_switched_off_counts_no_more(
    autojump_clock: trio.abc.Clock,
) -> None:
    """R8, R9: both in one window: nothing is dispatched."""
    module = Module("m", Facts)
    log: list[Observation] = []

    @module.constraint
    async def must(facts: Facts) -> Job:
        system.disable("m::must")
        return Job()

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Ctx) -> None: ...

    async with open_system(module) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        assert told(log, *RUNS, "requirement.created") == []


async def test_an_answer_that_is_stale_when_it_comes_dispatches_nothing(autojump_clock: trio.abc.Clock) -> None:
    """R9: an input changed in the window of the answer, and for a blocked constraint while it was being asked."""
    module = Module("m", Facts)
    log: list[Observation] = []

    @module.constraint
    def must_before(facts: Facts) -> Earlier | None:
        return Earlier() if facts.earlier else None

    @module.constraint(after=["must_before"])
    async def must(facts: Facts) -> Job:
        moment = facts.moment
        await trio.sleep(2)
        if moment in {1, 2}:
            now.set()
            await trio.lowlevel.checkpoint()  # who waits for it writes in this turn, and the answer comes in it too
        return Job(moment)

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Ctx) -> None:
        ctx.facts.one = False

    @module.resolver(Earlier)
    async def before(requirement: Earlier, ctx: Ctx) -> None:
        await trio.sleep(10)
        ctx.facts.earlier = False

    async with open_system(module, initial={"m": {"moment": 1}}) as system:
        system.observe(log.append)
        for moment in (2, 3):
            now = trio.Event()
            await now.wait()
            system[module].moment = moment
        await system.settle(timeout=60)
        assert [getattr(seen, "requirement", None) for seen in log if seen.type == "resolver.start"] == [Job(3)]
        log.clear()
        system[module].moment = 5
        await trio.sleep(1)
        with system.transaction():
            system[module].moment = 6
            system[module].earlier = True
        await system.settle(timeout=60)
        jobs = [seen for seen in log if seen.type == "resolver.start"]
        assert [getattr(seen, "requirement", None) for seen in jobs] == [Earlier(), Job(6)]
