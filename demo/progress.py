"""What the observations say so far, step by step: all that the screen shows while the chain runs.

A step is a module. Each module of the chain has one constraint and one resolver, and the ids of
its observations begin with its name.
"""

from collections import defaultdict

from attrs import Factory, define

from directive_trio.observe import (
    ConstraintBlocked,
    ConstraintEvaluate,
    EventDispatch,
    FactChange,
    Observation,
    RequirementCreated,
    ResolverCancel,
    ResolverComplete,
    ResolverError,
    ResolverRetry,
    ResolverStart,
    SystemSettled,
)

LONGEST_TEXT = 130
"""Longer texts are cut where the width of the screen says nothing else."""


@define
class Step:
    """How far one module has come."""

    name: str
    state: str = "idle"
    constraint: str = ""
    """Id of the constraint that asked for something; ``explain`` takes it."""
    attempt: int = 0
    retries: int = 0
    started: float | None = None
    ended: float | None = None
    detail: str = ""

    def note(self, seen: Observation) -> None:
        """Take in one observation; those that change nothing for a step are passed over."""
        match seen:
            case ConstraintBlocked():
                self.state, self.detail = "waiting", waiting_text(seen)
            case ConstraintEvaluate(active=False) if self.state == "waiting":
                self.state, self.detail = "idle", ""
            case RequirementCreated():
                self.constraint, self.detail = seen.id, repr(seen.requirement)
            case ResolverStart():
                self.begin(seen)
            case ResolverRetry():
                self.state, self.detail = "retrying", error_text(seen.error)
                self.attempt = seen.attempt + 1
                self.retries += 1
            case ResolverComplete() | ResolverError() | ResolverCancel():
                self.end(seen)

    def begin(self, seen: ResolverStart) -> None:
        """A run begins; what an earlier one came to is forgotten."""
        self.state, self.detail = "running", repr(seen.requirement)
        self.attempt, self.started, self.ended = 1, seen.time, None

    def end(self, seen: ResolverComplete | ResolverError | ResolverCancel) -> None:
        """A run has ended, in the one way it ends."""
        self.attempt, self.ended = seen.attempt, seen.time
        match seen:
            case ResolverComplete():
                self.state, self.detail = "done", repr(seen.requirement)
            case ResolverError():
                self.state, self.detail = "failed", error_text(seen.error)
            case ResolverCancel():
                self.state, self.detail = "cancelled", str(seen.reason)

    def elapsed(self, now: float) -> float | None:
        """Seconds the run has taken until its end or *now*; None before there is one."""
        if self.started is None:
            return None
        return (now if self.ended is None else self.ended) - self.started


@define
class Progress:
    """The steps, in the order in which they were first heard of."""

    steps: dict[str, Step] = Factory(dict)
    began: float | None = None

    def note(self, seen: Observation) -> None:
        """Pass an observation on to the step it is about."""
        if self.began is None:
            self.began = seen.time
        if isinstance(seen, STEP_OBSERVATIONS):
            name = seen.id.partition("::")[0]
            self.steps.setdefault(name, Step(name)).note(seen)

    def since_began(self, time: float) -> float:
        """Seconds from the first observation to *time*."""
        return time - (time if self.began is None else self.began)

    @property
    def by_state(self) -> dict[str, list[Step]]:
        """The steps by the state they are in."""
        groups: defaultdict[str, list[Step]] = defaultdict(list)
        for step in self.steps.values():
            groups[step.state].append(step)
        return groups

    @property
    def failed(self) -> list[Step]:
        """The steps whose last run failed for good."""
        return self.by_state["failed"]


STEP_OBSERVATIONS = (
    ConstraintBlocked,
    ConstraintEvaluate,
    RequirementCreated,
    ResolverStart,
    ResolverRetry,
    ResolverComplete,
    ResolverError,
    ResolverCancel,
)


def sentence(seen: Observation) -> str:
    """Say an observation in a few words; empty for those that would only be noise."""
    return run_sentence(seen) or world_sentence(seen)


def run_sentence(seen: Observation) -> str:
    """Say what happens to a run."""
    match seen:
        case ResolverStart():
            return f"starts {seen.requirement!r}"
        case ResolverRetry():
            return f"attempt {seen.attempt} failed, again in {seen.delay:.2f} s: {error_text(seen.error)}"
        case ResolverComplete():
            return f"done in {seen.duration:.2f} s"
        case ResolverError():
            return f"failed for good in attempt {seen.attempt}: {error_text(seen.error)}"
        case ResolverCancel():
            return f"cancelled: {seen.reason}"
    return ""


def world_sentence(seen: Observation) -> str:
    """Say what has become known, is wanted, or is waited for."""
    match seen:
        case EventDispatch():
            return f"event {seen.event!r}"
        case FactChange():
            return f"{seen.previous!r} → {seen.value!r}"
        case ConstraintBlocked():
            return waiting_text(seen)
        case RequirementCreated():
            return f"requires {seen.requirement!r}"
        case SystemSettled():
            return "settled: nothing is outstanding"
    return ""


def waiting_text(seen: ConstraintBlocked) -> str:
    """Say what a blocked constraint waits for."""
    return f"waits for {', '.join(seen.waiting_on)}"


def error_text(error: BaseException) -> str:
    """Class and first line of an error."""
    first = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def shortened(text: str, longest: int = LONGEST_TEXT) -> str:
    """Cut a text that would break the line."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
