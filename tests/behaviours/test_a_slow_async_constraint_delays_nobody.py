"""R9: async constraints run as tasks beside the loop; a slow one delays nobody."""

import trio
from attrs import define, frozen

from directive_trio import Context, Module, open_system


@define
class Facts:
    asked: bool = False
    slow: str = ""
    quick: str = ""


@frozen
class Slow: ...


@frozen
class Quick: ...


def two_constraints(seconds: float) -> Module[Facts]:
    """One constraint takes its time, the other does not."""
    module = Module("m", Facts)

    @module.constraint(timeout=100)
    async def slow(facts: Facts) -> Slow | None:
        wanted = facts.asked and not facts.slow
        await trio.sleep(seconds)
        return Slow() if wanted else None

    @module.constraint
    def quick(facts: Facts) -> Quick | None:
        return Quick() if facts.asked and not facts.quick else None

    @module.resolver(Slow)
    async def meet_slow(requirement: Slow, ctx: Context[Facts]) -> None:
        ctx.facts.slow = f"{trio.current_time():g}"

    @module.resolver(Quick)
    async def meet_quick(requirement: Quick, ctx: Context[Facts]) -> None:
        ctx.facts.quick = f"{trio.current_time():g}"

    return module


async def test_a_sync_constraint_is_served_while_an_async_one_thinks(autojump_clock: trio.abc.Clock) -> None:
    """The quick one is met at once, the slow one when it has answered; both answers count for settlement."""
    module = two_constraints(50)
    async with open_system(module, initial={"m": {"asked": True}}) as system:
        start = trio.current_time()
        await system.settle(timeout=None)
        assert float(system[module].quick) == start
        assert float(system[module].slow) == start + 50


async def test_a_constraint_that_thinks_holds_up_settlement(autojump_clock: trio.abc.Clock) -> None:
    """The system is not settled while an answer is outstanding, though nothing else is."""
    module = two_constraints(50)
    async with open_system(module) as system:
        await trio.sleep(49)
        assert not system.is_settled
        await trio.sleep(2)
        assert system.is_settled
