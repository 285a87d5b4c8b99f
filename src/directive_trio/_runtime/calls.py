"""Calling a definition out of band: its function, once, with what the engine would give it.

No run is made for it: nothing is retried, timed, owned, tracked or observed, and nobody waits for it.
"""

from collections.abc import Callable
from typing import Any

import trio

from directive_trio._definitions.checks import refuse
from directive_trio._definitions.constraint import Constraint
from directive_trio._definitions.derivation import Derivation
from directive_trio._definitions.effect import Effect
from directive_trio._definitions.policies import CancelReason
from directive_trio._definitions.record import Record
from directive_trio._definitions.resolver import Resolver
from directive_trio._planning.answer import Question
from directive_trio._runtime.resolver_run import ResolverRuns
from directive_trio._runtime.signal import RunSignal
from directive_trio._store.lenses import Place
from directive_trio._store.snapshot import instance_of
from directive_trio.errors import AbortedError, UsageError


class CallContext:
    """What a resolver gets that is called out of band. Keeps the promises of `Context`."""

    attempt = 1

    def __init__(self, runs: ResolverRuns, place: Place, signal: RunSignal) -> None:
        self._runs = runs
        self._place = place
        self.signal = signal
        self.facts = place.live
        self.deps = runs.deps

    def snapshot(self) -> Any:
        return instance_of(self._place)

    def requeue(self) -> None:
        """Nobody wants anything: there is nothing to run again."""

    def dispatch(self, event: Record, /) -> None:
        self._runs.dispatch(event, 0)

    def cancel(self) -> None:
        """End the call, as `AbortedError` says to whoever called."""
        reason = CancelReason("cancelled")
        self.signal.abort(reason)
        raise AbortedError(reason)


def call_constraint(constraint: Constraint[Any, Any], question: Question, beside: Callable[[str], Any]) -> Any:
    """Ask a constraint; None where its condition does not hold."""
    if not question.holds(lambda node: node.recall()):
        return None
    return constraint.function(beside(constraint.module))


def call_derivation(derivation: Derivation[Any, Any], view: Any) -> Any:
    """Compute a derivation from what is, whatever is kept of it."""
    return derivation.function(view)


def call_effect(effect: Effect[Any], place: Place) -> Any:
    """Run an effect. A cleanup that it returns is the caller's."""
    return effect.function(place.live)


async def call_resolver(resolver: Resolver[Any, Any], runs: ResolverRuns, requirement: Any) -> Any:
    """Meet one requirement, or a list of them where the resolver takes batches; return what it answers."""
    await trio.lowlevel.checkpoint()
    place = runs.store.modules[resolver.module]
    given = [requirement] if resolver.batch is not None and not isinstance(requirement, list) else requirement
    for one in given if isinstance(given, list) else [given]:
        if not isinstance(one, resolver.requirement):
            refuse(f"call() of resolver {resolver.id!r}", f"a {resolver.requirement.__name__}", one, UsageError)
    outcome: Any = resolver.function(given, CallContext(runs, place, runs.signal(resolver)))
    return await outcome if resolver.is_async else outcome
