"""S5: a source with a key is attached while the key is not None, and attached anew when it changes."""

from typing import Any

import pytest
import trio
from attrs import define
from trio.testing import wait_all_tasks_blocked

from directive_trio import (
    HIDDEN,
    ErrorBoundary,
    Module,
    SourceLink,
    System,
    derivation,
    fact,
    from_callback,
    open_system,
)
from directive_trio.errors import DefinitionError
from directive_trio.observe import Observation
from tests.behaviours.feeds import FeedFacts, Line, Tick, feed_module, of_source, source_log


def rooms(told: list[str], cleaning: float = 0) -> Module[FeedFacts]:
    """A source that is in the room that the facts name."""
    feed = feed_module()

    @feed.source(key=lambda facts: facts.room)
    async def line(link: SourceLink) -> None:
        link.attached()
        told.append(f"+{link.key}")
        try:
            await trio.sleep_forever()
        finally:
            with link.teardown():
                await trio.sleep(cleaning)
            told.append(f"-{link.key}")

    return feed


async def test_it_follows_the_key(autojump_clock: trio.abc.Clock) -> None:
    """In the pass of the change; one link for each key."""
    told: list[str] = []
    log: list[Any] = []
    feed = rooms(told)
    async with open_system(feed) as system:
        system.observe(log.append)
        await wait_all_tasks_blocked()
        assert (told, of_source(system).key, of_source(system).state) == ([], None, "new")
        assert "is not attached: its key is None" in str(system.explain("feed::line"))
        for room in ("a", "b", None, "b"):
            system[feed].room = room
            await wait_all_tasks_blocked()
            assert of_source(system).attached is (room is not None)
        assert of_source(system).key == "'b'"
        assert "with key 'b'" in str(system.explain("feed::line"))
    assert told == ["+a", "-a", "+b", "-b", "+b", "-b"]
    assert source_log(log) == [
        *[("attach", "line"), ("detach", "line", "cancelled", "superseded")],
        *[("attach", "line"), ("detach", "line", "cancelled", "removed")],
        *[("attach", "line"), ("detach", "line", "cancelled", "stopped")],
    ]
    assert [seen.key for seen in log if seen.type == "source.attach"] == ["a", "b", "b"]


async def test_an_equal_key_is_no_change(autojump_clock: trio.abc.Clock) -> None:
    """Neither is one that goes away and comes back within a pass, nor a write to another fact."""
    told: list[str] = []
    feed = rooms(told)
    async with open_system(feed, initial={"feed": {"room": "a"}}) as system:
        await wait_all_tasks_blocked()
        system.touch("feed::room")
        await system.settle()
        system[feed].room = None
        system[feed].room = "a"
        system[feed].total = 9
        await wait_all_tasks_blocked()
        assert told == ["+a"]


async def test_the_new_one_waits_for_the_end_of_the_old(autojump_clock: trio.abc.Clock) -> None:
    """Never two at once; one whose key is gone before its turn never attaches."""
    told: list[str] = []
    feed = rooms(told, cleaning=2)
    async with open_system(feed, initial={"feed": {"room": "a"}}) as system:
        await wait_all_tasks_blocked()
        for room in ("b", "c", "d"):
            system[feed].room = room
            await trio.sleep(0.5)
        assert told == ["+a"]
        await trio.sleep(1)
        assert told == ["+a", "-a", "+d"]
        system[feed].room = "e"
        await trio.sleep(1)
        assert system.is_settled
    assert told == ["+a", "-a", "+d", "-d"]


async def test_what_an_old_link_publishes_is_dropped(autojump_clock: trio.abc.Clock) -> None:
    """Also while it cleans up."""
    feed, line = feed_module(), Line()
    feed.source(name="line", key=lambda facts: facts.room)(line)
    async with open_system(feed, initial={"feed": {"room": "a"}}) as system:
        await wait_all_tasks_blocked()
        system[feed].room = "b"
        await wait_all_tasks_blocked()
        line.links[0].publish(Tick())
        line.links[1].publish(Tick(2))
        assert (system[feed].total, dict(of_source(system).drops)) == (2, {"detached": 1})
        assert [link.key for link in line.links] == ["a", "b"]


async def test_a_key_that_raises_detaches(autojump_clock: trio.abc.Clock) -> None:
    """Reported as of phase ``attach``; asked again when what it read changes."""
    feed, line = feed_module(), Line()

    @feed.source(name="line", key=lambda facts: {"a": 1, "b": 2}[facts.room or "a"])
    async def follow(link: SourceLink) -> None:
        await line(link)

    told: list[str] = []
    log: list[Observation] = []
    boundary = ErrorBoundary(on_error=lambda error, name: told.append(f"{name} {error!r}"))
    async with open_system(feed, errors=boundary) as system:
        system.observe(log.append)
        await wait_all_tasks_blocked()
        for room in ("x", "y", "b"):
            system[feed].room = room
            await wait_all_tasks_blocked()
    assert [link.key for link in line.links] == [1, 2]
    assert told == ["feed::line KeyError('x')", "feed::line KeyError('y')"]
    assert source_log(log) == [
        ("attach", "line"),
        *[("error", "line", "attach"), ("detach", "line", "cancelled", "removed"), ("error", "line", "attach")],
        *[("attach", "line"), ("detach", "line", "cancelled", "stopped")],
    ]


async def test_a_key_that_raises_at_start_breaks_nothing(autojump_clock: trio.abc.Clock) -> None:
    """The others attach; disable is the end of its being asked."""
    feed, line = feed_module(), Line()
    feed.source(name="line", key=lambda facts: 1 // facts.total)(line)
    feed.source(name="other")(line)
    told: list[Exception] = []
    boundary = ErrorBoundary(source="disable", on_error=lambda error, _: told.append(error))
    async with open_system(feed, errors=boundary) as system:
        await wait_all_tasks_blocked()
        assert (of_source(system).disabled, of_source(system, "feed::other").attached) == (True, True)
        system[feed].total = 1
        await wait_all_tasks_blocked()
        assert not of_source(system).attached
    assert [type(error) for error in told] == [ZeroDivisionError]


async def test_a_key_may_read_derivations_and_other_modules(autojump_clock: trio.abc.Clock) -> None:
    """It is tracked like any other function of facts; and it writes nothing."""

    class Derived(FeedFacts):
        @derivation
        def doubled(self) -> int:
            return self.total * 2

    other = Module("other", Derived)
    feed, line = feed_module(), Line()
    feed.source(name="line", key=lambda facts: other.of(facts).doubled or None)(line)
    feed.source(name="writing", key=lambda facts: setattr(facts, "total", 1))(line)
    async with open_system(feed, other, errors=ErrorBoundary(on_error=lambda *_: None)) as system:
        await wait_all_tasks_blocked()
        assert not line.links
        assert "cannot write 'feed::total'" in of_source(system, "feed::writing").last_error
        system[other].total = 4
        await wait_all_tasks_blocked()
        assert line.link.key == 8
        graph = system.graph()
        edges = {(edge.source.id, edge.target.id) for edge in graph.edges if edge.target.kind == "source"}
        assert edges == {("other::doubled", "feed::line")}


@pytest.mark.parametrize("repeat", range(3))
async def test_a_key_that_takes_long_to_leave_delays_no_other_source(
    repeat: int, autojump_clock: trio.abc.Clock
) -> None:
    """Each waits for its own predecessor only."""
    told: list[str] = []
    feed, line = rooms(told, cleaning=3), Line()
    feed.source(name="other", key=lambda facts: facts.room)(line)
    async with open_system(feed, initial={"feed": {"room": "a"}}) as system:
        await wait_all_tasks_blocked()
        system[feed].room = "b"
        await trio.sleep(1)
        assert (told, line.link.key) == (["+a"], "b")


async def test_a_failure_is_forgotten_with_its_key(autojump_clock: trio.abc.Clock) -> None:
    """Another key, another try; the schedule of the last one is given up."""
    feed = feed_module()
    begun: list[Any] = []

    @feed.source(key=lambda facts: facts.room)
    async def line(link: SourceLink) -> None:
        begun.append(link.key)
        raise OSError

    boundary = ErrorBoundary(source="retry_later", on_error=lambda *_: None)
    async with open_system(feed, initial={"feed": {"room": "a"}}, errors=boundary) as system:
        await trio.sleep(0.5)
        system[feed].room = "b"
        await trio.sleep(60)
    assert begun == ["a", "b", "b", "b", "b"]


async def test_switching_off_and_on_asks_the_key_again(autojump_clock: trio.abc.Clock) -> None:
    """While it is off nobody asks it."""
    told: list[str] = []
    feed = rooms(told)
    async with open_system(feed, initial={"feed": {"room": "a"}}) as system:
        await wait_all_tasks_blocked()
        system.disable("feed::line")
        system.disable("feed::line")
        system[feed].room = "b"
        await wait_all_tasks_blocked()
        assert told == ["+a", "-a"]
        system.enable("feed::line")
        await wait_all_tasks_blocked()
        assert told == ["+a", "-a", "+b"]


async def test_it_is_asked_again_after_stop_and_start(autojump_clock: trio.abc.Clock) -> None:
    """With the facts of then; between them nobody asks."""
    told: list[str] = []
    feed = rooms(told)
    system = System(feed, initial={"feed": {"room": "a"}})
    async with trio.open_nursery() as nursery:
        for room in ("a", "b", None):
            system[feed].room = room
            system.start(nursery)
            await wait_all_tasks_blocked()
            await system.stop_async()
    assert told == ["+a", "-a", "+b", "-b"]


async def test_a_key_made_of_a_secret_is_shown_nowhere(autojump_clock: trio.abc.Clock) -> None:
    """The source has it; observations and pictures have the mark."""

    class Private(FeedFacts):
        token: str = fact("t0ken", tags=["secret"])

        @derivation(tags=["pii"])
        def who(self) -> str:
            return f"owner of {self.token}"

    line, log = Line(), list[Any]()
    feed = Module("feed", define(Private))
    feed.source(name="line", key=lambda facts: facts.token)(line)
    feed.source(name="other", key=lambda facts: facts.who)(line)
    system = System(feed)
    system.observe(log.append)
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        await wait_all_tasks_blocked()
        assert [link.key for link in line.links] == ["t0ken", "owner of t0ken"]
        assert [seen.key for seen in log if seen.type == "source.attach"] == [HIDDEN, HIDDEN]
        assert {of_source(system, name).key for name in ("feed::line", "feed::other")} == {"hidden"}
        assert "t0ken" not in str(system.explain("feed::line"))
        system.stop()


def test_a_key_is_a_sync_function() -> None:
    """Anything else is refused at declaration."""
    feed = feed_module()

    async def later(facts: FeedFacts) -> str:
        return ""

    wrong: list[Any] = ["room", 3, later]
    for key in wrong:
        with pytest.raises(DefinitionError, match="key= expects a sync function"):
            feed.source(key=key)
        with pytest.raises(DefinitionError, match="key= expects a sync function"):
            feed.add_source(from_callback(lambda link: lambda: None), name="x", key=key)


async def test_a_stop_while_it_cleans_up_after_it_was_disabled(autojump_clock: trio.abc.Clock) -> None:
    """The first reason stays."""
    reasons: list[str] = []
    feed = feed_module()

    @feed.source(name="line")
    async def line(link: SourceLink) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with link.teardown():
                await trio.sleep(1)
            reasons.append(str(link.signal.reason))

    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        system.disable("feed::line")
        await trio.sleep(0.5)
        await system.stop_async()
    assert reasons == ["removed"]
