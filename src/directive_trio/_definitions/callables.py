"""What kind of callable the user gave: sync or async, and its name."""

import functools
import inspect
from collections.abc import Callable


def is_async(function: object) -> bool:
    """Say whether calling *function* gives a coroutine: async functions, partials and objects of them."""
    return unlike_sync(function) == "async"


def unlike_sync(function: object) -> str:
    """Say in which way *function* is no sync function: calling it runs nothing of it. Empty where it is one."""
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, type):  # calling it makes an instance, whatever calling that would do
        return ""
    called = getattr(function, "__call__", None)  # noqa: B004  # the method itself is looked at, not callability
    for is_kind, name in _KINDS:
        if is_kind(function) or is_kind(called):
            return name
    return ""


_KINDS: tuple[tuple[Callable[[object], bool], str], ...] = (
    (inspect.iscoroutinefunction, "async"),
    (inspect.isgeneratorfunction, "a generator function"),
    (inspect.isasyncgenfunction, "an async generator function"),
)


def name_of(function: object) -> str:
    """Return the function's own name, also behind a partial."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))
