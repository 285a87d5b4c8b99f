"""A program that keeps what the sources say, with the moment it was said."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import trio
from attrs import define, frozen

from directive_trio import ErrorBoundary, Module, System, open_system
from directive_trio.abc import Source
from directive_trio_timer import WallClock
from directive_trio_timer.testing import wall_clock_from

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@frozen
class Tick:
    number: int = 0


@define
class TickFacts:
    ticks: tuple[tuple[float, int], ...] = ()
    due: float | None = None


def tick_module() -> Module[TickFacts]:
    """A module that keeps each tick with its moment on the trio clock."""
    module = Module("ticks", TickFacts)

    @module.on(Tick)
    def keep(facts: TickFacts, event: Tick) -> None:
        facts.ticks = (*facts.ticks, (trio.current_time(), event.number))

    return module


@asynccontextmanager
async def open_ticks(source: Source) -> AsyncIterator[tuple[System, Module[TickFacts], list[str]]]:
    """Run a source; answers the errors of it too."""
    errors: list[str] = []
    module = tick_module()
    module.add_source(source, name="clock")
    boundary = ErrorBoundary(on_error=lambda error, _: errors.append(f"{type(error).__name__}: {error}"))
    async with open_system(module, errors=boundary) as system:
        yield system, module, errors


async def ticks_within(source: Source, seconds: float) -> list[Any]:
    """What a source says in so many seconds."""
    async with open_ticks(source) as (system, module, errors):
        await trio.sleep(seconds)
        assert errors == []
        return list(system[module].ticks)


class JumpingClock:
    """A wall clock that follows trio's and can be put forward, as by a machine that slept."""

    def __init__(self, start: datetime = NOON) -> None:
        self._clock: WallClock = wall_clock_from(start)
        self.ahead = 0.0

    def __call__(self) -> float:
        return self._clock() + self.ahead
