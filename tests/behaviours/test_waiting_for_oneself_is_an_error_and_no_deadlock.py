"""R13: settle, stop_async and destroy raise at once where they could never return: inside the same system."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from directive_trio import Module, System, open_system
from directive_trio.abc import Plugin
from directive_trio.errors import LifecycleError
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, WorkFacts, work_module

Call = Callable[[System], Awaitable[None]]
CALLS: dict[str, Call] = {
    "settle": lambda system: system.settle(),
    "stop_async": lambda system: system.stop_async(),
    "destroy": lambda system: system.destroy(),
}


class Holder:
    """Where the code inside finds its system, and notes what came of the call."""

    def __init__(self, call: str) -> None:
        self.call = call
        self.system: Any = None
        self.errors: list[str] = []

    async def wait(self) -> None:
        try:
            await CALLS[self.call](self.system)
        except LifecycleError as error:
            self.errors.append(str(error))


class Waiting(Plugin):
    """A plugin that waits for its system."""

    def __init__(self, holder: Holder) -> None:
        self.holder = holder

    def observe(self, observation: Observation, /) -> None: ...

    async def run(self, system: System, /) -> None:
        self.holder.system = system
        await self.holder.wait()


def inside(place: str, holder: Holder) -> Module[WorkFacts]:
    """A module in which the code at that place waits for its own system."""

    async def do(job: Job, ctx: Ctx) -> None:
        if place == "resolver":
            await holder.wait()
        elif place == "child task":
            async with trio.open_nursery() as nursery:
                nursery.start_soon(grandchild)
        ctx.facts.done = job.name

    async def grandchild() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(holder.wait)

    module = work_module(do)
    if place == "effect":

        @module.effect
        async def follow(facts: WorkFacts) -> None:
            await holder.wait()

    if place == "constraint":

        @module.constraint
        async def think(facts: WorkFacts) -> None:
            await holder.wait()

    return module


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("place", ["resolver", "child task", "effect", "constraint", "plugin"])
async def test_it_raises_at_once(place: str, call: str, autojump_clock: trio.abc.Clock) -> None:
    """The error names the operation and why."""
    holder = Holder(call)
    plugins = [Waiting(holder)] if place == "plugin" else []
    async with open_system(inside(place, holder), plugins=plugins) as system:
        holder.system = system
        system["work"].wanted = "a"
        await system.settle(timeout=1)
    assert holder.errors == [
        f"cannot {call} while the system is running; called from inside it, where it could never return"
    ]


@pytest.mark.parametrize("state", ["new", "stopping", "stopped", "destroyed"])
async def test_settle_raises_in_any_state_but_running(state: str, autojump_clock: trio.abc.Clock) -> None:
    """It names the state."""

    async def do(job: Job, ctx: Ctx) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(1)

    system = System(work_module(do), initial={"work": {"wanted": "a"}})
    async with trio.open_nursery() as nursery:
        if state != "new":
            system.start(nursery)
            await trio.sleep(0.5)
            system.stop()
        if state in ("stopped", "destroyed"):
            await system.stop_async()
        if state == "destroyed":
            await system.destroy()
        with pytest.raises(LifecycleError, match=f"cannot settle while the system is {state}"):
            await system.settle()
    assert state != "new" or system.state == "new"


async def test_other_tasks_of_the_host_may_wait(autojump_clock: trio.abc.Clock) -> None:
    """A neighbour in the same nursery is no part of the system, nor is whoever runs it."""

    async def do(job: Job, ctx: Ctx) -> None:
        await trio.sleep(1)
        ctx.facts.done = job.name

    module = work_module(do)
    system = System(module, initial={"work": {"wanted": "a"}})
    async with trio.open_nursery() as nursery:
        await nursery.start(system.run)
        nursery.start_soon(system.settle)
        await system.settle()
        await system.stop_async()
    assert system[module].done == "a"


async def test_a_run_may_ask_for_the_stop_of_its_own_system(autojump_clock: trio.abc.Clock) -> None:
    """`stop` only asks: the run is cancelled with it."""

    async def do(job: Job, ctx: Ctx) -> None:
        system.stop()
        await trio.sleep_forever()

    async with open_system(work_module(do), initial={"work": {"wanted": "a"}}) as system:
        await trio.sleep(1)
        assert system.state == "stopped"
