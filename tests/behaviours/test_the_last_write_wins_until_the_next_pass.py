"""S3: with ``last_write_wins`` only the last event of each class until the next pass is dispatched."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from directive_trio import ErrorBoundary, Module, SourceLink, System, from_callback, open_system
from directive_trio.abc import Source
from directive_trio.errors import DefinitionError
from directive_trio.observe import Observation
from tests.behaviours.feeds import Connected, FeedFacts, Line, Tick, Unhandled, feed_module, of_source, source_log


def coalescing() -> tuple[Module[FeedFacts], Line]:
    """A module with one source that coalesces."""
    feed, line = feed_module(), Line()
    feed.source(name="line", coalesce="last_write_wins")(line)
    return feed, line


async def test_two_hundred_and_fifty_ticks_and_a_connected_are_two_events(autojump_clock: trio.abc.Clock) -> None:
    """One `Connected` before them is not lost; the 249 others are counted."""
    feed, line = coalescing()
    log: list[Observation] = []
    async with open_system(feed) as system:
        await trio.sleep(7)
        system.observe(log.append)
        line.link.publish(Connected())
        for value in range(1, 251):
            line.link.publish(Tick(value))
        assert (system[feed].total, system[feed].online) == (0, False)
        await system.settle()
        state = of_source(system)
        assert (system[feed].total, system[feed].online) == (250, True)
        assert (state.publish_count, state.drop_count, dict(state.drops)) == (2, 249, {"coalesced": 249})
        assert (state.last_drop_reason, state.last_drop_at) == ("coalesced", trio.current_time())
    published: list[Any] = [seen for seen in log if seen.type == "source.publish"]
    assert [seen.event for seen in published] == [Connected(), Tick(250)]
    dropped: list[Any] = [seen for seen in log if seen.type == "source.drop"]
    assert [seen.event for seen in dropped] == [Tick(value) for value in range(1, 250)]


async def test_they_are_dispatched_in_the_order_of_the_last_publishes(autojump_clock: trio.abc.Clock) -> None:
    """Each where the one that counts was published."""
    feed, line = coalescing()
    order: list[str] = []
    feed.on(Tick)(lambda facts, event: order.append(f"tick {event.value}"))
    feed.on(Connected)(lambda facts, event: order.append("connected"))
    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        line.link.publish(Tick(1))
        line.link.publish(Connected())
        line.link.publish("Tick", {"value": 2})
        await system.settle()
    assert order == ["connected", "tick 2"]


async def test_what_was_coalesced_is_counted_before_the_pass_too(autojump_clock: trio.abc.Clock) -> None:
    """Whoever looks sees what is so now."""
    feed, line = coalescing()
    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        for _ in range(3):
            line.link.publish(Tick())
        assert (of_source(system).drop_count, of_source(system).publish_count) == (2, 0)
        await system.settle()
        assert (of_source(system).drop_count, of_source(system).publish_count) == (2, 1)


async def test_what_is_kept_counts_for_settlement(autojump_clock: trio.abc.Clock) -> None:
    """R13: a system is not settled before it was dispatched, and what follows from it is done."""
    feed, line = coalescing()
    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        assert system.is_settled
        line.link.publish(Tick())
        assert not system.is_settled
        await system.settle()
        assert system[feed].total == 1


async def test_each_pass_takes_its_own(autojump_clock: trio.abc.Clock) -> None:
    """Published by a handler while they are taken: it is the next pass's."""
    feed, line = coalescing()

    @feed.on(Connected)
    def again(facts: FeedFacts, event: Connected) -> None:
        line.link.publish(Tick(2))

    log: list[Any] = []
    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        system.observe(log.append)
        line.link.publish(Connected())
        await system.settle()
        assert (system[feed].online, system[feed].total) == (True, 2)
    assert [seen.changed for seen in log if seen.type == "reconcile.start"] == [
        ("feed::online",),
        ("feed::total", "feed::last"),
    ]


async def test_sources_do_not_coalesce_with_each_other(autojump_clock: trio.abc.Clock) -> None:
    """It is per source and class."""
    feed = feed_module()
    lines = [Line(), Line(), Line()]
    for number, line in enumerate(lines):
        feed.source(name=f"line{number}", coalesce="last_write_wins" if number else "none")(line)
    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        for line in lines:
            for value in (1, 10):
                line.link.publish(Tick(value))
        await system.settle()
        assert system[feed].total == 11 + 10 + 10


async def test_what_is_pending_at_stop_is_dropped_and_counted(autojump_clock: trio.abc.Clock) -> None:
    """It is too late for it."""
    feed, line = coalescing()
    log: list[Observation] = []
    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        system.observe(log.append)
        line.link.publish(Connected())
        line.link.publish(Tick())
        line.link.publish(Tick())
        system.stop()
        await system.stop_async()
        assert (system[feed].total, system[feed].online) == (0, False)
        assert dict(of_source(system).drops) == {"coalesced": 1, "stopped": 2}
    assert source_log(log, "source.drop", "source.publish") == [
        ("drop", "line", "coalesced"),
        ("drop", "line", "stopped"),
        ("drop", "line", "stopped"),
    ]


async def test_what_is_pending_when_its_source_is_disabled_is_dropped(autojump_clock: trio.abc.Clock) -> None:
    """Nobody wants to hear of it any more."""
    feed, line = coalescing()
    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        line.link.publish(Tick())
        system.disable("feed::line")
        await system.settle()
        assert (system[feed].total, dict(of_source(system).drops)) == (0, {"detached": 1})


@pytest.mark.parametrize("end", ["return", "raise"])
async def test_what_is_pending_when_its_source_ends_is_dispatched(end: str, autojump_clock: trio.abc.Clock) -> None:
    """The last word of a source is not lost."""
    feed = feed_module()

    @feed.source(coalesce="last_write_wins")
    async def line(link: SourceLink) -> None:
        link.publish(Tick(3))
        if end == "raise":
            raise OSError

    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        assert system[feed].total == 3


async def test_a_handler_that_stops_the_system_drops_the_rest(autojump_clock: trio.abc.Clock) -> None:
    """Stop takes effect at once."""
    feed, line = coalescing()
    system = System(feed)
    feed_stopping = feed_module("other")

    @feed_stopping.on(Unhandled)
    def stop(facts: FeedFacts, event: Unhandled) -> None:
        system.stop()

    system = System(feed, feed_stopping)
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        await wait_all_tasks_blocked()
        line.link.publish(Connected())
        line.link.publish(Unhandled())
        line.link.publish(Tick())
    assert (system[feed].total, system[feed].online) == (0, True)
    assert dict(of_source(system).drops) == {"stopped": 1}


@pytest.mark.parametrize("wrong", ["all", "lastWriteWins", "", None, 1])
def test_anything_else_is_refused_at_declaration(wrong: Any) -> None:
    """Wherever it is said; an object's own too."""
    feed = feed_module()

    class Own(Source):
        coalesce = wrong

        async def run(self, link: SourceLink, /) -> None: ...

    declarations: list[Any] = [
        lambda: feed.source(coalesce=wrong),
        lambda: from_callback(lambda link: lambda: None, coalesce=wrong),
        lambda: feed.add_source(Own(), name="own"),
    ]
    for declare in declarations:
        with pytest.raises(DefinitionError, match="coalesce= expects one of none, last_write_wins"):
            declare()
    assert not feed.sources


async def test_an_object_says_how_unless_the_declaration_does(autojump_clock: trio.abc.Clock) -> None:
    """add_source(coalesce=) wins."""
    links: list[SourceLink] = []

    def attach(link: SourceLink) -> Any:
        links.append(link)
        return lambda: None

    feed = feed_module()
    feed.add_source(from_callback(attach, coalesce="last_write_wins"), name="a")
    feed.add_source(from_callback(attach, coalesce="last_write_wins"), name="b", coalesce="none")
    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        for link in links:
            link.publish(Tick())
            link.publish(Tick())
        assert system[feed].total == 2
        await system.settle()
        assert system[feed].total == 3


@pytest.mark.parametrize("failure", [None, OSError("cut")])
async def test_what_one_kept_that_ends_by_itself_comes_before_its_end(
    failure: Exception | None, autojump_clock: trio.abc.Clock
) -> None:
    """Nothing is published after the detach, and nothing is lost."""
    feed = feed_module()
    log: list[Observation] = []

    @feed.source(name="line", coalesce="last_write_wins")
    async def line(link: SourceLink) -> None:
        await trio.sleep(1)
        link.publish(Tick(1))
        link.publish(Tick(2))
        if failure is not None:
            raise failure

    async with open_system(feed, errors=ErrorBoundary(on_error=lambda *_: None)) as system:
        system.observe(log.append)
        await trio.sleep(2)
        assert system[feed].last == 2
        outcome = "completed" if failure is None else "failed"
        assert source_log(log, "source.publish", "source.detach") == [("publish", "line"), ("detach", "line", outcome)]
        assert dict(of_source(system).drops) == {"coalesced": 1}


async def test_a_handler_that_ends_its_source_takes_the_other_events_away(autojump_clock: trio.abc.Clock) -> None:
    """They were kept for the same pass; they are dropped, and counted."""
    feed, line = feed_module(), Line()
    feed.source(name="line", coalesce="last_write_wins")(line)

    @feed.on(Tick)
    def switch_off(facts: FeedFacts, event: Tick) -> None:
        system.disable("feed::line")

    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        line.link.publish(Tick())
        line.link.publish(Connected())
        await system.settle()
        assert not system[feed].online
        assert dict(of_source(system).drops) == {"detached": 1}
