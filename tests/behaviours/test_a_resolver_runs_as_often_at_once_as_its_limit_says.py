"""R10: `limit` bounds how many runs of a resolver go on at once; the others wait for their turn, in order."""

from collections.abc import Iterable

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, Retry, open_system
from directive_trio.observe import Observation
from tests.behaviours.worker import seen, types


@define
class Facts:
    wanted: tuple[int, ...] = ()
    done: tuple[int, ...] = ()


@frozen
class Fetch:
    number: int


def fetching(limit: int | None, busy: list[int], most: list[int]) -> Module[Facts]:
    """Each fetch takes one second."""
    module = Module("m", Facts)

    @module.constraint
    def must_fetch(facts: Facts) -> Iterable[Fetch]:
        return [Fetch(number) for number in facts.wanted if number not in facts.done]

    @module.resolver(Fetch, limit=limit)
    async def fetch(requirement: Fetch, ctx: Context[Facts]) -> None:
        busy.append(requirement.number)
        most.append(len(busy))
        try:
            await trio.sleep(1)
            ctx.facts.done = (*ctx.facts.done, requirement.number)
        finally:
            busy.remove(requirement.number)

    return module


@pytest.mark.parametrize(("limit", "seconds"), [(1, 6), (2, 3), (5, 2), (None, 1)])
async def test_no_more_than_that_go_on_at_once(
    limit: int | None, seconds: float, autojump_clock: trio.abc.Clock
) -> None:
    """And no fewer, while there is work."""
    most: list[int] = []
    module = fetching(limit, [], most)
    async with open_system(module, initial={"m": {"wanted": tuple(range(6))}}) as system:
        start = trio.current_time()
        await system.settle(timeout=None)
        assert trio.current_time() == pytest.approx(start + seconds)
        assert max(most) == (limit or 6)


async def test_they_start_in_the_order_in_which_they_were_asked_for(autojump_clock: trio.abc.Clock) -> None:
    """A queue, first come first served; a start is observed when it happens."""
    log: list[Observation] = []
    module = fetching(1, [], [])
    async with open_system(module, initial={"m": {"wanted": (3, 1, 2)}}) as system:
        system.observe(log.append)
        await system.settle(timeout=None)
    assert [start.requirement.number for start in seen(log, "resolver.start")] == [3, 1, 2]


async def test_one_that_is_cancelled_before_its_turn_is_never_observed(autojump_clock: trio.abc.Clock) -> None:
    """It never began; its requirement is told as canceled."""
    log: list[Observation] = []
    module = fetching(1, [], [])
    async with open_system(module, initial={"m": {"wanted": (1, 2, 3)}}) as system:
        system.observe(log.append)
        await trio.sleep(0.5)
        system[module].wanted = (1, 3)
        await system.settle(timeout=None)
        assert system[module].done == (1, 3)
    assert [start.requirement.number for start in seen(log, "resolver.start")] == [1, 3]
    assert [one.requirement.number for one in seen(log, "requirement.canceled")] == [2]


async def test_cancelling_the_one_in_front_lets_the_next_begin(autojump_clock: trio.abc.Clock) -> None:
    """Its place is free when its code has ended."""
    log: list[Observation] = []
    module = fetching(1, [], [])
    async with open_system(module, initial={"m": {"wanted": (1, 2)}}) as system:
        system.observe(log.append)
        await trio.sleep(0.5)
        assert system.cancel(Fetch(1))
        assert system.cancel(Fetch(2))
        await system.settle(timeout=None)
        assert system[module].done == ()
        assert types(log, "resolver.") == ["resolver.start", "resolver.cancel"]


async def test_stopping_forgets_the_queue(autojump_clock: trio.abc.Clock) -> None:
    """What is still wanted begins anew at the next start."""
    log: list[Observation] = []
    module = fetching(1, [], [])
    async with open_system(module, initial={"m": {"wanted": (1, 2)}}) as system:
        system.observe(log.append)
        await trio.sleep(0.5)
        await system.stop_async()
        async with trio.open_nursery() as nursery:
            system.start(nursery)
            await system.settle(timeout=None)
            await system.stop_async()
        assert system[module].done == (1, 2)
    assert [start.requirement.number for start in seen(log, "resolver.start")] == [1, 1, 2]


async def test_a_long_queue_of_a_sync_resolver_is_no_recursion(autojump_clock: trio.abc.Clock) -> None:
    """One waits out its backoff, two thousand others wait for it, and run one after the other."""
    module = Module("m", Facts)
    done: set[int] = set()

    @module.constraint
    def must_fetch(facts: Facts) -> Iterable[Fetch]:
        return [Fetch(number) for number in facts.wanted] if not facts.done else ()

    @module.resolver(Fetch, limit=1, retry=Retry(attempts=2))
    def fetch(requirement: Fetch, ctx: Context[Facts]) -> None:
        if ctx.attempt == 1 and not done:
            raise ValueError
        done.add(requirement.number)

    async with open_system(module, initial={"m": {"wanted": tuple(range(2000))}}, convergence_limit=3000) as system:
        await system.settle()
    assert len(done) == 2000


async def test_a_key_makes_two_requirements_one_run(autojump_clock: trio.abc.Clock) -> None:
    """R4: identity is what `key` says."""
    begun: list[int] = []
    module = Module("m", Facts)

    @module.constraint
    def must_fetch(facts: Facts) -> Iterable[Fetch]:
        return [Fetch(number) for number in facts.wanted] if not facts.done else ()

    @module.resolver(Fetch, key=lambda requirement: requirement.number % 10)
    async def fetch(requirement: Fetch, ctx: Context[Facts]) -> None:
        begun.append(requirement.number)
        await trio.sleep(1)
        ctx.facts.done = (1,)

    async with open_system(module, initial={"m": {"wanted": (1, 11, 2, 21)}}) as system:
        await system.settle()
    assert sorted(number % 10 for number in begun) == [1, 2]


async def test_what_is_asked_for_as_a_place_comes_free_goes_behind_those_that_wait(
    autojump_clock: trio.abc.Clock,
) -> None:
    """R3: the order of decisions is the order of starts, so nobody is overtaken, however often that happens."""
    module = fetching(1, [], [])

    @module.constraint(priority=1)
    def must_fetch_more(facts: Facts) -> Iterable[Fetch]:
        more = [Fetch(10 + number) for number in (1, 2) if number <= len(facts.done)]
        return [fetch for fetch in more if fetch.number not in facts.done]

    log: list[Observation] = []
    async with open_system(module, initial={"m": {"wanted": (0, 1)}}) as system:
        system.observe(log.append)
        await system.settle(timeout=None)
    assert [one.requirement.number for one in seen(log, "resolver.start")] == [0, 1, 11, 12]
