"""S2: a system has one thread: what comes from another is refused in plain words, and nothing stands still for it."""

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from directive_trio import ErrorBoundary, SourceLink, open_system
from directive_trio.errors import UsageError
from directive_trio.observe import Observation
from tests.behaviours.feeds import Line, Tick, feed_module, of_source, source_log
from tests.behaviours.test_a_publish_never_raises import COALESCE, with_line


def in_a_thread(function: Callable[..., object], *args: Any) -> list[BaseException]:
    """Call it in another thread, and return what it has raised."""
    raised: list[BaseException] = []

    def call() -> None:
        try:
            function(*args)
        except BaseException as error:  # noqa: BLE001  # it is what is asked for
            raised.append(error)

    thread = Thread(target=call)
    thread.start()
    thread.join()
    return raised


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("coalesce", COALESCE)
async def test_a_publish_is_refused(coalesce: Any, debug: bool, autojump_clock: trio.abc.Clock) -> None:
    """It does not raise there; here it is a drop and an error that says what to do."""
    feed, line = with_line(coalesce=coalesce)
    told: list[str] = []
    log: list[Observation] = []
    async with open_system(
        feed, errors=ErrorBoundary(on_error=lambda e, _: told.append(str(e))), debug=debug
    ) as system:
        await wait_all_tasks_blocked()
        system.observe(log.append)
        assert in_a_thread(line.link.publish, Tick()) == []
        await wait_all_tasks_blocked()
        assert source_log(log) == [("drop", "line", "refused"), ("error", "line", "runtime")]
        assert dict(of_source(system).drops) == {"refused": 1}
        assert "'feed::line' published from another thread" in told[0]
        assert "trio.from_thread.run_sync" in told[0]
        line.link.publish(Tick(2))
        await system.settle(timeout=5)
        assert system[feed].total == 2


async def test_a_publish_that_is_also_too_late_is_too_late(autojump_clock: trio.abc.Clock) -> None:
    """As any other."""
    feed, line = with_line()
    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        await system.stop_async()
        assert in_a_thread(line.link.publish, Tick()) == []
        await wait_all_tasks_blocked()
        assert dict(of_source(system).drops) == {"stopped": 1}


async def test_an_error_is_told_of_here(autojump_clock: trio.abc.Clock) -> None:
    """It must not be lost, wherever it comes from."""
    feed, line = with_line()
    told: list[str] = []
    async with open_system(feed, errors=ErrorBoundary(on_error=lambda error, _: told.append(str(error)))):
        await wait_all_tasks_blocked()
        assert in_a_thread(line.link.report_error, OSError("cut")) == []
        await wait_all_tasks_blocked()
    assert told == ["cut"]


def test_after_the_run_of_trio_there_is_nobody_to_tell() -> None:
    """And nothing is raised."""
    links: list[SourceLink] = []

    async def main() -> None:
        feed, line = feed_module(), Line()
        feed.source(name="line")(line)
        async with open_system(feed):
            await wait_all_tasks_blocked()
            links.append(line.link)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert in_a_thread(links[0].publish, Tick()) == []


async def test_a_write_to_a_system_at_rest_is_refused(autojump_clock: trio.abc.Clock) -> None:
    """Without `debug` too, for it would not be noticed; and the next write wakes the system as ever."""
    feed = feed_module()

    def write() -> None:
        system[feed].last = 1

    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        (error,) = in_a_thread(write)
        assert isinstance(error, UsageError)
        assert "trio.from_thread.run_sync" in str(error)
        system[feed].total = 2
        await system.settle(timeout=5)
