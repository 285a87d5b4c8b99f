"""S2: publish is a dispatch that never raises and never blocks; what it cannot take is dropped, and says why."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from directive_trio import ErrorBoundary, Module, System, open_system
from directive_trio.observe import EventDispatch, Observation
from tests.behaviours.feeds import (
    Broken,
    Connected,
    FeedFacts,
    HandlerError,
    Line,
    Tick,
    Unhandled,
    feed_module,
    of_source,
    source_log,
)

COALESCE = ("none", "last_write_wins")


def with_line(**options: Any) -> tuple[Module[FeedFacts], Line]:
    """A module with one source, whose link the test has."""
    feed, line = feed_module(), Line()
    feed.source(name="line", **options)(line)
    return feed, line


def quietly() -> ErrorBoundary:
    """Errors are told to somebody."""
    return ErrorBoundary(on_error=lambda *_: None)


async def test_it_has_dispatched_when_it_returns(autojump_clock: trio.abc.Clock) -> None:
    """The same as `dispatch`: handlers have run, the pass comes later."""
    feed, line = with_line()
    log: list[Observation] = []
    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        system.observe(log.append)
        passes = system.inspect().passes
        line.link.publish(Tick(2))
        line.link.publish(Tick(3))
        assert system[feed].total == 5
        assert system.inspect().passes == passes
        await system.settle()
        assert system.inspect().passes == passes + 1
    assert [type(seen).__name__ for seen in log[:5]] == [
        "EventDispatch",
        "SourcePublish",
        "EventDispatch",
        "SourcePublish",
        "SystemUnsettled",
    ]


@pytest.mark.parametrize("name", ["Tick", "feed::Tick", "feed.Tick"])
async def test_an_event_may_be_named(name: str, autojump_clock: trio.abc.Clock) -> None:
    """A bare name means the source's own module, whoever else has one of that name."""
    other = Module("other", FeedFacts)

    class Namesake:
        Tick = type("Tick", (), {"__attrs_attrs__": ()})

    other.on(Namesake.Tick)(lambda facts, event: pytest.fail("the other module's event"))
    feed, line = with_line()
    async with open_system(other, feed) as system:
        await wait_all_tasks_blocked()
        line.link.publish(name, {"value": 7})
        line.link.publish("feed::Connected")
        assert (system[feed].total, system[feed].online) == (7, True)
        assert of_source(system).publish_count == 2


async def test_a_bare_name_that_only_another_module_handles_is_dropped(autojump_clock: trio.abc.Clock) -> None:
    """Its qualified name is taken."""
    feed, line = with_line()
    other = Module("other", FeedFacts)
    other.on(Unhandled)(lambda facts, event: setattr(facts, "total", 9))
    async with open_system(feed, other) as system:
        await wait_all_tasks_blocked()
        line.link.publish("Unhandled")
        assert (system[other].total, of_source(system).last_drop_reason) == (0, "unknown_event")
        line.link.publish("other::Unhandled")
        assert system[other].total == 9


@pytest.mark.parametrize("coalesce", COALESCE)
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((Unhandled(),), "unknown_event"),
        (("Unhandled",), "unknown_event"),
        (("nowhere::Tick", {}), "unknown_event"),
        ((42,), "unknown_event"),
        ((None,), "unknown_event"),
        (("Tick", {"value": "1"}), "bad_payload"),
        (("Tick", {"values": 1}), "bad_payload"),
        (("Tick", 3), "bad_payload"),
    ],
)
async def test_what_cannot_be_an_event_is_dropped(
    arguments: tuple[Any, ...], reason: str, coalesce: Any, autojump_clock: trio.abc.Clock
) -> None:
    """Counted, timed, observed, and the source goes on."""
    feed, line = with_line(coalesce=coalesce)
    log: list[Observation] = []
    async with open_system(feed) as system:
        await trio.sleep(3)
        now = trio.current_time()
        system.observe(log.append)
        line.link.publish(*arguments)
        line.link.publish(Tick())
        await system.settle()
        state = of_source(system)
        assert (state.publish_count, state.drop_count, dict(state.drops)) == (1, 1, {reason: 1})
        assert (state.last_drop_reason, state.last_drop_at, state.attached) == (reason, now, True)
        assert system[feed].total == 1
    drops: list[Any] = [seen for seen in log if seen.type == "source.drop"]
    assert [(drop.event, drop.reason) for drop in drops] == [(arguments[0], reason)]
    assert isinstance(drops[0].error, Exception) is (reason == "bad_payload")


async def test_what_looks_like_a_mistake_is_logged_once(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """For each kind of mistake and source; where nobody observes, somebody sees it."""
    feed, line = with_line()
    with caplog.at_level(logging.WARNING):
        async with open_system(feed):
            await wait_all_tasks_blocked()
            for _ in range(3):
                line.link.publish("Tack")
                line.link.publish("Tick", {"value": None})
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "'Tack', which is dropped: nothing handles it" in caplog.text
    assert "'Tick', which is dropped: payload of 'Tick', field 'value': expected int" in caplog.text


@pytest.mark.parametrize("coalesce", COALESCE)
async def test_a_handler_that_raises_is_the_boundarys_business(coalesce: Any, autojump_clock: trio.abc.Clock) -> None:
    """R12: its strategy is that of events; none of its writes remain, and the source goes on."""
    feed, line = with_line(coalesce=coalesce)
    told: list[tuple[str, str]] = []
    log: list[Observation] = []
    boundary = ErrorBoundary(on_error=lambda error, name: told.append((type(error).__name__, name)))
    async with open_system(feed, errors=boundary) as system:
        await wait_all_tasks_blocked()
        system.observe(log.append)
        line.link.publish(Broken())
        line.link.publish(Tick())
        await system.settle()
        state = of_source(system)
        assert (system[feed].total, state.publish_count, dict(state.drops)) == (1, 1, {"handler_error": 1})
        assert (state.attached, state.last_error) == (True, None)
    assert told == [("HandlerError", "feed::Broken")]
    kinds = [seen.type for seen in log]
    assert kinds.index("event.error") < kinds.index("source.drop") < kinds.index("error.recovery")


@pytest.mark.parametrize("coalesce", COALESCE)
async def test_throw_lets_a_handlers_error_leave_the_system(coalesce: Any, autojump_clock: trio.abc.Clock) -> None:
    """The transport sees nothing of it."""
    feed, line = with_line(coalesce=coalesce)
    went_on: list[bool] = []
    with pytest.raises(ExceptionGroup) as caught:
        async with open_system(feed, errors=ErrorBoundary(event="throw", on_error=lambda *_: None)):
            await wait_all_tasks_blocked()
            line.link.publish(Broken())
            went_on.append(True)
            await trio.sleep_forever()
    assert caught.group_contains(HandlerError)
    assert went_on


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
async def test_an_interrupt_in_a_handler_is_no_error(
    error: type[BaseException], autojump_clock: trio.abc.Clock
) -> None:
    """R10: it passes through publish as through everything."""
    feed, line = with_line()

    @feed.on(Unhandled)
    def interrupted(facts: FeedFacts, event: Unhandled) -> None:
        raise error

    async with open_system(feed):
        await wait_all_tasks_blocked()
        with pytest.raises(error):
            line.link.publish(Unhandled())


def stopping(system: System) -> Any:
    """Ask for the end."""
    system.stop()


async def stopped(system: System) -> Any:
    """End it."""
    await system.stop_async()


async def destroyed(system: System) -> Any:
    """End it for good."""
    await system.destroy()


@pytest.mark.parametrize("coalesce", COALESCE)
@pytest.mark.parametrize(("end", "reason"), [(stopping, "stopped"), (stopped, "stopped"), (destroyed, "destroyed")])
async def test_after_the_end_it_is_dropped(
    end: Callable[[System], Any], reason: str, coalesce: Any, autojump_clock: trio.abc.Clock
) -> None:
    """Also between the request to stop and the end."""
    feed, line = with_line(coalesce=coalesce)
    log: list[Observation] = []
    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        system.observe(log.append)
        pending = end(system)
        if pending is not None:
            await pending
        for event in (Tick(), "Tick", Unhandled()):
            line.link.publish(event)
        state = of_source(system)
        assert (system[feed].total, dict(state.drops), state.last_drop_reason) == (0, {reason: 3}, reason)
        line.link.attached()
        line.link.report_error(OSError("late"))
    assert source_log(log, "source.drop") == ([] if reason == "destroyed" else [("drop", "line", reason)] * 3)


async def test_the_link_of_an_earlier_time_is_dropped(autojump_clock: trio.abc.Clock) -> None:
    """Stop → start: the old link reaches nobody, the new one does."""
    feed, line = with_line()
    system = System(feed)
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            system.start(nursery)
            await wait_all_tasks_blocked()
            line.links[0].publish(Tick())
            if len(line.links) == 1:
                await system.stop_async()
        assert (system[feed].total, dict(of_source(system).drops)) == (1, {"detached": 1})
        line.links[1].publish(Tick())
        assert system[feed].total == 2
        system.stop()


async def test_between_stop_and_detach_a_publish_is_dropped(autojump_clock: trio.abc.Clock) -> None:
    """Publishing from its own teardown reaches nobody."""
    feed = feed_module()

    @feed.source
    async def line(link: Any) -> None:
        link.attached()
        try:
            await trio.sleep_forever()
        finally:
            link.publish(Tick())
            with link.teardown():
                await trio.sleep(1)
                link.publish(Tick())

    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        await system.stop_async()
        assert (system[feed].total, dict(of_source(system).drops)) == (0, {"stopped": 2})


@pytest.mark.parametrize("coalesce", COALESCE)
async def test_where_nothing_may_change_it_is_dropped(coalesce: Any, autojump_clock: trio.abc.Clock) -> None:
    """An observer only looks: it cannot publish either."""
    feed, line = with_line(coalesce=coalesce)
    async with open_system(feed, errors=quietly()) as system:
        await wait_all_tasks_blocked()

        def meddle(seen: Observation) -> None:
            if isinstance(seen, EventDispatch):
                line.link.publish(Tick(100))

        system.observe(meddle)
        system.dispatch(Connected())
        await system.settle()
        assert (system[feed].total, dict(of_source(system).drops)) == (0, {"refused": 1})


async def test_a_derivation_that_publishes_is_refused(autojump_clock: trio.abc.Clock) -> None:
    """F3: what is pure writes nothing, by no way; the derivation itself goes on."""
    feed, line = with_line()

    @feed.constraint
    def pure(facts: FeedFacts) -> None:
        if facts.online:
            line.link.publish(Tick(100))

    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        system[feed].online = True
        await system.settle()
        assert (system[feed].total, dict(of_source(system).drops)) == (0, {"refused": 1})


async def test_a_publish_from_a_handler_belongs_to_the_events_change(autojump_clock: trio.abc.Clock) -> None:
    """F6: nested; undone with the outer event."""
    feed, line = with_line()

    @feed.on(Unhandled)
    def outer(facts: FeedFacts, event: Unhandled) -> None:
        line.link.publish(Tick(5))
        raise HandlerError

    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        with pytest.raises(HandlerError):
            system.dispatch(Unhandled())
        assert system[feed].total == 0


async def test_ten_thousand_publishes_are_one_pass(autojump_clock: trio.abc.Clock) -> None:
    """R1: nothing waits for the loop, and the loop comes once."""
    feed, line = with_line()
    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        passes = system.inspect().passes
        for _ in range(10_000):
            line.link.publish(Tick())
        await system.settle()
        assert (system[feed].total, system.inspect().passes) == (10_000, passes + 1)
        assert of_source(system).publish_count == 10_000


async def test_caught_up_waits_for_the_pass_that_saw_it(autojump_clock: trio.abc.Clock) -> None:
    """The only back-pressure; a checkpoint where there is nothing to wait for."""
    feed = feed_module()
    seen: list[int] = []

    @feed.effect
    def look(facts: FeedFacts) -> None:
        seen.append(facts.total)

    @feed.source(name="line")
    async def slow(link: Any) -> None:
        with trio.testing.assert_checkpoints():
            await link.caught_up()
        for expected in (1, 2, 3):
            link.publish(Tick())
            await link.caught_up()
            assert seen[-1] == expected
        with trio.testing.assert_checkpoints():
            await link.caught_up()
        link.publish(Connected())
        await trio.sleep_forever()

    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        assert system[feed].online
    assert seen == [0, 1, 2, 3]


async def test_caught_up_ends_with_the_system(autojump_clock: trio.abc.Clock) -> None:
    """Whoever has the link and waits for a pass that will not come is woken."""
    feed, line = with_line()
    system = System(feed)
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        await wait_all_tasks_blocked()
        line.link.publish(Tick())
        nursery.start_soon(line.link.caught_up)
        system.stop()
        line.link.publish(Tick())
    with trio.fail_after(1):
        await line.link.caught_up()


@pytest.mark.parametrize("error", [OSError("lost"), trio.ClosedResourceError(), KeyboardInterrupt(), "text", None])
async def test_after_report_error_the_source_stays_attached(error: Any, autojump_clock: trio.abc.Clock) -> None:
    """Of phase ``runtime``; told to the boundary, shown by inspect; never raised."""
    feed, line = with_line()
    told: list[Exception] = []
    log: list[Observation] = []
    async with open_system(feed, errors=ErrorBoundary(on_error=lambda error, _: told.append(error))) as system:
        await wait_all_tasks_blocked()
        system.observe(log.append)
        line.link.report_error(error)
        line.link.publish(Tick())
        await system.settle()
        assert of_source(system).attached
        assert system[feed].total == 1
        assert of_source(system).last_error == (str(told[0]) or type(told[0]).__name__)
    assert source_log(log, "source.error") == [("error", "line", "runtime")]
    assert told == [error] if isinstance(error, Exception) else "no exception" in str(told[0])


async def test_a_long_message_is_cut(autojump_clock: trio.abc.Clock) -> None:
    """At 256 characters: it may hold what the source was sent."""
    feed, line = with_line()
    log: list[Any] = []
    async with open_system(feed, errors=quietly()) as system:
        await wait_all_tasks_blocked()
        system.observe(log.append)
        line.link.report_error(OSError("x" * 10_000))
        assert len(of_source(system).last_error) == 256
    assert {len(seen.message) for seen in log if seen.type == "source.error"} == {256}


async def test_several_may_wait_for_one_pass(autojump_clock: trio.abc.Clock) -> None:
    """Each goes on when the pass that saw its own publish is over, however they come between each other."""
    feed, line = feed_module(), Line()
    feed.source(name="line")(line)
    passed: list[int] = []

    @feed.effect
    def look(facts: FeedFacts) -> None:
        passed.append(facts.total)

    async with open_system(feed) as system:
        await wait_all_tasks_blocked()

        async def publish() -> None:
            for _ in range(50):
                line.link.publish(Tick())
                total = system[feed].total
                await line.link.caught_up()
                assert passed[-1] >= total

        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(publish)
        assert system[feed].total == 200


async def test_a_hook_that_comes_too_late_is_never_called(autojump_clock: trio.abc.Clock) -> None:
    """``on_evict`` through a link whose attachment is over is ignored, like a publish."""
    feed, line = feed_module(), Line()
    feed.source(name="line")(line)
    called: list[str] = []
    system = System(feed)
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        await wait_all_tasks_blocked()
        await system.stop_async()
        line.link.on_evict(lambda: called.append("late"))
        await system.evict()
    assert called == []
