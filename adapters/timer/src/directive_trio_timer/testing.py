"""For deterministic tests: a wall clock that follows the clock of trio."""

from datetime import datetime

import trio

from directive_trio_timer._wall import WallClock, seconds_of

__all__ = ["wall_clock_from"]


def wall_clock_from(moment: datetime | float) -> WallClock:
    """Return a wall clock that shows *moment* where trio's clock shows 0, and goes on with that.

    Example:
        >>> import trio
        >>> from datetime import UTC, datetime
        >>> from trio.testing import MockClock
        >>> clock = wall_clock_from(datetime(2026, 1, 1, tzinfo=UTC))
        >>> async def main() -> None:
        ...     await trio.sleep(3600)
        ...     print(datetime.fromtimestamp(clock(), UTC))
        >>> trio.run(main, clock=MockClock(autojump_threshold=0))
        2026-01-01 01:00:00+00:00
    """
    start = seconds_of(moment)
    return lambda: start + trio.current_time()
