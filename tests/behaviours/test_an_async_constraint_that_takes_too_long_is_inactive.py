"""R9: a timeout goes to the error boundary, and the constraint is inactive until an input changes."""

from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, open_system
from directive_trio.errors import ConstraintTimeoutError
from directive_trio.observe import Observation
from tests.behaviours.worker import seen


@define
class Facts:
    seconds: float = 0
    met: int = 0


@frozen
class Meet: ...


def thinking(how: Any = trio.sleep) -> Module[Facts]:
    """A constraint with two seconds to answer."""
    module = Module("m", Facts)

    @module.constraint(timeout=2)
    async def think(facts: Facts) -> Meet | None:
        await how(facts.seconds)
        return Meet() if not facts.met else None

    @module.resolver(Meet)
    async def meet(requirement: Meet, ctx: Context[Facts]) -> None:
        ctx.facts.met += 1

    return module


async def test_it_is_an_error_and_inactive(autojump_clock: trio.abc.Clock) -> None:
    """The boundary gets a timeout error that names it, and nothing is dispatched."""
    errors: list[tuple[Exception, str]] = []
    log: list[Observation] = []
    module = thinking()
    boundary = ErrorBoundary(on_error=lambda error, name: errors.append((error, name)))
    async with open_system(module, initial={"m": {"seconds": 3}}, errors=boundary) as system:
        system.observe(log.append)
        start = trio.current_time()
        await system.settle()
        assert trio.current_time() == start + 2
        assert [(type(error), name) for error, name in errors] == [(ConstraintTimeoutError, "m::think")]
        assert "'m::think' gave no answer within 2 s" in str(errors[0][0])
        assert len(seen(log, "constraint.error")) == 1
        assert system[module].met == 0


async def test_it_is_asked_again_when_an_input_changes(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Skip means until something changes."""
    module = thinking()
    async with open_system(module, initial={"m": {"seconds": 3}}) as system:
        await system.settle()
        system[module].seconds = 1
        await system.settle()
        assert system[module].met == 1


async def test_what_it_required_before_is_wanted_no_more(autojump_clock: trio.abc.Clock) -> None:
    """Inactive means that it asks for nothing: its run is cancelled."""
    log: list[Observation] = []
    module = Module("m", Facts)

    @module.constraint(timeout=2)
    async def think(facts: Facts) -> Meet | None:
        await trio.sleep(facts.seconds)
        return Meet()

    @module.resolver(Meet)
    async def meet(requirement: Meet, ctx: Context[Facts]) -> None:
        await trio.sleep_forever()

    async with open_system(module, errors=ErrorBoundary(on_error=lambda *_: None)) as system:
        system.observe(log.append)
        await trio.sleep(1)
        system[module].seconds = 3
        await system.settle(timeout=None)
        assert str(seen(log, "resolver.cancel")[0].reason) == "removed"


async def test_an_answer_that_comes_too_late_does_not_count(autojump_clock: trio.abc.Clock) -> None:
    """Whoever shields itself from the timeout, or answers in its tick, has timed out all the same."""

    async def stubborn(seconds: float) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(seconds)

    errors: list[Exception] = []
    module = thinking(stubborn)
    boundary = ErrorBoundary(on_error=lambda error, _: errors.append(error))
    async with open_system(module, initial={"m": {"seconds": 3}}, errors=boundary) as system:
        await system.settle()
        assert [type(error) for error in errors] == [ConstraintTimeoutError]
        assert system[module].met == 0


async def test_what_it_raises_instead_is_the_cause(autojump_clock: trio.abc.Clock) -> None:
    """The timeout is the error, and what came of it hangs on it."""

    async def rude(seconds: float) -> None:
        try:
            await trio.sleep(seconds)
        except trio.Cancelled as cancelled:
            raise ValueError(cancelled.reason) from None

    errors: list[Exception] = []
    module = thinking(rude)
    boundary = ErrorBoundary(on_error=lambda error, _: errors.append(error))
    async with open_system(module, initial={"m": {"seconds": 3}}, errors=boundary) as system:
        await system.settle()
    assert [type(error) for error in errors] == [ConstraintTimeoutError]
    assert repr(errors[0].__cause__) == "ValueError('timeout')"


@pytest.mark.parametrize("stop_at", [1, 2, 2.5])
async def test_what_it_raises_while_the_system_stops_is_told(autojump_clock: trio.abc.Clock, stop_at: float) -> None:
    """Before its timeout, in the same tick, or after: a timeout is none that nobody waits for, an error is one."""

    async def rude(seconds: float) -> None:
        try:
            await trio.sleep(seconds)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(1)
            raise ValueError("while it cleaned up")

    errors: list[Exception] = []
    module = thinking(rude)
    boundary = ErrorBoundary(on_error=lambda error, _: errors.append(error))
    async with open_system(module, initial={"m": {"seconds": 9}}, errors=boundary):
        await trio.sleep(stop_at)
    assert list(map(repr, errors)) == ["ValueError('while it cleaned up')"]
