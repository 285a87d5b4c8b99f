"""A game whose status is owned by the run that changes it, for the tests of ownership."""

from collections.abc import Awaitable, Callable
from typing import Any

import trio
from attrs import define, frozen

from directive_trio import Context, Module, fact
from directive_trio.observe import Observation
from tests.behaviours.worker import seen


@define
class Game:
    status: str = "idle"
    phase: int = 0
    result: str = ""
    token: str = fact("", tags=["secret"])


@frozen
class Execute: ...


@frozen
class Leave: ...


@frozen
class Say:
    status: str


Ctx = Context[Game]
Do = Callable[[Execute, Ctx], Awaitable[None]]


def game(do: Do, *, owns: tuple[str, ...] = ("status",), **options: Any) -> Module[Game]:
    """While the status is mutating, something is executed."""
    module = Module("game", Game)
    module.constraint(when={"status": "mutating"}, owns=owns, name="mutate")(lambda facts: Execute())
    module.resolver(Execute, name="execute", **options)(do)

    @module.on(Leave)
    def leave(facts: Game, event: Leave) -> None:
        facts.status = "left"

    @module.on(Say)
    def say(facts: Game, event: Say) -> None:
        facts.status = event.status

    return module


async def play(requirement: Execute, ctx: Ctx) -> None:
    """The shape of the guide: data that always lands, then the phase."""
    await trio.sleep(1)
    ctx.facts.result = "done"
    ctx.facts.status = "playing"


def rejections(log: list[Observation]) -> list[tuple[str, str, Any, Any, str, int]]:
    return [
        (one.kind, one.fact, one.expected, one.actual, str(one.reason), one.dropped)
        for one in seen(log, "resolver.write.rejected")
    ]
