"""Patterns: handlers that give way, and edits that are taken back; each wrapper, and both orders of the two."""

import copy
import logging
from typing import Any, Literal

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, Retry, System, open_system
from directive_trio.errors import DefinitionError, UncopyableFactError, UnknownNameError, UsageError
from directive_trio.lowlevel import landing, tell, time_limit, wrote_last
from directive_trio.observe import MutationDropped, Observation, ResolverCancel
from directive_trio.patterns import CancelEvent, Concurrency, Handler, Mutator, Pending, cancellable, optimistic
from tests.patterns.form import Ctx, FormFacts, Search, Submit, form


async def ask(mutation: Search, ctx: Ctx) -> None:
    """Takes a second, as a server would."""
    await trio.sleep(1)
    ctx.facts.results = f"results of {mutation.q}"
    ctx.facts.log += (mutation.q,)


def cancels(log: list[Observation]) -> list[tuple[int, str]]:
    """The cancelled runs and why."""
    return [(seen.run, str(seen.reason)) for seen in log if isinstance(seen, ResolverCancel)]


# -- cancellable ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", ["latest", "queue", "parallel"])
async def test_the_next_one_supersedes_at_dispatch(
    autojump_clock: trio.abc.Clock, concurrency: Literal["latest", "queue", "parallel"]
) -> None:
    """mutator-18: in every mode: who runs is cancelled before the newer one starts, and nothing of it lands."""
    log: list[Observation] = []
    module, change = form(search=cancellable(ask), concurrency=concurrency)
    async with open_system(module) as system:
        system.observe(log.append)
        system.dispatch(change(Search("a")))
        await trio.sleep(0.5)
        system.dispatch(change(Search("ab")))
        await system.settle()
        assert trio.current_time() == pytest.approx(1.5)
        assert system[module].log == ("ab",)
        assert system[module].pending_mutation is None
    assert cancels(log) == [(1, "superseded")]
    assert not [seen for seen in log if isinstance(seen, MutationDropped)]  # that is said of who never began


async def test_it_gives_way_only_to_its_own_kind(autojump_clock: trio.abc.Clock) -> None:
    """Another kind waits for its turn."""
    module, change = form(search=cancellable(ask))
    async with open_system(module) as system:
        system.dispatch(change(Search("a")))
        await trio.sleep(0.5)
        system.dispatch(change(Submit("b")))
        await system.settle()
        assert system[module].log == ("a", "b")


@pytest.mark.parametrize(("concurrency", "seconds"), [("latest", 2), ("queue", 2), ("parallel", 1.5)])
async def test_never_waits_for_its_turn(
    autojump_clock: trio.abc.Clock, concurrency: Concurrency, seconds: float
) -> None:
    """mutator-20: with ``supersede_on="never"`` nobody gives way; in parallel nobody waits, either."""
    module, change = form(search=cancellable(ask, supersede_on="never"), concurrency=concurrency)
    async with open_system(module) as system:
        system.dispatch(change(Search("a")))
        await trio.sleep(0.5)
        system.dispatch(change(Search("b")))
        await system.settle()
        assert system[module].log == ("a", "b")
        assert trio.current_time() == pytest.approx(seconds)


async def test_the_newer_one_waits_until_the_older_has_cleaned_up(autojump_clock: trio.abc.Clock) -> None:
    """Never two at once, and a superseded one never marks the newer one failed."""
    order: list[str] = []

    async def search(mutation: Search, ctx: Ctx) -> None:
        order.append(f"begin {mutation.q}")
        try:
            await trio.sleep(1)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(2)
            order.append(f"end {mutation.q}")
            if mutation.q == "a":
                raise ValueError("while cleaning up")

    module, change = form(search=cancellable(search))
    async with open_system(module) as system:
        system.dispatch(change(Search("a")))
        await trio.sleep(0.5)
        system.dispatch(change(Search("b")))
        await system.settle(timeout=10)
        assert order == ["begin a", "end a", "begin b", "end b"]
        assert system[module].pending_mutation is None


async def test_a_timeout_fails_the_mutation(autojump_clock: trio.abc.Clock) -> None:
    """mutator-22: its run is cancelled with reason timeout, and is not tried again."""
    log: list[Observation] = []
    module, change = form(search=cancellable(ask, timeout=0.25))
    async with open_system(module) as system:
        system.observe(log.append)
        system.dispatch(change(Search("a")))
        await system.settle()
        await trio.sleep(10)
        failed = system[module].pending_mutation
        assert failed is not None
        assert (failed.status, failed.error) == ("failed", "timeout after 0.25 s")
        assert system[module].log == ()
    assert cancels(log) == [(1, "timeout after 0.25 s")]


async def test_who_is_in_time_hears_of_no_timeout(autojump_clock: trio.abc.Clock) -> None:
    """The clock stops with the handler."""
    module, change = form(search=cancellable(ask, timeout=2))
    async with open_system(module) as system:
        system.dispatch(change(Search("a")))
        await system.settle()
        await trio.sleep(10)
        assert (system[module].log, system[module].pending_mutation) == (("a",), None)


async def test_on_cancel_is_called_at_the_moment(autojump_clock: trio.abc.Clock) -> None:
    """mutator-25, mutator-26, mutator-27: before the handler hears of it; with a view whose writes land."""
    order: list[object] = []

    async def search(mutation: Search, ctx: Ctx) -> None:
        try:
            await trio.sleep(1)
        except trio.Cancelled:
            order.append(("heard", mutation.q))
            ctx.facts.results = "does not land"
            raise

    def note(event: CancelEvent[Search, FormFacts]) -> None:
        order.append((event.kind, event.mutation.q, event.sequence))
        event.facts.log += (f"{event.kind} {event.mutation.q}",)

    module, change = form(search=cancellable(search, timeout=0.75, on_cancel=note))
    async with open_system(module) as system:
        system.dispatch(change(Search("a")))
        await trio.sleep(0.5)
        system.dispatch(change(Search("b")))
        await system.settle()
        assert order == [("superseded", "a", 1), ("heard", "a"), ("timeout", "b", 2), ("heard", "b")]
        assert system[module].log == ("superseded a", "timeout b")
        assert system[module].results == ""


async def test_on_cancel_is_not_called_for_other_reasons(autojump_clock: trio.abc.Clock) -> None:
    """A stop is neither superseding nor a timeout; nor is a good end."""
    seen: list[CancelEvent[Search, FormFacts]] = []
    module, change = form(search=cancellable(ask, timeout=10, on_cancel=seen.append))
    async with open_system(module) as system:
        system.dispatch(change(Search("a")))
        await system.settle()
        system.dispatch(change(Search("b")))
        await trio.sleep(0.5)
    assert seen == []


async def test_an_on_cancel_that_raises_is_reported(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """mutator-28: it stops nothing."""

    def note(event: CancelEvent[Search, FormFacts]) -> None:
        raise ValueError("from on_cancel")

    errors: list[Exception] = []
    module, change = form(search=cancellable(ask, on_cancel=note))
    boundary = ErrorBoundary(on_error=lambda error, _: errors.append(error))
    async with open_system(module, errors=boundary) as system:
        system.dispatch(change(Search("a")))
        await trio.sleep(0.5)
        system.dispatch(change(Search("b")))
        await system.settle()
        assert system[module].log == ("b",)
    assert [str(error) for error in errors] == ["from on_cancel"]


async def test_type_ahead(autojump_clock: trio.abc.Clock) -> None:
    """A thousand dispatches in bursts: only the last of each burst is stored, and everybody else cleaned up first."""
    begun: list[str] = []
    ended: list[str] = []
    log: list[Observation] = []

    async def search(mutation: Search, ctx: Ctx) -> None:
        assert begun == ended  # whoever was before has cleaned up
        begun.append(mutation.q)
        try:
            await trio.sleep(0.3)
            ctx.facts.log += (mutation.q,)
        finally:
            ended.append(mutation.q)

    module, change = form(search=cancellable(search))
    async with open_system(module) as system:
        system.observe(log.append)
        for burst in range(10):
            for letter in range(100):
                system.dispatch(change(Search(f"{burst} {letter}")))
                await trio.sleep(0.01 if letter % 3 else 0)
            await trio.sleep(1)
        await system.settle()
        assert system[module].log == tuple(f"{burst} 99" for burst in range(10))
        assert system[module].pending_mutation is None
    assert begun == ended
    never = sum(isinstance(seen, MutationDropped) for seen in log)
    assert len(begun) + never >= 990  # who was superseded between its dispatch and its first step is in neither
    assert {why for _, why in cancels(log)} == {"superseded"}


# -- optimistic ----------------------------------------------------------------------------------------


def hopeful(outcome: Literal["good", "bad", "slow"]) -> Handler[Submit, FormFacts]:
    """Shows the values at once."""

    async def submit(mutation: Submit, ctx: Ctx) -> None:
        ctx.facts.values = mutation.values
        ctx.facts.results = "not listed"
        await trio.sleep(1)
        if outcome == "bad":
            raise ValueError("refused")
        if outcome == "slow":
            await trio.sleep(10)

    return submit


async def test_what_fails_is_taken_back(autojump_clock: trio.abc.Clock) -> None:
    """Only what is listed; the error goes on its way."""
    module, change = form(optimistic(hopeful("bad"), "values"))
    async with open_system(module, initial={"form": {"values": "old"}}) as system:
        system.dispatch(change(Submit("new")))
        await trio.sleep(0.5)
        assert system[module].values == "new"
        await system.settle()
        assert (system[module].values, system[module].results) == ("old", "not listed")
        assert system[module].pending_mutation is not None


async def test_what_succeeds_stays(autojump_clock: trio.abc.Clock) -> None:
    """Nothing is taken back."""
    module, change = form(optimistic(hopeful("good"), "values"))
    async with open_system(module) as system:
        system.dispatch(change(Submit("new")))
        await system.settle()
        assert system[module].values == "new"


async def test_what_somebody_else_wrote_meanwhile_stays(autojump_clock: trio.abc.Clock) -> None:
    """Compare and swap: only what is still the handler's own returns."""
    module, change = form(optimistic(hopeful("bad"), "values"))
    async with open_system(module, initial={"form": {"values": "old"}}) as system:
        system.dispatch(change(Submit("new")))
        await trio.sleep(0.5)
        system[module].values = "from elsewhere"
        await system.settle()
        assert system[module].values == "from elsewhere"


async def test_a_list_mutated_in_place_returns_too(autojump_clock: trio.abc.Clock) -> None:
    """The copy is deep: no mutation reaches it."""

    async def submit(mutation: Submit, ctx: Ctx) -> None:
        if mutation.values == "in place":
            ctx.facts.items.append("x")
        if mutation.values == "written":
            ctx.facts.items = [*ctx.facts.items, "x"]
        raise ValueError

    for values in ("in place", "written", "untouched"):
        module, change = form(optimistic(submit, "items"))
        async with open_system(module, initial={"form": {"items": ["old"]}}) as system:
            system.dispatch(change(Submit(values)))
            await system.settle()
            assert system[module].items == ["old"]


async def test_a_cancelled_one_is_taken_back_at_once(autojump_clock: trio.abc.Clock) -> None:
    """Before it has cleaned up, and again for what it does then."""
    seen: list[str] = []

    async def submit(mutation: Submit, ctx: Ctx) -> None:
        ctx.facts.values = mutation.values
        try:
            await trio.sleep(10)
        finally:
            seen.append(ctx.facts.values)
            ctx.facts.values = "does not land"

    module, change = form(optimistic(submit, "values"), concurrency="queue")
    async with open_system(module, initial={"form": {"values": "old"}}) as system:
        system.dispatch(change(Submit("new")))
        await trio.sleep(0.5)
        system.cancel(change.requirement(1))  # type: ignore[call-arg]  # made at run time
        await system.settle()
        assert seen == ["old"]
        assert system[module].values == "old"


class Uncopyable:
    def __deepcopy__(self, memo: object) -> object:
        raise TypeError("not me")


async def test_what_cannot_be_copied_is_refused(autojump_clock: trio.abc.Clock) -> None:
    """Before the handler is called."""
    called = False

    def submit(mutation: Submit, ctx: Ctx) -> None:
        nonlocal called
        called = True

    module, change = form(optimistic(submit, "items"))
    async with open_system(module, check_types=False) as system:
        system[module].items = Uncopyable()  # type: ignore[assignment]  # the point of the test
        system.dispatch(change(Submit()))
        await system.settle()
        failed = system[module].pending_mutation
        assert failed is not None
        assert failed.error == str(UncopyableFactError("items"))
        assert not called


# -- both ----------------------------------------------------------------------------------------------


async def edit(mutation: Search, ctx: Ctx) -> None:
    """Shows what is searched for at once."""
    ctx.facts.results = f"looking for {mutation.q}"
    await ask(mutation, ctx)


@pytest.mark.parametrize("outer", ["cancellable", "optimistic"])
async def test_both_orders_of_composition(
    autojump_clock: trio.abc.Clock, outer: Literal["cancellable", "optimistic"]
) -> None:
    """mutator-33: superseding, the timeout, on_cancel and the taking back work whichever is outside."""
    told: list[tuple[str, int]] = []

    def note(event: CancelEvent[Search, FormFacts]) -> None:
        told.append((event.kind, event.sequence))

    handler = (
        cancellable(optimistic(edit, "results"), timeout=0.8, on_cancel=note)
        if outer == "cancellable"
        else optimistic(cancellable(edit, timeout=0.8, on_cancel=note), "results")
    )
    module, change = form(search=handler)
    async with open_system(module, initial={"form": {"results": "old"}}) as system:
        system.dispatch(change(Search("a")))
        await trio.sleep(0.5)
        assert system[module].results == "looking for a"
        system.dispatch(change(Search("b")))
        await trio.sleep(0.1)
        assert system[module].results == "looking for b"
        await system.settle()
        assert system[module].results == "old"
        assert told == [("superseded", 1), ("timeout", 2)]


@frozen
class Save:
    value: str


@define
class SaveFacts:
    wanted: bool = False
    value: str = "old"
    saved: bool = False


async def test_they_wrap_resolvers_too(autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Each attempt begins with what was before; a timeout of their own ends the run and is not tried again."""
    module = Module("save", SaveFacts)
    seen: list[str] = []

    async def save(requirement: Save, ctx: Context[SaveFacts]) -> None:
        seen.append(ctx.facts.value)
        ctx.facts.value = requirement.value
        if ctx.attempt < 3:
            raise ValueError
        await trio.sleep(10)

    module.constraint(name="must_save")(lambda facts: Save("new") if facts.wanted and not facts.saved else None)
    module.resolver(Save, name="save", retry=Retry(3))(cancellable(optimistic(save, "value"), timeout=5))
    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].wanted = True
        await system.settle(timeout=100)
        assert seen == ["old", "old", "old"]
        assert system[module].value == "old"
    assert cancels(log) == [(1, "timeout after 5 s")]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_after_its_end_a_wrapper_is_not_there_any_more(autojump_clock: trio.abc.Clock) -> None:
    """A resolver may go on after a wrapped part of it; a cancellation then takes nothing back and calls nobody."""
    module = Module("save", SaveFacts)
    told: list[object] = []

    async def part(requirement: Save, ctx: Context[SaveFacts]) -> None:
        await trio.sleep(0.5)  # so that whatever were taken back would be seen
        ctx.facts.value = requirement.value

    wrapped = cancellable(optimistic(part, "value"), timeout=5, on_cancel=told.append)

    @module.constraint
    def must_save(facts: SaveFacts) -> Save | None:
        return Save("two" if facts.saved else "one") if facts.wanted else None

    @module.resolver(Save)
    async def save(requirement: Save, ctx: Context[SaveFacts]) -> None:
        result = wrapped(requirement, ctx)
        assert result is not None
        await result
        await trio.sleep(10)

    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].wanted = True
        await trio.sleep(1)
        assert system[module].value == "one"
        await trio.sleep(6)
        values: list[str] = []
        system.watch(lambda view: view[module].value, lambda new, _: values.append(new))
        system[module].saved = True
        await trio.sleep(1)
        assert told == []
        assert values == ["two"]
    assert cancels(log)[0] == (1, "superseded")


# -- what is refused -----------------------------------------------------------------------------------


async def slow_note(event: CancelEvent[Search, FormFacts]) -> None:
    event.facts.log += ("too late",)


def test_wrong_options_are_refused() -> None:
    """Each names what is wrong."""
    with pytest.raises(DefinitionError, match="supersede_on='all' is neither 'self' nor 'never'"):
        cancellable(ask, supersede_on="all")  # type: ignore[arg-type]  # the point of the test
    wrong: Any
    for wrong in (0, -1, float("nan"), True, "3"):
        with pytest.raises(DefinitionError, match=r"timeout=.* is no duration in seconds"):
            cancellable(ask, timeout=wrong)
    for wrong in (5, slow_note):
        with pytest.raises(DefinitionError, match=r"on_cancel=.* is no sync function"):
            cancellable(ask, on_cancel=wrong)
    for wrong in (None, "ask"):
        with pytest.raises(DefinitionError, match="is no handler; pass a function"):
            cancellable(wrong)
        with pytest.raises(DefinitionError, match="is no handler; pass a function"):
            optimistic(wrong, "values")
    with pytest.raises(UsageError, match="takes the names of the facts"):
        optimistic(ask, ["values"])  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(UsageError, match="takes the names of the facts"):
        optimistic(ask)
    with pytest.raises(DefinitionError, match="has no fact 'nothing'"):
        form(search=cancellable(optimistic(ask, "nothing")))


async def test_the_low_level_refuses_what_is_not_the_engines(autojump_clock: trio.abc.Clock) -> None:
    """A context that a test made up, a plain instance, an unknown fact."""
    made_up: Any = object()
    with pytest.raises(UsageError, match="no context of a run"):
        landing(made_up)
    with pytest.raises(UsageError, match="no live view"):
        tell(FormFacts(), MutationDropped, "x", None, 1)

    def submit(mutation: Submit, ctx: Ctx) -> None:
        with pytest.raises(UnknownNameError, match="'valuse'"):
            wrote_last(ctx, "valuse")
        assert not wrote_last(ctx, "values")
        ctx.facts.values = "x"
        assert wrote_last(ctx, "values")

    module, change = form(submit)
    async with open_system(module) as system:
        system.dispatch(change(Submit()))
        await system.settle()
        assert system[module].pending_mutation is None


async def test_a_time_limit_that_passes_after_the_end_is_harmless(autojump_clock: trio.abc.Clock) -> None:
    """A run that has ended, or is cancelled already, is not cancelled again."""

    async def submit(mutation: Submit, ctx: Ctx) -> None:
        with time_limit(ctx, 1):
            ctx.cancel()
            with trio.CancelScope(shield=True):
                await trio.sleep(5)

    log: list[Observation] = []
    module, change = form(submit)
    async with open_system(module) as system:
        system.observe(log.append)
        system.dispatch(change(Submit()))
        await system.settle(timeout=10)
    assert cancels(log) == [(1, "cancelled")]


def test_nobody_listens_and_nothing_is_told() -> None:
    """Before the start, without observers, the line is kept all the same."""
    module, change = form()
    system = System(module)
    system.dispatch(change(Submit("a")))
    system.dispatch(change(Submit("b")))
    line = system[module].pending_mutation
    assert line is not None
    assert (line.mutation, line.others) == (Submit("b"), ())
    assert copy.copy(line) == line


class Incomparable:
    """A value whose ``==`` raises."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not comparable")

    __hash__ = None  # type: ignore[assignment]


@define
class OddFacts:
    odd: object = None
    count: int = 0
    pending_mutation: Pending[Submit] | None = None


async def test_a_value_that_cannot_be_compared_keeps_no_other_from_being_taken_back(
    autojump_clock: trio.abc.Clock,
) -> None:
    """The error is the handler's own, and the other facts return."""
    module = Module("odd", OddFacts)

    async def submit(mutation: Submit, ctx: Context[OddFacts]) -> None:
        ctx.facts.count = 7
        raise ValueError("refused")

    change = Mutator(module).on(Submit, optimistic(submit, "odd", "count"))
    async with open_system(module, initial={"odd": {"odd": Incomparable()}}) as system:
        system.dispatch(change(Submit("x")))
        await system.settle()
        assert system[module].count == 0
        failed = system[module].pending_mutation
        assert failed is not None
        assert failed.error == "refused"
