"""The timers: one task, in the order of their moments."""

import trio

from directive_trio._runtime.timers import Timer, Timers


async def test_they_are_called_in_the_order_of_their_moments(autojump_clock: trio.abc.Clock) -> None:
    """Equal moments in the order of asking; a cancelled one never; one from a callback too."""
    timers = Timers()
    called: list[str] = []
    start = trio.current_time()
    timers.call_at(start + 2, lambda: called.append("late"))
    timers.call_at(start + 1, lambda: called.append("first"))
    timers.call_at(start + 1, lambda: called.append("second")).cancel()

    def one_more() -> None:
        timers.call_at(start + 1.5, lambda: called.append("between"))

    timers.call_at(start + 1, one_more)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        await trio.sleep(0.5)
        timers.call_at(start + 0.7, lambda: called.append("earliest"))
        timers.call_at(start + 5, lambda: called.append("gone")).cancel()
        await trio.sleep(9)
        timer = timers.call_at(start, lambda: called.append("past"))
        await trio.sleep(0.1)
        timer.cancel()
        nursery.cancel_scope.cancel()
    assert called == ["earliest", "first", "between", "late", "past"]


async def test_one_that_is_cancelled_by_another_of_its_moment_is_not_called(autojump_clock: trio.abc.Clock) -> None:
    """Up to the moment of its call it may be cancelled."""
    timers = Timers()
    called: list[str] = []
    moment = trio.current_time() + 1
    others: list[Timer] = []

    def cancel_others() -> None:
        others[0].cancel()

    timers.call_at(moment, cancel_others)
    others.append(timers.call_at(moment, lambda: called.append("second")))
    with trio.move_on_after(3):
        await timers.run()
    assert called == []
