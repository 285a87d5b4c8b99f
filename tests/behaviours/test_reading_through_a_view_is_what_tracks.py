"""F3: what was read in the last run, and only that, is what a change of counts; across awaits too."""

import trio
from attrs import define

from directive_trio import Module, derivation, open_system, untracked


@define
class Facts:
    which: bool = True
    left: int = 0
    right: int = 0
    asked: int = 0

    @derivation
    def picked(self) -> int:
        return self.left if self.which else self.right

    @derivation
    def glanced(self) -> int:
        return untracked(self).left + self.right


async def test_conditional_reads_are_tracked_again_at_each_run(autojump_clock: trio.abc.Clock) -> None:
    """F3: once ``which`` has turned, left counts no more and right does."""
    asked: list[int] = []
    module = Module("m", Facts)

    @module.constraint
    def look(facts: Facts) -> None:
        asked.append(facts.left if facts.which else facts.right)

    async with open_system(module) as system:
        await system.settle()
        for name, value in [("right", 1), ("left", 2), ("which", False), ("left", 3), ("right", 4)]:
            setattr(system["m"], name, value)
            await system.settle()
    assert asked == [0, 2, 1, 4]


async def test_a_derivation_passes_on_what_it_tracks(autojump_clock: trio.abc.Clock) -> None:
    """F3: what it read through `untracked` is no dependency, neither of it nor of who reads it."""
    asked: list[int] = []
    module = Module("m", Facts)

    @module.constraint
    def look(facts: Facts) -> None:
        asked.append(facts.glanced)

    async with open_system(module) as system:
        await system.settle()
        system[module].left = 1
        await system.settle()
        assert (asked, system[module].glanced) == ([0], 0)
        system[module].right = 2
        await system.settle()
    assert asked == [0, 3]


def test_untracked_leaves_a_plain_instance_as_it_is() -> None:
    """Section 3: so that a derivation that uses it can be tested without a system."""
    facts = Facts(left=1, right=2)
    assert untracked(facts) is facts
    assert facts.glanced == 3


async def test_untracked_reads_are_no_dependency(autojump_clock: trio.abc.Clock) -> None:
    """F3: of constraints, of effects and of predicates."""
    asked: list[str] = []
    module = Module("m", Facts)

    @module.constraint
    def constraint(facts: Facts) -> None:
        asked.append(f"constraint {untracked(facts).left}")

    @module.constraint
    async def slow(facts: Facts) -> None:
        asked.append(f"slow {untracked(facts).left}")

    @module.effect
    def effect(facts: Facts) -> None:
        asked.append(f"effect {untracked(facts).left}")

    async with open_system(module) as system:
        system.watch(lambda view: untracked(view[module]).left, lambda new, old: asked.append("watcher"))
        await system.settle()
        system[module].left = 1
        await system.settle()
        assert untracked(system[module]).left == 1
    assert sorted(asked) == ["constraint 0", "effect 0", "slow 0"]


async def test_tracking_follows_awaits(autojump_clock: trio.abc.Clock) -> None:
    """F3: a read after a sleep counts, and so does a change that comes between two reads."""
    asked: list[tuple[int, int]] = []
    module = Module("m", Facts)

    @module.constraint
    async def slow(facts: Facts) -> None:
        left = facts.left
        await trio.sleep(1)
        asked.append((left, facts.right))

    async with open_system(module) as system:
        await system.settle()
        assert asked == [(0, 0)]
        system[module].right = 1
        await system.settle()
        system[module].left = 1
        await trio.sleep(0.5)
        system[module].left = 2
        await system.settle()
    assert asked == [(0, 0), (0, 1), (2, 1)]


async def test_a_read_of_another_module_is_tracked_too(autojump_clock: trio.abc.Clock) -> None:
    """F3: facts and derivations beside."""
    one, two = Module("one", Facts), Module("two", Facts)
    asked: list[int] = []

    @one.constraint
    def look(facts: Facts) -> None:
        asked.append(two.of(facts).picked)

    async with open_system(one, two) as system:
        await system.settle()
        system[two].left = 5
        system[one].left = 7
        await system.settle()
    assert asked == [0, 5]


async def test_printing_a_view_tracks_nothing(autojump_clock: trio.abc.Clock) -> None:
    """A line of debugging does not change what a constraint depends on."""
    asked: list[str] = []
    module = Module("m", Facts)

    @module.constraint
    def look(facts: Facts) -> None:
        asked.append(repr(facts))

    async with open_system(module) as system:
        await system.settle()
        system[module].left = 5
        await system.settle()
    assert asked == ["Facts(which=True, left=0, right=0, asked=0)"]


async def test_a_view_that_was_kept_tracks_no_more(autojump_clock: trio.abc.Clock) -> None:
    """F3: what is read through it after the function has ended, or read twice, makes no new dependency."""
    module = Module("m", Facts)
    kept: dict[str, Facts] = {}
    asked: list[str] = []

    @module.constraint
    async def slow(facts: Facts) -> None:
        kept["constraint"] = facts
        asked.append(f"constraint {facts.left + facts.left}")

    @module.effect
    async def effect(facts: Facts) -> None:
        kept["effect"] = facts
        asked.append(f"effect {facts.left + facts.left}")

    async with open_system(module) as system:
        await system.settle()
        assert [view.right for view in kept.values()] == [0, 0]
        system[module].right = 1
        await system.settle()
        assert [view.right for view in kept.values()] == [1, 1]
        assert sorted(asked) == ["constraint 0", "effect 0"]
        system[module].left = 1
        await system.settle()
    assert sorted(asked) == ["constraint 0", "constraint 2", "effect 0", "effect 2"]
