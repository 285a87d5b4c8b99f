"""R12: an error with neither ``on_error`` nor a logging plugin is logged to the ``directive_trio`` logger."""

import logging

import pytest
import trio

from directive_trio import ErrorBoundary, open_system
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
