"""The API of the demo, called in memory: its answers and its faults."""

import cattrs
import httpx
import pytest
import trio
from trio.testing import MockClock

from demo.server import STORED_TOKEN, Api, Faults, make_app, offered_widgets
from demo.widgets import WIDGETS, Widget

PROTECTED = ["permissions", "flags", "dashboard", "widgets/rainy_days", "notifications", "prices"]
SOON = 5.0
"""Seconds on the mock clock after which a request counts as stalled."""


def open_client(broken: str = "") -> httpx.AsyncClient:
    """A client of a fresh application."""
    transport = httpx.ASGITransport(make_app(Api(Faults(broken))))
    return httpx.AsyncClient(transport=transport, base_url="http://server")


async def log_in(client: httpx.AsyncClient) -> str:
    """Open a session and let the client show it with every request."""
    token: str = (await client.post("/api/auth/login")).json()["token"]
    client.headers["Authorization"] = f"Bearer {token}"
    return token


async def test_the_stored_session_has_expired(autojump_clock: MockClock) -> None:
    """It is known and refused."""
    async with open_client() as client:
        answer = await client.post("/api/auth/validate", json={"token": STORED_TOKEN})
        assert (answer.status_code, answer.text) == (401, "the session has expired")


async def test_an_invented_session_is_refused(autojump_clock: MockClock) -> None:
    """For another reason than an expired one."""
    async with open_client() as client:
        answer = await client.post("/api/auth/validate", json={"token": "invented"})
        assert (answer.status_code, answer.text) == (401, "unknown session")


async def test_a_new_session_is_valid(autojump_clock: MockClock) -> None:
    """What the login answers, the validation accepts."""
    async with open_client() as client:
        answer = await client.post("/api/auth/validate", json={"token": await log_in(client)})
        assert (answer.status_code, answer.json()) == (200, {"valid": True})


async def test_health_needs_no_session(autojump_clock: MockClock) -> None:
    """The demo asks for it before anyone has logged in."""
    async with open_client() as client:
        assert (await client.get("/api/health")).is_success


@pytest.mark.parametrize("path", PROTECTED)
async def test_everything_else_does(path: str, autojump_clock: MockClock) -> None:
    """A request without a session gets no answer but the refusal."""
    async with open_client() as client:
        assert (await client.get(f"/api/{path}")).status_code == 401


@pytest.mark.parametrize(("broken", "status"), [("", 200), ("permissions", 403)])
async def test_permissions_are_refused_only_when_broken(broken: str, status: int, autojump_clock: MockClock) -> None:
    """Then for good."""
    async with open_client(broken) as client:
        await log_in(client)
        answers = [await client.get("/api/permissions") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [status, status]


@pytest.mark.parametrize(("broken", "statuses"), [("", [503, 503, 200]), ("flags", [503, 503, 503])])
async def test_flags_need_three_tries(broken: str, statuses: list[int], autojump_clock: MockClock) -> None:
    """And never answer when broken."""
    async with open_client(broken) as client:
        await log_in(client)
        answers = [await client.get("/api/flags") for _ in range(3)]
        assert [answer.status_code for answer in answers] == statuses


async def test_the_slow_widget_stalls_once(autojump_clock: MockClock) -> None:
    """The second request gets what the first one waited for in vain."""
    async with open_client() as client:
        await log_in(client)
        assert await stalls(client, "hottest_months")
        answer = await client.get("/api/widgets/hottest_months")
        assert cattrs.structure(answer.json(), Widget) == WIDGETS["hottest_months"]()


async def test_a_broken_widget_stalls_for_good(autojump_clock: MockClock) -> None:
    """But the others do not."""
    async with open_client("widget") as client:
        await log_in(client)
        assert [await stalls(client, "hottest_months") for _ in range(3)] == [True, True, True]
        assert not await stalls(client, "rainy_days")


async def stalls(client: httpx.AsyncClient, name: str) -> bool:
    """Whether a widget gives no answer soon."""
    with trio.move_on_after(SOON) as scope:
        (await client.get(f"/api/widgets/{name}")).raise_for_status()
    return scope.cancelled_caught


async def test_an_unknown_widget_is_not_found(autojump_clock: MockClock) -> None:
    """With its name in the answer."""
    async with open_client() as client:
        await log_in(client)
        answer = await client.get("/api/widgets/tea_leaves")
        assert (answer.status_code, answer.text) == (404, "no widget named tea_leaves")


async def test_notifications_count_what_really_happened(autojump_clock: MockClock) -> None:
    """Each request with the expired session is one."""
    async with open_client() as client:
        for _ in range(3):
            await client.post("/api/auth/validate", json={"token": STORED_TOKEN})
        await log_in(client)
        answer = await client.get("/api/notifications")
        assert answer.json() == {"messages": ["3 requests came with an expired session"]}


@pytest.mark.parametrize(
    ("role", "flags", "offered"),
    [
        ("editor", ["weather", "cars", "stocks"], list(WIDGETS)),
        ("viewer", ["weather", "cars", "stocks"], ["hottest_months", "rainy_days", "mileage_by_origin"]),
        ("editor", ["stocks"], ["stock_growth"]),
        ("editor", [], []),
    ],
)
def test_the_offer_depends_on_role_and_flags(role: str, flags: list[str], offered: list[str]) -> None:
    """Stocks are for editors, and a flag that is off hides its widgets."""
    assert offered_widgets(role, flags) == offered
