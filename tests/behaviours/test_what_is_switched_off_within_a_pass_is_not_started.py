"""R1, R12: a constraint that is disabled in the pass in which it asks has nothing started, and is not asked."""

from typing import Any

import trio
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, open_system
from directive_trio.observe import Observation
from tests.behaviours.worker import types


@define
class Facts:
    go: bool = False


@frozen
class Meet: ...


async def test_neither_its_run_nor_its_question_begins(autojump_clock: trio.abc.Clock) -> None:
    """A strategy function switches both off when a third constraint fails, later in the same pass."""
    module = Module("m", Facts)
    begun: list[str] = []

    @module.constraint(priority=2)
    def wanting(facts: Facts) -> Meet | None:
        return Meet() if facts.go else None

    @module.constraint(priority=1)
    async def thinking(facts: Facts) -> None:
        if facts.go:
            begun.append("question")

    @module.constraint
    def failing(facts: Facts) -> None:
        if facts.go:
            raise ValueError

    @module.resolver(Meet)
    async def meet(requirement: Meet, ctx: Context[Facts]) -> None:
        begun.append("run")

    def switch_off(error: Exception, name: str) -> Any:
        system.disable("m::wanting")
        system.disable("m::thinking")

    log: list[Observation] = []
    async with open_system(module, errors=ErrorBoundary(constraint=switch_off, on_error=lambda *_: None)) as system:
        await system.settle()
        system.observe(log.append)
        system[module].go = True
        await system.settle()
    assert begun == []
    assert types(log, "resolver.") == []
    assert types(log, "requirement.") == ["requirement.created", "requirement.canceled"]
