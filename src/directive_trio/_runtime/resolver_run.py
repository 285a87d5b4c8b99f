"""Carrying out runs: attempts, timeouts, backoff, cancellation, and the one outcome.

A run is a task with one shielded cancel scope: only the engine cancels it, a cancellation from outside becomes
an ordered stop. An attempt gets a scope of its own only where the resolver has a timeout. Cancel wins over a
return or an exception that comes after it: the reason is set at the moment of cancellation, and the outcome is
read from it when the task has ended.

Most runs have one attempt and no timeout. Between their task and the code of the resolver there is one coroutine and
one scope; the loop of attempts is entered only where there may be more than one, or a timeout.

A sync resolver runs inline, in the pass. Only if its retry policy wants another attempt does it get a task.

A run that finds its resolver's ``limit`` reached is queued. A place that comes free is filled in the next pass:
so the order of starts is the loop's, and a long queue of sync resolvers is a loop and no recursion.
"""

import random
from collections import OrderedDict
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

import trio

from directive_trio._definitions.policies import CancelReason
from directive_trio._definitions.record import Record
from directive_trio._definitions.resolver import Resolver
from directive_trio._definitions.results import refuse_result
from directive_trio._observation.observations import (
    ResolverCancel,
    ResolverComplete,
    ResolverError,
    ResolverRetry,
    ResolverStart,
    ResolverWriteRejected,
)
from directive_trio._planning.planner import Planner
from directive_trio._planning.run import CANCEL, COMPLETE, ERROR, Run
from directive_trio._runtime.boundary import Boundary
from directive_trio._runtime.run_context import CLOBBERED, REJECTIONS_TOLD, RunContext
from directive_trio._runtime.signal import RunSignal, is_abort
from directive_trio._runtime.tasks import PREFIX, Tasks
from directive_trio._runtime.timers import Timers
from directive_trio._store.store import Store
from directive_trio.errors import ResolverTimeoutError

if TYPE_CHECKING:
    from directive_trio._runtime.batch import Batches


class LiveRun:
    """One run that has begun: its scope and the signal of its present attempt, if anybody has asked for that."""

    __slots__ = ("attempt_scope", "run", "scope", "signal", "timed_out")

    def __init__(self, run: Run, signal: RunSignal | None = None) -> None:
        self.run = run
        self.scope = trio.CancelScope(shield=True)
        self.signal = signal
        self.attempt_scope: trio.CancelScope | None = None
        self.timed_out = False

    def time_out(self, after: float) -> None:
        """End the present attempt: its signal first, then its scope."""
        self.timed_out = True
        assert self.attempt_scope is not None  # an attempt with a timeout has one
        self.attempt_scope.cancel(reason="timeout")
        assert self.signal is not None  # and a signal
        self.signal.abort(CancelReason("timeout", after))

    def cancel(self, reason: CancelReason) -> None:
        """End the run, with trio's own cancel reason. Its signal is aborted before its task hears of it."""
        self.scope.cancel(reason=reason.kind)  # comes first: an abort callback might raise a KeyboardInterrupt
        if self.signal is not None:
            self.signal.abort(reason)


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
        self.batches: Batches
        self.tasks: Tasks
        self.live: dict[Run, LiveRun] = {}
        self.queued: dict[str, OrderedDict[Run, None]] = {}
        """Runs that wait for a place, by resolver; one without such runs is not in it."""
        self.freed: set[str] = set()
        """Resolvers with a free place and runs that wait for it."""
        self._busy: dict[str, int] = {}

    # -- beginning --------------------------------------------------------------------------------

    def start(self, run: Run, *, its_turn: bool = False) -> bool:
        """Begin a run, or queue it behind others of a limited resolver. *its_turn*: it has been queued.

        Returns whether it was a sync one, which has ended or written by now.
        """
        resolver = run.wanted.resolver
        assert resolver is not None  # a requirement without one is never dispatched
        if resolver.limit is not None and not self._takes_place(run, resolver, its_turn):
            return False
        batch = resolver.batch
        if batch is not None:
            gathered = self.live[run] = self.batches.gather(run, resolver, batch)
            if self.observers.listening:
                self._tell_start(run, resolver)
            self.batches.call_if_full(gathered, batch)
            return False
        live = self.live[run] = LiveRun(run)
        if not resolver.is_async:
            revision = self.store.revision
            self._run_inline(live, resolver)
            return run.outcome is not None or self.store.revision != revision
        self._start_task(live, resolver)
        if self.observers.listening:
            self._tell_start(run, resolver)
        return False

    def _takes_place(self, run: Run, resolver: Resolver[Any, Any], its_turn: bool) -> bool:
        """Take a place under the resolver's limit; queue behind those that wait, whatever has come free."""
        if its_turn or (resolver.id not in self.queued and self._has_place(resolver)):
            self._busy[resolver.id] = self._busy.get(resolver.id, 0) + 1
            return True
        self.queued.setdefault(resolver.id, OrderedDict())[run] = None
        return False

    def next_queued(self) -> Run | None:
        """Take a run out of its queue for which a place has come free; None when there is no such run."""
        while self.freed:
            resolver_id = min(self.freed)
            run = next(iter(self.queued.get(resolver_id, ())), None)
            if run is not None and self._has_place(_resolver(run)):
                self._unqueue(run)
                run.since = self.observers.clock()
                if run.ownership is not None:
                    run.ownership.begin()
                return run
            self.freed.discard(resolver_id)
        return None

    def is_queued(self, run: Run) -> bool:
        """Whether a run waits for a place under the limit of its resolver."""
        return run in self.queued.get(_resolver(run).id, ())

    def _has_place(self, resolver: Resolver[Any, Any]) -> bool:
        return resolver.limit is None or self._busy.get(resolver.id, 0) < resolver.limit

    def _unqueue(self, run: Run) -> None:
        resolver_id = _resolver(run).id
        queue = self.queued.get(resolver_id, OrderedDict())
        queue.pop(run, None)
        if not queue:
            self.queued.pop(resolver_id, None)

    def _tell_start(self, run: Run, resolver: Resolver[Any, Any]) -> None:
        self.observers.tell(ResolverStart, resolver.id, run.wanted.requirement, run.number)

    def signal(self, resolver: Resolver[Any, Any]) -> RunSignal:
        """Make a signal for an attempt of a run, or for the call of a batch."""
        return RunSignal(self.boundary, resolver.id)

    def signal_of(self, run: Run) -> RunSignal:
        """Make the signal of a run that has only one, since somebody asks for it."""
        signal = self.signal(_resolver(run))
        if run.reason is not None:
            signal.abort(run.reason)
        live = self.live.get(run)
        if live is not None:
            live.signal = signal
        return signal

    def _start_task(self, live: LiveRun, resolver: Resolver[Any, Any], delay: float | None = None) -> None:
        tasks, name = self.tasks, f"{PREFIX}{resolver.id} run {live.run.number}"
        tasks.nursery.start_soon(self._run, live, resolver, delay, name=name)
        tasks.count += 1

    def _context(self, live: LiveRun, resolver: Resolver[Any, Any]) -> RunContext:
        return RunContext(self, live.run, self.store.modules[resolver.module], live.signal)

    # -- ending -----------------------------------------------------------------------------------

    def cancel(self, run: Run) -> None:
        """Carry out a cancellation that planning has recorded."""
        live = self.live.get(run)
        assert run.reason is not None  # planning sets it first
        if live is not None:
            live.cancel(run.reason)
        elif run.outcome is None:  # it has not begun: nobody was told of it
            self._unqueue(run)
            run.outcome = CANCEL
            self.planner.run_ended(run)
            self.wake()

    def cancel_by_itself(self, run: Run, reason: CancelReason) -> None:
        """Cancel a run on its own word: ``ctx.cancel()``."""
        self.planner.cancel_run(run, reason)
        self.live[run].cancel(reason)
        self.wake()

    def stop(self, reason: CancelReason) -> None:
        """Cancel whatever goes on, also where planning could not say so any more."""
        self.queued.clear()
        self.freed.clear()
        for live in self.live.values():
            live.scope.cancel(reason=reason.kind)
        for live in list(self.live.values()):
            live.run.reason = live.run.reason or reason
            live.cancel(live.run.reason)

    def finish(self, live: LiveRun, error: Exception | None) -> None:
        """The code of a run has ended: settle its outcome, make room for the next, tell planning."""
        run = live.run
        if error is not None and is_abort(error):
            # Its own signal: an owned fact was clobbered. Somebody else's: for this run it is its own wish.
            run.reason = run.reason or (live.signal and live.signal.reason) or CancelReason("cancelled")
            error = None
        if run.reason is not None:
            outcome = CANCEL
            if live.signal is not None:
                live.signal.abort(run.reason)
        else:
            outcome = COMPLETE if error is None else ERROR
        del self.live[run]
        resolver = run.wanted.resolver
        assert resolver is not None  # else it could not have begun
        if resolver.limit is not None:
            self._free_place(resolver.id)
        run.outcome = outcome
        if error is not None:
            run.error = error
        if self.observers.listening:
            self._tell_end(run, resolver.id)
        if outcome is ERROR and error is not None:
            run.timed_out = isinstance(error, ResolverTimeoutError)
            run.strategy = self.boundary.recover("resolver", resolver.id, error)
        self.planner.run_ended(run)
        self.wake()

    def _free_place(self, resolver_id: str) -> None:
        self._busy[resolver_id] -= 1
        if resolver_id in self.queued:
            self.freed.add(resolver_id)

    def _tell_end(self, run: Run, resolver: str) -> None:
        about = (resolver, run.wanted.requirement, run.number, run.attempt)
        duration = self.observers.clock() - run.since
        self.tell_rejected(run, resolver)
        if run.outcome is COMPLETE:
            self.observers.tell(ResolverComplete, *about, duration)
        elif run.outcome is ERROR:
            self.observers.tell(ResolverError, *about, run.error, duration)
        else:
            self.observers.tell(ResolverCancel, *about, run.reason, run.error, duration)

    def tell_rejected(self, run: Run, resolver: str) -> None:
        """Sum up the writes that did not land and were not told one by one."""
        untold = run.rejected - REJECTIONS_TOLD
        if untold > 0 and self.observers.listening:
            summary = (resolver, run.wanted.requirement, run.number, "summary", run.reason or CLOBBERED)
            self.observers.tell(ResolverWriteRejected, *summary, "", None, None, untold)

    # -- running ----------------------------------------------------------------------------------

    async def _run(self, live: LiveRun, resolver: Resolver[Any, Any], delay: float | None) -> None:
        """The task of a run; *delay*: the wait before its next attempt, None if it has not had its first."""
        run = live.run
        with self.tasks:
            error: Exception | None = None
            try:
                with live.scope:
                    if run.reason is not None:  # cancelled before its first step: the user's code never begins
                        pass
                    elif delay is None and resolver.timeout is None and resolver.retry.attempts == 1:
                        context = RunContext(self, run, self.store.modules[resolver.module])
                        function = resolver.function
                        outcome: Any = function(run.wanted.requirement, context)
                        await outcome
                    else:
                        error = await self._attempts(live, resolver, delay)
            except Exception as raised:  # noqa: BLE001  # by the resolver, or while it cleaned up
                error = raised
            except BaseException:
                self.crashed(live)
                raise
            self.finish(live, error)
            if error is not None:
                self._throw_if_asked(run)

    def crashed(self, live: LiveRun) -> None:
        """KeyboardInterrupt and SystemExit pass through everything; the run ends with the system."""
        live.run.reason = live.run.reason or CancelReason("stopped")
        self.finish(live, None)

    def _throw_if_asked(self, run: Run) -> None:
        if run.outcome is ERROR and run.strategy == "throw" and run.error is not None:
            raise run.error

    async def _attempts(self, live: LiveRun, resolver: Resolver[Any, Any], delay: float | None) -> Exception | None:
        """Run attempts until one completes, the policy gives up, or the run is cancelled."""
        live.signal = live.signal or self.signal(resolver)
        while True:
            if delay is not None:
                await trio.sleep(delay)  # raises too where the run is cancelled in the tick in which it ends
                live.run.attempt += 1
                live.signal = self.signal(resolver)
            failed = await self._attempt(live, resolver)
            delay = self.next_delay(live.run, resolver, failed, random.random())  # jitter, no secret
            if delay is None:
                return failed

    async def _attempt(self, live: LiveRun, resolver: Resolver[Any, Any]) -> Exception | None:
        """Run one attempt; return what it raised. Its timeout ends it before another can start."""
        failure: Exception | None = None
        try:
            if resolver.timeout is None:
                await self._call(live, resolver)
            else:
                with TimeLimit(live, self.timers, resolver.timeout):
                    await self._call(live, resolver)
        except Exception as error:  # noqa: BLE001  # whatever the user's resolver raises
            failure = error
        if live.timed_out and live.run.reason is None:
            assert resolver.timeout is not None  # only a timeout times out
            timeout = ResolverTimeoutError(resolver.id, resolver.timeout, live.run.attempt)
            timeout.__cause__ = failure
            live.timed_out = False
            return timeout
        return failure

    async def _call(self, live: LiveRun, resolver: Resolver[Any, Any]) -> None:
        if resolver.is_async:
            outcome: Any = resolver.function(live.run.wanted.requirement, self._context(live, resolver))
            await outcome
        else:
            self._call_inline(live, resolver)

    def next_delay(
        self, run: Run, resolver: Resolver[Any, Any], failed: Exception | None, chance: float
    ) -> float | None:
        """Return the wait before the next attempt; None when there is none. *chance*: 0 to 1, for the jitter."""
        retry = resolver.retry
        if failed is None or is_abort(failed) or run.reason is not None:
            return None
        if not self.boundary.tries_again("resolver", resolver.id, retry, failed, run.attempt):
            return None
        delay = retry.delay(run.attempt, chance)
        if self.observers.listening:
            self.observers.tell(
                ResolverRetry, resolver.id, run.wanted.requirement, run.number, run.attempt, failed, delay
            )
        return delay

    # -- sync resolvers ---------------------------------------------------------------------------

    def _run_inline(self, live: LiveRun, resolver: Resolver[Any, Any]) -> None:
        run = live.run
        error: Exception | None = None
        if resolver.retry.attempts > 1:
            live.signal = self.signal(resolver)  # each attempt has its own
        try:
            if self.observers.listening:
                self._tell_start(run, resolver)
            try:
                self._call_inline(live, resolver)
            except Exception as raised:  # noqa: BLE001  # whatever the user's resolver raises
                error = raised
            delay = self.next_delay(run, resolver, error, random.random())  # jitter, no secret
        except BaseException:
            self.crashed(live)
            raise
        if delay is None:
            self.finish(live, error)
            self._throw_if_asked(run)
        else:
            self._start_task(live, resolver, delay)

    def _call_inline(self, live: LiveRun, resolver: Resolver[Any, Any]) -> None:
        outcome = resolver.function(live.run.wanted.requirement, self._context(live, resolver))
        if outcome is not None:
            refuse_result(f"resolver {resolver.id!r}", outcome, "declare it with async def")


class TimeLimit:
    """A scope for one attempt, ended by a timer."""

    __slots__ = ("_live", "_scope", "_timer")

    def __init__(self, live: LiveRun, timers: Timers, timeout: float) -> None:
        self._live = live
        self._scope = live.attempt_scope = trio.CancelScope()
        self._timer = timers.call_at(trio.current_time() + timeout, lambda: live.time_out(timeout))

    def __enter__(self) -> None:
        self._scope.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        self._timer.cancel()
        self._live.attempt_scope = None
        return bool(self._scope.__exit__(kind, error, traceback))


def _resolver(run: Run) -> Resolver[Any, Any]:
    resolver = run.wanted.resolver
    assert resolver is not None  # a requirement without one is never dispatched
    return resolver
