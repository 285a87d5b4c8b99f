"""R8: a constraint is not called while one it comes ``after`` is pending; what pending means, and what not."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, Retry, System, open_system
from directive_trio.errors import DependencyCycleError
from directive_trio.observe import ConstraintBlocked, Observation, ReconcileEnd
from tests.behaviours.told import told

RUNS = ("resolver.start", "resolver.complete", "resolver.error", "resolver.cancel")


@define
class Facts:
    first: int = 0
    done: int = 0
    second: int = 0


@frozen
class First:
    number: int


@frozen
class Second:
    number: int


@frozen
class Third:
    pass


Ctx = Context[Facts]
Resolve = Callable[[First, Ctx], Awaitable[None]]


async def finish(requirement: First, ctx: Ctx) -> None:
    """Meet it in ten seconds."""
    await trio.sleep(10)
    ctx.facts.done = requirement.number


async def nothing(requirement: First, ctx: Ctx) -> None:
    """End in ten seconds without a write."""
    await trio.sleep(10)


async def fail(requirement: First, ctx: Ctx) -> None:
    """Fail in ten seconds."""
    await trio.sleep(10)
    raise OSError("no")


def two_steps(resolve: Resolve | None, *, after: str = "first") -> tuple[Module[Facts], list[tuple[float, int]]]:
    """The second step comes after the first; the list says when it was called, and what the facts were."""
    module = Module("m", Facts)
    called: list[tuple[float, int]] = []

    @module.constraint
    def first(facts: Facts) -> First | None:
        return First(facts.first) if facts.first != facts.done else None

    @module.constraint(after=[after])
    def second(facts: Facts) -> Second | None:
        called.append((trio.current_time(), facts.second))
        return Second(facts.second) if facts.second else None

    if resolve is not None:
        module.resolver(First, name="do_first")(resolve)

    @module.resolver(Second, name="do_second")
    async def do_second(requirement: Second, ctx: Ctx) -> None: ...

    return module, called


async def test_it_is_not_called_while_the_earlier_run_goes_on(autojump_clock: trio.abc.Clock) -> None:
    """R8: met at ten seconds, and only then is the later function called."""
    module, called = two_steps(finish)
    log: list[Observation] = []
    async with open_system(module, initial={"m": {"first": 1, "second": 1}}) as system:
        system.observe(log.append)
        await system.settle(timeout=60)
        assert called == [(10, 1)]
        assert told(log, *RUNS, "constraint.blocked") == [
            "constraint.blocked m::second",
            "resolver.start m::do_first",
            "resolver.complete m::do_first",
            "resolver.start m::do_second",
            "resolver.complete m::do_second",
        ]
        assert [seen.waiting_on for seen in log if isinstance(seen, ConstraintBlocked)] == [("m::first",)]


async def test_changes_while_it_waits_call_it_once_afterwards(autojump_clock: trio.abc.Clock) -> None:
    """R8: blocked is told once an episode, and explained."""
    module, called = two_steps(finish)
    log: list[Observation] = []
    async with open_system(module, initial={"m": {"first": 1}}) as system:
        system.observe(log.append)
        for number in (1, 2, 3):
            await trio.sleep(1)
            system[module].second = number
        await trio.sleep(1)
        assert "blocked after m::first" in str(system.explain("m::second"))
        await system.settle(timeout=60)
        assert called == [(10, 3)]
        assert len(told(log, "constraint.blocked")) == 1


@pytest.mark.parametrize("resolve", [nothing, fail])
async def test_an_end_that_meets_nothing_releases_it(autojump_clock: trio.abc.Clock, resolve: Resolve) -> None:
    """R8: unsatisfied, or finally failed: that is settled too; also on a later pass."""
    module, called = two_steps(resolve)
    async with open_system(module, initial={"m": {"first": 1, "second": 1}}) as system:
        await system.settle(timeout=60)
        assert called == [(10, 1)]
        await trio.sleep(5)
        system[module].second = 2
        await system.settle(timeout=60)
        assert called == [(10, 1), (15, 2)]


async def test_an_explicit_cancel_releases_it(autojump_clock: trio.abc.Clock) -> None:
    """R8: nothing runs and nothing is going to."""
    module, called = two_steps(finish)
    async with open_system(module, initial={"m": {"first": 1, "second": 1}}) as system:
        await trio.sleep(2)
        system.cancel(First(1))
        await system.settle(timeout=60)
        assert called == [(2, 1)]


async def test_a_run_that_is_not_wanted_any_more_blocks_until_it_has_cleaned_up(autojump_clock: trio.abc.Clock) -> None:
    """R8: or its run still going."""

    async def clean_up(requirement: First, ctx: Ctx) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(10)

    module, called = two_steps(clean_up)
    async with open_system(module, initial={"m": {"first": 1, "second": 1}}) as system:
        await trio.sleep(2)
        system[module].first = 0
        await system.settle(timeout=60)
        assert called == [(10, 1)]


async def test_a_self_satisfied_run_blocks_until_it_has_completed(autojump_clock: trio.abc.Clock) -> None:
    """R8, R5: its constraint is false already."""

    async def mark(requirement: First, ctx: Ctx) -> None:
        ctx.facts.done = requirement.number
        await trio.sleep(10)

    module, called = two_steps(mark)
    async with open_system(module, initial={"m": {"first": 1, "second": 1}}) as system:
        await system.settle(timeout=60)
        assert called == [(10, 1)]


async def test_without_a_resolver_the_earlier_stays_pending(autojump_clock: trio.abc.Clock) -> None:
    """R8: until it is not wanted any more."""
    module, called = two_steps(None)
    async with open_system(module, initial={"m": {"first": 1, "second": 1}}) as system:
        await system.settle(timeout=60)
        assert called == []
        await trio.sleep(5)
        system[module].first = 0
        await system.settle(timeout=60)
        assert called == [(5, 1)]


async def test_a_scheduled_retry_is_pending(autojump_clock: trio.abc.Clock) -> None:
    """R8: failed at 10, 30 and 50 seconds; the last is final."""
    module, called = two_steps(fail)
    errors = ErrorBoundary(resolver="retry_later", retry_later=Retry(3, initial_delay=10))
    async with open_system(module, errors=errors, initial={"m": {"first": 1, "second": 1}}) as system:
        await system.settle(timeout=100)
        assert called == [(50, 1)]


async def test_an_outstanding_answer_is_pending(autojump_clock: trio.abc.Clock) -> None:
    """R8: of an async constraint."""
    module = Module("m", Facts)
    called: list[float] = []

    @module.constraint
    async def first(facts: Facts) -> None:
        await trio.sleep(3 + facts.first)

    @module.constraint(after=[first])
    def second(facts: Facts) -> None:
        called.append(trio.current_time() + facts.second)

    async with open_system(module) as system:
        await system.settle(timeout=60)
        with system.transaction():
            system[module].first = 1
            system[module].second = 1
        await system.settle(timeout=60)
        assert called == [3, 3 + 4 + 1]


async def test_blocked_is_pending_for_the_next(autojump_clock: trio.abc.Clock) -> None:
    """R8: first, second, third: the third waits for the first too, though the second asks for nothing."""
    module, called = two_steps(finish)
    third: list[float] = []

    @module.constraint(after=["second"])
    def last(facts: Facts) -> None:
        third.append(trio.current_time())

    async with open_system(module, initial={"m": {"first": 1}}) as system:
        await system.settle(timeout=60)
        assert called == [(10, 0)]
        assert third == [10]


@pytest.mark.parametrize("way", ["inactive", "disabled"])
async def test_an_inactive_or_disabled_one_does_not_block(autojump_clock: trio.abc.Clock, way: str) -> None:
    """R8: on the first pass, and on later ones."""
    module, called = two_steps(finish)
    initial = {"m": {"first": 0 if way == "inactive" else 1, "second": 1}}
    async with open_system(module, initial=initial) as system:
        if way == "disabled":
            system.disable("m::first")
        await system.settle(timeout=60)
        await trio.sleep(1)
        system[module].second = 2
        await system.settle(timeout=60)
        assert called == [(0, 1), (1, 2)]


async def test_disabling_the_earlier_releases_and_enabling_blocks_again(autojump_clock: trio.abc.Clock) -> None:
    """R8: while it is pending."""
    module, called = two_steps(None)
    async with open_system(module, initial={"m": {"first": 1, "second": 1}}) as system:
        await system.settle(timeout=60)
        await trio.sleep(1)
        system.disable("m::first")
        await system.settle(timeout=60)
        assert called == [(1, 1)]
        system.enable("m::first")
        await system.settle(timeout=60)
        system[module].second = 2
        await system.settle(timeout=60)
        assert called == [(1, 1)]


async def test_an_unknown_one_does_not_block_and_is_warned_of(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """R8: with the nearest name."""
    module, called = two_steps(finish, after="frist")
    async with open_system(module, initial={"m": {"first": 1, "second": 1}}) as system:
        await trio.sleep(1)
        assert called == [(0, 1)]
        assert "m::frist, which does not exist (did you mean m::first?)" in caplog.text
        await system.settle(timeout=60)


async def test_a_handle_and_a_name_of_another_module_work(autojump_clock: trio.abc.Clock) -> None:
    """R8: a bare name means the same module."""
    module, _ = two_steps(finish)
    handle = module.constraints["first"]
    other = Module("other", Facts)
    called: dict[str, float] = {}

    def declare(name: str, after: object) -> None:
        @other.constraint(name=name, after=[after])  # type: ignore[list-item]
        def later(facts: Facts) -> None:
            called[name] = trio.current_time()

    declare("first", "m::first")
    declare("handle", handle)
    declare("dotted", "m.first")
    declare("bare", "first")
    async with open_system(other, module, initial={"m": {"first": 1}}) as system:
        await system.settle(timeout=60)
        assert called == dict.fromkeys(("first", "handle", "dotted", "bare"), 10)


async def test_when_the_earlier_fires_again_the_later_waits_again(autojump_clock: trio.abc.Clock) -> None:
    """R8: re-arming: and what the later one had required stands."""
    module, called = two_steps(finish)
    log: list[Observation] = []

    @module.constraint(after=["first"])
    def stands(facts: Facts) -> Third | None:
        return Third() if facts.second == 1 else None

    @module.resolver(Third)
    async def do_third(requirement: Third, ctx: Ctx) -> None:
        await trio.sleep(30)

    async with open_system(module, initial={"m": {"first": 1, "second": 1}}) as system:
        await trio.sleep(15)
        system.observe(log.append)
        with system.transaction():
            system[module].first = 2
            system[module].second = 2
        await trio.sleep(5)
        assert called == [(10, 1)]
        assert told(log, *RUNS) == ["resolver.start m::do_first"]
        await system.settle(timeout=60)
        assert called == [(10, 1), (25, 2)]
        assert told(log, *RUNS)[1:3] == ["resolver.complete m::do_first", "resolver.start m::do_second"]
        assert set(told(log, *RUNS)[3:]) == {
            "resolver.cancel m::do_third removed",
            "resolver.complete m::do_second",
        }


async def test_two_after_the_same_start_together(autojump_clock: trio.abc.Clock) -> None:
    """R8: in the same pass: no reconcile.start between them."""
    module, _ = two_steps(finish)
    log: list[Observation] = []

    @module.constraint(after=["first"])
    def beside(facts: Facts) -> Third | None:
        return Third() if facts.second else None

    @module.resolver(Third)
    async def do_third(requirement: Third, ctx: Ctx) -> None: ...

    async with open_system(module, initial={"m": {"first": 1, "second": 1}}) as system:
        await trio.sleep(5)
        system.observe(log.append)
        await system.settle(timeout=60)
        ends = [seen for seen in log if isinstance(seen, ReconcileEnd)]
        assert [seen.started for seen in ends if seen.started] == [2]


@pytest.mark.parametrize("length", [1000, 10_000])
async def test_a_long_chain_runs_in_order(autojump_clock: trio.abc.Clock, length: int) -> None:
    """R8: each link after the one before; each asks once, in order."""
    module = Module("m", Facts)
    started: list[int] = []

    def declare(number: int) -> None:
        @module.constraint(name=f"c{number}", after=[f"c{number - 1}"] if number else [])
        def link(facts: Facts) -> First | None:
            return First(number) if facts.first else None

    for number in range(length):
        declare(number)

    @module.resolver(First)
    async def work(requirement: First, ctx: Ctx) -> None:
        started.append(requirement.number)

    async with open_system(module) as system:
        system[module].first = 1
        await system.settle(timeout=None)
        assert started == list(range(length))


@pytest.mark.parametrize(
    ("after", "path"),
    [
        ({"a": "a"}, "m::a → m::a"),
        ({"a": "b", "b": "a"}, "m::a → m::b → m::a"),
        ({"a": "b", "b": "c", "c": "d", "d": "b"}, "m::b → m::c → m::d → m::b"),
    ],
)
def test_a_ring_is_refused_with_its_path(after: dict[str, str], path: str) -> None:
    """R8: when the system is made; nothing has run."""
    module = Module("m", Facts)
    for name, earlier in after.items():
        module.constraint(name=name, after=[earlier])(lambda facts: None)
    with pytest.raises(DependencyCycleError) as caught:
        System(module)
    assert caught.value.path == tuple(path.split(" → "))
