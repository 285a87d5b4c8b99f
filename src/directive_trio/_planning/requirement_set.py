"""The requirement set: identity, who asks for what, and what follows from a run's end.

A requirement lives here from the first constraint (or ``require``) that asks for it until none does and its
last run has ended. Everything in this file answers one of three questions: is this the same requirement? what
changes when a constraint begins or ceases to ask for it? and, when its run has ended, what now?
"""

import logging
from collections.abc import Callable
from typing import Any

from directive_trio._definitions.policies import CancelReason, Retry
from directive_trio._definitions.printing import spelt
from directive_trio._definitions.record import Record
from directive_trio._definitions.resolver import Resolver
from directive_trio._observation.observations import (
    RequirementCanceled,
    RequirementCreated,
    RequirementMet,
    RequirementUnsatisfied,
)
from directive_trio._observation.observers import Observers
from directive_trio._planning.agenda import Agenda
from directive_trio._planning.blocking import blocked_by, update_pending
from directive_trio._planning.constraint_node import ButFor, ConstraintNode
from directive_trio._planning.convergence import Row
from directive_trio._planning.identity import Identities, Identity
from directive_trio._planning.inputs import by_others, differ, differs_for, take_inputs
from directive_trio._planning.ownership import Owners
from directive_trio._planning.plan import Plan
from directive_trio._planning.run import CANCEL, COMPLETE, ERROR, Run
from directive_trio._planning.wanted import (
    ASKS,
    CANCELLED,
    FAILED,
    HOLDS,
    LEFT,
    NEW,
    PAUSED,
    PENDING,
    RETRY,
    RUNNING,
    UNDECIDED,
    UNRESOLVED,
    UNSATISFIED,
    Inputs,
    Status,
    Wanted,
)
from directive_trio._planning.writers import Writers
from directive_trio._store.store import Store
from directive_trio.errors import ConvergenceError

AT_ONCE = 10
"""How many runs in a row the strategy ``retry`` starts."""
REMEMBERED = 1000
"""How many requirements that are gone ``explain`` still knows."""

logger = logging.getLogger("directive_trio")

STANDING = frozenset({UNSATISFIED, FAILED, CANCELLED, PAUSED})
"""Still wanted, decided, and dispatched again only when something changes."""


class RequirementSet:
    """All requirements that are wanted now, or whose run has not ended."""

    def __init__(
        self,
        store: Store,
        observers: Observers,
        agenda: Agenda,
        resolvers: dict[str, dict[type, Resolver[Any, Any]]],
        retry_later: Retry,
        limit: int,
    ) -> None:
        self.store = store
        self.observers = observers
        self.agenda = agenda
        self.resolvers = resolvers
        """By module, in module order, and requirement class."""
        self.identity = Identities(resolvers).of
        self.retry_later = retry_later
        self.limit = limit
        self.plan = Plan()
        self.began: float | None = None
        """When this pass began; None until somebody has asked."""
        self.chance: Callable[[], float] = float
        self.recover: Callable[[str, str, Exception], object] = lambda *_: None
        self.disable: Callable[[ConstraintNode], None] = lambda _: None
        self.epoch = 0
        """Goes up with each change from outside and each settlement: it breaks every row."""
        self.outside = 0
        """Goes up with each change from outside: it ends every pause."""
        self.runs = 0
        self.live: dict[Identity, Wanted] = {}
        self.last: dict[Identity, Wanted] = {}
        """How requirements that are gone have ended, for ``explain``; bounded."""
        self.leaving: dict[Wanted, CancelReason] = {}
        """What nobody asks for so far in this pass: a constraint further on may still take it over."""
        self.owners: Owners | None = None
        self.writers = Writers(store)
        self.unresolved: set[type] = set()
        self.paused: dict[Wanted, None] = {}
        self._stopped: dict[str, int] = {}
        """Resolvers that went round in circles, and how often the outside had changed by then."""
        self._rows: dict[str, Row] = {}

    # -- entries ----------------------------------------------------------------------------------

    def entries(self, requirement: Record) -> list[Wanted]:
        """Return the entries of a requirement, one for each resolver that serves it."""
        kind = type(requirement)
        modules = [module for module, known in self.resolvers.items() if kind in known] or [""]
        keys = [self.identity(module, requirement)[0] for module in modules]
        return [self.live[key] for key in keys if key in self.live]

    def _home(self, requirement: Record) -> str:
        """Return the module whose resolver the program means: where it is wanted, or was wanted last."""
        kind = type(requirement)
        homes = [module for module, known in self.resolvers.items() if kind in known]
        if not homes[1:]:
            return ""
        keys = {self.identity(module, requirement)[0]: module for module in homes}
        wanted = next((key for key in keys if key in self.live), None)
        if wanted is None:
            wanted = next((key for key in reversed(self.last) if key in keys), None)
        return "" if wanted is None else keys[wanted]

    def find(self, module: str, requirement: Record) -> Wanted:
        """Return the entry of a requirement; a new one where nobody wanted it."""
        return self.entry(*self.identity(module, requirement), requirement)

    def entry(self, key: Identity, resolver: Resolver[Any, Any] | None, requirement: Record) -> Wanted:
        """Return the entry of an identity; a new one where nobody wanted it."""
        wanted = self.live.get(key)
        if wanted is None:
            wanted = self.live[key] = Wanted(key, requirement, resolver)
        wanted.newest = requirement
        return wanted

    # -- who asks ---------------------------------------------------------------------------------

    def ask(self, node: ConstraintNode, wanted: Wanted) -> None:
        """A constraint begins to ask for a requirement."""
        self._begin(wanted, node.id)
        before = wanted.link(node, ASKS)
        if before is None and wanted.pending:
            node.open += 1
        if wanted.but_for:
            self._drop_but_for(node, wanted)
        run = wanted.run
        if run is None:
            self.agenda.push_decision(wanted)
        elif run.live:
            if before is None:
                run.inputs.append(self._take_inputs(node, wanted).sources)
            run.marked = run.marked or run.self_satisfied
            run.self_satisfied = bool(wanted.holding)

    def hold(self, node: ConstraintNode, wanted: Wanted, sink: ButFor) -> None:
        """A constraint asks no more, but would but for the run's own writes."""
        wanted.link(node, HOLDS)
        wanted.but_for[node] = sink
        node.hold(wanted)

    def require(self, requirement: Record) -> None:
        """The system itself begins to ask for a requirement."""
        wanted = self.find(self._home(requirement), requirement)
        self._begin(wanted, "system")
        wanted.required = True
        if wanted.run is not None:
            wanted.again = not wanted.run.live
            return
        if wanted.status in STANDING:
            self.set_status(wanted, NEW)
        self.agenda.push_decision(wanted)

    def withdraw(self, wanted: Wanted) -> bool:
        """The system itself asks no more, because somebody has cancelled it. False where it did not ask."""
        if not wanted.required:
            return False
        wanted.required = wanted.again = False
        wanted.end_reason = CancelReason("cancelled")
        if not wanted.wanted:
            self._tell_end(wanted, met=False)
        self.agenda.push_decision(wanted)
        return True

    def leave(self, node: ConstraintNode, wanted: Wanted, reason: CancelReason) -> None:
        """A constraint ceases to ask for a requirement, and would not ask but for the run's writes either."""
        if wanted.but_for:
            self._drop_but_for(node, wanted)
        run = wanted.run
        if run is not None and run.outcome is None:
            wanted.link(node, LEFT)
        else:
            self._unlink(node, wanted)
        if not wanted.wanted:
            self.leaving[wanted] = reason

    def end_next(self) -> Run | None:
        """All constraints are judged: end one of those that nobody took over. Returns the run it cancelled."""
        wanted = next(iter(self.leaving))
        reason = self.leaving.pop(wanted)
        if wanted.gone or wanted.wanted:
            return None
        self._end(wanted, reason)
        return wanted.run

    def _begin(self, wanted: Wanted, origin: str) -> None:
        if (self.leaving and self.leaving.pop(wanted, None) is not None) or wanted.wanted or wanted.told:
            return
        wanted.origin = origin
        wanted.told = True
        if self.observers.listening:
            self.observers.tell(RequirementCreated, origin, wanted.requirement, wanted.resolver_id)

    def _end(self, wanted: Wanted, reason: CancelReason) -> None:
        """Nobody wants it any more: cancel its run, or let it go."""
        wanted.end_reason = reason
        run = wanted.run
        if run is not None:
            if run.live:
                if run.ownership is not None:
                    return  # it goes on, and what becomes of the requirement is told at its end
                self.cancel_run(run, reason)
            self._tell_end(wanted, met=False)
            return  # it is let go when its run has ended and been judged
        if wanted.status is RETRY:
            self.plan.schedule = [entry for entry in self.plan.schedule if entry[0] is not wanted]
            self.plan.unschedule.append(wanted)
        self._let_go(wanted)

    def _let_go(self, wanted: Wanted) -> None:
        run, key, last = wanted.last_run, wanted.key, self.last
        self.writers.close(run)
        self._tell_end(wanted, met=run is not None and run.outcome is COMPLETE)
        wanted.gone = True
        del self.live[key]
        self.paused.pop(wanted, None)
        last.pop(key, None)
        last[key] = wanted
        if len(last) > REMEMBERED:
            del last[next(iter(last))]

    def _tell_end(self, wanted: Wanted, *, met: bool) -> None:
        told, wanted.told = wanted.told, False
        if not told or not self.observers.listening:
            return
        if met:
            self.observers.tell(RequirementMet, wanted.origin, wanted.requirement, wanted.resolver_id)
        else:
            self.observers.tell(RequirementCanceled, wanted.origin, wanted.requirement, wanted.end_reason)

    def _unlink(self, node: ConstraintNode, wanted: Wanted) -> None:
        if wanted.run is None:  # until its end is judged, what it was dispatched for is still compared
            wanted.inputs.pop(node, None)
        if wanted.link(node, None) is not None and wanted.pending:
            node.open -= 1
            update_pending(node, self.agenda)

    def _drop_but_for(self, node: ConstraintNode, wanted: Wanted) -> None:
        sink = wanted.but_for.pop(node, None)
        if sink is not None:
            self.store.disconnect(sink)
            node.let_go(wanted)

    def set_status(self, wanted: Wanted, status: Status) -> None:
        """Change how a requirement stands, and tell its constraints if that makes it pending or not."""
        before, wanted.pending = wanted.pending, status in PENDING
        wanted.status = status
        if wanted.pending is not before:
            for node in wanted.links:
                node.open += -1 if before else 1
                update_pending(node, self.agenda)

    def forget(self, reason: CancelReason) -> None:
        """Want nothing any more."""
        for wanted in list(self.live.values()):
            for node in list(wanted.but_for):
                self._drop_but_for(node, wanted)
            if wanted.run is not None:
                wanted.last_run = wanted.run
                wanted.run.close_world()
            wanted.end_reason = reason
            self._tell_end(wanted, met=False)
            self._let_go(wanted)
        self.leaving.clear()
        self.plan = Plan()

    # -- runs -------------------------------------------------------------------------------------

    def cancel_run(self, run: Run, reason: CancelReason) -> None:
        """Cancel a live run: from now on nothing it writes lands. The runtime ends its task."""
        run.reason = reason
        self.plan.cancel.append(run)
        self.writers.take_back_covered(run)
        if reason.kind == "cancelled":
            self.withdraw(run.wanted)

    def dispatch(self, wanted: Wanted) -> None:
        """Start a run, unless there is no resolver or the row is too long."""
        if wanted.resolver is None:
            self._unresolved(wanted)
            return
        if self._stopped.get(wanted.resolver.id) == self.outside:
            self._pause(wanted)
            return
        if self.began is None:
            self.began = self.observers.clock()
        row = self._rows.get(wanted.resolver.id) or self._new_row(wanted.resolver.id)
        if not row.dispatch(wanted.key, self.epoch, self.began, self.limit):
            self._runaway(wanted, row)
            return
        self.writers.close(wanted.last_run)
        self.runs += 1
        self.writers.open(self.runs)
        wanted.requirement = wanted.newest
        wanted.again = False
        wanted.inputs = {}
        run = wanted.run = Run(self.runs, wanted, self.began)
        for node in wanted.links:  # whoever is linked to what has no run asks for it
            run.inputs.append(self._take_inputs(node, wanted).sources)
        if self.owners is not None:
            run.ownership = self.owners.bind(run)
        self.set_status(wanted, RUNNING)
        self.plan.start.append(run)

    def _new_row(self, resolver_id: str) -> Row:
        row = self._rows[resolver_id] = Row()
        return row

    def _take_inputs(self, node: ConstraintNode, wanted: Wanted) -> Inputs:
        taken = wanted.inputs[node] = take_inputs(self.store, node)
        return taken

    def _unresolved(self, wanted: Wanted) -> None:
        kind = type(wanted.requirement)
        if kind not in self.unresolved:
            self.unresolved.add(kind)
            logger.warning("no resolver for %s, required by %s: it stays unmet", kind.__name__, wanted.origin)
        self.set_status(wanted, UNRESOLVED)

    def _runaway(self, wanted: Wanted, row: Row) -> None:
        resolver_id = wanted.resolver_id or ""
        ring = (resolver_id, *(spelt(key.parts[-1]) for key in row.keys))
        self.stop_resolver(resolver_id, ConvergenceError(ring, self.limit, "dispatches"))
        self._pause(wanted)

    def stop_resolver(self, resolver_id: str, error: ConvergenceError) -> None:
        """Dispatch nothing to a resolver until a change from outside; report why."""
        self._stopped[resolver_id] = self.outside
        if self.recover("resolver", resolver_id, error) == "throw":
            self.plan.throw.append(error)

    def _pause(self, wanted: Wanted) -> None:
        self.paused[wanted] = None
        self.set_status(wanted, PAUSED)

    # -- what now? --------------------------------------------------------------------------------

    def decide(self, wanted: Wanted) -> None:
        """Judge a requirement: its run has ended, or it is new, or something it depends on has changed."""
        run = wanted.run
        if run is not None:
            if run.outcome is None:
                return
            if run.self_satisfied and self._markers_due(run):
                self.writers.take_back(run)
                self.agenda.push_decision(wanted)  # after the constraints that the markers make due
                return
            if self._finish(wanted, run):
                self.agenda.push_decision(wanted)  # after they have been compared with the real world
                return
        if wanted.gone:
            return
        if not wanted.wanted:
            self._let_go(wanted)
        elif wanted.required or not self._wait_for_producers(wanted):
            self._decide(wanted)

    def _decide(self, wanted: Wanted) -> None:
        if wanted.status is UNDECIDED and wanted.last_run is not None:
            self._after_run(wanted, wanted.last_run)
        elif wanted.status is RETRY:
            return  # whoever joins waits with it: the schedule stands
        elif wanted.status not in STANDING:
            self.dispatch(wanted)
        elif wanted.status is PAUSED or differ(wanted):
            self.revive(wanted)

    def _markers_due(self, run: Run) -> bool:
        unmet = run.outcome is CANCEL or (run.outcome is ERROR and run.timed_out)
        return unmet and not run.taken_back

    def _finish(self, wanted: Wanted, run: Run) -> bool:
        """A run has ended: it holds nothing any more. Say whether an async constraint asks for it."""
        wanted.last_run, wanted.run = run, None
        if run.outcome is COMPLETE:
            wanted.failures = 0
            wanted.required = wanted.again
        elif run.outcome is ERROR:
            wanted.failures += 1
            if run.timed_out:
                self.writers.take_back_covered(run)
        self.set_status(wanted, UNDECIDED)
        compare = False
        for node, link in list(wanted.links.items()):
            if link is not ASKS:
                self._drop_but_for(node, wanted)
                self._unlink(node, wanted)
            if node.definition.is_async:
                self.agenda.push(node)
                compare = compare or link is ASKS
        if len(wanted.inputs) > len(wanted.links):  # who has left before and comes back asks anew
            wanted.inputs = {node: taken for node, taken in wanted.inputs.items() if node in wanted.links}
        run.close_world()
        return compare

    def _wait_for_producers(self, wanted: Wanted) -> bool:
        links = wanted.links
        busy = [node for node in links if node.outstanding or (node.waiting and not blocked_by(node, links))]
        if not busy or (wanted.status is NEW and len(busy) < len(links)):
            return False  # one free producer is enough to begin
        busy[0].delay(wanted)
        return True

    def _after_run(self, wanted: Wanted, run: Run) -> None:
        """The run has ended and the requirement is still wanted."""
        cancelled = run.reason is not None and run.reason.kind in {"cancelled", "timeout", "clobbered"}
        if run.requeued and not cancelled:
            self._rows[wanted.resolver_id or ""].reset()
            self.dispatch(wanted)
        elif wanted.again:
            self.dispatch(wanted)
        elif run.outcome is ERROR:
            self._after_failure(wanted, run)
        elif cancelled:
            self._unless_changed(wanted, run, CANCELLED)
        elif run.outcome is CANCEL or differ(wanted):  # cancelled: not wanted for a while, and wanted again
            self.dispatch(wanted)
        else:
            self.stand(wanted, UNSATISFIED)

    def _after_failure(self, wanted: Wanted, run: Run) -> None:
        if run.strategy == "retry" and wanted.failures <= AT_ONCE:
            self.dispatch(wanted)
        elif run.strategy == "retry_later" and wanted.failures < self.retry_later.attempts:
            self.set_status(wanted, RETRY)
            self.plan.schedule.append((wanted, self.retry_later.delay(wanted.failures, self.chance())))
        elif wanted.required:  # finally failed: the system asks no more
            wanted.required = False
            self.agenda.push_decision(wanted)
        elif run.strategy == "disable":
            self.stand(wanted, FAILED)
            for node in wanted.producers():
                self.disable(node)
        else:
            self._unless_changed(wanted, run, FAILED)

    def _unless_changed(self, wanted: Wanted, run: Run, status: Status) -> None:
        """Dispatch again if others have changed an input since dispatch; else let it stand."""
        if by_others(self.store, wanted, run):
            self.revive(wanted)
        else:
            self.stand(wanted, status)

    def stand(self, wanted: Wanted, status: Status) -> None:
        """Leave it as it is until an input changes; compare with what the inputs are now."""
        for node in wanted.links:
            self._take_inputs(node, wanted)
        self.set_status(wanted, status)
        if status is UNSATISFIED and self.observers.listening and wanted.last_run is not None:
            self.observers.tell(RequirementUnsatisfied, wanted.origin, wanted.requirement, wanted.last_run.number)

    def reconsider(self, node: ConstraintNode, wanted: Wanted) -> None:
        """A producer was asked again and still asks: dispatch again if an input of it has changed."""
        if wanted.status in STANDING and (wanted.status is PAUSED or differs_for(node, wanted)):
            self.agenda.push_decision(wanted)  # after its last producer: one that is judged later may leave

    def revive(self, wanted: Wanted) -> None:
        """Dispatch what stood: something has changed, so earlier failures count no more."""
        wanted.failures = 0
        self.paused.pop(wanted, None)
        self.dispatch(wanted)
