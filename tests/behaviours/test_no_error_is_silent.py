"""R12: an error with neither ``on_error`` nor a logging plugin is logged to the ``directive_trio`` logger."""

import logging

import pytest
import trio
from attrs import define

from directive_trio import ErrorBoundary, Module, open_system
from directive_trio.abc import Plugin
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, work_module


class Logging(Plugin):
    """Says that it logs errors."""

    logs_errors = True

    def observe(self, observation: Observation, /) -> None: ...


class Silent(Plugin):
    """Does not."""

    def observe(self, observation: Observation, /) -> None: ...


async def fail(job: Job, ctx: Ctx) -> None:
    """What a resolver does here."""
    raise ValueError("own")


@pytest.mark.parametrize("plugins", [[], [Silent()]])
async def test_it_is_logged_where_nobody_else_tells(
    plugins: list[Plugin], autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """With kind, name and traceback, once."""
    async with open_system(work_module(fail), initial={"work": {"wanted": "a"}}, plugins=plugins) as system:
        await system.settle()
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("directive_trio", logging.ERROR)
    assert record.getMessage() == "resolver work::do: ValueError('own')"
    assert record.exc_info is not None


async def test_on_error_hears_of_it_instead(autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture) -> None:
    """With the error and the name of the definition."""
    heard: list[tuple[str, str]] = []
    boundary = ErrorBoundary(on_error=lambda error, name: heard.append((str(error), name)))
    async with open_system(work_module(fail), initial={"work": {"wanted": "a"}}, errors=boundary) as system:
        await system.settle()
    assert heard == [("own", "work::do")]
    assert not caplog.records


async def test_a_plugin_that_logs_errors_does_it_instead(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is logged twice."""
    plugins = [Silent(), Logging()]
    async with open_system(work_module(fail), initial={"work": {"wanted": "a"}}, plugins=plugins) as system:
        await system.settle()
    assert not caplog.records


@define
class Thoughts:
    about: int = 0


def thinking(raised: list[str]) -> Module[Thoughts]:
    """An async constraint that thinks for a second and raises, also when it is cancelled."""
    module = Module("m", Thoughts)

    @module.constraint
    async def think(facts: Thoughts) -> Job | None:
        about = facts.about
        try:
            await trio.sleep(1)
        finally:
            raised.append(f"m::think: ValueError({about})")
            raise ValueError(about)

    return module


@pytest.mark.parametrize("how", ["stop", "another question", "switch off", "unregister"])
async def test_what_is_raised_when_nobody_waits_for_it_any_more_is_told(
    how: str, autojump_clock: trio.abc.Clock
) -> None:
    """An async constraint raises in the very tick in which its answer ceases to count."""
    heard: list[str] = []
    raised: list[str] = []
    module = thinking(raised)
    boundary = ErrorBoundary(on_error=lambda error, name: heard.append(f"{name}: {error!r}"))
    async with open_system(module, errors=boundary) as system:
        await trio.sleep(1)
        if how == "stop":
            await system.stop_async()
        elif how == "another question":
            system[module].about = 1
            await system.settle()
        elif how == "switch off":
            system.disable("m::think")
            await system.settle()
        else:
            system.unregister(module)
            await system.settle()
    assert heard == raised
    assert len(raised) == 1 + (how == "another question")
