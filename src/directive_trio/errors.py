"""Every error of directive-trio, public address included.

The first split is whose fault it is. Fields are data; ``str()`` composes the sentence from them: what
happened, to which name, what to do.

```text
* DirectiveError                base of every error raised on purpose
  x DefinitionError             what was declared cannot work; raised before anything runs
    + SchemaError               a facts class cannot be read
    + DuplicateNameError        two definitions claim one qualified name
    + UnknownNameError          a reference names nothing; names the nearest existing name
      - UnknownFactError        the same for an attribute of a view (also an AttributeError)
    + DependencyCycleError      `after` or derivations form a ring; carries the ring
    + UnhashableRequirementError  a requirement has no identity: give its resolver a key
  x UsageError                  a right system called wrongly; the caller's code is at fault
    + LifecycleError            not allowed in this state; carries operation and state
    + ReadOnlyFactError         a write where only reading is allowed (also an AttributeError)
    + FactValueError            the fact's type or validators refuse the value (also a ValueError)
    + EventPayloadError         a payload does not fit its event class; names the field
    + ConstraintAnswerError     a constraint answered something that is no requirement
    + UncopyableFactError       an optimistic edit cannot save what it would take back
    + BatchOutcomeError         a batch resolver answered other than an outcome for each requirement
    + TransactionError          a transaction met a checkpoint; its own writes were undone
  x DerivationError             the user's derivation raised; the original is __cause__
  x AbortedError                a run was asked to end; carries the reason
  x ResolverTimeoutError        an attempt took longer than its timeout
  x ConstraintTimeoutError      an async constraint took longer than its timeout
  x TeardownTimeoutError        the teardown of a source took too long and was cut off
  x ConvergenceError            the loop did not come to rest; names the ring
  x SettleTimeoutError          still unsettled at the deadline; names who holds it up
  x WaitTimeoutError            a predicate does not hold at the deadline; names what is outstanding
* DirectiveInternalError        a bug in directive-trio, please report (outside the tree on purpose,
                                so that `except DirectiveError` cannot hide it)
```
"""

from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from directive_trio._definitions.policies import CancelReason

__all__ = [
    "AbortedError",
    "BatchOutcomeError",
    "ConstraintAnswerError",
    "ConstraintTimeoutError",
    "ConvergenceError",
    "DefinitionError",
    "DependencyCycleError",
    "DerivationError",
    "DirectiveError",
    "DirectiveInternalError",
    "DuplicateNameError",
    "EventPayloadError",
    "FactValueError",
    "LifecycleError",
    "ReadOnlyFactError",
    "ResolverTimeoutError",
    "SchemaError",
    "SettleTimeoutError",
    "TeardownTimeoutError",
    "TransactionError",
    "UncopyableFactError",
    "UnhashableRequirementError",
    "UnknownFactError",
    "UnknownNameError",
    "UsageError",
    "WaitTimeoutError",
]


class DirectiveError(Exception):
    """Base of every error that directive-trio raises on purpose."""

    # Written once here, as attrs would for each class: that is a part of what importing the library takes.
    def __repr__(self) -> str:
        names: tuple[str, ...] | None = getattr(self, "__match_args__", None)
        if names is None:
            return super().__repr__()
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"


class DirectiveInternalError(Exception):
    """A bug in directive-trio itself; please report it with its traceback."""


# -- what was declared cannot work -----------------------------------------------------------------


class DefinitionError(DirectiveError):
    """A declaration that cannot work. Raised before anything runs."""


class SchemaError(DefinitionError):
    """A facts class that cannot be read: no attrs class, no default, a refused name."""


@define(eq=False, repr=False, slots=False)
class DuplicateNameError(DefinitionError):
    """Two definitions of one kind claim the same qualified name."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} is defined twice; give one of them another name"


@define(eq=False, repr=False, slots=False)
class UnknownNameError(DefinitionError):
    """A reference that names nothing."""

    kind: str
    name: str
    nearest: str | None = None

    def __str__(self) -> str:
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        return f"there is no {self.kind} {self.name!r}{hint}"


class UnknownFactError(UnknownNameError, AttributeError):
    """A view was given, or a read-only one asked for, an attribute that its facts class does not declare.

    Reading one of ``system[module]`` is Python's own AttributeError, with the interpreter's "Did you mean".
    """

    name: str


@define(eq=False, repr=False, slots=False)
class DependencyCycleError(DefinitionError):
    """A ring: of ``after`` edges at declaration, of derivations at the first read."""

    kind: str
    path: tuple[str, ...]

    def __str__(self) -> str:
        advice = "remove one `after`" if self.kind == "constraint" else "a derivation cannot need itself"
        return f"{self.kind}s form a ring: {' -> '.join(self.path)}; {advice}"


@define(eq=False, repr=False, slots=False)
class UnhashableRequirementError(DefinitionError):
    """A requirement without identity: it cannot be hashed and its resolver declares no key."""

    requirement: str
    resolver: str | None = None

    def __str__(self) -> str:
        where = f"resolver {self.resolver!r}" if self.resolver else "its resolver"
        return (
            f"requirement {self.requirement} cannot be hashed, so it has no identity; make its class "
            f"frozen with hashable fields, or give {where} key=lambda requirement: ..."
        )


# -- a right system called wrongly -----------------------------------------------------------------


class UsageError(DirectiveError):
    """A right system called wrongly; the calling code is at fault."""


@define(eq=False, repr=False, slots=False)
class LifecycleError(UsageError):
    """An operation that the present state does not allow."""

    operation: str
    state: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f"; {self.hint}" if self.hint else ""
        return f"cannot {self.operation} while the system is {self.state}{hint}"


@define(eq=False, repr=False, slots=False)
class ReadOnlyFactError(UsageError, AttributeError):
    """A write through a view that only reads; or any act while a pure function is being computed."""

    name: str
    where: str
    operation: str = "write"

    def __str__(self) -> str:
        return f"cannot {self.operation} {self.name!r}: {self.where}"


@define(eq=False, repr=False, slots=False)
class FactValueError(UsageError, ValueError):
    """A value that the fact's type or validators refuse. The old value stays."""

    fact: str
    expected: str
    preview: str

    def __str__(self) -> str:
        return f"fact {self.fact!r} expects {self.expected}, got {self.preview}; the old value stays"


@define(eq=False, repr=False, slots=False)
class EventPayloadError(UsageError, ValueError):
    """A payload that does not fit its event class. Nothing was written."""

    event: str
    field: str
    problem: str

    def __str__(self) -> str:
        where = f", field {self.field!r}" if self.field else ""
        return f"payload of {self.event!r}{where}: {self.problem}; nothing was written"


@define(eq=False, repr=False, slots=False)
class ConstraintAnswerError(UsageError, TypeError):
    """A constraint answered something that is neither a requirement nor an iterable of them."""

    answer: str

    def __str__(self) -> str:
        return (
            f"a constraint answers a requirement (an instance of an attrs class), an iterable of them, "
            f"or None; this one answered {self.answer}"
        )


@define(eq=False, repr=False, slots=False)
class BatchOutcomeError(UsageError, TypeError):
    """A batch resolver answered something else than one outcome for each requirement."""

    resolver: str
    expected: int
    answered: str

    def __str__(self) -> str:
        return (
            f"batch resolver {self.resolver} was given {self.expected} requirements and answered {self.answered}; "
            f"return None, or {self.expected} outcomes in the same order: None or the exception of each"
        )


@define(eq=False, repr=False, slots=False)
class UncopyableFactError(UsageError, TypeError):
    """An optimistic edit cannot copy a fact that it would have to take back. Nothing was written."""

    fact: str

    def __str__(self) -> str:
        return f"fact {self.fact!r} cannot be copied, so it could not be taken back; hold a value that deepcopy takes"


@define(eq=False, repr=False, slots=False)
class TransactionError(UsageError):
    """Still open when a pass, another task's write or the end of one around it came: its writes were undone."""

    interrupted_by: str

    def __str__(self) -> str:
        return (
            f"the transaction was interrupted by {self.interrupted_by} and its writes were undone; "
            "a transaction spans no checkpoint: do not await inside `with system.transaction()`"
        )


# -- what happened while running -------------------------------------------------------------------


@define(eq=False, repr=False, slots=False)
class DerivationError(DirectiveError):
    """A derivation raised; the original exception is ``__cause__``."""

    derivation: str

    def __str__(self) -> str:
        return f"derivation {self.derivation!r} raised {self.__cause__!r}"


@define(eq=False, repr=False, slots=False)
class AbortedError(DirectiveError):
    """The signal of a run was raised. Leaving a resolver with it ends the run as *cancel*."""

    reason: "CancelReason"

    def __str__(self) -> str:
        return f"aborted: {self.reason}"


@define(eq=False, repr=False, slots=False)
class ResolverTimeoutError(DirectiveError, TimeoutError):
    """One attempt of a run took longer than the resolver's timeout (seconds)."""

    resolver: str
    timeout: float
    attempt: int

    def __str__(self) -> str:
        return f"resolver {self.resolver!r} timed out after {self.timeout:g} s in attempt {self.attempt}"


@define(eq=False, repr=False, slots=False)
class ConstraintTimeoutError(DirectiveError, TimeoutError):
    """An async constraint took longer than its timeout (seconds); it counts as inactive."""

    constraint: str
    timeout: float

    def __str__(self) -> str:
        return f"constraint {self.constraint!r} gave no answer within {self.timeout:g} s"


@define(eq=False, repr=False, slots=False)
class TeardownTimeoutError(DirectiveError, TimeoutError):
    """The teardown of a source took longer than its shield lasts, and was cut off."""

    source: str

    def __str__(self) -> str:
        return (
            f"the teardown of source {self.source!r} was cut off; it has teardown_grace seconds, and no more than "
            "an eviction leaves it"
        )


@define(eq=False, repr=False, slots=False)
class ConvergenceError(DirectiveError):
    """The loop went round without coming to rest. The definition named first is paused."""

    ring: tuple[str, ...]
    limit: int
    what: str

    def __str__(self) -> str:
        return (
            f"no rest after {self.limit} {self.what} in a row: {' -> '.join(self.ring)}; "
            f"{self.ring[0]!r} is paused until a change from outside"
        )


@define(eq=False, repr=False, slots=False)
class SettleTimeoutError(DirectiveError, TimeoutError):
    """Still unsettled after the timeout. The system goes on.

    *holders* are sentences (what, attempt, since when), *unmet* the requirements that stand open, each
    with its reason.
    """

    timeout: float
    holders: tuple[str, ...]
    unmet: tuple[str, ...]
    pass_due: bool

    def __str__(self) -> str:
        lines = [f"not settled after {self.timeout:g} s"]
        lines += [f"  held up by {holder}" for holder in self.holders]
        if self.pass_due:
            lines.append("  a pass is due")
        lines += [f"  unmet: {requirement}" for requirement in self.unmet]
        return "\n".join(lines)


@define(eq=False, repr=False, slots=False)
class WaitTimeoutError(DirectiveError, TimeoutError):
    """What was waited for did not come true within the timeout. Names what was outstanding then."""

    predicate: str
    timeout: float
    holders: tuple[str, ...]
    unmet: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.predicate} does not hold after {self.timeout:g} s"]
        lines += [f"  outstanding: {holder}" for holder in self.holders]
        lines += [f"  unmet: {requirement}" for requirement in self.unmet]
        return "\n".join(lines)
