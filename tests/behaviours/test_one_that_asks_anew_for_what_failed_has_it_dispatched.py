"""R6: a constraint that has left a failed requirement and asks for it anew is a change, whatever it read before."""

import trio
from attrs import define, frozen

from directive_trio import Context, Module, open_system
from directive_trio.observe import Observation
from tests.behaviours.told import required, told

RUNS = ("resolver.start", "resolver.error")


@define
class Facts:
    stage: int = 1


@frozen
class Job:
    number: int


async def test_a_run_that_timed_out_is_wanted_again_because_another_run_has_written(
    autojump_clock: trio.abc.Clock,
) -> None:
    """R6, R10: the inputs of one that left while the run was timing out are not remembered for its return.

    The first run of Job(0) is asked for by ``at_one`` and, once it has written its marker, by ``at_any`` too. It
    times out for good while it is self-satisfied, so the marker goes back in the same pass (R10): ``at_any`` asks
    for Job(1) instead, and Job(0) stands failed for ``at_one``, whose input is what it was at dispatch (R6: its own
    writes do not count). Then the run of Job(1), another one, writes the same marker. ``at_any`` asks for Job(0):
    its input is 3 where it was 1 when Job(0) was dispatched and when it failed, and by another's write. So the
    failed one is dispatched again at once. That ``at_any`` had seen that very 3 before, when the timed-out
    run had written it, says nothing: the write was taken back and counts for nobody.
    """
    module = Module("m", Facts)
    log: list[Observation] = []

    @module.constraint
    def at_any(facts: Facts) -> Job:
        return Job(1 if facts.stage == 1 else 0)

    @module.constraint
    def at_one(facts: Facts) -> Job | None:
        return Job(0) if facts.stage == 1 else None

    @module.resolver(Job, timeout=10)
    async def work(requirement: Job, ctx: Context[Facts]) -> None:
        await trio.sleep(1 + requirement.number)
        ctx.facts.stage = 3
        await trio.sleep_forever()

    async with open_system(module) as system:
        await trio.sleep(9)
        system.observe(log.append)
        await trio.sleep(2)
        assert required(log, *RUNS) == ["resolver.error Job(number=0)", "resolver.start Job(number=1)"]
        assert system[module].stage == 1
        await trio.sleep(2)
        assert required(log, *RUNS)[2:] == ["resolver.start Job(number=0)"]
        assert told(log, "resolver.cancel") == []
