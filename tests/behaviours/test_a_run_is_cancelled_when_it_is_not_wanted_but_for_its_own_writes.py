"""R5, R10: once the world without its own writes does not want it, a run is cancelled, and takes its marker back."""

import pytest
import trio

from directive_trio import CancelReason, open_system
from directive_trio.observe import FactChange, Observation
from tests.behaviours.login import TYPES, AuthFacts, Ctx, LogIn, LogOut, Validate, auth_module, mark_and_validate
from tests.behaviours.told import required, told


async def test_a_logout_in_the_middle_cancels_it_and_the_marker_goes(autojump_clock: trio.abc.Clock) -> None:
    """R5, R10: reason ``removed``; ``validating`` returns to what others wrote, in the pass of the logout."""
    log: list[Observation] = []
    async with open_system(auth_module()) as system:
        system.observe(log.append)
        system.dispatch(LogIn("x"))
        await trio.sleep(5)
        assert system["auth"].status == "validating"
        system.dispatch(LogOut())
        await system.settle(timeout=60)
        assert system["auth"].status == "idle"
        assert told(log, *TYPES)[1:] == ["resolver.cancel auth::validate removed"]
        assert told(log, "requirement.met", "requirement.canceled") == [
            "requirement.canceled auth::validate_session removed"
        ]
        assert trio.current_time() == 5


async def test_the_markers_return_as_one_change(autojump_clock: trio.abc.Clock) -> None:
    """R10: whoever follows several of them never sees one returned and another not."""

    async def validate(requirement: Validate, ctx: Ctx) -> None:
        ctx.facts.progress = 7
        ctx.facts.status = "validating"
        await trio.sleep(10)

    auth = auth_module(validate)

    @auth.constraint
    def reads_both(facts: AuthFacts) -> Validate | None:
        return Validate(facts.token) if facts.token and facts.status == "idle" and facts.progress < 9 else None

    async with open_system(auth) as system:
        system.dispatch(LogIn("x"))
        await trio.sleep(5)
        seen: list[tuple[int, str]] = []
        system.watch(
            lambda view: (view[auth].progress, view[auth].status), lambda new, old: seen.append((new[0], new[1]))
        )
        system.dispatch(LogOut())
        await system.settle(timeout=60)
        assert seen == [(0, "idle")]


async def test_a_new_login_supersedes_it(autojump_clock: trio.abc.Clock) -> None:
    """R5: the same constraint asks for another requirement of that class, and only then does the new run start."""
    log: list[Observation] = []
    async with open_system(auth_module()) as system:
        system.observe(log.append)
        system.dispatch(LogIn("x"))
        await trio.sleep(5)
        system.dispatch(LogIn("y"))
        await system.settle(timeout=60)
        assert system["auth"].status == "valid y"
        ends = [seen for seen in log if seen.type in TYPES]
        assert told(ends, *TYPES) == [
            "resolver.start auth::validate",
            "resolver.start auth::validate",
            "resolver.cancel auth::validate superseded",
            "resolver.complete auth::validate",
        ]
        assert required(ends, *TYPES)[1:3] == [
            "resolver.start Validate(token='y')",
            "resolver.cancel Validate(token='x')",
        ]


async def test_a_token_that_only_the_world_without_the_marker_sees_supersedes_too(
    autojump_clock: trio.abc.Clock,
) -> None:
    """R5: the status still says validating, but without the run's writes the other token is asked for."""
    log: list[Observation] = []
    async with open_system(auth_module()) as system:
        system.observe(log.append)
        system.dispatch(LogIn("x"))
        await trio.sleep(5)
        system["auth"].token = "y"
        await system.settle(timeout=60)
        assert told(log, "resolver.cancel") == ["resolver.cancel auth::validate superseded"]
        assert system["auth"].status == "valid y"


@pytest.mark.parametrize("marker_first", [True, False])
async def test_marker_and_logout_within_one_window(autojump_clock: trio.abc.Clock, marker_first: bool) -> None:
    """R10: no pass has seen the marker alone, and yet it is not left standing."""
    go = trio.Event()

    async def validate(requirement: Validate, ctx: Ctx) -> None:
        await go.wait()
        if not marker_first:
            system.dispatch(LogOut())
        ctx.facts.status = "validating"
        if marker_first:
            system.dispatch(LogOut())
        await trio.sleep(10)

    log: list[Observation] = []
    async with open_system(auth_module(validate)) as system:
        system.observe(log.append)
        system.dispatch(LogIn("x"))
        await trio.sleep(1)
        go.set()
        await system.settle(timeout=60)
        assert told(log, *TYPES)[1:] == ["resolver.cancel auth::validate removed"]
        assert system["auth"].status == "idle"


async def test_progress_that_did_not_falsify_the_constraint_stays(autojump_clock: trio.abc.Clock) -> None:
    """R10: what it wrote before its cancellation stays; only the markers of a self-satisfied run return."""

    async def validate(requirement: Validate, ctx: Ctx) -> None:
        ctx.facts.progress = 1
        await trio.sleep(10)

    async with open_system(auth_module(validate)) as system:
        system.dispatch(LogIn("x"))
        await trio.sleep(5)
        system.dispatch(LogOut())
        await system.settle(timeout=60)
        assert system["auth"].progress == 1


async def test_progress_that_the_constraint_reads_stays_too(autojump_clock: trio.abc.Clock) -> None:
    """R10: an input that the run wrote without making the constraint false is no marker."""

    async def count(requirement: Validate, ctx: Ctx) -> None:
        ctx.facts.progress = 1
        await trio.sleep(10)

    auth = auth_module(count)

    @auth.constraint(name="limited")
    def limited(facts: AuthFacts) -> Validate | None:
        return Validate(facts.token) if facts.token and facts.progress < 3 else None

    async with open_system(auth) as system:
        system.disable("auth::validate_session")
        system.dispatch(LogIn("x"))
        await trio.sleep(5)
        system.dispatch(LogOut())
        await system.settle(timeout=60)
        assert system["auth"].progress == 1


async def test_progress_beside_the_marker_stays(autojump_clock: trio.abc.Clock) -> None:
    """R10: only inputs of its constraints return, not whatever else it wrote."""
    async with open_system(auth_module()) as system:
        system.dispatch(LogIn("x"))
        await trio.sleep(5)
        system.dispatch(LogOut())
        await system.settle(timeout=60)
        assert (system["auth"].status, system["auth"].progress) == ("idle", 1)


async def test_an_explicit_cancel_takes_the_marker_back_and_asks_nobody_again(autojump_clock: trio.abc.Clock) -> None:
    """R10, R6: cancelled while self-satisfied; the constraint holds again, and only a change by others counts."""
    log: list[Observation] = []
    async with open_system(auth_module()) as system:
        system.observe(log.append)
        system.dispatch(LogIn("x"))
        await trio.sleep(5)
        assert system.cancel(Validate("x"))
        await system.settle(timeout=60)
        assert system["auth"].status == "idle"
        assert told(log, *TYPES)[1:] == ["resolver.cancel auth::validate cancelled"]
        system.dispatch(LogIn("y"))
        await system.settle(timeout=60)
        assert system["auth"].status == "valid y"


async def test_a_run_that_cancels_itself_in_the_window_of_its_marker(autojump_clock: trio.abc.Clock) -> None:
    """R10: marked and cancelled before any pass has looked."""

    async def validate(requirement: Validate, ctx: Ctx) -> None:
        ctx.facts.status = "validating"
        ctx.cancel()
        await trio.sleep(10)

    log: list[Observation] = []
    async with open_system(auth_module(validate)) as system:
        system.observe(log.append)
        system.dispatch(LogIn("x"))
        await system.settle(timeout=60)
        assert system["auth"].status == "idle"
        assert told(log, *TYPES)[1:] == ["resolver.cancel auth::validate cancelled"]


async def test_a_timeout_for_good_takes_the_marker_back(autojump_clock: trio.abc.Clock) -> None:
    """R10: the run ends as error, the marker returns, and nothing others did asks for another run."""
    log: list[Observation] = []
    async with open_system(auth_module(timeout=2)) as system:
        system.observe(log.append)
        system.dispatch(LogIn("x"))
        await system.settle(timeout=60)
        assert system["auth"].status == "idle"
        assert told(log, *TYPES)[1:] == ["resolver.error auth::validate"]
        assert trio.current_time() == 2


async def test_any_other_failure_leaves_it(autojump_clock: trio.abc.Clock) -> None:
    """R10: the exception is for cancellation and timeout; a resolver that raises has had its say."""

    async def validate(requirement: Validate, ctx: Ctx) -> None:
        ctx.facts.status = "validating"
        await trio.sleep(1)
        raise OSError("server is gone")

    async with open_system(auth_module(validate)) as system:
        system.dispatch(LogIn("x"))
        await system.settle(timeout=60)
        assert system["auth"].status == "validating"


async def test_stop_takes_the_marker_back_and_start_begins_anew(autojump_clock: trio.abc.Clock) -> None:
    """R10: a run cancelled with ``stopped`` leaves no marker, so that start dispatches it again."""
    log: list[Observation] = []
    async with open_system(auth_module()) as system, trio.open_nursery() as nursery:
        system.observe(log.append)
        system.dispatch(LogIn("x"))
        await trio.sleep(5)
        await system.stop_async()
        assert system["auth"].status == "idle"
        system.start(nursery)
        await system.settle(timeout=60)
        assert system["auth"].status == "valid x"
        assert told(log, "resolver.cancel") == ["resolver.cancel auth::validate stopped"]
        await system.stop_async()


@pytest.mark.parametrize("logout", [True, False])
async def test_stop_in_the_window_of_the_marker(autojump_clock: trio.abc.Clock, logout: bool) -> None:
    """R10: the marker was written since the last pass, perhaps beside a logout: it returns all the same."""

    async def validate(requirement: Validate, ctx: Ctx) -> None:
        await trio.sleep(1)
        ctx.facts.status = "validating"
        if logout:
            system.dispatch(LogOut())
        system.stop()
        await trio.sleep(10)

    async with open_system(auth_module(validate)) as system:
        system.dispatch(LogIn("x"))
        await trio.sleep(5)
        assert system.state == "stopped"
        assert system["auth"].status == "idle"


@pytest.mark.parametrize("at_once", [True, False])
async def test_disabling_its_constraint_takes_the_marker_back(autojump_clock: trio.abc.Clock, at_once: bool) -> None:
    """R10: disabled is removed; also in the window in which the marker was written, before any pass saw it."""
    go = trio.Event()

    async def validate(requirement: Validate, ctx: Ctx) -> None:
        await go.wait()
        ctx.facts.status = "validating"
        if at_once:
            system.disable("auth::validate_session")
        await trio.sleep(10)

    log: list[Observation] = []
    async with open_system(auth_module(validate)) as system:
        system.observe(log.append)
        system.dispatch(LogIn("x"))
        await trio.sleep(1)
        go.set()
        await trio.sleep(1)
        system.disable("auth::validate_session")
        await system.settle(timeout=60)
        assert told(log, *TYPES)[1:] == ["resolver.cancel auth::validate removed"]
        assert system["auth"].status == "idle"


async def test_a_run_wanted_again_while_it_cleans_up_marks_and_completes(autojump_clock: trio.abc.Clock) -> None:
    """R5: logout and login with the same token: the old run cleans up, then a new one starts and completes."""

    async def validate(requirement: Validate, ctx: Ctx) -> None:
        try:
            await mark_and_validate(requirement, ctx)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(3)

    log: list[Observation] = []
    async with open_system(auth_module(validate)) as system:
        system.observe(log.append)
        system.dispatch(LogIn("x"))
        await trio.sleep(5)
        system.dispatch(LogOut())
        await trio.sleep(1)
        system.dispatch(LogIn("x"))
        await system.settle(timeout=60)
        assert told(log, *TYPES) == [
            "resolver.start auth::validate",
            "resolver.cancel auth::validate removed",
            "resolver.start auth::validate",
            "resolver.complete auth::validate",
        ]
        assert system["auth"].status == "valid x"


async def test_what_returns_is_told_as_a_change(autojump_clock: trio.abc.Clock) -> None:
    """R10: the marker's return is a fact.change like any other, and the signal names the reason."""
    log: list[Observation] = []
    reasons: list[CancelReason | None] = []

    async def validate(requirement: Validate, ctx: Ctx) -> None:
        ctx.signal.on_abort(reasons.append)
        await mark_and_validate(requirement, ctx)

    async with open_system(auth_module(validate)) as system:
        system.dispatch(LogIn("x"))
        await trio.sleep(5)
        system.observe(log.append)
        system.dispatch(LogOut())
        await system.settle(timeout=60)
        changes = [(seen.id, seen.previous, seen.value) for seen in log if isinstance(seen, FactChange)]
        assert changes == [("auth::token", "x", ""), ("auth::status", "validating", "idle")]
        assert reasons == [CancelReason("removed")]
