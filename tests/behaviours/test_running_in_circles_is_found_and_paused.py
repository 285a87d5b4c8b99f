"""R7: guards that fire: each ends in a `ConvergenceError` that names the ring, and pauses who goes round in it."""

from collections.abc import Awaitable, Callable, Iterator

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, open_system
from directive_trio.errors import ConvergenceError
from directive_trio.observe import Observation
from tests.behaviours.told import required, told


@define
class Facts:
    level: int = 0
    goal: int = 0
    other: int = 0
    beside: int = 0


@frozen
class Job:
    number: int = 0


Ctx = Context[Facts]


class Errors:
    """The errors that reached the boundary."""

    def __init__(self) -> None:
        self.found: list[tuple[Exception, str]] = []
        self.boundary = ErrorBoundary(on_error=lambda error, name: self.found.append((error, name)))

    @property
    def ring(self) -> tuple[str, ...]:
        """The ring that the only error names."""
        ((error, _),) = self.found
        assert isinstance(error, ConvergenceError)
        return error.ring


@pytest.fixture
def errors() -> Errors:
    """Collects the errors of one system."""
    return Errors()


def climbing(
    work: Callable[[Job, Ctx], Awaitable[None]], job: Callable[[Facts], Job | None] = lambda facts: Job()
) -> Module[Facts]:
    """Wants a job as long as the level is not the goal, which nobody reaches; beside it somebody who behaves."""
    module = Module("m", Facts)

    @module.constraint
    def must(facts: Facts) -> Job | None:
        return job(facts) if facts.level != facts.goal else None

    @module.constraint
    def must_beside(facts: Facts) -> "Beside | None":
        return Beside() if facts.beside == 1 else None

    @module.resolver(Beside)
    async def beside(requirement: Beside, ctx: Ctx) -> None:
        ctx.facts.beside = 2

    module.resolver(Job, name="work")(work)
    return module


@frozen
class Beside:
    pass


async def up(requirement: Job, ctx: Ctx) -> None:
    """Change an input and do not meet it."""
    ctx.facts.level += 1


async def test_the_same_requirement_over_and_over(autojump_clock: trio.abc.Clock, errors: Errors) -> None:
    """R7: ``convergence_limit`` dispatches in a row are allowed, the next one is an error."""
    log: list[Observation] = []
    async with open_system(climbing(up), errors=errors.boundary, initial={"m": {"goal": -1}}) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        assert len(told(log, "resolver.start")) == 50
        assert errors.found[0][1] == "m::work"
        assert errors.ring == ("m::work", "Job(number=0)")
        assert told(log, "error.recovery") == ["error.recovery m::work"]
        assert [seen.state for seen in system.inspect().requirements] == ["paused"]
        assert "went round in circles" in str(system.explain(Job()))


@pytest.mark.parametrize("count", [2, 8])
async def test_a_few_in_turn(autojump_clock: trio.abc.Clock, errors: Errors, count: int) -> None:
    """R7: up to eight requirements that take turns are one row."""
    module = climbing(up, lambda facts: Job(facts.level % count))
    log: list[Observation] = []
    async with open_system(module, errors=errors.boundary, initial={"m": {"goal": -1}}) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        assert len(told(log, "resolver.start")) == 50
        assert errors.ring == ("m::work", *(f"Job(number={number})" for number in range(count)))


async def test_a_drain_of_a_thousand_is_no_runaway(autojump_clock: trio.abc.Clock, errors: Errors) -> None:
    """R7: distinct items, one a run, by an async resolver."""
    module = climbing(up, lambda facts: Job(facts.level))
    async with open_system(module, errors=errors.boundary, initial={"m": {"goal": 1000}}) as system:
        await system.settle(timeout=60)
        assert system[module].level == 1000
        assert errors.found == []


async def test_polling_is_legal(autojump_clock: trio.abc.Clock, errors: Errors) -> None:
    """R7: a second without reaching the limit breaks the row."""

    async def poll(requirement: Job, ctx: Ctx) -> None:
        await trio.sleep(0.05)
        ctx.facts.level += 1

    module = climbing(poll)
    async with open_system(module, errors=errors.boundary, initial={"m": {"goal": 1000}}) as system:
        await system.settle(timeout=100)
        assert system[module].level == 1000
        assert errors.found == []


async def test_an_explicit_requeue_breaks_the_row(autojump_clock: trio.abc.Clock, errors: Errors) -> None:
    """R7: whoever asks for it is not going in circles by mistake."""

    async def again(requirement: Job, ctx: Ctx) -> None:
        ctx.facts.level += 1
        ctx.requeue()

    module = climbing(again)
    async with open_system(module, errors=errors.boundary, initial={"m": {"goal": 200}}) as system:
        await system.settle(timeout=60)
        assert system[module].level == 200
        assert errors.found == []


async def test_changes_from_outside_and_settlement_break_the_row(
    autojump_clock: trio.abc.Clock, errors: Errors
) -> None:
    """R7: each run was caused by the program."""

    async def never(requirement: Job, ctx: Ctx) -> None: ...

    module = climbing(never)
    log: list[Observation] = []
    async with open_system(module, errors=errors.boundary, initial={"m": {"goal": -1}}) as system:
        system.observe(log.append)
        for _ in range(200):
            await system.settle(timeout=60)
            system[module].level += 1
        await system.settle(timeout=60)
        assert len(told(log, "resolver.start")) == 201
        for _ in range(200):
            system.require(Job())
            await system.settle(timeout=60)
        assert len(told(log, "resolver.start")) == 401
        assert errors.found == []


async def test_others_run_on_and_nothing_is_lost(autojump_clock: trio.abc.Clock, errors: Errors) -> None:
    """R7: what stands paused is dispatched when a change from outside ends the pause, whatever it was about."""
    module = climbing(up)

    @module.constraint
    def late(facts: Facts) -> Job | None:
        return Job(7) if facts.other else None

    @module.effect
    def makes_late(facts: Facts) -> None:
        if facts.beside == 2:
            facts.other = 1

    log: list[Observation] = []
    async with open_system(module, errors=errors.boundary, initial={"m": {"goal": -1}}) as system:
        await system.settle(timeout=60)
        system.observe(log.append)
        system.require(Beside())
        await system.settle(timeout=60)
        assert required(log, "resolver.start") == ["resolver.start Beside()"]
        assert [(seen.requirement, seen.state) for seen in system.inspect().requirements] == [
            ("Job(number=0)", "paused"),
            ("Job(number=7)", "paused"),
        ]
        log.clear()
        with system.transaction():
            system[module].goal = system[module].level
            system.touch("m::beside")
        await system.settle(timeout=60)
        assert required(log, "resolver.start") == ["resolver.start Job(number=7)", "resolver.start Job(number=0)"] or (
            required(log, "resolver.start")[0] == "resolver.start Job(number=7)"
        )


async def test_what_is_not_wanted_any_more_is_not_kept(autojump_clock: trio.abc.Clock, errors: Errors) -> None:
    """R7: the change that ends the pause may also meet it."""
    module = climbing(up)
    log: list[Observation] = []
    async with open_system(module, errors=errors.boundary, initial={"m": {"goal": -1}}) as system:
        await system.settle(timeout=60)
        system.observe(log.append)
        system[module].goal = system[module].level
        await system.settle(timeout=60)
        assert told(log, "resolver.start", "requirement.met") == ["requirement.met m::must"]
        assert system.inspect().requirements == ()


async def test_stop_and_start_end_the_pause(autojump_clock: trio.abc.Clock, errors: Errors) -> None:
    """R7: a system that starts begins anew."""
    log: list[Observation] = []
    async with (
        open_system(climbing(up), errors=errors.boundary, initial={"m": {"goal": -1}}) as system,
        trio.open_nursery() as nursery,
    ):
        await system.settle(timeout=60)
        await system.stop_async()
        system.observe(log.append)
        system.start(nursery)
        await system.settle(timeout=60)
        assert len(told(log, "resolver.start")) == 50
        await system.stop_async()


async def test_throw_is_a_strategy_for_it(autojump_clock: trio.abc.Clock) -> None:
    """R7, R12: the error leaves the system."""
    module = climbing(up)
    with pytest.RaisesGroup(ConvergenceError):
        async with open_system(module, errors=ErrorBoundary(resolver="throw"), initial={"m": {"goal": -1}}):
            await trio.sleep(10)


async def test_a_ring_of_sync_resolvers_with_distinct_requirements(
    autojump_clock: trio.abc.Clock, errors: Errors
) -> None:
    """R7: as many passes in a row as the limit, each caused only by the one before."""
    module = Module("m", Facts)

    @module.constraint
    def must(facts: Facts) -> Job | None:
        return Job(facts.level)

    @module.resolver(Job)
    def work(requirement: Job, ctx: Ctx) -> None:
        ctx.facts.level += 1

    async with open_system(module, errors=errors.boundary, convergence_limit=20) as system:
        await system.settle(timeout=60)
        assert 19 <= system[module].level <= 22
        assert errors.ring == ("m::work",)
        system[module].other = 1
        await system.settle(timeout=60)
        assert system[module].level > 30


async def test_a_ring_of_effects(autojump_clock: trio.abc.Clock, errors: Errors) -> None:
    """R7: the effect that wrote last is paused; a change from outside lets it try again, and nothing is lost."""
    module = Module("m", Facts)
    runs: list[int] = []

    @module.effect
    def up_level(facts: Facts) -> None:
        if facts.goal:
            runs.append(facts.other)
            facts.level = facts.other + 1

    @module.effect
    def up_other(facts: Facts) -> None:
        facts.other = facts.level

    async with open_system(module, errors=errors.boundary) as system:
        system[module].goal = 1
        await system.settle(timeout=60)
        assert set(errors.ring) == {"m::up_level", "m::up_other"}
        before = len(runs)
        assert before >= 20
        system[module].beside = 1
        await system.settle(timeout=60)
        assert len(runs) > before
        system[module].goal = 0
        await system.settle(timeout=60)
        assert system[module].other == system[module].level


async def test_a_ring_of_watchers(autojump_clock: trio.abc.Clock, errors: Errors) -> None:
    """R7: a hundred rounds in one pass."""
    module = Module("m", Facts)
    told_of: list[int] = []

    async with open_system(module, errors=errors.boundary) as system:

        def up_other(new: int, old: int) -> None:
            told_of.append(new)
            system[module].other = new

        system.watch("m::level", up_other)
        system.watch("m::other", lambda new, old: setattr(system[module], "level", new + 1))
        system[module].level = 1
        await system.settle(timeout=60)
        assert 50 <= len(told_of) <= 101
        assert len(errors.ring) == 1
        before = len(told_of)
        system[module].beside = 1
        await system.settle(timeout=60)
        assert len(told_of) > before


async def test_a_hundred_rounds_of_watchers_are_allowed(autojump_clock: trio.abc.Clock, errors: Errors) -> None:
    """R7: a chain that ends is no ring."""
    module = Module("m", Facts)
    async with open_system(module, errors=errors.boundary) as system:
        system.watch("m::level", lambda new, old: setattr(system[module], "level", min(new + 1, 100)))
        system[module].level = 1
        await system.settle(timeout=60)
        assert system[module].level == 100
        assert errors.found == []


async def test_many_items_at_once_are_no_ring(autojump_clock: trio.abc.Clock, errors: Errors) -> None:
    """R7: a thousand requirements of one answer are a thousand dispatches, each of them the first."""
    module = Module("m", Facts)

    @module.constraint
    def must(facts: Facts) -> Iterator[Job]:
        yield from map(Job, range(facts.goal))

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Ctx) -> None: ...

    async with open_system(module, errors=errors.boundary) as system:
        system[module].goal = 1000
        await system.settle(timeout=60)
        assert errors.found == []
