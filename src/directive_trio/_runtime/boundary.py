"""The error boundary at work: which strategy, who is told, and that no error is silent."""

import logging
from collections import deque
from typing import get_args

from attrs import frozen

from directive_trio._definitions.policies import ALLOWED_STRATEGIES, ErrorBoundary, Retry, Strategy
from directive_trio._definitions.printing import spelt
from directive_trio._definitions.results import refuse_unrun
from directive_trio._observation.observations import ErrorRecovery
from directive_trio._observation.observers import Observers

logger = logging.getLogger("directive_trio")

KEPT = 100
"""How many errors ``inspect`` shows."""


@frozen
class ErrorRecord:
    """One error as ``inspect`` shows it."""

    kind: str
    id: str
    error: Exception
    strategy: Strategy
    time: float


class Boundary:
    """Turns an error into a strategy. A callback that raises, or answers nonsense, is reported: skip."""

    def __init__(self, policy: ErrorBoundary, observers: Observers) -> None:
        self.policy = policy
        self.observers = observers
        self.logged_elsewhere = False
        """Whether a plugin logs errors."""
        self.errors: deque[ErrorRecord] = deque(maxlen=KEPT)

    def recover(self, kind: str, definition: str, error: Exception) -> Strategy:
        """Choose the strategy for an error, and tell everybody about both."""
        self.report(kind, definition, error)
        strategy = self._choose(kind, definition, error)
        self.errors.append(ErrorRecord(kind, definition, error, strategy, self.observers.clock()))
        if self.observers.listening:
            self.observers.tell(ErrorRecovery, definition, error, strategy)
        callback = self.policy.on_recovery
        if callback is not None:
            try:
                refuse_unrun("on_recovery", callback(error, definition, strategy))
            except Exception:
                logger.exception("on_recovery raised for %s", definition)
        return strategy

    def report(self, kind: str, definition: str, error: Exception, *, observed: bool = True) -> None:
        """Tell ``on_error``, or the log where nobody else does; *observed*: whether plugins are told of it."""
        callback = self.policy.on_error
        if callback is not None:
            try:
                refuse_unrun("on_error", callback(error, definition))
            except Exception:
                logger.exception("on_error raised for %s", definition)
        elif not (self.logged_elsewhere and observed):
            logger.error("%s %s: %r", kind, definition, error, exc_info=error)

    def tries_again(self, kind: str, definition: str, retry: Retry, failed: Exception, attempt: int) -> bool:
        """Ask a schedule whether there is another attempt. A predicate that raises is reported: there is none."""
        if attempt >= retry.attempts:
            return False
        if retry.retry_if is None:
            return True
        try:
            again = retry.retry_if(failed, attempt)
            refuse_unrun(f"retry_if of {definition!r}", again)
            return bool(again)
        except Exception as error:  # noqa: BLE001  # whatever the user's predicate raises, also as a truth value
            self.report(kind, definition, error, observed=False)
            return False

    def report_unjudged(self, constraint: str, error: Exception) -> None:
        """Tell what an async constraint raised when nobody waited for its answer any more."""
        self.report("constraint", constraint, error, observed=False)

    def _choose(self, kind: str, definition: str, error: Exception) -> Strategy:
        choice = getattr(self.policy, kind)
        if not callable(choice):
            return choice  # type: ignore[no-any-return]  # checked when it was declared
        try:
            answer = choice(error, definition)
            refuse_unrun(f"the {kind} strategy", answer)
        except Exception:
            logger.exception("the %s strategy raised for %s; it counts as skip", kind, definition)
            return "skip"
        if answer is None:
            return "skip"
        if not isinstance(answer, str) or answer not in get_args(Strategy) or answer not in ALLOWED_STRATEGIES[kind]:
            logger.error("the %s strategy answered %s for %s; it counts as skip", kind, spelt(answer), definition)
            return "skip"
        return answer
