"""R6: still wanted when the run has ended: what counts as a change, and what happens without one."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, derivation, fact, open_system
from directive_trio.observe import Observation
from tests.behaviours.told import told

RUNS = ("resolver.start", "resolver.complete", "resolver.error", "resolver.cancel")
ENDS = ("requirement.met", "requirement.canceled", "requirement.unsatisfied")


@define
class Facts:
    wanted: bool = True
    level: int = 0
    busy: bool = False
    beside: int = 0
    pulse: int = fact(0, eq=False)

    @derivation
    def is_low(self) -> bool:
        return self.level < 10


@frozen
class Fill:
    pass


@frozen
class Pour:
    level: int


Ctx = Context[Facts]


def tank(fill: Callable[[Fill, Ctx], Awaitable[None]]) -> Module[Facts]:
    """A tank wants to be filled while it is wanted and low. Its constraint reads all facts but ``beside``."""
    module = Module("tank", Facts)

    @module.constraint
    def must_fill(facts: Facts) -> Fill | None:
        return Fill() if facts.wanted and facts.level < 3 and not facts.busy and facts.pulse >= 0 else None

    module.resolver(Fill, name="fill")(fill)
    return module


async def nothing(requirement: Fill, ctx: Ctx) -> None:
    """Complete after a second, without a write."""
    await trio.sleep(1)


async def fail(requirement: Fill, ctx: Ctx) -> None:
    """Fail after a second."""
    await trio.sleep(1)
    raise OSError("leak")


async def test_an_input_that_the_run_itself_wrote_counts_after_success(autojump_clock: trio.abc.Clock) -> None:
    """R6: by whomever: a resolver that fills one litre a run is dispatched until the tank is full."""

    async def one_litre(requirement: Fill, ctx: Ctx) -> None:
        await trio.sleep(1)
        ctx.facts.level += 1

    log: list[Observation] = []
    module = tank(one_litre)
    async with open_system(module) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        assert system[module].level == 3
        assert told(log, *RUNS, *ENDS) == [
            *["resolver.start tank::fill", "resolver.complete tank::fill"] * 3,
            "requirement.met tank::must_fill",
        ]


async def test_an_input_that_others_wrote_meanwhile_counts(autojump_clock: trio.abc.Clock) -> None:
    """R6: it was changed while the run went on: one more run, and no more than one."""
    log: list[Observation] = []
    module = tank(nothing)
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(0.5)
        system[module].level = 1
        await system.settle(timeout=60)
        assert told(log, *RUNS, *ENDS) == [
            *["resolver.start tank::fill", "resolver.complete tank::fill"] * 2,
            "requirement.unsatisfied tank::must_fill",
        ]


async def test_a_marker_set_and_reset_is_no_change(autojump_clock: trio.abc.Clock) -> None:
    """R6: the value counts, not the writing: no second run."""

    async def mark(requirement: Fill, ctx: Ctx) -> None:
        ctx.facts.busy = True
        await trio.sleep(1)
        ctx.facts.busy = False

    log: list[Observation] = []
    async with open_system(tank(mark)) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        assert told(log, *RUNS, *ENDS) == [
            "resolver.start tank::fill",
            "resolver.complete tank::fill",
            "requirement.unsatisfied tank::must_fill",
        ]


async def test_unsatisfied_is_told_once_and_ends_with_a_change_of_an_input(autojump_clock: trio.abc.Clock) -> None:
    """R6: nothing spins; a change of something else is nothing; a change of an input dispatches at once."""
    log: list[Observation] = []
    module = tank(nothing)
    async with open_system(module) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        system[module].beside = 1
        await system.settle(timeout=60)
        await trio.sleep(60)
        assert told(log, *RUNS, "requirement.unsatisfied") == [
            "resolver.start tank::fill",
            "resolver.complete tank::fill",
            "requirement.unsatisfied tank::must_fill",
        ]
        assert "unsatisfied" in str(system.explain(Fill()))
        system[module].level = 1
        await system.settle(timeout=60)
        assert len(told(log, "resolver.start")) == len(told(log, "requirement.unsatisfied")) == 2


async def test_an_input_that_changed_and_came_back_within_a_window_is_no_change(autojump_clock: trio.abc.Clock) -> None:
    """R6: the requirement stands as it stood."""
    log: list[Observation] = []
    module = tank(nothing)
    async with open_system(module) as system:
        await system.settle(timeout=60)
        system.observe(log.append)
        system[module].level = 1
        system[module].level = 0
        await system.settle(timeout=60)
        assert told(log, *RUNS) == []


@pytest.mark.parametrize("meanwhile", [True, False])
async def test_touch_counts(autojump_clock: trio.abc.Clock, meanwhile: bool) -> None:
    """R6: a touch is a change of an equal value, while the run goes on or when the requirement stands."""
    log: list[Observation] = []
    async with open_system(tank(nothing)) as system:
        system.observe(log.append)
        await trio.sleep(0.5 if meanwhile else 5)
        system.touch("tank::level")
        await system.settle(timeout=60)
        assert len(told(log, "resolver.start")) == 2


async def test_a_write_to_a_fact_of_which_every_write_is_a_change_counts(autojump_clock: trio.abc.Clock) -> None:
    """R6: ``eq=False``."""
    log: list[Observation] = []
    module = tank(nothing)
    async with open_system(module) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        system[module].pulse = 0
        await system.settle(timeout=60)
        assert len(told(log, "resolver.start")) == 2


async def test_an_input_that_is_a_derivation_counts_by_its_value(autojump_clock: trio.abc.Clock) -> None:
    """R6: the fact below has changed, the derivation has not: no second run."""
    module = Module("tank", Facts)
    log: list[Observation] = []

    @module.constraint
    def must_fill(facts: Facts) -> Fill | None:
        return Fill() if facts.is_low else None

    @module.resolver(Fill)
    async def fill(requirement: Fill, ctx: Ctx) -> None:
        ctx.facts.level += 1

    async with open_system(module) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        assert len(told(log, "resolver.start")) == 1
        system[module].level = 10
        await system.settle(timeout=60)
        assert told(log, *ENDS) == ["requirement.unsatisfied tank::must_fill", "requirement.met tank::must_fill"]


async def test_a_derivation_that_raises_counts_by_what_it_raises(autojump_clock: trio.abc.Clock) -> None:
    """R6: the same error again is no change; another one is, and so is a value."""

    @define
    class Shaky:
        cause: str = "a"
        beside: int = 0

        @derivation
        def shaky(self) -> str:
            if self.cause and self.beside >= 0:
                raise ValueError(self.cause)
            return "fine"

    module = Module("m", Shaky)
    log: list[Observation] = []

    @module.constraint
    def must_fill(facts: Shaky) -> Fill | None:
        try:
            return Fill() if facts.shaky else None
        except Exception:  # noqa: BLE001  # the derivation's error is what this test is about
            return Fill()

    @module.resolver(Fill)
    async def fill(requirement: Fill, ctx: Context[Shaky]) -> None: ...

    async with open_system(module) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        system[module].beside = 1
        await system.settle(timeout=60)
        assert len(told(log, "resolver.start")) == 1
        for cause in ("b", ""):
            system[module].cause = cause
            await system.settle(timeout=60)
        assert len(told(log, "resolver.start")) == 3


async def test_after_a_failure_what_the_run_wrote_does_not_count(autojump_clock: trio.abc.Clock) -> None:
    """R6: skip: it wrote progress and failed; only changes by others bring another run."""

    async def fill(requirement: Fill, ctx: Ctx) -> None:
        ctx.facts.level += 1
        raise OSError("leak")

    log: list[Observation] = []
    module = tank(fill)
    async with open_system(module) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        assert told(log, *RUNS, *ENDS) == ["resolver.start tank::fill", "resolver.error tank::fill"]
        assert system[module].level == 1
        system[module].level = 0
        await system.settle(timeout=60)
        assert len(told(log, "resolver.start")) == 2


@pytest.mark.parametrize("how", ["value", "touch", "eq=False"])
async def test_after_a_failure_a_change_by_others_meanwhile_counts(autojump_clock: trio.abc.Clock, how: str) -> None:
    """R6: it was made while the run that failed went on."""
    log: list[Observation] = []
    module = tank(fail)
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(0.5)
        if how == "value":
            system[module].level = 1
        elif how == "touch":
            system.touch("tank::level")
        else:
            system[module].pulse = 0
        await system.settle(timeout=60)
        assert len(told(log, "resolver.start")) == 2


@pytest.mark.parametrize("how", ["value", "touch"])
async def test_after_a_failure_a_change_by_others_below_the_runs_own_write_counts(
    autojump_clock: trio.abc.Clock, how: str
) -> None:
    """R6: others wrote or touched, then the run wrote over it: but for the run's write there is a change."""

    async def fill(requirement: Fill, ctx: Ctx) -> None:
        await trio.sleep(1)
        if ctx.facts.level < 2:
            ctx.facts.level = 2
            raise OSError("leak")

    log: list[Observation] = []
    module = tank(fill)
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(0.5)
        if how == "value":
            system[module].level = 1
        else:
            system.touch("tank::level")
        await system.settle(timeout=60)
        assert told(log, *RUNS) == [
            "resolver.start tank::fill",
            "resolver.error tank::fill",
            "resolver.start tank::fill",
            "resolver.complete tank::fill",
        ]


async def test_after_an_explicit_cancel_only_changes_by_others_count(autojump_clock: trio.abc.Clock) -> None:
    """R6: what the cancelled run wrote brings no other run; what the program writes does."""

    async def fill(requirement: Fill, ctx: Ctx) -> None:
        ctx.facts.level += 1
        await trio.sleep(1)

    log: list[Observation] = []
    module = tank(fill)
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(0.5)
        assert system.cancel(Fill())
        await system.settle(timeout=60)
        assert told(log, *RUNS, *ENDS) == ["resolver.start tank::fill", "resolver.cancel tank::fill cancelled"]
        system[module].level = 0
        await trio.sleep(0.5)
        assert len(told(log, "resolver.start")) == 2


async def test_a_resolver_that_cancels_itself_is_not_spun(autojump_clock: trio.abc.Clock) -> None:
    """R6: ``ctx.cancel()`` is an explicit cancel, and it wins over a requeue."""

    async def fill(requirement: Fill, ctx: Ctx) -> None:
        ctx.requeue()
        ctx.facts.level += 1
        ctx.cancel()

    log: list[Observation] = []
    async with open_system(tank(fill)) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        assert told(log, *RUNS) == ["resolver.start tank::fill", "resolver.cancel tank::fill cancelled"]


async def test_requeue_dispatches_again_without_a_change(autojump_clock: trio.abc.Clock) -> None:
    """R6: unconditionally, while the constraint holds."""

    async def fill(requirement: Fill, ctx: Ctx) -> None:
        await trio.sleep(1)
        if trio.current_time() < 5:
            ctx.requeue()

    log: list[Observation] = []
    async with open_system(tank(fill)) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        assert len(told(log, "resolver.start")) == 5


async def test_requeue_dispatches_again_after_a_failure_too(autojump_clock: trio.abc.Clock) -> None:
    """R6: the run failed under skip, but it had asked for another."""

    async def fill(requirement: Fill, ctx: Ctx) -> None:
        await trio.sleep(1)
        if trio.current_time() < 3:
            ctx.requeue()
        raise OSError("leak")

    log: list[Observation] = []
    async with open_system(tank(fill)) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        assert len(told(log, "resolver.start")) == 3


async def test_requeue_is_nothing_where_the_constraint_does_not_hold(autojump_clock: trio.abc.Clock) -> None:
    """R6: the run has met it."""

    async def fill(requirement: Fill, ctx: Ctx) -> None:
        ctx.requeue()
        ctx.facts.level = 3

    log: list[Observation] = []
    async with open_system(tank(fill)) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        assert told(log, *RUNS, *ENDS)[-2:] == ["resolver.complete tank::fill", "requirement.met tank::must_fill"]
        assert len(told(log, "resolver.start")) == 1


async def test_met_only_if_its_last_run_completed(autojump_clock: trio.abc.Clock) -> None:
    """R6: one that failed and is no longer wanted was not met."""
    log: list[Observation] = []
    module = tank(fail)
    async with open_system(module) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        system[module].wanted = False
        await system.settle(timeout=60)
        assert told(log, *ENDS) == ["requirement.canceled tank::must_fill removed"]


async def test_what_is_wanted_when_the_system_stops_is_canceled(autojump_clock: trio.abc.Clock) -> None:
    """R6: unsatisfied, though its run completed: nobody has ceased to want it."""
    log: list[Observation] = []
    async with open_system(tank(nothing)) as system:
        await system.settle(timeout=60)
        system.observe(log.append)
        await system.stop_async()
        assert told(log, *ENDS) == ["requirement.canceled tank::must_fill stopped"]


async def test_the_decision_waits_for_a_blocked_producer(autojump_clock: trio.abc.Clock) -> None:
    """R6: the run has ended and an input has changed, but its constraint waits for an earlier one."""

    @frozen
    class Check:
        pass

    @define
    class Checked(Facts):
        checked: bool = True

    module = Module("tank", Checked)
    log: list[Observation] = []

    @module.constraint
    def must_check(facts: Checked) -> Check | None:
        return None if facts.checked else Check()

    @module.resolver(Check)
    async def check(requirement: Check, ctx: Context[Checked]) -> None:
        await trio.sleep(10)
        ctx.facts.checked = True

    @module.constraint(after=["must_check"])
    def must_fill(facts: Checked) -> Fill | None:
        return Fill() if facts.level < 3 else None

    @module.resolver(Fill)
    async def fill(requirement: Fill, ctx: Context[Checked]) -> None:
        await trio.sleep(1)

    async with open_system(module) as system:
        await trio.sleep(0.5)
        system.observe(log.append)
        system[module].checked = False
        system[module].level = 1
        await trio.sleep(5)
        assert told(log, *RUNS) == ["resolver.start tank::check", "resolver.complete tank::fill"]
        assert told(log, "requirement.unsatisfied") == []
        await system.settle(timeout=60)
        assert told(log, *RUNS)[2:] == [
            "resolver.complete tank::check",
            "resolver.start tank::fill",
            "resolver.complete tank::fill",
        ]


async def test_the_decision_waits_for_an_outstanding_answer(autojump_clock: trio.abc.Clock) -> None:
    """R6: an async constraint is being asked again when the run ends; its answer decides."""
    module = Module("tank", Facts)
    log: list[Observation] = []

    @module.constraint
    async def must_fill(facts: Facts) -> Fill | None:
        level = facts.level
        await trio.sleep(3)
        return Fill() if level < 3 else None

    @module.resolver(Fill)
    async def fill(requirement: Fill, ctx: Ctx) -> None:
        await trio.sleep(2)

    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(4)
        system[module].level = 3
        await system.settle(timeout=60)
        assert told(log, *RUNS, *ENDS) == [
            "resolver.start tank::fill",
            "resolver.complete tank::fill",
            "requirement.met tank::must_fill",
        ]
        assert trio.current_time() == 7


async def test_a_cancelled_retry_stands_until_others_change_an_input(autojump_clock: trio.abc.Clock) -> None:
    """R6: cancelling what waits for its retry is an explicit cancel: what the run wrote brings no other."""

    async def fill(requirement: Fill, ctx: Ctx) -> None:
        ctx.facts.level += 1
        raise OSError("leak")

    log: list[Observation] = []
    module = tank(fill)
    async with open_system(module, errors=ErrorBoundary(resolver="retry_later")) as system:
        system.observe(log.append)
        await trio.sleep(0.5)
        assert system.cancel(Fill())
        assert not system.cancel(Fill())
        await system.settle(timeout=60)
        assert len(told(log, "resolver.start")) == 1
        assert trio.current_time() == 0.5
        system[module].level = 0
        await trio.sleep(0.5)
        assert len(told(log, "resolver.start")) == 2


async def test_a_derivation_of_which_every_computation_is_a_change_counts(autojump_clock: trio.abc.Clock) -> None:
    """R6: ``eq=False``: computed again since dispatch is changed since dispatch."""

    @define
    class Pulsing:
        beat: int = 0

        @derivation(eq=False)
        def pulse(self) -> bool:
            return self.beat >= 0

    module = Module("m", Pulsing)
    log: list[Observation] = []

    @module.constraint
    def must_fill(facts: Pulsing) -> Fill | None:
        return Fill() if facts.pulse else None

    @module.resolver(Fill)
    async def fill(requirement: Fill, ctx: Context[Pulsing]) -> None:
        await trio.sleep(1)

    async with open_system(module) as system:
        system.observe(log.append)
        await system.settle()
        assert len(told(log, "resolver.start")) == 1
        system[module].beat = 1
        await system.settle()
        assert len(told(log, "resolver.start")) == 2


async def test_a_marker_taken_back_as_it_is_dispatched_is_no_change(autojump_clock: trio.abc.Clock) -> None:
    """R6: another's marker goes in the pass that dispatches it, and before that: it starts with what is left."""
    module = Module("tank", Facts)
    starts: list[tuple[int, float]] = []

    @module.constraint
    async def must_pour(facts: Facts) -> Pour:
        level = facts.level
        await trio.sleep(1)
        return Pour(level)

    @module.resolver(Pour, timeout=3)
    async def pour(requirement: Pour, ctx: Ctx) -> None:
        starts.append((requirement.level, trio.current_time()))
        await trio.sleep(1.5)
        ctx.facts.level = requirement.level
        await trio.sleep_forever()

    async with open_system(module, initial={"tank": {"level": 3}}) as system:
        await trio.sleep(2)
        system[module].level = 0  # Pour(3) writes over it, and is superseded by the answer to this
        await trio.sleep(10)
        assert starts == [(3, 1), (0, 3)]
        assert system[module].level == 0
