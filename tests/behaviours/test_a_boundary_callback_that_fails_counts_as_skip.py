"""R12: a strategy function, ``on_error`` or ``on_recovery`` that raises or answers nonsense is reported: skip."""

from typing import Any

import pytest
import trio

from directive_trio import ErrorBoundary, open_system
from directive_trio.errors import DefinitionError
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, seen, work_module


async def recovery(boundary: ErrorBoundary) -> list[str]:
    """Let a resolver fail under that boundary; return the strategies that were observed."""

    async def do(job: Job, ctx: Ctx) -> None:
        raise ValueError("own")

    log: list[Observation] = []
    async with open_system(work_module(do), initial={"work": {"wanted": "a"}}, errors=boundary) as system:
        system.observe(log.append)
        await system.settle(timeout=None)
        assert system.state == "running"
    return [str(one.strategy) for one in seen(log, "error.recovery")]


def raising(*_: object) -> Any:
    """What no callback should do."""
    raise TypeError("broken callback")


async def test_a_function_chooses_by_error_and_id(autojump_clock: trio.abc.Clock) -> None:
    """It is asked with both."""
    asked: list[tuple[str, str]] = []

    def choose(error: Exception, name: str) -> Any:
        asked.append((str(error), name))
        return "retry" if len(asked) < 3 else "disable"

    boundary = ErrorBoundary(resolver=choose, on_error=lambda *_: None)
    assert await recovery(boundary) == ["retry", "retry", "disable"]
    assert asked == [("own", "work::do")] * 3


@pytest.mark.parametrize("answer", [None, "nonsense", 5, [], "SKIP"])
async def test_no_strategy_is_skip(
    answer: Any, autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """None is meant so; anything else is reported."""
    assert await recovery(ErrorBoundary(resolver=lambda *_: answer, on_error=lambda *_: None)) == ["skip"]
    assert ("it counts as skip" in caplog.text) is (answer is not None)


async def test_one_that_raises_is_skip(autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture) -> None:
    """And it is reported with its traceback."""
    assert await recovery(ErrorBoundary(resolver=raising, on_error=lambda *_: None)) == ["skip"]
    assert "broken callback" in caplog.text


async def test_on_error_that_raises_is_reported_and_the_strategy_stands(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """It only hears of the error."""
    strategies = await recovery(ErrorBoundary(resolver="disable", on_error=raising))
    assert strategies == ["disable"]
    assert "on_error raised for work::do" in caplog.text


async def test_on_recovery_hears_of_the_strategy_and_may_raise(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """After it was chosen."""
    heard: list[tuple[str, str, str]] = []

    def hear(error: Exception, name: str, strategy: str) -> None:
        heard.append((str(error), name, strategy))
        raise TypeError("broken callback")

    boundary = ErrorBoundary(resolver="disable", on_error=lambda *_: None, on_recovery=hear)
    assert await recovery(boundary) == ["disable"]
    assert heard == [("own", "work::do", "disable")]
    assert "on_recovery raised for work::do" in caplog.text


@pytest.mark.parametrize(
    ("kind", "strategy"),
    [("effect", "retry"), ("constraint", "retry_later"), ("resolver", "nonsense"), ("event", "disable")],
)
def test_a_strategy_that_a_kind_does_not_know_is_refused(kind: str, strategy: str) -> None:
    """At once, where it is declared."""
    with pytest.raises(DefinitionError, match=rf"ErrorBoundary\({kind}=\) expects skip, .*, got '{strategy}'"):
        ErrorBoundary(**{kind: strategy})  # type: ignore[arg-type]  # what it is about


async def test_a_function_may_not_answer_what_its_kind_does_not_know(
    autojump_clock: trio.abc.Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """An effect cannot be retried."""
    log: list[Observation] = []

    async def do(job: Job, ctx: Ctx) -> None: ...

    module = work_module(do)
    module.effect(name="broken")(lambda facts: raising())
    async with open_system(module, errors=ErrorBoundary(effect=lambda *_: "retry")) as system:
        system.observe(log.append)
        await system.settle()
    assert [one.strategy for one in seen(log, "error.recovery")] == ["skip"]
    assert "it counts as skip" in caplog.text
