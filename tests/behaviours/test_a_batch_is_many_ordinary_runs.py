"""R14: batch resolvers meet many requirements with one call, and each is an ordinary run from when it is gathered."""

from collections.abc import Sequence
from typing import Any

import pytest
import trio
import trio.lowlevel
from attrs import define, field, frozen

from directive_trio import Context, ErrorBoundary, Module, Retry, System, open_system
from directive_trio.errors import BatchOutcomeError, DefinitionError, SettleTimeoutError, UnhashableRequirementError
from directive_trio.observe import Observation, ReconcileEnd
from directive_trio.testing import MockResolver
from tests.behaviours.worker import seen, types


@define
class Cache:
    wanted: tuple[int, ...] = ()
    loaded: tuple[int, ...] = ()
    calls: tuple[tuple[int, ...], ...] = ()
    note: str = ""


@frozen
class Load:
    id: int


Ctx = Context[Cache]
Outcomes = Sequence[Exception | None] | None


def cache(do: Any, **options: Any) -> Module[Cache]:
    """Everything wanted must be loaded."""
    module = Module("cache", Cache)
    module.constraint(name="must_be_loaded")(
        lambda facts: [Load(key) for key in facts.wanted if key not in facts.loaded]
    )
    module.batch_resolver(Load, **options)(do)
    return module


async def load(requirements: list[Load], ctx: Ctx) -> None:
    """Takes a second."""
    ids = tuple(requirement.id for requirement in requirements)
    ctx.facts.calls += (ids,)
    await trio.sleep(1)
    ctx.facts.loaded += ids


def ends(log: list[Observation]) -> list[tuple[str, int, str]]:
    """The outcome of each run."""
    kinds = ("resolver.complete", "resolver.error", "resolver.cancel")
    return [(one.type, one.requirement.id, str(getattr(one, "reason", ""))) for one in log if one.type in kinds]  # type: ignore[attr-defined]  # all three have it


# -- gathering -----------------------------------------------------------------------------------------


async def test_what_comes_within_the_window_is_one_call(autojump_clock: trio.abc.Clock) -> None:
    """The window opens with the first one; in the call they stand in the order in which they came."""
    log: list[Observation] = []
    module = cache(load, window=0.5)
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].wanted = (2,)
        await trio.sleep(0.25)
        system[module].wanted = (2, 1, 3)
        await trio.sleep(1)
        system[module].wanted = (2, 1, 3, 4)
        await system.settle()
        assert system[module].calls == ((2, 1, 3), (4,))
        assert trio.current_time() == pytest.approx(1.25 + 0.5 + 1)
    assert ends(log) == [("resolver.complete", key, "") for key in (2, 1, 3, 4)]


async def test_a_full_batch_does_not_wait(autojump_clock: trio.abc.Clock) -> None:
    """At the size it is called for at once; the rest waits for its window."""
    module = cache(load, window=10, max_size=2)
    async with open_system(module) as system:
        system[module].wanted = (1, 2, 3, 4, 5)
        await trio.lowlevel.checkpoint()
        await trio.sleep(0.5)
        assert sorted(system[module].calls) == [(1, 2), (3, 4)]
        await system.settle(timeout=20)
        assert system[module].calls[-1] == (5,)
        assert trio.current_time() == pytest.approx(11)


async def test_each_is_a_run_from_the_moment_it_is_gathered(autojump_clock: trio.abc.Clock) -> None:
    """It has started, it is in the picture, and it holds up settlement."""
    log: list[Observation] = []
    module = cache(load, window=5)
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].wanted = (1, 2)
        await trio.sleep(1)
        assert [(one.requirement, one.run) for one in seen(log, "resolver.start")] == [(Load(1), 1), (Load(2), 2)]
        assert [run.number for run in system.inspect().runs] == [1, 2]
        assert "run 2 of cache::load" in str(system.explain(Load(2)))
        assert not system.is_settled
        with pytest.raises(SettleTimeoutError, match="run 1 of cache::load"):
            await system.settle(timeout=1)
        assert system[module].calls == ()  # nobody who waits makes the window close early
        await system.settle()


async def test_the_same_requirement_is_gathered_once(autojump_clock: trio.abc.Clock) -> None:
    """Two constraints that ask for it share its run."""
    module = cache(load, window=0.5)
    module.constraint(name="too")(lambda facts: [Load(1)] if facts.wanted and 1 not in facts.loaded else None)
    async with open_system(module) as system:
        system[module].wanted = (1, 2)
        await system.settle()
        assert system[module].calls == ((1, 2),)


# -- outcomes ------------------------------------------------------------------------------------------


async def test_each_has_its_own_outcome(autojump_clock: trio.abc.Clock) -> None:
    """In the order of the requirements."""
    errors: list[tuple[str, str]] = []

    async def do(requirements: list[Load], ctx: Ctx) -> Outcomes:
        ctx.facts.loaded = (1, 3)
        return [None, ValueError("no such thing"), None]

    log: list[Observation] = []
    module = cache(do)
    boundary = ErrorBoundary(on_error=lambda error, where: errors.append((str(error), where)))
    async with open_system(module, errors=boundary) as system:
        system.observe(log.append)
        system[module].wanted = (1, 2, 3)
        await system.settle()
        assert [wanted.requirement for wanted in system.inspect().requirements] == ["Load(id=2)"]
    assert ends(log) == [("resolver.complete", 1, ""), ("resolver.error", 2, ""), ("resolver.complete", 3, "")]
    assert errors == [("no such thing", "cache::do")]
    assert types(log, "requirement.met", "requirement.cancel")[:2] == ["requirement.met"] * 2


async def test_what_the_call_raises_all_have_failed_with(autojump_clock: trio.abc.Clock) -> None:
    """One error for each of them."""

    async def do(requirements: list[Load], ctx: Ctx) -> None:
        raise OSError("no network")

    log: list[Observation] = []
    module = cache(do)
    async with open_system(module, errors=ErrorBoundary(on_error=lambda *_: None)) as system:
        system.observe(log.append)
        system[module].wanted = (1, 2)
        await system.settle()
    assert [str(one.error) for one in seen(log, "resolver.error")] == ["no network"] * 2


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ([None], "1 outcomes"),
        ([None] * 3, "3 outcomes"),
        ([], "0 outcomes"),
        ("ok", "'ok'"),
        (5, "5"),
        ([None, "bad"], "'bad' among them"),
        ([KeyboardInterrupt(), None], "KeyboardInterrupt() among them"),
    ],
)
async def test_another_number_of_outcomes_is_an_error(autojump_clock: trio.abc.Clock, answer: Any, what: str) -> None:
    """It names both numbers; so is anything that is no outcome."""

    async def do(requirements: list[Load], ctx: Ctx) -> Outcomes:
        return answer  # type: ignore[no-any-return]  # the point of the test

    log: list[Observation] = []
    module = cache(do)
    async with open_system(module, errors=ErrorBoundary(on_error=lambda *_: None)) as system:
        system.observe(log.append)
        system[module].wanted = (1, 2)
        await system.settle()
    errors = [one.error for one in seen(log, "resolver.error")]
    assert (
        errors == [BatchOutcomeError("cache::do", 2, what)] * 2
        or [str(error) for error in errors] == [str(BatchOutcomeError("cache::do", 2, what))] * 2
    )
    assert "was given 2 requirements and answered " + what in str(errors[0])


async def test_a_retry_repeats_only_those_that_failed(autojump_clock: trio.abc.Clock) -> None:
    """After one wait for all of them, together."""
    calls: list[tuple[float, list[int], int]] = []

    async def do(requirements: list[Load], ctx: Ctx) -> Outcomes:
        ids = [requirement.id for requirement in requirements]
        calls.append((trio.current_time(), ids, ctx.attempt))
        await trio.sleep(1)
        good = [key for key in ids if key % 2 or ctx.attempt > 1]
        ctx.facts.loaded += tuple(good)
        return [None if key in good else ValueError(key) for key in ids]

    log: list[Observation] = []
    module = cache(do, window=0, retry=Retry(3, initial_delay=2, jitter=1))
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].wanted = (1, 2, 3, 4)
        await system.settle()
    assert [(ids, attempt) for _, ids, attempt in calls] == [([1, 2, 3, 4], 1), ([2, 4], 2)]
    delays = [one.delay for one in seen(log, "resolver.retry")]
    assert delays == [pytest.approx(calls[1][0] - 1)] * 2
    assert [(one.requirement.id, one.attempt) for one in seen(log, "resolver.complete")] == [
        *((1, 1), (3, 1), (2, 2), (4, 2))
    ]


async def test_a_timeout_is_for_each_call(autojump_clock: trio.abc.Clock) -> None:
    """It ends the call, aborts its signal, and is tried again like any failure."""
    reasons: list[str] = []

    async def do(requirements: list[Load], ctx: Ctx) -> None:
        ctx.signal.on_abort(lambda reason: reasons.append(str(reason)))
        if ctx.attempt == 1:
            await trio.sleep(100)
        await load(requirements, ctx)

    log: list[Observation] = []
    module = cache(do, window=0, timeout=5, retry=Retry(2, initial_delay=0))
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].wanted = (1, 2)
        await system.settle(timeout=20)
        assert system[module].calls == ((1, 2),)
    assert reasons == ["timeout after 5 s"]
    assert [type(one.error).__name__ for one in seen(log, "resolver.retry")] == ["ResolverTimeoutError"] * 2


async def test_after_a_timeout_another_error_is_that_error(autojump_clock: trio.abc.Clock) -> None:
    """Each attempt is judged by itself."""

    async def do(requirements: list[Load], ctx: Ctx) -> None:
        if ctx.attempt == 1:
            await trio.sleep(100)
        raise OSError("no network")

    log: list[Observation] = []
    module = cache(do, window=0, timeout=5, retry=Retry(2, initial_delay=0))
    async with open_system(module, errors=ErrorBoundary(on_error=lambda *_: None)) as system:
        system.observe(log.append)
        system[module].wanted = (1,)
        await system.settle(timeout=20)
    assert [str(one.error) for one in seen(log, "resolver.error")] == ["no network"]


async def test_throw_ends_the_system(autojump_clock: trio.abc.Clock) -> None:
    """With the error of the first; who waited for another attempt is cancelled with it."""

    async def do(requirements: list[Load], ctx: Ctx) -> Outcomes:
        return [OSError("again"), ValueError("for good"), KeyError("too")]

    log: list[Observation] = []
    module = cache(do, window=0, retry=Retry(2, retry_if=lambda error, _: isinstance(error, OSError)))
    with pytest.RaisesGroup(pytest.RaisesExc(ValueError, match="for good")):
        async with open_system(module, errors=ErrorBoundary(resolver="throw", on_error=lambda *_: None)) as system:
            system.observe(log.append)
            system[module].wanted = (1, 2, 3)
            await trio.sleep_forever()
    assert ends(log) == [
        ("resolver.error", 2, ""),
        ("resolver.error", 3, ""),
        ("resolver.cancel", 1, "stopped"),
    ]


# -- cancelling ----------------------------------------------------------------------------------------


async def test_who_is_only_gathered_is_cancelled_alone(autojump_clock: trio.abc.Clock) -> None:
    """At once, and the call is made for the others; an empty batch is no call."""
    log: list[Observation] = []
    module = cache(load, window=1)
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].wanted = (1, 2, 3)
        await trio.sleep(0.5)
        system[module].wanted = (1, 3)
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
        assert ends(log) == [("resolver.cancel", 2, "superseded")]
        await system.settle()
        assert system[module].calls == ((1, 3),)
        system[module].wanted = (4,)
        await trio.sleep(0.5)
        assert system.cancel(Load(4))
        await system.settle()
        await trio.sleep(5)
        assert system[module].calls == ((1, 3),)
        system[module].wanted = (5,)
        await system.settle()
        assert system[module].calls == ((1, 3), (5,))


async def test_a_call_for_nobody_is_not_made(autojump_clock: trio.abc.Clock) -> None:
    """Who is cancelled after the batch was called for and before the first step of the call: it never begins."""
    log: list[Observation] = []
    calls: list[int] = []

    async def count(requirements: list[Load], ctx: Ctx) -> None:
        calls.append(len(requirements))

    system = System(cache(count, max_size=1), initial={"cache": {"wanted": (1,)}})

    def stop_at_once(seen: Observation) -> None:
        log.append(seen)
        if isinstance(seen, ReconcileEnd):
            system.stop()

    system.observe(stop_at_once)
    async with trio.open_nursery() as nursery:
        await nursery.start(system.run)
    assert calls == []
    assert ends(log) == [("resolver.cancel", 1, "stopped")]


async def test_who_is_cancelled_during_the_call_ends_with_it(autojump_clock: trio.abc.Clock) -> None:
    """The call goes on for the others, and what it writes lands; its outcome is that it was cancelled."""
    log: list[Observation] = []
    module = cache(load, window=0)
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].wanted = (1, 2)
        await trio.sleep(0.5)
        system.cancel(Load(1))
        await trio.sleep(0.25)
        assert ends(log) == []
        await system.settle()
        assert system[module].loaded == (1, 2)
    assert ends(log) == [("resolver.cancel", 1, "cancelled"), ("resolver.complete", 2, "")]


async def test_when_the_last_is_cancelled_so_is_the_call(autojump_clock: trio.abc.Clock) -> None:
    """With its reason; nothing more lands, and an error of its cleaning up is attached to each."""
    reasons: list[str] = []

    async def do(requirements: list[Load], ctx: Ctx) -> None:
        ctx.signal.on_abort(lambda reason: reasons.append(str(reason)))
        try:
            await trio.sleep(100)
        finally:
            for _ in range(15):
                ctx.facts.note = "too late"
            raise ValueError("while cleaning up")

    log: list[Observation] = []
    module = cache(do, window=0)
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].wanted = (1, 2)
        await trio.sleep(0.5)
        system.cancel(Load(1))
        await trio.sleep(0.5)
        assert reasons == []
        system[module].wanted = ()
        await system.settle()
        assert system[module].note == ""
    assert reasons == ["removed"]
    assert ends(log) == [("resolver.cancel", 1, "cancelled"), ("resolver.cancel", 2, "removed")]
    assert [str(one.error) for one in seen(log, "resolver.cancel")] == ["while cleaning up"] * 2
    rejected = seen(log, "resolver.write.rejected")
    assert [(one.kind, str(one.reason), one.dropped) for one in rejected[9:]] == [
        *(("rejection", "removed", 0), ("summary", "removed", 5))
    ]


async def test_who_waits_for_another_attempt_is_cancelled_at_once(autojump_clock: trio.abc.Clock) -> None:
    """The others are tried again; when nobody is left there is no further attempt."""

    async def do(requirements: list[Load], ctx: Ctx) -> None:
        ctx.facts.calls += (tuple(requirement.id for requirement in requirements),)
        raise ValueError

    log: list[Observation] = []
    module = cache(do, window=0, retry=Retry(5, initial_delay=10))
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].wanted = (1, 2)
        await trio.sleep(5)
        system.cancel(Load(1))
        assert ends(log) == [("resolver.cancel", 1, "cancelled")]
        await trio.sleep(10)
        assert system[module].calls == ((1, 2), (2,))
        system.cancel(Load(2))
        await system.settle(timeout=1)
        assert ends(log)[1:] == [("resolver.cancel", 2, "cancelled")]


async def test_one_error_may_cancel_another(autojump_clock: trio.abc.Clock) -> None:
    """A callback of the boundary that cancels a run of the same batch: each has one outcome all the same."""

    async def do(requirements: list[Load], ctx: Ctx) -> Outcomes:
        return [OSError("again"), ValueError("bad"), None]

    log: list[Observation] = []
    module = cache(do, window=0, retry=Retry(2, initial_delay=5, retry_if=lambda error, _: isinstance(error, OSError)))

    def on_error(error: Exception, where: str) -> None:
        for number in (1, 3):
            system.cancel(Load(number))

    async with open_system(module, errors=ErrorBoundary(on_error=on_error)) as system:
        system.observe(log.append)
        system[module].wanted = (1, 2, 3)
        await system.settle(timeout=20)
    assert sorted(ends(log), key=lambda end: end[1]) == [
        ("resolver.cancel", 1, "cancelled"),
        ("resolver.error", 2, ""),
        ("resolver.cancel", 3, "cancelled"),
    ]


@pytest.mark.parametrize("moment", [0.25, 0.75, 1.75])
async def test_a_stop_ends_all_of_them(autojump_clock: trio.abc.Clock, moment: float) -> None:
    """While it is gathered, while it is called, while it waits; and a start gathers them again."""
    fail = True

    async def do(requirements: list[Load], ctx: Ctx) -> None:
        await load(requirements, ctx)
        if fail:
            ctx.facts.loaded = ()
            raise ValueError

    log: list[Observation] = []
    module = cache(do, window=0.5, retry=Retry(2, initial_delay=10))
    system = System(module)
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        system.observe(log.append)
        system[module].wanted = (1, 2)
        await trio.sleep(moment)
        await system.stop_async()
        assert ends(log) == [("resolver.cancel", 1, "stopped"), ("resolver.cancel", 2, "stopped")]
        fail = False
        system.start(nursery)
        await system.settle()
        assert system[module].loaded == (1, 2)
        await system.destroy()


async def test_a_keyboard_interrupt_passes_through(autojump_clock: trio.abc.Clock) -> None:
    """Each run has its outcome, and the system ends."""

    async def do(requirements: list[Load], ctx: Ctx) -> None:
        raise KeyboardInterrupt

    log: list[Observation] = []
    module = cache(do, window=0)
    with pytest.RaisesGroup(KeyboardInterrupt):
        async with open_system(module) as system:
            system.observe(log.append)
            system[module].wanted = (1, 2)
            await trio.sleep_forever()
    assert ends(log) == [("resolver.cancel", 1, "stopped"), ("resolver.cancel", 2, "stopped")]


async def test_an_interrupt_while_outcomes_are_dealt_out(autojump_clock: trio.abc.Clock) -> None:
    """From a callback of the boundary: who has an outcome keeps it, the others are cancelled."""

    async def do(requirements: list[Load], ctx: Ctx) -> Outcomes:
        return [None, ValueError(), None]

    def on_error(error: Exception, where: str) -> None:
        raise KeyboardInterrupt

    log: list[Observation] = []
    module = cache(do, window=0)
    with pytest.RaisesGroup(KeyboardInterrupt):
        async with open_system(module, errors=ErrorBoundary(on_error=on_error)) as system:
            system.observe(log.append)
            system[module].wanted = (1, 2, 3)
            await trio.sleep_forever()
    assert sorted(ends(log), key=lambda end: end[1]) == [
        ("resolver.complete", 1, ""),
        ("resolver.error", 2, ""),
        ("resolver.cancel", 3, "stopped"),
    ]


async def test_an_interrupt_when_the_last_is_cancelled(autojump_clock: trio.abc.Clock) -> None:
    """From who is told of it: its batch is empty, and not called when the window closes while others clean up."""
    module = cache(load, window=1)

    @module.effect
    async def lingering(facts: Cache) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(2)

    def interrupt(seen: Observation) -> None:
        if seen.type == "resolver.cancel":
            raise KeyboardInterrupt

    with pytest.RaisesGroup(KeyboardInterrupt):
        async with open_system(module, initial={"cache": {"wanted": (1,)}}) as system:
            system.observe(interrupt)
            await trio.sleep(0.5)


# -- the shared context --------------------------------------------------------------------------------


async def test_its_writes_are_those_of_all_its_runs(autojump_clock: trio.abc.Clock) -> None:
    """A batch that makes its own constraint false goes on: for each run it is self-satisfied."""

    async def do(requirements: list[Load], ctx: Ctx) -> None:
        ctx.facts.loaded = tuple(requirement.id for requirement in requirements)  # at once
        await trio.sleep(1)
        ctx.facts.note = "at the end"

    log: list[Observation] = []
    module = cache(do, window=0)
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].wanted = (1, 2)
        await system.settle()
        assert system[module].note == "at the end"
        assert ends(log) == [("resolver.complete", 1, ""), ("resolver.complete", 2, "")]
        log.clear()
        system[module].loaded = ()
        await trio.sleep(0.5)
        system[module].wanted = ()  # would be false without its writes too
        await system.settle()
    assert ends(log) == [("resolver.cancel", 1, "removed"), ("resolver.cancel", 2, "removed")]


async def test_markers_return_when_the_last_is_cancelled(autojump_clock: trio.abc.Clock) -> None:
    """Not before: what the call has written, it has written for the others too."""

    async def do(requirements: list[Load], ctx: Ctx) -> None:
        ctx.facts.loaded = tuple(requirement.id for requirement in requirements)
        await trio.sleep(100)

    module = cache(do, window=0)
    for first, last in ((1, 2), (2, 1)) * 12:  # whether the call or the pass ends first is left to trio
        async with open_system(module) as system:
            system[module].wanted = (1, 2)
            await trio.sleep(0.5)
            system.cancel(Load(first))
            await trio.sleep(0.5)
            assert system[module].loaded == (1, 2)
            system.cancel(Load(last))
            await trio.sleep(0.5)
            assert system[module].loaded == ()


async def test_a_batch_is_one_writer_until_its_last_run_is_over(autojump_clock: trio.abc.Clock) -> None:
    """Also for what it first writes when the run after which it is named has been met and is gone."""

    async def do(requirements: list[Load], ctx: Ctx) -> Outcomes:
        if ctx.attempt == 1:
            ctx.facts.loaded = (1,)
            return [None, ValueError()]
        ctx.facts.note = "marker"
        await trio.sleep(100)
        return None

    module = Module("cache", Cache)
    module.constraint(name="must_be_loaded")(
        lambda facts: [] if facts.note else [Load(key) for key in facts.wanted if key not in facts.loaded]
    )
    module.batch_resolver(Load, window=0, retry=Retry(2, initial_delay=1))(do)
    async with open_system(module) as system:
        system[module].wanted = (1, 2)
        await trio.sleep(2)
        assert (system[module].loaded, system[module].note) == ((1,), "marker")
        system.cancel(Load(2))
        await trio.sleep(0.5)
        assert (system[module].loaded, system[module].note) == ((1,), "")


async def test_what_it_dispatches_is_its_own_too(autojump_clock: trio.abc.Clock) -> None:
    """As with any run; and it may be cancelled by itself, or asked for again."""

    @frozen
    class Loaded:
        ids: tuple[int, ...]

    rounds = 0

    async def do(requirements: list[Load], ctx: Ctx) -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            ctx.requeue()
        elif rounds == 2:
            ctx.cancel()
            await trio.sleep(10)
        else:
            ctx.dispatch(Loaded(tuple(requirement.id for requirement in requirements)))
            await trio.sleep(1)
            ctx.facts.note = "at the end"

    log: list[Observation] = []
    module = cache(do, window=0)
    module.on(Loaded)(lambda facts, event: setattr(facts, "loaded", event.ids))
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].wanted = (1, 2)
        await system.settle()
        assert ends(log) == [
            *(("resolver.complete", key, "") for key in (1, 2)),
            *(("resolver.cancel", key, "cancelled") for key in (1, 2)),
        ]
        log.clear()
        system.require(Load(1))
        system.require(Load(2))
        await system.settle()
        assert system[module].note == "at the end"
    assert ends(log) == [("resolver.complete", 1, ""), ("resolver.complete", 2, "")]


async def test_a_batch_of_one_constraint_owns(autojump_clock: trio.abc.Clock) -> None:
    """owns-18: one of several constraints owns nothing: nobody could say whose write it is."""

    async def do(requirements: list[Load], ctx: Ctx) -> None:
        await trio.sleep(1)
        ctx.facts.note = "mine"
        ctx.facts.loaded += tuple(requirement.id for requirement in requirements)

    for mixed in (False, True):
        module = Module("cache", Cache)
        module.constraint(owns=["note"], name="a")(
            lambda facts: [Load(key) for key in facts.wanted if key < 10 and key not in facts.loaded]
        )
        module.constraint(name="b")(
            lambda facts: [Load(key) for key in facts.wanted if key >= 10 and key not in facts.loaded]
        )
        module.batch_resolver(Load, window=0)(do)
        async with open_system(module) as system:
            system[module].wanted = (1, 2, 10) if mixed else (1, 2)
            await trio.sleep(0.5)
            system[module].note = "theirs"
            await system.settle()
            assert system[module].note == ("mine" if mixed else "theirs")


# -- declaring -----------------------------------------------------------------------------------------


@define(eq=True)
class Unhashable:
    id: int = field(default=0)


def test_wrong_declarations_are_refused() -> None:
    """Each names what is wrong."""
    module = Module("cache", Cache)
    with pytest.raises(DefinitionError, match="is sync"):
        module.batch_resolver(Load)(lambda requirements, ctx: None)  # type: ignore[arg-type,return-value]  # the point
    with pytest.raises(UnhashableRequirementError):
        module.batch_resolver(Unhashable)(load)  # type: ignore[arg-type]  # the point of the test
    for wrong in (-1, float("nan"), "1"):
        with pytest.raises(DefinitionError, match="window="):
            module.batch_resolver(Load, window=wrong)  # type: ignore[arg-type]  # the point of the test
    for wrong in (0, 1.5, True):
        with pytest.raises(DefinitionError, match="max_size="):
            module.batch_resolver(Load, max_size=wrong)  # type: ignore[arg-type]  # the point of the test


async def test_a_mock_in_its_place_meets_them_one_by_one(autojump_clock: trio.abc.Clock) -> None:
    """A replaced batch resolver is an ordinary one."""
    mock: MockResolver[Load] = MockResolver()
    module = cache(load, window=0).with_resolver(Load, mock)
    async with open_system(module) as system:
        system[module].wanted = (1, 2)
        await system.settle()
    assert sorted(mock.requirements, key=lambda requirement: requirement.id) == [Load(1), Load(2)]
