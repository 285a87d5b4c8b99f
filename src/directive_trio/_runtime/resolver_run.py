"""Carrying out runs: attempts, timeouts, backoff, cancellation, and the one outcome.

A run is a task with one shielded cancel scope: only the engine cancels it, a cancellation from outside becomes
an ordered stop. An attempt gets a scope of its own only where the resolver has a timeout. Cancel wins over a
return or an exception that comes after it: the reason is set at the moment of cancellation, and the outcome is
read from it when the task has ended.

A sync resolver runs inline, in the pass. Only if its retry policy wants another attempt does it get a task.
"""

import random
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import trio

from directive_trio._definitions.policies import CancelReason
from directive_trio._definitions.record import Record
from directive_trio._definitions.resolver import Resolver
from directive_trio._observation.observations import (
    ResolverCancel,
    ResolverComplete,
    ResolverError,
    ResolverRetry,
    ResolverStart,
)
from directive_trio._planning.planner import Planner
from directive_trio._planning.run import Outcome, Run
from directive_trio._runtime.boundary import Boundary
from directive_trio._runtime.run_context import RunContext
from directive_trio._runtime.signal import RunSignal
from directive_trio._runtime.tasks import Tasks
from directive_trio._runtime.timers import Timers
from directive_trio._store.store import Store
from directive_trio.errors import AbortedError, ResolverTimeoutError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class LiveRun:
    """One run that has begun: its scope and the signal of its present attempt."""

    __slots__ = ("attempt_scope", "run", "scope", "signal", "timed_out")

    def __init__(self, run: Run, signal: RunSignal) -> None:
        self.run = run
        self.scope = trio.CancelScope(shield=True)
        self.signal = signal
        self.attempt_scope: trio.CancelScope | None = None
        self.timed_out = False

    def time_out(self, after: float) -> None:
        """End the present attempt: its signal first, then its scope."""
        self.timed_out = True
        self.signal.abort(CancelReason("timeout", after))
        assert self.attempt_scope is not None  # an attempt with a timeout has one
        self.attempt_scope.cancel(reason="timeout")

    def cancel(self, reason: CancelReason) -> None:
        """End the run: its signal first, then its scope, with trio's own cancel reason."""
        self.signal.abort(reason)
        self.scope.cancel(reason=reason.kind)


class ResolverRuns:
    """All runs that have begun and not ended, and those that wait for a place under their resolver's limit."""

    def __init__(
        self,
        store: Store,
        boundary: Boundary,
        timers: Timers,
        deps: Any,
        dispatch: Callable[[Record, int], None],
        wake: Callable[[], None],
    ) -> None:
        self.store = store
        self.observers = store.observers
        self.boundary = boundary
        self.timers = timers
        self.deps = deps
        self.dispatch = dispatch
        self.wake = wake
        self.planner: Planner
        self.tasks: Tasks
        self.live: dict[Run, LiveRun] = {}
        self.queued: dict[str, deque[Run]] = {}
        self.busy: dict[str, int] = {}

    @property
    def outstanding(self) -> bool:
        """Whether any run goes on or waits for its place."""
        return bool(self.live) or any(self.queued.values())

    # -- beginning --------------------------------------------------------------------------------

    def start(self, run: Run) -> None:
        """Begin a run, or queue it behind others of a limited resolver."""
        resolver = _resolver(run)
        if resolver.limit is not None:
            if self.busy.get(resolver.id, 0) >= resolver.limit:
                self.queued.setdefault(resolver.id, deque()).append(run)
                return
            self.busy[resolver.id] = self.busy.get(resolver.id, 0) + 1
        self._begin(run, resolver)

    def _begin(self, run: Run, resolver: Resolver[Any, Any]) -> None:
        run.since = self.observers.clock()
        if self.observers.listening:
            self.observers.tell(ResolverStart, resolver.id, run.wanted.requirement, run.number)
        live = self.live[run] = LiveRun(run, self._signal(resolver))
        if resolver.is_async:
            self.tasks.start(self._run, live, resolver, name=f"{resolver.id} run {run.number}")
        else:
            self._run_inline(live, resolver)

    def _signal(self, resolver: Resolver[Any, Any]) -> RunSignal:
        return RunSignal(lambda error: self.boundary.report("resolver", resolver.id, error))

    def _context(self, live: LiveRun, resolver: Resolver[Any, Any]) -> RunContext:
        place = self.store.modules[resolver.module]
        return RunContext(live.run, place, self.store, live.signal, self.deps, self.dispatch, self.cancel_by_itself)

    # -- ending -----------------------------------------------------------------------------------

    def cancel(self, run: Run) -> None:
        """Carry out a cancellation that planning has recorded."""
        live = self.live.get(run)
        assert run.reason is not None  # planning sets it first
        if live is not None:
            live.cancel(run.reason)
        elif run.outcome is None:  # it has not begun: nobody was told of it
            queue = self.queued.get(_resolver(run).id)
            if queue is not None and run in queue:
                queue.remove(run)
            run.outcome = Outcome.CANCEL
            self.planner.run_ended(run)
            self.wake()

    def cancel_by_itself(self, run: Run, reason: CancelReason) -> None:
        """``ctx.cancel()``."""
        self.planner.cancel_run(run, reason)
        self.live[run].cancel(reason)
        self.wake()

    def _finish(self, live: LiveRun, error: Exception | None) -> None:
        """The code of a run has ended: settle its outcome, make room for the next, tell planning."""
        run = live.run
        resolver = _resolver(run)
        if run.reason is None and isinstance(error, AbortedError):
            run.reason, error = error.reason, None
        if run.reason is not None:
            outcome = Outcome.CANCEL
            if isinstance(error, AbortedError):
                error = None
            live.signal.abort(run.reason)
        else:
            outcome = Outcome.COMPLETE if error is None else Outcome.ERROR
        del self.live[run]
        if resolver.limit is not None:
            self.busy[resolver.id] -= 1
        self._end(run, outcome, error)
        if resolver.limit is not None and self.queued.get(resolver.id):
            self.start(self.queued[resolver.id].popleft())

    def _end(self, run: Run, outcome: Outcome, error: Exception | None) -> None:
        run.outcome = outcome
        run.error = error
        resolver = run.wanted.resolver_id or ""
        if self.observers.listening:
            self._tell_end(run, resolver)
        if outcome is Outcome.ERROR and error is not None:
            run.timed_out = isinstance(error, ResolverTimeoutError)
            run.strategy = self.boundary.recover("resolver", resolver, error)
        self.planner.run_ended(run)
        self.wake()

    def _tell_end(self, run: Run, resolver: str) -> None:
        about = (resolver, run.wanted.requirement, run.number, run.attempt)
        duration = self.observers.clock() - run.since
        if run.outcome is Outcome.COMPLETE:
            self.observers.tell(ResolverComplete, *about, duration)
        elif run.outcome is Outcome.ERROR:
            self.observers.tell(ResolverError, *about, run.error, duration)
        else:
            self.observers.tell(ResolverCancel, *about, run.reason, run.error, duration)

    # -- running ----------------------------------------------------------------------------------

    async def _run(self, live: LiveRun, resolver: Resolver[Any, Any]) -> None:
        """The task of a run."""
        error: Exception | None = None
        try:
            with live.scope:
                error = await self._attempts(live, resolver)
        except Exception as unexpected:  # noqa: BLE001  # what a cancelled resolver raised while it cleaned up
            error = unexpected
        except BaseException:
            # KeyboardInterrupt and SystemExit pass through everything; the run ends with the system.
            live.run.reason = live.run.reason or CancelReason("stopped")
            self._finish(live, None)
            raise
        self._finish(live, error)
        self._throw_if_asked(live.run)

    def _throw_if_asked(self, run: Run) -> None:
        if run.outcome is Outcome.ERROR and run.strategy == "throw" and run.error is not None:
            raise run.error

    async def _attempts(self, live: LiveRun, resolver: Resolver[Any, Any]) -> Exception | None:
        """Run attempts until one completes, the policy gives up, or the run is cancelled."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while True:
            failed = await self._attempt(live, resolver)
            delay = self._next_delay(live.run, resolver, failed)
            if delay is None:
                return failed
            await trio.sleep(delay)
            self._next_attempt(live, resolver)

    def _next_attempt(self, live: LiveRun, resolver: Resolver[Any, Any]) -> None:
        live.run.attempt += 1
        live.signal = self._signal(resolver)

    async def _attempt(self, live: LiveRun, resolver: Resolver[Any, Any]) -> Exception | None:
        """Run one attempt; return what it raised. Its timeout ends it before another can start."""
        context = self._context(live, resolver)
        requirement = live.run.wanted.requirement
        try:
            if resolver.timeout is None:
                await self._call(resolver, requirement, context)
            else:
                with self._time_limit(live, resolver.timeout):
                    await self._call(resolver, requirement, context)
        except Exception as error:  # noqa: BLE001  # whatever the user's resolver raises
            failure: Exception | None = error
        else:
            failure = None
        if live.timed_out and live.run.reason is None:
            assert resolver.timeout is not None  # only a timeout times out
            timeout = ResolverTimeoutError(resolver.id, resolver.timeout, live.run.attempt)
            timeout.__cause__ = failure
            live.timed_out = False
            return timeout
        return failure

    async def _call(self, resolver: Resolver[Any, Any], requirement: Record, context: RunContext) -> None:
        outcome = resolver.function(requirement, context)
        if outcome is not None:
            await outcome

    def _time_limit(self, live: LiveRun, timeout: float) -> "AbstractContextManager[object]":
        return _TimeLimit(live, self.timers, timeout)

    def _next_delay(self, run: Run, resolver: Resolver[Any, Any], failed: Exception | None) -> float | None:
        """Return the wait before the next attempt; None when there is none."""
        retry = resolver.retry
        if failed is None or isinstance(failed, AbortedError) or run.reason is not None:
            return None
        if run.attempt >= retry.attempts:
            return None
        try:
            if retry.retry_if is not None and not retry.retry_if(failed, run.attempt):
                return None
        except Exception as error:  # noqa: BLE001  # the user's predicate; without its answer, no retry
            self.boundary.report("resolver", resolver.id, error)
            return None
        delay = retry.delay(run.attempt, random.random())  # jitter, no secret
        if self.observers.listening:
            self.observers.tell(
                ResolverRetry, resolver.id, run.wanted.requirement, run.number, run.attempt, failed, delay
            )
        return delay

    # -- sync resolvers ---------------------------------------------------------------------------

    def _run_inline(self, live: LiveRun, resolver: Resolver[Any, Any]) -> None:
        run = live.run
        error: Exception | None = None
        try:
            outcome = resolver.function(run.wanted.requirement, self._context(live, resolver))
            if outcome is not None:
                getattr(outcome, "close", lambda: None)()
                raise TypeError(f"resolver {resolver.id!r} answered {outcome!r}; declare it with async def")
        except Exception as raised:  # noqa: BLE001  # whatever the user's resolver raises
            error = raised
        except BaseException:
            run.reason = run.reason or CancelReason("stopped")
            self._finish(live, None)
            raise
        delay = self._next_delay(run, resolver, error)
        if delay is not None:
            self.tasks.start(self._retry_inline, live, resolver, delay, name=f"{resolver.id} run {run.number}")
            return
        self._finish(live, error)
        self._throw_if_asked(run)

    async def _retry_inline(self, live: LiveRun, resolver: Resolver[Any, Any], delay: float) -> None:
        """Wait out the backoff of a sync resolver, then run it inline again."""
        with live.scope:
            await trio.sleep(delay)
        if live.scope.cancelled_caught:
            self._finish(live, None)
            return
        self._next_attempt(live, resolver)
        self._run_inline(live, resolver)


class _TimeLimit:
    """A scope for one attempt, ended by a timer."""

    __slots__ = ("_live", "_scope", "_timeout", "_timer", "_timers")

    def __init__(self, live: LiveRun, timers: Timers, timeout: float) -> None:
        self._live = live
        self._timers = timers
        self._timeout = timeout

    def __enter__(self) -> None:
        self._scope = self._live.attempt_scope = trio.CancelScope()
        self._scope.__enter__()
        moment = trio.current_time() + self._timeout
        self._timer = self._timers.call_at(moment, lambda: self._live.time_out(self._timeout))

    def __exit__(self, *exc_details: object) -> bool:
        self._timer.cancel()
        self._live.attempt_scope = None
        return bool(self._scope.__exit__(*exc_details))


def _resolver(run: Run) -> Resolver[Any, Any]:
    resolver = run.wanted.resolver
    assert resolver is not None  # a requirement without one is never dispatched
    return resolver
