"""R2, R1: tasks, their steps, passes, evaluations and observations that a change causes, counted. Time is not asked.

These hold the form of the engine: a run is one task, all that is sync is no task, a change is one pass, only dependents
are computed, and what nobody listens to is not made.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
import trio
import trio.testing
from attrs import define, frozen
from trio.testing import MockClock

from directive_trio import Context, Module, Retry, derivation, observe, open_system
from directive_trio.observe import Observation, RequirementCreated, ResolverStart
from tests.behaviours.worker import Ctx, Job, work_module

MANY = 50
MOST_STEPS = 4
"""In one round trip: a write, the run that follows, and the rest after it."""


@define
class Board:
    """Three numbers, of which two have readers."""

    left: int = 0
    right: int = 0
    unread: int = 0

    @derivation
    def twice(self) -> int:
        return count("twice", self.left * 2)

    @derivation
    def thrice(self) -> int:
        return count("thrice", self.left * 3)

    @derivation
    def both(self) -> int:
        return count("both", self.twice + self.thrice)

    @derivation
    def sign(self) -> bool:
        return count("sign", self.left > 0)

    @derivation
    def word(self) -> str:
        return count("word", "positive" if self.sign else "not")

    @derivation
    def other(self) -> int:
        return count("other", self.right + 1)


COMPUTED = Counter[str]()
V = TypeVar("V")


def count(name: str, value: V) -> V:
    """Note that a derivation has been computed."""
    COMPUTED[name] += 1
    return value


class Motion(trio.abc.Instrument):
    """Counts the tasks that are started, and the steps that tasks make."""

    tasks = 0
    steps = 0

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        self.tasks += 1

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.steps += 1


@contextmanager
def motion() -> Iterator[Motion]:
    """Count while the block lasts."""
    counted = Motion()
    trio.lowlevel.add_instrument(counted)
    try:
        yield counted
    finally:
        trio.lowlevel.remove_instrument(counted)


async def finish(job: Job, ctx: Ctx) -> None:
    """Meet the requirement at once."""
    ctx.facts.done = job.name


def finish_inline(job: Job, ctx: Ctx) -> None:
    """The same, sync."""
    ctx.facts.done = job.name


# -- tasks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{}, {"timeout": 5}, {"limit": 1}, {"retry": Retry(3)}], ids=["plain", "timeout", "limit", "retry"]
)
async def test_a_run_is_one_task(mock_clock: MockClock, options: dict[str, Any]) -> None:
    """R2: one, whatever its policies are."""
    module = work_module(finish, **options)
    async with open_system(module) as system:
        await system.settle()
        with motion() as counted:
            for number in range(MANY):
                system[module].wanted = str(number)
                await system.settle()
    assert counted.tasks == MANY


async def test_all_attempts_of_a_run_are_one_task(autojump_clock: MockClock) -> None:
    """R2: the waits between them too."""

    async def fail_twice(job: Job, ctx: Ctx) -> None:
        if ctx.attempt < 3:
            raise ValueError
        ctx.facts.done = job.name

    module = work_module(fail_twice, retry=Retry(3, initial_delay=1), timeout=1)
    async with open_system(module) as system:
        await system.settle()
        with motion() as counted:
            system[module].wanted = "a"
            await system.settle()
        assert system[module].done == "a"
    assert counted.tasks == 1


async def test_what_is_sync_is_no_task(mock_clock: MockClock) -> None:
    """R2: constraints, resolvers, effects, watchers, handlers and derivations run in the loop, or in who calls."""
    module = work_module(finish_inline)
    seen: list[str] = []

    @module.on(Job)
    def want(facts: Any, event: Job) -> None:
        facts.wanted = event.name

    @module.effect
    def look(facts: Any) -> None:
        seen.append(facts.done)

    async with open_system(module) as system:
        system.watch("work::done", lambda new, old: seen.append(new))
        await system.settle()
        with motion() as counted:
            for number in range(MANY):
                system.dispatch(Job(str(number)))
                await system.settle()
    assert counted.tasks == 0
    assert len(seen) == 1 + 2 * MANY


async def test_waiting_starts_no_task(autojump_clock: MockClock) -> None:
    """R2: neither for rest, nor for a condition, nor for the next change."""
    module = work_module(finish_inline)
    async with open_system(module) as system, system.changes("work::done") as changes:
        await system.settle()
        with motion() as counted:
            system[module].wanted = "a"
            await system.wait_until(lambda view: view[module].done == "a", timeout=1)
            assert await anext(changes) == ("a", "")
            await system.settle()
    assert counted.tasks == 0


# -- steps ---------------------------------------------------------------------------------------------


@frozen
class Other:
    number: int


@pytest.mark.parametrize("others", [0, 1000])
async def test_a_round_trip_takes_few_steps_however_many_constraints_there_are(
    mock_clock: MockClock, others: int
) -> None:
    """R2: the program, the loop and the run take turns (trio shuffles them); nobody is woken for nothing."""
    module = work_module(finish)
    for number in range(others):

        @module.constraint(name=f"other_{number}")
        def other(facts: Any) -> Other | None:
            return Other(0) if facts.count < 0 else None

    async with open_system(module) as system:
        await system.settle()
        for number in range(MANY):
            with motion() as counted:
                system[module].wanted = str(number)
                await system.settle()
            assert counted.steps <= MOST_STEPS


async def test_a_system_at_rest_makes_no_step(mock_clock: MockClock) -> None:
    """R2: it neither polls nor ticks; the steps are those of who waits for an hour."""
    module = work_module(finish)
    async with open_system(module) as system:
        system[module].wanted = "a"
        await system.settle()
        await after_an_hour(mock_clock)  # a deadline of what has ended may still ring, once
        with motion() as counted:
            await after_an_hour(mock_clock)
    assert counted.steps == 1  # ours


async def after_an_hour(clock: MockClock) -> None:
    """Let all that is due happen."""
    clock.jump(3600)
    await trio.testing.wait_all_tasks_blocked()


# -- passes --------------------------------------------------------------------------------------------


async def test_a_change_is_one_pass(mock_clock: MockClock) -> None:
    """R1: one write, many writes and a transaction alike; an equal write is none."""
    module = Module("board", Board)
    async with open_system(module) as system:
        await system.settle()
        view, passes = system[module], system.inspect().passes

        for number in range(1, MANY):
            view.left = number
            await system.settle()
            assert system.inspect().passes == passes + number

        for number in range(MANY):
            view.right = number
            view.unread = number
        await system.settle()
        assert system.inspect().passes == passes + MANY

        view.left = view.left
        await system.settle()
        assert system.inspect().passes == passes + MANY


async def test_a_round_trip_is_two_passes(mock_clock: MockClock) -> None:
    """R1: one that starts the run, and one for all it has written and its end."""
    module = work_module(finish)
    async with open_system(module) as system:
        await system.settle()
        passes = system.inspect().passes
        system[module].wanted = "a"
        await system.settle()
        assert system.inspect().passes == passes + 2


# -- evaluations ---------------------------------------------------------------------------------------


async def test_only_dependents_are_computed_and_each_once(mock_clock: MockClock) -> None:
    """R2, F5: those that were read, those that a change reaches, and not beyond an equal value."""
    module = Module("board", Board)
    async with open_system(module) as system:
        view = system[module]
        assert (view.both, view.word, view.other) == (0, "not", 1)
        COMPUTED.clear()

        view.left = 1
        assert not COMPUTED
        assert (view.both, view.word, view.other) == (5, "positive", 1)
        assert COMPUTED == {"twice": 1, "thrice": 1, "both": 1, "sign": 1, "word": 1}

        COMPUTED.clear()
        view.left = 2
        view.left = 3
        await system.settle()
        assert not COMPUTED
        assert (view.both, view.word, view.other) == (15, "positive", 1)
        assert COMPUTED == {"twice": 1, "thrice": 1, "both": 1, "sign": 1}


async def test_only_the_constraints_that_read_it_are_asked(mock_clock: MockClock) -> None:
    """R2: once each, and none for a fact that nobody reads."""
    module = Module("board", Board)
    asked = Counter[str]()
    for name in ("left", "right", "both"):

        @module.constraint(name=f"reads_{name}")
        def reads(facts: Board, name: str = name) -> None:
            asked[name] += getattr(facts, name) >= 0

    async with open_system(module) as system:
        await system.settle()
        for fact, expected in {
            "left": {"left": 1, "both": 1},
            "right": {"right": 1},
            "unread": {},
        }.items():
            asked.clear()
            setattr(system[module], fact, 7)
            await system.settle()
            assert asked == expected


async def test_a_wanted_requirement_is_left_alone(mock_clock: MockClock) -> None:
    """R2, R4: neither made nor started again by a pass that does not concern it; one constraint asked, one new run."""
    module = Module("board", Board)

    @module.constraint
    def wants(facts: Board) -> list[Other]:
        return [Other(number) for number in range(facts.left)]

    @module.resolver(Other)
    async def work(requirement: Other, ctx: Context[Board]) -> None:
        await trio.sleep_forever()

    log: list[Observation] = []
    async with open_system(module, initial={"board": {"left": MANY}}) as system:
        await trio.testing.wait_all_tasks_blocked()
        system.observe(log.append)
        system[module].right = 1
        await trio.testing.wait_all_tasks_blocked()
        system[module].left = MANY + 1
        await trio.testing.wait_all_tasks_blocked()
        of_it = [seen for seen in log if isinstance(seen, RequirementCreated | ResolverStart)]
    assert [seen.requirement for seen in of_it] == [Other(MANY)] * 2


# -- observations --------------------------------------------------------------------------------------


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the observations that are made, by class."""
    made = Counter[str]()
    for name in observe.__all__:
        kind = getattr(observe, name)
        if isinstance(kind, type) and issubclass(kind, Observation):
            monkeypatch.setattr(kind, "__init__", counting(kind.__init__, name, made))
    return made


def counting(original: Any, name: str, made: Counter[str]) -> Any:
    """Return an ``__init__`` that counts."""

    def init(self: object, *arguments: Any, **options: Any) -> None:
        made[name] += 1
        original(self, *arguments, **options)

    return init


async def test_nobody_listening_costs_nothing(mock_clock: MockClock, built: Counter[str]) -> None:
    """O1: no observation is made without an observer, and they are made as soon as there is one, and no longer."""
    module = work_module(finish)
    module.effect(name="look")(lambda facts: None)
    async with open_system(module) as system:
        system[module].wanted = "a"
        await system.settle()
        assert not built

        remove = system.observe(lambda observation: None)
        system[module].wanted = "b"
        await system.settle()
        assert built["ResolverStart"] == built["ResolverComplete"] == 1
        assert built["ReconcileStart"] == 2

        remove()
        built.clear()
        system[module].wanted = "c"
        await system.settle()
    assert not built
