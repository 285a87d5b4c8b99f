"""Section 7, R10: when the block is left no task, no timer and no observer of the system is left."""

import gc
import weakref

import pytest
import trio

from directive_trio import ErrorBoundary, Module, Retry, System, open_system
from directive_trio.abc import Plugin
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, WorkFacts, all_tasks, types, work_module


class Running(Plugin):
    """A plugin with a task."""

    def observe(self, observation: Observation, /) -> None: ...

    async def run(self, system: System, /) -> None:
        await trio.sleep_forever()


def busy() -> Module[WorkFacts]:
    """A run with a timeout, one in its backoff, an async constraint, an async effect."""

    async def do(job: Job, ctx: Ctx) -> None:
        if job.name == "fail":
            raise ValueError
        await trio.sleep_forever()

    module = work_module(do, timeout=1000, retry=Retry(5, initial_delay=500, max_delay=500))
    module.constraint(name="failing")(lambda facts: Job("fail"))

    @module.constraint(timeout=1000)
    async def think(facts: WorkFacts) -> None:
        await trio.sleep_forever()

    @module.effect
    async def follow(facts: WorkFacts) -> None:
        await trio.sleep_forever()

    return module


class OwnError(Exception):
    """What a body raises."""


@pytest.mark.parametrize("how", ["return", "raise", "cancel", "stop before", "destroy before"])
async def test_however_it_is_left(how: str, autojump_clock: trio.abc.Clock) -> None:
    """By its end, an error, a cancellation, after a stop: nothing goes on, and time does not matter."""
    log: list[Observation] = []
    before = all_tasks()
    start = trio.current_time()
    systems: list[System] = []
    try:
        with trio.move_on_after(5):
            async with open_system(busy(), initial={"work": {"wanted": "a"}}, plugins=[Running()]) as system:
                systems.append(system)
                system.observe(log.append)
                await trio.sleep(1)
                if how == "raise":
                    _fail()
                if how == "cancel":
                    await trio.sleep_forever()
                if how == "stop before":
                    await system.stop_async()
                if how == "destroy before":
                    await system.destroy()
    except* OwnError:
        assert how == "raise"
    assert trio.current_time() == start + (5 if how == "cancel" else 1)
    assert all_tasks() == before
    assert types(log, "resolver.cancel") == ["resolver.cancel"] * 2
    assert log[-1].type == "system.destroy"
    assert systems[0].state == "destroyed"
    assert not systems[0].inspect().runs


async def test_no_observer_hears_anything_afterwards(autojump_clock: trio.abc.Clock) -> None:
    """Nor can one be added."""
    log: list[Observation] = []
    async with open_system(busy()) as system:
        remove = system.observe(log.append)
    heard = len(log)
    assert system[busy()].note == ""
    remove()
    assert len(log) == heard


async def test_a_system_nobody_holds_is_gone(autojump_clock: trio.abc.Clock) -> None:
    """No timer and no task keeps it alive."""
    async with open_system(busy(), initial={"work": {"wanted": "a"}}) as system:
        await trio.sleep(1)
    gone = weakref.ref(system)
    del system
    gc.collect()
    assert gone() is None


async def test_the_error_of_the_body_comes_out_in_a_group_of_one_level(autojump_clock: trio.abc.Clock) -> None:
    """It is a nursery: nothing is unwrapped, and nothing is wrapped twice."""
    error = OwnError("body")
    with pytest.raises(ExceptionGroup) as caught:
        async with open_system(busy()):
            raise error
    assert caught.value.exceptions == (error,)


async def test_the_error_of_the_body_and_a_thrown_one_come_out_together(autojump_clock: trio.abc.Clock) -> None:
    """The body is cancelled by the throw and raises something of its own."""

    async def do(job: Job, ctx: Ctx) -> None:
        raise OwnError("thrown")

    boundary = ErrorBoundary(resolver="throw", on_error=lambda *_: None)
    with pytest.raises(ExceptionGroup) as caught:
        async with open_system(work_module(do), initial={"work": {"wanted": "a"}}, errors=boundary):
            try:
                await trio.sleep_forever()
            finally:
                raise OwnError("body")
    assert sorted(str(error) for error in caught.value.exceptions) == ["body", "thrown"]


async def test_a_definition_error_is_no_group(autojump_clock: trio.abc.Clock) -> None:
    """What was declared wrongly is found before anything runs, and raised as it is."""
    with pytest.raises(ValueError, match="initial"):
        async with open_system(_broken()):
            raise AssertionError("it was opened")


def _fail() -> None:
    raise OwnError


def _broken() -> Module[WorkFacts]:
    module = Module("m", WorkFacts)

    def initialise(facts: WorkFacts) -> None:
        raise ValueError("initial")

    module.init(initialise)
    return module
