"""What the naive engine remembers, and what is compared: runs, requirements, constraints, log and pictures."""

import math

from attrs import Factory, define

OUTSIDE = 0
RETRY_DELAY = 2.0**-6
PASSES = 30
"""So many passes at one moment, or dispatches of one resolver, come near to R7: the program is left out."""
DISPATCHES = 40

Stamp = tuple[int, ...]
Name = tuple[int | None, int, int]
"""A requirement's identity: resolver, kind, payload."""


class TooLivelyError(Exception):
    """The program goes round so often that the guards of R7 may trip."""


class HandlerError(Exception):
    """A broken event's handler raised."""


@define
class Reading:
    """What a constraint answers in some world, what it read there, and the facts beneath."""

    answer: tuple[Name, ...]
    reads: dict[int, Stamp]
    beneath: set[int]


@define(eq=False)
class Run:
    """One requirement being resolved.

    *since*: what each producer's inputs were at dispatch, or when it joined. *wake*, *deadline*: when the next
    step comes, when the attempt times out.
    """

    number: int
    entry: "Entry"
    since: dict[int, dict[int, Stamp]]
    attempt: int = 1
    step: int = 0
    wake: float = math.inf
    deadline: float = math.inf
    waiting_for_retry: bool = False
    again: bool = False
    queued: bool = False
    """It waits for its turn: its resolver's limit is reached."""
    wrote: bool = False
    satisfied: bool = False
    """Whether its own writes alone made a constraint false, and none has begun to ask since."""
    marked: bool = False
    """Whether it was ever self-satisfied."""
    beneath: set[int] = Factory(set)
    """The facts that its constraints have read, in the real world and in the one without it."""


@define(eq=False)
class Entry:
    """One wanted requirement. *asks* and *holds*: whose real answer, or answer but for the run, contains it."""

    name: Name
    asks: set[int] = Factory(set)
    holds: set[int] = Factory(set)
    left: set[int] = Factory(set)
    """Who asks no more, while the run goes on for others."""
    known: set[int] = Factory(set)
    """Who has ever asked for it."""
    ending: bool = False
    """Somebody's word has cancelled its run since the last pass: that sees it end, the next one decides."""
    asked: set[int] = Factory(set)
    """Who asked for it when that was said."""
    status: str = "new"
    run: Run | None = None
    last: Run | None = None
    outcome: str = ""
    resting: dict[int, dict[int, Stamp]] = Factory(dict)
    reason: str = "removed"

    @property
    def producers(self) -> set[int]:
        return self.asks | self.holds

    @property
    def shown(self) -> str:
        """How it stands, as `inspect` says it."""
        return "queued" if self.run is not None and self.run.queued else self.status

    @property
    def pending(self) -> bool:
        return self.status not in {"unsatisfied", "failed", "cancelled"}


NOT_JOINED: tuple[frozenset[int], dict[int, Stamp]] = (frozenset({-1}), {})
"""No run goes by this number."""


@define(eq=False)
class Mind:
    """How one constraint stands: its answer, and the one it is thinking about until *due*.

    *asked*, *seen*: whether an async one has been asked at all, and what it must differ from to be asked again,
    in the world without its own runs' writes. What runs had written before they were *joined* is no change while
    just these go on (R9).
    """

    off: bool = False
    asked: bool = False
    blocked: bool = False
    reading: Reading | None = None
    thinking: Reading | None = None
    due: float = math.inf
    seen: dict[int, Stamp] = Factory(dict)
    without: frozenset[int] = frozenset()
    """The runs without whose writes it was asked."""
    joined: tuple[frozenset[int], dict[int, Stamp]] = NOT_JOINED


@define(frozen=True)
class Told:
    """One line of the log: what became of a run, or that it started."""

    time: float
    word: str
    name: Name
    reason: str = ""


def told_by_moment(log: list[Told], together: list[int]) -> list[tuple[float, list[Told], list[Told]]]:
    """The log with the ends of each moment, which come in any order, apart from the starts, which do not.

    *together* says how many starts in a row are of one constraint and pass: no rule orders those.
    """
    starts = [told for told in log if told.word == "start"]
    ordered = [sorted(starts[sum(together[:at]) :][:size], key=repr) for at, size in enumerate(together)]
    ordered.append(starts[sum(together) :])
    in_order = [told for group in ordered for told in group]
    ends = sorted((told for told in log if told.word != "start"), key=repr)
    moments = sorted({told.time for told in log})
    return [
        (at, [told for told in in_order if told.time == at], [told for told in ends if told.time == at])
        for at in moments
    ]


@define(frozen=True)
class Picture:
    """Everything that is compared, at one moment."""

    time: float
    facts: tuple[int, ...]
    derived: tuple[int, ...]
    wanted: dict[Name, tuple[str, tuple[int, ...]]]
    runs: frozenset[Name]
    settled: bool
