"""The parallel branch: notifications need a valid session and nothing else."""

import httpx
from attrs import define, frozen

from demo.modules.api import accepted
from demo.modules.auth import AuthFacts, bearer
from directive_trio import Context, Module


@define
class NotificationFacts:
    """What the server has to tell the user."""

    messages: tuple[str, ...] = ()
    loaded: bool = False


@frozen
class LoadNotifications:
    """Requirement: the notifications are known."""


@frozen
class Refresh:
    """Event of a timer: it is time to look again."""


def notifications_module(client: httpx.AsyncClient, auth: Module[AuthFacts]) -> Module[NotificationFacts]:
    """Make the module that keeps the notifications."""
    notifications = Module("notifications", NotificationFacts)

    @notifications.on(Refresh)
    def refresh(facts: NotificationFacts, event: Refresh) -> None:
        facts.loaded = False

    # After the same constraint as load_permissions: both start in the same pass.
    @notifications.constraint(after=["auth::validate_session"])
    def load_notifications(facts: NotificationFacts) -> LoadNotifications | None:
        return LoadNotifications() if auth.of(facts).is_valid and not facts.loaded else None

    @notifications.resolver(LoadNotifications, timeout=5)
    async def fetch(requirement: LoadNotifications, ctx: Context[NotificationFacts]) -> None:
        response = await client.get("/api/notifications", headers=bearer(auth.of(ctx.facts)))
        ctx.facts.messages = tuple(accepted(response)["messages"])
        ctx.facts.loaded = True

    return notifications
