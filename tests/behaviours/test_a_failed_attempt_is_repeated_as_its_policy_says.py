"""R10: retry with all backoffs, jitter and a predicate; backoff waits are cancelled too."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import trio

from directive_trio import ErrorBoundary, Retry, open_system
from directive_trio.errors import UsageError
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, seen, types, work_module


async def moments(retry: Retry, *, sync: bool = False) -> list[float]:
    """Return when the attempts of a resolver that always fails began, from the first on."""
    found: list[float] = []

    def fail(job: Job, ctx: Ctx) -> None:
        found.append(trio.current_time())
        assert ctx.attempt == len(found)
        raise ValueError(job.name)

    async def fail_later(job: Job, ctx: Ctx) -> None:
        fail(job, ctx)

    module = work_module(fail if sync else fail_later, retry=retry)
    boundary = ErrorBoundary(on_error=lambda *_: None)
    async with open_system(module, initial={"work": {"wanted": "a"}}, errors=boundary) as system:
        await system.settle(timeout=None)
    return [moment - found[0] for moment in found]


@pytest.mark.parametrize("sync", [False, True])
@pytest.mark.parametrize(
    ("retry", "expected"),
    [
        (Retry(), [0]),
        (Retry(attempts=4, initial_delay=2), [0, 2, 4, 6]),
        (Retry(attempts=4, backoff="linear", initial_delay=2), [0, 2, 6, 12]),
        (Retry(attempts=5, backoff="exponential", initial_delay=2), [0, 2, 6, 14, 30]),
        (Retry(attempts=5, backoff="exponential", initial_delay=2, max_delay=5), [0, 2, 6, 11, 16]),
    ],
)
async def test_the_waits_grow_as_declared(
    retry: Retry, expected: list[float], sync: bool, autojump_clock: trio.abc.Clock
) -> None:
    """The same for async and for sync resolvers."""
    assert await moments(retry, sync=sync) == expected


async def test_jitter_takes_a_share_of_the_wait_at_random(autojump_clock: trio.abc.Clock) -> None:
    """Never more than the wait, never less than its rest, not always the same."""
    found = await moments(Retry(attempts=30, initial_delay=10, jitter=0.5))
    waits = [after - before for before, after in pairwise(found)]
    assert all(5 - 1e-6 <= wait <= 10 + 1e-6 for wait in waits)
    assert len(set(waits)) > 1


async def test_a_predicate_ends_the_run_at_once(autojump_clock: trio.abc.Clock) -> None:
    """It is asked with the exception and the number of the attempt that raised it."""
    asked: list[tuple[Exception, int]] = []

    def again(error: Exception, attempt: int) -> bool:
        asked.append((error, attempt))
        return attempt < 2

    assert await moments(Retry(attempts=9, initial_delay=1, retry_if=again)) == [0, 1]
    assert [(str(error), attempt) for error, attempt in asked] == [("a", 1), ("a", 2)]


async def test_a_predicate_that_raises_is_reported_and_ends_the_run(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """The run fails with its own error."""

    def broken(error: Exception, attempt: int) -> bool:
        raise TypeError("broken predicate")

    async def do(job: Job, ctx: Ctx) -> None:
        raise ValueError("own")

    log: list[Observation] = []
    module = work_module(do, retry=Retry(attempts=9, retry_if=broken))
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        system.observe(log.append)
        await system.settle()
    assert types(log, "resolver.") == ["resolver.start", "resolver.error"]
    assert str(seen(log, "resolver.error")[0].error) == "own"
    assert "broken predicate" in caplog.text


async def test_each_failed_attempt_is_observed(autojump_clock: trio.abc.Clock) -> None:
    """One run, one start, one end, and a retry for each attempt that is followed by another."""

    def do(job: Job, ctx: Ctx) -> None:
        if ctx.attempt < 3:
            raise ValueError(ctx.attempt)
        ctx.facts.done = job.name

    log: list[Observation] = []
    module = work_module(do, retry=Retry(attempts=5, initial_delay=1))
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        system.observe(log.append)
        await system.settle()
    assert types(log, "resolver.") == ["resolver.start", "resolver.retry", "resolver.retry", "resolver.complete"]
    assert [(one.attempt, str(one.error), one.delay) for one in seen(log, "resolver.retry")] == [
        (1, "1", 1),
        (2, "2", 1),
    ]
    assert seen(log, "resolver.complete")[0].attempt == 3


@pytest.mark.parametrize("sync", [False, True])
async def test_a_backoff_wait_is_cancelled(sync: bool, autojump_clock: trio.abc.Clock) -> None:
    """It ends at the moment of the word, with no other attempt."""

    def fail(job: Job, ctx: Ctx) -> None:
        raise ValueError(job.name)

    async def fail_later(job: Job, ctx: Ctx) -> None:
        fail(job, ctx)

    log: list[Observation] = []
    do: Callable[..., Any] = fail if sync else fail_later
    module = work_module(do, retry=Retry(attempts=5, initial_delay=1000, max_delay=1000))
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        system.observe(log.append)
        await trio.sleep(3)
        moment = trio.current_time()
        system[module].wanted = ""
        await system.settle()
        assert trio.current_time() == moment
    assert types(log, "resolver.") == ["resolver.start", "resolver.retry", "resolver.cancel"]


async def test_a_sync_resolver_that_returns_something_is_told_to_be_async(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A forgotten async is an error of the run, and its coroutine is closed."""

    async def later() -> None: ...

    log: list[Observation] = []
    module = work_module(lambda job, ctx: later())
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        system.observe(log.append)
        await system.settle()
    error = seen(log, "resolver.error")[0].error
    assert isinstance(error, UsageError)
    assert "declare it with async def" in str(error)
