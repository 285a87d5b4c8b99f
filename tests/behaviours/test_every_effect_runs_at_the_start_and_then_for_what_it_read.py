"""R11: every effect runs once in the first pass after start, then when what it read changes, before constraints."""

from collections.abc import Callable

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, derivation, open_system
from directive_trio.observe import Observation
from tests.behaviours.worker import seen, types


@define
class Facts:
    left: int = 0
    right: int = 0
    count: int = 0
    which: str = "left"

    @derivation
    def total(self) -> int:
        return self.left + self.right


@frozen
class Meet: ...


def with_effect(function: Callable[[Facts], None]) -> Module[Facts]:
    """A module with one effect."""
    module = Module("m", Facts)
    module.effect(name="effect")(function)
    return module


async def test_once_at_the_start_whatever_changed(autojump_clock: trio.abc.Clock) -> None:
    """In the first pass, and in no later one that changes nothing it has read."""
    runs: list[int] = []
    module = with_effect(lambda facts: runs.append(facts.left))
    async with open_system(module) as system:
        await system.settle()
        system[module].right = 5
        await system.settle()
    assert runs == [0]


async def test_again_for_each_pass_in_which_what_it_read_has_changed(autojump_clock: trio.abc.Clock) -> None:
    """A derivation counts when its value changes; the branch not taken does not count."""
    runs: list[int] = []

    def follow(facts: Facts) -> None:
        runs.append(facts.total if facts.which == "total" else facts.left)

    module = with_effect(follow)
    async with open_system(module) as system:
        await system.settle()
        system[module].right = 1  # not read
        await system.settle()
        system[module].which = "total"
        await system.settle()
        system[module].left, system[module].right = 1, 0  # the same total
        await system.settle()
        system[module].right = 2
        await system.settle()
    assert runs == [0, 1, 3]


async def test_its_own_writes_to_what_it_read_run_it_again(autojump_clock: trio.abc.Clock) -> None:
    """Until nothing changes any more; each write is a pass of its own."""
    runs: list[int] = []

    def climb(facts: Facts) -> None:
        runs.append(facts.count)
        if facts.count < 3:
            facts.count += 1

    module = with_effect(climb)
    async with open_system(module) as system:
        await system.settle()
        assert system[module].count == 3
    assert runs == [0, 1, 2, 3]


async def test_reads_adds_to_what_it_follows(autojump_clock: trio.abc.Clock) -> None:
    """By name, and by the handle of a derivation."""
    runs: list[str] = []
    module = Module("m", Facts)

    @module.effect(reads=["left"])
    def by_name(facts: Facts) -> None:
        runs.append("name")

    @module.effect(reads=[Facts.total])
    def by_handle(facts: Facts) -> None:
        runs.append("handle")

    async with open_system(module) as system:
        await system.settle()
        system[module].right = 1
        await system.settle()
        system[module].left = 1
        await system.settle()
    assert runs == ["name", "handle", "handle", "name", "handle"]


async def test_effects_come_before_constraints(autojump_clock: trio.abc.Clock) -> None:
    """In the order of their declaration; constraints see what they wrote, and it is a pass of its own too."""
    log: list[Observation] = []
    module = Module("m", Facts)

    @module.constraint
    def must_meet(facts: Facts) -> Meet | None:
        return Meet() if facts.count == 1 else None

    @module.resolver(Meet)
    def meet(requirement: Meet, ctx: Context[Facts]) -> None:
        ctx.facts.count = 2

    @module.effect
    def first(facts: Facts) -> None:
        if facts.left == 1 and facts.count == 0:
            facts.count = 1

    @module.effect
    def second(facts: Facts) -> None:
        assert facts.left >= 0

    async with open_system(module) as system:
        await system.settle()
        system.observe(log.append)
        system[module].left = 1
        await system.settle()
    assert types(log, "effect", "constraint", "resolver.start", "reconcile.start")[:6] == [
        "reconcile.start",
        "effect.run",
        "effect.run",
        "constraint.evaluate",
        "resolver.start",
        "reconcile.start",
    ]
    assert [run.id for run in seen(log, "effect.run")][:3] == ["m::first", "m::second", "m::first"]


async def test_it_sees_other_modules_and_may_not_write_them(autojump_clock: trio.abc.Clock) -> None:
    """Reads of another module are followed too."""
    runs: list[int] = []
    other = Module("other", Facts)
    module = Module("m", Facts)

    @module.effect
    def look(facts: Facts) -> None:
        runs.append(other.of(facts).left)
        with pytest.raises(AttributeError, match="read-only"):
            other.of(facts).left = 9

    async with open_system(module, other) as system:
        await system.settle()
        system[other].left = 4
        await system.settle()
    assert runs == [0, 4]


async def test_an_error_of_one_does_not_stop_the_others(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """It is observed, logged, and the effect runs again when something it read has changed."""
    runs: list[str] = []
    log: list[Observation] = []
    module = Module("m", Facts)

    @module.effect
    def broken(facts: Facts) -> None:
        runs.append(f"broken {facts.left}")
        raise ValueError(facts.left)

    @module.effect
    def sound(facts: Facts) -> None:
        runs.append(f"sound {facts.left}")

    async with open_system(module) as system:
        system.observe(log.append)
        await system.settle()
        system[module].left = 1
        await system.settle()
    assert runs == ["broken 0", "sound 0", "broken 1", "sound 1"]
    assert [(error.id, error.phase, str(error.error)) for error in seen(log, "effect.error")] == [
        ("m::broken", "run", "0"),
        ("m::broken", "run", "1"),
    ]
    assert "m::broken" in caplog.text


async def test_a_disabled_effect_does_not_run_until_it_is_enabled(autojump_clock: trio.abc.Clock) -> None:
    """Enabling runs it in the next pass, once; repeating either changes nothing."""
    runs: list[int] = []
    module = with_effect(lambda facts: runs.append(facts.left))
    async with open_system(module) as system:
        await system.settle()
        system.disable("m::effect")
        system.disable("m.effect")
        system[module].left = 1
        await system.settle()
        assert runs == [0]
        system.enable("m::effect")
        system.enable("m::effect")
        await system.settle()
        assert runs == [0, 1]


async def test_one_that_is_switched_off_and_on_before_the_first_pass_runs_once(autojump_clock: trio.abc.Clock) -> None:
    """It is due all the same, not twice."""
    runs: list[int] = []
    module = with_effect(lambda facts: runs.append(facts.left))
    async with open_system(module) as system:
        system.disable("m::effect")
        system.enable("m::effect")
        await system.settle()
    assert runs == [0]


async def test_one_that_another_effect_disables_runs_in_this_pass_and_no_more(
    autojump_clock: trio.abc.Clock,
) -> None:
    """What effects ask for during a pass is done after it."""
    runs: list[str] = []
    module = Module("m", Facts)

    @module.effect
    def first(facts: Facts) -> None:
        if facts.left:
            system.disable("m::second")

    @module.effect
    def second(facts: Facts) -> None:
        runs.append(f"second {facts.left}")

    async with open_system(module) as system:
        await system.settle()
        system[module].left = 1
        await system.settle()
        system[module].left = 2
        await system.settle()
    assert runs == ["second 0", "second 1"]


async def test_a_view_it_kept_is_followed_no_more_when_it_has_ended(autojump_clock: trio.abc.Clock) -> None:
    """Only what it reads while it runs counts."""
    kept: list[Facts] = []
    runs: list[int] = []

    def keep(facts: Facts) -> None:
        runs.append(facts.left)
        kept.append(facts)

    module = with_effect(keep)
    async with open_system(module) as system:
        await system.settle()
        assert kept[0].right == 0
        system[module].right = 1
        await system.settle()
    assert runs == [0]
