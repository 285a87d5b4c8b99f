"""Step 2: what the user of a valid session may do."""

import httpx
from attrs import define, frozen

from demo.modules.api import accepted
from demo.modules.auth import AuthFacts, bearer
from directive_trio import Context, Module, derivation


@define
class PermissionFacts:
    """The user's role and what it allows."""

    role: str = ""
    granted: tuple[str, ...] = ()
    loaded: bool = False

    @derivation
    def can_edit(self) -> bool:
        """Whether the role may change things."""
        return "edit" in self.granted


@frozen
class LoadPermissions:
    """Requirement: the permissions are known."""


def permissions_module(client: httpx.AsyncClient, auth: Module[AuthFacts]) -> Module[PermissionFacts]:
    """Make the module that keeps the permissions."""
    permissions = Module("permissions", PermissionFacts)

    # ``after`` is about order: wait until validate_session has settled, well or badly.
    # What is read is about state: a session that has expired makes no permissions wanted.
    @permissions.constraint(after=["auth::validate_session"])
    def load_permissions(facts: PermissionFacts) -> LoadPermissions | None:
        return LoadPermissions() if auth.of(facts).is_valid and not facts.loaded else None

    @permissions.resolver(LoadPermissions, timeout=5)
    async def fetch(requirement: LoadPermissions, ctx: Context[PermissionFacts]) -> None:
        response = await client.get("/api/permissions", headers=bearer(auth.of(ctx.facts)))
        answer = accepted(response)
        ctx.facts.role, ctx.facts.granted = answer["role"], tuple(answer["granted"])
        ctx.facts.loaded = True

    return permissions
