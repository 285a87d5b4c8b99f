"""The chain of the demo without processes: its modules against the API in memory, on the mock clock."""

import httpx
import trio
from trio.testing import MockClock

from demo.modules import Chain, make_chain
from demo.modules.auth import AuthFacts, LogIn
from demo.modules.live import REFRESHES, Follow, PriceMoved, PricesMissed
from demo.modules.permissions import PermissionFacts
from demo.server import STORED_TOKEN, Api, Faults, make_app
from directive_trio import System, open_system
from directive_trio.observe import Observation


def open_client(broken: str = "") -> httpx.AsyncClient:
    """A client of a fresh application."""
    transport = httpx.ASGITransport(make_app(Api(Faults(broken))))
    return httpx.AsyncClient(transport=transport, base_url="http://server")


async def log_in(system: System, client: httpx.AsyncClient) -> None:
    """Open a session and let the chain settle with it."""
    token = (await client.post("/api/auth/login")).json()["token"]
    system.dispatch(LogIn(token))
    await system.settle()


def arrived(system: System, chain: Chain) -> set[str]:
    """The names of the widgets that have arrived."""
    return {name for name, module in chain.widgets.items() if system[module].widget is not None}


async def test_an_expired_session_starts_nothing_else(autojump_clock: MockClock) -> None:
    """The later steps are released, and their own conditions hold them back."""
    async with open_client() as client:
        chain = make_chain(client)
        async with open_system(*chain.modules) as system:
            system.dispatch(LogIn(STORED_TOKEN))
            await system.settle()
            assert system[chain.auth].status == "expired"
            assert not system[chain.permissions].loaded
            assert not system[chain.notifications].loaded


async def test_a_new_session_resumes_the_chain(autojump_clock: MockClock) -> None:
    """One event after the refusal, and everything arrives."""
    async with open_client() as client:
        chain = make_chain(client)
        async with open_system(*chain.modules) as system:
            system.dispatch(LogIn(STORED_TOKEN))
            await system.settle()
            await log_in(system, client)
            assert system[chain.notifications].messages == ("2 requests came with an expired session",)
            assert arrived(system, chain) == set(system[chain.dashboard].offered) == set(chain.widgets)


async def test_a_widget_that_fails_leaves_the_others_alone(autojump_clock: MockClock) -> None:
    """They load side by side, each in a run of its own."""
    async with open_client("widget") as client:
        chain = make_chain(client)
        async with open_system(*chain.modules) as system:
            await log_in(system, client)
            assert arrived(system, chain) == set(chain.widgets) - {"hottest_months"}


async def test_locked_permissions_hold_back_what_needs_them(autojump_clock: MockClock) -> None:
    """The notifications do not."""
    async with open_client("permissions") as client:
        chain = make_chain(client)
        async with open_system(*chain.modules) as system:
            await log_in(system, client)
            assert system[chain.notifications].loaded
            assert not system[chain.flags].loaded
            assert not system[chain.dashboard].loaded


async def test_a_gap_during_the_fetch_of_the_prices_supersedes_it(autojump_clock: MockClock) -> None:
    """What is fetched might be older than what was missed; and one that moves meanwhile is not overwritten."""
    async with open_client() as client:
        chain = make_chain(client)
        async with open_system(*chain.modules) as system:
            log: list[Observation] = []
            system.observe(log.append)
            system.dispatch(LogIn((await client.post("/api/auth/login")).json()["token"]))
            await system.wait_until(lambda view: view[chain.dashboard].loaded)
            await trio.sleep(0.1)
            system.dispatch(PricesMissed())
            await trio.sleep(0.1)
            system.dispatch(PriceMoved({"symbol": "IBM", "price": 1.0}))
            await system.settle()
            assert system[chain.live].is_current
            assert system[chain.live].prices["IBM"] > 1
            ends = [seen for seen in log if getattr(seen, "id", "") == "live::fetch" and seen.type != "resolver.start"]
            assert [end.type for end in ends] == ["resolver.cancel", "resolver.complete", "resolver.complete"]


async def test_the_reminder_has_the_notifications_loaded_again(autojump_clock: MockClock) -> None:
    """Once somebody follows, so many times."""
    async with open_client() as client:
        chain = make_chain(client)
        async with open_system(*chain.modules) as system:
            await log_in(system, client)
            system.dispatch(Follow())
            await system.wait_until(lambda view: view[chain.live].refreshes == REFRESHES)
            await system.settle()
            assert system[chain.notifications].loaded
            assert [source.id for source in system.inspect().sources if source.attached] == []


def test_derivations_need_no_system() -> None:
    """A facts class is a plain attrs class."""
    assert AuthFacts(status="valid").is_valid
    assert not AuthFacts(status="expired").is_valid
    assert PermissionFacts(granted=("view", "edit")).can_edit
    assert not PermissionFacts(granted=("view",)).can_edit
