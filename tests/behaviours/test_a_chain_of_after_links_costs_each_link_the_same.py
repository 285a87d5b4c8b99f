"""R2: a chain of constraints, each ``after`` the one before, costs each link the same, however long the chain is."""

from typing import Any

import attrs
import pytest
from attrs import frozen
from trio.testing import MockClock

from directive_trio import Context, Module, fact, open_system
from directive_trio.observe import ConstraintBlocked, ConstraintEvaluate, Observation, ReconcileEnd, ResolverStart


@frozen
class Step:
    number: int


def chain_of(links: int) -> Module[Any]:
    """Each link asks for a step; the step sets the fact that satisfies it."""
    facts_class: Any = attrs.make_class("Facts", {f"done_{number}": fact(False) for number in range(links)})
    facts_class.__annotations__ = {f"done_{number}": bool for number in range(links)}
    module: Module[Any] = Module("chain", facts_class)
    for number in range(links):
        declare_link(module, number)

    @module.resolver(Step)
    async def take(requirement: Step, ctx: Context[Any]) -> None:
        setattr(ctx.facts, f"done_{requirement.number}", True)

    return module


def declare_link(module: Module[Any], number: int) -> None:
    before = [f"link_{number - 1}"] if number else []

    @module.constraint(name=f"link_{number}", after=before)
    def link(facts: Any) -> Step | None:
        return None if getattr(facts, f"done_{number}") else Step(number)


@pytest.mark.parametrize("links", [10, 1000])
async def test_each_link_is_asked_blocked_and_run_as_often_as_in_a_short_chain(
    autojump_clock: MockClock, links: int
) -> None:
    """R2, R8: two questions a link (due, met), blocked once, one run, in order; the passes grow with the links."""
    log: list[Observation] = []
    async with open_system(chain_of(links)) as system:
        system.observe(log.append)
        await system.settle(timeout=None)

    def count(kind: type[Observation]) -> int:
        return sum(isinstance(entry, kind) for entry in log)

    assert count(ConstraintEvaluate) == 2 * links
    assert count(ConstraintBlocked) == links - 1
    assert [entry.requirement.number for entry in log if isinstance(entry, ResolverStart)] == list(range(links))
    assert count(ReconcileEnd) <= 2 * links + 1
