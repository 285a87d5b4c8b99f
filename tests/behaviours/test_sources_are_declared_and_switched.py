"""S1, S2, O2: how sources are declared, switched, shown by inspect, explain and graph, and told by the plugins."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from directive_trio import DeclaredSource, Module, Retry, SourceLink, System, from_callback, open_system
from directive_trio.abc import Source
from directive_trio.errors import DefinitionError, DuplicateNameError, SchemaError, UnknownNameError
from directive_trio.plugins.logging import LoggingPlugin
from directive_trio.testing import open_test_system
from tests.behaviours.feeds import FeedFacts, Line, Tick, feed_module, of_source


class Nothing(Source):
    """A source object without a state."""

    async def run(self, link: SourceLink, /) -> None:
        link.attached()
        await trio.sleep_forever()


def detaching(link: SourceLink) -> Any:
    """Attach."""
    return lambda: None


async def test_the_handle_is_the_function_with_a_name(autojump_clock: trio.abc.Clock) -> None:
    """With parentheses or without; it can be called like the function, or like the object's run."""
    feed = feed_module()
    told: list[Any] = []

    @feed.source
    async def plain(link: SourceLink) -> None:
        told.append(link)

    @feed.source(name="other", retry=Retry(2))
    async def named(link: SourceLink) -> None: ...

    added = feed.add_source(Nothing(), name="added")
    assert [repr(source) for source in (plain, named, added)] == [
        "<source feed::plain>",
        "<source feed::other>",
        "<source feed::added>",
    ]
    link: Any = "a link"
    await plain(link)
    assert told == ["a link"]
    with trio.move_on_after(1) as scope:
        await added(_Link())
    assert scope.cancelled_caught


class _Link:
    """As much of a link as the test needs."""

    def attached(self) -> None: ...

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def test_what_is_no_source_is_refused_at_declaration() -> None:
    """With what to write instead."""
    wrong_type: Any = 3
    feed: Any = feed_module()
    feed.add_source(Nothing(), name="taken")
    wrong: list[tuple[Callable[[], object], type[Exception], str]] = [
        (lambda: feed.source(lambda link: None), DefinitionError, "a source expects an async function of a link"),
        (lambda: feed.source(detaching), DefinitionError, "from_callback"),
        (lambda: feed.add_source(detaching, name="x"), DefinitionError, "expects a directive_trio.abc.Source"),
        (lambda: feed.add_source(Nothing, name="x"), DefinitionError, "expects a directive_trio.abc.Source"),
        (lambda: feed.add_source(Nothing(), name="taken"), DuplicateNameError, "feed::taken"),
        (lambda: feed.add_source(Nothing(), name="_x"), SchemaError, "underscore"),
        (lambda: feed.source(retry=3), DefinitionError, "retry= expects a Retry"),
        (lambda: from_callback(wrong_type), DefinitionError, "attach expects a function"),
        (lambda: from_callback(detaching, on_evict=wrong_type), DefinitionError, "on_evict= expects a function"),
    ]
    for declare, error, text in wrong:
        with pytest.raises(error, match=text):
            declare()
    System(feed)
    with pytest.raises(DefinitionError, match="sealed"):
        feed.add_source(Nothing(), name="late")


@pytest.mark.parametrize("target", ["handle", "feed::line", "feed.line"])
async def test_one_is_switched_off_and_on(target: str, autojump_clock: trio.abc.Clock) -> None:
    """By handle or name; at once, and it is told that it was removed."""
    feed, line = feed_module(), Line()
    declared = feed.source(name="line")(line)
    switch: Any = declared if target == "handle" else target
    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        system.disable(switch)
        system.disable(switch)
        reason = line.link.signal.reason
        assert reason is not None
        assert reason.kind == "removed"
        await wait_all_tasks_blocked()
        assert (of_source(system).attached, of_source(system).disabled) == (False, True)
        system.enable(switch)
        system.enable(switch)
        await wait_all_tasks_blocked()
        assert (of_source(system).attached, of_source(system).disabled) == (True, False)
    assert len(line.links) == 2


async def test_it_may_be_switched_before_the_start_and_stays_so(autojump_clock: trio.abc.Clock) -> None:
    """Over stop and start."""
    feed, line = feed_module(), Line()
    feed.source(name="line")(line)
    system = System(feed)
    system.disable("feed::line")
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            system.start(nursery)
            await wait_all_tasks_blocked()
            assert not line.links
            await system.stop_async()
        system.enable("feed::line")
        system.start(nursery)
        await wait_all_tasks_blocked()
        system.stop()
    assert len(line.links) == 1


async def test_kinds_are_told_apart_by_the_handle(autojump_clock: trio.abc.Clock) -> None:
    """Where names meet."""
    feed, line = feed_module(), Line()
    feed.effect(name="line")(lambda facts: None)
    declared: DeclaredSource[FeedFacts] = feed.source(name="line")(line)
    async with open_system(feed) as system:
        await wait_all_tasks_blocked()
        assert "effect" in str(system.explain("feed::line"))
        assert "source" in str(system.explain(declared))
        system.disable(declared)
        await wait_all_tasks_blocked()
        assert of_source(system).disabled
        assert not system.inspect().effects[0].disabled


def test_an_unknown_name_gets_the_nearest() -> None:
    """As everywhere."""
    feed = feed_module()
    feed.add_source(Nothing(), name="heartbeat")
    system = System(feed)
    for asked in (system.disable, system.enable, system.explain):
        with pytest.raises(UnknownNameError, match="did you mean 'feed::heartbeat'"):
            asked("feed::hartbeat")


async def test_explain_tells_what_came_of_it(autojump_clock: trio.abc.Clock) -> None:
    """Since when, with what count, what was dropped, and the last error."""
    feed, line = feed_module(), Line()
    declared = feed.source(name="line")(line)
    system = System(feed)
    assert str(system.explain(declared)).startswith("source feed::line was not attached yet")
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        await trio.sleep(2)
        line.link.publish(Tick())
        line.link.publish("Nothing")
        line.link.report_error(OSError("lost"))
        assert str(system.explain(declared)).splitlines() == [
            "source feed::line is attached, begun 2 s ago",
            "├─ it has published 1 events",
            "├─ dropped 1: unknown_event",
            "└─ its last error: lost",
        ]
        await system.stop_async()
    assert str(system.explain(declared)).startswith("source feed::line has ended: cancelled")


def test_the_graph_has_them() -> None:
    """As nodes; what a key reads is known once it was asked."""
    feed = feed_module()
    feed.add_source(Nothing(), name="line")
    graph = System(feed).graph()
    assert ("source", "feed::line") in [(node.kind, node.id) for node in graph.nodes]
    assert '(("feed::line"))' in graph.mermaid()
    assert 'label="feed::line", shape=circle' in graph.dot()


async def test_a_copy_of_a_module_has_its_own(autojump_clock: trio.abc.Clock) -> None:
    """with_resolver and open_test_system leave the module as it is."""
    feed, line = feed_module(), Line()
    feed.source(name="line")(line)
    async with open_test_system(feed) as (system, recorder):
        await wait_all_tasks_blocked()
        line.link.publish(Tick())
        await system.settle()
        assert recorder.sequence("source") == [("source.attach", "feed::line"), ("source.publish", "feed::line")]


async def test_the_log_has_them(autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Coming and going is info, errors are errors, the rest is debug."""
    feed, line = feed_module(), Line()
    feed.source(name="line")(line)
    with caplog.at_level(logging.DEBUG):
        async with open_system(feed, plugins=[LoggingPlugin("sources", filter=lambda seen: "source" in seen.type)]):
            await wait_all_tasks_blocked()
            line.link.publish(Tick())
            line.link.report_error(OSError("lost"))
    levels = [(record.levelname, record.getMessage().split()[0]) for record in caplog.records]
    assert levels == [
        ("INFO", "source.attach"),
        ("DEBUG", "source.publish"),
        ("ERROR", "source.error"),
        ("INFO", "source.detach"),
    ]


def test_a_module_keeps_what_it_was_given() -> None:
    """Its options."""
    feed = Module("feed", FeedFacts)
    source = Nothing()
    declared = feed.add_source(source, name="a", retry=Retry(3), coalesce="last_write_wins")
    assert (declared.source, declared.retry, declared.coalesce, declared.key) == (
        source,
        Retry(3),
        "last_write_wins",
        None,
    )
