"""R1, table 3.1: ``watch(target, callback)`` calls back in the pass after a change of its target, before effects."""

from collections.abc import Callable

import pytest
import trio
from attrs import define

from directive_trio import ErrorBoundary, Module, SystemView, derivation, open_system
from directive_trio.errors import UnknownNameError
from directive_trio.observe import Observation
from tests.behaviours.worker import seen


@define
class Facts:
    left: int = 0
    right: int = 0
    other: int = 0

    @derivation
    def total(self) -> int:
        return self.left + self.right


async def test_a_name_a_handle_and_a_selector_are_targets(autojump_clock: trio.abc.Clock) -> None:
    """Each is told the new and the old value, once a pass; an equal value tells nobody."""
    module = Module("m", Facts)
    heard: list[tuple[str, object, object]] = []
    async with open_system(module) as system:
        system.watch("m::left", lambda new, old: heard.append(("name", new, old)))
        system.watch("m.total", lambda new, old: heard.append(("dotted", new, old)))
        system.watch(Facts.total, lambda new, old: heard.append(("handle", new, old)))
        system.watch(lambda view: view[module].left > 1, lambda new, old: heard.append(("selector", new, old)))
        await system.settle()
        assert heard == []
        system[module].left = 1
        system[module].right = 1
        await system.settle()
        assert heard == [("name", 1, 0), ("dotted", 2, 0), ("handle", 2, 0)]
        heard.clear()
        system[module].left, system[module].right = 2, 0
        await system.settle()
        assert heard == [("name", 2, 1), ("selector", True, False)]


async def test_a_change_that_is_taken_back_before_the_pass_is_none(autojump_clock: trio.abc.Clock) -> None:
    """A → B → A."""
    module = Module("m", Facts)
    heard: list[int] = []
    async with open_system(module) as system:
        system.watch("m::left", lambda new, old: heard.append(new))
        await system.settle()
        system[module].left = 1
        system[module].left = 0
        await system.settle()
    assert heard == []


async def test_a_selector_is_asked_again_only_when_what_it_read_has_changed(autojump_clock: trio.abc.Clock) -> None:
    """Conditional reads are tracked anew each time."""
    module = Module("m", Facts)
    asked: list[int] = []

    def select(view: SystemView) -> int:
        facts = view["m"]
        asked.append(facts.left)
        return int(facts.left or facts.right)

    async with open_system(module) as system:
        system.watch(select, lambda new, old: None)
        assert asked == [0]
        system[module].other = 1
        await system.settle()
        assert asked == [0]
        system[module].left = 1
        await system.settle()
        system[module].right = 5  # not read any more
        await system.settle()
    assert asked == [0, 1]


async def test_taken_away_it_hears_no_more(autojump_clock: trio.abc.Clock) -> None:
    """Twice is harmless; another watcher may do it in the very pass."""
    module = Module("m", Facts)
    heard: list[str] = []
    async with open_system(module) as system:
        removers: list[Callable[[], None]] = []
        system.watch("m::left", lambda new, old: [remove() for remove in removers])
        removers.append(system.watch("m::left", lambda new, old: heard.append("second")))
        system[module].left = 1
        await system.settle()
        removers[0]()
        system[module].left = 2
        await system.settle()
    assert heard == []


async def test_what_it_writes_is_heard_by_others_in_the_same_pass(autojump_clock: trio.abc.Clock) -> None:
    """Round by round, until nothing changes."""
    module = Module("m", Facts)
    heard: list[tuple[str, int]] = []
    log: list[Observation] = []
    async with open_system(module) as system:
        system.watch("m::right", lambda new, old: heard.append(("right", new)))
        system.watch("m::left", lambda new, old: setattr(system[module], "right", new * 2))
        await system.settle()
        system.observe(log.append)
        system[module].left = 1
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
        assert heard == [("right", 2)]
        await system.settle()
    assert seen(log, "reconcile.start")[0].changed == ("m::left",)


async def test_one_that_raises_is_reported_and_goes_on_watching(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Callback and selector alike; others are told all the same."""
    module = Module("m", Facts)
    heard: list[int] = []
    log: list[Observation] = []

    def callback(new: int, old: int) -> None:
        raise ValueError("in a callback")

    async with open_system(module) as system:
        system.watch("m::left", callback)
        system.watch(lambda view: 1 // (1 - view[module].left), lambda new, old: heard.append(new))
        system.watch("m::left", lambda new, old: heard.append(new))
        system.observe(log.append)
        for value in (1, 2):
            system[module].left = value
            await system.settle()
    assert heard == [1, -1, 2]
    assert "in a callback" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert len(seen(log, "watcher.error")) == 3


async def test_one_that_raises_is_reported_though_nobody_observes(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has it."""
    module = Module("m", Facts)
    async with open_system(module) as system:
        system.watch("m::left", lambda new, old: int("x"))
        system[module].left = 1
        await system.settle()
    assert "invalid literal" in caplog.text


async def test_a_target_that_cannot_be_read_is_the_callers_error(autojump_clock: trio.abc.Clock) -> None:
    """At once, and nothing is watched."""
    module = Module("m", Facts)
    async with open_system(module) as system:
        with pytest.raises(UnknownNameError, match="did you mean 'left'"):
            system.watch("m::lefft", print)
        with pytest.raises(ZeroDivisionError):
            system.watch(lambda view: 1 // view[module].left, print)
        system[module].left = 1
        await system.settle()


async def test_two_that_feed_each_other_are_stopped(autojump_clock: trio.abc.Clock) -> None:
    """R7: after a hundred rounds, with an error that names the ring; a change from outside lets them go on."""
    module = Module("m", Facts)
    log: list[Observation] = []
    async with open_system(module, errors=_quiet()) as system:
        system.watch("m::left", lambda new, old: setattr(system[module], "right", new + 1))
        system.watch("m::right", lambda new, old: setattr(system[module], "left", new + 1))
        await system.settle()
        system.observe(log.append)
        system[module].left = 1
        await system.settle()
        assert 100 <= system[module].left <= 103
        assert "100 rounds of watchers" in str(seen(log, "error.recovery")[0].error)
        before = system[module].left
        system[module].other = 1
        await system.settle()
        assert system[module].left > before


def _quiet() -> ErrorBoundary:
    return ErrorBoundary(on_error=lambda *_: None)
