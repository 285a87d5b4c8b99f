"""S6, R12: a source that raises is reported and run again as its policy says; then the error boundary decides."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from directive_trio import ErrorBoundary, Module, Retry, SourceLink, System, open_system
from directive_trio.observe import Observation
from tests.behaviours.feeds import FeedFacts, Tick, feed_module, of_source, source_log


class Failing:
    """A source function that fails as often as it is told, then stays."""

    def __init__(self, times: float, after: float = 0) -> None:
        self.times = times
        self.after = after
        self.begun: list[float] = []
        self.links: list[SourceLink] = []

    async def __call__(self, link: SourceLink) -> None:
        self.begun.append(trio.current_time())
        self.links.append(link)
        link.attached()
        await trio.sleep(self.after)
        if len(self.begun) <= self.times:
            raise OSError(f"failure {len(self.begun)}")
        await trio.sleep_forever()

    @property
    def waits(self) -> list[float]:
        """Between begin and begin."""
        return [round(later - earlier, 6) for earlier, later in zip(self.begun, self.begun[1:], strict=False)]


def failing_module(failing: Failing, **options: Any) -> Module[FeedFacts]:
    """A module with that source."""
    feed = feed_module()
    feed.source(name="line", **options)(failing)
    return feed


def telling(told: list[str], **strategies: Any) -> ErrorBoundary:
    """A boundary that keeps what it is told."""
    return ErrorBoundary(on_error=lambda error, name: told.append(f"{name} {error}"), **strategies)


async def test_it_is_run_again_after_backoff(autojump_clock: trio.abc.Clock) -> None:
    """Each error is reported; each attempt has a link of its own."""
    failing = Failing(2, after=1)
    told: list[str] = []
    log: list[Observation] = []
    feed = failing_module(failing, retry=Retry(5, "exponential", 10))
    async with open_system(feed, errors=telling(told)) as system:
        system.observe(log.append)
        await trio.sleep(5)
        assert of_source(system).state == "waiting"
        assert "not attached yet" in str(system.explain("feed::line"))
        failing.links[0].publish(Tick())
        failing.links[0].report_error(OSError("late"))
        await trio.sleep(60)
        assert of_source(system).attached
        assert dict(of_source(system).drops) == {"detached": 1}
    assert failing.waits == [11, 21]
    assert told == ["feed::line failure 1", "feed::line failure 2"]
    assert source_log(log) == [
        *[("attach", "line"), ("error", "line", "runtime"), ("detach", "line", "failed"), ("drop", "line", "detached")],
        *[("attach", "line"), ("error", "line", "runtime"), ("detach", "line", "failed")],
        *[("attach", "line"), ("detach", "line", "cancelled", "stopped")],
    ]


async def test_what_an_attempt_wanted_at_an_eviction_ends_with_it(autojump_clock: trio.abc.Clock) -> None:
    """S7: only the attempt that goes on has hooks, however many failed before."""
    told: list[int] = []
    failing = Failing(2)

    async def hooked(link: SourceLink) -> None:
        number = len(failing.begun) + 1
        link.on_evict(lambda: told.append(number))
        await failing(link)

    feed = feed_module()
    feed.source(name="line", retry=Retry(5))(hooked)
    async with open_system(feed, errors=telling([])) as system:
        await trio.sleep(60)
        await system.evict(trio.current_time() + 5)
    assert told == [3]


async def test_after_the_last_attempt_it_stays_detached(autojump_clock: trio.abc.Clock) -> None:
    """skip, the default; attempts counts runs, the first included."""
    failing = Failing(100)
    told: list[str] = []
    feed = failing_module(failing, retry=Retry(3))
    async with open_system(feed, errors=telling(told)) as system:
        await trio.sleep(60)
        assert (of_source(system).state, of_source(system).last_error) == ("failed", "failure 3")
        assert str(system.explain("feed::line")).startswith("source feed::line has ended: failed")
    assert (len(failing.begun), len(told)) == (3, 3)


async def test_one_that_returns_is_completed(autojump_clock: trio.abc.Clock) -> None:
    """It is not run again, whatever its policy."""
    feed = feed_module()
    runs: list[int] = []

    @feed.source(retry=Retry(5))
    async def line(link: SourceLink) -> None:
        runs.append(1)
        link.publish(Tick())

    log: list[Observation] = []
    async with open_system(feed) as system:
        system.observe(log.append)
        await trio.sleep(60)
        assert (of_source(system).state, of_source(system).attached, system[feed].total) == ("completed", False, 1)
    assert runs == [1]
    assert source_log(log) == [("attach", "line"), ("publish", "line"), ("detach", "line", "completed")]


async def test_retry_if_may_say_no(autojump_clock: trio.abc.Clock) -> None:
    """One that raises says no, and is reported."""
    told: list[str] = []

    def broken(error: Exception, attempt: int) -> bool:
        raise ValueError("of the predicate")

    one, two = Failing(100), Failing(100)
    feed = feed_module()
    feed.source(name="one", retry=Retry(5, retry_if=lambda error, attempt: attempt < 3))(one)
    feed.source(name="two", retry=Retry(5, retry_if=broken))(two)
    async with open_system(feed, errors=telling(told)):
        await trio.sleep(60)
    assert (len(one.begun), len(two.begun)) == (3, 1)
    assert "feed::two of the predicate" in told


async def test_a_retry_is_not_waited_for(autojump_clock: trio.abc.Clock) -> None:
    """A source is no run: a system whose source is offline settles."""
    failing = Failing(100)
    async with open_system(
        failing_module(failing, retry=Retry(5, initial_delay=20)), errors=telling([], source="retry_later")
    ) as system:
        await wait_all_tasks_blocked()
        assert system.is_settled


@pytest.mark.parametrize("when", [1, 15])
async def test_stop_ends_a_backoff(when: float, autojump_clock: trio.abc.Clock) -> None:
    """At once; and it does not begin again."""
    failing = Failing(100)
    feed = failing_module(failing, retry=Retry(5, initial_delay=10))
    async with open_system(feed, errors=telling([])) as system:
        await trio.sleep(when)
        begun, begin = len(failing.begun), trio.current_time()
        await system.stop_async()
        assert trio.current_time() == begin
    assert len(failing.begun) == begun


async def test_the_strategy_retry_runs_it_at_once(autojump_clock: trio.abc.Clock) -> None:
    """At most ten times in a row."""
    failing = Failing(100)
    async with open_system(failing_module(failing), errors=telling([], source="retry")) as system:
        await trio.sleep(1)
        assert of_source(system).state == "failed"
    assert failing.waits == [0] * 10


async def test_the_strategy_retry_later_has_a_schedule(autojump_clock: trio.abc.Clock) -> None:
    """That of the boundary; attempts counts runs."""
    failing = Failing(100)
    boundary = telling([], source="retry_later", retry_later=Retry(4, "exponential", 1))
    async with open_system(failing_module(failing), errors=boundary) as system:
        await trio.sleep(0.5)
        assert of_source(system).state == "waiting"
        assert "it is run again in 0.5 s" in str(system.explain("feed::line"))
        await trio.sleep(60)
        assert of_source(system).state == "failed"
    assert failing.waits == [1, 2, 4]


@pytest.mark.parametrize("how", ["stop", "disable"])
async def test_a_scheduled_retry_is_given_up(how: str, autojump_clock: trio.abc.Clock) -> None:
    """When the system stops, or the source is disabled; start, and enable, begin anew."""
    failing = Failing(1)
    system = System(failing_module(failing), errors=telling([], source="retry_later"))
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        await trio.sleep(0.5)
        if how == "stop":
            await system.stop_async()
        else:
            system.disable("feed::line")
        await trio.sleep(60)
        assert len(failing.begun) == 1
        if how == "stop":
            system.start(nursery)
        else:
            system.enable("feed::line")
        await trio.sleep(60)
        assert of_source(system).attached
        system.stop()
    assert len(failing.begun) == 2


@pytest.mark.parametrize("repeat", range(20))
async def test_a_retry_that_is_due_in_the_moment_of_the_stop_is_none(
    repeat: int, autojump_clock: trio.abc.Clock
) -> None:
    """Stop takes effect at once, whichever of the two trio calls first: it draws lots."""
    failing = Failing(100)
    system = System(failing_module(failing), errors=telling([], source="retry_later"))
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        await trio.sleep(1)
        system.stop()
    assert len(failing.begun) == 1


async def test_the_strategy_disable_switches_it_off(autojump_clock: trio.abc.Clock) -> None:
    """Over stop and start, until somebody switches it on."""
    failing = Failing(1)
    system = System(failing_module(failing), errors=telling([], source="disable"))
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            system.start(nursery)
            await trio.sleep(1)
            assert (of_source(system).disabled, len(failing.begun)) == (True, 1)
            assert str(system.explain("feed::line")).startswith("source feed::line is disabled")
            await system.stop_async()
        system.start(nursery)
        system.enable("feed::line")
        await trio.sleep(1)
        assert of_source(system).attached
        system.stop()


async def test_the_strategy_throw_lets_it_leave_the_system(autojump_clock: trio.abc.Clock) -> None:
    """In an exception group, as from any nursery."""
    with pytest.raises(ExceptionGroup) as caught:
        async with open_system(failing_module(Failing(1)), errors=telling([], source="throw")):
            await trio.sleep(60)
    assert caught.group_contains(OSError, match="failure 1")


@pytest.mark.parametrize(("strategy", "attached"), [("skip", True), ("retry", True), ("disable", False)])
async def test_what_report_error_may_lead_to(strategy: Any, attached: bool, autojump_clock: trio.abc.Clock) -> None:
    """The source stays attached, unless the boundary says disable."""
    failing = Failing(0)
    log: list[Observation] = []
    async with open_system(failing_module(failing), errors=telling([], source=strategy)) as system:
        await wait_all_tasks_blocked()
        system.observe(log.append)
        failing.links[0].report_error(OSError("lost"))
        await wait_all_tasks_blocked()
        assert of_source(system).attached is attached
    assert len(failing.begun) == 1
    assert source_log(log)[:2] == [
        ("error", "line", "runtime"),
        ("detach", "line", "cancelled", "stopped" if attached else "removed"),
    ]


@pytest.mark.parametrize("when", ["running", "ending"])
async def test_throw_does_not_raise_into_the_transport(when: str, autojump_clock: trio.abc.Clock) -> None:
    """The error leaves the system, not the call."""
    went_on: list[bool] = []
    feed = feed_module()

    @feed.source
    async def line(link: SourceLink) -> None:
        try:
            if when == "ending":
                await trio.sleep_forever()
        finally:
            link.report_error(OSError("lost"))
            went_on.append(True)

    with pytest.raises(ExceptionGroup) as caught:
        async with open_system(feed, errors=telling([], source="throw")):
            await wait_all_tasks_blocked()
    assert caught.group_contains(OSError, match="lost")
    assert went_on == [True]


async def test_a_strategy_that_throws_while_cleaning_up(autojump_clock: trio.abc.Clock) -> None:
    """Leaves the block, when everything has ended."""
    feed = feed_module()

    @feed.source
    async def line(link: SourceLink) -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise OSError("at the end")

    with pytest.raises(ExceptionGroup) as caught:
        async with open_system(feed, errors=telling([], source="throw")):
            await wait_all_tasks_blocked()
    assert caught.group_contains(OSError, match="at the end")


async def test_who_decides_meanwhile_wins(autojump_clock: trio.abc.Clock) -> None:
    """The boundary wants another run; its callback has switched the source off, or stopped the system."""
    failing = Failing(100)
    systems: list[System] = []

    def switch_off(error: Exception, name: str) -> None:
        systems[0].disable(name)

    boundary = ErrorBoundary(source="retry", on_error=switch_off)
    async with open_system(failing_module(failing), errors=boundary) as system:
        systems.append(system)
        await trio.sleep(1)
        assert of_source(system).disabled
    assert len(failing.begun) == 1


def test_a_strategy_for_sources_is_checked_like_the_others() -> None:
    """R12: all five may be chosen."""
    for strategy in ("skip", "retry", "retry_later", "disable", "throw"):
        ErrorBoundary(source=strategy)
