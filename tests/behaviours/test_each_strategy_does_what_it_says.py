"""R12: what the error boundary does about an error: skip, retry, disable, throw; for each kind of definition."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, System, derivation, open_system
from directive_trio.errors import ConvergenceError
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, seen, types, work_module


@define
class Facts:
    value: int = 0
    other: int = 0


@frozen
class Meet:
    name: str = ""


class OwnError(Exception):
    """What the user's code raises."""


def failing(kind: str, name: str = "m") -> tuple[Module[Facts], list[int]]:
    """A module in which one definition of that kind fails, whenever it runs; and where the runs are counted."""
    module = Module(name, Facts)
    runs: list[int] = []

    def fail(facts: Facts) -> None:
        runs.append(facts.value)
        raise OwnError(kind)

    async def fail_later(facts: Facts) -> None:
        runs.append(facts.value)
        await trio.sleep(0.1)
        raise OwnError(kind)

    if kind == "constraint":
        module.constraint(name="failing")(fail)
    elif kind == "async constraint":
        module.constraint(name="failing")(fail_later)
    elif kind == "effect":
        module.effect(name="failing")(fail)
    elif kind == "async effect":
        module.effect(name="failing")(fail_later)
    else:
        module.constraint(name="wanting")(lambda facts: Meet() if facts.value >= 0 else None)

        def meet(requirement: Meet, ctx: Context[Facts]) -> None:
            fail(ctx.facts)

        async def meet_later(requirement: Meet, ctx: Context[Facts]) -> None:
            await fail_later(ctx.facts)

        module.resolver(Meet, name="failing")(meet if kind == "sync resolver" else meet_later)
    return module, runs


KINDS = ["resolver", "sync resolver", "constraint", "async constraint", "effect", "async effect"]


def boundary(kind: str, strategy: Any, **more: Any) -> ErrorBoundary:
    """The boundary with one strategy for that kind."""
    more.setdefault("on_error", lambda *_: None)
    return ErrorBoundary(**{kind.rsplit(maxsplit=1)[-1]: strategy}, **more)


@pytest.mark.parametrize("kind", KINDS)
async def test_skip_leaves_it_until_something_changes(kind: str, autojump_clock: trio.abc.Clock) -> None:
    """It ran once, and once more for a change from outside; nothing else stops."""
    module, runs = failing(kind)
    log: list[Observation] = []
    async with open_system(module, errors=boundary(kind, "skip")) as system:
        system.observe(log.append)
        await system.settle()
        assert runs == [0]
        system[module].value = 1
        await system.settle()
        assert runs == [0, 1]
        assert system.state == "running"
    assert [(one.id, str(one.error), one.strategy) for one in seen(log, "error.recovery")] == [
        ("m::failing", kind, "skip")
    ] * 2


@pytest.mark.parametrize("kind", KINDS)
async def test_disable_switches_it_off(kind: str, autojump_clock: trio.abc.Clock) -> None:
    """A resolver's constraints, else the thing itself: it runs no more, until it is enabled."""
    module, runs = failing(kind)
    async with open_system(module, errors=boundary(kind, "disable")) as system:
        await system.settle()
        system[module].value = 1
        await system.settle()
        assert runs == [0]
        system.enable("m::wanting" if "resolver" in kind else "m::failing")
        await system.settle()
        assert runs == [0, 1]


@pytest.mark.parametrize("kind", KINDS)
async def test_throw_leaves_the_block_and_stops_the_system(kind: str, autojump_clock: trio.abc.Clock) -> None:
    """In a group of one level with the very error in it; the body is cancelled."""
    module, _ = failing(kind)
    log: list[Observation] = []
    with pytest.raises(ExceptionGroup) as caught:
        async with open_system(module, errors=boundary(kind, "throw")) as system:
            system.observe(log.append)
            await trio.sleep_forever()
    assert [repr(error) for error in caught.value.exceptions] == [f"OwnError({kind!r})"]
    assert system.state == "destroyed"
    assert types(log, "system.st", "system.d") == ["system.stop", "system.destroy"]


@pytest.mark.parametrize("kind", KINDS)
async def test_throw_leaves_the_nursery_of_a_host(kind: str, autojump_clock: trio.abc.Clock) -> None:
    """The system has stopped, in order, and may be started again."""
    module, runs = failing(kind)
    system = System(module, errors=boundary(kind, lambda *_: "throw" if len(runs) < 2 else "skip"))
    with pytest.raises(ExceptionGroup) as caught:
        async with trio.open_nursery() as nursery:
            system.start(nursery)
    assert caught.group_contains(OwnError, depth=1)
    assert system.state == "stopped"
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        await system.settle()
        await system.stop_async()
    assert runs == [0, 0]


@pytest.mark.parametrize("kind", KINDS)
async def test_who_waits_for_settlement_adds_no_error_of_its_own(kind: str, autojump_clock: trio.abc.Clock) -> None:
    """Though a run takes its time to end: the nursery cancels the wait, and the thrown error comes out alone."""

    async def stubborn(job: Job, ctx: Ctx) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(10)

    module, _ = failing(kind)
    work = work_module(stubborn)
    with pytest.raises(ExceptionGroup) as caught:
        async with open_system(
            work, module, errors=boundary(kind, "throw"), initial={"work": {"wanted": "a"}}
        ) as system:
            await system.settle(timeout=None)
    assert [repr(error) for error in caught.value.exceptions] == [f"OwnError({kind!r})"]


async def test_throw_out_of_a_ring_of_effects_leaves_the_block(autojump_clock: trio.abc.Clock) -> None:
    """R7: the guard's error goes to the boundary like any other."""
    module = Module("m", Facts)

    @module.effect
    def climb(facts: Facts) -> None:
        facts.value += 1

    with pytest.raises(ExceptionGroup) as caught:
        async with open_system(module, errors=boundary("effect", "throw")):
            await trio.sleep_forever()
    assert caught.group_contains(ConvergenceError, depth=1)


async def test_throw_out_of_a_cleanup_at_stop_leaves_the_block_too(autojump_clock: trio.abc.Clock) -> None:
    """It is raised when everything has ended."""
    module = Module("m", Facts)

    @module.effect
    def effect(facts: Facts) -> Callable[[], object]:
        return lambda: int("x")

    with pytest.raises(ExceptionGroup) as caught:
        async with open_system(module, errors=boundary("effect", "throw")) as system:
            await system.settle()
    assert caught.group_contains(ValueError, depth=1)
    assert system.state == "destroyed"


async def test_throw_out_of_a_cleanup_when_an_effect_is_disabled_leaves_with_the_next_pass(
    autojump_clock: trio.abc.Clock,
) -> None:
    """Not in the face of whoever disabled it."""
    module = Module("m", Facts)

    @module.effect
    def effect(facts: Facts) -> Callable[[], object]:
        return lambda: int("x")

    with pytest.raises(ExceptionGroup) as caught:
        async with open_system(module, errors=boundary("effect", "throw")) as system:
            await system.settle()
            system.disable("m::effect")
            assert not system.is_settled
            await trio.sleep_forever()
    assert caught.group_contains(ValueError, depth=1)


async def test_retry_runs_again_at_once_at_most_ten_times_in_a_row(autojump_clock: trio.abc.Clock) -> None:
    """Eleven runs in all, no time between them; a change from outside begins a new row."""
    runs: list[str] = []

    async def do(job: Job, ctx: Ctx) -> None:
        runs.append(ctx.facts.note)
        raise OwnError

    module = work_module(do)
    module.constraint(name="noted")(lambda facts: Job(facts.wanted) if facts.note != "x" and facts.wanted else None)
    async with open_system(module, initial={"work": {"wanted": "a"}}, errors=boundary("resolver", "retry")) as system:
        start = trio.current_time()
        await system.settle()
        assert trio.current_time() == start
        assert len(runs) == 11
        system[module].note = "again"
        await system.settle()
        assert len(runs) == 22


async def test_a_success_begins_a_new_row(autojump_clock: trio.abc.Clock) -> None:
    """Ten in a row means in a row."""
    runs: list[str] = []

    async def do(job: Job, ctx: Ctx) -> None:
        runs.append(job.name)
        if runs.count(job.name) <= 10:
            raise OwnError
        ctx.facts.done = job.name

    module = work_module(do)
    async with open_system(module, errors=boundary("resolver", "retry")) as system:
        for name in ("a", "b"):
            system[module].wanted = name
            await system.settle()
            assert system[module].done == name


async def test_a_derivation_that_raises_in_a_watcher_has_its_own_strategy(autojump_clock: trio.abc.Clock) -> None:
    """A pass has no caller to take it: throw leaves the system."""

    @define
    class Dividing:
        value: int = 1

        @derivation
        def share(self) -> float:
            return 1 / self.value

    module = Module("m", Dividing)
    with pytest.raises(ExceptionGroup) as caught:
        async with open_system(module, errors=boundary("derivation", "throw")) as system:
            system.watch("m::share", lambda new, old: None)
            system[module].value = 0
            await trio.sleep_forever()
    assert "derivation 'm::share' raised" in str(caught.value.exceptions[0])


async def test_errors_of_one_never_stop_others(autojump_clock: trio.abc.Clock) -> None:
    """With everything failing, a resolver beside it is served."""
    modules = [failing(kind, kind.replace(" ", "_"))[0] for kind in KINDS]

    async def do(job: Job, ctx: Ctx) -> None:
        ctx.facts.done = job.name

    work = work_module(do)
    async with open_system(work, *modules, errors=ErrorBoundary(on_error=lambda *_: None)) as system:
        system[work].wanted = "a"
        await system.settle()
        assert system[work].done == "a"
