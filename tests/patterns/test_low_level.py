"""What patterns are built on: it takes what the engine gave, and is harmless when its run is over."""

import copy
from typing import Any

import pytest
import trio
from attrs import define

from directive_trio import Context, Module, System, derivation, open_system
from directive_trio.errors import UnknownNameError, UsageError
from directive_trio.lowlevel import keep, landing, tell, time_limit, wrote_last
from directive_trio.observe import MutationDropped, Observation
from tests.patterns.form import Ctx, FormFacts, Submit, cancels, form


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


async def test_nobody_writes_a_derivation(autojump_clock: trio.abc.Clock) -> None:
    """Only a fact has somebody who wrote it last."""
    refused: list[str] = []

    @define
    class Facts:
        name: str = "ann"

        @derivation
        def loud(self) -> str:
            return self.name.upper()

    module = Module("m", Facts)

    @module.resolver(Submit)
    def submit(requirement: Submit, ctx: Context[Facts]) -> None:
        for asks in (wrote_last, keep):
            with pytest.raises(UnknownNameError, match="fact in module 'm': 'loud'"):
                asks(ctx, "loud")
            refused.append(asks.__name__)

    async with open_system(module) as system:
        system.require(Submit())
        await system.settle()
    assert refused == ["wrote_last", "keep"]


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
