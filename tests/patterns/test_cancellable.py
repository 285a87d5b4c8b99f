"""Patterns: handlers that give way, to the next mutation of their kind and to the clock."""

from typing import Any, Literal

import pytest
import trio

from directive_trio import ErrorBoundary, open_system
from directive_trio.errors import DefinitionError
from directive_trio.observe import MutationDropped, Observation
from directive_trio.patterns import CancelEvent, Concurrency, cancellable
from tests.patterns.form import Ctx, FormFacts, Search, Submit, ask, cancels, form


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
