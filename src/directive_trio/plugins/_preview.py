"""How plugins show observations and the values in them: short, and without ever raising."""

import math
from typing import TypeAlias

from attrs import fields

from directive_trio.observe import Observation

WIDTH = 100
"""How many characters of a value are shown."""

ITEMS = 20
"""How many items of a list are shown one by one."""

Plain: TypeAlias = bool | int | float | str | None


def preview(value: object) -> str:
    """Return the ``repr`` of *value*, cut to one short line."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001  # a value that cannot be printed is no reason to lose the rest
        text = f"<{type(value).__name__}: its repr raised {type(error).__name__}>"
    return cut(text)


def cut(text: str) -> str:
    """Cut *text* to one line of at most ``WIDTH`` characters."""
    line = " ".join(text.splitlines())
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def json_ready(value: object) -> Plain | list[Plain]:
    """Return what JSON can say about *value*: itself if it is plain, a short list of such, else a preview."""
    if isinstance(value, tuple | list) and len(value) <= ITEMS:
        return [_plain(item) for item in value]
    return _plain(value)


def _plain(value: object) -> Plain:
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case str():
            return cut(value)
    return preview(value)


def fields_of(observation: Observation) -> dict[str, object]:
    """Return the fields of its own that an observation has beside ``seq`` and ``time``."""
    names = [field.name for field in fields(type(observation))]
    return {name: getattr(observation, name) for name in names if name not in {"seq", "time"}}
