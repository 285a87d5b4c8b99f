"""R15: ``owns=["status"]`` binds the run by compare-and-swap: what somebody else has written meanwhile stays."""

import pytest
import trio
import trio.lowlevel
from attrs import frozen

from directive_trio import HIDDEN, CancelReason, Module, Retry, open_system
from directive_trio.observe import Observation
from tests.behaviours.game import Ctx, Execute, Game, Leave, Say, game, play, rejections
from tests.behaviours.worker import seen, types


async def test_an_owned_write_lands_while_nobody_else_has_written(autojump_clock: trio.abc.Clock) -> None:
    """owns-5, owns-16: as if nothing were owned; one write after another, too."""

    async def do(requirement: Execute, ctx: Ctx) -> None:
        ctx.facts.status = "executing"
        await trio.sleep(1)
        await play(requirement, ctx)

    log: list[Observation] = []
    module = game(do)
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].status = "mutating"
        await system.settle()
        assert (system[module].status, system[module].result) == ("playing", "done")
    assert rejections(log) == []
    assert types(log, "resolver.", "requirement.") == [
        *("requirement.created", "resolver.start", "resolver.complete", "requirement.met")
    ]


async def test_a_clobbered_fact_keeps_what_somebody_else_wrote(autojump_clock: trio.abc.Clock) -> None:
    """owns-2, owns-3, owns-20, owns-21: the write is dropped, not raised; other facts land; the run goes on."""
    log: list[Observation] = []
    module = game(play)
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].status = "mutating"
        await trio.sleep(0.5)
        system.dispatch(Leave())
        await system.settle()
        assert (system[module].status, system[module].result) == ("left", "done")
    assert rejections(log) == [("rejection", "game::status", "mutating", "left", "clobbered", 0)]
    assert types(log, "resolver.", "requirement.") == [
        *("requirement.created", "resolver.start", "resolver.write.rejected", "resolver.complete", "requirement.met")
    ]


async def test_without_owns_every_write_lands(autojump_clock: trio.abc.Clock) -> None:
    """Or the run is cancelled, because nobody wants it any more."""
    log: list[Observation] = []
    module = game(play, owns=())
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].status = "mutating"
        await trio.sleep(0.5)
        system.dispatch(Leave())
        await system.settle()
        assert (system[module].status, system[module].result) == ("left", "")
    assert [str(one.reason) for one in seen(log, "resolver.cancel")] == ["removed"]


async def test_the_signal_is_aborted_and_nothing_is_cancelled(autojump_clock: trio.abc.Clock) -> None:
    """owns-6: at the moment of the first dropped write, with reason clobbered."""
    reasons: list[CancelReason | None] = []

    async def do(requirement: Execute, ctx: Ctx) -> None:
        ctx.signal.on_abort(reasons.append)
        await trio.sleep(1)
        assert not ctx.signal.aborted
        ctx.facts.status = "playing"
        reasons.append(ctx.signal.reason)
        await trio.sleep(1)
        ctx.facts.result = "still here"

    module = game(do)
    async with open_system(module) as system:
        system[module].status = "mutating"
        await trio.sleep(0.5)
        system.dispatch(Leave())
        await system.settle()
        assert reasons == [CancelReason("clobbered")] * 2
        assert system[module].result == "still here"


async def test_leaving_with_the_aborted_signal_is_a_cancel(autojump_clock: trio.abc.Clock) -> None:
    """Its reason is clobbered; the requirement is tried again only if others change what is read."""

    async def do(requirement: Execute, ctx: Ctx) -> None:
        await trio.sleep(1)
        ctx.facts.phase = 5
        ctx.signal.raise_if_aborted()

    log: list[Observation] = []
    module = game(do, owns=("phase",))
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].status = "mutating"
        await trio.sleep(0.5)
        system[module].phase = 1
        await system.settle()
        await trio.sleep(10)
        assert system[module].phase == 1
    assert [str(one.reason) for one in seen(log, "resolver.cancel")] == ["clobbered"]


async def test_the_fact_stays_locked(autojump_clock: trio.abc.Clock) -> None:
    """owns-7, owns-8: even if the expected value returns; other owned facts are as they were."""

    async def do(requirement: Execute, ctx: Ctx) -> None:
        await trio.sleep(1)
        ctx.facts.status = "one"
        await trio.sleep(1)
        ctx.facts.status = "two"
        ctx.facts.phase = 7

    log: list[Observation] = []
    module = game(do, owns=("status", "phase"))
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].status = "mutating"
        await trio.sleep(0.5)
        system.dispatch(Leave())
        await trio.sleep(1)
        system[module].status = "mutating"
        await trio.sleep(1)
        assert (system[module].status, system[module].phase) == ("mutating", 7)
        system[module].status = "over"
        await system.settle()
    assert [one[1:4] for one in rejections(log)][:2] == [
        ("game::status", "mutating", "left"),
        ("game::status", "mutating", "mutating"),
    ]


async def test_what_goes_and_comes_back_is_no_clobber(autojump_clock: trio.abc.Clock) -> None:
    """owns-19: a, B, A: values are compared, not versions."""
    log: list[Observation] = []
    module = game(play)
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].status = "mutating"
        await trio.sleep(0.5)
        system.dispatch(Leave())
        system[module].status = "mutating"
        await system.settle()
        assert system[module].status == "playing"
    assert rejections(log) == []


async def test_what_is_expected_is_what_the_run_wrote_last(autojump_clock: trio.abc.Clock) -> None:
    """owns-4: its own later write, and one of an event that it dispatched, are no clobber; one of somebody else is."""

    async def do(requirement: Execute, ctx: Ctx) -> None:
        ctx.facts.status = "one"
        ctx.dispatch(Say("two"))
        ctx.facts.status = "three"
        await trio.sleep(1)
        ctx.facts.status = "four"

    module = game(do)
    for clobber in (False, True):
        async with open_system(module) as system:
            system[module].status = "mutating"
            await trio.sleep(0.5)
            assert system[module].status == "three"
            if clobber:
                system[module].status = "one"
            await system.settle()
            assert system[module].status == ("one" if clobber else "four")


async def test_an_event_does_not_win_a_lost_fact_back(autojump_clock: trio.abc.Clock) -> None:
    """It is all or nothing, so it lands; but the fact stays locked for what the run writes itself."""
    aborted: list[bool] = []

    async def do(requirement: Execute, ctx: Ctx) -> None:
        ctx.facts.status = "mine"
        await trio.sleep(1)
        ctx.dispatch(Say("of the event"))
        ctx.facts.status = "dropped"
        aborted.append(ctx.signal.aborted)

    module = game(do)
    async with open_system(module) as system:
        system[module].status = "mutating"
        await trio.sleep(0.5)
        system[module].status = "theirs"
        await system.settle()
        assert system[module].status == "of the event"
    assert aborted == [True]


async def test_a_handler_that_raises_leaves_the_expectation(autojump_clock: trio.abc.Clock) -> None:
    """Its writes were undone, so the value is the run's own again."""

    @frozen
    class Bad: ...

    async def do(requirement: Execute, ctx: Ctx) -> None:
        ctx.facts.status = "mine"
        with pytest.raises(ValueError, match="bad"):
            ctx.dispatch(Bad())
        ctx.facts.status = "still mine"

    module = game(do)

    @module.on(Bad)
    def bad(facts: Game, event: Bad) -> None:
        facts.status = "half"
        raise ValueError("bad")

    async with open_system(module) as system:
        system[module].status = "mutating"
        await system.settle()
        assert system[module].status == "still mine"


async def test_a_retry_is_bound_as_before(autojump_clock: trio.abc.Clock) -> None:
    """What was clobbered in one attempt is locked in the next; its signal is a new one."""
    aborted: list[tuple[bool, bool]] = []

    async def do(requirement: Execute, ctx: Ctx) -> None:
        before = ctx.signal.aborted
        await trio.sleep(1)
        ctx.facts.status = f"attempt {ctx.attempt}"
        aborted.append((before, ctx.signal.aborted))
        if ctx.attempt == 1:
            raise ValueError
        ctx.facts.result = "done"

    module = game(do, retry=Retry(2, initial_delay=1))
    async with open_system(module) as system:
        system[module].status = "mutating"
        await trio.sleep(0.5)
        system.dispatch(Leave())
        await system.settle()
        assert (system[module].status, system[module].result) == ("left", "done")
    assert aborted == [(False, True), (False, True)]


async def test_ten_are_told_one_by_one_and_the_rest_in_sum(autojump_clock: trio.abc.Clock) -> None:
    """owns-22: the summary comes at the end of the run, before its outcome."""

    async def do(requirement: Execute, ctx: Ctx) -> None:
        await trio.sleep(1)
        for number in range(25):
            ctx.facts.status = str(number)

    log: list[Observation] = []
    module = game(do)
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].status = "mutating"
        await trio.sleep(0.5)
        system.dispatch(Leave())
        await system.settle()
    told = rejections(log)
    assert told[:10] == [("rejection", "game::status", "mutating", "left", "clobbered", 0)] * 10
    assert told[10:] == [("summary", "", None, None, "clobbered", 15)]
    assert types(log, "resolver.")[-2:] == ["resolver.write.rejected", "resolver.complete"]


async def test_values_of_secret_facts_are_hidden(autojump_clock: trio.abc.Clock) -> None:
    """What was expected and what was found are as secret as the fact."""

    async def do(requirement: Execute, ctx: Ctx) -> None:
        await trio.sleep(1)
        ctx.facts.token = "mine"

    log: list[Observation] = []
    module = game(do, owns=("token",))
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].status = "mutating"
        await trio.sleep(0.5)
        system[module].token = "theirs"
        await system.settle()
    assert [one[2:4] for one in rejections(log)] == [(HIDDEN, HIDDEN)]


async def test_an_owning_run_goes_on_when_nobody_wants_it(autojump_clock: trio.abc.Clock) -> None:
    """owns-12: no removal, no disabling and no new requirement ends it; the requirement is met at its end."""
    log: list[Observation] = []
    module = game(play)
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].status = "mutating"
        await trio.sleep(0.5)
        system.disable("game::mutate")
        await trio.lowlevel.checkpoint()
        await trio.sleep(0.1)
        assert not system.is_settled
        assert "asks no more; the run goes on, for it owns facts" in str(system.explain(Execute()))
        await system.settle()
        assert system[module].status == "playing"
    assert types(log, "resolver.", "requirement.")[-2:] == ["resolver.complete", "requirement.met"]


async def test_wanted_again_while_it_goes_on(autojump_clock: trio.abc.Clock) -> None:
    """It is the same run; at its end it is judged by what has changed."""
    log: list[Observation] = []
    module = game(play)
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].status = "mutating"
        await trio.sleep(0.25)
        system[module].status = "away"
        await trio.sleep(0.25)
        system[module].status = "mutating"
        await system.settle()
        assert system[module].status == "playing"
    assert types(log, "resolver.") == ["resolver.start", "resolver.complete"]


@pytest.mark.parametrize("how", ["cancel", "timeout", "stop"])
async def test_what_still_ends_it(autojump_clock: trio.abc.Clock, how: str, caplog: pytest.LogCaptureFixture) -> None:
    """An explicit cancel, a timeout, a stop; clobbered before or not."""
    log: list[Observation] = []

    async def do(requirement: Execute, ctx: Ctx) -> None:
        await trio.sleep(1)
        ctx.facts.status = "dropped"
        await trio.sleep(100)

    module = game(do, timeout=5) if how == "timeout" else game(do)
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].status = "mutating"
        await trio.sleep(0.5)
        system.dispatch(Leave())
        await trio.sleep(1)
        if how == "cancel":
            assert system.cancel(Execute())
        if how == "stop":
            await system.stop_async()
        else:
            await system.settle(timeout=20)
        assert system[module].status == "left"
    ends = [one.type for one in log if one.type in {"resolver.cancel", "resolver.error", "resolver.complete"}]
    assert ends == ["resolver.error" if how == "timeout" else "resolver.cancel"]


async def test_an_owning_run_that_is_wanted_again_was_created_once(autojump_clock: trio.abc.Clock) -> None:
    """Nobody was told that its requirement had ended, so nobody is told again that it began."""

    async def work(requirement: Execute, ctx: Ctx) -> None:
        await trio.sleep(3)
        ctx.facts.status = "done"

    module = game(work)
    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        for status in ("mutating", "idle", "mutating"):
            system[module].status = status
            await trio.sleep(0.5)
        await system.settle()
    assert [seen.type for seen in log if seen.type.startswith("requirement")] == [
        "requirement.created",
        "requirement.met",
    ]


async def test_a_marker_taken_back_as_the_run_is_dispatched_clobbers_nothing(autojump_clock: trio.abc.Clock) -> None:
    """R15: another run's marker goes before the dispatch, in the same pass: the run starts with what is left."""
    module = Module("game", Game)

    @module.constraint
    def must_leave(facts: Game) -> Leave | None:
        return Leave() if facts.phase == 1 and facts.status != "leaving" else None

    @module.resolver(Leave)
    async def leave(requirement: Leave, ctx: Ctx) -> None:
        ctx.facts.status = "leaving"
        await trio.sleep_forever()

    module.constraint(when={"phase": 2}, owns=["status"], name="mutate")(lambda facts: Execute())
    module.resolver(Execute, name="execute")(play)
    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].phase = 1
        await trio.sleep(1)
        assert system[module].status == "leaving"
        system[module].phase = 2
        await trio.sleep(0.5)
        assert system[module].status == "idle"
        await system.settle()
        assert system[module].status == "playing"
    assert rejections(log) == []
