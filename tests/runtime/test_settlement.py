"""Settlement: whoever waits for rest."""

import pytest
import trio

from directive_trio._runtime.settlement import Settlement
from directive_trio._runtime.timers import Timers
from directive_trio.errors import SettleTimeoutError


def failure(timeout: float) -> SettleTimeoutError:
    """What is raised when it does not come to rest."""
    return SettleTimeoutError(timeout, (), (), False)


async def test_rest_in_the_tick_of_the_deadline_is_rest(autojump_clock: trio.abc.Clock) -> None:
    """Nobody has woken the waiter, and its time is over: it looks once more."""
    settled: list[bool] = []
    timers = Timers()
    settlement = Settlement(lambda retries: bool(settled), lambda: "running", timers)
    async with trio.open_nursery() as services:
        services.start_soon(timers.run)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(settlement.wait, 2, True, failure)
            await trio.sleep(1)
            settled.append(True)
        assert trio.current_time() == 2
        services.cancel_scope.cancel()


async def test_no_rest_is_the_failure(autojump_clock: trio.abc.Clock) -> None:
    """With the seconds that were waited."""
    timers = Timers()
    settlement = Settlement(lambda retries: False, lambda: "running", timers)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        with pytest.raises(SettleTimeoutError, match="not settled after 2 s"):
            await settlement.wait(2, True, failure)
        assert trio.current_time() == 2
        nursery.cancel_scope.cancel()


async def test_a_wake_up_for_nothing_goes_on_waiting(autojump_clock: trio.abc.Clock) -> None:
    """What was settled when it was woken is not any more when it has its turn."""
    answers = [False, False, True, True, False, True]
    settlement = Settlement(lambda retries: answers.pop(0), lambda: "running", Timers())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(settlement.wait, None, True, failure)
        await trio.sleep(1)
        settlement.look()
        await trio.sleep(1)
        settlement.wake_all()
    assert answers == []
