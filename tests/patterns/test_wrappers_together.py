"""Patterns: giving way and taking back, in both orders, round handlers and round resolvers."""

import logging
from typing import Literal

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, Retry, open_system
from directive_trio.observe import Observation
from directive_trio.patterns import CancelEvent, cancellable, optimistic
from tests.patterns.form import Ctx, FormFacts, Search, ask, cancels, form


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
