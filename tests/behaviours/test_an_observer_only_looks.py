"""O1: writes, dispatch and transactions inside an observer raise `LifecycleError`; what it raises is never fatal."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, System, derivation, open_system
from directive_trio.errors import LifecycleError
from directive_trio.observe import DerivationCompute, FactChange, Observation, ObserverError, ReconcileStart


@define
class Facts:
    count: int = 0

    @derivation
    def doubled(self) -> int:
        return self.count * 2


@frozen
class Add: ...


@frozen
class Job: ...


def make() -> Module[Facts]:
    module = Module("m", Facts)

    @module.on(Add)
    def add(facts: Facts, event: Add) -> None:
        facts.count += 1

    @module.constraint
    def look(facts: Facts) -> Job | None:
        return Job() if facts.doubled == 2 else None

    @module.resolver(Job)
    async def resolve(requirement: Job, ctx: Context[Facts]) -> None:
        ctx.facts.count += 1

    return module


WRITES: list[Callable[[System], object]] = [
    lambda system: setattr(system["m"], "count", 9),
    lambda system: system.dispatch(Add()),
    lambda system: system.dispatch("m::Add"),
    lambda system: system.touch("m::count"),
    lambda system: system.transaction().__enter__(),
    lambda system: system.require(Job()),
    lambda system: system.cancel(Job()),
    lambda system: system.enable("m::look"),
    lambda system: system.disable("m::look"),
]


@pytest.mark.parametrize("write", WRITES)
async def test_it_may_not_write(write: Callable[[System], object], autojump_clock: trio.abc.Clock) -> None:
    """O1: at any observation, those of derivations that a pure function reads included."""
    module = make()
    refused: dict[str, str] = {}
    async with open_system(module) as system:

        def attempt(observation: Observation) -> None:
            try:
                write(system)
            except LifecycleError as error:
                refused[observation.type] = str(error)

        system.observe(attempt)
        system[module].count = 1
        await system.settle()
        assert system[module].count == 2
    expected = {"derivation.compute", "fact.change", "reconcile.start", "resolver.start", "system.settled"}
    assert expected < set(refused)
    assert refused["fact.change"].endswith("while the system is telling its observers; observers only look")


async def test_it_may_look_at_everything(autojump_clock: trio.abc.Clock) -> None:
    """O1: facts, derivations, inspect and explain; what a read computes is told after it, in order."""
    module = make()
    seen: list[int] = []
    log: list[Observation] = []
    async with open_system(module) as system:

        def look(observation: Observation) -> None:
            if isinstance(observation, FactChange):
                seen.append(system[module].doubled)
                assert system.inspect().facts["m::count"] == system[module].count
                assert "count" in str(system.explain("m::doubled"))

        await system.settle()
        system.observe(look)
        system.observe(log.append)
        system[module].count = 5
        await system.settle()
    assert seen == [10]
    types = [type(observation) for observation in log if isinstance(observation, FactChange | DerivationCompute)]
    assert types == [FactChange, DerivationCompute]


async def test_one_that_raises_is_reported_and_changes_nothing(
    caplog: pytest.LogCaptureFixture, autojump_clock: trio.abc.Clock
) -> None:
    """O1: to the log and to the others, after what it raised at; everybody sees ``seq`` go up."""
    module = make()
    logs: tuple[list[Observation], list[Observation]] = ([], [])

    def stumbling(observation: Observation) -> None:
        if observation.type in {"fact.change", "observer.error"}:
            raise ValueError("stumbled")

    with caplog.at_level(logging.ERROR, "directive_trio"):
        async with open_system(module) as system:
            system.observe(logs[0].append)
            system.observe(stumbling)
            system.observe(logs[1].append)
            system[module].count = 1
            await system.settle()
            assert system[module].count == 2
    assert logs[0] == logs[1]
    numbers = [observation.seq for observation in logs[0]]
    assert numbers == sorted(set(numbers))
    errors = [observation for observation in logs[0] if isinstance(observation, ObserverError)]
    assert [(error.id.rpartition(".")[2], str(error.error)) for error in errors] == [("stumbling", "stumbled")] * 2
    assert "stumbling raised at fact.change" in caplog.text


async def test_an_observer_of_any_kind_has_a_name(
    caplog: pytest.LogCaptureFixture, autojump_clock: trio.abc.Clock
) -> None:
    """O1: a callable object is named by its repr."""

    class Recorder:
        def __call__(self, observation: Observation) -> None:
            raise ValueError

        def __repr__(self) -> str:
            return "<recorder>"

    module, log = make(), list[Observation]()
    async with open_system(module) as system:
        system.observe(Recorder())
        system.observe(log.append)
        await system.settle()
    assert {seen.id for seen in log if isinstance(seen, ObserverError)} == {"<recorder>"}
    assert "<recorder> raised" in caplog.text


async def test_it_may_go_and_others_may_come_while_it_is_told(autojump_clock: trio.abc.Clock) -> None:
    """O1: who has gone is told no more, not even of this one; who has come hears the next."""
    module = make()
    heard: list[str] = []
    async with open_system(module) as system:
        await system.settle()
        removers: list[Callable[[], None]] = []

        def first(observation: Observation) -> None:
            heard.append("first")
            for remove in removers:
                remove()
            system.observe(lambda observation: heard.append(f"late {observation.type}"))

        removers.append(system.observe(first))
        removers.append(system.observe(lambda observation: heard.append("second")))
        system[module].count = 5
        await system.settle()
        removers[0]()
    assert heard[:2] == ["first", "late reconcile.start"] or heard[:2] == ["first", "late fact.change"]
    assert heard.count("first") == 1
    assert "second" not in heard


async def test_the_same_one_may_observe_twice(autojump_clock: trio.abc.Clock) -> None:
    """O1: and is taken away once for each."""
    module, log = make(), list[Observation]()
    async with open_system(module) as system:
        await system.settle()
        remove = system.observe(log.append)
        system.observe(log.append)
        system[module].count = 5
        await system.settle()
        assert len([seen for seen in log if isinstance(seen, FactChange)]) == 2
        remove()
        system[module].count = 6
        await system.settle()
        assert len([seen for seen in log if isinstance(seen, FactChange)]) == 3


def test_an_interrupt_passes_through() -> None:
    """R10: KeyboardInterrupt in an observer is no error of an observer; later observations are told."""
    module = make()
    system = System(module)
    interrupts: list[BaseException] = [KeyboardInterrupt()]
    log: list[Observation] = []

    def interrupted(observation: Any) -> None:
        if interrupts:
            raise interrupts.pop()

    system.observe(interrupted)
    system.observe(log.append)
    with pytest.raises(KeyboardInterrupt):
        _ = system[module].doubled
    system[module].count = 3
    assert system[module].doubled == 6
    assert [seen.value for seen in log if isinstance(seen, DerivationCompute)] == [6]


async def test_observers_of_a_destroyed_system_are_gone(autojump_clock: trio.abc.Clock) -> None:
    """O1: the last thing they hear is that; none can come any more."""
    module, log = make(), list[Observation]()
    async with open_system(module) as system:
        system.observe(log.append)
    assert [seen.type for seen in log][-2:] == ["system.stop", "system.destroy"]
    with pytest.raises(LifecycleError, match="observe while the system is destroyed"):
        system.observe(log.append)
    assert not [seen for seen in log if isinstance(seen, ReconcileStart) and seen.seq > log[-1].seq]


async def test_a_run_cannot_be_cancelled_by_its_context_from_there(autojump_clock: trio.abc.Clock) -> None:
    """O1: nor from what is pure; it goes on. When it has ended, `ctx.cancel()` is harmless everywhere."""
    module = Module("m", Facts)
    contexts: list[Context[Facts]] = []
    refused: list[str] = []

    @module.resolver(Job)
    async def resolve(requirement: Job, ctx: Context[Facts]) -> None:
        contexts.append(ctx)
        await trio.sleep(1)
        ctx.facts.count += 1

    def attempt(observation: Observation) -> None:
        if contexts:
            try:
                contexts[0].cancel()
            except LifecycleError as error:
                refused.append(str(error))

    async with open_system(module) as system:
        system.observe(attempt)
        system.require(Job())
        await trio.sleep(0.5)
        system[module].count = 1
        await system.settle()
        assert system[module].count == 2
    contexts[0].cancel()
    told = "cannot cancel 'm::resolve' while the system is telling its observers; observers only look"
    assert set(refused) == {told}


@pytest.mark.parametrize("write", WRITES[:2])
def test_an_observer_that_takes_itself_away_still_only_looks(write: Callable[[System], object]) -> None:
    """O1: it is being told until it returns; then writes are what they were before."""
    system = System(make())
    refused: list[LifecycleError] = []

    def once(observation: Observation) -> None:
        remove()
        with pytest.raises(LifecycleError) as caught:
            write(system)
        refused.append(caught.value)

    system["m"].count = 3
    remove = system.observe(once)
    assert system["m"].doubled == 6
    assert len(refused) == 1
    assert system["m"].count == 3
    write(system)
    assert system["m"].count in (4, 9)
