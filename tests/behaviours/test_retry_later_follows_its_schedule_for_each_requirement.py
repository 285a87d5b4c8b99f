"""R12: *retry_later* runs a failed requirement again on the schedule, each for itself, as long as it is wanted."""

from collections.abc import Iterable
from itertools import pairwise

import trio
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, Retry, open_system
from directive_trio.observe import Observation
from tests.behaviours.worker import seen


@define
class Facts:
    wanted: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    blocked: bool = False


@frozen
class Fetch:
    name: str


def fetching(told: list[tuple[str, float]], succeed: int = 99) -> Module[Facts]:
    """Every fetch fails until it has run *succeed* times."""
    module = Module("m", Facts)
    start = trio.current_time()

    @module.constraint
    def must_fetch(facts: Facts) -> Iterable[Fetch]:
        return [Fetch(name) for name in facts.wanted if name not in facts.done]

    @module.resolver(Fetch)
    async def fetch(requirement: Fetch, ctx: Context[Facts]) -> None:
        told.append((requirement.name, trio.current_time() - start))
        if len([name for name, _ in told if name == requirement.name]) < succeed:
            raise ValueError(requirement.name)
        ctx.facts.done = (*ctx.facts.done, requirement.name)

    return module


def later(schedule: Retry = Retry(4, "exponential", 1)) -> ErrorBoundary:
    """The boundary."""
    return ErrorBoundary(resolver="retry_later", retry_later=schedule, on_error=lambda *_: None)


async def test_it_runs_again_on_the_schedule_and_then_stands_failed(autojump_clock: trio.abc.Clock) -> None:
    """Four runs, the first included: after 1, 2 and 4 seconds; then nothing is outstanding."""
    told: list[tuple[str, float]] = []
    log: list[Observation] = []
    async with open_system(fetching(told), initial={"m": {"wanted": ("a",)}}, errors=later()) as system:
        system.observe(log.append)
        await system.settle(timeout=None)
        assert told == [("a", 0), ("a", 1), ("a", 3), ("a", 7)]
        await trio.sleep(1000)
        assert len(told) == 4
    assert [one.strategy for one in seen(log, "error.recovery")] == ["retry_later"] * 4


async def test_each_of_two_requirements_of_one_resolver_runs_again(autojump_clock: trio.abc.Clock) -> None:
    """The second failed later: its schedule is its own."""
    told: list[tuple[str, float]] = []
    module = fetching(told, succeed=3)
    async with open_system(module, initial={"m": {"wanted": ("a",)}}, errors=later()) as system:
        await trio.sleep(0.5)
        system[module].wanted = ("a", "b")
        await system.settle(timeout=None)
        assert told == [("a", 0), ("b", 0.5), ("a", 1), ("b", 1.5), ("a", 3), ("b", 3.5)]
        assert system[module].done == ("a", "b")


async def test_it_is_given_up_when_nobody_wants_it_any_more(autojump_clock: trio.abc.Clock) -> None:
    """Met by somebody else, not wanted, cancelled by a word, switched off, stopped: the timer is gone."""
    for how in ("met", "unwanted", "cancelled", "disabled", "stopped"):
        told: list[tuple[str, float]] = []
        module = fetching(told)
        async with open_system(module, initial={"m": {"wanted": ("a",)}}, errors=later()) as system:
            await trio.sleep(0.5)
            assert len(system.inspect().pending_retries) == 1
            match how:
                case "met":
                    system[module].done = ("a",)
                case "unwanted":
                    system[module].wanted = ()
                case "cancelled":
                    assert system.cancel(Fetch("a"))
                    assert not system.inspect().pending_retries
                case "disabled":
                    system.disable("m::must_fetch")
                case "stopped":
                    await system.stop_async()
            if how != "stopped":
                await system.settle()
                assert not system.inspect().pending_retries
            await trio.sleep(100)
            assert len(told) == 1, how


async def test_a_wish_in_the_tick_in_which_it_is_due_is_heard(autojump_clock: trio.abc.Clock) -> None:
    """It becomes unwanted in the tick of its retry: at most one run more, and it does not stand."""
    for ticks in range(6):
        told: list[tuple[str, float]] = []
        module = fetching(told)
        async with open_system(module, initial={"m": {"wanted": ("a",)}}, errors=later()) as system:
            await trio.sleep(1)
            for _ in range(ticks):
                await trio.lowlevel.checkpoint()
            system[module].wanted = ()
            await system.settle()
            assert len(told) <= 2
            assert not system.inspect().requirements


async def test_a_change_does_not_hasten_it(autojump_clock: trio.abc.Clock) -> None:
    """The schedule stands while it is wanted."""
    told: list[tuple[str, float]] = []
    module = fetching(told)
    async with open_system(module, initial={"m": {"wanted": ("a",)}}, errors=later()) as system:
        await trio.sleep(0.5)
        system[module].wanted = ("a", "b")
        system[module].done = ("b",)
        await trio.sleep(0.2)
        assert [name for name, _ in told] == ["a"]


async def test_jitter_takes_a_share_of_the_wait(autojump_clock: trio.abc.Clock) -> None:
    """The schedule is a `Retry`, its jitter included."""
    told: list[tuple[str, float]] = []
    schedule = Retry(30, initial_delay=10, jitter=0.5)
    async with open_system(fetching(told), initial={"m": {"wanted": ("a",)}}, errors=later(schedule)) as system:
        await system.settle(timeout=None)
    moments = [moment for _, moment in told]
    waits = [after - before for before, after in pairwise(moments)]
    assert len(moments) == 30
    assert all(5 - 1e-6 <= wait <= 10 + 1e-6 for wait in waits)
    assert len(set(waits)) > 1


async def test_settle_may_leave_it_out(autojump_clock: trio.abc.Clock) -> None:
    """R13: ``retries=False`` does not wait for what is scheduled."""
    told: list[tuple[str, float]] = []
    async with open_system(fetching(told), initial={"m": {"wanted": ("a",)}}, errors=later()) as system:
        start = trio.current_time()
        await system.settle(retries=False)
        assert trio.current_time() == start
        assert not system.is_settled


async def test_who_joins_waits_with_it(autojump_clock: trio.abc.Clock) -> None:
    """A second constraint, or the program, asks while a retry is scheduled: the schedule stands, and only one run."""
    for how in ("constraint", "program"):
        told: list[tuple[str, float]] = []
        module = fetching(told, succeed=3)

        @module.constraint
        def joins(facts: Facts) -> Fetch | None:
            return Fetch("a") if facts.blocked and "a" not in facts.done else None

        async with open_system(module, initial={"m": {"wanted": ("a",)}}, errors=later()) as system:
            await trio.sleep(0.5)
            if how == "constraint":
                system[module].blocked = True
            else:
                system.require(Fetch("a"))
            await system.settle(timeout=None)
            assert told == [("a", 0), ("a", 1), ("a", 3)]
            await trio.sleep(10)
            assert len(told) == 3
