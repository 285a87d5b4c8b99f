"""Patterns: mutators in modules that go, are replaced, or stand in a system twice, while mutations are under way."""

import logging

import pytest
import trio

from directive_trio import open_system
from directive_trio.observe import MutationDropped, Observation, ResolverCancel
from directive_trio.patterns import cancellable, optimistic
from tests.patterns.form import Ctx, Form, Submit, form

cleaned_up: list[str] = []


async def submit(mutation: Submit, ctx: Ctx) -> None:
    ctx.facts.values = mutation.values
    try:
        await trio.sleep(1)
    finally:
        cleaned_up.append(mutation.values)
    ctx.facts.log += (mutation.values,)


def slow_form() -> Form:
    cleaned_up.clear()
    return form(cancellable(optimistic(submit, "values")))


async def test_a_module_that_goes_ends_its_mutations(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """They are cancelled and clean up; the facts are gone, and that is no error."""
    log: list[Observation] = []
    module, change = slow_form()
    with caplog.at_level(logging.WARNING):
        async with open_system(module) as system:
            system.observe(log.append)
            system.dispatch(change(Submit("a")))
            await trio.sleep(0.5)
            system.unregister(module)
            await system.settle()
            assert cleaned_up == ["a"]
    assert [seen.type for seen in log if "error" in seen.type] == []
    assert len([seen for seen in log if isinstance(seen, ResolverCancel)]) == 1
    assert caplog.records == []


async def test_what_was_under_way_has_its_turn_in_the_module_that_follows(autojump_clock: trio.abc.Clock) -> None:
    """All there is to know of it stands in the fact, and the facts are kept."""
    module, change = slow_form()
    later, change_later = form(cancellable(optimistic(submit, "values")))
    async with open_system(module) as system:
        system.dispatch(change(Submit("a")))
        await trio.sleep(0.5)
        system.replace(later)
        await system.settle()
        assert (system[later].log, system[later].pending_mutation) == (("a",), None)
        assert cleaned_up == ["a", "a"]
        system.dispatch(change_later(Submit("b")))
        await system.settle()
        assert system[later].log == ("a", "b")


async def test_the_same_module_twice_is_two_lines_and_one_event(autojump_clock: trio.abc.Clock) -> None:
    """Both copies handle it, each in its own facts; what is told is named after the copy."""
    log: list[Observation] = []
    module, change = slow_form()
    copy = module.named("copy")
    async with open_system(module, copy) as system:
        system.observe(log.append)
        for values in "ab":
            system.dispatch(change(Submit(values)))
        await system.settle()
        assert system[module].log == system[copy].log == ("b",)
    dropped = [seen.id for seen in log if isinstance(seen, MutationDropped)]
    assert dropped == ["form::pending_mutation", "copy::pending_mutation"]
