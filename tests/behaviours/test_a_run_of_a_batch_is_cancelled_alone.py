"""R14: who is cancelled leaves its batch; the call is for those that are left, and ends when nobody is."""

import pytest
import trio
import trio.lowlevel

from directive_trio import ErrorBoundary, Retry, System, open_system
from directive_trio.observe import Observation, ReconcileEnd
from tests.behaviours.cache import Cache, Ctx, Load, Outcomes, cache, ends, load
from tests.behaviours.worker import seen


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
