"""F6, R12: a sync function that returns a coroutine has run nothing of it. It is refused, and the coroutine closed."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import ErrorBoundary, Module, System, open_system
from directive_trio.errors import ConstraintAnswerError, DefinitionError, DirectiveError, UsageError


@define
class Facts:
    value: int = 0
    other: int = 0


@frozen
class Happened: ...


@pytest.fixture(autouse=True)
def _nobody_warns() -> Iterator[None]:
    """A coroutine that is neither awaited nor closed warns when it is collected, here at once."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        yield
    assert [str(warning.message) for warning in found] == []


async def later(*_: object) -> None: ...


def yielding(*_: object) -> Iterator[None]:
    yield


async def streaming(*_: object) -> Any:
    yield


def leaving(function: Callable[..., Any]) -> Any:
    """A sync function that only calls *function*, so that its declaration cannot tell."""

    def leave(*given: object) -> Any:
        return function(*given)

    return leave


@pytest.mark.parametrize("function", [later, yielding, streaming])
def test_an_event_handler(function: Any) -> None:
    """Nothing of the event remains, and the system works on."""
    module = Module("m", Facts)

    @module.on(Happened)
    def first(facts: Facts, event: Happened) -> None:
        facts.value += 1

    module.on(Happened)(leaving(function))
    system = System(module)
    with pytest.raises(UsageError, match=r"event handler 'leave' returned .*; it must be sync"):
        system.dispatch(Happened())
    assert system[module].value == 0
    system[module].other = 1
    assert system[module] == Facts(0, 1)


def test_an_event_handler_may_return_anything_else() -> None:
    """What a lambda happens to return is nobody's business."""
    module: Any = Module("m", Facts)
    heard: list[object] = []

    @module.on(Happened)  # type: ignore[untyped-decorator]  # it is Any
    def hear(facts: Facts, event: Happened) -> int:
        heard.append(event)
        return 5

    System(module).dispatch(Happened())
    assert heard == [Happened()]


def test_an_init() -> None:
    """No system is made."""
    module = Module("m", Facts)
    module.init(leaving(later))
    with pytest.raises(DefinitionError, match="init 'leave' of 'm' returned <coroutine object later"):
        System(module)


def test_an_init_may_return_anything_else() -> None:
    """As a handler may."""
    module: Any = Module("m", Facts)
    module.init(lambda facts: 5)
    assert System(module)["m"].value == 0


async def reported(module: Module[Facts], act: Callable[[System], object] = lambda system: None) -> list[str]:
    """Run a system and return the errors that its boundary hears of."""
    errors: list[Exception] = []
    boundary = ErrorBoundary(on_error=lambda error, _: errors.append(error))
    async with open_system(module, errors=boundary) as system:
        await system.settle()
        act(system)
        system["m"].value = 1
        await system.settle()
    assert all(isinstance(error, DirectiveError) for error in errors)
    return [type(error).__name__ for error in errors]


async def test_a_cleanup(autojump_clock: trio.abc.Clock) -> None:
    """Declared async or not: an error of the effect, each time."""
    module = Module("m", Facts)

    @module.effect
    def look(facts: Facts) -> Any:
        return later if facts.value else leaving(later)

    assert await reported(module) == ["UsageError", "UsageError"]


async def test_the_callback_of_a_watcher(autojump_clock: trio.abc.Clock) -> None:
    """It is told all the same, and reported."""
    assert await reported(Module("m", Facts), lambda system: system.watch("m.value", leaving(later))) == ["UsageError"]


async def test_a_constraint(autojump_clock: trio.abc.Clock) -> None:
    """It answers a requirement, several or None."""
    module = Module("m", Facts)

    @module.constraint
    def ask(facts: Facts) -> Any:
        return later() if facts.value else None

    assert await reported(module) == [ConstraintAnswerError.__name__]


async def test_a_predicate(autojump_clock: trio.abc.Clock) -> None:
    """It would hold at once."""
    async with open_system(Module("m", Facts)) as system:
        with pytest.raises(UsageError, match="returned <coroutine object later"):
            await system.wait_until(leaving(later))
        with pytest.raises(UsageError, match="returned <coroutine object later"):
            system.watch(leaving(later), print)


async def test_the_predicate_of_an_effect(autojump_clock: trio.abc.Clock) -> None:
    """It does not hold."""
    module = Module("m", Facts)
    ran: list[object] = []
    module.effect(on=lambda facts: later(facts.value))(ran.append)  # type: ignore[arg-type, return-value]
    assert await reported(module) == ["UsageError", "UsageError"]
    assert ran == []
