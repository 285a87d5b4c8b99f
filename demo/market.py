"""The market of the demo: prices that move, told over realtime channels to whoever listens.

The moves are the last ones of a public data set. In the middle of them every connection is cut, as it happens, and one
move is told to nobody.
"""

import trio
from attrs import Factory, define

from demo.widgets import stock_moves
from directive_trio_realtime.testing import RealtimeServer

MOVES = 8
"""How many prices move."""

CUT_AFTER = 4
"""After how many of them the connections break; the next one nobody hears of."""

HEARD = MOVES - 1
"""How many can be heard of."""

PAUSE = 0.1
"""Seconds between two moves."""


@define
class Market:
    """The prices as they are now, and the server that tells how they move."""

    server: RealtimeServer = Factory(RealtimeServer)
    prices: dict[str, float] = Factory(lambda: dict(stock_moves()[:-MOVES]))

    async def open(self, *, broken: bool) -> None:
        """Serve channels on the loopback address, and move when somebody listens. A broken one lets nobody in."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.server.serve, "127.0.0.1", 0)
            if broken:
                self.server.refuse_connections(503, "the market is closed", times=1_000_000)
            await self.move()

    async def move(self) -> None:
        """Let the prices move, one after the other, each as soon as somebody hears of it."""
        for number, (symbol, price) in enumerate(stock_moves()[-MOVES:]):
            before, self.prices[symbol] = self.prices[symbol], price
            if number == CUT_AFTER:
                self.server.kill()
            else:
                await self.tell(symbol, before, price)
            await trio.sleep(PAUSE)
        await trio.sleep_forever()

    async def tell(self, symbol: str, before: float, price: float) -> None:
        """Tell of one move, again and again until somebody listens: the server has no event for that."""
        old, new = {"symbol": symbol, "price": before}, {"symbol": symbol, "price": price}
        while not self.server.change("prices", "UPDATE", record=new, old_record=old):  # noqa: ASYNC110
            await trio.sleep(PAUSE)
