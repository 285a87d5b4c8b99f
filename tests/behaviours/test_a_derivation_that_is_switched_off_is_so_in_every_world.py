"""R5, F5: a disabled derivation answers the same in the world in which a run has written nothing."""

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, derivation, open_system
from tests.behaviours.shop import Facts, shop


@define
class Login:
    token: str = ""
    status: str = "idle"

    @derivation
    def due(self) -> bool:
        return bool(self.token) and self.status == "idle"

    @derivation
    def due_by_two_steps(self) -> bool:
        return self.due


@frozen
class Validate: ...


def login(ended: list[str], *, is_async: bool = False) -> Module[Login]:
    module = Module("login", Login)
    if is_async:

        @module.constraint(name="validate")
        async def validate_later(facts: Login) -> Validate | None:
            await trio.lowlevel.checkpoint()
            return Validate() if facts.due_by_two_steps else None
    else:

        @module.constraint
        def validate(facts: Login) -> Validate | None:
            return Validate() if facts.due_by_two_steps else None

    @module.resolver(Validate)
    async def ask(requirement: Validate, ctx: Context[Login]) -> None:
        try:
            await trio.sleep(1)
            ctx.facts.status = "validating"
            await trio.sleep(10)
            ctx.facts.status = "valid"
        finally:
            ended.append(str(ctx.signal.reason or "complete"))

    return module


@pytest.mark.parametrize("is_async", [False, True])
async def test_it_answers_the_same_in_every_world(is_async: bool, autojump_clock: trio.abc.Clock) -> None:
    """R5: off before the run has written, what it writes falsifies nothing, here or in the world without it."""
    ended: list[str] = []
    module = login(ended, is_async=is_async)
    async with open_system(module) as system:
        system[module].token = "x"
        await trio.sleep(0.5)
        system.disable(Login.due)
        await trio.sleep(5)
        assert system[module].status == "validating"
        system[module].token = ""  # a logout that the derivation does not hear of
        await trio.sleep(1)
        assert ended == []
        system.enable(Login.due)  # now it does
        await system.settle()
        assert ended == ["removed"]
        assert system[module].status == "idle"


async def test_what_is_kept_false_is_false_in_the_other_world_too(autojump_clock: trio.abc.Clock) -> None:
    """R5, R10: off while its run satisfies itself, so nobody wants the run; its marker returns."""
    ended: list[str] = []
    module = login(ended)
    async with open_system(module) as system:
        system[module].token = "x"
        await trio.sleep(5)
        assert system.read("login::due") is False
        system.disable(Login.due)
        await system.settle()
        assert ended == ["removed"]
        assert (system[module].status, system[module].due) == ("idle", False)
        system.enable(Login.due)
        await system.settle(timeout=60)
        assert ended == ["removed", "complete"]
        assert system[module].status == "valid"


async def test_off_and_on_while_its_run_goes_on_is_no_change(autojump_clock: trio.abc.Clock) -> None:
    """R5: in one moment, before anybody looks; the world without the run is computed anew."""
    ended: list[str] = []
    module = login(ended)
    async with open_system(module) as system:
        system[module].token = "x"
        await trio.sleep(5)
        system.disable(Login.due)
        system.enable(Login.due)
        await trio.sleep(1)
        assert ended == []
        await system.settle(timeout=60)
        assert ended == ["complete"]


async def test_a_world_that_is_first_looked_at_while_it_is_off(autojump_clock: trio.abc.Clock) -> None:
    """R5: what it keeps is what that world shows, until it is on again; others of that world are as they are."""
    module = Module("login", Login)
    ended: list[str] = []

    @module.constraint
    def validate(facts: Login) -> Validate | None:
        return Validate() if facts.due_by_two_steps and facts.status == "idle" else None

    @module.resolver(Validate)
    async def ask(requirement: Validate, ctx: Context[Login]) -> None:
        try:
            await trio.sleep(1)
            ctx.facts.status = "validating"
            await trio.sleep(10)
        finally:
            ended.append(str(ctx.signal.reason or "complete"))

    async with open_system(module, shop()) as system:
        system[module].token = "x"
        await trio.sleep(0.5)
        system.disable(Login.due)
        await trio.sleep(1)  # it has written: now the world without that is asked
        system.disable(Facts.doubled)
        system[module].token = ""
        await trio.sleep(1)
        assert ended == []
        system.enable(Login.due)
        await system.settle()
        assert (ended, system[module].status) == (["removed"], "idle")
