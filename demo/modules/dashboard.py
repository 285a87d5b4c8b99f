"""Step 4: which widgets the dashboard shows to this role, with these flags."""

import httpx
from attrs import define, frozen

from demo.modules.api import accepted
from demo.modules.auth import AuthFacts, bearer
from demo.modules.flags import FlagFacts
from demo.modules.permissions import PermissionFacts
from directive_trio import Context, Module


@define
class DashboardFacts:
    """The names of the widgets the server offers."""

    offered: tuple[str, ...] = ()
    loaded: bool = False


@frozen
class LoadDashboard:
    """Requirement: the offer for a role and its flags is known.

    The fields are its identity: another role is another requirement.
    """

    role: str
    flags: tuple[str, ...]


def dashboard_module(
    client: httpx.AsyncClient,
    auth: Module[AuthFacts],
    permissions: Module[PermissionFacts],
    flags: Module[FlagFacts],
) -> Module[DashboardFacts]:
    """Make the module that keeps the offer of the dashboard."""
    dashboard = Module("dashboard", DashboardFacts)

    @dashboard.constraint(after=["flags::load_flags"])
    def load_dashboard(facts: DashboardFacts) -> LoadDashboard | None:
        if facts.loaded or not flags.of(facts).loaded:
            return None
        return LoadDashboard(permissions.of(facts).role, flags.of(facts).enabled)

    @dashboard.resolver(LoadDashboard, timeout=5)
    async def fetch(requirement: LoadDashboard, ctx: Context[DashboardFacts]) -> None:
        response = await client.get(
            "/api/dashboard",
            params={"role": requirement.role, "flag": requirement.flags},
            headers=bearer(auth.of(ctx.facts)),
        )
        ctx.facts.offered = tuple(accepted(response)["offered"])
        ctx.facts.loaded = True

    return dashboard
