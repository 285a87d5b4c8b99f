"""R1 and R2: a thousand constraints that become active at once are one pass, and nothing of them stays."""

import trio
from attrs import define, field, frozen
from trio.testing import MockClock

from directive_trio import Context, Module, open_system
from directive_trio.observe import Observation, ReconcileEnd

COUNT = 1000


@define
class Facts:
    wanted: bool = False
    met: frozenset[int] = field(factory=frozenset)


@frozen
class Job:
    number: int


jobs = Module("jobs", Facts)


def declare(number: int) -> None:
    @jobs.constraint(name=f"job_{number}")
    def job(facts: Facts) -> Job | None:
        return Job(number) if facts.wanted else None


for number in range(COUNT):
    declare(number)


@jobs.resolver(Job)
async def work(requirement: Job, ctx: Context[Facts]) -> None:
    await trio.sleep(1)
    ctx.facts.met = ctx.snapshot().met | {requirement.number}


async def test_all_of_them_start_in_the_pass_of_the_change_and_no_task_is_left(autojump_clock: MockClock) -> None:
    """R2: one pass starts a thousand runs; when they have ended the system has as many tasks as before."""
    log: list[Observation] = []
    async with open_system(jobs) as system:
        await system.settle()
        before = trio.lowlevel.current_statistics().tasks_living
        system.observe(log.append)
        system[jobs].wanted = True
        await system.settle()
        assert [entry.started for entry in log if isinstance(entry, ReconcileEnd) and entry.started] == [COUNT]
        assert system[jobs].met == frozenset(range(COUNT))
        assert trio.lowlevel.current_statistics().tasks_living == before
        assert not system.inspect().runs
