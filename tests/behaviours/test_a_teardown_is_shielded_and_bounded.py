"""S4: a source ends by cancellation; what it must await then is shielded by the engine, for ``teardown_grace``."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from directive_trio import CancelReason, ErrorBoundary, Module, SourceLink, System, from_callback, open_system
from directive_trio.errors import TeardownTimeoutError
from directive_trio.observe import Observation
from tests.behaviours.feeds import FeedFacts, Line, feed_module, of_source, source_log
from tests.behaviours.worker import all_tasks


def closing(seconds: float, told: list[str], kind: str) -> Module[FeedFacts]:
    """A source that takes its time to say good-bye."""
    feed = feed_module()

    async def close() -> None:
        told.append("closing")
        await trio.sleep(seconds)
        told.append("closed")

    def attach(link: SourceLink) -> Callable[[], Any]:
        return close

    async def run(link: SourceLink) -> None:
        link.attached()
        try:
            await trio.sleep_forever()
        finally:
            with link.teardown():
                await close()

    if kind == "task":
        feed.source(name="line")(run)
    else:
        feed.add_source(from_callback(attach), name="line")
    return feed


KINDS = pytest.mark.parametrize("kind", ["task", "callback"])


@KINDS
async def test_stop_requests_and_stop_async_waits(kind: str, autojump_clock: trio.abc.Clock) -> None:
    """The system has stopped when its sources have ended."""
    told: list[str] = []
    async with open_system(closing(3, told, kind)) as system:
        await wait_all_tasks_blocked()
        begin = trio.current_time()
        system.stop()
        assert (system.state, told) == ("stopping", [])
        await trio.sleep(1)
        assert (system.state, told, of_source(system).attached) == ("stopping", ["closing"], True)
        assert "is being detached: stopped" in str(system.explain("feed::line"))
        await system.stop_async()
        assert (system.state, told, of_source(system).attached) == ("stopped", ["closing", "closed"], False)
        assert trio.current_time() == begin + 3


@pytest.mark.parametrize("place", ["teardown", "detach", "hook"])
async def test_one_that_fails_when_it_is_cut_off_is_named_too(place: str, autojump_clock: trio.abc.Clock) -> None:
    """S7: what it raises then does not hide that it hung; both are told."""
    told: list[str] = []
    feed = feed_module()

    async def hang() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise OSError("gone")

    async def hang_at_the_end(link: SourceLink) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with link.teardown():
                await hang()

    if place == "teardown":
        feed.source(name="line")(hang_at_the_end)
    elif place == "detach":
        feed.add_source(from_callback(lambda _: hang), name="line")
    else:
        feed.add_source(from_callback(lambda _: lambda: None, on_evict=hang), name="line")
    boundary = ErrorBoundary(on_error=lambda error, _: told.append(type(error).__name__))
    async with open_system(feed, errors=boundary) as system:
        await wait_all_tasks_blocked()
        report = await system.evict(trio.current_time() + 2)
    assert report.hung == ("feed::line",)
    assert sorted(told) == ["OSError", "TeardownTimeoutError"]


async def test_an_eviction_does_not_wait_for_one_that_waits_for_its_own_end(autojump_clock: trio.abc.Clock) -> None:
    """S5, S7: another key came while the last time still cleans up; the hooks of others begin all the same."""
    told: list[float] = []
    feed = feed_module()

    @feed.source(name="slow", key=lambda facts: facts.room)
    async def slow(link: SourceLink) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with link.teardown():
                await trio.sleep(2)

    @feed.source(name="other")
    async def other(link: SourceLink) -> None:
        link.on_evict(lambda: told.append(trio.current_time()))
        await trio.sleep_forever()

    async with open_system(feed, initial={"feed": {"room": "hall"}}) as system:
        await wait_all_tasks_blocked()
        system[feed].room = "attic"
        await system.settle()
        begin = trio.current_time()
        assert (await system.evict(begin + 4)).clean
    assert told == [begin]


@KINDS
async def test_it_is_cut_off_after_the_grace(kind: str, autojump_clock: trio.abc.Clock) -> None:
    """Told as an error of phase ``cleanup``; nothing is left behind."""
    told: list[str] = []
    errors: list[Exception] = []
    log: list[Observation] = []
    before = all_tasks()
    boundary = ErrorBoundary(on_error=lambda error, _: errors.append(error))
    async with open_system(closing(1000, told, kind), errors=boundary, teardown_grace=4) as system:
        await wait_all_tasks_blocked()
        system.observe(log.append)
        begin = trio.current_time()
        await system.stop_async()
        assert trio.current_time() == begin + 4
        assert "cut off" in of_source(system).last_error
    assert told == ["closing"]
    assert [type(error) for error in errors] == [TeardownTimeoutError]
    assert source_log(log) == [("error", "line", "cleanup"), ("detach", "line", "cancelled", "stopped")]
    assert all_tasks() == before


async def test_without_a_shield_nothing_is_awaited(autojump_clock: trio.abc.Clock) -> None:
    """As in every trio program."""
    feed = feed_module()
    told: list[str] = []

    @feed.source
    async def line(link: SourceLink) -> None:
        try:
            await trio.sleep_forever()
        finally:
            await trio.lowlevel.checkpoint()
            told.append("unreachable")

    async with open_system(feed):
        await wait_all_tasks_blocked()
    assert not told


async def test_all_shields_of_a_source_that_must_end_share_one_deadline(autojump_clock: trio.abc.Clock) -> None:
    """A source that begins another teardown when one is over cannot go on for ever."""
    feed = feed_module()
    shields: list[int] = []

    @feed.source
    async def stubborn(link: SourceLink) -> None:
        while True:
            try:
                await trio.sleep_forever()
            finally:
                for number in range(10):
                    with link.teardown():
                        shields.append(number)
                        await trio.sleep(2)

    async with open_system(feed, teardown_grace=5, errors=ErrorBoundary(on_error=lambda *_: None)) as system:
        await wait_all_tasks_blocked()
        begin = trio.current_time()
        await system.stop_async()
        assert trio.current_time() == begin + 5
    assert len(shields) == 10


async def test_a_teardown_of_a_source_that_ends_by_itself_is_bounded_too(autojump_clock: trio.abc.Clock) -> None:
    """Each time it has the whole grace."""
    feed = feed_module()
    ended: list[float] = []

    @feed.source
    async def line(link: SourceLink) -> None:
        begin = trio.current_time()
        for _ in range(2):
            with link.teardown():
                await trio.sleep_forever()
            ended.append(trio.current_time() - begin)

    async with open_system(feed, teardown_grace=3, errors=ErrorBoundary(on_error=lambda *_: None)) as system:
        await trio.sleep(10)
        assert of_source(system).state == "completed"
    assert ended == [3, 6]


async def test_one_that_hangs_holds_up_the_others_no_longer_than_the_grace(autojump_clock: trio.abc.Clock) -> None:
    """Also where it shields itself, and nobody can end it."""
    feed = feed_module()
    told: list[str] = []
    begin = trio.current_time()

    @feed.source
    async def first(link: SourceLink) -> None:
        try:
            await trio.sleep_forever()
        finally:
            told.append(f"first {trio.current_time() - begin:g}")

    @feed.source
    async def second(link: SourceLink) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(60)
            told.append(f"second {trio.current_time() - begin:g}")

    async with open_system(feed, teardown_grace=2):
        await wait_all_tasks_blocked()
    assert told == ["first 2", "second 60"]


async def test_the_signal_says_why(autojump_clock: trio.abc.Clock) -> None:
    """Aborted at the moment of the cancellation, with its reason."""
    line, feed = Line(), feed_module()
    feed.source(name="line")(line)
    told: list[CancelReason] = []
    async with open_system(feed):
        await wait_all_tasks_blocked()
        line.link.signal.on_abort(told.append)
        assert not line.link.signal.aborted
    assert told == [CancelReason("stopped")]
    assert line.link.signal.reason == CancelReason("stopped")


@pytest.mark.parametrize("ticks", range(8))
@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_whenever_it_is_stopped_what_is_attached_is_detached(
    ticks: int, kind: str, autojump_clock: trio.abc.Clock
) -> None:
    """Also in the middle of attaching, also before."""
    attached: list[int] = []
    detached: list[int] = []

    def attach(link: SourceLink) -> Any:
        attached.append(1)
        return lambda: detached.append(1)

    async def attach_slowly(link: SourceLink) -> Any:
        for _ in range(3):
            await trio.lowlevel.checkpoint()
        return attach(link)

    feed = feed_module()
    feed.add_source(from_callback(attach if kind == "sync" else attach_slowly), name="line")
    log: list[Observation] = []
    system = System(feed)
    system.observe(log.append)
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        for _ in range(ticks):
            await trio.lowlevel.checkpoint()
        system.stop()
    assert attached == detached
    assert [kind for kind, *_ in source_log(log)] == ["attach", "detach"] * len(attached)


async def test_an_attach_that_gives_back_a_detach_although_it_was_cancelled(autojump_clock: trio.abc.Clock) -> None:
    """It is called: what was attached is detached."""
    detached: list[int] = []

    async def attach(link: SourceLink) -> Any:
        with suppress(trio.Cancelled):
            await trio.sleep_forever()
        return lambda: detached.append(1)

    feed = feed_module()
    feed.add_source(from_callback(attach), name="line")
    async with open_system(feed):
        await wait_all_tasks_blocked()
    assert detached == [1]


async def test_an_attach_may_stop_the_system(autojump_clock: trio.abc.Clock) -> None:
    """Its own detach follows; those after it do not attach."""
    feed = feed_module()
    told: list[str] = []
    system = System(feed_module("unused"))

    def attach(link: SourceLink) -> Any:
        system.stop()
        return lambda: told.append("detached")

    feed.add_source(from_callback(attach), name="line")

    @feed.source
    async def later(link: SourceLink) -> None:
        told.append("later")

    system = System(feed)
    async with trio.open_nursery() as nursery:
        system.start(nursery)
    assert told == ["detached"]
    assert system.state == "stopped"


async def test_a_cancellation_from_outside_is_an_ordered_stop(autojump_clock: trio.abc.Clock) -> None:
    """The shields hold for the host's nursery too."""
    told: list[str] = []
    system = System(closing(3, told, "task"))
    async with trio.open_nursery() as nursery:
        await nursery.start(system.run)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert told == ["closing", "closed"]
