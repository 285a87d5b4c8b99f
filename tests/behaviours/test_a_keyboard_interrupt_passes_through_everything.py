"""R10: KeyboardInterrupt and SystemExit pass through everything: no boundary takes them, nothing is left behind."""

from collections.abc import Callable
from typing import Any

import pytest
import trio

from directive_trio import ErrorBoundary, Module, Retry, SourceLink, System, open_system
from directive_trio.abc import Plugin
from directive_trio.errors import LifecycleError
from directive_trio.observe import Observation
from tests.behaviours.feeds import Line, Tick, feed_module
from tests.behaviours.worker import Ctx, Job, WorkFacts, all_tasks, work_module


class Interrupting(Plugin):
    """A plugin whose task is interrupted."""

    def observe(self, observation: Observation, /) -> None: ...

    async def run(self, system: System, /) -> None:
        await trio.sleep(1)
        raise KeyboardInterrupt


def with_resolver(do: Callable[[Job, Ctx], Any], **options: Any) -> Module[WorkFacts]:
    """A module, wanted from the beginning."""
    module = work_module(do, **options)
    module.init(lambda facts: setattr(facts, "wanted", "a"))
    return module


def interrupted_at(place: str, error: type[BaseException]) -> Module[WorkFacts]:
    """A module in which user code raises *error*, and others that must end all the same."""

    def stop(*_: Any) -> Any:
        raise error

    async def stop_later(*_: Any) -> None:
        await trio.sleep(1)
        raise error

    async def in_a_nursery(job: Job, ctx: Ctx) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop_later)
            nursery.start_soon(trio.sleep_forever)

    async def in_a_callback(job: Job, ctx: Ctx) -> None:
        ctx.signal.on_abort(stop)
        await trio.sleep_forever()

    async def forever(job: Job, ctx: Ctx) -> None:
        await trio.sleep_forever()

    resolvers: dict[str, Callable[[Job, Ctx], Any]] = {
        "resolver": stop_later,
        "sync resolver": stop,
        "nursery in a resolver": in_a_nursery,
        "timeout callback": in_a_callback,
        "abort callback": in_a_callback,
        "abort callback in a pass": in_a_callback,
    }
    options: dict[str, Any] = {"timeout": 2} if place == "timeout callback" else {}
    if place == "second attempt":
        options = {"retry": Retry(2)}

        def second(job: Job, ctx: Ctx) -> None:
            if ctx.attempt == 2:
                raise error
            raise ValueError

        resolvers[place] = second
    module = with_resolver(resolvers.get(place, forever), **options)
    match place:
        case "constraint" | "async constraint":
            module.constraint(name="stop")(stop if place == "constraint" else stop_later)
        case "effect" | "async effect":
            module.effect(name="stop")(stop if place == "effect" else stop_later)
        case "cleanup":
            module.effect(name="stop")(lambda facts: stop)

    @module.effect
    async def beside(facts: WorkFacts) -> None:
        await trio.sleep_forever()

    return module


PLACES = [
    "resolver",
    "sync resolver",
    "second attempt",
    "nursery in a resolver",
    "timeout callback",
    "abort callback",
    "abort callback in a pass",
    "constraint",
    "async constraint",
    "effect",
    "async effect",
    "cleanup",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
async def test_it_leaves_the_block(place: str, error: type[BaseException], autojump_clock: trio.abc.Clock) -> None:
    """In the group that the nursery makes of it; the boundary never sees it."""
    module = interrupted_at(place, error)
    taken: list[BaseException] = []
    boundary = ErrorBoundary(on_error=lambda raised, _: taken.append(raised))
    before = all_tasks()
    with pytest.raises(BaseExceptionGroup) as caught:
        async with open_system(module, errors=boundary) as system:
            await trio.sleep(5)
            if place == "abort callback in a pass":
                system[module].wanted = ""
            await trio.sleep(5)
    assert caught.group_contains(error)
    assert not any(isinstance(one, error) for one in taken)
    assert system.state == "destroyed"
    assert all_tasks() == before


@pytest.mark.parametrize("place", PLACES)
async def test_it_leaves_the_nursery_of_a_host(place: str, autojump_clock: trio.abc.Clock) -> None:
    """And the system has stopped."""
    system = System(interrupted_at(place, KeyboardInterrupt))
    with pytest.raises(BaseExceptionGroup) as caught:
        async with trio.open_nursery() as nursery:
            system.start(nursery)
            await trio.sleep(10)
            await system.stop_async()
    assert caught.group_contains(KeyboardInterrupt)
    assert system.state == "stopped"


@pytest.mark.parametrize("kind", ["resolver.start", "resolver.cancel", "system.settled", "system.stop", "fact.change"])
async def test_it_leaves_the_block_from_an_observer_too(kind: str, autojump_clock: trio.abc.Clock) -> None:
    """Wherever the engine tells something."""

    async def do(job: Job, ctx: Ctx) -> None:
        if job.name == "a":
            ctx.facts.done = job.name
        await trio.sleep(1)

    def look(observation: Observation) -> None:
        if observation.type == kind:
            raise KeyboardInterrupt

    module = with_resolver(do)
    before = all_tasks()
    with pytest.raises(BaseExceptionGroup) as caught:
        async with open_system(module) as system:
            system.observe(look)
            await trio.sleep(5)
            system[module].wanted = "b"
            await trio.sleep(0.5)
    assert caught.group_contains(KeyboardInterrupt)
    assert all_tasks() == before


async def test_it_keeps_no_other_run_from_being_cancelled(autojump_clock: trio.abc.Clock) -> None:
    """Two are cancelled in one pass, and a callback of the first is interrupted: the second ends all the same."""
    ended: list[str] = []

    def interrupt(reason: object) -> None:
        raise KeyboardInterrupt

    async def do(job: Job, ctx: Ctx) -> None:
        if job.name == "a":
            ctx.signal.on_abort(interrupt)
        try:
            await trio.sleep_forever()
        finally:
            ended.append(job.name)

    module = with_resolver(do)
    module.constraint(name="other")(lambda facts: Job("b") if facts.wanted else None)
    with pytest.raises(BaseExceptionGroup) as caught:
        async with open_system(module) as system:
            await trio.sleep(1)
            system[module].wanted = ""
            await trio.sleep(1)
    assert caught.group_contains(KeyboardInterrupt)
    assert sorted(ended) == ["a", "b"]


async def test_it_leaves_the_block_from_the_task_of_a_plugin(autojump_clock: trio.abc.Clock) -> None:
    """A plugin's errors are its own; an interrupt is not."""
    with pytest.raises(BaseExceptionGroup) as caught:
        async with open_system(interrupted_at("", KeyboardInterrupt), plugins=[Interrupting()]):
            await trio.sleep(10)
    assert caught.group_contains(KeyboardInterrupt)


async def test_it_comes_out_of_a_dispatch_to_whoever_dispatched(autojump_clock: trio.abc.Clock) -> None:
    """A handler runs in the caller's stack; its writes are undone."""
    module = Module("m", WorkFacts)

    @module.on(Job)
    def interrupted(facts: WorkFacts, event: Job) -> None:
        facts.note = "written"
        raise KeyboardInterrupt

    async with open_system(module) as system:
        with pytest.raises(KeyboardInterrupt):
            system.dispatch(Job("a"))
        assert system[module].note == ""


class InterruptingAt(Plugin):
    """A plugin that is interrupted when it is told something."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def observe(self, observation: Observation, /) -> None:
        if observation.type == self.kind:
            raise KeyboardInterrupt


def interrupted_at_its_start(place: str) -> System:
    """A system that is interrupted while it starts: by whom it tells, or where a source is asked for its key."""

    async def forever(link: SourceLink) -> None:
        await trio.sleep_forever()

    def key(facts: WorkFacts) -> None:
        raise KeyboardInterrupt

    module = work_module(lambda job, ctx: None)
    module.source(name="first")(forever)
    if place == "key of a source":
        module.source(name="second", key=key)(forever)
    return System(module, plugins=[InterruptingAt(place)])


@pytest.mark.parametrize("place", ["system.start", "key of a source"])
async def test_an_interrupt_while_it_starts_ends_it(place: str, autojump_clock: trio.abc.Clock) -> None:
    """In the nursery of a host, whose call of `start` raises it; the system ends on its own."""
    system = interrupted_at_its_start(place)
    before = all_tasks()
    async with trio.open_nursery() as nursery:
        with pytest.raises(KeyboardInterrupt):
            system.start(nursery)
        with pytest.raises(LifecycleError):
            system.start(nursery)
    assert system.state == "stopped"
    assert all_tasks() == before


@pytest.mark.parametrize("place", ["system.start", "key of a source"])
async def test_an_interrupt_while_run_starts_ends_it(place: str, autojump_clock: trio.abc.Clock) -> None:
    """In a task of its own."""
    system = interrupted_at_its_start(place)
    before = all_tasks()
    with pytest.raises(BaseExceptionGroup) as caught:
        async with trio.open_nursery() as nursery:
            await nursery.start(system.run)
    assert caught.group_contains(KeyboardInterrupt)
    assert system.state == "stopped"
    assert all_tasks() == before


@pytest.mark.parametrize("place", ["system.start", "system.stop", "system.destroy"])
async def test_an_interrupt_at_either_end_leaves_the_block(place: str, autojump_clock: trio.abc.Clock) -> None:
    """`open_system` starts, stops and destroys."""
    before = all_tasks()
    with pytest.raises(BaseException) as caught:  # noqa: PT011  # alone or in a group
        async with open_system(work_module(lambda job, ctx: None), plugins=[InterruptingAt(place)]) as system:
            await system.settle()
    alone = isinstance(caught.value, KeyboardInterrupt)
    assert alone or (isinstance(caught.value, BaseExceptionGroup) and caught.group_contains(KeyboardInterrupt))
    assert all_tasks() == before


async def test_an_interrupt_at_the_end_of_an_eviction_wakes_who_waits(autojump_clock: trio.abc.Clock) -> None:
    """Also one who waits outside the nursery of the system, where somebody takes the interrupt."""
    system = System(work_module(lambda job, ctx: None), plugins=[InterruptingAt("system.destroy")])

    async def host(task_status: trio.TaskStatus[System]) -> None:
        with pytest.raises(KeyboardInterrupt):
            await system.run(task_status=task_status)

    async with trio.open_nursery() as nursery:
        await nursery.start(host)
        await system.evict(trio.current_time() + 10)
        assert trio.current_time() < 1
    assert system.state == "destroyed"


async def test_an_interrupt_from_who_is_told_of_a_stop_does_not_undo_it(autojump_clock: trio.abc.Clock) -> None:
    """It comes out of ``stop`` to whoever has asked, and the system ends all the same."""

    def interrupt(seen: Observation) -> None:
        if seen.type == "source.drop":
            raise KeyboardInterrupt

    module, line = feed_module(), Line()
    module.source(coalesce="last_write_wins", name="line")(line)
    async with trio.open_nursery() as nursery:
        system: System = await nursery.start(System(module).run)
        system.observe(interrupt)
        await system.settle()
        line.link.publish(Tick())
        with pytest.raises(KeyboardInterrupt):
            system.stop()
    assert system.state == "stopped"
