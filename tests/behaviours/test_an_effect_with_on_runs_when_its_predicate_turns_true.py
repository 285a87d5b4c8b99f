"""R11: ``on=predicate`` runs an effect when the predicate turns true, and for nothing else."""

import pytest
import trio
from attrs import define

from directive_trio import ErrorBoundary, Module, open_system, untracked


@define
class Facts:
    level: int = 0
    note: str = ""


def watching(runs: list[str]) -> Module[Facts]:
    """An effect for high levels that reads another fact."""
    module = Module("m", Facts)

    @module.effect(on=lambda facts: facts.level > 10)
    def too_high(facts: Facts) -> None:
        runs.append(f"{facts.level} {facts.note}")

    return module


async def test_it_runs_at_each_rise(autojump_clock: trio.abc.Clock) -> None:
    """Not while it stays true, not when it turns false, not for what the effect itself reads."""
    runs: list[str] = []
    module = watching(runs)
    async with open_system(module) as system:
        for level, note in [(5, ""), (11, ""), (12, ""), (12, "read"), (3, ""), (20, "again")]:
            system[module].level, system[module].note = level, note
            await system.settle()
    assert runs == ["11 ", "20 again"]


async def test_one_that_holds_at_the_start_runs_then(autojump_clock: trio.abc.Clock) -> None:
    """The first pass counts as turning true; after stop and start, or when it is enabled again, too."""
    runs: list[str] = []
    module = watching(runs)
    async with open_system(module, initial={"m": {"level": 11}}) as system:
        await system.settle()
        system.disable("m::too_high")
        system.enable("m::too_high")
        await system.settle()
        await system.stop_async()
        async with trio.open_nursery() as nursery:
            system.start(nursery)
            await system.settle()
            await system.stop_async()
    assert runs == ["11 ", "11 ", "11 "]


async def test_a_predicate_that_raises_does_not_hold(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """It is reported, and asked again when what it read has changed."""
    runs: list[int] = []
    module = Module("m", Facts)

    @module.effect(on=lambda facts: 10 / facts.level > 1)
    def small(facts: Facts) -> None:
        runs.append(facts.level)

    async with open_system(module) as system:
        await system.settle()
        assert "ZeroDivisionError" in caplog.text
        system[module].level = 5
        await system.settle()
    assert runs == [5]


async def test_throw_out_of_a_predicate_leaves_the_block(autojump_clock: trio.abc.Clock) -> None:
    """R12: it is an error of the effect like any other."""
    module = Module("m", Facts)
    module.effect(name="small", on=lambda facts: 10 / facts.level > 1)(lambda facts: None)
    boundary = ErrorBoundary(effect="throw", on_error=lambda *_: None)
    with pytest.raises(ExceptionGroup) as caught:
        async with open_system(module, errors=boundary):
            await trio.sleep_forever()
    assert caught.group_contains(ZeroDivisionError, depth=1)


async def test_an_async_one_is_a_task(autojump_clock: trio.abc.Clock) -> None:
    """And follows only its predicate."""
    runs: list[str] = []
    module = Module("m", Facts)

    @module.effect(on=lambda facts: facts.level > 10, reads=["note"])
    async def too_high(facts: Facts) -> None:
        await trio.sleep(1)
        facts.note = f"told {facts.level}"
        runs.append(facts.note)

    async with open_system(module) as system:
        system[module].level = 11
        await system.settle()
        assert system[module].note == "told 11"
    assert runs == ["told 11"]


async def test_reads_says_when_its_predicate_is_asked_again(autojump_clock: trio.abc.Clock) -> None:
    """For what the predicate reads untracked, or knows from elsewhere."""
    runs: list[int] = []
    module = Module("m", Facts)

    @module.effect(on=lambda facts: untracked(facts).level > 10, reads=["note"])
    def too_high(facts: Facts) -> None:
        runs.append(facts.level)

    async with open_system(module) as system:
        await system.settle()
        system[module].level = 11
        await system.settle()
        assert runs == []
        system[module].note = "look"
        await system.settle()
    assert runs == [11]
