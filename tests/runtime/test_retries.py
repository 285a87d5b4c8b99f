"""Scheduled retries: one timer for each requirement that waits."""

import trio
from attrs import frozen

from directive_trio._planning.identity import Identity
from directive_trio._planning.wanted import Wanted
from directive_trio._runtime.retries import ScheduledRetries
from directive_trio._runtime.timers import Timers


@frozen
class Need: ...


async def test_what_is_due_already_may_be_unscheduled_too(autojump_clock: trio.abc.Clock) -> None:
    """It became unwanted in the very tick of its retry; the others are called, or forgotten."""
    timers = Timers()
    due: list[Wanted] = []
    retries = ScheduledRetries(timers, due.append)
    first, second, third = (Wanted(Identity(number), Need(), None) for number in range(3))
    retries.schedule(first, 1)
    retries.schedule(second, 2)
    retries.schedule(third, 3)
    with trio.move_on_after(1.5):
        await timers.run()
    retries.unschedule(first)
    retries.unschedule(second)
    retries.clear()
    with trio.move_on_after(5):
        await timers.run()
    assert due == [first]
    assert not retries.scheduled
