"""Patterns: what `optimistic` takes back where facts are owned, mutated in place, or refuse their old value."""

from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, Retry, fact, open_system
from directive_trio.errors import UsageError
from directive_trio.lowlevel import landing
from directive_trio.observe import Observation
from directive_trio.patterns import Mutator, Pending, cancellable, optimistic
from tests.patterns.form import Ctx, Search, Submit, form


@define
class JobFacts:
    status: str = "idle"
    tried: int = 0


@frozen
class Work: ...


@pytest.mark.parametrize("clobber", [False, True])
async def test_an_owned_fact_that_was_taken_back_is_still_the_runs(
    autojump_clock: trio.abc.Clock, clobber: bool
) -> None:
    """R15 beside it: a failed attempt that returns the fact has not lost it; whoever else has written it has won."""
    module = Module("job", JobFacts)
    module.constraint(owns=["status"], name="must")(lambda facts: Work() if facts.status == "wanted" else None)

    async def work(requirement: Work, ctx: Context[JobFacts]) -> None:
        ctx.facts.tried += 1
        ctx.facts.status = f"attempt {ctx.attempt}"
        await trio.sleep(1)
        if ctx.attempt == 1:
            raise ValueError
        ctx.facts.status = "done"

    module.resolver(Work, name="work", retry=Retry(2, initial_delay=1))(optimistic(work, "status"))
    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].status = "wanted"
        await trio.sleep(0.5)
        if clobber:
            system[module].status = "somebody else's"
        await trio.sleep(1)
        assert system[module].status == ("somebody else's" if clobber else "wanted")
        await system.settle()
        assert (system[module].status, system[module].tried) == ("somebody else's" if clobber else "done", 2)
    rejected = [seen.type for seen in log if seen.type == "resolver.write.rejected"]
    assert bool(rejected) is clobber


async def test_what_is_lost_stays_lost_when_it_is_taken_back(autojump_clock: trio.abc.Clock) -> None:
    """What the engine writes for a run wins nothing back."""
    module = Module("job", JobFacts)
    module.constraint(owns=["status"], name="must")(lambda facts: Work() if facts.tried == 0 else None)
    lists: list[str] = []

    async def work(requirement: Work, ctx: Context[JobFacts]) -> None:
        ctx.facts.tried += 1
        if ctx.attempt == 1:
            system[module].status = "theirs"  # while it runs, and before it writes
            ctx.facts.status = "mine"
            ctx.dispatch(Set("of its event"))  # lands, and is taken back
            raise ValueError
        ctx.facts.status = "mine"
        lists.append(ctx.facts.status)

    @module.on(Set)
    def put(facts: JobFacts, event: Set) -> None:
        facts.status = event.status

    module.resolver(Work, name="work", retry=Retry(2, initial_delay=1))(optimistic(work, "status"))
    async with open_system(module) as system:
        await system.settle()
        assert (lists, system[module].status) == (["idle"], "idle")


async def test_what_lands_for_a_run_wins_nothing_back(autojump_clock: trio.abc.Clock) -> None:
    """Somebody else has written, then the engine for the run: what the run itself writes is dropped all the same."""
    module = Module("job", JobFacts)
    module.constraint(owns=["status"], name="must")(lambda facts: Work() if facts.tried == 0 else None)

    @module.resolver(Work)
    async def work(requirement: Work, ctx: Context[JobFacts]) -> None:
        await trio.sleep(1)
        landing(ctx).status = "of the engine"
        landing(ctx).tried = 1  # which is not owned
        ctx.facts.status = "mine"

    for clobber in (False, True):
        async with open_system(module) as system:
            await trio.sleep(0.5)
            if clobber:
                system[module].status = "theirs"
            await system.settle()
            assert system[module].status == ("of the engine" if clobber else "mine")


@frozen
class Set:
    status: str


async def test_what_is_mutated_while_cleaning_up_returns_too(autojump_clock: trio.abc.Clock) -> None:
    """In place, after it has been taken back once: the copy is out of reach."""

    async def search(mutation: Search, ctx: Ctx) -> None:
        ctx.facts.items = ["mine"]
        try:
            await trio.sleep(1)
        finally:
            seen.append([*ctx.facts.items])
            ctx.facts.items.append("in place")

    seen: list[list[str]] = []
    module, change = form(search=cancellable(optimistic(search, "items"), timeout=0.5))
    async with open_system(module, initial={"form": {"items": ["old"]}}) as system:
        system.dispatch(change(Search()))
        await system.settle()
        assert (seen, system[module].items) == ([["old"]], ["old"])


def only_forwards(view: Any, _: object, value: int) -> None:
    if value < view.level:
        raise ValueError("there is no way back")


@define
class GameFacts:
    level: int = fact(0, validator=only_forwards)
    score: int = 0
    pending_mutation: Pending[Submit] | None = None


@pytest.mark.parametrize("how", ["fails", "times out"])
async def test_a_fact_that_refuses_its_old_value_keeps_no_other(autojump_clock: trio.abc.Clock, how: str) -> None:
    """The others return, and the edit has failed for its own reason; the refusal is a note beside it, or reported."""
    notes: list[str] = []
    errors: list[str] = []

    async def submit(mutation: Submit, ctx: Context[GameFacts]) -> None:
        ctx.facts.level = 2
        ctx.facts.score = 100
        await trio.sleep(1 if how == "fails" else 10)
        raise ValueError("refused")

    async def noting(mutation: Submit, ctx: Context[GameFacts]) -> None:
        try:
            handled = optimistic(submit, "level", "score")(mutation, ctx)
            assert handled is not None
            await handled
        except BaseException as error:
            notes.extend(error.__notes__)
            raise

    module = Module("game", GameFacts)
    change = Mutator(module).on(Submit, cancellable(noting, timeout=5))
    boundary = ErrorBoundary(on_error=lambda error, _: errors.append(str(error)))
    async with open_system(module, errors=boundary) as system:
        system.dispatch(change(Submit()))
        await system.settle(timeout=20)
        assert (system[module].level, system[module].score) == (2, 0)
        failed = system[module].pending_mutation
        assert failed is not None
        assert failed.error == ("refused" if how == "fails" else "timeout after 5 s")
    assert len(notes) == 1
    assert "and this could not be taken back: " in notes[0]
    assert "there is no way back" in notes[0]
    assert len(errors) == (how == "times out")


@pytest.mark.parametrize("wrap", ["optimistic", "timeout"])
async def test_what_is_called_out_of_band_is_no_run(autojump_clock: trio.abc.Clock, wrap: str) -> None:
    """So nothing could be taken back or timed out: it is refused before anything is written."""
    module = Module("job", JobFacts)

    async def work(requirement: Work, ctx: Context[JobFacts]) -> None:
        ctx.facts.status = "done"

    handler = optimistic(work, "status") if wrap == "optimistic" else cancellable(work, timeout=5)
    module.resolver(Work, name="work")(handler)
    async with open_system(module) as system:
        with pytest.raises(UsageError, match="called out of band is no run"):
            await system.call("job::work", Work())
        assert system[module].status == "idle"
        system.require(Work())
        await system.settle()
        assert system[module].status == "done"
