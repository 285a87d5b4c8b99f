"""Step 1: a session that the server has found to be valid."""

from typing import Literal

import httpx
from attrs import define, frozen

from demo.modules.api import accepted
from directive_trio import Context, Module, Retry, derivation


@define
class AuthFacts:
    """The session: its token, and what the server last said about it."""

    token: str = ""
    status: Literal["idle", "validating", "valid", "expired"] = "idle"

    @derivation
    def is_valid(self) -> bool:
        """Computed when read, and again only after ``status`` has changed."""
        return self.status == "valid"


@frozen
class LogIn:
    """Event: the user has a token."""

    token: str


@frozen
class ValidateSession:
    """Requirement: the server has looked at this token."""

    token: str


def auth_module(client: httpx.AsyncClient) -> Module[AuthFacts]:
    """Make the module that keeps the session."""
    auth = Module("auth", AuthFacts)

    @auth.on(LogIn)
    def log_in(facts: AuthFacts, event: LogIn) -> None:
        facts.token, facts.status = event.token, "idle"

    @auth.constraint
    def validate_session(facts: AuthFacts) -> ValidateSession | None:
        return ValidateSession(facts.token) if facts.token and facts.status == "idle" else None

    @auth.resolver(
        ValidateSession,
        retry=Retry(attempts=2, backoff="exponential", initial_delay=0.1),
        timeout=5,
    )
    async def ask_server(requirement: ValidateSession, ctx: Context[AuthFacts]) -> None:
        # This makes the resolver's own constraint false. It goes on all the same: a run
        # is cancelled only if its requirement is unwanted without the run's own writes.
        ctx.facts.status = "validating"
        response = await client.post("/api/auth/validate", json={"token": requirement.token})
        ctx.facts.status = "valid" if response.is_success else "expired"
        accepted(response)

    return auth


def bearer(facts: AuthFacts) -> dict[str, str]:
    """Request header that shows the session to the server."""
    return {"Authorization": f"Bearer {facts.token}"}
