"""O1: observations are frozen attrs classes with seq, time and a type; nobody listening costs nothing."""

from collections.abc import Iterator
from typing import Any

import attrs
import pytest
import trio
from attrs import define, frozen

from directive_trio import CancelReason, Context, Module, Retry, derivation, observe, open_system
from directive_trio._observation.observers import Observers
from directive_trio.observe import Observation, SystemInit, SystemStart, SystemStop

CLASSES = [getattr(observe, name) for name in observe.__all__ if name != "Observation"]
APPLY = {"id", "requirement", "run", "attempt", "reason", "event", "phase", "error", "duration"}
"""What the contract calls by these names, where it applies."""
OWN = {"previous", "value", "hint", "active", "waiting_on", "resolver", "delay", "fact", "strategy", "number"}
OWN |= {"kind", "expected", "actual", "dropped"}
OWN |= {"changed", "started", "canceled", "key", "message", "outcome"}


@define
class Facts:
    count: int = 0
    done: int = 0

    @derivation
    def open(self) -> int:
        return self.count - self.done


@frozen
class Job:
    number: int


@frozen
class Add: ...


def make() -> Module[Facts]:
    module = Module("m", Facts)

    @module.on(Add)
    def add(facts: Facts, event: Add) -> None:
        facts.count += 1

    @module.constraint
    def look(facts: Facts) -> Job | None:
        return Job(facts.count) if facts.open else None

    @module.constraint(after=[look])
    def later(facts: Facts) -> None: ...

    @module.effect
    def effect(facts: Facts) -> None: ...

    @module.resolver(Job, retry=Retry(2))
    async def do(requirement: Job, ctx: Context[Facts]) -> None:
        await trio.sleep(1)
        if ctx.attempt == 1:
            raise OSError
        ctx.facts.done = requirement.number

    return module


async def story(log: list[Observation]) -> None:
    module = make()
    async with open_system(module, name="story") as system:
        remove = system.observe(log.append)
        await system.settle()
        system.dispatch(Add())
        await system.settle()
        remove()


@pytest.mark.parametrize("kind", CLASSES)
def test_each_is_a_frozen_class_with_a_type(kind: Any) -> None:
    """O1: the words of the contract name the fields, and one type one class."""
    assert issubclass(kind, Observation)
    names = [field.name for field in attrs.fields(kind)]
    assert names[:2] == ["seq", "time"]
    assert set(names[2:]) <= APPLY | OWN
    assert len([other for other in CLASSES if other.type == kind.type]) == 1
    made = kind(*range(len(names)))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        made.seq = 2


@pytest.mark.parametrize("kind", CLASSES)
def test_each_is_a_value_and_shows_its_fields(kind: Any) -> None:
    """O1: equal where class and fields are, usable in sets, printed as it is written."""
    names = [field.name for field in attrs.fields(kind)]
    made, same, later = kind(*range(len(names))), kind(*range(len(names))), kind(7, *range(1, len(names)))
    assert made == same != later
    assert (made == 0) is False
    assert {made, same} == {made}
    assert repr(made) == f"{kind.__name__}({', '.join(f'{name}={index}' for index, name in enumerate(names))})"


def test_another_class_with_equal_fields_is_another_occurrence() -> None:
    """O1: the class takes part, and a value that holds the observation itself is still printed."""
    assert observe.SystemStart(1, 2.0, "s") != observe.SystemStop(1, 2.0, "s")
    log: list[Any] = []
    log.append(observe.FactChange(1, 2.0, "m::log", None, log, 0))
    assert repr(log[0]) == "FactChange(seq=1, time=2.0, id='m::log', previous=None, value=[...], run=0)"


def test_the_types_are_spelt_as_everywhere() -> None:
    """O1: what happened to what, in two or three lower case words."""
    promised = {
        *("fact.change", "derivation.compute", "event.dispatch"),
        *("constraint.evaluate", "constraint.blocked", "constraint.error"),
        *("requirement.created", "requirement.met", "requirement.unsatisfied", "requirement.canceled"),
        *("resolver.start", "resolver.retry", "resolver.complete", "resolver.error", "resolver.cancel"),
        *("resolver.write.rejected", "effect.run", "effect.error", "reconcile.start", "reconcile.end"),
        *("system.init", "system.start", "system.stop", "system.destroy", "system.settled", "system.unsettled"),
        "error.recovery",
    }
    assert promised <= {kind.type for kind in CLASSES}


async def test_a_story_is_told_in_order(autojump_clock: trio.abc.Clock) -> None:
    """O1: the same each time, with numbers that go up by one and the time of trio's clock."""
    log: list[Any] = []
    await story(log)
    assert [(seen.type, getattr(seen, "id", None)) for seen in log] == [
        ("system.unsettled", "story"),
        ("reconcile.start", None),
        ("effect.run", "m::effect"),
        ("derivation.compute", "m::open"),
        ("constraint.evaluate", "m::look"),
        ("constraint.evaluate", "m::later"),
        ("reconcile.end", None),
        ("system.settled", "story"),
        ("event.dispatch", "m::Add"),
        ("system.unsettled", "story"),
        ("reconcile.start", None),
        ("fact.change", "m::count"),
        ("derivation.compute", "m::open"),
        ("requirement.created", "m::look"),
        ("constraint.evaluate", "m::look"),
        ("resolver.start", "m::do"),
        ("reconcile.end", None),
        ("resolver.retry", "m::do"),
        ("resolver.complete", "m::do"),
        ("reconcile.start", None),
        ("fact.change", "m::done"),
        ("derivation.compute", "m::open"),
        ("constraint.evaluate", "m::look"),
        ("requirement.met", "m::look"),
        ("reconcile.end", None),
        ("system.settled", "story"),
    ]
    assert [seen.seq for seen in log] == list(range(log[0].seq, log[0].seq + len(log)))
    begun = next(seen for seen in log if seen.type == "resolver.start")
    ended = next(seen for seen in log if seen.type == "resolver.complete")
    assert (begun.run, ended.run, ended.attempt, begun.requirement) == (1, 1, 2, Job(1))
    assert ended.duration == pytest.approx(2.1)
    assert ended.time - begun.time == pytest.approx(2.1)
    assert next(seen for seen in log if seen.type == "resolver.retry").delay == 0.1


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The types of all observations that are built."""
    built: list[str] = []
    for kind in CLASSES:
        made = kind.__init__

        def init(self: Any, *fields: Any, made: Any = made, **more: Any) -> None:
            built.append(self.type)
            made(self, *fields, **more)

        monkeypatch.setattr(kind, "__init__", init)
    return built  # type: ignore[return-value]  # no teardown


async def test_nobody_listening_costs_nothing(built: list[str], autojump_clock: trio.abc.Clock) -> None:
    """O1: not one object is built before the first observer comes, nor after the last has gone."""
    module = make()
    async with open_system(module) as system:
        system.dispatch(Add())
        await system.settle()
        assert system[module].done == 1
        assert not built
        remove = system.observe(lambda _: None)
        system.dispatch(Add())
        await system.settle()
        assert built
        remove()
        built.clear()
        system.dispatch(Add())
        await system.settle()
    assert not built


def test_a_reason_says_what_and_after_how_long() -> None:
    """Section 3.1: the word of the scope, and the seconds of a timeout."""
    assert [str(CancelReason("removed")), str(CancelReason("timeout", 2.5))] == ["removed", "timeout after 2.5 s"]


def test_what_an_interrupted_observer_has_left_is_told_before_what_comes_later() -> None:
    """O1: each sees ``seq`` go up, also when a KeyboardInterrupt came between."""
    observers, told = Observers(), list[tuple[str, int]]()

    def interrupted(observation: Observation) -> None:
        told.append((observation.type, observation.seq))
        if observation.type == "system.init":
            observers.tell(SystemStart, "first")
            raise KeyboardInterrupt

    observers.add(interrupted)
    with pytest.raises(KeyboardInterrupt):
        observers.tell(SystemInit, "zeroth")
    observers.tell(SystemStop, "last")
    assert told == [("system.init", 1), ("system.start", 2), ("system.stop", 3)]
