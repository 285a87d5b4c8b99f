"""O2: `inspect` is one frozen picture of everything, JSON-ready through cattrs."""

import json
import logging
from typing import Any

import attrs
import cattrs
import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Inspection, Module, Retry, System, derivation, open_system


@define
class Facts:
    wanted: bool = False
    name: str = "ann"
    bad: bool = False

    @derivation(label="the name, loud")
    def loud(self) -> str:
        return self.name.upper()

    @derivation
    def failing(self) -> float:
        return 1 / (not self.bad)

    @derivation
    def unread(self) -> int:
        return 0


@frozen
class Job:
    name: str


@frozen
class Lost: ...


@frozen
class Retried: ...


def make() -> Module[Facts]:
    module = Module("m", Facts)

    @module.constraint(priority=5, label="there is work", tags=["work"])
    def first(facts: Facts) -> Job | None:
        return Job(facts.loud) if facts.wanted else None

    @module.constraint
    def second(facts: Facts) -> list[Any] | None:
        return [Job("ANN"), Lost(), Retried()] if facts.wanted else None

    @module.constraint(after=[first])
    def blocked(facts: Facts) -> None: ...

    @module.constraint
    def broken(facts: Facts) -> None:
        assert facts.failing

    @module.constraint
    async def slow(facts: Facts) -> None:
        if facts.wanted:
            await trio.sleep(4)

    @module.effect
    async def effect(facts: Facts) -> None:
        if facts.wanted:
            await trio.sleep(50)

    @module.resolver(Job)
    async def do(requirement: Job, ctx: Context[Facts]) -> None:
        await trio.sleep(100)

    @module.resolver(Retried)
    async def retried(requirement: Retried, ctx: Context[Facts]) -> None:
        raise OSError("no")

    return module


@pytest.fixture
async def picture(autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture) -> Inspection:
    """Taken three seconds after everything began."""
    caplog.set_level(logging.CRITICAL + 1, "directive_trio")
    module = make()
    errors = ErrorBoundary(resolver="retry_later", retry_later=Retry(4, initial_delay=10), on_error=lambda *_: None)
    async with open_system(module, errors=errors) as system:
        await system.settle()
        system[module].wanted = system[module].bad = True
        await trio.sleep(3)
        system.disable("m::blocked")
        return system.inspect()


async def test_the_state_of_the_whole(picture: Inspection, autojump_clock: trio.abc.Clock) -> None:
    """O2: the life of the system, and whether it is at rest."""
    assert (picture.state, picture.settled) == ("running", False)
    assert picture.passes > 1


async def test_facts_and_derivations(picture: Inspection, autojump_clock: trio.abc.Clock) -> None:
    """O2: values as they are, and how each derivation stands."""
    assert picture.facts == {"m::wanted": True, "m::name": "ann", "m::bad": True}
    found = {state.id: (state.state, state.error, state.label) for state in picture.derivations}
    assert found == {
        "m::loud": ("clean", None, "the name, loud"),
        "m::failing": ("failed", "ZeroDivisionError('division by zero')", ""),
        "m::unread": ("unread", None, ""),
    }
    assert picture.derivations[0].value == "ANN"


async def test_a_derivation_nobody_has_looked_at_since_is_stale(autojump_clock: trio.abc.Clock) -> None:
    """O2: it shows the value it had."""
    module = Module("m", Facts)
    system = System(module)
    assert system[module].loud == "ANN"
    system[module].name = "bob"
    assert (system.inspect().derivations[0].state, system.inspect().derivations[0].value) == ("stale", "ANN")


async def test_constraints(picture: Inspection, autojump_clock: trio.abc.Clock) -> None:
    """O2: active, disabled, priority, hits, waiting_on; in the order of evaluation."""
    found = {state.id: state for state in picture.constraints}
    assert next(iter(found)) == "m::first"
    first = found["m::first"]
    assert (first.active, first.disabled, first.priority, first.hits) == (True, False, 5, 1)
    assert (first.label, first.tags, first.waiting_on) == ("there is work", ("work",), ())
    assert found["m::blocked"].waiting_on == ("m::first",)
    assert not found["m::blocked"].active
    assert found["m::slow"].outstanding
    assert "failing" in str(found["m::broken"].error)


async def test_requirements_and_runs(picture: Inspection, autojump_clock: trio.abc.Clock) -> None:
    """O2: state and all producers; attempt and since when."""
    found = {state.requirement: state for state in picture.requirements}
    job = found["Job(name='ANN')"]
    assert (job.state, job.resolver, job.producers, job.failures) == ("running", "m::do", ("m::first", "m::second"), 0)
    lost = found["Lost()"]
    assert (lost.state, lost.resolver, lost.run) == ("no resolver", None, None)
    retried = found["Retried()"]
    assert (retried.state, retried.failures) == ("retry scheduled", 1)
    (run,) = picture.runs
    assert (run.number, run.resolver, run.requirement) == (job.run, "m::do", "Job(name='ANN')")
    assert (run.attempt, run.cancelled) == (1, None)
    (retry,) = picture.pending_retries
    assert (retry.requirement, retry.resolver) == ("Retried()", "m::retried")
    assert retry.due - run.since == pytest.approx(10)


async def test_resolvers(picture: Inspection, autojump_clock: trio.abc.Clock) -> None:
    """O2: which class each serves, and how many runs of it go on."""
    found = {state.id: (state.requirement, state.disabled, state.running, state.queued) for state in picture.resolvers}
    assert found == {"m::do": ("Job", False, 1, 0), "m::retried": ("Retried", False, 0, 0)}


async def test_what_waits_for_a_place_is_queued_and_not_running(autojump_clock: trio.abc.Clock) -> None:
    """O2: the picture and ``explain`` say so alike; a disabled resolver is still shown, and is told as the reason."""
    module = Module("m", Facts)

    @module.resolver(Job, limit=1)
    async def do(requirement: Job, ctx: Context[Facts]) -> None:
        await trio.sleep(10)

    async with open_system(module) as system:
        for name in "ab":
            system.require(Job(name))
        await trio.sleep(3)
        assert [one.state for one in system.inspect().requirements] == ["running", "queued"]
        assert [(one.running, one.queued) for one in system.inspect().resolvers] == [(1, 1)]
        assert str(system.explain(do)).splitlines()[1:] == [
            "├─ requirement Job(name='a'): run 1 of m::do is running, attempt 1, since 3 s",
            "└─ requirement Job(name='b'): run 2 of m::do is queued behind its limit of 1",
        ]
        system.disable(do)
        await trio.sleep(1)
        (state,) = system.inspect().resolvers
        assert (state.id, state.disabled, state.running, state.queued) == ("m::do", True, 0, 0)
        assert str(system.explain(do)) == "resolver m::do is disabled"
        assert "unmet: no resolver takes it, for m::do is disabled" in str(system.explain(Job("a")))


async def test_effects_and_errors(picture: Inspection, autojump_clock: trio.abc.Clock) -> None:
    """O2: what goes on, and the last errors with what was done about them."""
    (effect,) = picture.effects
    assert (effect.id, effect.disabled, effect.running) == ("m::effect", False, True)
    assert {(error.id, error.strategy) for error in picture.errors} == {
        ("m::retried", "retry_later"),
        ("m::broken", "skip"),
    }
    assert {error.kind for error in picture.errors} >= {"resolver"}


async def test_what_the_system_requires_and_what_is_being_cancelled(autojump_clock: trio.abc.Clock) -> None:
    """O2: the system is a producer; a run that cleans up says why."""
    module = Module("m", Facts)

    @module.resolver(Job)
    async def do(requirement: Job, ctx: Context[Facts]) -> None:
        try:
            await trio.sleep(100)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(1)

    async with open_system(module) as system:
        system.require(Job("a"))
        await trio.sleep(1)
        (wanted,) = system.inspect().requirements
        assert wanted.producers == ("system",)
        system.cancel(Job("a"))
        await trio.sleep(0.5)
        (run,) = system.inspect().runs
        assert run.cancelled == "cancelled"


async def test_it_is_frozen(picture: Inspection, autojump_clock: trio.abc.Clock) -> None:
    """O2: at every level; taking another one changes nothing in this."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        picture.state = "x"  # type: ignore[misc]  # on purpose
    with pytest.raises(TypeError):
        picture.facts["m::name"] = "x"  # type: ignore[index]  # on purpose
    for field in attrs.fields(Inspection):
        value = getattr(picture, field.name)
        assert isinstance(value, tuple | str | bool | int) or field.name == "facts"
        if isinstance(value, tuple):
            for item in value:
                with pytest.raises(attrs.exceptions.FrozenInstanceError):
                    setattr(item, attrs.fields(type(item))[0].name, None)


async def test_it_is_ready_for_json(picture: Inspection, autojump_clock: trio.abc.Clock) -> None:
    """O2: through cattrs, and nothing is lost on the way."""
    shown = json.loads(json.dumps(cattrs.unstructure(picture)))
    assert shown["facts"] == dict(picture.facts)
    assert shown["constraints"][0]["tags"] == ["work"]
    assert [run["number"] for run in shown["runs"]] == [run.number for run in picture.runs]
    assert set(shown) == {field.name for field in attrs.fields(Inspection)}


def test_a_new_system_can_be_inspected() -> None:
    """O2: without trio, and nothing has been asked yet."""
    picture = System(make()).inspect()
    assert (picture.state, picture.passes, picture.runs) == ("new", 0, ())
    assert {state.state for state in picture.derivations} == {"unread"}
