"""Step 5: one widget of the dashboard; a module for each, all loading side by side."""

import cattrs
import httpx
from attrs import define, frozen

from demo.modules.api import accepted
from demo.modules.auth import AuthFacts, bearer
from demo.modules.dashboard import DashboardFacts
from demo.widgets import Widget
from directive_trio import Context, Module, Retry


@define
class WidgetFacts:
    """The widget, once it has arrived."""

    widget: Widget | None = None


@frozen
class LoadWidget:
    """Requirement: the widget of this name has arrived."""

    name: str


def widget_module(
    name: str,
    client: httpx.AsyncClient,
    auth: Module[AuthFacts],
    dashboard: Module[DashboardFacts],
) -> Module[WidgetFacts]:
    """Make the module that keeps one widget; it is named after it."""
    module = Module(name, WidgetFacts)

    @module.constraint(after=["dashboard::load_dashboard"])
    def load_widget(facts: WidgetFacts) -> LoadWidget | None:
        is_wanted = name in dashboard.of(facts).offered and facts.widget is None
        return LoadWidget(name) if is_wanted else None

    # The timeout holds for each attempt: one that gets no answer is cancelled and retried.
    @module.resolver(
        LoadWidget,
        retry=Retry(attempts=3, backoff="exponential", initial_delay=0.1),
        timeout=0.8,
    )
    async def fetch(requirement: LoadWidget, ctx: Context[WidgetFacts]) -> None:
        path = f"/api/widgets/{requirement.name}"
        response = await client.get(path, headers=bearer(auth.of(ctx.facts)))
        ctx.facts.widget = cattrs.structure(accepted(response), Widget)

    return module
