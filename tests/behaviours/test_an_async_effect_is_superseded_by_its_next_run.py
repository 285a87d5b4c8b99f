"""R11: an async effect is a task in the system's nursery; its next run supersedes the last, when that has ended."""

import pytest
import trio
from attrs import define

from directive_trio import ErrorBoundary, Module, open_system
from directive_trio.observe import Observation
from tests.behaviours.worker import all_tasks, seen, types


@define
class Facts:
    value: int = 0
    late: int = 0
    answer: int = 0


def following(told: list[str], cleaning: float = 0, work: float = 10) -> Module[Facts]:
    """An effect that works for a while, reads on, and takes its time to clean up."""
    module = Module("m", Facts)

    @module.effect
    async def follow(facts: Facts) -> None:
        value = facts.value
        told.append(f"begin {value}")
        try:
            await trio.sleep(work)
            facts.answer = value + facts.late
            told.append(f"end {value}")
        except trio.Cancelled as cancelled:
            told.append(f"{cancelled.reason} {value}")
            raise
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(cleaning)

    return module


async def test_it_delays_nobody_and_counts_for_settlement(autojump_clock: trio.abc.Clock) -> None:
    """Settled when it has ended; what it wrote is the next pass."""
    told: list[str] = []
    module = following(told)
    async with open_system(module, initial={"m": {"value": 1}}) as system:
        start = trio.current_time()
        await trio.sleep(1)
        assert not system.is_settled
        await system.settle(timeout=None)
        assert trio.current_time() == start + 10
        assert system[module].answer == 1


async def test_a_change_of_what_it_read_supersedes_it(autojump_clock: trio.abc.Clock) -> None:
    """The last run is cancelled with that word, and the new one waits for its end."""
    told: list[str] = []
    module = following(told, cleaning=5)
    async with open_system(module) as system:
        await trio.sleep(1)
        moment = trio.current_time()
        system[module].value = 1
        await trio.sleep(4)
        assert told == ["begin 0", "superseded 0"]
        await trio.sleep(2)
        assert told == ["begin 0", "superseded 0", "begin 1"]
        await system.settle(timeout=None)
        assert trio.current_time() == moment + 5 + 10 + 5


async def test_one_that_is_superseded_while_it_waits_never_begins(autojump_clock: trio.abc.Clock) -> None:
    """Only the last change counts."""
    told: list[str] = []
    module = following(told, cleaning=5)
    async with open_system(module) as system:
        for value in (1, 2, 3):
            await trio.sleep(1)
            system[module].value = value
        await system.settle(timeout=None)
    assert told == ["begin 0", "superseded 0", "begin 3", "end 3"]


async def test_what_it_reads_after_an_await_is_followed(autojump_clock: trio.abc.Clock) -> None:
    """From the moment of the read, also when the run is over."""
    told: list[str] = []
    module = following(told)
    async with open_system(module) as system:
        await trio.sleep(5)
        system[module].late = 1  # not read yet
        await system.settle(timeout=None)
        assert told == ["begin 0", "end 0"]
        system[module].late = 2
        await system.settle(timeout=None)
        assert told == ["begin 0", "end 0", "begin 0", "end 0"]
        assert system[module].answer == 2


@pytest.mark.parametrize("how", ["stop", "disable", "leave"])
async def test_it_ends_with_the_system_or_when_it_is_disabled(how: str, autojump_clock: trio.abc.Clock) -> None:
    """No task is left."""
    told: list[str] = []
    module = following(told)
    before = all_tasks()
    async with open_system(module) as system:
        await trio.sleep(1)
        if how == "stop":
            await system.stop_async()
        elif how == "disable":
            system.disable("m::follow")
            await system.settle()
    assert told == ["begin 0", "superseded 0" if how == "disable" else "stopped 0"]
    assert all_tasks() == before


async def test_its_error_is_isolated(autojump_clock: trio.abc.Clock) -> None:
    """Also one of its clean-up when it was superseded: the new run begins."""
    runs: list[int] = []
    module = Module("m", Facts)

    @module.effect
    async def broken(facts: Facts) -> None:
        runs.append(facts.value)
        try:
            await trio.sleep(1)
        finally:
            raise ValueError(facts.value)

    log: list[Observation] = []
    async with open_system(module, errors=ErrorBoundary(on_error=lambda *_: None)) as system:
        system.observe(log.append)
        await trio.sleep(0.5)
        system[module].value = 1
        await system.settle()
        assert system.state == "running"
    assert runs == [0, 1]
    assert types(log, "effect.error") == ["effect.error"] * 2
    assert {error.phase for error in seen(log, "effect.error")} == {"run"}


async def test_its_writes_land_as_long_as_it_runs(autojump_clock: trio.abc.Clock) -> None:
    """A write to what it has read supersedes itself, and the next run sees it."""
    runs: list[int] = []
    module = Module("m", Facts)

    @module.effect
    async def climb(facts: Facts) -> None:
        runs.append(facts.value)
        if facts.value < 3:
            facts.value += 1
        await trio.sleep(1)

    async with open_system(module) as system:
        await system.settle(timeout=None)
        assert system[module].value == 3
    assert runs == [0, 1, 2, 3]


@pytest.mark.parametrize("ticks", range(8))
async def test_whenever_it_is_superseded_one_run_of_it_goes_on(ticks: int, autojump_clock: trio.abc.Clock) -> None:
    """Never two at once, also where it ends in the tick of the change."""
    live: list[int] = []
    module = Module("m", Facts)

    @module.effect
    async def follow(facts: Facts) -> None:
        assert facts.value >= 0
        live.append(1)
        assert len(live) == 1
        try:
            for _ in range(3):
                await trio.lowlevel.checkpoint()
        finally:
            live.pop()

    errors: list[Exception] = []
    async with open_system(module, errors=ErrorBoundary(on_error=lambda error, _: errors.append(error))) as system:
        for _ in range(ticks):
            await trio.lowlevel.checkpoint()
        system[module].value = 1
        for _ in range(ticks):
            await trio.lowlevel.checkpoint()
        system[module].value = 2
        await system.settle()
    assert not errors
    assert not live
