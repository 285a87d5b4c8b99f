"""The devtools trace: what waited for what, and how each run went."""

import json
from typing import Any

import pytest
import trio
from attrs import define, frozen
from trio.testing import MockClock

from directive_trio import CancelReason, Context, Module, Retry, open_system
from directive_trio.errors import UsageError
from directive_trio.observe import (
    ConstraintBlocked,
    ConstraintError,
    ConstraintEvaluate,
    DerivationCompute,
    EffectError,
    EffectRun,
    ErrorRecovery,
    EventDispatch,
    EventError,
    FactChange,
    FactMutated,
    Observation,
    ObserverError,
    ReconcileEnd,
    ReconcileStart,
    RequirementCanceled,
    RequirementCreated,
    RequirementMet,
    RequirementUnsatisfied,
    ResolverCancel,
    ResolverComplete,
    ResolverError,
    ResolverRetry,
    ResolverStart,
    ResolverWriteRejected,
    SystemDestroy,
    SystemInit,
    SystemSettled,
    SystemStart,
    SystemStop,
    SystemUnsettled,
    WatcherError,
)
from directive_trio.plugins.devtools import DevtoolsTrace, TraceEntry

ERROR = OSError("no network")


@define
class TeaFacts:
    kettle: bool = False
    hot: bool = False
    drunk: bool = False


@frozen
class Boil: ...


@frozen
class Drink: ...


def tea_module() -> Module[TeaFacts]:
    """Tea is drunk after it is hot; the kettle fails once, a second is spent on each attempt and between."""
    tea = Module("tea", TeaFacts)

    @tea.constraint
    def must_be_hot(facts: TeaFacts) -> Boil | None:
        return Boil() if facts.kettle and not facts.hot else None

    @tea.constraint(after=[must_be_hot])
    def must_be_drunk(facts: TeaFacts) -> Drink | None:
        return Drink() if facts.kettle and not facts.drunk else None

    @tea.resolver(Boil, retry=Retry(attempts=2, initial_delay=2))
    async def boil(requirement: Boil, ctx: Context[TeaFacts]) -> None:
        await trio.sleep(1)
        if ctx.attempt == 1:
            raise ERROR
        ctx.facts.hot = True

    @tea.resolver(Drink)
    async def drink(requirement: Drink, ctx: Context[TeaFacts]) -> None:
        await trio.sleep(4)
        ctx.facts.drunk = True

    return tea


async def test_the_text_shows_waits_runs_and_retries(autojump_clock: MockClock) -> None:
    """Each with its time, and a chart of them all at the end."""
    trace, tea = DevtoolsTrace(), tea_module()
    async with open_system(tea, name="kitchen", plugins=[trace], initial={"tea": {"kettle": True}}) as system:
        await system.settle(timeout=20)
    assert (
        trace.text()
        == """\
 0.00 s  kitchen             is made
 0.00 s  kitchen             starts
 0.00 s  tea::must_be_hot    requires Boil()
 0.00 s  tea::must_be_drunk  waits for tea::must_be_hot
 0.00 s  tea::boil           run 1 starts: Boil()
 1.00 s  tea::boil           run 1, attempt 1 failed, again in 2.00 s: OSError: no network
 4.00 s  tea::boil           run 1 is complete after 4.00 s in attempt 2
 4.00 s  tea::must_be_drunk  requires Drink()
 4.00 s  tea::must_be_drunk  waited 4.00 s, asks for something
 4.00 s  tea::drink          run 2 starts: Drink()
 8.00 s  tea::drink          run 2 is complete after 4.00 s
 8.00 s  kitchen             is settled: nothing is outstanding
 8.00 s  kitchen             has stopped
 8.00 s  kitchen             is destroyed

                    0.00 s                            8.00 s
tea::must_be_drunk  ····················                      waited for tea::must_be_hot
tea::boil           █████░░░░░░░░░░█████                      run 1 complete, 4.00 s, 2 attempts
tea::drink                              ████████████████████  run 2 complete, 4.00 s"""
    )


async def test_a_cancelled_run_says_why(autojump_clock: MockClock) -> None:
    """In a backoff, too: the attempt that did not come is not drawn."""
    trace, tea = DevtoolsTrace(), tea_module()
    async with open_system(tea, plugins=[trace], initial={"tea": {"kettle": True}}) as system:
        await trio.sleep(2)
        system[tea].kettle = False
        await system.settle()
        text = trace.text()
    assert "\n 2.00 s  tea::boil           run 1 was cancelled after 2.00 s: removed\n" in text
    assert "\ntea::boil           ████████████████████░░░░░░░░░░░░░░░░░░░░  run 1 cancel, 2.00 s" in text


async def test_what_still_goes_on_is_drawn_to_the_end(autojump_clock: MockClock) -> None:
    """A run in its backoff, and who waits for it."""
    trace, tea = DevtoolsTrace(), tea_module()
    async with open_system(tea, plugins=[trace], initial={"tea": {"kettle": True}}):
        await trio.sleep(1.5)
        chart = trace.text().partition("\n\n")[2]
    assert (
        chart
        == f"""\
                    0.00 s                            1.00 s
tea::must_be_drunk  {"·" * 40}  waits for tea::must_be_hot
tea::boil           {"█" * 40}  run 1 goes on"""
    )


async def test_without_runs_there_is_no_chart(autojump_clock: MockClock) -> None:
    """And before a system, no text at all."""
    trace, tea = DevtoolsTrace(), tea_module()
    assert (trace.text(), trace.json_lines(), trace.entries) == ("", "", ())
    async with open_system(tea, plugins=[trace]) as system:
        await system.settle()
        assert len(trace.text().splitlines()) == len(trace.entries)


def test_a_chart_without_length_stands_in_the_first_cell() -> None:
    """A sync resolver takes no time."""
    trace = traced(ResolverStart(1, 7, "tea::boil", Boil(), 1), ResolverComplete(2, 7, "tea::boil", Boil(), 1, 1, 0))
    assert trace.text().splitlines()[-1] == f"tea::boil  █{' ' * 39}  run 1 complete, 0.00 s"


def test_what_began_before_the_oldest_entry_is_not_drawn() -> None:
    """But its end is told."""
    trace = DevtoolsTrace(size=2)
    for seen in (
        ConstraintBlocked(1, 0, "tea::must_be_drunk", ("tea::must_be_hot",)),
        ResolverStart(2, 0, "tea::boil", Boil(), 1),
        ResolverRetry(3, 1, "tea::boil", Boil(), 1, 1, ERROR, 1),
        ResolverComplete(4, 3, "tea::boil", Boil(), 1, 2, 3),
        ConstraintEvaluate(5, 3, "tea::must_be_drunk", True),
    ):
        trace.observe(seen)
    assert trace.text() == (
        " 3.00 s  tea::boil           run 1 is complete after 3.00 s in attempt 2\n"
        " 3.00 s  tea::must_be_drunk  waited 3.00 s, asks for something"
    )
    trace.observe(ResolverRetry(6, 4, "tea::boil", Boil(), 1, 1, ERROR, 1))
    assert len(trace.entries) == 2
    assert len(trace.text().splitlines()) == 2


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "10", None])
def test_a_ring_without_room_is_refused(size: Any) -> None:
    """It would show nothing."""
    with pytest.raises(UsageError, match="at least 1"):
        DevtoolsTrace(size)


def traced(*seen: Observation) -> DevtoolsTrace:
    """A trace that was given these observations."""
    trace = DevtoolsTrace()
    for observation in seen:
        trace.observe(observation)
    return trace


@pytest.mark.parametrize(
    "seen",
    [
        DerivationCompute(1, 0, "tea::is_good", True, None),
        EffectRun(1, 0, "tea::tell"),
        ReconcileStart(1, 0, 1, ()),
        ReconcileEnd(1, 0, 1, 0, 0),
        SystemUnsettled(1, 0, "kitchen"),
        ConstraintEvaluate(1, 0, "tea::must_be_hot", True),
    ],
)
def test_what_comes_all_the_time_is_not_kept(seen: Observation) -> None:
    """It would push the rest out of the ring."""
    assert traced(seen).entries == ()


@pytest.mark.parametrize(
    "seen", [FactChange(1, 0, "tea::hot", False, True, 0), RequirementMet(1, 0, "tea::must_be_hot", Boil(), None)]
)
def test_what_the_runs_tell_already_is_only_in_the_json_lines(seen: Observation) -> None:
    """The text is for reading."""
    trace = traced(seen)
    assert trace.entries == (TraceEntry(seen),)
    assert trace.text() == ""
    assert trace.json_lines()


@frozen
class PotBroken(Observation):
    """A kind of observation that came after the sentences were written."""

    type = "pot.broken"
    id: str
    parts: int


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (SystemInit(1, 0, "x"), "is made"),
        (SystemStart(1, 0, "x"), "starts"),
        (SystemStop(1, 0, "x"), "has stopped"),
        (SystemDestroy(1, 0, "x"), "is destroyed"),
        (SystemSettled(1, 0, "x"), "is settled: nothing is outstanding"),
        (EventDispatch(1, 0, "x", Boil(), 0), "event Boil()"),
        (EventDispatch(1, 0, "x", Boil(), 3), "event Boil(), sent by run 3"),
        (EventError(1, 0, "x", Boil(), ERROR), "event Boil() was undone: OSError: no network"),
        (FactMutated(1, 0, "x", "write anew"), "was mutated in place; write anew"),
        (ConstraintBlocked(1, 0, "x", ("a::b", "c::d")), "waits for a::b, c::d"),
        (ConstraintError(1, 0, "x", ERROR), "raised OSError: no network"),
        (ConstraintError(1, 0, "x", KeyError()), "raised KeyError"),
        (RequirementCreated(1, 0, "x", Boil(), "tea::boil"), "requires Boil()"),
        (RequirementCreated(1, 0, "x", Boil(), None), "requires Boil(), which no resolver takes"),
        (RequirementUnsatisfied(1, 0, "x", Boil(), 3), "is not satisfied by run 3 of Boil()"),
        (RequirementCanceled(1, 0, "x", Boil(), CancelReason("removed")), "wants Boil() no more: removed"),
        (ResolverError(1, 0, "x", Boil(), 3, 1, ERROR, 2), "run 3 failed after 2.00 s: OSError: no network"),
        (
            ResolverCancel(1, 0, "x", Boil(), 3, 2, CancelReason("stopped"), ERROR, 2),
            "run 3 was cancelled after 2.00 s in attempt 2: stopped; while it cleaned up: OSError: no network",
        ),
        (
            ResolverWriteRejected(1, 0, "x", Boil(), 3, "rejection", None, "tea::hot"),
            "run 3: a write to tea::hot did not land: it has ended",
        ),
        (
            ResolverWriteRejected(1, 0, "x", Boil(), 3, "rejection", CancelReason("removed"), "tea::hot"),
            "run 3: a write to tea::hot did not land: removed",
        ),
        (
            ResolverWriteRejected(1, 0, "x", Boil(), 3, "rejection", CancelReason("clobbered"), "tea::hot", 1, 2),
            "run 3: a write to tea::hot did not land: clobbered, it expected 1 and found 2",
        ),
        (
            ResolverWriteRejected(1, 0, "x", Boil(), 3, "summary", CancelReason("clobbered"), dropped=5),
            "run 3: 5 more writes did not land: clobbered",
        ),
        (EffectError(1, 0, "x", "cleanup", ERROR), "raised in cleanup: OSError: no network"),
        (WatcherError(1, 0, "x", ERROR), "raised OSError: no network"),
        (ObserverError(1, 0, "x", ERROR), "raised OSError: no network"),
        (ErrorRecovery(1, 0, "x", ERROR, "retry_later"), "recovery: retry_later"),
        (PotBroken(1, 0, "x", 3), "pot.broken parts=3"),
    ],
)
def test_each_kind_of_observation_has_a_sentence(seen: Observation, said: str) -> None:
    """One that is unknown is said by its type and its fields."""
    assert traced(seen).text().splitlines()[0] == f" 0.00 s  x  {said}"


def test_a_wait_ends_with_the_answer_or_the_error() -> None:
    """What it waited is told with either."""
    blocked = ConstraintBlocked(1, 10, "x", ("a::b",))
    answered = traced(SystemStart(0, 10, "s"), blocked, ConstraintEvaluate(2, 13, "x", False))
    assert "waited 3.00 s, asks for nothing" in answered.text()
    failed = traced(SystemStart(0, 10, "s"), blocked, ConstraintError(2, 13, "x", ERROR))
    assert "waited 3.00 s, raised OSError: no network" in failed.text()


def json_of(*seen: Observation) -> list[dict[str, Any]]:
    """What the trace writes of these observations."""
    return [json.loads(line) for line in traced(*seen).json_lines().splitlines()]


def test_the_json_lines_hold_every_field() -> None:
    """One object a line; errors and reasons as they print."""
    assert json_of(
        ConstraintBlocked(1, 0.5, "x", ("a::b",)),
        ConstraintEvaluate(2, 2.5, "x", True),
        ResolverCancel(3, 3, "y", Boil(), 1, 2, CancelReason("timeout", 2), ERROR, 0.5),
    ) == [
        {"seq": 1, "time": 0.5, "type": "constraint.blocked", "id": "x", "waiting_on": ["a::b"]},
        {"seq": 2, "time": 2.5, "type": "constraint.evaluate", "id": "x", "active": True, "waited": 2.0},
        {
            "seq": 3,
            "time": 3,
            "type": "resolver.cancel",
            "id": "y",
            "requirement": "Boil()",
            "run": 1,
            "attempt": 2,
            "reason": "timeout after 2 s",
            "error": "OSError('no network')",
            "duration": 0.5,
        },
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (2.5, 2.5),
        (float("nan"), "nan"),
        ("text", "text"),
        ("two\nlines", "two lines"),
        ("x" * 200, "x" * 99 + "…"),
        ([1, "two", Boil()], [1, "two", "Boil()"]),
        (((1, 2), 3), ["(1, 2)", 3]),
        ([0] * 21, "[" + "0, " * 20 + "0]"),
        ({"a": 1}, "{'a': 1}"),
    ],
)
def test_values_are_shown_as_json_can(value: object, shown: object) -> None:
    """Plain ones as they are, the others as they print, and none of them long."""
    assert json_of(FactChange(1, 0, "tea::hot", None, value, 0))[0]["value"] == shown
