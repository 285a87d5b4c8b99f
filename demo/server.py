"""The HTTP API of the demo: a small Starlette application, and the faults it is asked to have.

Run as a process of its own::

    python -m demo.server [--break PART] [--port N]

It prints its address when it listens, logs to standard error, and stops when its standard
input ends: whatever happens to the program that started it, no server stays behind.
"""

import argparse
import logging
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import trio
from attrs import Factory, asdict, define
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo.exception_groups import first_error
from demo.market import Market
from demo.serving import client_hangs_up, serve
from demo.widgets import WIDGETS

BREAKABLE = ("permissions", "flags", "widget", "market")

FLAG_REFUSALS = 2
"""How often the feature flags are unavailable before they answer."""

SLOW_WIDGET = "hottest_months"
"""The widget whose first request gets no answer."""

ANSWER_DELAY = 0.2
"""Seconds every answer takes that needs a session, so that there is something to watch."""

NOTIFICATION_DELAY = 0.4
"""Seconds a notification takes beyond that, so that it arrives while the chain goes on."""

SESSION_LIFETIME = 3600.0
"""Seconds a session is good for."""

STORED_TOKEN = "session-of-yesterday"
"""A token the server knows and that ran out a day ago: what a browser might have kept."""


@define
class Faults:
    """Which requests go wrong: some of them for a while, a broken part for ever."""

    broken: str = ""
    flags_refused: int = 0
    widgets_stalled: int = 0

    def permissions_refused(self) -> bool:
        """Tell whether the permissions are refused: only when broken."""
        return self.broken == "permissions"

    def flags_unavailable(self) -> bool:
        """Count a request for the flags; the first ones are turned away."""
        self.flags_refused += 1
        return self.broken == "flags" or self.flags_refused <= FLAG_REFUSALS

    def widget_stalls(self, name: str) -> bool:
        """Count a request for the slow widget; the first one gets no answer."""
        if name != SLOW_WIDGET:
            return False
        self.widgets_stalled += 1
        return self.broken == "widget" or self.widgets_stalled == 1


@define
class Api:
    """The endpoints, and what they share: sessions and faults."""

    faults: Faults
    market: Market = Factory(Market)
    sessions: dict[str, float] = Factory(lambda: {STORED_TOKEN: time.time() - 86400})
    """Token → the moment it runs out, in seconds since the epoch."""
    refusals: int = 0
    """How many requests came with a session that had run out."""

    async def health(self, _request: Request) -> Response:
        """Answer as soon as the server answers at all."""
        return JSONResponse({"well": True})

    async def log_in(self, _request: Request) -> Response:
        """Open a session and answer its token."""
        token = f"session-{secrets.token_hex(4)}"
        self.sessions[token] = time.time() + SESSION_LIFETIME
        return JSONResponse({"token": token})

    async def validate(self, request: Request) -> Response:
        """Answer 401 if the token in the body is unknown or has run out."""
        token = (await request.json())["token"]
        await self._require_session(token)
        return JSONResponse({"valid": True})

    async def permissions(self, request: Request) -> Response:
        """Answer the role of the session's user and what it allows."""
        await self._require_session(bearer_token(request))
        if self.faults.permissions_refused():
            raise HTTPException(403, "this account is locked")
        return JSONResponse({"role": "editor", "granted": ["view", "edit"]})

    async def flags(self, request: Request) -> Response:
        """Answer the feature flags, once the flag store has woken up."""
        await self._require_session(bearer_token(request))
        if self.faults.flags_unavailable():
            raise HTTPException(503, "the flag store is waking up")
        return JSONResponse({"enabled": ["weather", "cars", "stocks"]})

    async def dashboard(self, request: Request) -> Response:
        """Answer which widgets the role may see with the flags that are on."""
        await self._require_session(bearer_token(request))
        role = request.query_params["role"]
        flags = request.query_params.getlist("flag")
        return JSONResponse({"offered": offered_widgets(role, flags)})

    async def widget(self, request: Request) -> Response:
        """Compute one widget from the data set, or stall until the client hangs up."""
        await self._require_session(bearer_token(request))
        name = request.path_params["name"]
        if name not in WIDGETS:
            raise HTTPException(404, f"no widget named {name}")
        if self.faults.widget_stalls(name):
            await client_hangs_up(request)
        return JSONResponse(asdict(WIDGETS[name]()))

    async def notifications(self, request: Request) -> Response:
        """Answer what there is to tell the user; it takes a moment."""
        await self._require_session(bearer_token(request))
        await trio.sleep(NOTIFICATION_DELAY)
        return JSONResponse({"messages": [f"{self.refusals} requests came with an expired session"]})

    async def feed(self, _request: Request) -> Response:
        """Answer where the channels are."""
        return JSONResponse({"url": self.market.server.url})

    async def prices(self, request: Request) -> Response:
        """Answer the prices as they are now."""
        await self._require_session(bearer_token(request))
        return JSONResponse(self.market.prices)

    async def _require_session(self, token: str) -> None:
        await trio.sleep(ANSWER_DELAY)
        if token not in self.sessions:
            raise HTTPException(401, "unknown session")
        if self.sessions[token] < time.time():
            self.refusals += 1
            raise HTTPException(401, "the session has expired")


WIDGET_FLAGS = {
    "hottest_months": "weather",
    "rainy_days": "weather",
    "mileage_by_origin": "cars",
    "stock_growth": "stocks",
}


def offered_widgets(role: str, flags: Sequence[str]) -> list[str]:
    """Names of the widgets a role sees; stocks are for editors only."""
    shown = [name for name, flag in WIDGET_FLAGS.items() if flag in flags]
    return [name for name in shown if name != "stock_growth" or role == "editor"]


def bearer_token(request: Request) -> str:
    """Token of the ``Authorization`` header; empty if there is none."""
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def make_app(api: Api) -> Starlette:
    """Make the application of an API."""
    endpoints: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/api/health": api.health,
        "/api/permissions": api.permissions,
        "/api/flags": api.flags,
        "/api/dashboard": api.dashboard,
        "/api/widgets/{name}": api.widget,
        "/api/notifications": api.notifications,
        "/api/feed": api.feed,
        "/api/prices": api.prices,
    }
    routes = [Route(path, endpoint) for path, endpoint in endpoints.items()]
    routes.append(Route("/api/auth/login", api.log_in, methods=["POST"]))
    routes.append(Route("/api/auth/validate", api.validate, methods=["POST"]))
    return Starlette(routes=routes)


async def run(broken: str, port: int) -> None:
    """Serve the API and the channels until the input ends; *broken* names the part that fails for good."""
    api = Api(Faults(broken))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(api.market.open, broken=broken == "market"))
        await serve(make_app(api), port)
        nursery.cancel_scope.cancel()


def main() -> None:
    """Run the server as a program."""
    parser = argparse.ArgumentParser(prog="python -m demo.server", description="The demo's API.")
    parser.add_argument("--break", dest="broken", choices=BREAKABLE, default="")
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        trio.run(run, arguments.broken, arguments.port)
    except* OSError as group:
        sys.exit(f"cannot listen on port {arguments.port}: {first_error(group)}")


if __name__ == "__main__":
    main()
