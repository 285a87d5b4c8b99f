"""Structuring what comes from outside: mappings into events and facts, strictly.

Scalars are not coerced (``"2"`` is no int), unknown keys are refused, and the error names the field.
"""

from collections.abc import Mapping
from typing import Any

import cattrs
from cattrs import transform_error

from directive_trio.errors import EventPayloadError


def _strict(expected: type, *, also: tuple[type, ...] = ()) -> Any:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is expected or type(value) in also:
            return value
        raise TypeError(f"expected {expected.__name__}, got {type(value).__name__}")

    return structure


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    converter.register_structure_hook(int, _strict(int))
    converter.register_structure_hook(float, _strict(float, also=(int,)))
    converter.register_structure_hook(str, _strict(str))
    converter.register_structure_hook(bool, _strict(bool))
    converter.register_structure_hook(bytes, _strict(bytes))
    return converter


CONVERTER = _make_converter()


def structure_event(event: type, name: str, payload: Mapping[str, object] | None) -> Any:
    """Make an event from a mapping.

    Raises:
        EventPayloadError: It does not fit; names the field. Nothing was written.
    """
    if payload is not None and not isinstance(payload, Mapping):
        raise EventPayloadError(name, "", f"expected a mapping, got {type(payload).__name__}")
    try:
        return CONVERTER.structure(payload or {}, event)
    except Exception as error:
        first = next(iter(transform_error(error)), str(error))
        problem, _, path = first.rpartition(" @ $")
        raise EventPayloadError(name, path.lstrip(".") or "?", problem or first) from error
