"""The contract of adapters, as the core checks it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import trio
from trio.testing import MockClock

from adapters.timer.tests.program import NOON, Tick
from directive_trio.abc import Source
from directive_trio.testing import check_source
from directive_trio_timer import at, cron, poll, repeat
from directive_trio_timer.testing import wall_clock_from

CLOCK = wall_clock_from(NOON)


async def fetch() -> Tick:
    """An answer, after a while."""
    await trio.sleep(0.1)
    return Tick()


@pytest.mark.parametrize(
    "make",
    [
        lambda: repeat(Tick(), every=0.5),
        lambda: at(NOON + timedelta(seconds=1), Tick(), missed="coalesce", clock=CLOCK),
        lambda: cron("* * * * * *", Tick(), clock=CLOCK),
        lambda: poll(fetch, every=0.5),
    ],
    ids=["repeat", "at", "cron", "poll"],
)
async def test_a_source_keeps_the_contract_of_adapters(make: Callable[[], Source], autojump_clock: MockClock) -> None:
    """Each of them."""
    await check_source(make)
