"""Decisions: a run has ended, or something that stood open might be dispatched again. What now?

A requirement comes here through the agenda, after the last of its producers was judged. If nobody wants it any
more it goes; if its run has failed, the error boundary's strategy says what follows; if its run has completed and
it is still wanted, it is dispatched again where an input has changed, and else stands *unsatisfied*.
"""

from directive_trio._observation.observations import RequirementUnsatisfied
from directive_trio._planning.blocking import blocked_by
from directive_trio._planning.constraint_node import ConstraintNode
from directive_trio._planning.inputs import by_others, differ, differs_for, take_inputs
from directive_trio._planning.requirement_set import STANDING, RequirementSet
from directive_trio._planning.run import CANCEL, COMPLETE, ERROR, Run
from directive_trio._planning.wanted import (
    ASKS,
    CANCELLED,
    FAILED,
    NEW,
    PAUSED,
    RETRY,
    UNDECIDED,
    UNSATISFIED,
    Status,
    Wanted,
)

AT_ONCE = 10
"""How many runs in a row the strategy ``retry`` starts."""


class Decisions:
    """Decides about the requirements of one system."""

    def __init__(self, requirements: RequirementSet) -> None:
        self.requirements = requirements
        self.store = requirements.store
        self.observers = requirements.observers
        self.agenda = requirements.agenda

    def decide(self, wanted: Wanted) -> None:
        """Judge a requirement: its run has ended, or it is new, or something it depends on has changed."""
        run = wanted.run
        if run is not None:
            if run.outcome is None:
                return
            if run.self_satisfied and self._markers_due(run):
                self.requirements.writers.take_back(run)
                self.agenda.push_decision(wanted)  # after the constraints that the markers make due
                return
            if self._finish(wanted, run):
                self.agenda.push_decision(wanted)  # after they have been compared with the real world
                return
        if wanted.gone:
            return
        if not (wanted.asking or wanted.holding or wanted.required):  # as `wanted`, which takes longer
            self.requirements.let_go(wanted)
        elif wanted.required or not self._wait_for_producers(wanted):
            if wanted.status is NEW:  # as mostly
                self.requirements.dispatch(wanted)
            else:
                self._decide(wanted)

    def _decide(self, wanted: Wanted) -> None:
        if wanted.status is UNDECIDED and wanted.last_run is not None:
            self._after_run(wanted, wanted.last_run)
        elif wanted.status is RETRY:
            return  # whoever joins waits with it: the schedule stands
        elif wanted.status not in STANDING:
            self.requirements.dispatch(wanted)
        elif wanted.status is PAUSED or differ(wanted):
            self.revive(wanted)

    def _markers_due(self, run: Run) -> bool:
        unmet = run.outcome is CANCEL or (run.outcome is ERROR and run.timed_out)
        return unmet and not run.taken_back

    def _finish(self, wanted: Wanted, run: Run) -> bool:
        """A run has ended: it holds nothing any more. Say whether an async constraint asks for it."""
        wanted.last_run = run
        wanted.run = None
        if run.outcome is COMPLETE:
            wanted.failures = 0
            wanted.required = wanted.again
        elif run.outcome is ERROR:
            wanted.failures += 1
            if run.timed_out:
                self.requirements.writers.take_back_covered(run)
        wanted.status = UNDECIDED  # which is pending, as running was
        compare = bool(wanted.links) and self._compare_again(wanted)
        if not wanted.links:
            wanted.inputs = {}
        elif len(wanted.inputs) > len(wanted.links):  # who has left before and comes back asks anew
            wanted.inputs = {node: taken for node, taken in wanted.inputs.items() if node in wanted.links}
        if run.world is not None:
            run.close_world()
        return compare

    def _compare_again(self, wanted: Wanted) -> bool:
        """Link those no more who only held it, have async ones asked again. Say whether one of these asks for it."""
        compare = False
        for node, link in list(wanted.links.items()):
            if link is not ASKS:
                self.requirements.drop_but_for(node, wanted)
                self.requirements.unlink(node, wanted)
            if node.definition.is_async:
                self.agenda.push(node)
                compare = compare or link is ASKS
        return compare

    def _wait_for_producers(self, wanted: Wanted) -> bool:
        links = wanted.links
        for node in links:
            if node.outstanding or node.waiting:
                break
        else:
            return False  # as mostly
        busy = [node for node in links if node.outstanding or (node.waiting and not blocked_by(node, links))]
        if not busy or (wanted.status is NEW and len(busy) < len(links)):
            return False  # one free producer is enough to begin
        self.agenda.delay(wanted, busy[0])
        return True

    def _after_run(self, wanted: Wanted, run: Run) -> None:
        """The run has ended and the requirement is still wanted."""
        reason = run.reason
        cancelled = reason is not None and reason.kind in {"cancelled", "timeout", "clobbered"}
        if run.requeued and not cancelled:
            self.requirements.rows[wanted.resolver_id or ""].reset()
            self.requirements.dispatch(wanted)
        elif wanted.again:
            self.requirements.dispatch(wanted)
        elif run.outcome is ERROR:
            self._after_failure(wanted, run)
        elif cancelled:
            self._unless_changed(wanted, run, CANCELLED)
        elif run.outcome is CANCEL or differ(wanted):  # cancelled: not wanted for a while, and wanted again
            self.requirements.dispatch(wanted)
        else:
            self._unsatisfied(wanted, run)

    def _after_failure(self, wanted: Wanted, run: Run) -> None:
        requirements = self.requirements
        if run.strategy == "retry" and wanted.failures <= AT_ONCE:
            self.requirements.dispatch(wanted)
        elif run.strategy == "retry_later" and wanted.failures < requirements.retry_later.attempts:
            requirements.set_status(wanted, RETRY)
            delay = requirements.retry_later.delay(wanted.failures, requirements.chance())
            requirements.plan.schedule.append((wanted, delay))
        elif wanted.required:  # finally failed: the system asks no more
            wanted.required = False
            self.agenda.push_decision(wanted)
        elif run.strategy == "disable":
            self.stand(wanted, FAILED)
            for node in wanted.producers():
                self.requirements.disable(node)
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
            wanted.inputs[node] = take_inputs(self.store, node)
        self.requirements.set_status(wanted, status)

    def _unsatisfied(self, wanted: Wanted, run: Run) -> None:
        """Its run has completed and no input differs, so what was taken of them holds: let it stand."""
        self.requirements.set_status(wanted, UNSATISFIED)
        if self.observers.listening:
            self.observers.tell(RequirementUnsatisfied, wanted.origin, wanted.requirement, run.number)

    def reconsider(self, node: ConstraintNode, wanted: Wanted) -> None:
        """A producer was asked again and still asks: dispatch again if an input of it has changed."""
        if wanted.status in STANDING and (wanted.status is PAUSED or differs_for(node, wanted)):
            self.agenda.push_decision(wanted)  # after its last producer: one that is judged later may leave

    def revive(self, wanted: Wanted) -> None:
        """Dispatch what stood: something has changed, so earlier failures count no more."""
        wanted.failures = 0
        self.requirements.paused.pop(wanted, None)
        self.requirements.dispatch(wanted)
