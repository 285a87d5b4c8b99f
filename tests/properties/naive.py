"""The naive engine: time is a number, and the driver acts between the moments at which something is due.

It shares no code with the engine and none of its ideas of what need not be looked at.
"""

import math
from contextlib import suppress

from tests.properties.passes import Passes
from tests.properties.program import EVE, FACTS, Cancel, Life, Send, Switch, Touch, Undone, Wait, Write
from tests.properties.state import OUTSIDE, Entry, HandlerError, Picture, TooLivelyError


class Naive(Passes):
    """Runs a program. ``log`` and ``pictures`` are the result, ``seen`` the features that occurred."""

    def until(self, then: float) -> None:
        """Let everything happen up to *then*, moment by moment."""
        while True:
            self.settle_moment()
            moments = [mind.due for mind in self.minds] + [
                moment for run in self.live() for moment in (run.wake, run.deadline)
            ]
            at = min([*moments, math.inf])
            if at > then or not self.running:
                break
            self.now = at
            self.happen()
        self.now = then

    def happen(self) -> None:
        """Whatever is due at this moment."""
        timeouts = [run for run in self.live() if run.deadline <= self.now]
        if timeouts and any(run.wake <= self.now for run in self.live()):
            raise TooLivelyError  # a tie: either may come first
        for run in self.live():
            if run.deadline <= self.now:
                self.time_out(run)
            elif run.wake <= self.now:
                if run.waiting_for_retry:
                    self.begin_attempt(run)
                else:
                    self.advance(run)
        self.dirty = self.dirty or any(mind.due <= self.now for mind in self.minds)

    def run(self) -> None:
        """The whole program."""
        list(map(self.act, self.program.actions))

    def act(self, action: object) -> None:
        """What the driver does."""
        match action:
            case Write(fact, value):
                self.see_change("writes", fact, value)
                self.write(fact, value, OUTSIDE)
            case Touch(fact):
                self.touches[fact] += 1
                self.logs[fact].append((OUTSIDE, self.shown(fact)))
                self.standing.pop(fact, None)
                self.dirty = True
                self.seen.add("touch")
            case Send(event, value):
                with suppress(HandlerError):
                    self.send(event, value, OUTSIDE)
            case Undone(fact, value):
                self.see_change("rollback", fact, value)
            case Switch(number, on):
                self.switch(number, on)
            case Cancel(kind, payload):
                self.cancel_all(kind, payload)
            case Life(on):
                self.switch_life(on)
            case Wait(seconds):
                self.until(self.now + seconds - EVE)
                self.pictures.append(self.picture())
                self.now += EVE  # and what is due now is due in one pass with what the driver does
                self.dirty = self.dirty or any(mind.due <= self.now for mind in self.minds)

    def see_change(self, feature: str, fact: int, value: int) -> None:
        if value != self.value(fact):
            self.seen.add(feature)

    def switch(self, number: int, on: bool) -> None:
        if self.running and on and self.minds[number].off and self.evaluate(number).answer:
            self.seen.add("enable")
        if not on and self.produced(number):
            self.seen.add("disable")
        self.minds[number].off = not on
        self.dirty = True

    def cancel_all(self, kind: int, payload: int) -> None:
        before = [self.shown(fact) for fact in range(FACTS)]
        self.end_all([entry for entry in self.entries.values() if entry.name[1:] == (kind, payload)], "cancelled")
        self.standing.update({fact: was for fact, was in enumerate(before) if was != self.value(fact)})

    def end_all(self, entries: list[Entry], reason: str) -> None:
        self.clear_beneath(entries, self.satisfied())
        for entry in entries:
            if entry.run is not None:
                self.cancel(entry, reason)

    def switch_life(self, on: bool) -> None:
        if on == self.running:
            return
        self.running = on
        if on:
            self.dirty = True
            if any(self.evaluate(number).answer for number in self.order):
                self.seen.add("start again")
            return
        if self.live():
            self.seen.add("stop")
        self.end_all(list(self.entries.values()), "stopped")
        self.leaving.clear()
        self.entries.clear()  # what is still wanted is asked for anew at the next start
        for mind in self.minds:
            mind.thinking = mind.reading = None
            mind.due, mind.asked = math.inf, False

    def picture(self) -> Picture:
        """What can be compared."""
        return Picture(
            self.now,
            tuple(self.value(fact) for fact in range(FACTS)),
            tuple(self.value(FACTS + number) for number in range(len(self.program.derived))),
            {name: (entry.shown, tuple(sorted(entry.asks))) for name, entry in self.entries.items()}
            if self.running
            else {},
            frozenset(run.entry.name for run in self.live() if not run.queued),
            self.running and not self.live() and not any(mind.thinking for mind in self.minds),
        )
