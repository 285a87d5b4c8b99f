"""R13: on timeout settle raises an error that names every holder, the pass, and what is unmet; the system goes on."""

from collections.abc import Iterable

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, Record, Retry, open_system
from directive_trio.errors import SettleTimeoutError
from tests.behaviours.worker import Ctx, Job, work_module


@define
class Facts:
    started: bool = False
    value: int = 0


@frozen
class Slow:
    name: str


@frozen
class Failing: ...


@frozen
class Nobody: ...


@frozen
class Idle: ...


@frozen
class Stubborn: ...


def everything() -> Module[Facts]:
    """A module in which everything that can hold up settlement does."""
    module = Module("m", Facts)

    @module.constraint
    def wanting(facts: Facts) -> Iterable[Record]:
        return [Slow("a"), Slow("b"), Failing(), Nobody(), Idle()] if facts.started else []

    @module.constraint
    def wanting_stubborn(facts: Facts) -> Stubborn | None:
        return Stubborn() if facts.started and not facts.value else None

    @module.constraint(timeout=100)
    async def think(facts: Facts) -> None:
        await trio.sleep(50 if facts.started else 0)

    @module.constraint(timeout=100)
    async def think_again(facts: Facts) -> None:
        if facts.started and not facts.value:
            with trio.CancelScope(shield=True):
                await trio.sleep(50)

    @module.effect
    async def follow(facts: Facts) -> None:
        await trio.sleep(50 if facts.started else 0)

    @module.resolver(Slow, limit=1, retry=Retry(2, initial_delay=0))
    async def slow(requirement: Slow, ctx: Context[Facts]) -> None:
        await trio.sleep(1 if ctx.attempt == 1 else 1000)
        raise ValueError

    @module.resolver(Failing)
    def failing(requirement: Failing, ctx: Context[Facts]) -> None:
        raise ValueError

    @module.resolver(Idle)
    def idle(requirement: Idle, ctx: Context[Facts]) -> None: ...

    @module.resolver(Stubborn)
    async def stubborn(requirement: Stubborn, ctx: Context[Facts]) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(50)

    return module


async def test_it_names_what_which_attempt_and_since_when(autojump_clock: trio.abc.Clock) -> None:
    """One sentence for each; the text has them all."""
    module = everything()
    boundary = ErrorBoundary(
        resolver=lambda error, name: "retry_later" if name == "m::failing" else "skip",
        retry_later=Retry(9, initial_delay=20),
        on_error=lambda *_: None,
    )
    async with open_system(module, errors=boundary) as system:
        await system.settle()
        system[module].started = True
        await trio.sleep(0.5)
        system[module].value = 1
        with pytest.raises(SettleTimeoutError) as caught:
            await system.settle(timeout=3.5)
        error = caught.value
        assert sorted(error.holders) == [
            "async constraint m::think, no answer yet, since 4 s",
            "async constraint m::think_again, not asked any more and not ended yet, since 4 s",
            "async effect m::follow, since 4 s",
            "retry of Failing() by m::failing, after attempt 1, in 16 s",
            "run 1 of m::slow for Slow(name='a'), attempt 2, since 4 s",
            "run 2 of m::slow for Slow(name='b'), queued behind its limit, since 4 s",
            "run 5 of m::stubborn for Stubborn(), attempt 1, since 4 s, cancelled (removed) and not ended yet",
        ]
        assert not error.pass_due
        assert sorted(error.unmet) == [
            "Failing() for m::wanting: retry scheduled",
            "Idle() for m::wanting: unsatisfied",
            "Nobody() for m::wanting: no resolver",
        ]
        for sentence in (*error.holders, *error.unmet):
            assert sentence in str(error)
        assert system.state == "running"


async def test_a_pass_that_is_due_is_named(autojump_clock: trio.abc.Clock) -> None:
    """With no time at all there is none to run it."""

    async def do(job: Job, ctx: Ctx) -> None:
        ctx.facts.done = job.name

    module = work_module(do)
    async with open_system(module) as system:
        await system.settle()

        async def busy() -> None:
            while True:
                system[module].count += 1
                await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(busy)
            with pytest.raises(SettleTimeoutError) as caught:
                while True:  # until a write comes between the last pass and the look
                    await system.settle(timeout=0)
            nursery.cancel_scope.cancel()
        assert caught.value.pass_due
        assert "a pass is due" in str(caught.value)


async def test_what_has_failed_is_named_with_that_reason(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """It holds up nothing, and it is unmet."""

    async def do(job: Job, ctx: Ctx) -> None:
        if job.name == "a":
            raise ValueError
        await trio.sleep_forever()

    module = work_module(do)
    module.constraint(name="other")(lambda facts: Job("b"))
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        with pytest.raises(SettleTimeoutError) as caught:
            await system.settle(timeout=1)
        assert caught.value.unmet == ("Job(name='a') for work::must_be_done: failed",)


async def test_the_error_is_a_timeout_error(autojump_clock: trio.abc.Clock) -> None:
    """Whoever catches timeouts catches it; the same moment works as well again later."""

    async def do(job: Job, ctx: Ctx) -> None:
        await trio.sleep(10)
        ctx.facts.done = job.name

    module = work_module(do)
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        with pytest.raises(TimeoutError):
            await system.settle()
        await system.settle(timeout=6)
        assert system[module].done == "a"
