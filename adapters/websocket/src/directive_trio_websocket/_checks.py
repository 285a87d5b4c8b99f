"""Options looked at where they are given: what cannot be would else be noticed at the first connection, or never."""

import inspect
import ssl
from collections.abc import Callable, Mapping, Sequence

from directive_trio import Retry
from directive_trio.errors import DefinitionError
from directive_trio_websocket._headers import is_token
from directive_trio_websocket._transport import Transport

KINDS = {"transport": Transport, "reconnect": Retry, "ssl_context": ssl.SSLContext}
FUNCTIONS = ("decode", "open_stream", "chance")


def check_time(option: str, value: object) -> None:
    """Refuse what is no time in seconds within which anything could happen; NaN and True are none."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
        raise DefinitionError(f"{option}={value!r} must be a number of seconds above 0")


def check_count(option: str, value: object) -> None:
    """Refuse what counts nothing."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise DefinitionError(f"{option}={value!r} must be a whole number above 0")


def check_kinds(options: Mapping[str, object]) -> None:
    """Refuse what is of another kind than its option; an option that may be left out is, if it is None."""
    for option in FUNCTIONS:
        if not callable(options[option]):
            raise DefinitionError(f"{option}={options[option]!r} must be a function")
    decode, token = options["decode"], options["token"]
    if _gives(decode, inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction):
        name = getattr(decode, "__name__", type(decode).__name__)
        raise DefinitionError(f"decode={name} must be a sync function that answers what a message means")
    if token is not None and (not callable(token) or _gives(token, inspect.isasyncgenfunction)):
        raise DefinitionError("token= must be an async function")  # whatever it is, it may be the secret itself
    for option, kind in KINDS.items():
        if not isinstance(options[option], kind) and (options[option] is not None or option == "reconnect"):
            raise DefinitionError(f"{option}={options[option]!r} must be an instance of {kind.__name__}")


def check_subprotocols(subprotocols: object) -> None:
    """Refuse what cannot be offered."""
    if isinstance(subprotocols, str):
        raise DefinitionError(f"subprotocols={subprotocols!r} is one name; write [{subprotocols!r}]")
    if not isinstance(subprotocols, Sequence) or not all(map(is_token, subprotocols)):
        raise DefinitionError(f"subprotocols={subprotocols!r} must be names, in the order in which they are wanted")


def _gives(function: object, *ways: Callable[[object], bool]) -> bool:
    """Say whether calling it gives what cannot be used as an answer."""
    called = vars(type(function)).get("__call__")  # of an object that can be called
    return any(way(function) or way(called) for way in ways)
