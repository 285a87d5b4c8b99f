"""The requirement set: who asks for what, and how it is dispatched.

A requirement lives here from the first constraint (or ``require``) that asks for it until none does and its
last run has ended. Everything in this file answers one of two questions: what changes when somebody begins or
ceases to ask for it? And how is its run started? What follows from the end of a run is in `decisions`.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import Any

from directive_trio._definitions.policies import CancelReason, Retry
from directive_trio._definitions.printing import spelt
from directive_trio._definitions.record import Record
from directive_trio._definitions.resolver import Resolver
from directive_trio._observation.observations import (
    RequirementCanceled,
    RequirementCreated,
    RequirementMet,
)
from directive_trio._observation.observers import Observers
from directive_trio._planning.agenda import Agenda
from directive_trio._planning.blocking import update_pending
from directive_trio._planning.constraint_node import ButFor, ConstraintNode
from directive_trio._planning.convergence import Row
from directive_trio._planning.identity import Identities, Identity
from directive_trio._planning.inputs import take_inputs
from directive_trio._planning.ownership import Owners
from directive_trio._planning.plan import Plan
from directive_trio._planning.run import COMPLETE, Run
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
    UNRESOLVED,
    UNSATISFIED,
    Status,
    Wanted,
)
from directive_trio._planning.writers import Writers
from directive_trio._store.store import Store
from directive_trio.errors import ConvergenceError

REMEMBERED = 1000
"""How many requirements that are gone ``explain`` still knows, at least."""
FORGOTTEN = 10
"""How many of them are forgotten at once: who looks for the oldest in a dict walks over all that were there before."""

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
        self.leaving: OrderedDict[Wanted, CancelReason] = OrderedDict()
        """What nobody asks for so far in this pass: a constraint further on may still take it over."""
        self.held: dict[ConstraintNode, dict[Wanted, None]] = {}
        """What constraints do not ask for, but would ask for but for a run's own writes."""
        self.owners: Owners | None = None
        self.writers = Writers(store)
        self.unresolved: set[type] = set()
        self.paused: dict[Wanted, None] = {}
        self._stopped: dict[str, int] = {}
        """Resolvers that went round in circles, and how often the outside had changed by then."""
        self.rows: dict[str, Row] = {}

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
        return self.entry(self.identity(module, requirement), requirement)

    def entry(self, identity: tuple[Identity, Resolver[Any, Any] | None], requirement: Record) -> Wanted:
        """Return the entry of an identity; a new one where nobody wanted it."""
        key, resolver = identity
        wanted = self.live.get(key)
        if wanted is None:
            wanted = self.live[key] = Wanted(key, requirement, resolver)
        else:
            wanted.newest = requirement
        return wanted

    # -- who asks ---------------------------------------------------------------------------------

    def ask(self, node: ConstraintNode, wanted: Wanted) -> None:
        """A constraint begins to ask for a requirement."""
        if self.leaving or not wanted.told:
            self._begin(wanted, node.definition.id)
        new = wanted.link(node, ASKS)
        if new and wanted.pending:
            node.open += 1
        if wanted.but_for:
            self.drop_but_for(node, wanted)
        run = wanted.run
        if run is None:
            self.agenda.push_decision(wanted)
        elif run.live:
            if new:
                taken = wanted.inputs[node] = take_inputs(self.store, node)
                run.inputs.append(taken.sources)
            run.marked = run.marked or run.self_satisfied
            run.self_satisfied = bool(wanted.holding)

    def hold(self, node: ConstraintNode, wanted: Wanted, sink: ButFor) -> None:
        """A constraint asks no more, but would but for the run's own writes."""
        wanted.link(node, HOLDS)
        wanted.but_for[node] = sink
        self.held.setdefault(node, {})[wanted] = None

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
            self.drop_but_for(node, wanted)
        run = wanted.run
        if run is not None and run.outcome is None:
            wanted.link(node, LEFT)
        else:
            self.unlink(node, wanted)
        if not (wanted.asking or wanted.holding or wanted.required):  # as `wanted`, which takes longer
            wanted.end_reason = reason
            if run is None or run.outcome is None:  # else the end of the run is still to be judged, and ends it
                self.leaving[wanted] = reason

    def end_next(self) -> Run | None:
        """All constraints are judged: end one of those that nobody took over. Returns the run it cancelled."""
        wanted, reason = self.leaving.popitem(last=False)
        if wanted.gone or wanted.wanted:
            return None
        self._end(wanted, reason)
        return wanted.run

    def _begin(self, wanted: Wanted, origin: str) -> None:
        if self.leaving:
            self.leaving.pop(wanted, None)
        if wanted.told or wanted.asking or wanted.holding or wanted.required:
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
        self.let_go(wanted)

    def let_go(self, wanted: Wanted) -> None:
        """Nobody wants it, and its last run has ended."""
        run, key, last = wanted.last_run, wanted.key, self.last
        self.writers.close(run)
        if self.observers.listening:
            self._tell_end(wanted, met=run is not None and run.outcome is COMPLETE)
        wanted.gone = True
        del self.live[key]
        if self.paused:
            self.paused.pop(wanted, None)
        last.pop(key, None)
        if not key.shared:
            return
        last[key] = wanted
        if len(last) >= REMEMBERED + FORGOTTEN:
            for oldest in list(islice(last, FORGOTTEN)):
                del last[oldest]

    def _tell_end(self, wanted: Wanted, *, met: bool) -> None:
        told, wanted.told = wanted.told, False
        if not (told and self.observers.listening):
            return
        if met:
            self.observers.tell(RequirementMet, wanted.origin, wanted.requirement, wanted.resolver_id)
        else:
            self.observers.tell(RequirementCanceled, wanted.origin, wanted.requirement, wanted.end_reason)

    def unlink(self, node: ConstraintNode, wanted: Wanted) -> None:
        """A constraint has no more to do with a requirement."""
        if wanted.run is None:  # until its end is judged, what it was dispatched for is still compared
            wanted.inputs.pop(node, None)
        if wanted.unlink(node) is not None and wanted.pending:
            node.open -= 1
            update_pending(node, self.agenda)

    def drop_but_for(self, node: ConstraintNode, wanted: Wanted) -> None:
        """Ask no more whether a constraint would ask for it but for the run's own writes."""
        sink = wanted.but_for.pop(node, None)
        if sink is not None:
            self.store.disconnect(sink)
            held = self.held[node]
            del held[wanted]
            if not held:
                del self.held[node]

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
                self.drop_but_for(node, wanted)
            if wanted.run is not None:
                wanted.last_run = wanted.run
                wanted.run.close_world()
            wanted.end_reason = reason
            self._tell_end(wanted, met=False)
            self.let_go(wanted)
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
        resolver_id = wanted.resolver.id
        if self._stopped and self._stopped.get(resolver_id) == self.outside:
            self.pause(wanted)
            return
        if self.began is None:
            clock = self.observers.clock
            self.began = clock()
        row = self.rows.get(resolver_id) or self._new_row(resolver_id)
        if row.dispatch(wanted.key, self.epoch, self.began, self.limit):
            self._start(wanted, self.began)
        else:
            self._runaway(wanted, row)

    def _start(self, wanted: Wanted, now: float) -> None:
        if wanted.last_run is not None:
            self.writers.close(wanted.last_run)
            wanted.again = False
            wanted.inputs = {}
        number = self.runs = self.runs + 1
        self.writers.open(number)
        wanted.requirement = wanted.newest
        run = wanted.run = Run(number, wanted, now)
        if self.owners is not None:
            run.ownership = self.owners.bind(run)
        if wanted.pending:
            wanted.status = RUNNING
        else:
            self.set_status(wanted, RUNNING)
        self.plan.start.append(run)

    def take_inputs(self, run: Run) -> None:
        """All is decided: what the producers of a run read now is what it is dispatched for.

        Not earlier: a marker of another run may be taken back after the decision, and before the dispatch.
        """
        wanted = run.wanted
        for node in wanted.links:
            taken = wanted.inputs[node] = take_inputs(self.store, node)
            run.inputs.append(taken.sources)
        if run.ownership is not None:
            run.ownership.begin()

    def _new_row(self, resolver_id: str) -> Row:
        row = self.rows[resolver_id] = Row()
        return row

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
        self.pause(wanted)

    def stop_resolver(self, resolver_id: str, error: ConvergenceError) -> None:
        """Dispatch nothing to a resolver until a change from outside; report why."""
        self._stopped[resolver_id] = self.outside
        if self.recover("resolver", resolver_id, error) == "throw":
            self.plan.throw.append(error)

    def forget_resolver(self, resolver_id: str) -> None:
        """A resolver is gone; one of its name that comes later has done nothing yet."""
        self._stopped.pop(resolver_id, None)
        self.rows.pop(resolver_id, None)
        for key in [key for key, wanted in self.last.items() if wanted.resolver_id == resolver_id]:
            del self.last[key]

    def pause(self, wanted: Wanted) -> None:
        """Dispatch it no more until a change from outside: its resolver went round in circles."""
        self.paused[wanted] = None
        self.set_status(wanted, PAUSED)
