"""R5, R9: own writes restart an async constraint only when the run ends, a foreign change on the but-for view."""

import trio
from attrs import define, frozen

from directive_trio import Context, Module, open_system
from directive_trio.observe import Observation
from tests.behaviours.worker import seen, types


@define
class Facts:
    token: str = "t"
    status: str = "idle"


@frozen
class Validate:
    token: str


def validating(asked: list[tuple[str, str]]) -> Module[Facts]:
    """The run marks its own constraint false, and is done after ten seconds."""
    module = Module("m", Facts)

    @module.constraint
    async def must_validate(facts: Facts) -> Validate | None:
        asked.append((facts.token, facts.status))
        await trio.lowlevel.checkpoint()
        return Validate(facts.token) if facts.token and facts.status == "idle" else None

    @module.resolver(Validate)
    async def validate(requirement: Validate, ctx: Context[Facts]) -> None:
        ctx.facts.status = "busy"
        await trio.sleep(10)
        ctx.facts.status = f"valid {requirement.token}"

    return module


async def test_it_is_asked_once_more_at_the_end(autojump_clock: trio.abc.Clock) -> None:
    """What the run writes does not restart it, and the run completes."""
    asked: list[tuple[str, str]] = []
    log: list[Observation] = []
    module = validating(asked)
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(5)
        assert system[module].status == "busy"
        assert asked == [("t", "idle")]
        await system.settle(timeout=None)
        assert asked == [("t", "idle"), ("t", "valid t")]
        assert types(log, "resolver.") == ["resolver.start", "resolver.complete"]


async def test_a_foreign_change_asks_it_in_the_world_without_the_run(autojump_clock: trio.abc.Clock) -> None:
    """The user logs in as somebody else: without the marker the constraint sees idle, and asks for the other."""
    asked: list[tuple[str, str]] = []
    log: list[Observation] = []
    module = validating(asked)
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(5)
        system[module].token = "u"
        await system.settle(timeout=None)
        assert asked[:2] == [("t", "idle"), ("u", "idle")]
        assert str(seen(log, "resolver.cancel")[0].reason) == "superseded"
        assert system[module].status == "valid u"


async def test_a_logout_in_the_middle_cancels_the_run(autojump_clock: trio.abc.Clock) -> None:
    """It would be false even without the run's marker; and the marker does not stand."""
    log: list[Observation] = []
    module = validating([])
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(5)
        system[module].token = ""
        await system.settle(timeout=None)
        assert str(seen(log, "resolver.cancel")[0].reason) == "removed"
        assert system[module].status == "idle"


async def test_what_a_run_had_written_before_it_was_joined_is_no_change(autojump_clock: trio.abc.Clock) -> None:
    """R9: the answer came of that write; the end of another run asks nothing again, a change by others does."""
    asked: list[str] = []
    log: list[Observation] = []
    module = Module("m", Facts)

    @module.constraint
    def must_have_b(facts: Facts) -> Validate:
        return Validate("b")

    @module.constraint
    async def must_have_the_token(facts: Facts) -> Validate:
        asked.append(facts.token)
        await trio.sleep(1)
        return Validate(facts.token)

    @module.resolver(Validate)
    async def validate(requirement: Validate, ctx: Context[Facts]) -> None:
        await trio.sleep(3)
        ctx.facts.token = requirement.token
        await trio.sleep(10)

    async with open_system(module, initial={"m": {"token": "a"}}) as system:
        system.observe(log.append)
        await trio.sleep(5)
        assert str(seen(log, "resolver.cancel")[0].reason) == "superseded"  # Validate("a"), and it has ended
        assert asked == ["a", "b"]
        system[module].token = "c"
        await trio.sleep(2)
        assert asked == ["a", "b", "c"]
        await system.settle(timeout=None)


async def test_it_is_asked_again_when_it_leaves_a_run_that_goes_on_for_others(autojump_clock: trio.abc.Clock) -> None:
    """R9: from then on that run is a stranger, whose write it has not seen: the answer is stale and starts nothing."""
    asked: list[tuple[str, str]] = []
    log: list[Observation] = []
    module = Module("m", Facts)

    @module.constraint
    def must_have_b(facts: Facts) -> Validate:
        return Validate("b")

    @module.constraint
    async def must_have_one(facts: Facts) -> Validate:
        asked.append((facts.token, facts.status))
        await trio.lowlevel.checkpoint()
        return Validate(facts.token if facts.status == "idle" else "b")

    @module.resolver(Validate)
    async def validate(requirement: Validate, ctx: Context[Facts]) -> None:
        if requirement.token == "b":
            ctx.facts.token = "c"
        await trio.sleep(20)

    async with open_system(module, initial={"m": {"token": "a", "status": "new"}}) as system:
        system.observe(log.append)
        await trio.sleep(5)
        asked.clear()
        system[module].status = "idle"
        await trio.sleep(5)
        assert asked == [("a", "idle"), ("c", "idle")]
        assert [start.requirement for start in seen(log, "resolver.start")] == [Validate("b"), Validate("c")]
