"""Handlers, and wrappers round handlers: they nest in any order, and the sequence reaches the innermost."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from inspect import isawaitable
from typing import Any, Generic, TypeAlias, TypeVar

from directive_trio import Context, Record

K = TypeVar("K", bound=Record)
F = TypeVar("F")

Handler: TypeAlias = Callable[[K, Context[F]], Awaitable[None] | None]
"""What handles a mutation (or meets a requirement): ``(mutation, ctx)``, async or sync."""


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
    """Call a handler, sync or async, wrapped or not."""
    if isinstance(handler, Wrapper):
        await handler.run(mutation, ctx, sequence)
        return
    result: Any = handler(mutation, ctx)
    if isawaitable(result):
        await result


def layers(handler: object) -> Iterator[Wrapper[Any, Any]]:
    """Yield the wrappers of a handler, the outermost first."""
    while isinstance(handler, Wrapper):
        yield handler
        handler = handler.handler
