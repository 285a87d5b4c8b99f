"""Observations as records of the standard library's logging."""

import logging
from collections.abc import Callable, Mapping
from typing import final

from directive_trio.abc import Plugin
from directive_trio.observe import Observation
from directive_trio.plugins._preview import fields_of, preview

__all__ = ["LoggingPlugin"]

_LEVELS: Mapping[str, int] = {
    "system.start": logging.INFO,
    "system.stop": logging.INFO,
    "system.destroy": logging.INFO,
    # Every run that is seen to begin is seen to end: the last word of a log is who hangs.
    "resolver.start": logging.INFO,
    "resolver.complete": logging.INFO,
    "resolver.cancel": logging.INFO,
    "requirement.met": logging.INFO,
    "source.attach": logging.INFO,
    "source.detach": logging.INFO,
    "resolver.retry": logging.WARNING,
    "resolver.write.rejected": logging.WARNING,
    "requirement.unsatisfied": logging.WARNING,
    "error.recovery": logging.WARNING,
    "fact.mutated": logging.WARNING,
}
"""The level of each type of observation; those that end in ``.error`` are errors, the rest is debug."""

_SECONDS = frozenset({"duration", "delay"})


@final
class LoggingPlugin(Plugin):
    """Writes every observation to a logger, at a level that fits it.

    Life of the system, runs, met requirements and sources that come and go are *info*; retries, unsatisfied
    requirements, rejected writes and recoveries are *warning*; errors are *error*, with their traceback; the
    rest, blocked constraints and changed facts among it, is *debug*. The observation itself is in the record's
    attribute ``observation``, for handlers that want more than the text. With this plugin the engine does
    not log errors itself.

    Values are shown as they print, cut to one line: what must not be logged is kept out of ``repr`` (attrs'
    ``field(repr=False)``) or by *filter*.

    Args:
        logger: A logger, or the name of one.
        filter: ``(observation) -> bool``: what it answers False to is not logged. None logs everything
            that the logger's level lets through.

    Example:
        >>> import logging
        >>> from directive_trio.plugins.logging import LoggingPlugin
        >>> plugin = LoggingPlugin("shop", filter=lambda seen: not seen.type.startswith("derivation."))
        >>> plugin.logger.name
        'shop'
    """

    logs_errors = True

    def __init__(
        self,
        logger: logging.Logger | str = "directive_trio",
        *,
        filter: Callable[[Observation], bool] | None = None,  # noqa: A002  # logging's own word for it
    ) -> None:
        self.logger = logging.getLogger(logger) if isinstance(logger, str) else logger
        self.filter = filter

    def observe(self, observation: Observation, /) -> None:
        """Log one observation."""
        level = _level_of(observation)
        if not self.logger.isEnabledFor(level) or (self.filter is not None and not self.filter(observation)):
            return
        error = getattr(observation, "error", None) if level == logging.ERROR else None
        self.logger.log(level, "%s", _line(observation), exc_info=error, extra={"observation": observation})


def _level_of(observation: Observation) -> int:
    kind = observation.type
    return _LEVELS.get(kind, logging.ERROR if kind.endswith(".error") else logging.DEBUG)


def _line(observation: Observation) -> str:
    """Type, id, then the other fields by name."""
    words = [observation.type]
    for name, value in fields_of(observation).items():
        if name == "id":
            words.append(str(value))
        elif name in _SECONDS:
            words.append(f"{name}={value:.3f}")
        elif name == "reason":  # a sentence already
            words.append(f"{name}={value}")
        elif name != "error" or value is not None:
            words.append(f"{name}={preview(value)}")
    return " ".join(words)
