"""Structuring what comes from outside: mappings into events, strictly.

Scalars are not coerced (``"2"`` is no int), text is no list of its letters, unknown keys are refused, and the
error names the field.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, get_origin

import cattrs
from cattrs.errors import (
    AttributeValidationNote,
    BaseValidationError,
    ForbiddenExtraKeysError,
    IterableValidationNote,
)
from cattrs.strategies import configure_union_passthrough, use_class_methods

from directive_trio.errors import EventPayloadError


def _strict(expected: type, *, also: tuple[type, ...] = ()) -> Callable[[Any, Any], Any]:
    def structure(value: Any, kind: Any) -> Any:
        if type(value) is not expected and type(value) not in also:
            raise TypeError(f"expected {expected.__name__}, got {type(value).__name__}")
        return value if kind is expected or not isinstance(kind, type) else kind(value)  # an IntEnum comes here too

    return structure


def _make_converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    converter.register_structure_hook(int, _strict(int))
    converter.register_structure_hook(float, _strict(float, also=(int,)))
    converter.register_structure_hook(str, _strict(str))
    converter.register_structure_hook(bool, _strict(bool))
    converter.register_structure_hook(bytes, _strict(bytes))
    configure_union_passthrough(str | bool | int | float | bytes | None, converter, accept_ints_as_floats=True)
    _refuse_text_for_collections(converter)
    use_class_methods(converter, "from_payload")  # an event class may know better
    return converter


def _refuse_text_for_collections(converter: cattrs.Converter) -> None:
    """Put a check before cattrs' own hooks, which iterate over whatever they are given."""
    asking: set[object] = set()

    def guarded(kind: Any) -> bool:
        plain = get_origin(kind) or kind
        collects = isinstance(plain, type) and issubclass(plain, Collection)
        return collects and not issubclass(plain, (str, bytes, Mapping)) and kind not in asking

    def make_hook(kind: Any) -> Callable[[Any, Any], Any]:
        asking.add(kind)  # the next hook in line is cattrs' own
        try:
            structure = converter.get_structure_hook(kind, cache_result=False)
        finally:
            asking.discard(kind)

        def check(value: Any, kind: Any) -> Any:
            if isinstance(value, str | bytes):
                raise TypeError(f"expected a list, got {type(value).__name__}")
            return structure(value, kind)

        return check

    converter.register_structure_hook_factory(guarded, make_hook)


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
        field, problem = _first(error)
        raise EventPayloadError(name, field, problem) from error


def _first(error: BaseException, path: str = "") -> tuple[str, str]:
    """Return the field that the first error is about, as a path, and what is wrong with it."""
    if isinstance(error, BaseValidationError):
        inner = error.exceptions[0]
        return _first(inner, path + _step(inner))
    if isinstance(error, ForbiddenExtraKeysError):
        unknown = sorted(map(str, error.extra_fields))
        return f"{path}.{unknown[0]}".lstrip("."), f"unknown; {error.cl.__name__} has no such field"
    if isinstance(error, KeyError):
        return path.lstrip("."), "missing"
    return path.lstrip("."), str(error)


def _step(error: BaseException) -> str:
    """Say where in its parent an error stands: ``.street`` or ``[2]``."""
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return f".{note.name}"
        if isinstance(note, IterableValidationNote):
            return f"[{note.index!r}]"
    return ""
