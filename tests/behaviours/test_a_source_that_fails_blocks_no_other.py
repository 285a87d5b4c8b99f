"""S1: a source that fails is reported, by phase, and blocks no other."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from attrs import define, frozen
from trio.testing import wait_all_tasks_blocked

from directive_trio import ErrorBoundary, Module, SourceLink, System, from_callback, open_system
from directive_trio.abc import Source
from directive_trio.errors import UsageError
from directive_trio.observe import Observation
from tests.behaviours.feeds import FeedFacts, Line, Tick, feed_module, of_source, source_log
from tests.behaviours.worker import all_tasks


def fail(*_: Any) -> Any:
    """Raise."""
    raise OSError("no network")


async def fail_later(*_: Any) -> Any:
    """Raise after a while."""
    await trio.sleep(1)
    raise OSError("no network")


def answering(answer: Any) -> Callable[[SourceLink], Any]:
    """An attach that returns that."""
    return lambda link: answer


async def run_with(attach: Any, log: list[Observation]) -> list[Exception]:
    """Run a system in which one of three sources is a failing one; return what was told to the boundary."""
    feed, line = feed_module(), Line()
    told: list[Exception] = []
    feed.source(name="before")(line)
    if isinstance(attach, Source):
        feed.add_source(attach, name="broken")
    else:
        feed.source(name="broken")(attach)
    feed.source(name="line")(line)
    before = all_tasks()
    async with open_system(feed, errors=ErrorBoundary(on_error=lambda error, _: told.append(error))) as system:
        system.observe(log.append)
        await trio.sleep(3)
        line.links[0].publish(Tick())
        line.links[1].publish(Tick())
        assert system[feed].total == 2
        assert system.inspect().attached_source_count == (3 if of_source(system, "feed::broken").attached else 2)
    assert all_tasks() == before
    return told


@pytest.mark.parametrize(
    "attach",
    [fail, fail_later, answering(None), answering(3), answering(trio.Event()), answering("detach")],
)
async def test_an_attach_that_fails(attach: Any, autojump_clock: trio.abc.Clock) -> None:
    """It raises, or returns nothing that can be called: phase ``attach``."""
    log: list[Observation] = []
    told = await run_with(from_callback(attach), log)
    assert [type(error) for error in told] == [OSError if attach in {fail, fail_later} else TypeError]
    assert source_log(log, "source.error") == [("error", "broken", "attach")]


async def test_the_error_says_what_attach_has_to_return(autojump_clock: trio.abc.Clock) -> None:
    """With the name of the function."""

    def subscribe(link: SourceLink) -> Any: ...

    (error,) = await run_with(from_callback(subscribe), [])
    assert str(error) == "attach 'subscribe' returned None; return what detaches, or lambda: None"


@pytest.mark.parametrize("detach", [fail, fail_later])
async def test_a_detach_that_fails(detach: Any, autojump_clock: trio.abc.Clock) -> None:
    """Phase ``cleanup``; those before it are detached all the same."""
    log: list[Observation] = []
    told = await run_with(from_callback(answering(detach)), log)
    assert [str(error) for error in told] == ["no network"]
    assert [seen for seen in source_log(log) if seen[0] in {"error", "detach"}] == [
        ("detach", "line", "cancelled", "stopped"),
        ("error", "broken", "cleanup"),
        ("detach", "broken", "cancelled", "stopped"),
        ("detach", "before", "cancelled", "stopped"),
    ]


async def attach_and_fail(link: SourceLink) -> None:
    """Fail while attached."""
    link.attached()
    await fail_later()


async def fail_in_a_nursery(link: SourceLink) -> None:
    """Fail beside others."""
    link.attached()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail_later)
        nursery.start_soon(trio.sleep_forever)


@pytest.mark.parametrize("run", [attach_and_fail, fail_in_a_nursery])
async def test_a_task_that_fails(run: Any, autojump_clock: trio.abc.Clock) -> None:
    """Phase ``runtime``; then it is detached."""
    log: list[Observation] = []
    assert len(await run_with(run, log)) == 1
    broken = [seen for seen in source_log(log) if seen[1] == "broken"]
    assert broken == [("attach", "broken"), ("error", "broken", "runtime"), ("detach", "broken", "failed")]


async def fail_at_the_end(link: SourceLink) -> None:
    """Fail when it is cancelled."""
    link.attached()
    try:
        await trio.sleep_forever()
    finally:
        fail()


async def fail_in_a_nursery_at_the_end(link: SourceLink) -> None:
    """The same beside others, which end as they should."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail_at_the_end, link)
        nursery.start_soon(trio.sleep_forever)


@pytest.mark.parametrize("run", [fail_at_the_end, fail_in_a_nursery_at_the_end])
async def test_a_task_that_fails_while_it_is_cancelled(run: Any, autojump_clock: trio.abc.Clock) -> None:
    """Phase ``cleanup``; the cancellation stands."""
    log: list[Observation] = []
    assert len(await run_with(run, log)) == 1
    broken = [seen for seen in source_log(log) if seen[1] == "broken"]
    assert broken[1:] == [("error", "broken", "cleanup"), ("detach", "broken", "cancelled", "stopped")]


@pytest.mark.parametrize("place", ["attach", "run", "detach", "abort"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
async def test_an_interrupt_is_no_error(place: str, error: type[BaseException], autojump_clock: trio.abc.Clock) -> None:
    """R10: it leaves the system, and everything else is detached; nothing is left behind."""
    feed, line = feed_module(), Line()
    detached: list[str] = []

    def interrupt(*_: Any) -> Any:
        raise error

    def attach(link: SourceLink) -> Any:
        if place == "abort":
            link.signal.on_abort(interrupt)
        return interrupt() if place == "attach" else interrupt if place == "detach" else lambda: None

    async def run(link: SourceLink) -> None:
        await trio.sleep(1)
        interrupt()

    feed.add_source(from_callback(lambda link: lambda: detached.append("a")), name="a")
    feed.add_source(from_callback(attach), name="b")
    feed.add_source(from_callback(lambda link: lambda: detached.append("c")), name="c")
    feed.source(name="line")(line)
    if place == "run":
        feed.source(name="interrupted")(run)
    before = all_tasks()
    with pytest.raises(BaseExceptionGroup) as caught:
        async with open_system(feed, errors=ErrorBoundary(on_error=lambda *_: pytest.fail("an error"))):
            await trio.sleep(2)
    assert caught.group_contains(error)
    assert detached in (["c", "a"], ["a"] if place == "attach" else None)
    assert all_tasks() == before


@define
class Counting(Source):
    """A source object with a state."""

    runs: int = 0

    async def run(self, link: SourceLink, /) -> None:
        self.runs += 1
        link.attached()
        await trio.sleep_forever()


@frozen
class Frozen(Source):
    """One that cannot be changed."""

    async def run(self, link: SourceLink, /) -> None:
        link.attached()
        await trio.sleep_forever()


def with_source(source: Source) -> Module[FeedFacts]:
    """A module of one source."""
    feed = feed_module()
    feed.add_source(source, name="line")
    return feed


@pytest.mark.parametrize("make", [Counting, Frozen, lambda: from_callback(answering(lambda: None))])
async def test_an_object_serves_one_running_system(make: Any, autojump_clock: trio.abc.Clock) -> None:
    """The second one gets an error of phase ``attach``; when the first has stopped it may have it."""
    source = make()
    one, two = System(with_source(source), name="one"), System(with_source(source), name="two")
    log: list[Observation] = []
    two.observe(log.append)
    async with trio.open_nursery() as nursery:
        one.start(nursery)
        await wait_all_tasks_blocked()
        two.start(nursery)
        await wait_all_tasks_blocked()
        assert (of_source(one).attached, of_source(two).attached) == (True, False)
        assert "serves a running system" in of_source(two).last_error
        await one.stop_async()
        await two.stop_async()
        two.start(nursery)
        await wait_all_tasks_blocked()
        assert of_source(two).attached
        two.stop()
    errors: list[Any] = [seen for seen in log if seen.type == "source.error"]
    assert [(seen.phase, type(seen.error)) for seen in errors] == [("attach", UsageError)]


async def test_a_function_serves_any_number(autojump_clock: trio.abc.Clock) -> None:
    """It keeps nothing."""
    feed, line = feed_module(), Line()
    feed.source(name="line")(line)
    async with open_system(feed) as one, open_system(feed) as two:
        await wait_all_tasks_blocked()
        line.links[0].publish(Tick())
        assert {one[feed].total, two[feed].total} == {0, 1}
        line.links[1].publish(Tick())
        assert {one[feed].total, two[feed].total} == {1}
