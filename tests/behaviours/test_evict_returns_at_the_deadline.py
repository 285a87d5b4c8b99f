"""S7: evict runs the hooks of the sources, then destroys; it returns at its deadline in every case, with a report."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from directive_trio import (
    CancelReason,
    ErrorBoundary,
    EvictionReport,
    Module,
    SourceLink,
    System,
    from_callback,
    open_system,
)
from directive_trio.abc import Plugin, Source
from directive_trio.errors import LifecycleError, UsageError
from directive_trio.observe import Observation
from tests.behaviours.feeds import FeedFacts, Line, Tick, feed_module, of_source, source_log
from tests.behaviours.worker import Ctx, Job, all_tasks, seen, work_module

CLEAN = EvictionReport(clean=True, hung=())


def quietly(told: list[str] | None = None) -> ErrorBoundary:
    """Errors are kept."""
    kept = [] if told is None else told
    return ErrorBoundary(on_error=lambda error, name: kept.append(f"{name} {type(error).__name__}"))


class Slow(Source):
    """A source that takes its time in its hook, and in its teardown."""

    def __init__(self, name: str, told: list[str], *, hook: float = 0, teardown: float = 0) -> None:
        self.name, self.told, self.hook, self.teardown = name, told, hook, teardown

    async def run(self, link: SourceLink, /) -> None:
        link.attached()
        try:
            await trio.sleep_forever()
        finally:
            with link.teardown():
                await trio.sleep(self.teardown)
                self.told.append(f"-{self.name}")

    async def on_evict(self) -> None:
        self.told.append(f"{self.name} begins")
        await trio.sleep(self.hook)
        self.told.append(f"{self.name} ends")


def slow_module(told: list[str], **times: tuple[float, float]) -> Module[FeedFacts]:
    """Sources by name, with the times of their hook and their teardown."""
    feed = feed_module()
    for name, (hook, teardown) in times.items():
        feed.add_source(Slow(name, told, hook=hook, teardown=teardown), name=name)
    return feed


def detaching(detach: Callable[[], object]) -> Callable[[SourceLink], Callable[[], object]]:
    """An attach that returns that."""
    return lambda link: detach


async def test_the_hooks_come_first_in_order_and_together(autojump_clock: trio.abc.Clock) -> None:
    """Then everything is detached, in reverse; then the system is destroyed."""
    told: list[str] = []
    async with open_system(slow_module(told, a=(2, 1), b=(3, 1), c=(1, 1))) as system:
        await wait_all_tasks_blocked()
        begin = trio.current_time()
        assert await system.evict(begin + 60) == CLEAN
        assert trio.current_time() == begin + 4
        assert system.state == "destroyed"
    assert told[:3] == ["a begins", "b begins", "c begins"]
    assert told[3:6] == ["c ends", "a ends", "b ends"]
    assert sorted(told[6:]) == ["-a", "-b", "-c"]


@pytest.mark.parametrize("repeat", range(3))
async def test_sync_detaches_are_in_reverse_order(repeat: int, autojump_clock: trio.abc.Clock) -> None:
    """As at stop."""
    told: list[str] = []
    feed = feed_module()
    for name in "abcd":
        feed.add_source(from_callback(detaching(partial(told.append, name))), name=name)
    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        assert await system.evict() == CLEAN
    assert told == ["d", "c", "b", "a"]


@pytest.mark.parametrize("place", ["hook", "teardown"])
async def test_of_three_slow_ones_the_one_that_hangs_is_named(place: str, autojump_clock: trio.abc.Clock) -> None:
    """The others have their time; at the deadline nothing is left."""
    told: list[str] = []
    hung = (math.inf, 1.0) if place == "hook" else (1.0, math.inf)
    before = all_tasks()
    async with open_system(slow_module(told, a=(1, 1), b=hung, c=(1, 1)), errors=quietly()) as system:
        await wait_all_tasks_blocked()
        begin = trio.current_time()
        assert await system.evict(begin + 5) == EvictionReport(clean=False, hung=("feed::b",))
        assert trio.current_time() == begin + 5
        assert all_tasks() == before
        assert system.state == "destroyed"
    assert {"-a", "-c", "a ends", "c ends"} <= set(told)


def test_on_a_clock_that_goes_as_the_real_one_does_it_is_the_same() -> None:
    """Half a second for the hooks, half for the ends: the one that hangs is named, and nothing is left."""
    told: list[str] = []

    async def main() -> None:
        before = all_tasks()
        feeds = slow_module(told, a=(0, 0), b=(math.inf, math.inf), c=(0, 0))
        async with open_system(feeds, errors=quietly()) as system:
            await wait_all_tasks_blocked()
            report = await system.evict(trio.current_time() + 1)
            assert report == EvictionReport(clean=False, hung=("feed::b",))
            assert (all_tasks(), system.state) == (before, "destroyed")

    trio.run(main, clock=MockClock(rate=1.0))
    assert {"-a", "-c", "a ends", "c ends"} <= set(told)


@pytest.mark.parametrize("left", [-1.0, 0.0, 0.001])
async def test_without_time_everything_is_cut_off(left: float, autojump_clock: trio.abc.Clock) -> None:
    """A deadline that has passed is one too."""
    told: list[str] = []
    before = all_tasks()
    async with open_system(slow_module(told, a=(1, 1), b=(1, 1)), errors=quietly()) as system:
        await wait_all_tasks_blocked()
        begin = trio.current_time()
        report = await system.evict(begin + left)
        assert report == EvictionReport(clean=False, hung=("feed::a", "feed::b"))
        assert trio.current_time() == begin + max(left, 0)
        assert all_tasks() == before
    assert "a begins" in told


async def test_who_shields_itself_is_named_and_not_waited_for(autojump_clock: trio.abc.Clock) -> None:
    """Nobody can end it: the block waits for it, and it is destroyed then."""
    feed = feed_module()

    @feed.source
    async def line(link: SourceLink) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(100)

    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        begin = trio.current_time()
        assert await system.evict(begin + 2) == EvictionReport(clean=False, hung=("feed::line",))
        assert (trio.current_time(), system.state) == (begin + 2, "stopping")
        assert await system.evict(begin + 3) == EvictionReport(clean=False, hung=("feed::line",))
    assert trio.current_time() == begin + 100
    assert system.state == "destroyed"
    assert await system.evict() == CLEAN


async def test_whatever_hangs_is_named(autojump_clock: trio.abc.Clock) -> None:
    """Runs, effects, async constraints and hooks too."""

    async def hang(*_: Any) -> Any:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(10)

    async def hang_in_a_hook() -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(10)

    async def work_on(job: Job, ctx: Ctx) -> None:
        await hang()

    work = work_module(work_on)
    work.effect(name="effect")(hang)
    work.constraint(name="constraint")(hang)
    work.add_source(from_callback(lambda link: lambda: None, on_evict=hang_in_a_hook), name="source")
    async with open_system(work) as system:
        system[work].wanted = "x"
        await wait_all_tasks_blocked()
        report = await system.evict(trio.current_time() + 1)
    assert report.hung == ("work::constraint", "work::do", "work::effect", "work::source")


async def test_a_plugin_that_hangs_is_named_when_it_is_its_turn_to_end(autojump_clock: trio.abc.Clock) -> None:
    """By its class."""

    class Hanging(Plugin):
        def observe(self, observation: Observation, /) -> None: ...

        async def run(self, system: System, /) -> None:
            with trio.CancelScope(shield=True):
                await trio.sleep(10)

    async with open_system(feed_module(), plugins=[Hanging()]) as system:
        await wait_all_tasks_blocked()
        report = await system.evict(trio.current_time() + 1)
    assert report == EvictionReport(clean=False, hung=("Hanging",))


async def test_runs_are_cancelled_with_that_reason(autojump_clock: trio.abc.Clock) -> None:
    """``evicted``, for runs and sources alike."""

    async def forever(job: Job, ctx: Ctx) -> None:
        await trio.sleep_forever()

    line, work, log = Line(), work_module(forever), list[Observation]()
    work.source(name="line")(line)
    async with open_system(work) as system:
        system.observe(log.append)
        system[work].wanted = "x"
        await wait_all_tasks_blocked()
        await system.evict()
    assert [run.reason for run in seen(log, "resolver.cancel")] == [CancelReason("evicted")]
    assert line.link.signal.reason == CancelReason("evicted")
    assert source_log(log, "source.detach") == [("detach", "line", "cancelled", "evicted")]


async def test_what_is_published_later_is_dropped(autojump_clock: trio.abc.Clock) -> None:
    """Not during the hooks: a last word may be said."""
    feed, line = feed_module(), Line()

    async def say_good_bye() -> None:
        line.link.publish(Tick(5))

    @feed.source(name="line")
    async def run(link: SourceLink) -> None:
        link.on_evict(say_good_bye)
        await line(link)

    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        assert await system.evict() == CLEAN
        line.link.publish(Tick())
        assert (system[feed].total, of_source(system).last_drop_reason) == (5, "evicted")


async def test_hooks_of_the_link_sync_or_async_come_after_that_of_the_object(autojump_clock: trio.abc.Clock) -> None:
    """In the order in which they were given; those of a link that has ended are not called."""
    told: list[str] = []

    class Hooked(Source):
        async def run(self, link: SourceLink, /) -> None:
            link.on_evict(lambda: told.append("sync"))
            link.on_evict(self.later)
            await trio.sleep_forever()

        async def later(self) -> None:
            told.append("async")
            await trio.sleep(1)

        async def on_evict(self) -> None:
            told.append("object")

    feed = feed_module()
    feed.add_source(Hooked(), name="hooked")
    feed.add_source(from_callback(lambda link: lambda: None, on_evict=lambda: told.append("callback")), name="other")
    feed.add_source(from_callback(lambda link: lambda: None), name="without")

    @feed.source
    async def over(link: SourceLink) -> None:
        link.on_evict(lambda: told.append("too late"))

    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        assert await system.evict() == CLEAN
    assert told == ["object", "sync", "async", "callback"]


async def test_each_is_isolated(autojump_clock: trio.abc.Clock) -> None:
    """One that raises is told as an error of phase ``cleanup``; the others go on."""
    told: list[str] = []
    errors: list[str] = []
    log: list[Observation] = []

    def fail() -> None:
        raise OSError("at the end")

    feed = slow_module(told, a=(1, 0))
    feed.add_source(from_callback(lambda link: lambda: None, on_evict=fail), name="broken")
    feed.add_source(Slow("c", told, hook=2), name="c")
    async with open_system(feed, errors=quietly(errors)) as system:
        system.observe(log.append)
        await wait_all_tasks_blocked()
        assert await system.evict(trio.current_time() + 60) == CLEAN
    assert told[:4] == ["a begins", "c begins", "a ends", "c ends"]
    assert errors == ["feed::broken OSError"]
    assert source_log(log, "source.error") == [("error", "broken", "cleanup")]


async def test_throw_lets_a_hooks_error_leave_the_system(autojump_clock: trio.abc.Clock) -> None:
    """In the block's group; the eviction is complete."""

    def fail() -> None:
        raise OSError("at the end")

    feed = feed_module()
    feed.add_source(from_callback(lambda link: lambda: None, on_evict=fail), name="broken")
    system = System(feed, errors=ErrorBoundary(source="throw", on_error=lambda *_: None))
    with pytest.raises(ExceptionGroup) as caught:
        async with trio.open_nursery() as nursery:
            system.start(nursery)
            await wait_all_tasks_blocked()
            await system.evict()
    assert caught.group_contains(OSError, match="at the end")
    assert system.state == "destroyed"


async def test_repeating_it_is_harmless(autojump_clock: trio.abc.Clock) -> None:
    """Hooks run once; each caller returns at its own deadline, and the earliest counts for all shields."""
    told: list[str] = []
    reports: list[tuple[float, EvictionReport]] = []
    begin = trio.current_time()

    async with open_system(slow_module(told, a=(1, math.inf)), errors=quietly(), teardown_grace=100) as system:

        async def evict(after: float, deadline: float) -> None:
            await trio.sleep(after)
            report = await system.evict(begin + deadline)
            reports.append((trio.current_time() - begin, report))

        await wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(evict, 0, 30)
            nursery.start_soon(evict, 2, 8)
            nursery.start_soon(evict, 3, 50)
        reports.append((trio.current_time() - begin, await system.evict()))
    assert reports == [(8, EvictionReport(clean=False, hung=("feed::a",)))] * 4
    assert told == ["a begins", "a ends"]


@pytest.mark.parametrize("state", ["new", "stopped", "destroyed"])
async def test_one_that_does_not_run_is_destroyed(state: str, autojump_clock: trio.abc.Clock) -> None:
    """There is nothing that could hang; its hooks are not called."""
    told: list[str] = []
    system = System(slow_module(told, a=(1, 1)))
    async with trio.open_nursery() as nursery:
        if state != "new":
            system.start(nursery)
            await wait_all_tasks_blocked()
            await system.stop_async()
        if state == "destroyed":
            await system.destroy()
        assert system.state == state
        assert await system.evict(-math.inf) == CLEAN
        assert system.state == "destroyed"
    assert "a begins" not in told


async def test_one_that_is_stopping_is_hurried(autojump_clock: trio.abc.Clock) -> None:
    """Those that wait for their turn are cancelled at once; shields end at the deadline."""
    told: list[str] = []
    async with open_system(
        slow_module(told, a=(0, 1), b=(0, 1), c=(0, math.inf)), errors=quietly(), teardown_grace=60
    ) as system:
        await wait_all_tasks_blocked()
        begin = trio.current_time()
        system.stop()
        await trio.sleep(1)
        assert await system.evict(begin + 4) == EvictionReport(clean=False, hung=("feed::c",))
        assert trio.current_time() == begin + 4
    assert sorted(told) == ["-a", "-b"]


async def test_stop_during_the_hooks_lets_them_finish(autojump_clock: trio.abc.Clock) -> None:
    """Sources are detached beside them."""
    told: list[str] = []
    async with open_system(slow_module(told, a=(3, 0))) as system:
        await wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(system.evict)
            await trio.sleep(1)
            system.stop()
    assert told == ["a begins", "-a", "a ends"]
    assert system.state == "destroyed"


async def test_cancelling_it_ends_the_waiting(autojump_clock: trio.abc.Clock) -> None:
    """The eviction goes on."""
    told: list[str] = []
    async with open_system(slow_module(told, a=(3, 1))) as system:
        await wait_all_tasks_blocked()
        with trio.move_on_after(1) as scope:
            await system.evict()
        assert scope.cancelled_caught
        assert told == ["a begins"]
        await trio.sleep(4)
        assert system.state == "destroyed"
    assert told == ["a begins", "a ends", "-a"]


async def test_a_cancellation_of_the_host_lets_the_hooks_finish(autojump_clock: trio.abc.Clock) -> None:
    """The engine shields them, as it shields teardowns."""
    told: list[str] = []
    system = System(slow_module(told, a=(3, 1)))
    async with trio.open_nursery() as nursery:
        await nursery.start(system.run)
        await wait_all_tasks_blocked()
        nursery.start_soon(system.evict)
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert sorted(told) == ["-a", "a begins", "a ends"]
    assert system.state == "destroyed"


async def test_from_inside_it_is_refused(autojump_clock: trio.abc.Clock) -> None:
    """R13: it could never return; from a hook neither."""
    refused: list[str] = []
    systems: list[System] = []

    async def evict() -> None:
        try:
            await systems[0].evict()
        except LifecycleError as error:
            refused.append(error.operation)

    feed = feed_module()

    @feed.source
    async def line(link: SourceLink) -> None:
        link.on_evict(evict)
        await evict()
        await trio.sleep_forever()

    systems.append(System(feed))
    async with trio.open_nursery() as nursery:
        systems[0].start(nursery)
        await wait_all_tasks_blocked()
        await systems[0].evict()
    assert refused == ["evict", "evict"]


async def test_it_is_a_checkpoint(autojump_clock: trio.abc.Clock) -> None:
    """In every state."""
    system = System(feed_module())
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        for _ in range(2):
            with trio.testing.assert_checkpoints():
                await system.evict()


@pytest.mark.parametrize("wrong", [math.nan, "soon", None, True])
async def test_a_deadline_is_a_moment(wrong: Any, autojump_clock: trio.abc.Clock) -> None:
    """Nothing else; and nothing has happened."""
    system = System(feed_module())
    with pytest.raises(UsageError, match=r"evict\(\) expects a moment on the trio clock"):
        await system.evict(wrong)
    assert system.state == "new"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
async def test_an_interrupt_in_a_hook_passes_through(
    error: type[BaseException], autojump_clock: trio.abc.Clock
) -> None:
    """R10: and everything is detached all the same."""
    told: list[str] = []

    def interrupt() -> None:
        raise error

    hooks: list[Callable[[], None]] = [interrupt]
    feed = slow_module(told, a=(1, 1))
    feed.add_source(from_callback(lambda link: lambda: None, on_evict=hooks[0]), name="broken")
    system = System(feed)
    before = all_tasks()
    with pytest.raises(BaseExceptionGroup) as caught:
        async with trio.open_nursery() as nursery:
            system.start(nursery)
            await wait_all_tasks_blocked()
            await system.evict()
    assert caught.group_contains(error)
    assert sorted(told) == ["-a", "a begins", "a ends"]
    assert all_tasks() == before


async def test_an_earlier_deadline_counts_for_hooks_that_go_on(autojump_clock: trio.abc.Clock) -> None:
    """Evicted again with less time: both callers have their report at the earlier moment."""
    told: list[str] = []
    async with open_system(slow_module(told, a=(math.inf, 0)), errors=quietly()) as system:
        await wait_all_tasks_blocked()
        begin = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(system.evict, begin + 60)
            await trio.sleep(1)
            assert await system.evict(begin + 2) == EvictionReport(clean=False, hung=("feed::a",))
        assert trio.current_time() == begin + 2
