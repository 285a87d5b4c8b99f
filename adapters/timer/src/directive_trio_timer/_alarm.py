"""Alarms: moments that stand in a fact, so that they are kept with the facts and come true in another process.

The source follows the fact: it is attached while there is a moment, and attached anew when it changes. Taking the
moment out of the fact is an event too, and carries the moment it is about: an alarm that was set again stays.
"""

from typing import Any, TypeVar, final

from attrs import frozen

from directive_trio import Module, Record, SourceLink
from directive_trio.abc import Source
from directive_trio_timer._beat import Missed, check_function, check_missed
from directive_trio_timer._wall import WallClock, seconds_of, sleep_until, wall_clock

F = TypeVar("F")


@frozen
class AlarmOver:
    """The moment in a fact has come true, or the system was evicted: the fact is None again."""

    alarm: str
    moment: float


@final
class AlarmSource(Source):
    """Waits for the moment that is its key. Made by `add_alarm`."""

    def __init__(self, alarm: str, event: Record, keep: bool, missed: Missed, clock: WallClock) -> None:
        self._alarm = alarm
        self._event = event
        self._keep = keep
        self._missed = missed
        self._clock = clock

    async def run(self, link: SourceLink, /) -> None:
        moment: Any = link.key
        due = seconds_of(moment)
        link.attached()
        if not self._keep:
            link.on_evict(lambda: link.publish(AlarmOver(self._alarm, moment)))
        late = due < self._clock()
        await sleep_until(due, self._clock)
        link.publish(AlarmOver(self._alarm, moment))
        if not (late and self._missed == "skip"):
            link.publish(self._event)


def add_alarm(
    module: Module[F],
    fact: str,
    event: Record,
    *,
    keep: bool = False,
    missed: Missed = "coalesce",
    clock: WallClock = wall_clock,
) -> None:
    """Publish an event when the moment comes that stands in a fact; then the fact is None again.

    The fact is a ``float | None``: seconds since 1970. Writing it sets the alarm, writing None takes it back. It is
    kept as all facts are, in a snapshot or by a plugin, and comes true in whichever process holds it then.

    Args:
        module: The module of the fact.
        fact: Its name.
        event: The event.
        keep: Whether the alarm stays set when the system is evicted. By default it is cleared: whoever evicts for good
            leaves nothing behind that would come true.
        missed: If the moment passed while nobody waited for it: ``skip`` is silent, ``coalesce`` and ``catch_up``
            publish at once.
        clock: The wall clock, for tests.

    Raises:
        DefinitionError: The policy is none, or the module is sealed.
        DuplicateNameError: The module has a source of the name of the fact.
    """
    check_missed(missed)
    check_function("clock", clock)
    alarm = f"{module.name}::{fact}"

    @module.on(AlarmOver)
    def clear(facts: F, over: AlarmOver) -> None:
        if over.alarm == alarm and getattr(facts, fact) == over.moment:
            setattr(facts, fact, None)

    source = AlarmSource(alarm, event, keep, missed, clock)
    module.add_source(source, name=fact, key=lambda facts: getattr(facts, fact))
