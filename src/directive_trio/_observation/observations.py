"""The observations: one frozen class per occurrence, each with a ``type`` word as users filter by it.

All carry ``seq`` (counts up by one in a system) and ``time`` (seconds on the trio clock; outside a running
system the time of the last pass). ``id`` is the qualified name of the definition that the observation is
about; constraints and resolvers may share a name, the ``type`` tells them apart.
"""

from typing import Any, ClassVar, Literal

from attrs import frozen

from directive_trio._definitions.picture import Picture
from directive_trio._definitions.policies import CancelReason, Strategy

__all__ = [
    "ConstraintBlocked",
    "ConstraintError",
    "ConstraintEvaluate",
    "DerivationCompute",
    "EffectError",
    "EffectRun",
    "ErrorRecovery",
    "EventDispatch",
    "EventError",
    "FactChange",
    "FactMutated",
    "MutationDropped",
    "Observation",
    "ObserverError",
    "ReconcileEnd",
    "ReconcileStart",
    "RequirementCanceled",
    "RequirementCreated",
    "RequirementMet",
    "RequirementUnsatisfied",
    "ResolverCancel",
    "ResolverComplete",
    "ResolverError",
    "ResolverRetry",
    "ResolverStart",
    "ResolverWriteRejected",
    "SourceAttach",
    "SourceDetach",
    "SourceDrop",
    "SourceError",
    "SourcePublish",
    "SystemDestroy",
    "SystemInit",
    "SystemSettled",
    "SystemStart",
    "SystemStop",
    "SystemUnsettled",
    "WatcherError",
]


@frozen(eq=False, repr=False)
class Observation(Picture):
    """What every observation carries."""

    type: ClassVar[str] = ""

    seq: int
    time: float


@frozen(eq=False, repr=False)
class FactChange(Observation):
    """A fact has another value than at the pass before. *run*: who wrote it last; 0 is the program itself.

    Of a fact tagged ``pii`` or ``secret`` both values are `HIDDEN`: who may know them reads the fact.
    """

    type: ClassVar[str] = "fact.change"
    id: str
    previous: Any
    value: Any
    run: int


@frozen(eq=False, repr=False)
class FactMutated(Observation):
    """A stored value was changed in place, which nothing can notice (debug only)."""

    type: ClassVar[str] = "fact.mutated"
    id: str
    hint: str


@frozen(eq=False, repr=False)
class DerivationCompute(Observation):
    """A derivation was computed; *error* is what it raised. *value* is `HIDDEN` if it is tagged so."""

    type: ClassVar[str] = "derivation.compute"
    id: str
    value: Any
    error: Exception | None


@frozen(eq=False, repr=False)
class EventDispatch(Observation):
    """An event was dispatched and all its handlers have run. *run*: whose ``ctx.dispatch`` it was, or 0."""

    type: ClassVar[str] = "event.dispatch"
    id: str
    event: Any
    run: int


@frozen(eq=False, repr=False)
class EventError(Observation):
    """A handler raised; the event's writes were undone."""

    type: ClassVar[str] = "event.error"
    id: str
    event: Any
    error: Exception


@frozen(eq=False, repr=False)
class ConstraintEvaluate(Observation):
    """A constraint has answered. *active*: whether it requires anything."""

    type: ClassVar[str] = "constraint.evaluate"
    id: str
    active: bool


@frozen(eq=False, repr=False)
class ConstraintBlocked(Observation):
    """A constraint that was due is not called: the constraints in *waiting_on* are pending."""

    type: ClassVar[str] = "constraint.blocked"
    id: str
    waiting_on: tuple[str, ...]


@frozen(eq=False, repr=False)
class ConstraintError(Observation):
    """A constraint raised or gave no answer in time; it counts as inactive."""

    type: ClassVar[str] = "constraint.error"
    id: str
    error: Exception


@frozen(eq=False, repr=False)
class RequirementCreated(Observation):
    """A requirement is wanted that was not. *id* is the constraint that asked first."""

    type: ClassVar[str] = "requirement.created"
    id: str
    requirement: Any
    resolver: str | None


@frozen(eq=False, repr=False)
class RequirementMet(Observation):
    """A requirement is no longer wanted, and its last run completed."""

    type: ClassVar[str] = "requirement.met"
    id: str
    requirement: Any
    resolver: str | None


@frozen(eq=False, repr=False)
class RequirementUnsatisfied(Observation):
    """The run completed, nothing changed, and the requirement is still wanted. Told once."""

    type: ClassVar[str] = "requirement.unsatisfied"
    id: str
    requirement: Any
    run: int


@frozen(eq=False, repr=False)
class RequirementCanceled(Observation):
    """A requirement is no longer wanted and was not met by a completed run."""

    type: ClassVar[str] = "requirement.canceled"
    id: str
    requirement: Any
    reason: CancelReason


@frozen(eq=False, repr=False)
class ResolverStart(Observation):
    """A run starts: one requirement, all its attempts."""

    type: ClassVar[str] = "resolver.start"
    id: str
    requirement: Any
    run: int


@frozen(eq=False, repr=False)
class ResolverRetry(Observation):
    """An attempt failed and another follows after *delay* seconds."""

    type: ClassVar[str] = "resolver.retry"
    id: str
    requirement: Any
    run: int
    attempt: int
    error: Exception
    delay: float


@frozen(eq=False, repr=False)
class ResolverComplete(Observation):
    """A run completed. *duration* in seconds."""

    type: ClassVar[str] = "resolver.complete"
    id: str
    requirement: Any
    run: int
    attempt: int
    duration: float


@frozen(eq=False, repr=False)
class ResolverError(Observation):
    """A run failed for good: its last attempt raised *error*."""

    type: ClassVar[str] = "resolver.error"
    id: str
    requirement: Any
    run: int
    attempt: int
    error: Exception
    duration: float


@frozen(eq=False, repr=False)
class ResolverCancel(Observation):
    """A run was cancelled and has ended. *error*: what it raised while it cleaned up."""

    type: ClassVar[str] = "resolver.cancel"
    id: str
    requirement: Any
    run: int
    attempt: int
    reason: CancelReason
    error: Exception | None
    duration: float


@frozen(eq=False, repr=False)
class ResolverWriteRejected(Observation):
    """What a run wrote did not land.

    ``kind`` is ``rejection``, or ``summary`` at the end of a run with more than ten of them: ``dropped`` counts
    the others. ``reason`` is ``clobbered`` where the run owns the fact and somebody else has written it: it
    ``expected`` one value, the ``actual`` one is another. Otherwise it is what the run was cancelled for; None:
    it had ended. ``fact`` names the fact, or the event that was dispatched too late.
    """

    type: ClassVar[str] = "resolver.write.rejected"
    id: str
    requirement: Any
    run: int
    kind: Literal["rejection", "summary"]
    reason: CancelReason | None
    fact: str = ""
    expected: Any = None
    actual: Any = None
    dropped: int = 0


@frozen(eq=False, repr=False)
class MutationDropped(Observation):
    """A mutation (``event``) was never handled: before its turn came, a later one took its place."""

    type: ClassVar[str] = "mutation.dropped"
    id: str
    requirement: Any
    event: Any


@frozen(eq=False, repr=False)
class EffectRun(Observation):
    """An effect runs."""

    type: ClassVar[str] = "effect.run"
    id: str


@frozen(eq=False, repr=False)
class EffectError(Observation):
    """An effect or its cleanup raised; *phase* is ``run`` or ``cleanup``."""

    type: ClassVar[str] = "effect.error"
    id: str
    phase: str
    error: Exception


@frozen(eq=False, repr=False)
class SourceAttach(Observation):
    """A source is attached: it has said so, or has published for the first time."""

    type: ClassVar[str] = "source.attach"
    id: str
    key: Any


@frozen(eq=False, repr=False)
class SourcePublish(Observation):
    """An event of a source was dispatched."""

    type: ClassVar[str] = "source.publish"
    id: str
    event: Any


@frozen(eq=False, repr=False)
class SourceDrop(Observation):
    """A publish of a source came to nothing. *event*: the event, or its name where there is none."""

    type: ClassVar[str] = "source.drop"
    id: str
    event: Any
    reason: str
    error: Exception | None


@frozen(eq=False, repr=False)
class SourceError(Observation):
    """A source failed; *phase* is ``attach``, ``runtime`` or ``cleanup``, *message* is cut to 256 characters."""

    type: ClassVar[str] = "source.error"
    id: str
    phase: str
    error: Exception
    message: str


@frozen(eq=False, repr=False)
class SourceDetach(Observation):
    """A source that was attached has ended. *outcome*: completed, failed or cancelled; then there is a *reason*."""

    type: ClassVar[str] = "source.detach"
    id: str
    outcome: str
    reason: CancelReason | None


@frozen(eq=False, repr=False)
class WatcherError(Observation):
    """A watcher's callback raised."""

    type: ClassVar[str] = "watcher.error"
    id: str
    error: Exception


@frozen(eq=False, repr=False)
class ObserverError(Observation):
    """An observer or plugin raised."""

    type: ClassVar[str] = "observer.error"
    id: str
    error: Exception


@frozen(eq=False, repr=False)
class ErrorRecovery(Observation):
    """The error boundary has chosen what to do about an error of the definition *id*."""

    type: ClassVar[str] = "error.recovery"
    id: str
    error: Exception
    strategy: Strategy


@frozen(eq=False, repr=False)
class ReconcileStart(Observation):
    """A pass begins. *changed*: the facts that changed since the last one."""

    type: ClassVar[str] = "reconcile.start"
    number: int
    changed: tuple[str, ...]


@frozen(eq=False, repr=False)
class ReconcileEnd(Observation):
    """A pass is over: how many runs it started and cancelled."""

    type: ClassVar[str] = "reconcile.end"
    number: int
    started: int
    canceled: int


@frozen(eq=False, repr=False)
class SystemInit(Observation):
    """A system was made."""

    type: ClassVar[str] = "system.init"
    id: str


@frozen(eq=False, repr=False)
class SystemStart(Observation):
    """A system starts."""

    type: ClassVar[str] = "system.start"
    id: str


@frozen(eq=False, repr=False)
class SystemStop(Observation):
    """A system has stopped: no task of it is left."""

    type: ClassVar[str] = "system.stop"
    id: str


@frozen(eq=False, repr=False)
class SystemDestroy(Observation):
    """A system was destroyed."""

    type: ClassVar[str] = "system.destroy"
    id: str


@frozen(eq=False, repr=False)
class SystemSettled(Observation):
    """Nothing is outstanding any more."""

    type: ClassVar[str] = "system.settled"
    id: str


@frozen(eq=False, repr=False)
class SystemUnsettled(Observation):
    """Something is outstanding again."""

    type: ClassVar[str] = "system.unsettled"
    id: str
