"""The reconcile loop: one pass at a time, coalesced, and rest when nothing is due.

Theory of operation
-------------------
The loop is one parked task. The first change after a pass wakes it (`wake` reschedules the task, no event in
between); all writes made before it runs are one pass. A pass is sync from beginning to end, so nobody sees it
half done:

1. ``reconcile.start``, and one ``fact.change`` for each fact that really differs since the last pass;
2. watchers, then effects of what changed;
3. the plan (constraints, but-for questions, decisions: see `planner`);
4. cancel, then dispatch; ``reconcile.end``.

What a pass itself changes is the next pass, before settlement is announced. Passes that only feed each other
are counted, and stopped at ``convergence_limit``.

Whatever could end the rest of the system, or begin it, wakes the loop. So as long as it was not woken, what it has
found out when it last looked still holds, and who waits for rest asks a flag.

Who wrote decides what a pass means: a change from outside breaks the rows of the guards; and if everything
that changed was written by one run, what effects and watchers write in this pass counts as that run's.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from operator import attrgetter
from typing import Any

import trio
from trio.lowlevel import checkpoint_if_cancelled, current_task, reschedule, wait_task_rescheduled

from directive_trio._definitions.policies import CancelReason
from directive_trio._definitions.secrecy import HIDDEN
from directive_trio._definitions.threads import WRONG_THREAD
from directive_trio._observation.observations import (
    FactChange,
    ReconcileEnd,
    ReconcileStart,
    SystemSettled,
    SystemUnsettled,
)
from directive_trio._planning.plan import Plan
from directive_trio._planning.planner import Planner
from directive_trio._planning.wanted import Wanted
from directive_trio._runtime.async_constraint import AsyncConstraints
from directive_trio._runtime.batch import Batches
from directive_trio._runtime.boundary import Boundary
from directive_trio._runtime.chain import Chain
from directive_trio._runtime.effects import Effects
from directive_trio._runtime.holders import holders
from directive_trio._runtime.resolver_run import ResolverRuns
from directive_trio._runtime.retries import ScheduledRetries
from directive_trio._runtime.settlement import Settlement
from directive_trio._runtime.sources import Sources
from directive_trio._runtime.tasks import Tasks
from directive_trio._runtime.timers import Timers
from directive_trio._runtime.watchers import Watchers
from directive_trio._store.cell import ENGINE, OUTSIDE, Cell
from directive_trio._store.store import Store
from directive_trio.errors import UsageError

_writer = attrgetter("writer")


class ReconcileLoop:
    """The loop of one system, and everything it carries out plans with."""

    def __init__(
        self,
        name: str,
        store: Store,
        planner: Planner,
        boundary: Boundary,
        *,
        deps: Any,
        limit: int,
        dispatch: Callable[[Any, int], None],
        state: Callable[[], str],
    ) -> None:
        self.name = name
        self.store = store
        self.observers = store.observers
        self.planner = planner
        self.boundary = boundary
        self.timers = Timers()
        self.runs = ResolverRuns(store, boundary, self.timers, deps, dispatch, self.wake)
        self.runs.batches = Batches(self.runs)
        self.constraints = AsyncConstraints(store, boundary, self.timers, self.wake)
        self.effects = Effects(store, boundary, self.wake)
        self.watchers = Watchers(store, boundary)
        self.retries = ScheduledRetries(self.timers, self._retry)
        self.settlement = Settlement(self._at_rest, state, self.timers)
        self.tasks = Tasks(self.ask_to_stop)
        self.sources = Sources(store, boundary, self.timers, self.watchers, self.wake)
        self.chain = Chain(limit)
        self.runs.tasks = self.constraints.tasks = self.effects.tasks = self.sources.tasks = self.tasks
        self.runs.planner = self.constraints.planner = planner
        self.effects.wrote = self.watchers.wrote = self.chain.wrote
        planner.requirements.chance = random.random  # jitter, no secret
        store.wake = self.wake
        self.debug_check: Callable[[], None] | None = None
        """Looks for facts that were mutated in place, when set."""
        self.stopping = False
        self.passing = False
        self.settled = True
        self.passes = 0
        self._asked: list[Callable[[], None]] = []
        self._changing = False
        """Whether a module comes or goes right now."""
        self._parked: trio.lowlevel.Task | None = None
        self._awake = False
        """Whether somebody has woken it since it last looked."""
        self._woken_from_outside = True
        self._last_revision = 0

    # -- waking -----------------------------------------------------------------------------------

    def wake(self) -> None:
        """Make the loop look again: something changed, ended, or was asked for."""
        self._awake = True
        if not self.passing:
            self._woken_from_outside = True
        if self._parked is not None:
            try:
                reschedule(self._parked)
            except RuntimeError:  # this is no thread of trio's
                raise UsageError(WRONG_THREAD) from None
            self._parked = None

    @property
    def due(self) -> bool:
        """Whether a pass would have anything to do."""
        return (
            self.store.due
            or self.planner.due
            or self.watchers.due
            or self.effects.due
            or bool(self.runs.freed or self.sources.pending)
        )

    def is_settled(self) -> bool:
        """Say whether nothing is outstanding."""
        return not (self._is_busy() or self.retries.scheduled or self.passing or self.due)

    def _is_busy(self) -> bool:
        """Say whether something goes on beside the loop."""
        return bool(self.runs.live or self.runs.queued or self.constraints.under_way or self.effects.under_way)

    # -- the task ---------------------------------------------------------------------------------

    def open(self, nursery: trio.Nursery) -> None:
        """Begin: all constraints and effects are due.

        Raises:
            RuntimeError: The nursery is closed; nothing has begun.
        """
        self.tasks.open(nursery)
        self.tasks.start_service(self.timers.run, name="timers")
        self.stopping = False
        self.settled = True
        self.settlement.failing = False
        self.chain.reset()
        self._awake = self._woken_from_outside = True
        self.planner.begin()
        self.effects.begin()

    async def run(self) -> None:
        """Reconcile until asked to stop. Cancelling it is the same as asking."""
        task, unpark = current_task(), self._unpark
        while not self.stopping:
            await checkpoint_if_cancelled()
            self._awake = False
            if self.store.due or self.due:
                self.reconcile()
            if self.stopping:  # what this pass has started ends before its first step
                break
            if not (self._awake or self.runs.live):  # a run goes on more often than anything else
                self._announce()
                if self.settlement.waiting:
                    self.settlement.look()
            if self._awake:  # by the pass, or by an observer that was told of rest
                await trio.lowlevel.cancel_shielded_checkpoint()
            else:
                self._parked = task
                await wait_task_rescheduled(unpark)

    def _unpark(self, _: Any) -> trio.lowlevel.Abort:
        self._parked = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _announce(self) -> None:
        """Nothing is due: say that it is settled, once, when it is."""
        if not (self.settled or self.retries.scheduled or self._is_busy()):
            self.settled = True
            self.planner.settled()
            if self.observers.listening:
                self.observers.tell(SystemSettled, self.name)

    def _at_rest(self, retries: bool) -> bool:
        """Say whether it is settled, for whoever waits: nobody hears of it before it was told."""
        if self._awake:  # it has not looked yet
            if self.due:
                return False
            self._announce()
        return self.settled or not (retries or self._is_busy())

    def _unsettle(self) -> None:
        self.settled = False
        if self.observers.listening:
            self.observers.tell(SystemUnsettled, self.name)

    # -- the pass ---------------------------------------------------------------------------------

    def reconcile(self) -> None:
        """Run one pass."""
        store = self.store
        if self.settled:
            self._unsettle()
        if store.transaction is not None or self.debug_check is not None or self.sources.pending:
            self._gather()
        self.passing = True
        self.passes += 1
        throw: list[Exception] = []
        started = cancelled = 0
        try:
            changes = store.take_changes()
            self._begin_pass(changes)
            if self.watchers.marked or self.effects.marked or self.effects.throw:
                self._run_what_follows(throw)
            store.ambient = ENGINE  # a sync resolver that writes past its context is still no outsider
            plan = None if self.stopping else self.planner.plan(changes)
            if plan is not None or self.runs.freed:
                started, cancelled = self._carry_out(plan or Plan(), throw)
            if store.revealed:
                store.revealed = {}
            if self._asked:
                self._do_what_was_asked()
        finally:
            store.ambient = OUTSIDE
            self.passing = False
            self._last_revision = store.revision
            if self.sources.pass_over is not None:
                self.sources.pass_ended()
        if self.observers.listening:
            self.observers.tell(ReconcileEnd, self.passes, started, cancelled)
        if throw:
            raise throw[0]

    def after_pass(self, action: Callable[[], None], *, planned: bool = False) -> None:
        """Do what somebody asks for; after the pass, if there is one.

        *planned*: the plan of a pass takes it up, so only while effects and watchers run it has to wait.
        """
        aside = self.effects.running or self.watchers.running or self._changing
        if aside or (self.passing and not planned):
            self._asked.append(action)
        else:
            action()

    def _do_what_was_asked(self) -> None:
        while self._asked:  # a cleanup may ask for more
            asked, self._asked = self._asked, []
            for action in asked:
                action()

    @property
    def occupied(self) -> bool:
        """Whether modules must not come or go now, but a little later."""
        return self.passing or self._changing

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Let a module come or go: what cleanups ask for meanwhile is done after it."""
        self._changing = True
        try:
            yield
        finally:
            self._changing = False
            if not self.passing:  # else the pass does it, in its turn
                self._do_what_was_asked()

    def _gather(self) -> None:
        """Close what is open, and let in what sources have kept for this pass."""
        if self.store.transaction is not None:
            self.store.interrupt("a pass")
        self.check_facts()
        if self.sources.pending:
            self.sources.flush()

    def check_facts(self) -> None:
        """Look for facts that were mutated in place, where that was asked for."""
        if self.debug_check is not None:
            self.debug_check()

    def _begin_pass(self, changes: "dict[Cell, tuple[Any, int]]") -> None:
        if len(changes) == 1:  # as it is in most passes
            (cell,) = changes
            only = cell.writer
            outside = only == OUTSIDE
        else:
            writers = set(map(_writer, changes))
            outside = OUTSIDE in writers
            only = next(iter(writers)) if len(writers) == 1 else ENGINE
        if outside:
            self.planner.changed_from_outside()
            if self.effects.marked:
                self.effects.resume()
            if self.watchers.marked:
                self.watchers.resume()
        if self._woken_from_outside or outside:
            self._woken_from_outside = False
            self.chain.reset()
        else:
            self._count_chain(changes)
        self.store.ambient = only if only > 0 else ENGINE
        if self.observers.listening:
            self.observers.tell(ReconcileStart, self.passes, tuple(cell.name for cell in changes))
            for cell, before in changes.items():
                values = (HIDDEN, HIDDEN) if cell.schema.secret else (before[0], cell.value)
                self.observers.tell(FactChange, cell.name, *values, max(cell.writer, 0))

    def _run_what_follows(self, throw: list[Exception]) -> None:
        """Watchers, then effects: whatever they write, this pass has still to judge."""
        if not self.stopping:
            self.watchers.run_due(throw)
        if not self.stopping:
            self.effects.run_due(throw)

    def _carry_out(self, plan: Plan, throw: list[Exception]) -> tuple[int, int]:
        """Cancel, then start; stop in between takes effect at once. Return how many were started and cancelled."""
        if plan.throw:
            throw += plan.throw
        if plan.cancel or plan.abandon or plan.unschedule:
            self._cancel(plan)
        started = 0
        for run in plan.start:
            if self.stopping:
                break
            if run.reason is None:  # else it was cancelled before its turn came
                started += 1
                if self.runs.start(run):
                    self.chain.wrote(run.wanted)
        if self.runs.freed:
            started += self._start_queued()
        if plan.evaluate or plan.schedule:
            self._ask_and_schedule(plan)
        return started, len(plan.cancel)

    def _ask_and_schedule(self, plan: Plan) -> None:
        if self.stopping:
            return
        for node in plan.evaluate:
            if node.outstanding:
                self.constraints.ask(node)
        for wanted, delay in plan.schedule:
            self.retries.schedule(wanted, delay)

    def _start_queued(self) -> int:
        """Fill the places that have come free. Return how many runs were started."""
        started = 0
        while not self.stopping and (queued := self.runs.next_queued()) is not None:
            started += 1
            if self.runs.start(queued, its_turn=True):
                self.chain.wrote(queued.wanted)
        return started

    def _cancel(self, plan: Plan) -> None:
        for run in plan.cancel:
            self.runs.cancel(run)
        for node in plan.abandon:
            self.constraints.abandon(node)
        for wanted in plan.unschedule:
            self.retries.unschedule(wanted)

    def _retry(self, wanted: Wanted) -> None:
        self.planner.retry_due(wanted)
        self.wake()

    # -- rings of passes --------------------------------------------------------------------------

    def _count_chain(self, changes: "dict[Cell, tuple[Any, int]]") -> None:
        """Count passes that were caused by nothing but the pass before."""
        if any(cell.version > self._last_revision for cell in changes):
            self.chain.reset()
        elif self.chain.too_long():
            self._stop_ring()

    def _stop_ring(self) -> None:
        offender, error = self.chain.ring()
        if isinstance(offender, Wanted):
            self.planner.requirements.stop_resolver(offender.resolver_id or "", error)
            return
        offender.paused = True
        if self.boundary.recover("effect", offender.id, error) == "throw":
            self.planner.requirements.plan.throw.append(error)

    # -- stopping ---------------------------------------------------------------------------------

    def ask_to_stop(self) -> None:
        """Start nothing more. The loop ends as soon as it runs again."""
        self.stopping = self.effects.stopped = True
        self.sources.ask_to_stop()
        self.wake()

    def wind_down(self, reason: CancelReason) -> None:
        """Cancel what goes on and clean up. The tasks end on their own.

        Every step is taken, even where a user's callback raises a KeyboardInterrupt: or who waits for the end
        of the tasks would wait for ever.
        """
        self.ask_to_stop()
        with ExitStack() as steps:  # the last one first
            steps.callback(self.effects.clean_up)
            steps.callback(self.effects.cancel_tasks)
            steps.callback(self.retries.clear)
            steps.callback(self.constraints.stop)
            steps.callback(self.runs.stop, reason)
            steps.callback(self.settlement.wake_all)
            self.check_facts()
            self.planner.stop(reason)
            self.cancel_decided()

    def cancel_decided(self) -> None:
        """End at once what somebody's word has cancelled; everything else waits for the next pass."""
        plan = self.planner.requirements.plan
        decided = Plan()
        decided.cancel, plan.cancel = plan.cancel, decided.cancel
        decided.unschedule, plan.unschedule = plan.unschedule, decided.unschedule
        self._cancel(decided)

    def close(self, reason: CancelReason) -> None:
        """All tasks have ended."""
        self.planner.reset(reason)
        self.effects.reset()
        self.settlement.wake_all()

    def holders(self) -> list[str]:
        """Say what holds up settlement, a sentence each."""
        return holders(self.runs, self.constraints, self.effects, self.retries, self.observers.clock())
