"""R6, R8: a blocked producer is waited for, unless what blocks it is the requirement that is to be decided."""

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, open_system
from directive_trio.observe import Observation
from tests.behaviours.worker import types


@define
class Facts:
    first: bool = False
    second: bool = True
    done: bool = False


@frozen
class Job: ...


@pytest.mark.parametrize("between", [False, True])
async def test_a_later_one_that_asks_for_the_same(autojump_clock: trio.abc.Clock, between: bool) -> None:
    """Directly after the other producer, or after one that is blocked by it: the end of the run is judged at once."""
    module = Module("m", Facts)
    module.constraint(name="a")(lambda facts: Job() if facts.first and not facts.done else None)
    module.constraint(name="middle", after=["a"])(lambda facts: None)
    module.constraint(name="b", after=["middle" if between else "a"])(
        lambda facts: Job() if facts.second and not facts.done else None
    )

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Facts]) -> None:
        await trio.sleep(1)  # and satisfies nobody

    log: list[Observation] = []
    async with open_system(module) as system:
        system.observe(log.append)
        await trio.sleep(0.5)
        system[module].first = True  # joins the run that the later one has asked for
        await system.settle()
        assert types(log, "resolver.complete", "requirement.unsatisfied") == [
            *("resolver.complete", "requirement.unsatisfied")
        ]
        assert [wanted.state for wanted in system.inspect().requirements] == ["unsatisfied"]
        system[module].done = True
        await system.settle()
        assert system.inspect().requirements == ()
