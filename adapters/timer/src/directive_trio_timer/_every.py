"""`every`: an even rhythm as an asynchronous iterator."""

from typing import final

import trio

from directive_trio_timer._beat import Beat, Missed, check_missed, check_period, next_beat


@final
class every:  # noqa: N801  # it reads like a word of the language
    """A beat every so many seconds on the trio clock, without drift: ``async for beat in every(1.0)``.

    The rhythm starts when the loop does, and each loop over the same object has its own; the first beat comes one
    period later. A beat that comes due while the body of the loop still runs is missed.

    Args:
        seconds: The period.
        missed: What becomes of missed beats: ``skip``, ``coalesce`` or ``catch_up``.

    Raises:
        DefinitionError: The period is no number above 0, or the policy is none.

    Cancellation:
        Each beat is a checkpoint. No beat is lost by cancelling the wait for it.

    Example:
        >>> import trio
        >>> from trio.testing import MockClock
        >>> async def main() -> None:
        ...     async for beat in every(2.0):
        ...         print(beat.number, trio.current_time())
        ...         if beat.number == 2:
        ...             break
        >>> trio.run(main, clock=MockClock(autojump_threshold=0))
        1 2.0
        2 4.0
    """

    def __init__(self, seconds: float, *, missed: Missed = "skip") -> None:
        check_period("seconds", seconds)
        check_missed(missed)
        self.seconds = seconds
        self.missed: Missed = missed

    def __aiter__(self) -> "Rhythm":
        return Rhythm(trio.current_time(), self.seconds, self.missed)


@final
class Rhythm:
    """The beats of one loop. An object and no generator: nothing is left to be closed when the loop is left."""

    def __init__(self, start: float, seconds: float, missed: Missed) -> None:
        self._start = start
        self._seconds = seconds
        self._missed: Missed = missed
        self._number = 0

    def __aiter__(self) -> "Rhythm":
        return self

    async def __anext__(self) -> Beat:
        beat = next_beat(self._start, self._seconds, self._number, trio.current_time(), self._missed)
        await trio.sleep_until(beat.due)
        self._number = beat.number
        return beat
