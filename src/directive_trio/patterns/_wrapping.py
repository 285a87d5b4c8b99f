"""Handlers, and wrappers round handlers: they nest in any order, and the sequence reaches the innermost."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from inspect import isawaitable
from typing import Any, Generic, TypeAlias, TypeVar

from directive_trio import Context, Record
from directive_trio.errors import DefinitionError, UsageError

K = TypeVar("K", bound=Record)
F = TypeVar("F")

Handler: TypeAlias = Callable[[K, Context[F]], Awaitable[None] | None]
"""What handles a mutation (or meets a requirement): ``(mutation, ctx)``, async or sync."""


LONGEST_SPELLING = 100
"""How many characters of a value an error shows."""


class Wrapper(ABC, Generic[K, F]):
    """A handler round a handler. Called directly it is one itself; a mutator tells it the sequence too."""

    def __init__(self, handler: Handler[K, F]) -> None:
        self.handler = handler

    async def __call__(self, mutation: K, ctx: Context[F], /) -> None:
        await self.run(mutation, ctx, 0)

    @abstractmethod
    async def run(self, mutation: K, ctx: Context[F], sequence: int) -> None:
        """Handle a mutation that has a number."""


async def call(handler: Handler[Any, Any], mutation: Record, ctx: Context[Any], sequence: int) -> None:
    """Call a handler, sync or async, wrapped or not.

    Raises:
        UsageError: It returned something else than nothing or an awaitable, such as a generator: that did not run.
    """
    if isinstance(handler, Wrapper):
        await handler.run(mutation, ctx, sequence)
        return
    result: Any = handler(mutation, ctx)
    if isawaitable(result):
        await result
    elif result is not None:
        raise UsageError(f"handler {spelt(handler)} returned {spelt(result)}; it is async, or returns nothing")


def check_handler(handler: object) -> None:
    """Refuse what cannot handle a mutation.

    Raises:
        DefinitionError: It cannot be called.
    """
    if not callable(handler):
        raise DefinitionError(f"{spelt(handler)} is no handler; pass a function (mutation, ctx)")


def spelt(value: object) -> str:
    """Return a short text for a value, whatever its ``__repr__`` does."""
    try:
        text = str.__str__(repr(value))
    except Exception:  # noqa: BLE001  # the user's ``__repr__``
        text = f"<{type(value).__name__}>"
    return text if len(text) <= LONGEST_SPELLING else text[: LONGEST_SPELLING - 1] + "…"


def layers(handler: object) -> Iterator[Wrapper[Any, Any]]:
    """Yield the wrappers of a handler, the outermost first."""
    while isinstance(handler, Wrapper):
        yield handler
        handler = handler.handler
