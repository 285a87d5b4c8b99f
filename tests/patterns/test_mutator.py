"""Patterns: the mutator's life cycle, its three modes, the wire form, and what is refused."""

from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, System, open_system
from directive_trio.errors import DefinitionError, EventPayloadError, UsageError
from directive_trio.observe import MutationDropped, Observation, RequirementCreated, ResolverCancel, ResolverComplete
from directive_trio.patterns import Mutator, Pending
from tests.patterns.form import Ctx, FormFacts, Search, Submit, form


def standing(pending: Pending[Any] | None) -> list[tuple[Any, str]]:
    """The line as pairs of mutation and status, who shows first."""
    if pending is None:
        return []
    return [(one.mutation, one.status) for one in (pending, *pending.others)]


# -- the life of one mutation --------------------------------------------------------------------------


async def test_it_is_pending_then_running_then_gone(autojump_clock: trio.abc.Clock) -> None:
    """mutator-3, mutator-4, mutator-5: the fact tells at each moment how it stands."""

    async def submit(mutation: Submit, ctx: Ctx) -> None:
        await trio.sleep(1)
        ctx.facts.values = mutation.values

    module, change = form(submit)
    async with open_system(module) as system:
        facts = system[module]
        system.dispatch(change(Submit("x")))
        assert standing(facts.pending_mutation) == [(Submit("x"), "pending")]
        await trio.sleep(0.5)
        assert standing(facts.pending_mutation) == [(Submit("x"), "running")]
        await system.settle()
        assert facts.pending_mutation is None
        assert facts.values == "x"


async def test_each_kind_reaches_its_handler(autojump_clock: trio.abc.Clock) -> None:
    """mutator-2, mutator-6: sync handlers are as good as async ones."""
    module, change = form()
    async with open_system(module) as system:
        system.dispatch(change(Submit("a")))
        await system.settle()
        system.dispatch(change(Search("b")))
        await system.settle()
        assert system[module].log == ("a", "b")


async def test_what_raises_has_failed_until_another_one_comes(autojump_clock: trio.abc.Clock) -> None:
    """mutator-7, mutator-8, mutator-9, mutator-10: it says why, is not tried again by itself, and is no error."""
    fail = True

    async def submit(mutation: Submit, ctx: Ctx) -> None:
        if fail:
            raise ValueError("no such name")
        ctx.facts.values = mutation.values

    module, change = form(submit)
    async with open_system(module) as system:
        system.dispatch(change(Submit("x")))
        await system.settle()
        await trio.sleep(100)
        failed = system[module].pending_mutation
        assert failed is not None
        assert (failed.status, failed.error) == ("failed", "no such name")
        fail = False
        system.dispatch(change(Submit("x")))
        await system.settle()
        assert system[module].pending_mutation is None
        assert system[module].values == "x"


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Letters(str):
    __slots__ = ()

    def strip(self, *_: Any) -> str:  # what a hostile text might do
        raise RuntimeError


class OddError(Exception):
    def __str__(self) -> str:
        return Letters("odd")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        pytest.param(ValueError("x" * 500), "x" * 500, id="longest"),
        pytest.param(ValueError("x" * 501), "x" * 499 + "…", id="too long"),
        pytest.param(ValueError(), "ValueError", id="empty"),
        pytest.param(ValueError("  \n"), "ValueError", id="blank"),
        pytest.param(MuteError(), "MuteError", id="raises"),
        pytest.param(OddError(), "odd", id="odd text"),
        pytest.param(ExceptionGroup("two", [ValueError("a"), KeyError("b")]), "two (2 sub-exceptions)", id="group"),
    ],
)
async def test_any_error_becomes_a_short_message(
    autojump_clock: trio.abc.Clock, error: Exception, message: str
) -> None:
    """mutator-11: however hostile it is: at most 500 characters, the ellipsis included."""

    def submit(mutation: Submit, ctx: Ctx) -> None:
        raise error

    module, change = form(submit)
    async with open_system(module) as system:
        system.dispatch(change(Submit()))
        await system.settle()
        failed = system[module].pending_mutation
        assert failed is not None
        assert failed.error == message


@pytest.mark.parametrize("requeue", [False, True])
async def test_a_handler_that_dispatches_another_one(autojump_clock: trio.abc.Clock, requeue: bool) -> None:
    """mutator-17: a cascade goes on by itself; a requeue changes nothing."""

    def submit(mutation: Submit, ctx: Ctx) -> None:
        ctx.facts.values = mutation.values
        ctx.dispatch(change(Search("next")))
        if requeue:
            ctx.requeue()

    module, change = form(submit)
    async with open_system(module) as system:
        system.dispatch(change(Submit("first")))
        await system.settle()
        assert (system[module].values, system[module].log) == ("first", ("next",))
        assert system[module].pending_mutation is None


async def test_a_program_may_take_it_away(autojump_clock: trio.abc.Clock) -> None:
    """Who sets the fact to None cancels what runs."""
    log: list[Observation] = []

    async def submit(mutation: Submit, ctx: Ctx) -> None:
        await trio.sleep(10)

    module, change = form(submit)
    async with open_system(module) as system:
        system.observe(log.append)
        system.dispatch(change(Submit()))
        await trio.sleep(1)
        system[module].pending_mutation = None
        await system.settle()
        assert system[module].pending_mutation is None
    assert [seen.reason.kind for seen in log if isinstance(seen, ResolverCancel)] == ["removed"]


async def test_a_cancelled_one_is_given_up(autojump_clock: trio.abc.Clock) -> None:
    """The next in the line has its turn."""

    async def submit(mutation: Submit, ctx: Ctx) -> None:
        await trio.sleep(10)

    module, change = form(submit, concurrency="queue")
    async with open_system(module) as system:
        system.dispatch(change(Submit()))
        system.dispatch(change(Search("next")))
        await trio.sleep(1)
        system.cancel(change.requirement(1))  # type: ignore[call-arg]  # made at run time
        await system.settle()
        assert system[module].pending_mutation is None
        assert system[module].log == ("next",)


async def test_after_a_stop_its_turn_comes_again(autojump_clock: trio.abc.Clock) -> None:
    """What was running stands as pending while the system is stopped."""
    begun = 0

    async def submit(mutation: Submit, ctx: Ctx) -> None:
        nonlocal begun
        begun += 1
        await trio.sleep(10)
        ctx.facts.values = mutation.values

    module, change = form(submit)
    system = System(module)
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        system.dispatch(change(Submit("x")))
        await trio.sleep(1)
        await system.stop_async()
        assert standing(system[module].pending_mutation) == [(Submit("x"), "pending")]
        system.start(nursery)
        await system.settle(timeout=20)
        assert (begun, system[module].values, system[module].pending_mutation) == (2, "x", None)
        await system.destroy()


# -- several of them -----------------------------------------------------------------------------------


async def slow_note(mutation: Submit, ctx: Ctx) -> None:
    await trio.sleep(1)
    ctx.facts.log += (mutation.values,)


async def test_latest_keeps_who_runs_and_who_came_last(autojump_clock: trio.abc.Clock) -> None:
    """mutator-13, mutator-14: the others are never handled, and observed as dropped."""
    log: list[Observation] = []
    module, change = form(slow_note)
    async with open_system(module) as system:
        system.observe(log.append)
        system.dispatch(change(Submit("a")))
        await trio.sleep(0.5)
        for value in "bcd":
            system.dispatch(change(Submit(value)))
        assert standing(system[module].pending_mutation) == [(Submit("a"), "running"), (Submit("d"), "pending")]
        await system.settle()
        assert system[module].log == ("a", "d")
    dropped = [(seen.id, seen.event, seen.requirement.sequence) for seen in log if isinstance(seen, MutationDropped)]
    assert dropped == [("form::pending_mutation", Submit("b"), 2), ("form::pending_mutation", Submit("c"), 3)]


async def test_a_queue_keeps_all_in_order(autojump_clock: trio.abc.Clock) -> None:
    """One at a time, whatever their kind."""
    module, change = form(slow_note, concurrency="queue")
    async with open_system(module) as system:
        for value in "abc":
            system.dispatch(change(Submit(value)))
            system.dispatch(change(Search(value.upper())))
        await system.settle()
        assert system[module].log == ("a", "A", "b", "B", "c", "C")
        assert trio.current_time() == pytest.approx(3)


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_a_thousand_in_a_queue_are_no_runaway(autojump_clock: trio.abc.Clock, asynchronous: bool) -> None:
    """Sync or async, all of them run, in order."""

    async def later(mutation: Submit, ctx: Ctx) -> None:
        await trio.lowlevel.checkpoint()
        done.append(mutation.values)

    def at_once(mutation: Submit, ctx: Ctx) -> None:
        done.append(mutation.values)

    done: list[str] = []
    module, change = form(later if asynchronous else at_once, concurrency="queue")
    async with open_system(module) as system:
        for number in range(1000):
            system.dispatch(change(Submit(str(number))))
        await system.settle()
        assert system[module].pending_mutation is None
    assert done == [str(number) for number in range(1000)]


async def test_a_queue_loses_no_failure(autojump_clock: trio.abc.Clock) -> None:
    """Each failed one stays in the fact until a fresh mutation comes; who failed last shows."""

    async def submit(mutation: Submit, ctx: Ctx) -> None:
        await trio.sleep(1)
        if mutation.values != "good":
            raise ValueError(mutation.values)
        ctx.facts.values = mutation.values

    module, change = form(submit, concurrency="queue")
    async with open_system(module) as system:
        for value in ("bad", "good", "worse"):
            system.dispatch(change(Submit(value)))
        await system.settle()
        assert standing(system[module].pending_mutation) == [(Submit("worse"), "failed"), (Submit("bad"), "failed")]
        assert system[module].values == "good"
        system.dispatch(change(Submit("good")))
        assert standing(system[module].pending_mutation) == [(Submit("good"), "pending")]
        await system.settle()
        assert system[module].pending_mutation is None


async def test_in_parallel_all_run_at_once(autojump_clock: trio.abc.Clock) -> None:
    """mutator-16: the end of one touches no other, and the fact is None when the last is done."""

    async def submit(mutation: Submit, ctx: Ctx) -> None:
        await trio.sleep(float(mutation.values))
        ctx.facts.log += (mutation.values,)

    module, change = form(submit, concurrency="parallel")
    async with open_system(module) as system:
        for value in "312":
            system.dispatch(change(Submit(value)))
        await trio.sleep(1.5)
        assert standing(system[module].pending_mutation) == [(Submit("3"), "running"), (Submit("2"), "running")]
        await system.settle()
        assert system[module].log == ("1", "2", "3")
        assert trio.current_time() == pytest.approx(3)
        assert system[module].pending_mutation is None


async def test_an_event_that_was_kept_asks_twice(autojump_clock: trio.abc.Clock) -> None:
    """Each dispatch is a mutation of its own."""
    module, change = form(concurrency="queue")
    async with open_system(module) as system:
        event = change(Submit("x"))
        system.dispatch(event)
        system.dispatch(event)
        await system.settle()
        assert system[module].log == ("x", "x")


@define
class TwoFacts:
    log: tuple[str, ...] = ()
    pending_mutation: Pending[Submit] | None = None
    pending_upload: Pending[Search] | None = None


async def test_two_mutators_in_one_module(autojump_clock: trio.abc.Clock) -> None:
    """mutator-15: each has its fact, its event and its turn."""

    async def submit(mutation: Submit, ctx: Context[TwoFacts]) -> None:
        await trio.sleep(2)
        ctx.facts.log += (mutation.values,)

    async def upload(mutation: Search, ctx: Context[TwoFacts]) -> None:
        await trio.sleep(1)
        ctx.facts.log += (mutation.q,)

    module = Module("two", TwoFacts)
    change = Mutator(module).on(Submit, submit)
    send = Mutator(module, fact="pending_upload").on(Search, upload)
    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        system.dispatch(change(Submit("slow")))
        system.dispatch(send(Search("fast")))
        await system.settle()
        assert system[module].log == ("fast", "slow")
        system.dispatch("two::MutateUpload", {"kind": "Search", "payload": {"q": "again"}})
        await system.settle()
        assert system[module].log == ("fast", "slow", "again")
    asked = [repr(seen.requirement) for seen in log if isinstance(seen, RequirementCreated)]
    assert asked == ["ProcessMutation(sequence=1)", "ProcessUpload(sequence=1)", "ProcessUpload(sequence=2)"]
    assert repr(change) == "<mutator two::pending_mutation>"


# -- from outside --------------------------------------------------------------------------------------


async def test_the_wire_form_is_validated(autojump_clock: trio.abc.Clock) -> None:
    """The kind and its payload become the mutation; a payload without fields may be left out."""
    module, _ = form()
    async with open_system(module) as system:
        system.dispatch("form::Mutate", {"kind": "Submit", "payload": {"values": "x"}})
        await system.settle()
        system.dispatch("form::Mutate", {"kind": "Search"})
        await system.settle()
        assert system[module].log == ("x", "")


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({"kind": "constructor", "payload": {}}, "no handler for mutation 'constructor'; there are Submit, Search"),
        ({"kind": "__class__"}, "no handler for mutation '__class__'"),
        ({"kind": "submit"}, "did you mean 'Submit'?"),
        ({"kind": 5}, "no handler for mutation 5"),
        ({"kind": "Submit", "payload": {"values": 5}}, "expected str, got int"),
        ({"kind": "Submit", "payload": {"nonsense": 5}}, "nonsense"),
        ({"kind": "Submit", "payload": 5}, ""),
        ({"kind": "Submit", "type": "x"}, "and nothing else"),
        ({"payload": {}}, "and nothing else"),
        ({}, "and nothing else"),
        (None, "and nothing else"),
    ],
)
def test_what_does_not_fit_is_refused(payload: dict[str, object] | None, problem: str) -> None:
    """mutator-31, mutator-32, mutator-36: before anything is written; a kind is never looked up as an attribute."""
    module, _ = form()
    system = System(module)
    with pytest.raises(EventPayloadError) as caught:
        system.dispatch("form::Mutate", payload)
    assert problem in str(caught.value)
    assert system[module].pending_mutation is None


# -- what is refused -----------------------------------------------------------------------------------


@frozen
class Unknown: ...


def test_a_mutation_without_a_handler_is_refused() -> None:
    """By the mutator, and by its event."""
    _, change = form()
    with pytest.raises(UsageError, match="no handler for mutation 'Unknown'"):
        change(Unknown())  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(UsageError, match="no handler for mutation 'Unknown'"):
        change.event(Unknown())  # type: ignore[call-arg]  # made at run time


def test_a_member_of_the_union_without_a_handler() -> None:
    """mutator-30: Refused when a system is made; so is a handler that the fact has no place for."""
    module = Module("form", FormFacts)
    Mutator(module).on(Submit, lambda mutation, ctx: None)
    with pytest.raises(DefinitionError, match="may hold Search, which has no handler"):
        System(module)
    module = Module("form", FormFacts)
    change = Mutator(module).on(Submit, lambda mutation, ctx: None).on(Search, lambda mutation, ctx: None)
    change.on(Unknown, lambda mutation, ctx: None)
    with pytest.raises(DefinitionError, match="Unknown has a handler, but fact 'pending_mutation' cannot hold it"):
        System(module)


def test_a_type_that_cannot_be_resolved_is_not_compared(caplog: pytest.LogCaptureFixture) -> None:
    """The engine says so once; mutations work."""

    @frozen
    class Local: ...

    @define
    class LocalFacts:
        pending_mutation: "Pending[Local] | None" = None

    module = Module("local", LocalFacts)
    change = Mutator(module).on(Local, lambda mutation, ctx: None)
    system = System(module)
    system.dispatch(change(Local()))
    assert standing(system[module].pending_mutation) == [(Local(), "pending")]
    assert "is not type-checked" in caplog.text


def test_a_fact_of_any_type_is_not_compared() -> None:
    """Where the annotation names no classes there is nothing to compare."""

    @define
    class AnyFacts:
        pending_mutation: Any = None

    @define
    class AnyPending:
        pending_mutation: Pending[Any] | None = None

    for facts in (AnyFacts, AnyPending):
        module = Module("any", facts)
        Mutator(module).on(Submit, lambda mutation, ctx: None)
        assert System(module).state == "new"


def test_a_second_handler_takes_the_place_of_the_first() -> None:
    """So a test may put its own in place of the real one."""
    _, change = form()
    assert change.on(Submit, lambda mutation, ctx: None) is change


def test_wrong_declarations_are_refused() -> None:
    """Each names what is wrong."""
    module, change = form()
    with pytest.raises(DefinitionError, match="has no fact 'nothing'; declare `nothing: Pending"):
        Mutator(module, fact="nothing")
    with pytest.raises(DefinitionError, match=r"Mutator\(\) expects a Module, got 5"):
        Mutator(5)  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(DefinitionError, match="fact=5 is no name of a fact"):
        Mutator(module, fact=5)  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(DefinitionError, match="concurrency='many' is none of latest, queue, parallel"):
        Mutator(module, concurrency="many")  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(DefinitionError, match="is no attrs class"):
        change.on(int, lambda mutation, ctx: None)  # type: ignore[type-var]  # the point of the test
    with pytest.raises(DefinitionError, match="is no handler"):
        change.on(Submit, 5)  # type: ignore[arg-type]  # the point of the test
    twin = frozen(type("Submit", (), {}))
    with pytest.raises(DefinitionError, match="two classes of mutations are called 'Submit'"):
        change.on(twin, lambda mutation, ctx: None)
    System(module)
    with pytest.raises(DefinitionError, match="is sealed"):
        change.on(Submit, lambda mutation, ctx: None)


async def test_one_that_is_taken_out_before_its_first_step_never_begins(autojump_clock: trio.abc.Clock) -> None:
    """Dispatched and withdrawn before its run has taken a step: the run is cancelled, and nothing is an error."""
    module, change = form()
    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        for _ in range(40):  # whether the run or this task comes first is left to trio
            system.dispatch(change(Submit("x")))
            await trio.lowlevel.checkpoint()
            system[module].pending_mutation = None
            await system.settle()
        handled = len(system[module].log)
    assert sum(isinstance(seen, ResolverComplete) for seen in log) == handled
    assert [seen.type for seen in log if "error" in seen.type] == []
    assert any(isinstance(seen, ResolverCancel) for seen in log)
