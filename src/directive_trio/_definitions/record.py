"""Records: events and requirements are instances of attrs (or data-) classes."""

from typing import Protocol

from directive_trio._definitions.printing import spelt
from directive_trio.errors import DefinitionError


class Record(Protocol):
    """An instance of an attrs or data class: an event, a requirement."""

    @property
    def __match_args__(self) -> tuple[str, ...]: ...


def is_record_class(value: object) -> bool:
    """Say whether *value* is an attrs or data class."""
    return isinstance(value, type) and (hasattr(value, "__attrs_attrs__") or hasattr(value, "__dataclass_fields__"))


def is_record(value: object) -> bool:
    """Say whether *value* is an instance of an attrs or data class."""
    return is_record_class(type(value))


def check_record_class(kind: str, value: object) -> None:
    """Refuse what is no record class, with the line to write instead."""
    if not is_record_class(value):
        raise DefinitionError(f"{kind} expects an attrs class, got {spelt(value)}; declare it with @attrs.frozen")
