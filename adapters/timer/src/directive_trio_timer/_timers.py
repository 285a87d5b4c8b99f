"""Stopwatch, countdown and repeat timer: modules whose facts tell how the time stands.

What is kept is when the timer was last set going, on the wall clock, and how much it had counted by then. So a timer
in a snapshot goes on where it should, in whichever process. Events carry their moment: a handler looks at no clock, and
what is recorded can be replayed. Ticks carry what has passed as a multiple of the period, so that no rounding shows.
"""

import math
import time
from typing import Any, Generic, TypeVar, cast, final

from attrs import define, field, frozen

from directive_trio import Module, SourceLink, derivation
from directive_trio.abc import Source
from directive_trio_timer._beat import check_function, check_period
from directive_trio_timer._wall import WallClock, sleep_until, wall_clock

HAIR = 1e-9
"""A share of a period by which a multiple of it may be too small, because floats are rounded."""


@frozen
class StartTimer:
    """Let a timer go, or go on; one that has finished begins again."""

    timer: str
    moment: float = field(factory=time.time)


@frozen
class PauseTimer:
    """Let a timer stand still."""

    timer: str
    moment: float = field(factory=time.time)


@frozen
class ResetTimer:
    """Set a timer back to nothing; it goes on if it was going."""

    timer: str
    moment: float = field(factory=time.time)


@frozen
class TimerTicked:
    """A timer has counted so far, since it was set going at a moment: paused or reset meanwhile, it heeds it not."""

    timer: str
    elapsed: float
    since: float


@define
class StopwatchFacts:
    """How a stopwatch stands."""

    running: bool = False
    elapsed: float = 0.0
    """Seconds counted, as of the last tick."""
    started_at: float = 0.0
    """When it was last set going, in seconds since 1970."""
    started_with: float = 0.0
    """What it had counted then."""


@define
class CountdownFacts(StopwatchFacts):
    """How a countdown stands. When it has finished it does not run any more."""

    seconds: float = 0.0

    @derivation
    def remaining(self) -> float:
        """Seconds to go."""
        return max(0.0, self.seconds - self.elapsed)

    @derivation
    def finished(self) -> bool:
        """Whether there are none."""
        return self.elapsed >= self.seconds


@define
class RepeatTimerFacts(StopwatchFacts):
    """How a timer stands that begins again and again."""

    seconds: float = 1.0

    @derivation
    def rounds(self) -> int:
        """How many times it has come round."""
        return math.floor(self.elapsed / self.seconds + HAIR)

    @derivation
    def remaining(self) -> float:
        """Seconds to go in this round."""
        return (self.rounds + 1) * self.seconds - self.elapsed


F = TypeVar("F", bound=StopwatchFacts)


class Timer(Generic[F]):
    """A timer: its module, and the events that steer it. ``system.dispatch(timer.start())``."""

    def __init__(self, name: str, facts: type[F], every: float, limit: float, clock: WallClock) -> None:
        check_period("every", every)
        check_function("clock", clock)
        self.module: Module[F] = Module(name, facts)
        """Give it to the system; its facts tell how the timer stands."""
        self._name = name
        self._limit = limit
        self._clock = clock
        self.module.on(StartTimer)(self._start)
        self.module.on(PauseTimer)(self._pause)
        self.module.on(ResetTimer)(self._reset)
        self.module.on(TimerTicked)(self._tick)
        self.module.add_source(TickSource(name, every, limit, clock), name="ticks", key=_key)

    def start(self) -> StartTimer:
        """The event that lets it go, or go on."""
        return StartTimer(self._name, self._clock())

    def pause(self) -> PauseTimer:
        """The event that lets it stand still."""
        return PauseTimer(self._name, self._clock())

    def reset(self) -> ResetTimer:
        """The event that sets it back."""
        return ResetTimer(self._name, self._clock())

    def _start(self, facts: F, event: StartTimer) -> None:
        if event.timer == self._name and not facts.running:
            if facts.elapsed >= self._limit:
                facts.elapsed = 0.0
            facts.running = True
            facts.started_at, facts.started_with = event.moment, facts.elapsed

    def _pause(self, facts: F, event: PauseTimer) -> None:
        if event.timer == self._name and facts.running:
            passed = facts.started_with + max(0.0, event.moment - facts.started_at)
            facts.running, facts.elapsed = False, min(passed, self._limit)

    def _reset(self, facts: F, event: ResetTimer) -> None:
        if event.timer == self._name:
            facts.elapsed, facts.started_with, facts.started_at = 0.0, 0.0, event.moment

    def _tick(self, facts: F, event: TimerTicked) -> None:
        if event.timer == self._name and facts.running and event.since == facts.started_at:
            facts.elapsed = event.elapsed
            facts.running = event.elapsed < self._limit


def _key(facts: StopwatchFacts) -> tuple[float, float] | None:
    return (facts.started_at, facts.started_with) if facts.running else None


class TickSource(Source):
    """Publishes how far a timer has counted, each time a period is full, and when it is at its end."""

    coalesce = "last_write_wins"

    def __init__(self, timer: str, every: float, limit: float, clock: WallClock) -> None:
        self._timer = timer
        self._every = every
        self._limit = limit
        self._clock = clock

    async def run(self, link: SourceLink, /) -> None:
        started_at, started_with = cast("tuple[float, float]", link.key)
        link.attached()
        elapsed = started_with
        while elapsed < self._limit:
            elapsed = self._after(elapsed)
            await sleep_until(started_at + elapsed - started_with, self._clock)
            late = started_with + self._clock() - started_at - elapsed
            if late >= self._every:  # the machine slept: one tick for all
                elapsed = self._after(elapsed + late - self._every)
            link.publish(TimerTicked(self._timer, elapsed, started_at))

    def _after(self, elapsed: float) -> float:
        """The next full period, or the end."""
        return min((math.floor(elapsed / self._every + HAIR) + 1) * self._every, self._limit)


@final
class Stopwatch(Timer[StopwatchFacts]):
    """Counts up: ``facts.elapsed``.

    Args:
        name: The name of its module.
        every: Seconds between two ticks.
        clock: The wall clock, for tests.

    Raises:
        DefinitionError: A number is none above 0.
    """

    def __init__(self, name: str, *, every: float = 1.0, clock: WallClock = wall_clock) -> None:
        super().__init__(name, StopwatchFacts, every, math.inf, clock)


@final
class Countdown(Timer[CountdownFacts]):
    """Counts down: ``facts.remaining``, ``facts.finished``.

    Args:
        name: The name of its module.
        seconds: From how many.
        every: Seconds between two ticks; the last comes when it has finished.
        clock: The wall clock, for tests.

    Raises:
        DefinitionError: A number is none above 0.
    """

    def __init__(self, name: str, seconds: float, *, every: float = 1.0, clock: WallClock = wall_clock) -> None:
        check_period("seconds", seconds)
        super().__init__(name, CountdownFacts, every, seconds, clock)
        self.module.init(lambda facts: _set_seconds(facts, seconds))


@final
class RepeatTimer(Timer[RepeatTimerFacts]):
    """Comes round again and again: ``facts.rounds``, ``facts.remaining``.

    Args:
        name: The name of its module.
        seconds: How long a round is.
        every: Seconds between two ticks; None is one a round.
        clock: The wall clock, for tests.

    Raises:
        DefinitionError: A number is none above 0.
    """

    def __init__(self, name: str, seconds: float, *, every: float | None = None, clock: WallClock = wall_clock) -> None:
        check_period("seconds", seconds)
        super().__init__(name, RepeatTimerFacts, seconds if every is None else every, math.inf, clock)
        self.module.init(lambda facts: _set_seconds(facts, seconds))


def _set_seconds(facts: Any, seconds: float) -> None:
    facts.seconds = seconds
