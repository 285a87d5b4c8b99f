"""R5, R10: the world without a run shows the latest value it did not write; what was taken back exists no more."""

from collections.abc import Callable
from contextlib import suppress

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, open_system
from directive_trio.observe import Observation
from tests.behaviours.told import told

ENDS = ("resolver.complete", "resolver.error", "resolver.cancel")


@define
class Facts:
    a: bool = True
    b: bool = True
    status: str = "idle"


@frozen
class A: ...


@frozen
class B: ...


@frozen
class Mark:
    status: str
    broken: bool = False


Ctx = Context[Facts]


def mark_directly(ctx: Ctx, status: str) -> None:
    ctx.facts.status = status


def mark_by_event(ctx: Ctx, status: str) -> None:
    ctx.dispatch(Mark(status))


def marking_module(
    mark: Callable[[Ctx, str], None] = mark_directly,
    *,
    needs_a: Callable[[str], bool] = lambda status: status != "a",
    needs_b: Callable[[str], bool] = lambda status: status != "b",
    again: bool = False,
    lasts: float = 60,
    timeout: float | None = None,
) -> Module[Facts]:
    """A marks at second 1 (*again* at 3), B at second 2; each marker makes only its own constraint false."""
    module = Module("m", Facts)

    @module.on(Mark)
    def put(facts: Facts, event: Mark) -> None:
        facts.status = event.status
        if event.broken:
            raise RuntimeError("broken")

    @module.constraint
    def must_a(facts: Facts) -> A | None:
        return A() if facts.a and needs_a(facts.status) else None

    @module.constraint
    def must_b(facts: Facts) -> B | None:
        return B() if facts.b and needs_b(facts.status) else None

    @module.resolver(A, name="a", timeout=timeout)
    async def do_a(requirement: A, ctx: Ctx) -> None:
        await trio.sleep(1)
        mark(ctx, "a")
        if again:
            await trio.sleep(2)
            mark(ctx, "a")
        await trio.sleep(lasts)

    @module.resolver(B, name="b")
    async def do_b(requirement: B, ctx: Ctx) -> None:
        await trio.sleep(2)
        mark(ctx, "b")
        await trio.sleep(60)

    return module


MARKS = pytest.mark.parametrize("mark", [mark_directly, mark_by_event])


@MARKS
async def test_the_one_beneath_is_cancelled_first(
    autojump_clock: trio.abc.Clock, mark: Callable[[Ctx, str], None]
) -> None:
    """R10: its marker goes unseen, and does not come back when the upper one goes."""
    module = marking_module(mark)
    async with open_system(module) as system:
        await trio.sleep(3)
        system[module].a = False
        await trio.sleep(1)
        assert system[module].status == "b"
        system[module].b = False
        await system.settle()
        assert system[module].status == "idle"


@MARKS
async def test_the_upper_one_is_cancelled_first(
    autojump_clock: trio.abc.Clock, mark: Callable[[Ctx, str], None]
) -> None:
    """R10: the marker beneath shows again, as its run goes on, until that is cancelled too."""
    module = marking_module(mark)
    async with open_system(module) as system:
        await trio.sleep(3)
        system[module].b = False
        await trio.sleep(1)
        assert system[module].status == "a"
        assert not system.is_settled
        system[module].a = False
        await system.settle()
        assert system[module].status == "idle"


@pytest.mark.parametrize("cancelled", [("a", "b"), ("b", "a")])
async def test_both_are_cancelled_in_one_pass(autojump_clock: trio.abc.Clock, cancelled: tuple[str, str]) -> None:
    """R10: whichever was cancelled first, neither marker stands."""
    module = marking_module()
    async with open_system(module) as system:
        await trio.sleep(3)
        for fact in cancelled:
            setattr(system[module], fact, False)
        await system.settle()
        assert system[module].status == "idle"


@pytest.mark.parametrize("asked", [(A(), B()), (B(), A())])
async def test_both_are_cancelled_on_the_programs_word(
    autojump_clock: trio.abc.Clock, asked: tuple[A | B, A | B]
) -> None:
    """R10: an explicit cancel takes back what was covered too."""
    module = marking_module()
    async with open_system(module) as system:
        await trio.sleep(3)
        for requirement in asked:
            system.cancel(requirement)
        await trio.sleep(0.5)
        assert system[module].status == "idle"


async def test_one_that_the_others_marker_makes_unwanted(autojump_clock: trio.abc.Clock) -> None:
    """R5: in the world without A the status is b, so A is cancelled; its marker does not come back after B's."""
    module = marking_module(needs_a=lambda status: status == "idle")
    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(3)
        assert told(log, *ENDS) == ["resolver.cancel m::a removed"]
        assert system[module].status == "b"
        system[module].a = system[module].b = False
        await system.settle()
        assert system[module].status == "idle"


async def test_the_value_of_a_completed_run_returns(autojump_clock: trio.abc.Clock) -> None:
    """R10: A has completed, so what it wrote is there for good; B's marker gives way to it."""
    module = marking_module(lasts=0.5)
    async with open_system(module) as system:
        await trio.sleep(3)
        system[module].a = system[module].b = False
        await system.settle()
        assert system[module].status == "a"


async def test_what_the_program_wrote_in_between_returns(autojump_clock: trio.abc.Clock) -> None:
    """R10: whichever is cancelled, the latest value that neither of them wrote is the program's."""
    module = marking_module()
    async with open_system(module) as system:
        await trio.sleep(1.5)
        system[module].status = "between"
        await trio.sleep(1)
        assert system[module].status == "b"
        system[module].b = False
        await trio.sleep(1)
        assert system[module].status == "between"
        system[module].a = False
        await system.settle()
        assert system[module].status == "between"


async def test_one_that_marks_again_is_the_upper_one(autojump_clock: trio.abc.Clock) -> None:
    """R10: the layer of a run is where it wrote last: when A goes, B's shows."""
    module = marking_module(again=True)
    async with open_system(module) as system:
        await trio.sleep(4)
        assert system[module].status == "a"
        system[module].a = False
        await trio.sleep(1)
        assert system[module].status == "b"
        system[module].b = False
        await system.settle()
        assert system[module].status == "idle"


async def test_a_timed_out_run_leaves_no_covered_marker(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """R10: a final timeout takes back what a cancellation would."""
    module = marking_module(timeout=3)
    async with open_system(module) as system:
        await trio.sleep(3.5)
        system[module].a = system[module].b = False
        await system.settle()
        assert system[module].status == "idle"


async def test_stop_leaves_neither(autojump_clock: trio.abc.Clock) -> None:
    """R10: both runs are cancelled by the stop."""
    module = marking_module()
    async with open_system(module) as system:
        await trio.sleep(3)
        assert system[module].status == "b"
        await system.stop_async()
        assert system[module].status == "idle"


async def test_both_mark_in_one_tick(autojump_clock: trio.abc.Clock) -> None:
    """R10: each one's writes alone would have made the constraint false, so each one's marker returns."""
    module = Module("m", Facts)

    @frozen
    class Mine:
        status: str

    @module.constraint
    def must(facts: Facts) -> list[Mine] | None:
        return [Mine("a"), Mine("b")] if facts.a and facts.status == "idle" else None

    @module.resolver(Mine, name="mine")
    async def do(requirement: Mine, ctx: Ctx) -> None:
        await trio.sleep(1)
        ctx.facts.status = requirement.status
        await trio.sleep(60)

    async with open_system(module) as system:
        await trio.sleep(0.5)
        system.watch("m::status", lambda new, old: setattr(system[module], "a", False))
        await trio.sleep(1)
        await system.settle()
        assert (system[module].a, system[module].status) == (False, "idle")


async def test_a_but_for_question_sees_the_marker_beneath_as_long_as_it_stands(autojump_clock: trio.abc.Clock) -> None:
    """R5: B is wanted while the status is a; without B it is, until A is withdrawn: then B goes as well."""
    module = marking_module(needs_b=lambda status: status == "a")
    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(4)
        assert (system[module].status, told(log, *ENDS)) == ("b", [])
        system[module].a = False
        await system.settle()
        assert system[module].status == "idle"
        assert sorted(told(log, *ENDS)) == ["resolver.cancel m::a removed", "resolver.cancel m::b removed"]


async def test_what_only_reads_the_fact_hears_nothing_of_a_covered_marker(autojump_clock: trio.abc.Clock) -> None:
    """F5: a marker that is taken back beneath another is no change of the fact."""
    module = marking_module()
    log: list[Observation] = []
    async with open_system(module) as system:
        await trio.sleep(3)
        system.observe(log.append)
        system[module].a = False
        await trio.sleep(1)
        assert told(log, "fact.change") == ["fact.change m::a"]


async def test_an_undone_event_leaves_what_was_beneath(autojump_clock: trio.abc.Clock) -> None:
    """F6: the writes of a broken event cover nothing, so A's marker is the upper one again."""

    def mark(ctx: Ctx, status: str) -> None:
        with suppress(RuntimeError):
            ctx.dispatch(Mark(status, broken=status == "b"))

    module = marking_module(mark)
    async with open_system(module) as system:
        await trio.sleep(3)
        assert system[module].status == "a"
        system[module].a = system[module].b = False
        await system.settle()
        assert system[module].status == "idle"


async def test_an_async_constraint_of_both_is_not_asked_again(autojump_clock: trio.abc.Clock) -> None:
    """R9: the writes of its own runs, however many, restart it only when one ends."""
    module = Module("m", Facts)
    asked: list[str] = []

    @module.constraint
    async def must(facts: Facts) -> list[A | B]:
        asked.append(facts.status)
        return [A(), B()] if facts.status == "idle" else []

    @module.resolver(A)
    async def do_a(requirement: A, ctx: Ctx) -> None:
        await trio.sleep(1)
        ctx.facts.status = "a"
        await trio.sleep(60)

    @module.resolver(B)
    async def do_b(requirement: B, ctx: Ctx) -> None:
        await trio.sleep(2)
        ctx.facts.status = "b"
        await trio.sleep(60)

    async with open_system(module) as system:
        await trio.sleep(5)
        assert system[module].status == "b"
        assert asked == ["idle"]
