"""Opening a system: made, running while the block lasts, and gone without a trace. The main road."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import trio

from directive_trio._definitions.module import Module
from directive_trio._definitions.policies import ErrorBoundary
from directive_trio._system.plugins import Plugin
from directive_trio._system.system import System


@asynccontextmanager
async def open_system(
    *modules: Module[Any],
    deps: Any = None,
    initial: Mapping[str, Mapping[str, object]] | None = None,
    plugins: Iterable[Plugin] = (),
    errors: ErrorBoundary | None = None,
    name: str = "system",
    check_types: bool = True,
    debug: bool = False,
    teardown_grace: float = 5,
    convergence_limit: int = 50,
) -> AsyncIterator[System]:
    """Make a system and run it while the block lasts. The main road.

    The system serves the body to its end, its ``finally`` included: a cancellation from outside reaches the
    body, and becomes an ordered stop when the body is left. Nothing is left behind: no task, no timer, no
    observer.

    Args:
        modules: The modules, in their order.
        deps: Anything; resolvers find it as ``ctx.deps``.
        initial: ``{"module": {"fact": value}}``, written after all inits.
        plugins: What gets observations, and may run a task.
        errors: What happens to errors; see `ErrorBoundary`.
        name: For observations and logs.
        check_types: Check written values against the annotations of facts.
        debug: Check the thread of each write and look for values mutated in place. Slow.
        teardown_grace: Seconds for which the engine shields a teardown.
        convergence_limit: How often the loop may go round before it is called a ring.

    Raises:
        DefinitionError: What was declared cannot work; nothing has run.
        ExceptionGroup: What the body raises, or the error boundary let through with ``throw``.

    Example:
        >>> import trio
        >>> from attrs import define
        >>> from directive_trio import Module, open_system
        >>> @define
        ... class Facts:
        ...     count: int = 0
        >>> counter = Module("counter", Facts)
        >>> async def main() -> int:
        ...     async with open_system(counter) as system:
        ...         system[counter].count += 1
        ...         await system.settle()
        ...         return system[counter].count
        >>> trio.run(main)
        1
    """
    await trio.lowlevel.checkpoint()
    system = System(
        *modules,
        deps=deps,
        initial=initial,
        plugins=plugins,
        errors=errors,
        name=name,
        check_types=check_types,
        debug=debug,
        teardown_grace=teardown_grace,
        convergence_limit=convergence_limit,
    )
    async with trio.open_nursery() as nursery:
        system._life.start(nursery, shield=True)
        try:
            yield system
        finally:
            with trio.CancelScope(shield=True):
                await system.destroy()
