"""From messages to events."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from directive_trio import Record

Decoded: TypeAlias = Record | tuple[str, Mapping[str, object]] | list[Record] | None
"""What `decode` answers: an event, the name of one with its fields, several events, or None for nothing.

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
    known = {event.__name__ for event in events}
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
