"""R12: what the user's objects raise when they are printed or compared is nobody's end. R13: nor the timeout's."""

import logging

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, Retry, derivation, open_system
from directive_trio.errors import ConvergenceError, DefinitionError, DerivationError, SettleTimeoutError


class HostileError(Exception):
    """Cannot be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class Hostile:
    """Can be neither printed nor compared."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no judgement")

    __hash__ = object.__hash__


@define
class Facts:
    wanted: bool = False
    count: int = 0
    done: bool = False

    @derivation
    def broken(self) -> int:
        if self.count >= 0:
            raise HostileError
        return self.count


@frozen(repr=False)
class Job:
    """A requirement that cannot be printed."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


async def test_a_derivation_that_fails_without_words(autojump_clock: trio.abc.Clock) -> None:
    """R12: the constraint catches it, the run ends, and the comparison of its inputs breaks nothing."""
    module = Module("m", Facts)
    runs: list[int] = []

    @module.constraint
    def must(facts: Facts) -> Job | None:
        try:
            return Job() if facts.broken else None
        except DerivationError:
            return Job() if facts.wanted else None

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Facts]) -> None:
        runs.append(1)

    async with open_system(module) as system:
        system[module].wanted = True
        await system.settle()
        assert len(runs) == 1
        system[module].count = 1
        await system.settle()
        assert len(runs) == 1, "the same failure is no change"
        (broken,) = system.inspect().derivations
        assert broken.error == "a HostileError that cannot be printed"
        assert "a HostileError that cannot be printed" in str(system.explain("m::broken"))


async def test_a_settle_timeout_names_what_cannot_be_printed(autojump_clock: trio.abc.Clock) -> None:
    """R13: the error is the timeout's own."""
    module = Module("m", Facts)

    @module.constraint
    def must(facts: Facts) -> Job | None:
        return Job() if facts.wanted else None

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Facts]) -> None:
        await trio.sleep(10)

    async with open_system(module) as system:
        system[module].wanted = True
        with pytest.raises(SettleTimeoutError, match="a Job that cannot be printed"):
            await system.settle(timeout=1)
        assert "a Job that cannot be printed" in str(system.explain("m::must"))
        assert system.inspect().requirements[0].requirement == "a Job that cannot be printed"


async def test_a_ring_of_what_cannot_be_printed_is_named_all_the_same(autojump_clock: trio.abc.Clock) -> None:
    """R7: the guard trips, the resolver is paused, and the system goes on."""
    module = Module("m", Facts)
    errors: list[Exception] = []

    @module.constraint
    def must(facts: Facts) -> Job | None:
        return Job() if facts.wanted and facts.count >= 0 else None

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Facts]) -> None:
        ctx.facts.count += 1

    boundary = ErrorBoundary(on_error=lambda error, name: errors.append(error))
    async with open_system(module, errors=boundary) as system:
        system[module].wanted = True
        await system.settle()
        assert [type(error) for error in errors] == [ConvergenceError]


async def test_a_strategy_that_cannot_be_compared_counts_as_skip(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """R12: what is no strategy is reported, however it behaves."""
    module = Module("m", Facts)

    @module.constraint
    def must(facts: Facts) -> Job | None:
        return Job() if facts.wanted else None

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Facts]) -> None:
        raise OSError("no")

    boundary = ErrorBoundary(resolver=lambda error, name: Hostile())  # type: ignore[arg-type,return-value]
    with caplog.at_level(logging.CRITICAL):
        async with open_system(module, errors=boundary) as system:
            system[module].wanted = True
            await system.settle()
            assert system.inspect().requirements[0].state == "failed"


def test_what_is_no_duration_and_no_policy_is_refused() -> None:
    """R12: NaN is no duration, and a number is no Retry; said at the declaration, not in the middle of a run."""
    module = Module("m", Facts)
    nan = float("nan")
    with pytest.raises(DefinitionError, match="greater than 0"):
        module.resolver(Job, timeout=nan)
    with pytest.raises(DefinitionError, match="greater than 0"):
        module.constraint(timeout=nan)
    for wrong in ({"initial_delay": nan}, {"max_delay": nan}, {"attempts": nan}):
        with pytest.raises(DefinitionError):
            Retry(**wrong)  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match="expects a Retry"):
        ErrorBoundary(retry_later=3)  # type: ignore[arg-type]
