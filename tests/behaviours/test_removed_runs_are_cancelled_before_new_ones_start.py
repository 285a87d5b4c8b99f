"""R1, R10: in one pass what is no longer wanted is cancelled before what is wanted anew starts."""

import trio

from directive_trio import open_system
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, work_module


async def test_the_old_signal_is_aborted_when_the_new_run_starts(autojump_clock: trio.abc.Clock) -> None:
    """The observers of the start see the abortion of the other one done."""
    order: list[str] = []

    async def do(job: Job, ctx: Ctx) -> None:
        ctx.signal.on_abort(lambda reason: order.append(f"abort {job.name}, {reason}"))
        await trio.sleep_forever()

    def look(observation: Observation) -> None:
        if observation.type == "resolver.start":
            order.append(f"start {observation.requirement.name}")  # type: ignore[attr-defined]  # that type has it

    module = work_module(do)
    async with open_system(module) as system:
        system.observe(look)
        system[module].wanted = "a"
        await trio.sleep(1)
        system[module].wanted = "b"
        await trio.sleep(1)
        assert order == ["start a", "abort a, superseded", "start b"]


async def test_a_run_that_was_cancelled_before_its_first_step_never_begins(autojump_clock: trio.abc.Clock) -> None:
    """Its task was started in this pass and is cancelled in the next, before trio gave it a turn: one outcome."""
    begun: list[str] = []
    cancelled: list[bool] = []

    async def do(job: Job, ctx: Ctx) -> None:
        begun.append(job.name)
        ctx.facts.done = job.name

    module = work_module(do)
    async with open_system(module) as system:

        class AtOnce(trio.abc.Instrument):
            def after_task_step(self, task: trio.lowlevel.Task) -> None:
                if system.inspect().runs:
                    cancelled.append(system.cancel(Job("a")))

        trio.lowlevel.add_instrument(AtOnce())
        system[module].wanted = "a"
        await system.settle()
    assert not begun
    assert cancelled[0]
