"""The naive engine: the contract's rules in plain lists and dicts, everything worked out anew at each pass.

Time is a number; a pass judges every constraint in its order, for the real world
and for the world without a run's writes (R5), decides about every requirement, and goes round until nothing
changes any more. It shares no code with the engine and none of its ideas of what need not be looked at.
"""

import math
from contextlib import suppress
from itertools import groupby

from tests.properties.program import (
    BAG,
    FACTS,
    Cancel,
    Life,
    Program,
    Send,
    Switch,
    Touch,
    Undone,
    Wait,
    Write,
    constraint_slot,
    moment,
    resolver_slot,
    timeout_of,
    written,
)
from tests.properties.state import (
    DISPATCHES,
    OUTSIDE,
    PASSES,
    RETRY_DELAY,
    Entry,
    HandlerError,
    Mind,
    Name,
    Picture,
    Run,
    Stamp,
    Told,
    TooLivelyError,
)
from tests.properties.worlds import Worlds


class Naive(Worlds):
    """Runs a program. ``log`` and ``pictures`` are the result, ``seen`` the features that occurred."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.now = 0.0
        self.running = True
        self.minds = [Mind() for _ in program.constraints]
        self.order = program.ranks()
        self.entries: dict[Name, Entry] = {}
        self.numbers = 0
        self.dispatched: dict[int, int] = {}
        self.requeued: set[Name] = set()
        self.log: list[Told] = []
        self.pictures: list[Picture] = []
        self.together: list[int] = []

    # -- a pass -----------------------------------------------------------------------------------

    def settle_moment(self) -> None:
        """Pass after pass, until nothing is due at this moment."""
        for _ in range(PASSES):
            if not (self.dirty and self.running):
                return
            self.dirty = False
            self.do_pass()
        raise TooLivelyError

    def do_pass(self) -> None:
        """Judge, decide, cancel, dispatch."""
        satisfied = self.satisfied()
        ready: list[Entry] = []
        removed: list[Entry] = []
        self.judge_all(ready, removed)
        satisfied |= self.satisfied()
        while markers := [entry for entry in removed if entry.run in satisfied]:
            self.clear_beneath(removed, satisfied)
            for run in [entry.run for entry in markers if entry.run is not None]:
                satisfied.discard(run)
                self.take_back(run)
            self.judge_all(ready, removed)
        self.clear_beneath(removed, satisfied)
        for entry in removed:
            if entry.run is not None:
                self.end(entry.run, "cancel", entry.reason)
        began = self.stamps()
        ready = [entry for entry in ready if self.entries.get(entry.name) is entry]
        ready.sort(key=self.place)
        groups = [list(group) for _, group in groupby(ready, self.place)]
        if any(len(group) > 1 and any(self.is_sync(entry) for entry in group) for group in groups):
            raise TooLivelyError  # which of them writes first is not said
        self.together += map(len, groups)
        if len({self.program.constraints[self.order[self.place(entry)]].priority for entry in ready}) > 1:
            self.seen.add("priorities")
        for entry in ready:
            self.dispatch(entry, began)

    def satisfied(self) -> set[Run]:
        return {entry.run for entry in self.entries.values() if entry.run and entry.holds}

    def is_sync(self, entry: Entry) -> bool:
        number = entry.name[0]
        return number is not None and self.program.resolvers[number].sync

    def judge_all(self, ready: list[Entry], removed: list[Entry]) -> None:
        """Judge every constraint in its order, and what it asks for, until a whole round changes nothing."""
        changing = True
        while changing:
            before = self.shape()
            for number in self.order:
                left = self.produced(number)
                self.judge(number)
                reading = self.minds[number].reading
                asked = [self.entries[name] for name in reading.answer if name in self.entries] if reading else []
                for entry in dict.fromkeys([*left, *asked]):
                    if entry.producers and entry not in ready and self.last_of(entry) == number and self.decide(entry):
                        ready.append(entry)
                        entry.status = "running"
            for entry in list(self.entries.values()):
                if not entry.producers:
                    del self.entries[entry.name]
                    removed.append(entry)
            changing = self.shape() != before

    def place(self, entry: Entry) -> int:
        """Where it stands in the order of dispatch: with its first producer."""
        return min(self.order.index(number) for number in entry.asks)

    def last_of(self, entry: Entry) -> int:
        """The last of its producers in the order: when that is judged, one can decide."""
        return max(entry.producers, key=self.order.index)

    def shape(self) -> object:
        """What a round of judging may change."""
        return (
            [(name, set(entry.asks), set(entry.holds), entry.status) for name, entry in self.entries.items()],
            [(mind.blocked, mind.due) for mind in self.minds],
        )

    def judge(self, number: int) -> None:
        """Find out what one constraint wants now."""
        mind = self.minds[number]
        mind.blocked = self.blocked(number)
        if mind.blocked:
            self.seen.add("after")
        if mind.off:
            mind.reading = mind.thinking = None
            mind.due = math.inf
            for entry in self.produced(number):
                self.unlink(entry, number, "removed")
        elif self.program.constraints[number].wait is not None:
            self.think(number, mind)
        elif not mind.blocked:
            mind.reading = self.evaluate(number)
            self.link(number, mind.reading.answer)

    def blocked(self, number: int) -> bool:
        """Whether a constraint before this one is pending (R8)."""
        constraint, mind = self.program.constraints[number], self.minds[number]
        return not mind.off and any(self.pending(other) for other in constraint.after)

    def pending(self, number: int) -> bool:
        """Whether those after this one must wait (R8)."""
        mind = self.minds[number]
        if mind.off:
            return False
        return (
            self.blocked(number)
            or mind.thinking is not None
            or any(entry.pending for entry in self.produced(number))
            or any(number in entry.left for entry in self.entries.values())
        )

    def produced(self, number: int) -> list[Entry]:
        return [entry for entry in self.entries.values() if number in entry.producers]

    def link(self, number: int, answer: tuple[Name, ...]) -> None:
        """Compare a real answer with what the constraint wanted: but-for questions for what is missing."""
        for entry in self.produced(number):
            if entry.run is not None:
                entry.run.beneath |= self.evaluate(number).beneath
            if entry.name in answer:
                continue
            other = answer
            if entry.run is not None:
                without = self.evaluate(number, frozenset({entry.run.number}))
                entry.run.beneath |= without.beneath
                other += without.answer
                if entry.name in without.answer:
                    entry.asks.discard(number)
                    entry.holds.add(number)
                    entry.run.marked = True
                    self.seen.add("self-satisfied")
                    continue
            superseded = any(name[1] == entry.name[1] for name in other)
            self.unlink(entry, number, "superseded" if superseded else "removed")
        for name in answer:
            entry = self.entries.setdefault(name, Entry(name))
            if number not in entry.producers and entry.run is not None:
                entry.run.since.setdefault(number, self.stamps())
            entry.asks.add(number)
            entry.holds.discard(number)
            entry.left.discard(number)
            if len(entry.asks) > 1:
                self.seen.add("shared")

    def unlink(self, entry: Entry, number: int, reason: str) -> None:
        entry.asks.discard(number)
        entry.holds.discard(number)
        entry.resting.pop(number, None)
        if entry.run is not None:
            entry.left.add(number)
        elif entry.last is not None:
            entry.last.since.pop(number, None)
        entry.reason = reason

    def think(self, number: int, mind: Mind) -> None:
        """An async constraint: what it read is compared in the world without its own runs' writes (R9)."""
        hidden = frozenset(entry.run.number for entry in self.produced(number) if entry.run)
        known = mind.thinking or mind.reading
        stale = known is None or any(self.stamp(source, hidden) != seen for source, seen in known.reads.items())
        if stale and mind.blocked:
            mind.thinking, mind.due = None, math.inf
        elif stale:
            mind.thinking = self.evaluate(number, hidden)
            mind.due = moment(self.now, constraint_slot(number), self.program.constraints[number].wait or 0)
        elif mind.thinking is not None and mind.due <= self.now:
            mind.reading, mind.thinking, mind.due = mind.thinking, None, math.inf
            self.seen.add("async")
            for entry in self.produced(number):
                if entry.name not in mind.reading.answer:
                    superseded = any(name[1] == entry.name[1] for name in mind.reading.answer)
                    self.unlink(entry, number, "superseded" if superseded else "removed")
            self.link(number, mind.reading.answer)

    # -- requirements -----------------------------------------------------------------------------

    def decide(self, entry: Entry) -> bool:
        """Whether to dispatch a requirement now (R6)."""
        if entry.run is not None:
            return False
        waiting = any(self.blocked(number) or self.minds[number].thinking for number in entry.producers)
        if waiting:
            return False
        if entry.name[0] is None:
            entry.status = "no resolver"
            return False
        if entry.status == "new":
            return True
        if not entry.pending:
            return self.disturbed(entry)
        last = entry.last
        assert last is not None
        if last.again or self.changed_since(entry, last):
            return True
        self.rest(entry)
        return False

    def changed_since(self, entry: Entry, last: Run) -> bool:
        """Whether an input differs from the dispatch: by whomever after success, by others otherwise."""
        hidden = frozenset() if entry.outcome == "complete" else frozenset({last.number})
        return any(
            number not in last.since  # it asks for the first time since the run has ended
            or any(self.stamp(source, hidden) != last.since[number][source] for source in self.inputs(number))
            for number in entry.asks
        )

    def disturbed(self, entry: Entry) -> bool:
        """Whether an input of a standing requirement has changed since it stands."""
        known = {**(entry.last.since if entry.last else {}), **entry.resting}
        return any(
            number not in known or any(self.stamp(source) != known[number][source] for source in self.inputs(number))
            for number in entry.asks
        )

    def inputs(self, number: int) -> dict[int, Stamp]:
        reading = self.minds[number].reading
        return {} if reading is None else reading.reads

    def rest(self, entry: Entry) -> None:
        entry.status = {"complete": "unsatisfied", "error": "failed", "cancel": "cancelled"}[entry.outcome]
        self.seen.add(entry.status)
        entry.resting = {
            number: {source: self.stamp(source) for source in self.inputs(number)} for number in entry.asks
        }

    # -- runs -------------------------------------------------------------------------------------

    def dispatch(self, entry: Entry, began: dict[int, Stamp]) -> None:
        """Start a run; a sync one is over when this returns."""
        number = entry.name[0]
        assert number is not None
        resolver = self.program.resolvers[number]
        self.dispatched[number] = self.dispatched.get(number, 0) + 1
        if self.dispatched[number] > DISPATCHES:
            raise TooLivelyError
        self.numbers += 1
        run = entry.run = Run(self.numbers, entry, dict.fromkeys(entry.asks, began))
        entry.status = "running"
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
                self.seen.add("requeue")
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
        entry, satisfied = run.entry, bool(run.entry.holds)
        self.fail(run)
        if entry.run is None:
            (self.take_back if satisfied else self.take_back_covered)(run)

    def end(self, run: Run, outcome: str, reason: str = "") -> None:
        entry = run.entry
        entry.run, entry.last, entry.outcome = None, run, outcome
        entry.holds.clear()
        entry.left.clear()
        entry.status = "undecided"
        self.tell(outcome, entry.name, reason)
        self.seen.add(reason or outcome)
        self.dirty = True

    def cancel(self, entry: Entry, reason: str) -> None:
        """End a run from outside."""
        run, satisfied = entry.run, bool(entry.holds)
        assert run is not None
        self.end(run, "cancel", reason)
        (self.take_back if satisfied else self.take_back_covered)(run)

    def tell(self, word: str, name: Name, reason: str = "") -> None:
        self.log.append(Told(self.now, word, name, reason))

    # -- time and the driver ----------------------------------------------------------------------

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

    def live(self) -> list[Run]:
        return [entry.run for entry in self.entries.values() if entry.run is not None]

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
                self.write(fact, value, OUTSIDE)
                self.seen.add("writes")
            case Touch(fact):
                self.touches[fact] += 1
                self.logs[fact].append((OUTSIDE, self.value(fact)))
                self.dirty = True
                self.seen.add("touch")
            case Send(event, value):
                with suppress(HandlerError):
                    self.send(event, value, OUTSIDE)
            case Undone():
                self.seen.add("rollback")
            case Switch(number, on):
                if self.minds[number].off == on:
                    self.seen.add("enable" if on else "disable")
                self.minds[number].off = not on
                self.dirty = True
            case Cancel(kind, payload):
                self.cancel_all(kind, payload)
            case Life(on):
                self.switch_life(on)
            case Wait(seconds):
                self.until(self.now + seconds)
                self.pictures.append(self.picture())

    def cancel_all(self, kind: int, payload: int) -> None:
        self.end_all([entry for entry in self.entries.values() if entry.name[1:] == (kind, payload)], "cancelled")

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
            self.seen.add("start again")
            return
        self.seen.add("stop")
        self.end_all(list(self.entries.values()), "stopped")
        self.entries.clear()  # what is still wanted is asked for anew at the next start
        for mind in self.minds:
            mind.thinking = mind.reading = None
            mind.due = math.inf

    def picture(self) -> Picture:
        """What can be compared."""
        return Picture(
            self.now,
            tuple(self.value(fact) for fact in range(FACTS)),
            tuple(self.value(FACTS + number) for number in range(len(self.program.derived))),
            {name: (entry.status, tuple(sorted(entry.asks))) for name, entry in self.entries.items()}
            if self.running
            else {},
            frozenset(run.entry.name for run in self.live()),
            self.running and not self.live() and not any(mind.thinking for mind in self.minds),
        )
