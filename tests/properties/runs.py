"""The runs of the naive engine: their steps, attempts, places under a limit, and ends."""

import math

from tests.properties.program import BAG, Program, moment, resolver_slot, timeout_of, written
from tests.properties.state import (
    DISPATCHES,
    RETRY_DELAY,
    Entry,
    HandlerError,
    Mind,
    Name,
    Run,
    Stamp,
    Told,
    TooLivelyError,
)
from tests.properties.worlds import Worlds


class Runs(Worlds):
    """What runs. ``log`` tells of it."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.now = 0.0
        self.minds = [Mind() for _ in program.constraints]
        self.entries: dict[Name, Entry] = {}
        self.numbers = 0
        self.dispatched: dict[int, int] = {}
        self.requeued: set[Name] = set()
        self.log: list[Told] = []
        self.together: list[int] = []
        self.leaving: list[Run] = []
        """Cancelled, but as long as this pass lasts they keep their places."""

    def dispatch(self, entry: Entry, began: dict[int, Stamp]) -> bool:
        """Start a run, or queue it; a sync one is over when this returns. Say whether it began."""
        number = entry.name[0]
        assert number is not None
        resolver = self.program.resolvers[number]
        self.dispatched[number] = self.dispatched.get(number, 0) + 1
        if self.dispatched[number] > DISPATCHES:
            raise TooLivelyError
        self.numbers += 1
        run = entry.run = Run(self.numbers, entry, dict.fromkeys(entry.asks, began))
        entry.status = "running"
        run.queued = resolver.limit is not None and self.taken(number) > resolver.limit
        if run.queued:
            self.seen.add("limit")
        else:
            self.begin(run)
        return not run.queued

    def taken(self, number: int) -> int:
        """How many places of a resolver are taken, or spoken for by who waits for one."""
        runs = [*self.live(), *self.leaving]
        return sum(run.entry.name[0] == number for run in runs)

    def fill_places(self) -> None:
        """Begin what was queued, the oldest of a resolver first. Whose place comes free first is trio's to say."""
        begun = 0
        for number, resolver in sorted(enumerate(self.program.resolvers), key=lambda each: each[1].home):
            queued = [run for run in self.live() if run.queued and run.entry.name[0] == number]
            free = (resolver.limit or 0) - self.taken(number) + len(queued)
            for run in sorted(queued, key=lambda run: run.number)[: max(free, 0)]:
                run.queued = False
                begun += 1
                self.begin(run)
        self.together.append(begun)
        self.dirty = self.dirty or bool(self.leaving)
        self.leaving.clear()

    def begin(self, run: Run) -> None:
        """Begin a run that has a place."""
        entry = run.entry
        number = entry.name[0]
        assert number is not None
        resolver = self.program.resolvers[number]
        self.tell("start", entry.name)
        if entry.name[1] == BAG:
            self.seen.add("unhashable")
        if resolver.sync:
            while entry.run is run:
                self.advance(run)
        else:
            self.begin_attempt(run)

    def begin_attempt(self, run: Run) -> None:
        run.step, run.waiting_for_retry = 0, False
        number, _, payload = run.entry.name
        assert number is not None
        resolver = self.program.resolvers[number]
        run.wake = moment(self.now, resolver_slot(number, payload), resolver.steps[0].wait)
        timeout = timeout_of(number, resolver)
        run.deadline = math.inf if timeout is None else self.now + timeout

    def advance(self, run: Run) -> None:
        """Do the next step of a run, and end it after the last."""
        number, _, payload = run.entry.name
        assert number is not None
        resolver = self.program.resolvers[number]
        step = resolver.steps[run.step]
        for fact, value in step.writes:
            self.write(fact, written(value, payload, self.value(fact)), run.number)
            run.wrote = True
        if step.send is not None:
            try:
                self.send(step.send, payload, run.number)
            except HandlerError:
                self.fail(run)
                return
        run.step += 1
        if run.step < len(resolver.steps):
            run.wake = moment(self.now, resolver_slot(number, payload), resolver.steps[run.step].wait)
            return
        if resolver.outcome == "hang":
            run.wake = math.inf
            self.seen.update(["hang", "write and hang"] if run.wrote else ["hang"])
        elif resolver.outcome == "fail" or (resolver.outcome == "fail first" and run.attempt == 1):
            self.fail(run)
        else:
            if resolver.outcome == "requeue" and run.entry.name not in self.requeued:
                self.requeued.add(run.entry.name)
                run.again = True
            self.end(run, "complete")

    def fail(self, run: Run) -> None:
        """An attempt has failed: another one, or the end."""
        self.seen.add("fail")
        number = run.entry.name[0]
        assert number is not None
        if run.attempt < self.program.resolvers[number].attempts:
            run.attempt += 1
            run.waiting_for_retry = True
            run.wake, run.deadline = self.now + RETRY_DELAY, math.inf
            self.seen.add("retry")
        else:
            self.end(run, "error")

    def time_out(self, run: Run) -> None:
        self.seen.add("timeout")
        self.look_beneath(run)
        self.fail(run)
        if run.entry.run is None:
            (self.take_back if run.satisfied else self.take_back_covered)(run)

    def end(self, run: Run, outcome: str, reason: str = "") -> None:
        entry = run.entry
        entry.run, entry.last, entry.outcome = None, run, outcome
        entry.holds.clear()
        entry.left.clear()
        entry.status = "undecided"
        self.dirty = True
        if run.queued:
            return  # nobody was told of it
        if outcome == "cancel":
            self.leaving.append(run)
        self.tell(outcome, entry.name, reason)
        self.seen.add(reason or outcome)

    def cancel(self, entry: Entry, reason: str) -> None:
        """End a run from outside."""
        run = entry.run
        assert run is not None
        self.look_beneath(run)
        entry.asked = entry.producers | entry.left
        self.end(run, "cancel", reason)
        entry.ending = not run.queued
        (self.take_back if run.satisfied else self.take_back_covered)(run)

    def look_beneath(self, run: Run) -> None:
        """What an async constraint has read, too, is an input of a run that it asks for."""
        for reading in [self.minds[number].reading for number in run.entry.producers | run.entry.left]:
            run.beneath |= reading.beneath if reading else set()

    def tell(self, word: str, name: Name, reason: str = "") -> None:
        self.log.append(Told(self.now, word, name, reason))

    def live(self) -> list[Run]:
        return [entry.run for entry in self.entries.values() if entry.run is not None]
