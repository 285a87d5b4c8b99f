"""What was observed, in words short enough to compare: ``resolver.cancel auth::validate removed``."""

from collections.abc import Iterable
from typing import Any

from directive_trio.observe import Observation


def told(log: Iterable[Observation], *types: str) -> list[str]:
    """Say what was observed of these types, in order: the type, the id, and the reason where there is one."""
    return [_words(seen) for seen in log if seen.type in types]


def _words(seen: Any) -> str:
    reason = getattr(seen, "reason", None)
    return f"{seen.type} {seen.id}" + ("" if reason is None else f" {reason}")


def required(log: Iterable[Any], *types: str) -> list[str]:
    """The same with the requirement in place of the id."""
    return [f"{seen.type} {seen.requirement}" for seen in log if seen.type in types]
