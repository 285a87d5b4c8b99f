"""R14: what the call answers is dealt out: met, failed, tried again, timed out; each run has its own outcome."""

from typing import Any

import pytest
import trio

from directive_trio import ErrorBoundary, Retry, open_system
from directive_trio.errors import BatchOutcomeError
from directive_trio.observe import Observation
from tests.behaviours.cache import Ctx, Load, Outcomes, cache, ends, load
from tests.behaviours.worker import seen, types


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
