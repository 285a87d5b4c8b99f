"""R12, O1: a callback that looks sync and answers a coroutine is told so, and nothing of that runs."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, Retry, SourceLink, open_system


@define
class Facts:
    wanted: bool = False


@frozen
class Meet: ...


async def slow(*_: object) -> bool:
    """Never runs: who is called does not await."""
    raise AssertionError


def slyly(*given: object) -> Any:
    """Look sync, and answer a coroutine."""
    return slow(*given)


def failing(**options: Any) -> Module[Facts]:
    """A module whose resolver fails."""
    module = Module("m", Facts)
    module.constraint(name="asks")(lambda facts: Meet() if facts.wanted else None)

    @module.resolver(Meet, **options)
    async def fail(requirement: Meet, ctx: Context[Facts]) -> None:
        raise OSError("of the resolver")

    return module


def with_source(**options: Any) -> Module[Facts]:
    """A module with a source that fails."""
    module = Module("m", Facts)

    @module.source(**options)
    async def feed(link: SourceLink) -> None:
        raise OSError("of the source")

    return module


PLACES: dict[str, tuple[Callable[[], Module[Facts]], dict[str, Any], str]] = {
    "key": (lambda: failing(key=slyly), {}, "the key of a resolver returned"),
    "retry_if": (lambda: failing(retry=Retry(3, retry_if=slyly)), {}, "retry_if of 'm::fail' returned"),
    "strategy": (failing, {"resolver": slyly}, "the resolver strategy returned"),
    "on_error": (failing, {"on_error": slyly}, "on_error returned"),
    "on_recovery": (failing, {"on_recovery": slyly}, "on_recovery returned"),
    "retry_if of a source": (lambda: with_source(retry=Retry(3, retry_if=slyly)), {}, "retry_if of 'm::feed' returned"),
    "key of a source": (lambda: with_source(key=slyly), {}, "its key returned"),
    "observer": (failing, {}, "an observer returned"),
}


@pytest.mark.parametrize("place", PLACES)
async def test_it_is_refused(place: str, autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture) -> None:
    """With a sentence in the log; no attempt is repeated for it, and nobody warns of a coroutine later."""
    make, policy, sentence = PLACES[place]
    module = make()
    with caplog.at_level(logging.ERROR, logger="directive_trio"):
        async with open_system(module, errors=ErrorBoundary(**policy)) as system:
            if place == "observer":
                system.observe(slyly)
            system[module].wanted = True
            await trio.sleep(5)
            await system.settle()
            assert system.inspect().runs == ()
    told = "\n".join(record.getMessage() + str(record.exc_info and record.exc_info[1]) for record in caplog.records)
    assert f"{sentence} <coroutine object slow" in told
