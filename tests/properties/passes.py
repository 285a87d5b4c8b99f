"""The passes of the naive engine: the contract's rules in plain lists and dicts, all worked out anew each time.

A pass judges every constraint in its order, for the real world
and for the world without a run's writes (R5), decides about every requirement, and goes round until nothing
changes any more. It shares no code with the engine and none of its ideas of what need not be looked at.
"""

import math
from itertools import groupby

from tests.properties.program import (
    Program,
    moment,
)
from tests.properties.runs import Runs
from tests.properties.state import (
    NOT_JOINED,
    PASSES,
    Entry,
    Mind,
    Name,
    Picture,
    Reading,
    Run,
    Stamp,
    TooLivelyError,
)


class Passes(Runs):
    """What is wanted, from pass to pass."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.running = True
        self.order = program.ranks()
        self.order_without_priorities = program.ranks(by_priority=False)
        self.pictures: list[Picture] = []
        self.removed: list[Entry] = []
        """What nobody asks for any more in this pass; its run goes on until the end of it."""
        self.gone: set[Name] = set()
        """Whose runs were cancelled in the last pass of this moment."""

    # -- a pass -----------------------------------------------------------------------------------

    def settle_moment(self) -> None:
        """Pass after pass, until nothing is due at this moment."""
        self.gone.clear()
        for _ in range(PASSES):
            if not (self.dirty and self.running):
                return
            self.dirty = False
            self.do_pass()
        raise TooLivelyError

    def do_pass(self) -> None:
        """Judge, decide, cancel, dispatch."""
        self.standing.clear()
        self.before, self.now_known = self.now_known, [list(log) for log in self.logs]
        satisfied = self.satisfied()
        ready: list[Entry] = []
        removed = self.removed = []
        self.judge_all(ready, removed)
        satisfied |= self.satisfied() | {entry.run for entry in removed if entry.run and entry.run.satisfied}
        while markers := [entry for entry in removed if entry.run in satisfied]:
            self.clear_beneath(removed, satisfied)
            for run in [entry.run for entry in markers if entry.run is not None]:
                satisfied.discard(run)
                self.take_back(run)
            self.judge_all(ready, removed)
        self.clear_beneath(removed, satisfied)
        before, self.gone = self.gone, set[Name]()
        for entry in removed:
            if entry.run is not None:
                self.end(entry.run, "cancel", entry.reason)
                self.gone.add(entry.name)
        began = self.stamps()
        ready = [entry for entry in ready if self.entries.get(entry.name) is entry]
        ready.sort(key=self.place)
        groups = [list(group) for _, group in groupby(ready, self.place)]
        if any(map(self.is_order_open, groups)):
            raise TooLivelyError  # which of them writes first, or waits, is not said
        if len(ready) > 1 and any(entry.name in before for entry in ready):
            raise TooLivelyError  # it begins when its last run has ended, maybe after the others
        firsts = [self.order[self.place(entry)] for entry in ready]
        if firsts != sorted(firsts, key=self.order_without_priorities.index):
            self.seen.add("priorities")
        for group in groups:
            self.together.append(sum(self.dispatch(entry, began) for entry in group))
        self.fill_places()
        for entry in self.entries.values():
            if entry.ending and not entry.asks <= entry.asked:
                raise TooLivelyError  # whether who comes now has inputs that the run has marked is not said
            self.dirty = self.dirty or entry.ending
            entry.ending = False

    def satisfied(self) -> set[Run]:
        return {run for run in self.live() if run.satisfied}

    def is_order_open(self, group: list[Entry]) -> bool:
        """Whether it matters which of those that one constraint asks for in one pass begins first."""
        numbers = [entry.name[0] for entry in group if entry.name[0] is not None]
        found = {number: self.program.resolvers[number] for number in numbers}
        if any(resolver.sync for resolver in found.values()):
            return len(group) > 1
        return any(resolver.limit is not None and numbers.count(number) > 1 for number, resolver in found.items())

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
                for entry in dict.fromkeys([*left, *asked, *self.entries.values()]):
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
        """The last in the order of those that ever asked for it: when that is judged, one can decide."""
        return max(entry.known, key=self.order.index)

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
        if mind.blocked and self.evaluate(number).answer != (mind.reading.answer if mind.reading else ()):
            self.seen.add("after")
        if mind.off:
            mind.reading = mind.thinking = None
            mind.due, mind.asked = math.inf, False
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

    def blocked_by(self, number: int, entry: Entry) -> bool:
        """Whether a producer of a requirement is what blocks a constraint: waiting for it would be for ever."""
        before = [other for other in self.program.constraints[number].after if self.pending(other)]
        return any(other in entry.producers or self.blocked_by(other, entry) for other in before)

    def pending(self, number: int) -> bool:
        """Whether those after this one must wait (R8)."""
        mind = self.minds[number]
        if mind.off:
            return False
        return (
            self.blocked(number)
            or mind.blocked  # until it has been asked
            or mind.thinking is not None
            or any(entry.pending for entry in self.produced(number))
            or any(number in entry.left for entry in [*self.entries.values(), *self.removed])
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
                    entry.run.marked = entry.run.satisfied = True
                    self.seen.add("self-satisfied")
                    continue
                if number in entry.asks and self.falsified(number, entry):
                    entry.run.satisfied = True
            superseded = any(name[1] == entry.name[1] for name in other)
            self.unlink(entry, number, "superseded" if superseded else "removed")
        for name in answer:
            entry = self.entries.setdefault(name, Entry(name))
            if number not in entry.producers and entry.run is not None:
                entry.run.since.setdefault(number, self.stamps())
            entry.holds.discard(number)
            if number not in entry.asks and entry.run is not None:
                entry.run.satisfied = bool(entry.holds)
            entry.known.add(number)
            entry.asks.add(number)
            entry.left.discard(number)
            if len(entry.asks) > 1:
                self.seen.add("shared")

    def falsified(self, number: int, entry: Entry) -> bool:
        """Whether what a run has written since the last pass would alone have made a constraint false."""
        assert entry.run is not None
        alone = self.alone(entry.run)
        return alone is not None and entry.name not in self.evaluate_in(number, alone).answer

    def unlink(self, entry: Entry, number: int, reason: str) -> None:
        entry.asks.discard(number)
        entry.holds.discard(number)
        entry.resting.pop(number, None)
        if entry.run is not None:
            entry.left.add(number)
        entry.reason = reason

    def think(self, number: int, mind: Mind) -> None:
        """An async constraint: what it read is compared in the world without its own runs' writes (R9)."""
        hidden = self.own_runs(number)
        seen = mind.joined[1] if mind.joined[0] == hidden else mind.seen
        stale = not mind.asked or any(self.stamp(source, hidden) != stamp for source, stamp in seen.items())
        if stale and mind.blocked:
            if mind.thinking is not None:  # else what it has answered may be true again when it is free
                mind.thinking, mind.due, mind.asked = None, math.inf, False
        elif stale:
            self.begin_to_think(number, mind)
        elif mind.thinking is not None and mind.due <= self.now:
            self.answer(number, mind, mind.thinking)

    def answer(self, number: int, mind: Mind, reading: Reading) -> None:
        """What an async constraint has thought about counts now."""
        without = self.own_runs(number)
        before, mind.reading, mind.thinking, mind.due = mind.reading, reading, None, math.inf
        if reading.answer:
            self.seen.add("async")
        for entry in self.produced(number):
            if entry.name not in reading.answer:
                superseded = any(name[1] == entry.name[1] for name in reading.answer)
                self.unlink(entry, number, "superseded" if superseded else "removed")
                if before and entry.run is not None:
                    entry.run.beneath |= before.beneath | reading.beneath
                    if not entry.producers:
                        entry.run.satisfied = True  # what it answered is so without the run's writes
        self.link(number, reading.answer)
        hidden = self.own_runs(number)
        if hidden:
            mind.joined = (hidden, {source: self.stamp(source, hidden) for source in reading.reads})
        if mind.without and self.has_left(number, reading, without):
            self.begin_to_think(number, mind)

    def has_left(self, number: int, reading: Reading, without: frozenset[int]) -> bool:
        """Whether its answer leaves runs that go on for others, and has not seen what these wrote."""
        others = [entry for entry in self.entries.values() if entry.producers and number not in entry.producers]
        strangers = without & {entry.run.number for entry in others if entry.run}
        still = without - strangers
        return bool(strangers) and any(self.stamp(source, still) != stamp for source, stamp in reading.reads.items())

    def begin_to_think(self, number: int, mind: Mind) -> None:
        mind.without = self.own_runs(number)
        mind.thinking, mind.asked = self.evaluate(number, mind.without), True
        mind.seen, mind.joined = mind.thinking.reads, NOT_JOINED
        constraint = self.program.constraints[number]
        mind.due = moment(self.now, constraint.slot(number), constraint.wait or 0)

    def own_runs(self, number: int) -> frozenset[int]:
        """The runs of what an async constraint has answered last; one that goes in this pass is its own to the end."""
        reading = self.minds[number].reading
        answer = () if reading is None else reading.answer
        open_entries = [*self.entries.values(), *self.removed]
        asked = [entry for entry in open_entries if entry.name in answer and number in entry.producers | entry.left]
        return frozenset(entry.run.number for entry in asked if entry.run)

    # -- requirements -----------------------------------------------------------------------------

    def decide(self, entry: Entry) -> bool:
        """Whether to dispatch a requirement now (R6)."""
        if entry.run is not None or entry.ending:
            return False
        if entry.last is not None:  # who has left and comes back later asks for the first time since
            entry.last.since = {number: seen for number, seen in entry.last.since.items() if number in entry.asks}
        waiting = any(
            self.minds[number].thinking or (self.blocked(number) and not self.blocked_by(number, entry))
            for number in entry.producers
        )
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
        if last.again:
            self.seen.add("requeue")
            return True
        if self.changed_since(entry, last):
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
        return any(
            number not in entry.resting
            or any(self.stamp(source) != entry.resting[number][source] for source in self.inputs(number))
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
