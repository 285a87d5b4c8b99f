"""The auth module of the chain guide: its resolver makes its own constraint false while it works.

``validating`` is the marker. A login is validated for ten seconds; a logout takes the token away.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import trio
from attrs import define, frozen

from directive_trio import Context, Module, derivation

TYPES = ("resolver.start", "resolver.complete", "resolver.error", "resolver.cancel")


@define
class AuthFacts:
    token: str = ""
    status: str = "idle"
    progress: int = 0

    @derivation
    def is_new(self) -> bool:
        return self.token != "" and self.status == "idle"


@frozen
class LogIn:
    token: str


@frozen
class LogOut:
    pass


@frozen
class Mark:
    status: str


@frozen
class Validate:
    token: str


Ctx = Context[AuthFacts]


async def mark_and_validate(requirement: Validate, ctx: Ctx) -> None:
    """Validate for ten seconds, with a marker that makes the constraint false."""
    ctx.facts.status = "validating"
    ctx.facts.progress += 1
    await trio.sleep(10)
    ctx.facts.status = f"valid {requirement.token}"


def auth_module(
    resolve: Callable[[Validate, Ctx], Awaitable[None]] = mark_and_validate, **options: Any
) -> Module[AuthFacts]:
    """Make the module; *options* are those of its resolver."""
    auth = Module("auth", AuthFacts)

    @auth.on(LogIn)
    def log_in(facts: AuthFacts, event: LogIn) -> None:
        facts.token, facts.status = event.token, "idle"

    @auth.on(LogOut)
    def log_out(facts: AuthFacts, event: LogOut) -> None:
        facts.token = ""

    @auth.on(Mark)
    def mark(facts: AuthFacts, event: Mark) -> None:
        facts.status = event.status

    @auth.constraint
    def validate_session(facts: AuthFacts) -> Validate | None:
        return Validate(facts.token) if facts.token and facts.status == "idle" else None

    auth.resolver(Validate, name="validate", **options)(resolve)
    return auth
