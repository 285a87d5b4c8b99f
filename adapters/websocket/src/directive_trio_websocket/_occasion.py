"""Events that the adapter makes itself, of classes that the program passes in."""

import inspect
from collections.abc import Callable

from directive_trio import Record
from directive_trio.errors import DefinitionError

OCCASIONS = {
    "gap": ("reason", "away"),
    "connected": ("subprotocol",),
    "disconnected": ("reason",),
}
"""What each occasion can say, by the name of the field that takes it."""


def maker_of(occasion: str, event: type[Record] | None) -> Callable[..., Record | None]:
    """Return what makes the event of an occasion from all that is known: fields that do not ask are not told.

    Raises:
        DefinitionError: It is no attrs class, or needs a field that nobody fills.
    """
    if event is None:
        return lambda **_known: None
    if not hasattr(event, "__match_args__") or not callable(event):
        raise DefinitionError(f"{occasion}={event!r} must be the class of an event: a frozen attrs class")
    fields = inspect.signature(event).parameters
    told = OCCASIONS[occasion]
    needed = [name for name, field in fields.items() if field.default is field.empty and name not in told]
    if needed:
        raise DefinitionError(
            f"{occasion}={event.__name__} needs {', '.join(needed)}; "
            f"it is told {', '.join(told)}, and other fields need a default"
        )
    return lambda **known: event(**{name: value for name, value in known.items() if name in fields})
