"""Sources that publish an event when it is time."""

import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, tzinfo
from inspect import iscoroutinefunction
from typing import TypeAlias, final

import trio

from directive_trio import Record, SourceLink
from directive_trio.abc import Source
from directive_trio.errors import DefinitionError
from directive_trio_timer._beat import Beat, Missed, check_function, check_missed, check_period
from directive_trio_timer._cron import CronRhythm, check_cron
from directive_trio_timer._every import every
from directive_trio_timer._wall import CORRECTION, LOOK_AGAIN, WallClock, seconds_of, sleep_until, wall_clock

MakeEvent: TypeAlias = Record | Callable[[Beat], Record]
"""An event, the same each time, or what makes one from the beat."""


def maker_of(event: MakeEvent) -> Callable[[Beat], Record]:
    """Return what makes the event of a beat.

    Raises:
        DefinitionError: It is async.
    """
    if iscoroutinefunction(event):
        raise DefinitionError(f"event={event.__name__} must be an event, or a sync function that makes one")
    if callable(event):
        return event
    return lambda _beat: event


@final
class RepeatSource(Source):
    """Publishes an event in an even rhythm. Made by `repeat`."""

    def __init__(self, event: MakeEvent, rhythm: every) -> None:
        self._event = maker_of(event)
        self._rhythm = rhythm

    async def run(self, link: SourceLink, /) -> None:
        link.attached()
        async for beat in self._rhythm:
            link.publish(self._event(beat))


def repeat(event: MakeEvent, *, every: float, missed: Missed = "skip") -> RepeatSource:
    """Publish an event every so many seconds, without drift; the first one period after the source is attached.

    Args:
        event: An event, or ``(beat) -> event``.
        every: The period in seconds.
        missed: What becomes of beats that could not be published in time: ``skip``, ``coalesce`` or ``catch_up``.

    Raises:
        DefinitionError: The period is no number above 0, the policy is none, or the function is async.

    Example:
        >>> from attrs import frozen
        >>> @frozen
        ... class Tick:
        ...     number: int
        >>> heartbeat = repeat(lambda beat: Tick(beat.number), every=1.0)
    """
    check_period("every", every)
    return RepeatSource(event, _every(every, missed=missed))


_every = every  # `repeat` has an option of that name


@final
class AtSource(Source):
    """Publishes an event once. Made by `at`."""

    def __init__(self, moment: float, event: Record, missed: Missed, clock: WallClock) -> None:
        self._moment = moment
        self._event = event
        self._missed = missed
        self._clock = clock

    async def run(self, link: SourceLink, /) -> None:
        link.attached()
        late = self._moment < self._clock()
        await sleep_until(self._moment, self._clock)
        if not (late and self._missed == "skip"):
            link.publish(self._event)


def at(moment: datetime | float, event: Record, *, missed: Missed = "skip", clock: WallClock = wall_clock) -> AtSource:
    """Publish an event once, at a moment of the wall clock; then the source is completed.

    A system that is stopped and started again attaches its sources again: with ``skip`` a moment that has passed stays
    passed. A moment that must survive the process is an alarm: `add_alarm`.

    Args:
        moment: A `datetime` with a time zone, or seconds since 1970.
        event: The event.
        missed: If the moment has passed when the source is attached: ``skip`` is silent, ``coalesce`` and ``catch_up``
            publish at once.
        clock: The wall clock, for tests.

    Raises:
        DefinitionError: It is no moment or has no time zone, or an option cannot be.
    """
    check_missed(missed)
    check_function("clock", clock)
    return AtSource(seconds_of(moment), event, missed, clock)


@final
class CronSource(Source):
    """Publishes an event when the calendar says so. Made by `cron`."""

    def __init__(self, expression: str, event: MakeEvent, zone: tzinfo, missed: Missed, clock: WallClock) -> None:
        self._expression = expression
        self._event = maker_of(event)
        self._zone = zone
        self._missed: Missed = missed
        self._clock = clock

    async def run(self, link: SourceLink, /) -> None:
        link.attached()
        latest = self._clock()
        rhythm = CronRhythm(self._expression, self._zone, latest, self._missed)
        beat = rhythm.next_beat(latest)
        while True:
            now = self._clock()
            if now < latest - CORRECTION:
                rhythm.begin_at(now)
                beat = rhythm.next_beat(now)
            latest = now
            await trio.sleep(max(0.0, min(beat.due - now, LOOK_AGAIN)))
            if beat.due <= self._clock():
                link.publish(self._event(beat))
                beat = rhythm.next_beat(self._clock())


def cron(
    expression: str,
    event: MakeEvent,
    *,
    zone: tzinfo = UTC,
    missed: Missed = "skip",
    clock: WallClock = wall_clock,
) -> CronSource:
    """Publish an event at the moments of a cron expression, as the clocks of a time zone show them.

    A change of the clocks is what it is for Debian's cron: nothing is left out, nothing runs twice. A clock that is put
    back by more than three hours was wrong before, and the calendar goes on from where it stands then. Moments that
    pass while the machine sleeps are missed; so are none while the system is stopped: there is nobody to miss them.

    Args:
        expression: Five fields (minute, hour, day, month, weekday), or six with seconds first.
        event: An event, or ``(beat) -> event``; ``beat.due`` is in seconds since 1970.
        zone: The time zone.
        missed: What becomes of moments that passed unseen: ``skip``, ``coalesce`` or ``catch_up``.
        clock: The wall clock, for tests.

    Raises:
        DefinitionError: It is no expression, never comes true, or an option cannot be.
    """
    check_cron(expression)
    check_missed(missed)
    check_function("clock", clock)
    if not isinstance(zone, tzinfo):
        raise DefinitionError(f"zone={zone!r} must be a tzinfo; write ZoneInfo({zone!r})")
    return CronSource(expression, event, zone, missed, clock)


Fetch: TypeAlias = Callable[[], Awaitable[Record | None]]


@final
class PollSource(Source):
    """Asks again and again. Made by `poll`."""

    coalesce = "last_write_wins"

    def __init__(self, fetch: Fetch, pause: float, timeout: float) -> None:
        self._fetch = fetch
        self._pause = pause
        self._timeout = timeout

    async def run(self, link: SourceLink, /) -> None:
        link.attached()
        while True:
            try:
                with trio.fail_after(self._timeout):
                    event = await self._fetch()
            except Exception as error:  # noqa: BLE001  # the program's; a cancellation is none
                link.report_error(error)
            else:
                if event is not None:
                    link.publish(event)
            await trio.sleep(self._pause)


def poll(fetch: Fetch, *, every: float, timeout: float = math.inf) -> PollSource:
    """Ask at once, and again so many seconds after the end of each time.

    A fetch that raises is reported (``source.error``, phase ``runtime``) and polling goes on; one that is cancelled is
    no error. Only the last answer before a pass counts (``coalesce="last_write_wins"``); give ``add_source`` another
    ``coalesce`` if each must.

    Args:
        fetch: ``async () -> event``, or None for nothing new.
        every: Seconds between the end of a fetch and the next.
        timeout: A fetch that takes longer is ended, and reported as `trio.TooSlowError`.

    Raises:
        DefinitionError: A number is none above 0, or there is nothing to call.
    """
    check_function("fetch", fetch)
    check_period("every", every)
    check_period("timeout", timeout, for_ever=True)
    return PollSource(fetch, every, timeout)
