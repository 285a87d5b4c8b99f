"""Step 3: the feature flags, from a store that needs a few tries."""

import httpx
from attrs import define, frozen

from demo.modules.api import accepted
from demo.modules.auth import AuthFacts, bearer
from demo.modules.permissions import PermissionFacts
from directive_trio import Context, Module, Retry


@define
class FlagFacts:
    """The features that are on."""

    enabled: tuple[str, ...] = ()
    loaded: bool = False


@frozen
class LoadFlags:
    """Requirement: the feature flags are known."""


def flags_module(
    client: httpx.AsyncClient,
    auth: Module[AuthFacts],
    permissions: Module[PermissionFacts],
) -> Module[FlagFacts]:
    """Make the module that keeps the feature flags."""
    flags = Module("flags", FlagFacts)

    @flags.constraint(after=["permissions::load_permissions"])
    def load_flags(facts: FlagFacts) -> LoadFlags | None:
        return LoadFlags() if permissions.of(facts).loaded and not facts.loaded else None

    # A 503 raises, and what raises is tried again: after 0.15 s, then after 0.3 s.
    @flags.resolver(
        LoadFlags,
        retry=Retry(attempts=3, backoff="exponential", initial_delay=0.15),
        timeout=5,
    )
    async def fetch(requirement: LoadFlags, ctx: Context[FlagFacts]) -> None:
        response = await client.get("/api/flags", headers=bearer(auth.of(ctx.facts)))
        ctx.facts.enabled = tuple(accepted(response)["enabled"])
        ctx.facts.loaded = True

    return flags
