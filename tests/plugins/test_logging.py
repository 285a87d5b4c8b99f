"""The logging plugin: every observation at a level that fits it, and no error twice."""

import logging
from collections.abc import Callable

import pytest
import trio
from attrs import define, frozen
from trio.testing import MockClock

from directive_trio import CancelReason, Context, ErrorBoundary, Module, Retry, open_system
from directive_trio.observe import (
    ConstraintBlocked,
    ConstraintError,
    ConstraintEvaluate,
    DerivationCompute,
    EffectError,
    ErrorRecovery,
    FactChange,
    FactMutated,
    Observation,
    RequirementMet,
    RequirementUnsatisfied,
    ResolverCancel,
    ResolverComplete,
    ResolverError,
    ResolverRetry,
    ResolverStart,
    ResolverWriteRejected,
    SystemDestroy,
    SystemInit,
    SystemSettled,
    SystemStart,
    SystemStop,
)
from directive_trio.plugins.logging import LoggingPlugin

ERROR = OSError("no network")


@define
class LampFacts:
    wanted: bool = False
    lit: bool = False


@frozen
class SwitchOn: ...


def lamp_module(resolve: Callable[[SwitchOn, Context[LampFacts]], None]) -> Module[LampFacts]:
    """A lamp that is switched on by *resolve*, which may fail once."""
    lamp = Module("lamp", LampFacts)

    @lamp.constraint
    def must_be_lit(facts: LampFacts) -> SwitchOn | None:
        return SwitchOn() if facts.wanted and not facts.lit else None

    lamp.resolver(SwitchOn, retry=Retry(attempts=2), name="switch_on")(resolve)
    return lamp


def light(requirement: SwitchOn, ctx: Context[LampFacts]) -> None:
    ctx.facts.lit = True


def fail(requirement: SwitchOn, ctx: Context[LampFacts]) -> None:
    raise ERROR


async def switch_on(lamp: Module[LampFacts], plugin: LoggingPlugin) -> None:
    """Run a system with the plugin until it has settled."""
    async with open_system(lamp, name="house", plugins=[plugin]) as system:
        system[lamp].wanted = True
        await system.settle()


def logged(plugin: LoggingPlugin, observation: Observation, caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    """The one record that the plugin makes of an observation."""
    caplog.clear()
    plugin.observe(observation)
    (record,) = caplog.records
    return record


@pytest.mark.parametrize(
    ("observation", "level", "line"),
    [
        (SystemInit(1, 0, "house"), logging.DEBUG, "system.init house"),
        (SystemStart(1, 0, "house"), logging.INFO, "system.start house"),
        (SystemStop(1, 0, "house"), logging.INFO, "system.stop house"),
        (SystemDestroy(1, 0, "house"), logging.INFO, "system.destroy house"),
        (SystemSettled(1, 0, "house"), logging.DEBUG, "system.settled house"),
        (
            ResolverStart(1, 0, "lamp::switch_on", SwitchOn(), 3),
            logging.INFO,
            "resolver.start lamp::switch_on requirement=SwitchOn() run=3",
        ),
        (
            ResolverComplete(1, 0, "lamp::switch_on", SwitchOn(), 3, 1, 0.1 + 0.2),
            logging.INFO,
            "resolver.complete lamp::switch_on requirement=SwitchOn() run=3 attempt=1 duration=0.300",
        ),
        (
            ResolverCancel(1, 0, "lamp::switch_on", SwitchOn(), 3, 1, CancelReason("removed"), None, 2),
            logging.INFO,
            "resolver.cancel lamp::switch_on requirement=SwitchOn() run=3 attempt=1 reason=removed duration=2.000",
        ),
        (
            RequirementMet(1, 0, "lamp::must_be_lit", SwitchOn(), "lamp::switch_on"),
            logging.INFO,
            "requirement.met lamp::must_be_lit requirement=SwitchOn() resolver='lamp::switch_on'",
        ),
        (
            ResolverRetry(1, 0, "lamp::light", SwitchOn(), 3, 1, ERROR, 0.5),
            logging.WARNING,
            "resolver.retry lamp::light requirement=SwitchOn() run=3 attempt=1 error=OSError('no network') delay=0.500",
        ),
        (
            ErrorRecovery(1, 0, "lamp::switch_on", ERROR, "skip"),
            logging.WARNING,
            "error.recovery lamp::switch_on error=OSError('no network') strategy='skip'",
        ),
        (
            RequirementUnsatisfied(1, 0, "lamp::must_be_lit", SwitchOn(), 3),
            logging.WARNING,
            "requirement.unsatisfied lamp::must_be_lit requirement=SwitchOn() run=3",
        ),
        (
            ResolverWriteRejected(1, 0, "lamp::switch_on", SwitchOn(), 3, "rejection", None, "lamp::lit"),
            logging.WARNING,
            (
                "resolver.write.rejected lamp::switch_on requirement=SwitchOn() run=3 kind='rejection' reason=None "
                "fact='lamp::lit' expected=None actual=None dropped=0"
            ),
        ),
        (
            FactMutated(1, 0, "lamp::names", "write anew"),
            logging.WARNING,
            "fact.mutated lamp::names hint='write anew'",
        ),
        (
            ConstraintBlocked(1, 0, "lamp::must_be_lit", ("fuse::must_hold",)),
            logging.DEBUG,
            "constraint.blocked lamp::must_be_lit waiting_on=('fuse::must_hold',)",
        ),
        (
            ConstraintEvaluate(1, 0, "lamp::must_be_lit", True),
            logging.DEBUG,
            "constraint.evaluate lamp::must_be_lit active=True",
        ),
        (
            FactChange(1, 0, "lamp::lit", None, True, 3),
            logging.DEBUG,
            "fact.change lamp::lit previous=None value=True run=3",
        ),
        (
            DerivationCompute(1, 0, "lamp::is_dark", True, None),
            logging.DEBUG,
            "derivation.compute lamp::is_dark value=True",
        ),
    ],
)
def test_the_level_fits_the_observation(
    observation: Observation, level: int, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What a person follows is info, what they should look at is warning, the rest is debug."""
    caplog.set_level(logging.DEBUG, "directive_trio")
    record = logged(LoggingPlugin(), observation, caplog)
    assert (record.name, record.levelno, record.getMessage()) == ("directive_trio", level, line)
    assert record.exc_info is None


@pytest.mark.parametrize(
    "observation",
    [
        ConstraintError(1, 0, "lamp::must_be_lit", ERROR),
        EffectError(1, 0, "lamp::tell", "run", ERROR),
        ResolverError(1, 0, "lamp::switch_on", SwitchOn(), 3, 2, ERROR, 0.5),
    ],
)
def test_errors_are_logged_with_their_traceback(observation: Observation, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever ends in .error is one."""
    record = logged(LoggingPlugin(), observation, caplog)
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[1] is ERROR


def test_the_record_carries_the_observation(caplog: pytest.LogCaptureFixture) -> None:
    """For handlers that want the fields and not the text."""
    caplog.set_level(logging.INFO, "directive_trio")
    seen = SystemStart(1, 0, "house")
    assert vars(logged(LoggingPlugin(), seen, caplog))["observation"] is seen


@pytest.mark.parametrize("logger", ["shop.engine", logging.getLogger("shop.engine")])
def test_the_logger_can_be_chosen(logger: logging.Logger | str, caplog: pytest.LogCaptureFixture) -> None:
    """By its name, or as it is."""
    caplog.set_level(logging.INFO, "shop")
    assert logged(LoggingPlugin(logger), SystemStart(1, 0, "house"), caplog).name == "shop.engine"


def test_what_the_logger_does_not_take_is_not_even_filtered(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody listening costs nothing."""
    caplog.set_level(logging.WARNING, "directive_trio")
    asked: list[Observation] = []

    def ask(seen: Observation) -> bool:
        asked.append(seen)
        return True

    LoggingPlugin(filter=ask).observe(SystemStart(1, 0, "house"))
    assert (asked, caplog.records) == ([], [])


def test_the_filter_decides_what_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """What it answers False to is not."""
    caplog.set_level(logging.INFO, "directive_trio")
    plugin = LoggingPlugin(filter=lambda seen: seen.type != "system.stop")
    plugin.observe(SystemStart(1, 0, "house"))
    plugin.observe(SystemStop(2, 0, "house"))
    assert [record.getMessage() for record in caplog.records] == ["system.start house"]


def test_a_value_that_cannot_be_printed_does_not_lose_the_line(caplog: pytest.LogCaptureFixture) -> None:
    """It is named by its class; a long one is cut."""
    caplog.set_level(logging.DEBUG, "directive_trio")

    class Unprintable:
        def __repr__(self) -> str:
            raise RuntimeError

    line = logged(LoggingPlugin(), FactChange(1, 0, "lamp::lit", "x" * 200, Unprintable(), 0), caplog).getMessage()
    assert line == (
        f"fact.change lamp::lit previous='{'x' * 98}… value=<Unprintable: its repr raised RuntimeError> run=0"
    )


async def test_a_run_can_be_followed_in_the_log(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    """On info, from the start of the system to its end."""
    caplog.set_level(logging.INFO, "directive_trio")
    await switch_on(lamp_module(light), LoggingPlugin())
    assert [record.getMessage().partition(" run=")[0] for record in caplog.records] == [
        "system.start house",
        "resolver.start lamp::switch_on requirement=SwitchOn()",
        "resolver.complete lamp::switch_on requirement=SwitchOn()",
        "requirement.met lamp::must_be_lit requirement=SwitchOn() resolver='lamp::switch_on'",
        "system.stop house",
        "system.destroy house",
    ]


async def test_an_error_is_logged_once_with_its_traceback(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The engine leaves it to the plugin."""
    await switch_on(lamp_module(fail), LoggingPlugin())
    assert [(record.levelname, str(record.msg % record.args).split()[0]) for record in caplog.records] == [
        ("WARNING", "resolver.retry"),
        ("ERROR", "resolver.error"),
        ("WARNING", "error.recovery"),
    ]


async def test_an_error_that_no_observation_carries_is_logged_by_the_engine(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """R12: a raising `retry_if` is nobody's observation, and never silent."""
    lamp = Module("lamp", LampFacts)

    @lamp.constraint
    def must_be_lit(facts: LampFacts) -> SwitchOn | None:
        return SwitchOn() if facts.wanted and not facts.lit else None

    def undecided(error: Exception, attempt: int) -> bool:
        raise LookupError("undecided")

    lamp.resolver(SwitchOn, retry=Retry(attempts=2, retry_if=undecided), name="switch_on")(fail)
    await switch_on(lamp, LoggingPlugin())
    assert any("undecided" in record.getMessage() for record in caplog.records)


async def test_a_boundary_and_the_plugin_both_hear_of_an_error(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """`on_error` takes nothing away from the log."""
    heard: list[Exception] = []
    boundary = ErrorBoundary(on_error=lambda error, _: heard.append(error))
    lamp = lamp_module(fail)
    async with open_system(lamp, plugins=[LoggingPlugin()], errors=boundary) as system:
        system[lamp].wanted = True
        await system.settle()
        await trio.lowlevel.checkpoint()
    assert heard == [ERROR]
    assert "resolver.error" in caplog.text
