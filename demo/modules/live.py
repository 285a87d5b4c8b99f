"""What comes by itself once the dashboard is there: prices as they move, and a reminder to look again.

The prices arrive over a realtime channel. When the connection was away, something may have been missed, and nobody
tells it again: the channel says so, and the constraint asks for the prices anew. The number of the gap is part of the
requirement, so a gap that comes while the prices are being fetched supersedes that: they might be older.
"""

from typing import Any

import httpx
from attrs import define, frozen

from demo.modules.api import accepted
from demo.modules.auth import AuthFacts, bearer
from demo.modules.dashboard import DashboardFacts
from demo.modules.notifications import Refresh
from directive_trio import Context, Module, derivation, fact
from directive_trio_realtime import ChannelOptions, PostgresChanges, realtime_channel
from directive_trio_timer import repeat

REFRESH_EVERY = 1.0
"""Seconds between two reminders."""

REFRESHES = 2
"""How many there are: an application would go on, the demo comes to rest."""


@define
class LiveFacts:
    """The prices, whether they are current, and what has come so far."""

    prices: dict[str, float] = fact(factory=dict)
    loaded_after: int = -1
    """The number of gaps after which the prices were loaded."""
    following: bool = False
    """Whether somebody looks at it: what comes by itself comes as long as this is so."""
    gaps: int = 0
    moves: int = 0
    refreshes: int = 0

    @derivation
    def is_current(self) -> bool:
        """Whether nothing was missed since the prices were loaded."""
        return self.loaded_after == self.gaps


@frozen
class Follow:
    """Event: somebody wants to see how it goes on."""


@frozen
class PriceMoved:
    """Event of the channel: a row of the table ``prices`` is another one now."""

    record: dict[str, Any]


@frozen
class PricesMissed:
    """Event of the channel: the connection was away for a while."""


@frozen
class LoadPrices:
    """Requirement: the prices are those of the server, after so many gaps."""

    gaps: int


def live_module(
    client: httpx.AsyncClient,
    auth: Module[AuthFacts],
    dashboard: Module[DashboardFacts],
    feed: str,
) -> Module[LiveFacts]:
    """Make the module that keeps the prices; *feed* is the address of the channels, empty for none."""
    live = Module("live", LiveFacts)

    @live.on(Follow)
    def follow(facts: LiveFacts, event: Follow) -> None:
        facts.following = True

    @live.on(PriceMoved)
    def price_moved(facts: LiveFacts, event: PriceMoved) -> None:
        facts.prices = {**facts.prices, event.record["symbol"]: event.record["price"]}
        facts.moves += 1

    @live.on(PricesMissed)
    def prices_missed(facts: LiveFacts, event: PricesMissed) -> None:
        facts.gaps += 1

    @live.on(Refresh)
    def count(facts: LiveFacts, event: Refresh) -> None:
        facts.refreshes += 1

    @live.constraint(after=["dashboard::load_dashboard"])
    def load_prices(facts: LiveFacts) -> LoadPrices | None:
        return LoadPrices(facts.gaps) if dashboard.of(facts).loaded and not facts.is_current else None

    @live.resolver(LoadPrices, timeout=5)
    async def fetch(requirement: LoadPrices, ctx: Context[LiveFacts]) -> None:
        moves = ctx.facts.moves
        response = await client.get("/api/prices", headers=bearer(auth.of(ctx.facts)))
        if ctx.facts.moves == moves:
            ctx.facts.prices, ctx.facts.loaded_after = accepted(response), requirement.gaps
        else:  # one has moved meanwhile: the answer may be older than that
            ctx.requeue()

    # A source is attached while its key is not None: both wait until somebody follows.
    if feed:
        prices = ChannelOptions(postgres_changes=[PostgresChanges(table="prices")])
        market = realtime_channel(
            feed, "market", prices, apikey="demo", on_change=PriceMoved, on_gap=lambda _: PricesMissed()
        )
        live.add_source(market, name="market", key=lambda facts: facts.following or None)

    def is_refreshing(facts: LiveFacts) -> bool | None:
        return (facts.following and facts.refreshes < REFRESHES) or None

    live.add_source(repeat(Refresh(), every=REFRESH_EVERY), name="reminder", key=is_refreshing)
    return live
