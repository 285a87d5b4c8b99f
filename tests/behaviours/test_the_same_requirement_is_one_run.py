"""R4: identity: class and fields that take part in ``==`` (or the key), and the resolver chosen for it."""

import logging
from collections.abc import Iterator

import pytest
import trio
from attrs import define, field, frozen

from directive_trio import Context, Module, open_system
from directive_trio.errors import UnhashableRequirementError
from directive_trio.observe import Observation
from tests.behaviours.told import required, told

RUNS = ("resolver.start", "resolver.complete", "resolver.error", "resolver.cancel")


@define
class Facts:
    one: bool = False
    other: bool = False
    count: int = 0


@frozen
class Job:
    name: str
    note: str = field(default="", eq=False)


@frozen
class Task(Job):
    pass


@frozen
class Unhashable:
    names: list[str]


Ctx = Context[Facts]


def switched(module: Module[Facts], one: Job, other: Job) -> None:
    """Two constraints, each with a switch of its own."""

    @module.constraint(name="one")
    def by_one(facts: Facts) -> Job | None:
        return one if facts.one else None

    @module.constraint(name="other")
    def by_other(facts: Facts) -> Job | None:
        return other if facts.other else None


def working(name: str = "m", seconds: float = 10) -> Module[Facts]:
    """A module whose resolver takes its time."""
    module = Module(name, Facts)

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Ctx) -> None:
        await trio.sleep(seconds)

    return module


async def test_two_constraints_that_ask_for_the_same_share_a_run(autojump_clock: trio.abc.Clock) -> None:
    """R4: equal in all fields that count; and everybody can see who asks."""
    module = working()
    switched(module, Job("a", "from one"), Job("a", "from other"))
    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        with system.transaction():
            system[module].one = system[module].other = True
        await trio.sleep(1)
        (requirement,) = system.inspect().requirements
        assert requirement.producers == ("m::one", "m::other")
        await system.settle(timeout=60)
        assert told(log, *RUNS, "requirement.created") == [
            "requirement.created m::one",
            "resolver.start m::work",
            "resolver.complete m::work",
        ]


async def test_it_lives_until_none_of_them_asks_for_it(autojump_clock: trio.abc.Clock) -> None:
    """R4: the first falls silent: the run goes on; the last does: it is cancelled."""
    module = working()
    switched(module, Job("a"), Job("a"))
    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].one = True
        await trio.sleep(1)
        system[module].other = True
        await trio.sleep(1)
        system[module].one = False
        await trio.sleep(1)
        assert told(log, *RUNS) == ["resolver.start m::work"]
        system[module].other = False
        await system.settle(timeout=60)
        assert told(log, *RUNS)[1:] == ["resolver.cancel m::work removed"]
        assert trio.current_time() == 3


async def test_one_that_a_second_asks_for_when_it_stands_is_dispatched_again(autojump_clock: trio.abc.Clock) -> None:
    """R4, R6: its own inputs have just made it ask."""
    module = working(seconds=1)
    switched(module, Job("a"), Job("a"))
    log: list[Observation] = []
    async with open_system(module, initial={"m": {"one": True}}) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        system[module].other = True
        await system.settle(timeout=60)
        assert told(log, *RUNS) == ["resolver.start m::work", "resolver.complete m::work"] * 2


@pytest.mark.parametrize(("one", "other"), [(Job("a"), Job("b")), (Job("a"), Task("a"))])
async def test_another_field_or_class_is_another(autojump_clock: trio.abc.Clock, one: Job, other: Job) -> None:
    """R4: two runs."""
    module = working()

    @module.resolver(Task)
    async def work_too(requirement: Task, ctx: Ctx) -> None: ...

    switched(module, one, other)
    log: list[Observation] = []
    async with open_system(module, initial={"m": {"one": True, "other": True}}) as system:
        system.observe(log.append)
        await trio.sleep(1)
        assert required(log, "resolver.start") == [f"resolver.start {one}", f"resolver.start {other}"]


async def test_an_answer_with_the_same_requirement_twice_asks_once(autojump_clock: trio.abc.Clock) -> None:
    """R4: also within one answer."""
    module = working()

    @module.constraint
    def both(facts: Facts) -> Iterator[Job]:
        yield Job("a")
        yield Job("a")

    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        assert len(told(log, "resolver.start")) == 1


async def test_a_run_gets_the_fields_that_do_not_count_as_they_were_last_asked_for(
    autojump_clock: trio.abc.Clock,
) -> None:
    """R4: equal to the one before; when it is dispatched again it is the newest."""
    module = Module("m", Facts)
    seen: list[str] = []

    @module.constraint
    def must(facts: Facts) -> Job:
        return Job("a", f"count {facts.count}")

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Ctx) -> None:
        seen.append(requirement.note)
        await trio.sleep(1)

    async with open_system(module) as system:
        await trio.sleep(0.5)
        system[module].count = 1
        await system.settle(timeout=60)
        system[module].count = 2
        await system.settle(timeout=60)
        assert seen == ["count 0", "count 1", "count 2"]


async def test_a_key_decides_in_place_of_equality(autojump_clock: trio.abc.Clock) -> None:
    """R4: unequal ones of one key are the same requirement."""
    module = Module("m", Facts)

    @module.resolver(Job, key=lambda job: job.name[0])
    async def work(requirement: Job, ctx: Ctx) -> None:
        await trio.sleep(10)

    switched(module, Job("ant"), Job("ape"))
    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        with system.transaction():
            system[module].one = system[module].other = True
        await system.settle(timeout=60)
        assert required(log, "resolver.start") == [f"resolver.start {Job('ant')}"]


async def test_a_key_also_parts_what_is_equal(autojump_clock: trio.abc.Clock) -> None:
    """R4: a field outside ``==`` that the key takes in makes another requirement: the old one is superseded."""
    module = Module("m", Facts)
    seen: list[str] = []

    @module.constraint
    def must(facts: Facts) -> Job:
        return Job("a", f"count {facts.count}")

    @module.resolver(Job, key=lambda job: job.note)
    async def work(requirement: Job, ctx: Ctx) -> None:
        seen.append(requirement.note)
        await trio.sleep(10)

    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(1)
        system[module].count = 1
        await system.settle(timeout=60)
        assert seen == ["count 0", "count 1"]
        assert told(log, "resolver.cancel") == ["resolver.cancel m::work superseded"]


async def test_an_unhashable_one_works_with_a_key(autojump_clock: trio.abc.Clock) -> None:
    """R4: the key is what is hashed."""
    module = Module("m", Facts)
    seen: list[list[str]] = []

    @module.constraint
    def must(facts: Facts) -> Unhashable | None:
        return None if facts.count else Unhashable(["a", "b"])

    @module.resolver(Unhashable, key=lambda requirement: tuple(requirement.names))
    async def work(requirement: Unhashable, ctx: Ctx) -> None:
        seen.append(requirement.names)
        ctx.facts.count = 1

    async with open_system(module) as system:
        await system.settle(timeout=60)
    assert seen == [["a", "b"]]


async def test_an_unhashable_one_without_a_key_is_an_error_of_the_constraint(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """R4: at once, and what else it asked for stays with those who ask for it too; nothing is left half asked."""
    module = working()
    log: list[Observation] = []

    @module.constraint
    def must(facts: Facts) -> Iterator[Job | Unhashable]:
        yield Job("a")
        if facts.one:
            yield Unhashable([])

    @module.resolver(Unhashable)
    async def never(requirement: Unhashable, ctx: Ctx) -> None: ...

    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(1)
        system[module].one = True
        await system.settle(timeout=60)
        assert told(log, "constraint.error", *RUNS) == [
            "resolver.start m::work",
            "constraint.error m::must",
            "resolver.cancel m::work removed",
        ]
        errors = [seen for seen in log if seen.type == "constraint.error"]
        assert isinstance(getattr(errors[0], "error", None), UnhashableRequirementError)
        assert system.inspect().requirements == ()


def test_a_class_that_cannot_be_hashed_needs_a_key_at_once() -> None:
    """R4: an error at the declaration."""

    @define
    class Mutable:
        name: str

    with pytest.raises(UnhashableRequirementError):
        Module("m", Facts).resolver(Mutable)


async def test_the_producing_modules_own_resolver_comes_first_then_module_order(autojump_clock: trio.abc.Clock) -> None:
    """R4: two modules with a resolver each use their own, a third the first; so there are two runs, not three."""
    without = Module("without", Facts)
    modules = [working("first"), without, working("second")]
    for module in modules:
        switched(module, Job("a"), Job("a"))
    log: list[Observation] = []
    initial = {module.name: {"one": True} for module in modules}
    async with open_system(*modules, initial=initial) as system:
        system.observe(log.append)
        await trio.sleep(1)
        assert told(log, "resolver.start") == ["resolver.start first::work", "resolver.start second::work"]
        first = next(seen for seen in system.inspect().requirements if seen.resolver == "first::work")
        assert first.producers == ("first::one", "without::one")


async def test_without_a_resolver_it_is_warned_of_once_and_stays_visible(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """R4: unmet, and the reason can be read; the system rests."""
    module = Module("m", Facts)
    switched(module, Job("a"), Job("b"))
    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].one = True
        await system.settle(timeout=60)
        system[module].other = True
        await system.settle(timeout=60)
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert "no resolver for Job, required by m::one" in caplog.text
        assert [(seen.state, seen.resolver) for seen in system.inspect().requirements] == [("no resolver", None)] * 2
        assert "no resolver" in str(system.explain(Job("a")))
        system[module].one = False
        await system.settle(timeout=60)
        assert told(log, "requirement.canceled") == ["requirement.canceled m::one removed"]
        assert len(system.inspect().requirements) == 1


async def test_a_new_run_waits_for_the_end_of_a_cancelled_one_that_cleans_up(autojump_clock: trio.abc.Clock) -> None:
    """R4: never two live runs of one identity, however often it is wanted and not wanted meanwhile."""
    module = Module("m", Facts)
    switched(module, Job("a"), Job("a"))
    live: list[int] = []
    log: list[Observation] = []

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Ctx) -> None:
        live.append(1)
        assert len(live) == 1
        try:
            await trio.sleep(10)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(5)
            live.pop()

    async with open_system(module) as system:
        system.observe(log.append)
        for wanted in (True, False, True, False, True):
            system[module].one = wanted
            await trio.sleep(1)
        assert told(log, *RUNS, "requirement.created", "requirement.canceled") == [
            "requirement.created m::one",
            "resolver.start m::work",
            "requirement.canceled m::one removed",
            "requirement.created m::one",
            "requirement.canceled m::one removed",
            "requirement.created m::one",
        ]
        await system.settle(timeout=60)
        assert told(log, *RUNS) == [
            "resolver.start m::work",
            "resolver.cancel m::work removed",
            "resolver.start m::work",
            "resolver.complete m::work",
        ]
        assert trio.current_time() == 6 + 10 + 5


async def test_one_not_wanted_when_the_cancelled_run_has_cleaned_up_is_let_go(autojump_clock: trio.abc.Clock) -> None:
    """R4: nothing is left of it, also where a second constraint had asked for it meanwhile."""
    module = Module("m", Facts)
    switched(module, Job("a"), Job("a"))
    log: list[Observation] = []

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Ctx) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(5)

    async with open_system(module) as system:
        system.observe(log.append)
        system[module].one = True
        await trio.sleep(1)
        system[module].one = False
        await trio.sleep(1)
        system[module].other = True
        await trio.sleep(1)
        system[module].other = False
        await system.settle(timeout=60)
        assert told(log, *RUNS) == ["resolver.start m::work", "resolver.cancel m::work removed"]
        assert system.inspect().requirements == ()
