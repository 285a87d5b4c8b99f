"""R11: a sync effect may return a cleanup: called before each re-run and at stop, in reverse order."""

from collections.abc import Callable

import pytest
import trio
from attrs import define

from directive_trio import ErrorBoundary, Module, System, open_system
from directive_trio.errors import UsageError
from directive_trio.observe import Observation
from tests.behaviours.worker import seen


@define
class Facts:
    value: int = 0
    other: int = 0


def noting(calls: list[str], name: str) -> Callable[[Facts], Callable[[], object]]:
    """An effect that notes when it runs and when it is cleaned up."""

    def effect(facts: Facts) -> Callable[[], object]:
        value = facts.value
        calls.append(f"run {name} {value}")
        return lambda: calls.append(f"clean {name} {value}")

    return effect


def three(calls: list[str]) -> Module[Facts]:
    """A module with three of them."""
    module = Module("m", Facts)
    for name in ("a", "b", "c"):
        module.effect(name=name)(noting(calls, name))
    return module


async def test_before_each_run_and_at_stop_in_reverse_order(autojump_clock: trio.abc.Clock) -> None:
    """Each cleanup is called once."""
    calls: list[str] = []
    module = three(calls)
    async with open_system(module) as system:
        await system.settle()
        calls.clear()
        system[module].value = 1
        await system.settle()
        assert calls == ["clean a 0", "run a 1", "clean b 0", "run b 1", "clean c 0", "run c 1"]
        calls.clear()
        await system.stop_async()
        assert calls == ["clean c 1", "clean b 1", "clean a 1"]
        calls.clear()
    assert calls == []


async def test_after_stop_and_start_it_runs_anew(autojump_clock: trio.abc.Clock) -> None:
    """Once in the first pass, without a second cleanup of what is over."""
    calls: list[str] = []
    module = three(calls)
    system = System(module)
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        await system.settle()
        await system.stop_async()
        calls.clear()
        system.start(nursery)
        await system.settle()
        assert calls == ["run a 0", "run b 0", "run c 0"]
        await system.stop_async()


async def test_disabling_cleans_up(autojump_clock: trio.abc.Clock) -> None:
    """At once."""
    calls: list[str] = []
    module = three(calls)
    async with open_system(module) as system:
        await system.settle()
        calls.clear()
        system.disable("m::b")
        assert calls == ["clean b 0"]
    assert calls == ["clean b 0", "clean c 0", "clean a 0"]


@pytest.mark.parametrize("how", ["disable", "stop"])
async def test_what_an_effect_returns_after_its_own_end_is_called_at_once(
    how: str, autojump_clock: trio.abc.Clock
) -> None:
    """It switches itself off, or stops the system: nobody would call its cleanup later."""
    calls: list[str] = []
    module = Module("m", Facts)

    @module.effect
    def ending(facts: Facts) -> Callable[[], object]:
        calls.append(f"run {facts.value}")
        if facts.value:
            system.disable("m::ending") if how == "disable" else system.stop()
        return lambda: calls.append("clean")

    async with open_system(module) as system:
        await system.settle()
        system[module].value = 1
        await trio.sleep(1)
        assert calls == ["run 0", "clean", "run 1", "clean"]
    assert calls == ["run 0", "clean", "run 1", "clean"]


async def test_a_stop_in_the_middle_of_a_pass_keeps_the_order(autojump_clock: trio.abc.Clock) -> None:
    """Those that were due after the one that stops it are cleaned up at the end, in reverse order."""
    calls: list[str] = []
    module = Module("m", Facts)

    @module.effect
    def first(facts: Facts) -> None:
        if facts.value:
            system.stop()

    for name in ("a", "b"):
        module.effect(name=name)(noting(calls, name))
    async with open_system(module) as system:
        await system.settle()
        calls.clear()
        system[module].value = 1
    assert calls == ["clean b 0", "clean a 0"]


@pytest.mark.parametrize(("how", "runs"), [("disable", [0, 1]), ("stop", [0])])
async def test_a_cleanup_may_end_its_effect(how: str, runs: list[int], autojump_clock: trio.abc.Clock) -> None:
    """A stop is at once: the run it was to make room for does not begin. It is disabled after the pass."""
    calls: list[int] = []
    module = Module("m", Facts)

    @module.effect
    def ending(facts: Facts) -> Callable[[], object]:
        calls.append(facts.value)
        return lambda: system.disable("m::ending") if how == "disable" else system.stop()

    async with open_system(module) as system:
        await system.settle()
        system[module].value = 1
        await trio.sleep(1)
        assert calls == runs
        system[module].value = 2
        await trio.sleep(1)
        assert calls == runs
        if how == "disable":
            await system.settle()


async def test_a_cleanup_that_raises_is_an_error_and_the_effect_runs(autojump_clock: trio.abc.Clock) -> None:
    """Phase cleanup; at stop the other cleanups are called all the same."""
    calls: list[str] = []
    log: list[Observation] = []
    module = three(calls)

    @module.effect
    def broken(facts: Facts) -> Callable[[], object]:
        calls.append(f"run broken {facts.value}")
        return lambda: int("x")

    async with open_system(module, errors=ErrorBoundary(on_error=lambda *_: None)) as system:
        system.observe(log.append)
        await system.settle()
        system[module].value = 1
        await system.settle()
        assert calls[-1] == "run broken 1"
        calls.clear()
        await system.stop_async()
        assert calls == ["clean c 1", "clean b 1", "clean a 1"]
        assert [(error.id, error.phase) for error in seen(log, "effect.error")] == [("m::broken", "cleanup")] * 2


async def test_what_is_no_cleanup_is_an_error(autojump_clock: trio.abc.Clock) -> None:
    """A value, or a coroutine that somebody forgot to declare."""

    async def later() -> None: ...

    errors: list[Exception] = []
    module = Module("m", Facts)
    module.effect(name="value")(lambda facts: 5)  # type: ignore[arg-type]  # what it is about
    module.effect(name="coroutine")(lambda facts: later())  # a sync function that returns one
    async with open_system(module, errors=ErrorBoundary(on_error=lambda error, _: errors.append(error))) as system:
        await system.settle()
    assert [type(error) for error in errors] == [UsageError, UsageError]
    assert all("returns a cleanup or None" in str(error) for error in errors)
