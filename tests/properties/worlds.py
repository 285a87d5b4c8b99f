"""The facts of the naive engine, and the worlds without some runs' writes: all writes are kept, with their writers.

What a run wrote is only forgotten when it must leave no marker.
"""

from tests.properties.program import (
    FACTS,
    HOMES,
    TOP,
    Program,
    home_of_fact,
    written,
)
from tests.properties.state import OUTSIDE, Entry, HandlerError, Reading, Run, Stamp


class Worlds:
    """What every fact was, by whom it was written, and what follows from it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.logs: list[list[tuple[int, int]]] = [[(OUTSIDE, value)] for value in program.initial]
        self.before = self.now_known = [list(log) for log in self.logs]
        """The logs as they were when the last pass and this one began."""
        self.standing: dict[int, int] = {}
        """Markers of runs that somebody's word has cancelled: they stand until the pass that takes them back."""
        self.touches = [0] * FACTS
        self.dirty = True
        self.seen: set[str] = set()

    def value(self, source: int, hidden: frozenset[int] = frozenset(), beneath: set[int] | None = None) -> int:
        """A fact or derivation in the world without the writes of the *hidden* runs."""
        if source < FACTS:
            if beneath is not None:
                beneath.add(source)
            return next(value for writer, value in reversed(self.logs[source]) if writer not in hidden)
        derived = self.program.derived[source - FACTS]
        first = self.value(derived.first, hidden, beneath)
        return TOP - first if first >= derived.bound else self.value(derived.second, hidden, beneath)

    def stamp(self, source: int, hidden: frozenset[int] = frozenset()) -> Stamp:
        """What a reader compares: the value, and how often a fact was touched."""
        value = self.value(source, hidden)
        return (value, self.touches[source]) if source < FACTS else (value,)

    def stamps(self) -> dict[int, Stamp]:
        """All of them."""
        return {source: self.stamp(source) for source in range(FACTS + len(self.program.derived))}

    def evaluate(self, number: int, hidden: frozenset[int] = frozenset()) -> Reading:
        """Ask a constraint in some world."""
        constraint = self.program.constraints[number]
        reading = Reading((), {}, set())

        def read(source: int) -> int:
            reading.reads[source] = self.stamp(source, hidden)
            return self.value(source, hidden, reading.beneath)

        if all(test.holds(read(test.source)) for test in constraint.tests):
            names = []
            for ask in constraint.asks:
                payload = read(ask.source) if ask.source >= 0 else -1 - ask.source
                names.append((self.program.serving(constraint.home, ask.kind), ask.kind, payload))
            reading.answer = tuple(dict.fromkeys(names))
        return reading

    def alone(self, run: Run) -> list[int] | None:
        """The facts as they were when the last pass began, with what a run has written since; None if nothing."""
        own = [
            [value for write, value in since(log, before) if write == run.number]
            for log, before in zip(self.logs, self.before, strict=True)
        ]
        values = [found[-1] if found else before[-1][1] for found, before in zip(own, self.before, strict=True)]
        return values if any(own) else None

    def evaluate_in(self, number: int, values: list[int]) -> Reading:
        """Ask a constraint in a world of these facts."""
        logs, self.logs = self.logs, [[(OUTSIDE, value)] for value in values]
        reading = self.evaluate(number)
        self.logs = logs
        return reading

    def write(self, fact: int, value: int, writer: int) -> None:
        """Write; an equal value changes nothing."""
        if self.shown(fact) != value:
            self.logs[fact].append((writer, value))
            self.standing.pop(fact, None)
            self.dirty = True

    def shown(self, fact: int) -> int:
        """What a fact is for who writes it now."""
        return self.standing.get(fact, self.value(fact))

    def send(self, number: int, given: int, writer: int) -> None:
        """Dispatch an event: the handlers of the first module, then of the second; all or nothing."""
        event = self.program.events[number]
        before, standing = [list(log) for log in self.logs], dict(self.standing)
        for home in range(len(HOMES)):
            for fact, value in event.writes:
                if home_of_fact(fact) == home:
                    self.write(fact, written(value, given, self.shown(fact)), writer)
        self.seen.add("events")
        if event.broken:
            self.logs, self.standing = before, standing
            self.seen.add("broken events")
            raise HandlerError

    def take_back(self, run: Run) -> None:
        """No marker is left standing: what a run wrote to the inputs of its constraints exists no more (R10)."""
        for fact in run.beneath:
            self.forget(fact, run, len(self.logs[fact]))

    def take_back_covered(self, run: Run) -> None:
        """Nor one that others have covered, when they go: the run was self-satisfied until then."""
        for fact in run.beneath if run.marked else ():
            log = self.logs[fact]
            self.forget(fact, run, max(at for at, write in enumerate(log) if write[0] != run.number))

    def clear_beneath(self, removed: list[Entry], satisfied: set[Run]) -> None:
        for entry in removed:
            if entry.run is not None and entry.run not in satisfied:
                self.take_back_covered(entry.run)

    def forget(self, fact: int, run: Run, end: int) -> None:
        """Take the writes of a run out of the log of a fact, up to *end*."""
        log = self.logs[fact]
        kept = [write for at, write in enumerate(log) if at >= end or write[0] != run.number]
        if kept != log:
            self.logs[fact] = kept
            self.dirty = True
            self.seen.add("taken back" if log[-1] != kept[-1] else "taken back beneath")


def since(log: list[tuple[int, int]], before: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Which writes have come to a log."""
    return [write for write in log if not any(write is other for other in before)]
