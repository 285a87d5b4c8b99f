"""R15: what is bound is each owned fact, and nothing else: not the condition, not other facts, not the run."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import CancelReason, Context, Module, open_system
from directive_trio.observe import Observation
from directive_trio.plugins.devtools import DevtoolsTrace
from directive_trio.plugins.logging import LoggingPlugin
from tests.behaviours.worker import seen, types


@define
class Game:
    moving: bool = False
    status: str = "idle"
    log: tuple[str, ...] = ()


@frozen
class Move: ...


Ctx = Context[Game]


def game(do: Callable[[Move, Ctx], Any], *, owns: tuple[str, ...] = ("status",)) -> Module[Game]:
    """A move is made while one is under way, whatever the status is."""
    module = Module("game", Game)
    module.constraint(owns=owns, name="must_move")(lambda facts: Move() if facts.moving else None)

    @module.resolver(Move)
    async def move(requirement: Move, ctx: Ctx) -> None:
        await do(requirement, ctx)

    return module


async def no_network() -> None:
    await trio.sleep(1)
    raise OSError("no network")


async def play(requirement: Move, ctx: Ctx) -> None:
    """The server answers; what came of it is written."""
    await trio.sleep(1)
    ctx.facts.log += ("answered",)
    ctx.facts.status = "playing"
    ctx.facts.moving = False


@pytest.mark.parametrize(("owns", "left"), [((), "playing"), (("status",), "left")])
async def test_without_owns_the_last_word_is_the_resolvers(
    autojump_clock: trio.abc.Clock, owns: tuple[str, ...], left: str
) -> None:
    """owns-1: a fact that is not owned is written over, whoever has written it meanwhile."""
    module = game(play, owns=owns)
    async with open_system(module) as system:
        system[module].moving = True
        await trio.sleep(0.5)
        system[module].status = "left"
        await system.settle()
        assert (system[module].status, system[module].log) == (left, ("answered",))


async def test_the_condition_is_not_consulted(autojump_clock: trio.abc.Clock) -> None:
    """owns-9: an owned write lands though nobody wants the run any more, and is dropped though somebody does."""
    module = game(play)
    async with open_system(module) as system:
        system[module].moving = True
        await trio.sleep(0.5)
        system[module].moving = False
        await system.settle()
        assert system[module].status == "playing"

        system[module].moving = True
        await trio.sleep(0.5)
        system[module].status = "left"
        await trio.sleep(0.25)
        assert system[module].moving
        await system.settle()
        assert system[module].status == "left"


async def test_a_write_while_an_error_is_handled_is_dropped_too(autojump_clock: trio.abc.Clock) -> None:
    """owns-10: the branch that cleans up has the last word as little as the one that succeeds."""

    async def fail(requirement: Move, ctx: Ctx) -> None:
        try:
            await no_network()
        except OSError as error:
            ctx.facts.log += (str(error),)
            ctx.facts.status = "rolled back"
            ctx.facts.moving = False

    module = game(fail)
    for clobber in (False, True):
        async with open_system(module) as system:
            system[module].moving = True
            await trio.sleep(0.5)
            if clobber:
                system[module].status = "left"
            await system.settle()
            assert system[module].status == ("left" if clobber else "rolled back")
            assert system[module].log == ("no network",)


async def test_a_resolver_may_leave_when_it_has_lost(autojump_clock: trio.abc.Clock) -> None:
    """owns-11: the signal tells it right after the write; leaving so is a good end."""

    async def leave_early(requirement: Move, ctx: Ctx) -> None:
        await trio.sleep(1)
        ctx.facts.status = "playing"
        if ctx.signal.aborted:
            return
        ctx.facts.log += ("on time",)

    log: list[Observation] = []
    module = game(leave_early)
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].moving = True
        await trio.sleep(0.5)
        with system.transaction():
            system[module].status = "left"
            system[module].moving = False
        await system.settle()
        assert system[module].log == ()
    assert types(log, "resolver.complete", "resolver.cancel") == ["resolver.complete"]


async def test_to_be_wanted_no_more_does_not_abort_the_signal(autojump_clock: trio.abc.Clock) -> None:
    """owns-13: nor does a foreign write to the owned fact; only the run's own write that is dropped."""
    heard: list[tuple[float, CancelReason]] = []

    async def listen(requirement: Move, ctx: Ctx) -> None:
        ctx.signal.on_abort(lambda reason: heard.append((round(trio.current_time() - begun, 3), reason)))
        await trio.sleep(2)
        ctx.facts.status = "playing"
        await trio.sleep(1)

    module = game(listen)
    async with open_system(module) as system:
        begun = trio.current_time()
        system[module].moving = True
        await trio.sleep(0.5)
        system[module].moving = False
        await trio.sleep(0.5)
        system[module].status = "left"
        await system.settle()
    assert heard == [(2, CancelReason("clobbered"))]


async def test_the_plugins_show_what_was_dropped(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """owns-23: as they come, without being told to."""
    trace = DevtoolsTrace()
    log: list[Observation] = []
    module = game(play)
    with caplog.at_level(logging.WARNING, "directive_trio"):
        async with open_system(module, plugins=[LoggingPlugin(), trace]) as system:
            system.observe(log.append)
            system[module].moving = True
            await trio.sleep(0.5)
            system[module].status = "left"
            await system.settle()
    (rejected,) = seen(log, "resolver.write.rejected")
    assert (rejected.fact, rejected.expected, rejected.actual) == ("game::status", "idle", "left")
    (record,) = [record for record in caplog.records if "resolver.write.rejected" in record.getMessage()]
    assert "fact='game::status' expected='idle' actual='left'" in record.getMessage()
    (line,) = [line for line in trace.text().splitlines() if "game::status" in line and "run 1" in line]
    assert "'idle'" in line
    assert "'left'" in line


async def test_what_is_called_owns_nothing(autojump_clock: trio.abc.Clock) -> None:
    """owns-17: no constraint has asked for it, so what it writes is the program's own, and lands."""
    module = game(play)
    async with open_system(module) as system:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(system.call, "game::move", Move())
            await trio.sleep(0.5)
            system[module].status = "left"
        assert (system[module].status, system[module].log) == ("playing", ("answered",))
