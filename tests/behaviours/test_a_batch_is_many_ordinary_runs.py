"""R14: batch resolvers meet many requirements with one call, and each is an ordinary run from when it is gathered."""

import pytest
import trio
import trio.lowlevel
from attrs import define, field

from directive_trio import Module, open_system
from directive_trio.errors import DefinitionError, SettleTimeoutError, UnhashableRequirementError
from directive_trio.observe import Observation
from directive_trio.testing import MockResolver
from tests.behaviours.cache import Cache, Load, cache, ends, load
from tests.behaviours.worker import seen


async def test_what_comes_within_the_window_is_one_call(autojump_clock: trio.abc.Clock) -> None:
    """The window opens with the first one; in the call they stand in the order in which they came."""
    log: list[Observation] = []
    module = cache(load, window=0.5)
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].wanted = (2,)
        await trio.sleep(0.25)
        system[module].wanted = (2, 1, 3)
        await trio.sleep(1)
        system[module].wanted = (2, 1, 3, 4)
        await system.settle()
        assert system[module].calls == ((2, 1, 3), (4,))
        assert trio.current_time() == pytest.approx(1.25 + 0.5 + 1)
    assert ends(log) == [("resolver.complete", key, "") for key in (2, 1, 3, 4)]


async def test_a_full_batch_does_not_wait(autojump_clock: trio.abc.Clock) -> None:
    """At the size it is called for at once; the rest waits for its window."""
    module = cache(load, window=10, max_size=2)
    async with open_system(module) as system:
        system[module].wanted = (1, 2, 3, 4, 5)
        await trio.lowlevel.checkpoint()
        await trio.sleep(0.5)
        assert sorted(system[module].calls) == [(1, 2), (3, 4)]
        await system.settle(timeout=20)
        assert system[module].calls[-1] == (5,)
        assert trio.current_time() == pytest.approx(11)


async def test_each_is_a_run_from_the_moment_it_is_gathered(autojump_clock: trio.abc.Clock) -> None:
    """It has started, it is in the picture, and it holds up settlement."""
    log: list[Observation] = []
    module = cache(load, window=5)
    async with open_system(module) as system:
        system.observe(log.append)
        system[module].wanted = (1, 2)
        await trio.sleep(1)
        assert [(one.requirement, one.run) for one in seen(log, "resolver.start")] == [(Load(1), 1), (Load(2), 2)]
        assert [run.number for run in system.inspect().runs] == [1, 2]
        assert "run 2 of cache::load" in str(system.explain(Load(2)))
        assert not system.is_settled
        with pytest.raises(SettleTimeoutError, match="run 1 of cache::load"):
            await system.settle(timeout=1)
        assert system[module].calls == ()  # nobody who waits makes the window close early
        await system.settle()


async def test_the_same_requirement_is_gathered_once(autojump_clock: trio.abc.Clock) -> None:
    """Two constraints that ask for it share its run."""
    module = cache(load, window=0.5)
    module.constraint(name="too")(lambda facts: [Load(1)] if facts.wanted and 1 not in facts.loaded else None)
    async with open_system(module) as system:
        system[module].wanted = (1, 2)
        await system.settle()
        assert system[module].calls == ((1, 2),)


@define(eq=True)
class Unhashable:
    id: int = field(default=0)


def test_wrong_declarations_are_refused() -> None:
    """Each names what is wrong."""
    module = Module("cache", Cache)
    with pytest.raises(DefinitionError, match="is sync"):
        module.batch_resolver(Load)(lambda requirements, ctx: None)  # type: ignore[arg-type,return-value]  # the point
    with pytest.raises(UnhashableRequirementError):
        module.batch_resolver(Unhashable)(load)  # type: ignore[arg-type]  # the point of the test
    for wrong in (-1, float("nan"), "1"):
        with pytest.raises(DefinitionError, match="window="):
            module.batch_resolver(Load, window=wrong)  # type: ignore[arg-type]  # the point of the test
    for wrong in (0, 1.5, True):
        with pytest.raises(DefinitionError, match="max_size="):
            module.batch_resolver(Load, max_size=wrong)  # type: ignore[arg-type]  # the point of the test


async def test_a_mock_in_its_place_meets_them_one_by_one(autojump_clock: trio.abc.Clock) -> None:
    """A replaced batch resolver is an ordinary one."""
    mock: MockResolver[Load] = MockResolver()
    module = cache(load, window=0).with_resolver(Load, mock)
    async with open_system(module) as system:
        system[module].wanted = (1, 2)
        await system.settle()
    assert sorted(mock.requirements, key=lambda requirement: requirement.id) == [Load(1), Load(2)]
