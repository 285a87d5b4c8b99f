"""Callback sources: what is attached by a call and detached by another, as most callback libraries have it."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, TypeAlias, final

import trio

from directive_trio._definitions.callables import name_of
from directive_trio._definitions.checks import check_function
from directive_trio._definitions.printing import spelt
from directive_trio._definitions.source import Coalesce, Source, SourceLink, SourcePhase, check_coalesce

Detach: TypeAlias = Callable[[], Awaitable[object] | object]
Attach: TypeAlias = Callable[[SourceLink], Detach | Awaitable[Detach]]


@final
class CallbackSource(Source):
    """Attaches, sleeps until it is cancelled, detaches. An async detach is shielded by the engine."""

    def __init__(self, attach: Attach, on_evict: Detach | None, coalesce: Coalesce) -> None:
        self.attach = attach
        self.evicting = on_evict
        self.coalesce = coalesce
        self.phase: SourcePhase = "attach"

    async def run(self, link: SourceLink, /) -> None:
        self.phase = "attach"
        detach: Any = self.attach(link)
        if isawaitable(detach):
            detach = await detach
        if not callable(detach):
            raise TypeError(
                f"attach {name_of(self.attach)!r} returned {spelt(detach)}; return what detaches, or lambda: None"
            )
        self.phase = "runtime"
        try:
            link.attached()  # tells observers; one of them might raise a KeyboardInterrupt
            await trio.sleep_forever()
        finally:
            self.phase = "cleanup"
            outcome = detach()
            if isawaitable(outcome):
                with link.teardown():
                    await outcome

    async def on_evict(self) -> None:
        if self.evicting is not None:
            outcome = self.evicting()
            if isawaitable(outcome):
                await outcome


def from_callback(attach: Attach, /, *, on_evict: Detach | None = None, coalesce: Coalesce = "none") -> Source:
    """Make a source of ``attach(link) -> detach``, sync or async; *detach* is called once, when the source ends.

    Args:
        attach: Subscribes, and returns what unsubscribes. May publish at once. One that raises, or returns
            nothing that can be called, is a ``source.error`` of phase ``attach``.
        on_evict: Called, sync or async, before the system is evicted.
        coalesce: As for `Module.source`.

    Raises:
        DefinitionError: An argument cannot be.

    Example:
        >>> import trio
        >>> from attrs import define, frozen
        >>> from directive_trio import Module, from_callback, open_system
        >>> @define
        ... class Facts:
        ...     total: int = 0
        >>> @frozen
        ... class Coin:
        ...     value: int
        >>> purse = Module("purse", Facts)
        >>> @purse.on(Coin)
        ... def take(facts: Facts, event: Coin) -> None:
        ...     facts.total += event.value
        >>> listeners = []
        >>> def attach(link):
        ...     listeners.append(lambda value: link.publish(Coin(value)))
        ...     return listeners.clear
        >>> purse.add_source(from_callback(attach), name="slot")
        <source purse::slot>
        >>> async def main() -> int:
        ...     async with open_system(purse) as system:
        ...         await trio.testing.wait_all_tasks_blocked()
        ...         listeners[0](5)
        ...         return system[purse].total
        >>> trio.run(main), listeners
        (5, [])
    """
    check_function("attach", attach)
    if on_evict is not None:
        check_function("on_evict=", on_evict)
    check_coalesce(coalesce)
    return CallbackSource(attach, on_evict, coalesce)
