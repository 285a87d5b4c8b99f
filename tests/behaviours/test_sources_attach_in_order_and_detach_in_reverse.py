"""S1: sources attach at start in the order of registration, and detach in reverse; start waits for none of them."""

import gc
from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from directive_trio import Module, SourceLink, System, from_callback, open_system
from directive_trio.observe import Observation
from tests.behaviours.feeds import FeedFacts, Line, Tick, feed_module, of_source, source_log
from tests.behaviours.worker import all_tasks

NAMES = ("a", "b", "c", "d", "e")


def callback(name: str, told: list[str], kind: str) -> Callable[[SourceLink], Any]:
    """An attach function that tells when it and its detach are called."""

    def detach() -> None:
        told.append(f"-{name}")

    async def detach_slowly() -> None:
        told.append(f"-{name}")
        await trio.sleep(1)
        told.append(f"{name} is gone")

    def attach(link: SourceLink) -> Any:
        told.append(f"+{name}")
        return detach if kind == "sync" else detach_slowly

    async def attach_slowly(link: SourceLink) -> Any:
        told.append(f"+{name}")
        await trio.sleep(1)
        return detach

    return attach_slowly if kind == "async attach" else attach


def in_order(kind: str, told: list[str]) -> Module[FeedFacts]:
    """A module of five sources."""
    feed = feed_module()
    for name in NAMES:
        if kind != "task":
            feed.add_source(from_callback(callback(name, told, kind)), name=name)
            continue

        @feed.source(name=name)
        async def task(link: SourceLink, name: str = name) -> None:
            told.append(f"+{name}")
            try:
                await trio.sleep_forever()
            finally:
                told.append(f"-{name}")

    return feed


@pytest.mark.parametrize("kind", ["sync", "async attach", "task"])
@pytest.mark.parametrize("repeat", range(3))
async def test_the_order_is_that_of_registration(kind: str, repeat: int, autojump_clock: trio.abc.Clock) -> None:
    """Although trio shuffles the tasks that begin in one turn."""
    told: list[str] = []
    async with open_system(in_order(kind, told)):
        await wait_all_tasks_blocked()
        assert told == ["+a", "+b", "+c", "+d", "+e"]
        await trio.sleep(1)
    assert told[5:] == ["-e", "-d", "-c", "-b", "-a"]


async def test_each_has_detached_before_the_one_before_it_begins_to(autojump_clock: trio.abc.Clock) -> None:
    """So one may use what an earlier one keeps open."""
    told: list[str] = []
    async with open_system(in_order("async detach", told)) as system:
        await wait_all_tasks_blocked()
        begin = trio.current_time()
        await system.stop_async()
        assert trio.current_time() == begin + 5
    assert told[5:9] == ["-e", "e is gone", "-d", "d is gone"]


async def test_start_does_not_wait(autojump_clock: trio.abc.Clock) -> None:
    """A source that takes an hour to attach holds up nobody, settlement neither."""
    feed = feed_module()

    @feed.source
    async def slow(link: SourceLink) -> None:
        await trio.sleep(3600)
        link.attached()
        await trio.sleep_forever()

    line = Line()
    feed.source(name="line")(line)
    log: list[Observation] = []
    async with open_system(feed) as system:
        begin = trio.current_time()
        system.observe(log.append)
        await wait_all_tasks_blocked()
        await system.settle()
        assert line.links
        assert trio.current_time() == begin
        assert (of_source(system, "feed::slow").state, system.inspect().attached_source_count) == ("waiting", 1)
        await trio.sleep(3601)
        assert (of_source(system, "feed::slow").state, system.inspect().attached_source_count) == ("attached", 2)
    assert source_log(log)[0] == ("attach", "line")


@pytest.mark.parametrize("how", ["attached", "publish", "drop", "both"])
async def test_it_is_attached_when_it_says_so_or_publishes(how: str, autojump_clock: trio.abc.Clock) -> None:
    """Once; and observed before the event is."""
    feed = feed_module()

    @feed.source
    async def line(link: SourceLink) -> None:
        await trio.sleep(1)
        if how in {"attached", "both"}:
            link.attached()
            link.attached()
        if how in {"publish", "both"}:
            link.publish(Tick())
            link.publish(Tick())
        if how == "drop":
            link.publish("Nothing")
        await trio.sleep_forever()

    log: list[Observation] = []
    async with open_system(feed) as system:
        system.observe(log.append)
        await trio.sleep(0.5)
        assert not of_source(system).attached
        await trio.sleep(1)
        assert of_source(system).attached
    kinds = [kind for kind, *_ in source_log(log)]
    assert kinds.count("attach") == 1
    assert kinds[0] == "attach"
    assert kinds[-1] == "detach"


async def test_one_that_was_never_attached_is_not_detached_either(autojump_clock: trio.abc.Clock) -> None:
    """Each detach has its attach."""
    feed = feed_module()

    @feed.source
    async def silent(link: SourceLink) -> None:
        await trio.sleep_forever()

    log: list[Observation] = []
    async with open_system(feed) as system:
        system.observe(log.append)
        await wait_all_tasks_blocked()
    assert not source_log(log)


async def test_stop_and_start_attaches_again(autojump_clock: trio.abc.Clock) -> None:
    """Cleanly: each time a link of its own, and nothing is left of the time before."""
    line = Line()
    feed = feed_module()
    feed.source(name="line")(line)
    system = System(feed)
    before = all_tasks()
    log: list[Observation] = []
    system.observe(log.append)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            system.start(nursery)
            await wait_all_tasks_blocked()
            line.link.publish(Tick())
            assert of_source(system).attached
            await system.stop_async()
            assert not of_source(system).attached
            assert all_tasks() == before
    assert len(set(map(id, line.links))) == 3
    assert [kind for kind, *_ in source_log(log)] == ["attach", "publish", "detach"] * 3
    assert (of_source(system).publish_count, system[feed].total) == (3, 3)


async def test_a_thousand_times_leave_no_more_behind_than_once(autojump_clock: trio.abc.Clock) -> None:
    """No task, and nothing that grows: of a task source, a callback source and a keyed one."""
    told: list[str] = []
    feed = feed_module()
    feed.add_source(from_callback(callback("a", [], "async detach"), coalesce="last_write_wins"), name="a")
    feed.source(name="b", coalesce="last_write_wins", key=lambda facts: facts.online)(publish_and_wait)
    feed.source(name="c")(publish_and_wait)
    system = System(feed)
    before = all_tasks()
    sizes: list[int] = []
    async with trio.open_nursery() as nursery:
        for cycle in range(1000):
            system.start(nursery)
            await wait_all_tasks_blocked()
            await system.stop_async()
            if cycle % 333 == 0:
                gc.collect()
                sizes.append(len(gc.get_objects()))
        assert all_tasks() == before
    assert not told
    assert sizes[-1] - sizes[1] < 50


async def publish_and_wait(link: SourceLink) -> None:
    """A source that publishes once."""
    link.publish(Tick())
    await trio.sleep_forever()


async def test_nothing_attaches_when_the_start_was_the_end(autojump_clock: trio.abc.Clock) -> None:
    """An observer has asked for the end at ``system.start``."""
    line, feed = Line(), feed_module()
    feed.source(name="line")(line)
    system = System(feed)
    system.observe(lambda seen: system.stop() if seen.type == "system.start" else None)
    async with trio.open_nursery() as nursery:
        system.start(nursery)
    assert (system.state, line.links) == ("stopped", [])


async def test_publishing_inside_attach_works(autojump_clock: trio.abc.Clock) -> None:
    """The event is dispatched at once."""
    feed = feed_module()

    def attach(link: SourceLink) -> Callable[[], None]:
        link.publish(Tick(5))
        return lambda: None

    feed.add_source(from_callback(attach), name="line")
    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        assert system[feed].total == 5


async def test_sources_of_several_modules_are_in_module_order(autojump_clock: trio.abc.Clock) -> None:
    """One order for the whole system."""
    told: list[str] = []
    one, two = feed_module("one"), Module("two", FeedFacts)
    two.add_source(from_callback(callback("first declared", told, "sync")), name="x")
    one.add_source(from_callback(callback("in the first module", told, "sync")), name="x")
    async with open_system(one, two):
        await wait_all_tasks_blocked()
    assert told == ["+in the first module", "+first declared", "-first declared", "-in the first module"]
