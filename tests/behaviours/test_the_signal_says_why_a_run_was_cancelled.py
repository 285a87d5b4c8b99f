"""R10: the signal of a run has AbortSignal semantics, and carries the same word as trio's own cancel reason."""

from collections.abc import Callable

import pytest
import trio

from directive_trio import CancelReason, Retry, open_system
from directive_trio.errors import AbortedError
from tests.behaviours.worker import Ctx, Job, work_module


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("remove", "removed"),
        ("supersede", "superseded"),
        ("cancel", "cancelled"),
        ("itself", "cancelled"),
        ("stop", "stopped"),
        ("leave", "stopped"),
    ],
)
async def test_every_way_to_end_a_run_has_its_word(how: str, reason: str, autojump_clock: trio.abc.Clock) -> None:
    """In the signal, and in the Cancelled that the resolver catches."""
    heard: list[tuple[str, str]] = []

    async def do(job: Job, ctx: Ctx) -> None:
        if job.name == "b":
            ctx.facts.done = "b"
            return
        try:
            if how == "itself":
                ctx.cancel()
            await trio.sleep_forever()
        except trio.Cancelled as cancelled:
            heard.append((str(ctx.signal.reason), str(cancelled.reason)))
            raise

    module = work_module(do)
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        await trio.sleep(1)
        match how:
            case "remove":
                system[module].wanted = ""
            case "supersede":
                system[module].wanted = "b"
            case "cancel":
                assert system.cancel(Job("a"))
            case "stop":
                await system.stop_async()
        await trio.sleep(1)
    assert heard == [(reason, reason)]


async def test_a_fresh_signal_is_not_aborted(autojump_clock: trio.abc.Clock) -> None:
    """It has no reason, and raising changes nothing."""

    async def do(job: Job, ctx: Ctx) -> None:
        assert not ctx.signal.aborted
        assert ctx.signal.reason is None
        ctx.signal.raise_if_aborted()
        ctx.facts.done = job.name

    module = work_module(do)
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        await system.settle()
        assert system[module].done == "a"


async def test_callbacks_are_called_in_their_order_at_the_moment_of_abortion(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """One that raises is reported; one that was taken away, also by another one, is not called."""
    calls: list[str] = []

    async def do(job: Job, ctx: Ctx) -> None:
        def raising(reason: CancelReason) -> None:
            calls.append("raising")
            raise ValueError("in a callback")

        removers: list[Callable[[], None]] = []

        def removing(reason: CancelReason) -> None:
            calls.append("removing")
            removers[0]()
            ctx.signal.on_abort(lambda reason: calls.append(f"late {reason}"))

        ctx.signal.on_abort(lambda reason: calls.append(f"first {reason}"))
        ctx.signal.on_abort(raising)
        gone = ctx.signal.on_abort(lambda reason: calls.append("gone"))
        gone()
        gone()
        ctx.signal.on_abort(removing)
        removers.append(ctx.signal.on_abort(lambda reason: calls.append("taken away")))
        ctx.signal.on_abort(lambda reason: calls.append("last"))
        await trio.sleep_forever()

    module = work_module(do)
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        await trio.sleep(1)
        system.cancel(Job("a"))
        assert calls == ["first cancelled", "raising", "removing", "late cancelled", "last"]
    assert "in a callback" in caplog.text


async def test_whoever_waits_for_it_is_told_the_reason(autojump_clock: trio.abc.Clock) -> None:
    """Several tasks may wait, before and after; waiting is a checkpoint."""
    heard: list[str] = []

    async def do(job: Job, ctx: Ctx) -> None:
        async def wait() -> None:
            with trio.CancelScope(shield=True):
                heard.append(str(await ctx.signal.wait()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            nursery.start_soon(wait)

    module = work_module(do)
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        await trio.sleep(1)
        system[module].wanted = ""
        await system.settle()
    assert heard == ["removed", "removed"]


async def test_after_the_abortion_waiting_returns_and_raising_raises(autojump_clock: trio.abc.Clock) -> None:
    """The first reason stays."""
    heard: list[str] = []

    async def do(job: Job, ctx: Ctx) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True), trio.testing.assert_checkpoints():
                heard.append(str(await ctx.signal.wait()))
            ctx.cancel()
            with pytest.raises(AbortedError, match="aborted: removed") as caught:
                ctx.signal.raise_if_aborted()
            heard.append(caught.value.reason.kind)

    module = work_module(do)
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        await trio.sleep(1)
        system[module].wanted = ""
        await system.settle()
    assert heard == ["removed", "removed"]


@pytest.mark.parametrize(("ends", "reason"), [(False, "removed"), (True, None)])
async def test_who_asks_for_it_first_when_the_run_is_over_hears_the_same(
    ends: bool, reason: str | None, autojump_clock: trio.abc.Clock
) -> None:
    """It is made when somebody asks for it; that makes no difference."""
    kept: list[Ctx] = []

    async def do(job: Job, ctx: Ctx) -> None:
        kept.append(ctx)
        if not ends:
            await trio.sleep_forever()

    module = work_module(do)
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        await trio.sleep(1)
        system[module].wanted = ""
        await system.settle()
        signal = kept[0].signal
        assert signal is kept[0].signal
        assert (signal.reason.kind if signal.reason else None) == reason
        assert signal.aborted is not ends


async def test_each_attempt_has_its_own_whoever_runs_it(autojump_clock: trio.abc.Clock) -> None:
    """A sync attempt has been over when the next one begins; what its context says stays."""
    kept: list[Ctx] = []

    def do(job: Job, ctx: Ctx) -> None:
        kept.append(ctx)
        if len(kept) == 3:
            assert len({id(one.signal) for one in kept}) == 3
            ctx.cancel()
            return
        raise ValueError(job)

    module = work_module(do, retry=Retry(attempts=3, initial_delay=1))
    async with open_system(module, initial={"work": {"wanted": "a"}}) as system:
        await system.settle(timeout=None)
        assert [ctx.signal.aborted for ctx in kept] == [False, False, True]
