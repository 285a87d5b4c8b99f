"""What kind of callable the user gave: sync or async, and its name."""

import functools
import inspect


def is_async(function: object) -> bool:
    """Say whether calling *function* gives a coroutine: async functions, partials and objects of them."""
    while isinstance(function, functools.partial):
        function = function.func
    if isinstance(function, type):  # calling it makes an instance, whatever calling that would do
        return False
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  # the method itself is looked at, not callability
    )


def name_of(function: object) -> str:
    """Return the function's own name, also behind a partial."""
    while isinstance(function, functools.partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))
