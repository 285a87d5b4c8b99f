"""Patterns: edits that are shown at once, and taken back when they fail or are cancelled."""

from typing import Any, Literal

import pytest
import trio
from attrs import define

from directive_trio import Context, Module, open_system
from directive_trio.errors import DefinitionError, UncopyableFactError, UsageError
from directive_trio.patterns import Handler, Mutator, Pending, cancellable, optimistic
from tests.patterns.form import Ctx, FormFacts, Submit, ask, form


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


def test_wrong_arguments_are_refused() -> None:
    """No handler, no names, or names that are no facts of the module."""
    wrong: Any
    for wrong in (None, "ask"):
        with pytest.raises(DefinitionError, match="is no handler; pass a function"):
            optimistic(wrong, "values")
    with pytest.raises(UsageError, match="takes the names of the facts"):
        optimistic(ask, ["values"])  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(UsageError, match="takes the names of the facts"):
        optimistic(ask)
    with pytest.raises(DefinitionError, match="has no fact 'nothing'"):
        form(search=cancellable(optimistic(ask, "nothing")))


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
