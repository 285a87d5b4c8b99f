"""R5: a run whose own writes alone made its constraint false runs on, counts for settlement, and completes."""

import trio
from attrs import define, frozen

from directive_trio import Context, Module, derivation, open_system
from directive_trio.observe import Observation
from tests.behaviours.login import TYPES, AuthFacts, Ctx, LogIn, Mark, Validate, auth_module
from tests.behaviours.told import told

ENDED_WELL = ["resolver.start auth::validate", "resolver.complete auth::validate"]


@define
class PermissionFacts:
    loaded: bool = False


@frozen
class LoadPermissions:
    pass


async def test_the_auth_resolver_of_the_guide_completes_and_the_chain_goes_on(autojump_clock: trio.abc.Clock) -> None:
    """R5: it marks itself as validating, which makes its constraint false, and the next module follows."""
    auth = auth_module()
    permissions = Module("permissions", PermissionFacts)
    log: list[Observation] = []

    @permissions.constraint(after=["auth::validate_session"])
    def load_permissions(facts: PermissionFacts) -> LoadPermissions | None:
        return LoadPermissions() if auth.of(facts).status == "valid x" and not facts.loaded else None

    @permissions.resolver(LoadPermissions, name="load")
    async def load(requirement: LoadPermissions, ctx: Context[PermissionFacts]) -> None:
        ctx.facts.loaded = True

    async with open_system(auth, permissions) as system:
        system.observe(log.append)
        system.dispatch(LogIn("x"))
        await system.settle(timeout=60)
        assert told(log, *TYPES, "requirement.met", "requirement.canceled") == [
            *ENDED_WELL,
            "requirement.met auth::validate_session",
            "resolver.start permissions::load",
            "resolver.complete permissions::load",
            "requirement.met permissions::load_permissions",
        ]


async def test_it_counts_for_settlement(autojump_clock: trio.abc.Clock) -> None:
    """R5: the system is not settled while it goes on, though no constraint asks for it any more."""
    async with open_system(auth_module(), initial={"auth": {"token": "x"}}) as system:
        await trio.sleep(5)
        assert system["auth"].status == "validating"
        assert not system.is_settled
        await system.settle(timeout=60)
        assert (system["auth"].status, trio.current_time()) == ("valid x", 10)


async def test_a_marker_seen_through_derivations_is_its_own_too(autojump_clock: trio.abc.Clock) -> None:
    """R5: the constraint reads the facts through a derivation of a derivation."""

    @define
    class Facts:
        wanted: bool = True
        busy: bool = False
        done: bool = False

        @derivation
        def open(self) -> bool:
            return self.wanted and not self.done

        @derivation
        def idle(self) -> bool:
            return self.open and not self.busy

    @frozen
    class Work:
        pass

    module = Module("m", Facts)
    log: list[Observation] = []

    @module.constraint(when={"idle": True})
    def must_work(facts: Facts) -> Work:
        return Work()

    @module.resolver(Work)
    async def work(requirement: Work, ctx: Context[Facts]) -> None:
        ctx.facts.busy = True
        await trio.sleep(10)
        ctx.facts.done = True
        ctx.facts.busy = False

    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(5)
        system[module].wanted = False
        await system.settle(timeout=60)
        assert told(log, *TYPES) == ["resolver.start m::work", "resolver.cancel m::work removed"]
        assert not system[module].busy
        system[module].wanted = True
        await system.settle(timeout=60)
        assert told(log, *TYPES)[2:] == ["resolver.start m::work", "resolver.complete m::work"]


async def test_writes_of_an_event_it_dispatches_are_its_own(autojump_clock: trio.abc.Clock) -> None:
    """R5: own writes are those through ``ctx.facts`` and those through ``ctx.dispatch``."""

    async def validate(requirement: Validate, ctx: Ctx) -> None:
        ctx.dispatch(Mark("validating"))
        await trio.sleep(10)
        ctx.dispatch(Mark("valid"))

    log: list[Observation] = []
    async with open_system(auth_module(validate)) as system:
        system.observe(log.append)
        system.dispatch(LogIn("x"))
        await system.settle(timeout=60)
        assert told(log, *TYPES) == ENDED_WELL


async def test_the_same_event_from_elsewhere_is_not(autojump_clock: trio.abc.Clock) -> None:
    """R5: dispatched by the program it makes the constraint false for good: the run is cancelled."""

    async def validate(requirement: Validate, ctx: Ctx) -> None:
        await trio.sleep(10)

    log: list[Observation] = []
    async with open_system(auth_module(validate)) as system:
        system.observe(log.append)
        system.dispatch(LogIn("x"))
        await trio.sleep(5)
        system.dispatch(Mark("validating"))
        await system.settle(timeout=60)
        assert told(log, *TYPES)[1:] == ["resolver.cancel auth::validate removed"]
        assert system["auth"].status == "validating"


async def test_what_an_effect_writes_because_of_it_counts_as_its_own(autojump_clock: trio.abc.Clock) -> None:
    """R5: the pass was caused only by the run's write, so the effect's marker is the run's."""

    async def validate(requirement: Validate, ctx: Ctx) -> None:
        ctx.facts.progress = 1
        await trio.sleep(10)

    auth = auth_module(validate)

    @auth.effect
    def show(facts: AuthFacts) -> None:
        if facts.progress:
            facts.status = "validating"

    log: list[Observation] = []
    async with open_system(auth) as system:
        system.observe(log.append)
        system.dispatch(LogIn("x"))
        await system.settle(timeout=60)
        assert told(log, *TYPES) == ENDED_WELL


async def test_what_a_watcher_writes_because_of_it_counts_as_its_own(autojump_clock: trio.abc.Clock) -> None:
    """R5: the same for a watcher."""

    async def validate(requirement: Validate, ctx: Ctx) -> None:
        ctx.facts.progress = 1
        await trio.sleep(10)

    log: list[Observation] = []
    async with open_system(auth_module(validate)) as system:
        system.observe(log.append)
        system.watch("auth::progress", lambda new, old: system.dispatch(Mark("validating")))
        system.dispatch(LogIn("x"))
        await system.settle(timeout=60)
        assert told(log, *TYPES) == ENDED_WELL


async def test_what_an_effect_writes_because_of_others_does_not(autojump_clock: trio.abc.Clock) -> None:
    """R5: in a pass with a change from outside the effect's writes are nobody's, and the run is cancelled."""

    async def validate(requirement: Validate, ctx: Ctx) -> None:
        await trio.sleep(10)

    auth = auth_module(validate)

    @auth.effect
    def show(facts: AuthFacts) -> None:
        if facts.progress:
            facts.status = "validating"

    log: list[Observation] = []
    async with open_system(auth) as system:
        system.observe(log.append)
        system.dispatch(LogIn("x"))
        await trio.sleep(5)
        system["auth"].progress = 1
        await system.settle(timeout=60)
        assert told(log, *TYPES)[1:] == ["resolver.cancel auth::validate removed"]
