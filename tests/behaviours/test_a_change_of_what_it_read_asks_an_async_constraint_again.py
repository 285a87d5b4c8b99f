"""R9: a change of what it read cancels and restarts it; a stale answer never dispatches; the old one stands."""

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, derivation, open_system
from directive_trio.observe import Observation
from tests.behaviours.worker import seen, types


@define
class Facts:
    first: str = "a"
    second: str = ""
    unread: int = 0
    met: str = ""

    @derivation
    def loud(self) -> str:
        return self.second.upper()


@frozen
class Meet:
    name: str


def asking(asked: list[str], meeting: float = 0) -> Module[Facts]:
    """A constraint that reads one fact, waits ten seconds, and reads what it waited for."""
    module = Module("m", Facts)

    @module.constraint(timeout=100)
    async def must_be_met(facts: Facts) -> Meet | None:
        asked.append(facts.first)
        try:
            await trio.sleep(10)
        except trio.Cancelled as error:
            asked.append(f"cancelled, {error.reason}")
            raise
        wanted = facts.first + facts.loud
        return Meet(wanted) if wanted != facts.met else None

    @module.resolver(Meet)
    async def meet(requirement: Meet, ctx: Context[Facts]) -> None:
        await trio.sleep(meeting)
        ctx.facts.met = requirement.name

    return module


async def test_a_change_in_the_middle_starts_it_again_at_once(autojump_clock: trio.abc.Clock) -> None:
    """The question is cancelled as superseded, and only the answer to the new one dispatches."""
    asked: list[str] = []
    log: list[Observation] = []
    module = asking(asked)
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(5)
        system[module].first = "b"
        await system.settle(timeout=None)
        assert sorted(asked[:3]) == ["a", "b", "cancelled, superseded"]
        assert [start.requirement for start in seen(log, "resolver.start")] == [Meet("b")]
        assert system[module].met == "b"


async def test_a_change_of_what_it_did_not_read_leaves_it_alone(autojump_clock: trio.abc.Clock) -> None:
    """Only reads are tracked."""
    asked: list[str] = []
    module = asking(asked)
    async with open_system(module, initial={"m": {"met": "a"}}) as system:
        await trio.sleep(5)
        system[module].unread = 1
        system[module].second = "x"  # read only after the wait: not read yet
        await trio.sleep(4)
        assert asked == ["a"]


async def test_reads_after_an_await_are_tracked_too(autojump_clock: trio.abc.Clock) -> None:
    """A derivation read after the sleep makes the constraint due when its fact changes."""
    asked: list[str] = []
    module = asking(asked)
    async with open_system(module, initial={"m": {"met": "a"}}) as system:
        await system.settle(timeout=None)
        assert asked == ["a"]
        system[module].second = "x"
        await system.settle(timeout=None)
        assert system[module].met == "aX"


async def test_the_old_requirement_stands_until_the_new_answer(autojump_clock: trio.abc.Clock) -> None:
    """The run goes on while the constraint thinks again, and is superseded by what it answers."""
    log: list[Observation] = []
    module = asking([], meeting=1000)
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(20)
        system[module].first = "b"
        await trio.sleep(9)
        assert types(log, "resolver.", "requirement.") == ["requirement.created", "resolver.start"]
        await trio.sleep(2)
        assert types(log, "resolver.", "requirement.")[2:] == [
            "requirement.created",
            "requirement.canceled",
            "resolver.start",
            "resolver.cancel",
        ]
        assert str(seen(log, "resolver.cancel")[0].reason) == "superseded"


async def test_an_answer_of_nothing_cancels_the_run(autojump_clock: trio.abc.Clock) -> None:
    """Nobody has to wake the loop for it."""
    log: list[Observation] = []
    module = asking([], meeting=1000)
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(20)
        system[module].met = "a"
        await system.settle(timeout=None)
        assert str(seen(log, "resolver.cancel")[0].reason) == "removed"


@pytest.mark.parametrize("moment", [9.9, 10, 10.1])
async def test_an_answer_in_the_tick_of_the_change_is_stale(moment: float, autojump_clock: trio.abc.Clock) -> None:
    """Whether the change comes just before, with, or just after the answer: the end is the same."""
    module = asking([])
    async with open_system(module) as system:
        await trio.sleep(moment)
        system[module].first = "b"
        await system.settle(timeout=None)
        assert system[module].met == "b"


async def test_it_is_called_only_where_its_condition_holds(autojump_clock: trio.abc.Clock) -> None:
    """Outside of a run, and in the world without the run's own writes while one goes on."""
    asked: list[str] = []
    module = Module("m", Facts)

    @module.constraint(when={"second": ""}, reads=["unread"])
    async def must_be_met(facts: Facts) -> Meet | None:
        asked.append(f"{facts.first} {facts.unread}")
        return Meet(facts.first) if facts.met != facts.first else None

    @module.resolver(Meet)
    async def meet(requirement: Meet, ctx: Context[Facts]) -> None:
        ctx.facts.second = "busy"
        await trio.sleep(10)
        ctx.facts.met, ctx.facts.second = requirement.name, ""

    async with open_system(module, initial={"m": {"second": "not yet"}}) as system:
        await system.settle()
        assert asked == []
        system[module].second = ""
        await trio.sleep(5)
        assert asked == ["a 0"]
        system[module].unread = 1  # it reads that too; without the run's mark the condition holds
        await trio.sleep(1)
        assert asked == ["a 0", "a 1"]
        await system.settle()
        assert system[module].met == "a"


async def test_what_it_raises_while_it_is_cancelled_is_reported_and_changes_nothing(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """An error nobody asked for is not silent; the new answer counts."""
    module = Module("m", Facts)

    @module.constraint
    async def clumsy(facts: Facts) -> Meet | None:
        wanted = facts.first
        try:
            await trio.sleep(1)
        except trio.Cancelled:
            raise ValueError("no manners") from None
        return Meet(wanted) if wanted != facts.met else None

    @module.resolver(Meet)
    def meet(requirement: Meet, ctx: Context[Facts]) -> None:
        ctx.facts.met = requirement.name

    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(0.5)
        system[module].first = "b"
        await system.settle()
        assert system[module].met == "b"
    assert "no manners" in caplog.text
    assert not seen(log, "constraint.error")


@pytest.mark.parametrize("asking_takes", [1.0, 1.5])
async def test_an_answer_from_a_world_that_is_past_is_none(asking_takes: float, autojump_clock: trio.abc.Clock) -> None:
    """R9: asked without the writes of its own run, which ends before it answers, or in that moment: then they count."""

    @define
    class Copied:
        value: int = 0
        copy: int = 0

    @frozen
    class Put:
        value: int

    module = Module("m", Copied)

    @module.constraint
    async def follows(facts: Copied) -> Put | None:
        value = facts.value
        await trio.sleep(asking_takes)
        return Put(value) if facts.copy != value else None

    @module.resolver(Put)
    async def put(requirement: Put, ctx: Context[Copied]) -> None:
        await trio.sleep(2)
        ctx.facts.copy = requirement.value

    async with open_system(module, initial={"m": {"value": 1}}) as system:
        await trio.sleep(asking_takes + 1)
        system[module].value = 0  # what the run has not written yet is as it should be; when it ends, it is not
        await system.settle(timeout=60)
        assert (system[module].value, system[module].copy) == (0, 0)
