"""Section 7: a plugin may run a task beside the system; it fails alone, and ends when the system has stopped."""

from collections.abc import Awaitable, Callable

import pytest
import trio

from directive_trio import System, open_system
from directive_trio.abc import Plugin
from directive_trio.errors import DefinitionError
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, all_tasks, seen, types, work_module


async def slow(job: Job, ctx: Ctx) -> None:
    """A job of a second, with a clean-up."""
    try:
        await trio.sleep(1)
        ctx.facts.done = job.name
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(1)


class Running(Plugin):
    """A plugin with that task."""

    def __init__(self, run: Callable[[System], Awaitable[None]]) -> None:
        self.task = run
        self.heard: list[str] = []

    def observe(self, observation: Observation, /) -> None:
        self.heard.append(observation.type)

    async def run(self, system: System, /) -> None:
        await self.task(system)


class Listening(Plugin):
    """A plugin without a task."""

    def observe(self, observation: Observation, /) -> None: ...


async def _nothing(system: System) -> None:
    await trio.lowlevel.checkpoint()


async def test_it_hears_everything_from_the_making_on(autojump_clock: trio.abc.Clock) -> None:
    """To the end."""
    plugin = Running(_nothing)
    async with open_system(work_module(slow), plugins=[plugin]) as system:
        await system.settle()
    assert [kind for kind in plugin.heard if kind.startswith("system.")] == [
        "system.init",
        "system.start",
        "system.unsettled",
        "system.settled",
        "system.stop",
        "system.destroy",
    ]


async def test_its_task_runs_beside_the_system_and_outlives_the_runs(autojump_clock: trio.abc.Clock) -> None:
    """It is cancelled when they have ended: reason stopped; and it does not hold up settlement."""
    told: list[str] = []
    log: list[Observation] = []

    async def run(system: System) -> None:
        try:
            await trio.sleep_forever()
        except trio.Cancelled as cancelled:
            told.append(f"{cancelled.reason}, after {types(log, 'resolver.')[-1]}")
            raise

    before = all_tasks()
    module = work_module(slow)
    async with open_system(module, plugins=[Running(run), Listening()]) as system:
        system.observe(log.append)
        await system.settle()
        system[module].wanted = "a"
        await trio.sleep(0.5)
    assert told == ["stopped, after resolver.cancel"]
    assert all_tasks() == before


async def test_an_error_of_its_task_is_reported_and_nothing_else(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """The system goes on; the error is observed and logged."""

    async def run(system: System) -> None:
        await trio.sleep(0.5)
        raise ValueError("plugin")

    log: list[Observation] = []
    module = work_module(slow)
    async with open_system(module, initial={"work": {"wanted": "a"}}, plugins=[Running(run)]) as system:
        remove = system.observe(log.append)
        await system.settle()
        assert system[module].done == "a"
        remove()
    assert [(one.id, str(one.error)) for one in seen(log, "observer.error")] == [("Running", "plugin")]
    assert "plugin Running: ValueError('plugin')" in caplog.text


async def test_an_error_while_it_is_cancelled_is_reported_too(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Also one that comes in a group together with the cancellation."""

    async def fail() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("at the end")

    async def run(system: System) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)
            nursery.start_soon(trio.sleep_forever)

    async with open_system(work_module(slow), plugins=[Running(run)]) as system:
        await system.settle()
    assert "at the end" in caplog.text
    assert system.state == "destroyed"


async def test_it_runs_again_after_stop_and_start(autojump_clock: trio.abc.Clock) -> None:
    """One task for each life."""
    begun: list[System] = []

    async def run(system: System) -> None:
        begun.append(system)
        await trio.sleep_forever()

    system = System(work_module(slow), plugins=[Running(run)])
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            system.start(nursery)
            await system.settle()
            await system.stop_async()
    assert begun == [system, system]


async def test_the_task_it_has_by_default_does_nothing(autojump_clock: trio.abc.Clock) -> None:
    """Called by somebody who overrides it, it is a checkpoint."""
    with trio.testing.assert_checkpoints():
        await Listening().run(System(work_module(slow)))


def test_what_is_no_plugin_is_refused() -> None:
    """At once."""
    with pytest.raises(DefinitionError, match="plugins= expects plugins"):
        System(work_module(slow), plugins=[print])  # type: ignore[list-item]  # what it is about
