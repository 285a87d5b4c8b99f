"""R15: whose ``owns`` binds a run: the first of its constraints, and only in its own module."""

import pytest
import trio
from attrs import frozen

from directive_trio import Module, System, open_system
from directive_trio.errors import DefinitionError, UnknownNameError
from directive_trio.observe import Observation
from tests.behaviours.game import Ctx, Execute, Game, Leave, game, play, rejections


async def test_the_first_of_several_producers_says_what_is_owned(autojump_clock: trio.abc.Clock) -> None:
    """The first in the order of evaluation: here, by priority."""
    for first in (True, False):
        module = Module("game", Game)
        module.constraint(owns=["status"], priority=1 if first else -1, name="a")(
            lambda facts: Execute() if facts.status == "mutating" else None
        )
        module.constraint(name="b")(lambda facts: Execute() if facts.status == "mutating" else None)
        module.resolver(Execute, name="execute")(play)
        async with open_system(module) as system:
            system[module].status = "mutating"
            await trio.sleep(0.5)
            system[module].phase = 1
            assert system.is_settled is False
            system[module].status = "left"
            await system.settle()
            assert system[module].result == ("done" if first else "")


async def test_the_order_of_evaluation_counts_not_who_asked_first(autojump_clock: trio.abc.Clock) -> None:
    """A producer that joined later, and is evaluated earlier, is the first when the run is dispatched again."""
    module = Module("game", Game)
    module.constraint(owns=["status"], priority=1, name="a")(
        lambda facts: Execute() if facts.status == "mutating" and facts.phase else None
    )
    module.constraint(name="b")(lambda facts: Execute() if facts.status == "mutating" else None)
    runs = 0

    @module.resolver(Execute)
    async def execute(requirement: Execute, ctx: Ctx) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            await trio.sleep(1)
            ctx.requeue()
        else:
            await play(requirement, ctx)

    async with open_system(module) as system:
        system[module].status = "mutating"
        await trio.sleep(0.5)
        system[module].phase = 1
        await trio.sleep(1)
        system[module].status = "left"
        await system.settle()
        assert (runs, system[module].status, system[module].result) == (2, "left", "done")


async def test_an_async_constraint_owns_too(autojump_clock: trio.abc.Clock) -> None:
    """owns-14: what the run expects is taken when it is dispatched, not when the constraint was asked."""
    module = Module("game", Game)

    @module.constraint(owns=["phase"])
    async def mutate(facts: Game) -> Execute | None:
        wanted = facts.status == "mutating"
        await trio.sleep(1)
        return Execute() if wanted else None

    @module.resolver(Execute)
    async def execute(requirement: Execute, ctx: Ctx) -> None:
        await trio.sleep(1)
        ctx.facts.phase += 1
        ctx.facts.status = "done"

    for clobber in (False, True):
        async with open_system(module) as system:
            system[module].status = "mutating"
            await trio.sleep(0.5)
            system[module].phase = 10  # before the dispatch: that is what it starts with
            await trio.sleep(1)
            if clobber:
                system[module].phase = 20
            await system.settle()
            assert system[module].phase == (20 if clobber else 11)


async def test_who_waits_for_a_place_starts_with_what_is_then(autojump_clock: trio.abc.Clock) -> None:
    """A run that is queued behind a limit has not begun, so nothing is clobbered."""

    @frozen
    class Numbered:
        number: int

    module = Module("game", Game)
    module.constraint(owns=["phase"], name="both")(
        lambda facts: [Numbered(1), Numbered(2)] if facts.status == "mutating" else None
    )

    @module.resolver(Numbered, limit=1)
    async def count(requirement: Numbered, ctx: Ctx) -> None:
        await trio.sleep(1)
        ctx.facts.phase += 1
        ctx.facts.result += str(requirement.number)

    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].status = "mutating"
        await system.settle()
        assert (system[module].phase, system[module].result) == (2, "12")
    assert rejections(log) == []


async def test_a_required_run_is_not_bound(autojump_clock: trio.abc.Clock) -> None:
    """owns-17: what the program itself requires has no constraint that could own anything."""
    module = game(play)
    async with open_system(module) as system:
        system.require(Execute())
        await trio.sleep(0.5)
        system.dispatch(Leave())
        await system.settle()
        assert system[module].status == "playing"


async def test_the_resolver_of_another_module_is_not_bound(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """It writes other facts; that is said once."""
    module = Module("game", Game)
    module.constraint(owns=["status"], when={"status": "mutating"}, name="mutate")(lambda facts: Execute())
    other = Module("other", Game)
    other.resolver(Execute, name="execute")(play)
    async with open_system(module, other) as system:
        for _ in range(2):
            system[module].status = "mutating"
            await trio.sleep(0.5)
            system[module].status = "left"
            await system.settle()
        assert system[other].result == ""  # cancelled: it is not exempt
    assert caplog.text.count("constraint game::mutate owns facts, but other::execute is a resolver of another") == 1


def test_only_facts_of_the_module_can_be_owned() -> None:
    """Misspelt ones are named with the nearest; a bare string is refused."""
    module = Module("game", Game)
    with pytest.raises(UnknownNameError, match="did you mean 'status'"):
        module.constraint(owns=["statsu"])
    with pytest.raises(DefinitionError, match="owns"):
        module.constraint(owns="status")
    assert System(module).state == "new"
