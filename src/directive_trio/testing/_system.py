"""A system for one test: on the mock clock, recorded from the first moment, with nothing left running at its end."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypedDict, Unpack

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from directive_trio import ErrorBoundary, Module, System, open_system
from directive_trio.abc import Plugin
from directive_trio.errors import DefinitionError, SettleTimeoutError, UsageError
from directive_trio.testing._recorder import Recorder

StandIn: TypeAlias = Callable[[Any, Any], Awaitable[None] | None]


class SystemOptions(TypedDict, total=False):
    """Those options of `System` that `open_test_system` only passes on."""

    deps: Any
    initial: Mapping[str, Mapping[str, object]] | None
    errors: ErrorBoundary | None
    name: str
    check_types: bool
    debug: bool
    teardown_grace: float
    convergence_limit: int


@asynccontextmanager
async def open_test_system(
    *modules: Module[Any],
    resolvers: Mapping[type, StandIn] | None = None,
    plugins: Iterable[Plugin] = (),
    **options: Unpack[SystemOptions],
) -> AsyncIterator[tuple[System, Recorder]]:
    """Run a system for the length of a test, recorded from its first moment on; the block gets both.

    It runs on trio's mock clock only, so that an hour passes at once: take pytest-trio's ``autojump_clock``.
    If the block ends without an error while something is still going on, the test fails: settle, or stop the
    system, or let the runs end first.

    Args:
        modules: The modules, in their order. They are not sealed if resolvers of theirs are replaced.
        resolvers: ``{requirement class: function}``: what stands in for the resolvers of these requirements,
            for example a `MockResolver` or `ManualResolver`. Names, retries and timeouts stay (see
            `Module.with_resolver`).
        plugins: Further plugins; the recorder is the first one.
        options: The other options of `System`.

    Raises:
        UsageError: The clock is not a mock clock.
        DefinitionError: No module resolves one of the requirements; or as `System`.
        AssertionError: Something was left running; names it.
        ExceptionGroup: As `open_system`.

    Example:
        ::

            async def test_the_lamp_is_lit(autojump_clock: MockClock) -> None:
                async with open_test_system(lamp) as (system, recorder):
                    system[lamp].wanted = True
                    await system.settle()
                    assert recorder.sequence("resolver") == [
                        ("resolver.start", "lamp::switch_on"),
                        ("resolver.complete", "lamp::switch_on"),
                    ]
    """
    if not isinstance(trio.lowlevel.current_clock(), MockClock):
        raise UsageError(
            "open_test_system runs on trio's mock clock only: let the test take pytest-trio's autojump_clock fixture, "
            "or run it with trio.run(..., clock=trio.testing.MockClock(autojump_threshold=0))"
        )
    recorder = Recorder()
    replaced = _replaced(modules, resolvers or {})
    async with open_system(*replaced, plugins=[recorder, *plugins], **options) as system:
        yield system, recorder
        left = await _left_running(system)
    if left is not None:
        raise AssertionError(f"left running at the end of the test: {left}") from left


def _replaced(modules: tuple[Module[Any], ...], resolvers: Mapping[type, StandIn]) -> tuple[Module[Any], ...]:
    """Put the stand-ins in place of all resolvers of their requirements."""
    unused = set(resolvers)
    replaced: list[Module[Any]] = []
    for module in modules:
        copy = module
        for kind in {resolver.requirement for resolver in module.resolvers.values()} & resolvers.keys():
            copy = copy.with_resolver(kind, resolvers[kind])
            unused.discard(kind)
        replaced.append(copy)
    if unused:
        names = ", ".join(sorted(kind.__name__ for kind in unused))
        raise DefinitionError(f"resolvers={{...}} replaces resolvers of {names}, but no module has any")
    return tuple(replaced)


async def _left_running(system: System) -> SettleTimeoutError | None:
    """Let what is due come to pass without moving the clock, then look who is left."""
    await wait_all_tasks_blocked()
    if system.state != "running":
        return None
    try:
        await system.settle(timeout=0)
    except SettleTimeoutError as unsettled:
        return unsettled
    return None
