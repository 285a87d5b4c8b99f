"""Policies: retry, the error boundary, and the reasons for which a run is cancelled."""

from collections.abc import Callable
from typing import Literal, TypeAlias, final, get_args

from attrs import field, frozen

from directive_trio._definitions.checks import (
    check_between,
    check_count,
    check_duration,
    check_instance,
    check_sync_function,
    check_word,
    refuse,
)

Backoff: TypeAlias = Literal["none", "linear", "exponential"]
Strategy: TypeAlias = Literal["skip", "retry", "retry_later", "disable", "throw"]
StrategyChoice: TypeAlias = Strategy | Callable[[Exception, str], Strategy | None]
CancelKind: TypeAlias = Literal["removed", "superseded", "timeout", "stopped", "evicted", "cancelled", "clobbered"]

ALLOWED_STRATEGIES: dict[str, tuple[Strategy, ...]] = {
    "resolver": ("skip", "retry", "retry_later", "disable", "throw"),
    "constraint": ("skip", "disable", "throw"),
    "effect": ("skip", "disable", "throw"),
    "source": ("skip", "retry", "retry_later", "disable", "throw"),
    "event": ("skip", "throw"),
    "derivation": ("skip", "throw"),
}
"""What each kind of definition may choose. Retrying belongs to what can be run again on its own."""


@final
@frozen
class CancelReason:
    """Why a run was cancelled; its kind is also the reason given to the trio cancel scope.

    ``removed``: nobody wants it any more. ``superseded``: the same constraint now asks for another
    requirement of that class. ``timeout``: an attempt took longer than ``after`` seconds. ``stopped``,
    ``evicted``: the system ends. ``cancelled``: somebody called ``cancel``. ``clobbered``: an owned fact
    was written by somebody else.
    """

    kind: CancelKind
    after: float | None = None

    def __attrs_post_init__(self) -> None:
        check_word("CancelReason(kind=)", self.kind, get_args(CancelKind))
        if self.after is not None:
            check_duration("CancelReason(after=)", self.after)

    def __str__(self) -> str:
        return self.kind if self.after is None else f"{self.kind} after {self.after:g} s"


@final
@frozen
class Retry:
    """How often and how patiently a failed attempt is repeated. All times are seconds.

    Args:
        attempts: How many attempts in all, the first included; 1 means no retry.
        backoff: ``none``: every wait is *initial_delay*; ``linear``: n times it after attempt n;
            ``exponential``: doubled after each attempt.
        initial_delay: The first wait.
        max_delay: No wait is longer; so *initial_delay* may not be longer either.
        jitter: A share of the wait, 0 to 1, that is taken off at random.
        retry_if: ``(exception, attempt) -> bool``; False ends the run at once. None retries everything.

    Raises:
        DefinitionError: An option cannot be; names it.

    Example:
        >>> [Retry(5, "exponential", 1, max_delay=5).delay(attempt) for attempt in (1, 2, 3, 4)]
        [1, 2, 4, 5]
    """

    attempts: int = 1
    backoff: Backoff = "none"
    initial_delay: float = 0.1
    max_delay: float = 30
    jitter: float = 0
    retry_if: Callable[[Exception, int], bool] | None = None

    def __attrs_post_init__(self) -> None:
        check_count("Retry(attempts=)", self.attempts, " (the first one counts too)")
        check_word("Retry(backoff=)", self.backoff, get_args(Backoff))
        check_duration("Retry(initial_delay=)", self.initial_delay)
        check_duration("Retry(max_delay=)", self.max_delay)
        if self.initial_delay > self.max_delay:
            longest = f"at most max_delay, which is {self.max_delay:g}"
            refuse("Retry(initial_delay=)", longest, self.initial_delay, advice="give a longer max_delay")
        check_between("Retry(jitter=)", self.jitter, 0, 1, "a share of the wait, 0 to 1")
        if self.retry_if is not None:
            check_sync_function("Retry(retry_if=)", self.retry_if)

    def delay(self, attempt: int, chance: float = 0.0) -> float:
        """Return the wait in seconds after attempt number *attempt*; *chance* (0 to 1) picks the jitter."""
        # The exponent is capped where a float still holds the product; max_delay has long taken over.
        factor: int = {"none": 1, "linear": attempt, "exponential": 2 ** min(attempt - 1, 64)}[self.backoff]
        wait = min(self.initial_delay * factor, self.max_delay)
        return wait if not self.jitter else wait * (1 - self.jitter * chance)


@final
@frozen(kw_only=True)
class ErrorBoundary:
    """What happens to an error that the user's code left behind, by the kind of definition it came from.

    Each is a strategy or ``(error, id) -> strategy | None`` (None is skip). All functions are sync.

    Args:
        resolver: After the last attempt of a run: skip, retry, retry_later, disable (its constraints), throw.
        constraint: skip (inactive until an input changes), disable, throw.
        effect: skip, disable, throw.
        source: After the last attempt of a source: skip (it stays detached), retry, retry_later, disable, throw. After
            ``report_error``, where it stays attached: disable, throw.
        event: Only where no caller takes the error: skip, throw.
        derivation: Only where no caller takes the error: skip, throw.
        retry_later: The schedule of ``retry_later``; ``attempts`` counts runs, the first included.
        on_error: Called with ``(error, id)`` for every error.
        on_recovery: Called with ``(error, id, strategy)`` once the strategy is chosen.

    Raises:
        DefinitionError: An option cannot be; names it.
    """

    resolver: StrategyChoice = field(default="skip")
    constraint: StrategyChoice = field(default="skip")
    effect: StrategyChoice = field(default="skip")
    source: StrategyChoice = field(default="skip")
    event: StrategyChoice = field(default="skip")
    derivation: StrategyChoice = field(default="skip")
    retry_later: Retry = Retry(4, "exponential", 1)
    on_error: Callable[[Exception, str], object] | None = None
    on_recovery: Callable[[Exception, str, Strategy], object] | None = None

    def __attrs_post_init__(self) -> None:
        for kind, allowed in ALLOWED_STRATEGIES.items():
            choice = getattr(self, kind)
            if not isinstance(choice, str) or choice not in allowed:
                expected = f"{', '.join(allowed)}, or a sync function"
                check_sync_function(f"ErrorBoundary({kind}=)", choice, expected=expected)
        check_instance("ErrorBoundary(retry_later=)", self.retry_later, Retry, "a Retry")
        for option in ("on_error", "on_recovery"):
            callback = getattr(self, option)
            if callback is not None:
                check_sync_function(f"ErrorBoundary({option}=)", callback)
