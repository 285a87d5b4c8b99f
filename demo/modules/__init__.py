"""The chain: one module for each step, tied together by ``after`` and by what they read.

::

    auth → permissions → flags → dashboard → the widgets, side by side
         ↘ notifications                      ↘ live: prices as they move, and a reminder to look again

Each module is made by a function, so that what it depends on (the HTTP client, the modules
it reads) comes in as arguments: no globals, and a test can pass a client of its own.
"""

from typing import Any

import httpx
from attrs import frozen

from demo.modules.auth import AuthFacts, auth_module
from demo.modules.dashboard import DashboardFacts, dashboard_module
from demo.modules.flags import FlagFacts, flags_module
from demo.modules.live import LiveFacts, live_module
from demo.modules.notifications import NotificationFacts, notifications_module
from demo.modules.permissions import PermissionFacts, permissions_module
from demo.modules.widget import WidgetFacts, widget_module
from demo.widgets import WIDGETS
from directive_trio import Module


@frozen
class Chain:
    """The modules by name; reading a system with them is typed."""

    auth: Module[AuthFacts]
    permissions: Module[PermissionFacts]
    flags: Module[FlagFacts]
    dashboard: Module[DashboardFacts]
    notifications: Module[NotificationFacts]
    widgets: dict[str, Module[WidgetFacts]]
    live: Module[LiveFacts]

    @property
    def modules(self) -> tuple[Module[Any], ...]:
        """All modules, in the order of the chain."""
        steps = (self.auth, self.permissions, self.flags, self.dashboard, self.notifications)
        return (*steps, *self.widgets.values(), self.live)


def make_chain(client: httpx.AsyncClient, feed: str = "") -> Chain:
    """Make the modules of the chain for one HTTP client; *feed*: where the channels are, empty for none."""
    auth = auth_module(client)
    permissions = permissions_module(client, auth)
    flags = flags_module(client, auth, permissions)
    dashboard = dashboard_module(client, auth, permissions, flags)
    notifications = notifications_module(client, auth)
    widgets = {name: widget_module(name, client, auth, dashboard) for name in WIDGETS}
    live = live_module(client, auth, dashboard, feed)
    return Chain(auth, permissions, flags, dashboard, notifications, widgets, live)
