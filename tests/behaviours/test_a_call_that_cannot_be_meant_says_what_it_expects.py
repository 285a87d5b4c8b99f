"""Table 3.1: whoever calls a system with what it cannot take is told what it expects, and nothing has happened."""

from collections.abc import Callable
from math import nan
from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, System, derivation, open_system
from directive_trio.errors import UsageError


@define
class Facts:
    value: int = 0

    @derivation
    def double(self) -> int:
        return self.value * 2


@frozen
class Happened: ...


@frozen
class Job: ...


async def slow(*_: object) -> None: ...


def yielding(*_: object) -> Any:
    yield


def made() -> tuple[Any, Any]:
    """A system of which the type checker believes everything, and a resolver of it."""
    module = Module("m", Facts)
    module.on(Happened)(lambda facts, event: setattr(facts, "value", 1))
    module.constraint(name="rule")(lambda facts: None)
    resolver = module.resolver(Job, name="rule")(slow)
    return System(module), resolver


CALLS: list[tuple[str, Callable[[Any], Callable[..., object]], tuple[object, ...]]] = [
    ("system[...] expects a module or its name", lambda system: system.__getitem__, (5, None, Happened())),
    ("dispatch() expects an event (an instance", lambda system: system.dispatch, (5, None, Happened, {"a": 1})),
    ("require() expects a requirement", lambda system: system.require, (5, None, Job, "Job")),
    ("cancel() expects a requirement", lambda system: system.cancel, (5, None, Job, "Job")),
    ("enable() expects a constraint, a resolver", lambda system: system.enable, (5, None, Job(), made()[0])),
    ("disable() expects a constraint, a resolver", lambda system: system.disable, (5, None, Job(), made()[0])),
    ("a fact or derivation expects its name", lambda system: system.read, (5, None, Facts)),
    ("a fact or derivation expects its name", lambda system: system.touch, (5, None, Facts)),
    ("explain() expects a name", lambda system: system.explain, (5, None, Job, len)),
    ("observe() expects a sync function", lambda system: system.observe, (5, None, slow, yielding)),
    ("what is watched expects a name", lambda system: lambda it: system.watch(it, print), (5, None, slow, yielding)),
    ("what is watched expects a name", lambda system: system.changes, (5, None, slow, yielding)),
    ("watch(callback) expects a sync function", lambda system: lambda it: system.watch("m.value", it), (5, slow)),
    ("start() expects a nursery", lambda system: system.start, (5, None)),
]


@pytest.mark.parametrize(
    ("message", "call", "wrong"), [(message, call, one) for message, call, wrong in CALLS for one in wrong]
)
def test_a_call_with_what_it_cannot_take(message: str, call: Callable[[Any], Any], wrong: Any) -> None:
    """A sentence, and the system is as before."""
    system, _ = made()
    before = system.inspect()
    with pytest.raises(UsageError) as caught:
        call(system)(wrong)
    assert str(caught.value).startswith(message)
    assert ", got " in str(caught.value)
    assert system.inspect() == before
    assert system["m"].value == 0


def test_a_class_is_said_to_be_one() -> None:
    """The instance was meant."""
    system, _ = made()
    with pytest.raises(UsageError) as caught:
        system.dispatch(Happened)
    assert str(caught.value) == (
        "dispatch() expects an event (an instance of an attrs class) or a name, got the class Happened"
    )


def test_a_payload_belongs_to_a_name() -> None:
    """An event has its fields already."""
    system, _ = made()
    with pytest.raises(UsageError) as caught:
        system.dispatch(Happened(), {"value": 1})
    assert str(caught.value) == "dispatch() expects a payload only beside a name, got {'value': 1}"
    assert system["m"].value == 0


@pytest.mark.parametrize("wrong", [-1, nan, "5", True, []])
async def test_a_timeout_is_a_duration_or_none(wrong: Any, autojump_clock: trio.abc.Clock) -> None:
    """For `settle` and `wait_until`."""
    async with open_system(Module("m", Facts)) as system:
        with pytest.raises(UsageError, match=r"settle\(timeout=\) expects a duration in seconds, not negative, got"):
            await system.settle(wrong)
        with pytest.raises(UsageError, match=r"wait_until\(timeout=\) expects a duration in seconds"):
            await system.wait_until(lambda view: False, timeout=wrong)
        await system.settle()


@pytest.mark.parametrize("predicate", [5, None, slow, yielding])
async def test_a_predicate_is_a_sync_function(predicate: Any, autojump_clock: trio.abc.Clock) -> None:
    """It would hold at once: what an async function returns is true."""
    async with open_system(Module("m", Facts)) as system:
        with pytest.raises(UsageError, match=r"wait_until\(\) expects a sync function, got"):
            await system.wait_until(predicate)


async def test_a_callback_at_abort_is_a_sync_function(autojump_clock: trio.abc.Clock) -> None:
    """The run hears of it where it asks."""
    caught: list[str] = []
    module = Module("m", Facts)

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Facts]) -> None:
        for wrong in (5, slow):
            with pytest.raises(UsageError) as error:
                ctx.signal.on_abort(wrong)  # type: ignore[arg-type]  # what it is about
            caught.append(str(error.value))
        with pytest.raises(UsageError) as error:
            ctx.dispatch(5)  # type: ignore[arg-type]  # what it is about
        caught.append(str(error.value))

    async with open_system(module) as system:
        system.require(Job())
        await system.settle()
        with pytest.raises(UsageError, match=r"settle\(retries=\) expects True or False, got 1"):
            await system.settle(retries=1)  # type: ignore[arg-type]  # what it is about
        with pytest.raises(UsageError, match=r"system\[\.\.\.\] expects a module or its name, got 5"):
            await system.wait_until(lambda view: view[5])  # type: ignore[call-overload]
    assert caught == [
        "on_abort() expects a sync function, got 5",
        "on_abort() expects a sync function, got 'slow', which is async",
        "dispatch() expects an event (an instance of an attrs class), got 5",
    ]
