"""The planner: one pass of deciding.

Theory of operation
-------------------
The runtime tells the planner what has happened (a run ended, an async constraint answered, a retry is due,
somebody switched a constraint off) and asks for a plan. The planner works through its agenda in the order of
the constraints, until nothing is due:

* a **constraint** or a **but-for question** is judged (see `judgement`);
* a **decision** follows the end of a run, or a requirement that is new (see `decisions`).

Everything is level-triggered: what is on the agenda says only where to look again.
"""

from collections import deque
from collections.abc import Callable, Iterable
from heapq import heappop
from typing import Any

from directive_trio._definitions.policies import CancelReason
from directive_trio._definitions.printing import spelt
from directive_trio._definitions.record import Record
from directive_trio._definitions.resolver import Resolver
from directive_trio._planning.blocking import update_pending
from directive_trio._planning.constraint_node import AsyncConstraintNode, ButFor, ConstraintNode
from directive_trio._planning.inputs import read
from directive_trio._planning.judgement import Judgement
from directive_trio._planning.plan import Plan
from directive_trio._planning.requirement_set import RequirementSet
from directive_trio._planning.run import Run
from directive_trio._planning.wanted import ASKS, CANCELLED, NEW, RETRY, Wanted
from directive_trio._store.cell import Cell
from directive_trio._store.equality import same
from directive_trio._store.store import Store

Answer = tuple[Record, ...] | Exception


class Planner:
    """Decides what one system does."""

    def __init__(self, store: Store, requirements: RequirementSet, nodes: Iterable[ConstraintNode]) -> None:
        self.store = store
        self.requirements = requirements
        self.agenda = requirements.agenda
        self.nodes = {node.id: node for node in nodes}
        self.judgement = Judgement(store, requirements)
        self.judgement.disable = requirements.disable = lambda node: self.switch(node, False)
        self._judges: dict[type, Callable[[Any], None]] = {
            ConstraintNode: self.judgement.constraint,
            AsyncConstraintNode: self.judgement.async_constraint,
            ButFor: self.judgement.but_for,
            Wanted: self.judgement.decisions.decide,
        }
        # The same two as long as there is a planner: a pass looks at both before each of its steps.
        self._answers: deque[tuple[AsyncConstraintNode, int, Answer]] = deque()
        self._switched: dict[ConstraintNode, bool] = {}
        self.disabled_resolvers: dict[str, Resolver[Any, Any]] = {}
        """Those that serve nobody, by id."""
        self._kept: list[Record] = []
        """What the program requires of a system that has stopped; it counts again at the next start."""

    def connect(
        self, recover: Callable[[str, str, Exception], object], report: Callable[[str, Exception], None]
    ) -> None:
        """Ask *recover* what to do about errors, and *report* those that a constraint raised and nobody judges."""
        self.judgement.recover = self.requirements.recover = recover
        self.judgement.report = report

    # -- what has happened ------------------------------------------------------------------------

    def begin(self) -> None:
        """The system starts: every constraint is due, and nobody is paused."""
        self.changed_from_outside()
        for node in self.nodes.values():
            self.agenda.push(node)
        for wanted in self.requirements.live.values():
            self.agenda.push_decision(wanted)
        kept, self._kept = self._kept, []
        for requirement in kept:
            self.requirements.require(requirement)

    def run_ended(self, run: Run) -> None:
        """A run has its outcome."""
        self.agenda.push_decision(run.wanted)

    def retry_due(self, wanted: Wanted) -> None:
        """The wait of a scheduled retry is over."""
        self.requirements.set_status(wanted, NEW)
        self.agenda.push_decision(wanted)

    def require(self, requirement: Record) -> None:
        """The program asks for a requirement itself."""
        self.requirements.require(requirement)

    def cancel(self, requirement: Record) -> bool:
        """The program cancels the runs of a requirement; False when none is live or scheduled."""
        kept = [other for other in self._kept if not same(other, requirement)]
        withdrawn, self._kept = len(kept) < len(self._kept), kept
        cancelled = [self._cancel(wanted) for wanted in self.requirements.entries(requirement)]
        return withdrawn or any(cancelled)

    def _cancel(self, wanted: Wanted) -> bool:
        if wanted.run is not None and wanted.run.live:
            self.cancel_run(wanted.run, CancelReason("cancelled"))
            return True
        withdrawn = self.requirements.withdraw(wanted)
        if wanted.status is not RETRY:
            return withdrawn
        self.requirements.plan.unschedule.append(wanted)
        self.judgement.decisions.stand(wanted, CANCELLED)
        return True

    def cancel_run(self, run: Run, reason: CancelReason) -> None:
        """Cancel a live run on somebody's word. Whether it leaves markers is judged in the next pass."""
        self.requirements.cancel_run(run, reason)
        self.judgement.cancelled.append(run)

    def changed_from_outside(self) -> None:
        """Somebody else than runs, effects and watchers has changed a fact: rows are broken, pauses end."""
        requirements = self.requirements
        requirements.epoch += 1
        requirements.outside += 1
        if requirements.paused:
            for wanted in requirements.paused:
                self.agenda.push_decision(wanted)

    def settled(self) -> None:
        """The system is at rest: rows are broken."""
        self.requirements.epoch += 1

    def switch(self, node: ConstraintNode, on: bool) -> None:
        """Enable or disable a constraint; it counts from the next judgement on."""
        self._switched[node] = on

    def look_around(self) -> None:
        """Between passes: judge by what has changed since the last one."""
        self.judgement.worlds.look_at(self.store.changes)

    def dismiss(self, node: ConstraintNode) -> None:
        """A constraint is no longer one of the system's."""
        self._switch_off(node)
        self._switched.pop(node, None)
        self.judgement.errors.pop(node, None)
        self.store.disconnect(node)
        del self.nodes[node.id]

    def answered(self, node: AsyncConstraintNode, evaluation: int, answer: Answer) -> None:
        """An async constraint has answered, or it raised or took too long. It counts in the next pass."""
        self._answers.append((node, evaluation, answer))

    def stop(self, reason: CancelReason) -> None:
        """The system stops: cancel every run, and leave no marker standing."""
        self.look_around()
        runs = [wanted.run for wanted in self.requirements.live.values() if wanted.run is not None]
        for run in runs:
            for node in list(run.wanted.links):
                self.judgement.find_markers(node, run)
        for run in runs:
            if run.live:
                self.requirements.cancel_run(run, reason)
        for run in runs:
            self._take_back(run)

    def reset(self, reason: CancelReason) -> None:
        """The system has stopped: want nothing, follow nothing. What the program requires is kept."""
        requirements = self.requirements
        self._kept = [wanted.requirement for wanted in requirements.live.values() if wanted.required]
        requirements.forget(reason)
        for node in self.nodes.values():
            self.store.disconnect(node)
            if isinstance(node, AsyncConstraintNode) and node.world is not None:
                node.world.close()
            node.reset()
        self.agenda.clear()
        self.judgement.cancelled.clear()
        self.judgement.errors.clear()
        self.judgement.worlds.look_at({})
        while self._answers:  # they came when it was ending already
            node, _, answer = self._answers.popleft()
            self.judgement.overlook(node, answer)

    @property
    def due(self) -> bool:
        """Whether a plan would have anything to decide."""
        agenda = self.agenda
        if agenda.marked or agenda.row or agenda.heap:
            return True
        return bool(self._answers or self._switched or self.judgement.cancelled or self.requirements.leaving)

    def unmet(self) -> list[str]:
        """Say which requirements stand open, and why."""
        return [
            f"{spelt(wanted.requirement)} for {wanted.origin}: {wanted.status.value}"
            for wanted in self.requirements.live.values()
            if wanted.run is None
        ]

    def error(self, node: ConstraintNode) -> Exception | None:
        """Return what a constraint raised when it was asked last."""
        return self.judgement.errors.get(node)

    def read(self, source: Any) -> Any:
        """Read a node for a watcher."""
        return read(self.store, source)

    # -- the pass ---------------------------------------------------------------------------------

    def plan(self, before: "dict[Cell, tuple[Any, int]]") -> Plan | None:
        """Decide until nothing is due; None where nothing follows. *before* is what the changed facts were."""
        requirements, agenda = self.requirements, self.agenda
        due = agenda.marked or agenda.row or agenda.heap or self._answers or self._switched or requirements.leaving
        if not (due or self.judgement.cancelled) and requirements.plan.is_empty():
            return None  # most are: what has changed concerns nobody
        requirements.began = None
        self.judgement.worlds.look_at(before)
        self._decide_what_is_due()
        plan = requirements.plan
        if not plan.start and plan.is_empty():
            return None
        requirements.plan = Plan()
        for run in plan.start:
            requirements.take_inputs(run)
        if len(plan.start) > 1:
            plan.start.sort(key=_place)
        return plan

    def _decide_what_is_due(self) -> None:
        judges, switched, answers = self._judges, self._switched, self._answers
        agenda, leaving = self.agenda, self.requirements.leaving
        marked, row, heap = agenda.marked, agenda.row, agenda.heap
        while True:
            if switched:
                self._apply_switches()
            elif answers:
                self.judgement.take_answer(*answers.popleft())
            elif marked:
                item = agenda.take_marked()
                if item is not None:
                    judges[type(item)](item)
            elif row and (not heap or row[-1] < heap[0]):
                item = row.pop()[-1]
                judges[type(item)](item)
            elif heap:
                item = heappop(heap)[-1]
                judges[type(item)](item)
            elif leaving:  # nothing more is due: end what nobody took over
                self.judgement.end_next()
            elif self.judgement.cancelled:
                self._take_back(self.judgement.cancelled.pop())
            else:
                return

    def _take_back(self, run: Run) -> None:
        if run.self_satisfied and not run.taken_back:
            self.requirements.writers.take_back(run)

    def _apply_switches(self) -> None:
        switched = dict(self._switched)
        self._switched.clear()
        for node, on in switched.items():
            if node.disabled is not on:
                continue
            if on:
                node.asked = False
                self.agenda.push(node)
                node.disabled = False
                update_pending(node, self.agenda)
            else:
                self._switch_off(node)

    def _switch_off(self, node: ConstraintNode) -> None:
        for wanted in node.answer:
            if wanted.run is not None:
                self.judgement.find_markers(node, wanted.run)
        self.judgement.withdraw(node)
        node.disabled = True
        update_pending(node, self.agenda)


def _place(run: Run) -> int:
    """Return where a run stands in the order of dispatch: with its first producer."""
    first = -1
    for node, link in run.wanted.links.items():
        if link is ASKS and not 0 <= first <= node.rank:
            first = node.rank
    return first
