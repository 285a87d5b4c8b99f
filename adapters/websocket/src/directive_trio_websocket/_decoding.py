"""From messages to events."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from directive_trio import Record
from directive_trio.errors import DefinitionError

Event: TypeAlias = Record | tuple[str, Mapping[str, object]]
"""An event, or the name of one with its fields."""

Decoded: TypeAlias = Event | list[Event] | list[Record] | None
"""What `decode` answers: an event, the name of one with its fields, a list of such, or None for nothing.

Fields are structured by the system with cattrs, strictly: what does not fit is a drop with the reason
``bad_payload``, and nothing is written.
"""

Decode: TypeAlias = Callable[[str | bytes], Decoded]


def json_events(events: Iterable[type[Record]], *, tag: str = "type", ignore: Iterable[str] = ()) -> Decode:
    """Return a ``decode`` for JSON objects that say in one field which event they are.

    Args:
        events: The classes; the name of each is its tag.
        tag: The field.
        ignore: Tags that mean nothing to this program. Any other is an error that is reported.

    Raises:
        DefinitionError: The classes cannot be told apart, have a field that is the tag, or are none.

    Example:
        >>> from attrs import frozen
        >>> @frozen
        ... class Price:
        ...     symbol: str
        ...     cents: int
        >>> decode = json_events([Price], ignore=["Hello"])
        >>> decode('{"type": "Price", "symbol": "X", "cents": 4}')
        ('Price', {'symbol': 'X', 'cents': 4})
        >>> decode('{"type": "Hello"}')
        >>> decode('{"type": "Nope"}')
        Traceback (most recent call last):
            ...
        ValueError: 'Nope' is no event of this feed
    """
    known = _names_of(events, tag)
    if isinstance(ignore, str):
        raise DefinitionError(f"ignore={ignore!r} is one tag; write [{ignore!r}]")
    ignored = frozenset(ignore)

    def decode(message: str | bytes) -> Decoded:
        fields = json.loads(message)
        if not isinstance(fields, dict) or tag not in fields:
            raise ValueError(f"no JSON object with a field {tag!r}")
        name = fields.pop(tag)
        if name in ignored:
            return None
        if name not in known:
            raise ValueError(f"{name!r} is no event of this feed")
        return name, fields

    return decode


def _names_of(events: object, tag: object) -> set[str]:
    if not isinstance(tag, str):
        raise DefinitionError(f"tag={tag!r} must be the name of a field")
    kinds = [*events] if isinstance(events, Iterable) else [None]
    names: set[str] = set()
    for kind in kinds:
        if not isinstance(kind, type):
            raise DefinitionError("events= must be several classes of events")
        if kind.__name__ in names:
            raise DefinitionError(f"two events are called {kind.__name__!r}")
        if tag in getattr(kind, "__match_args__", ()):
            raise DefinitionError(f"{kind.__name__} has a field {tag!r}, which is the tag; say another tag=")
        names.add(kind.__name__)
    return names
