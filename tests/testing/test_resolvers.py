"""Stand-ins for resolvers: the mock does what it was told, the manual one waits for the test."""

import re
from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock, assert_checkpoints

from directive_trio import Context, Retry
from directive_trio.errors import ResolverTimeoutError, UsageError
from directive_trio.observe import ResolverCancel, ResolverComplete, ResolverError, ResolverRetry
from directive_trio.testing import ManualCall, ManualResolver, MockResolver, Recorder, open_test_system
from tests.testing.lamp import LampFacts, SwitchOn, lamp_module

ERROR = OSError("the bulb is broken")


async def run_with(mock: MockResolver[SwitchOn], retry: Retry) -> tuple[bool, Recorder]:
    """Want the lamp lit, and answer whether it is in the end."""
    lamp = lamp_module(retry=retry)
    async with open_test_system(lamp, resolvers={SwitchOn: mock}) as (system, recorder):
        system[lamp].wanted = True
        await system.settle()
        return system[lamp].lit, recorder


async def test_a_mock_records_what_it_was_called_with(autojump_clock: MockClock) -> None:
    """Without other orders it returns at once."""
    mock = MockResolver[SwitchOn]()
    is_lit, recorder = await run_with(mock, Retry())
    assert (is_lit, mock.requirements) == (False, [SwitchOn()])
    assert recorder.of_type(ResolverComplete)[0].duration == 0


async def test_a_mock_waits_and_writes(autojump_clock: MockClock) -> None:
    """In this order."""
    is_lit, recorder = await run_with(MockResolver(delay=2.5, writes={"lit": True}), Retry())
    assert is_lit
    assert recorder.of_type(ResolverComplete)[0].duration == 2.5


async def test_a_mock_that_raises_does_so_each_time(autojump_clock: MockClock) -> None:
    """One exception stands for all calls."""
    mock = MockResolver[SwitchOn](raises=ERROR)
    _, recorder = await run_with(mock, Retry(attempts=3))
    assert len(mock.requirements) == 3
    assert [seen.error for seen in recorder.of_type(ResolverError)] == [ERROR]


@pytest.mark.parametrize("errors", [[ERROR], [ERROR, None, ERROR]])
async def test_a_mock_raises_in_the_order_it_was_told(
    errors: list[Exception | None], autojump_clock: MockClock
) -> None:
    """Nothing where it says None, and nothing more after the last one."""
    mock = MockResolver[SwitchOn](writes={"lit": True}, raises=errors)
    is_lit, recorder = await run_with(mock, Retry(attempts=3))
    assert is_lit
    assert len(mock.requirements) == 2
    assert [seen.error for seen in recorder.of_type(ResolverRetry)] == [ERROR]


async def test_a_manual_resolver_waits_for_the_test(autojump_clock: MockClock) -> None:
    """Hours pass until it decides."""
    lamp, manual = lamp_module(), ManualResolver[SwitchOn]()
    async with open_test_system(lamp, resolvers={SwitchOn: manual}) as (system, recorder):
        system[lamp].wanted = True
        call = await manual.next_call()
        await trio.sleep(3600)
        assert (call.state, call.requirement, call.ctx.attempt) == ("pending", SwitchOn(), 1)
        assert manual.pending == manual.calls == [call]
        call.complete(lit=True)
        await system.settle()
        assert system[lamp].lit
        assert (call.state, manual.pending) == ("completed", [])
        assert recorder.of_type(ResolverComplete)[0].duration == 3600


async def test_a_manual_call_can_fail(autojump_clock: MockClock) -> None:
    """Each attempt is a call of its own."""
    lamp, manual = lamp_module(retry=Retry(attempts=2)), ManualResolver[SwitchOn]()
    async with open_test_system(lamp, resolvers={SwitchOn: manual}) as (system, recorder):
        system[lamp].wanted = True
        (await manual.next_call()).fail(ERROR)
        second = await manual.next_call()
        assert second.ctx.attempt == 2
        second.fail(ERROR)
        await system.settle()
        assert [call.state for call in manual.calls] == ["failed", "failed"]
        assert [seen.error for seen in recorder.of_type(ResolverError)] == [ERROR]


async def test_several_calls_end_in_the_order_the_test_wants(autojump_clock: MockClock) -> None:
    """The later one first."""
    left, right, manual = lamp_module("left"), lamp_module("right"), ManualResolver[SwitchOn]()
    async with open_test_system(left, right, resolvers={SwitchOn: manual}) as (system, recorder):
        system[left].wanted = system[right].wanted = True
        first, second = await manual.next_call(), await manual.next_call()
        assert manual.pending == [first, second]
        second.complete(lit=True)
        await trio.sleep(1)
        first.complete(lit=True)
        await system.settle()
    ended = [seen.id for seen in recorder.of_type(ResolverComplete)]
    assert sorted(ended) == ["left::switch_on", "right::switch_on"]
    assert [seen.duration for seen in recorder.of_type(ResolverComplete)] == [0, 1]


async def test_a_call_whose_run_is_cancelled_says_so(autojump_clock: MockClock) -> None:
    """It is not given out any more."""
    lamp, manual = lamp_module(), ManualResolver[SwitchOn]()
    async with open_test_system(lamp, resolvers={SwitchOn: manual}) as (system, recorder):
        system[lamp].wanted = True
        await trio.testing.wait_all_tasks_blocked()
        system[lamp].wanted = False
        await system.settle()
        system[lamp].wanted = True
        call = await manual.next_call()
        assert [known.state for known in manual.calls] == ["cancelled", "pending"]
        assert call is manual.calls[1]
        call.complete(lit=True)
        await system.settle()
        assert len(recorder.of_type(ResolverCancel)) == 1


async def test_a_timeout_cancels_the_call(autojump_clock: MockClock) -> None:
    """The resolver's own timeout stays in force."""
    lamp, manual = lamp_module(timeout=3), ManualResolver[SwitchOn]()
    async with open_test_system(lamp, resolvers={SwitchOn: manual}) as (system, recorder):
        system[lamp].wanted = True
        await system.settle()
        assert [call.state for call in manual.calls] == ["cancelled"]
        assert isinstance(recorder.of_type(ResolverError)[0].error, ResolverTimeoutError)


@pytest.mark.parametrize("decide", [lambda call: call.complete(lit=True), lambda call: call.fail(ERROR)])
async def test_a_call_is_decided_once(
    decide: Callable[[ManualCall[SwitchOn]], None], autojump_clock: MockClock
) -> None:
    """Twice is a mistake of the test."""
    lamp, manual = lamp_module(), ManualResolver[SwitchOn]()
    async with open_test_system(lamp, resolvers={SwitchOn: manual}) as (system, _):
        system[lamp].wanted = True
        call = await manual.next_call()
        call.complete(lit=True)
        with pytest.raises(UsageError, match=re.escape("the call with SwitchOn(brightness=1) is completed already")):
            decide(call)
        await system.settle()


async def test_a_call_that_does_not_come_is_an_assertion_that_fails(autojump_clock: MockClock) -> None:
    """It names those that came."""
    manual = ManualResolver[SwitchOn]()
    with pytest.raises(AssertionError, match=re.escape("no further call within 5 s; calls so far: none")):
        await manual.next_call()
    lamp = lamp_module()
    async with open_test_system(lamp, resolvers={SwitchOn: manual}) as (system, _):
        system[lamp].wanted = True
        (await manual.next_call()).complete(lit=True)
        with pytest.raises(AssertionError, match=r"within 2 s; calls so far: \[<completed call with SwitchOn"):
            await manual.next_call(timeout=2)


async def test_waiting_for_a_call_is_always_a_checkpoint(autojump_clock: MockClock) -> None:
    """Also when one is there already."""
    lamp, manual = lamp_module(), ManualResolver[SwitchOn]()
    async with open_test_system(lamp, resolvers={SwitchOn: manual}) as (system, _):
        system[lamp].wanted = True
        await trio.testing.wait_all_tasks_blocked()
        with assert_checkpoints():
            call = await manual.next_call()
        call.complete(lit=True)


async def test_a_cancelled_wait_takes_no_call(autojump_clock: MockClock) -> None:
    """The next one gets it."""
    lamp, manual = lamp_module(), ManualResolver[SwitchOn]()
    async with open_test_system(lamp, resolvers={SwitchOn: manual}) as (system, _):
        system[lamp].wanted = True
        await trio.testing.wait_all_tasks_blocked()
        with trio.CancelScope() as scope:
            scope.cancel()
            await manual.next_call()
        (await manual.next_call()).complete(lit=True)


async def test_a_stand_in_may_be_sync(autojump_clock: MockClock) -> None:
    """It runs inline, and the timeout of the resolver it stands in for does not matter."""
    lamp = lamp_module(timeout=3)

    def light(requirement: SwitchOn, ctx: Context[LampFacts]) -> None:
        ctx.facts.lit = True

    async with open_test_system(lamp, resolvers={SwitchOn: light}) as (system, _):
        system[lamp].wanted = True
        await system.settle()
        assert system[lamp].lit
