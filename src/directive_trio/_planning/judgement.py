"""Judging constraints: asking them, and comparing each answer with the last one.

A **constraint** is asked again if an input really changed and nothing before it is pending. A **but-for
question** (`ButFor`) is a second sink beside a constraint whose run is self-satisfied: the same function over
the world without the run's writes. When that world does not want the run either, the run is cancelled.
"""

from collections.abc import Callable, Iterable
from typing import Any

from directive_trio._definitions.policies import CancelReason
from directive_trio._definitions.record import Record
from directive_trio._observation.observations import ConstraintBlocked, ConstraintError, ConstraintEvaluate
from directive_trio._planning.answer import NOTHING, PLAIN, as_demand
from directive_trio._planning.async_questions import AsyncQuestions
from directive_trio._planning.blocking import release, update_pending
from directive_trio._planning.but_for import ButForWorlds
from directive_trio._planning.constraint_node import BLOCKED, NOT_HELD, AsyncConstraintNode, ButFor, ConstraintNode
from directive_trio._planning.decisions import Decisions
from directive_trio._planning.inputs import read
from directive_trio._planning.requirement_set import RequirementSet
from directive_trio._planning.run import COMPLETE, Run
from directive_trio._planning.wanted import REMOVED, SUPERSEDED, Wanted
from directive_trio._store.graph import CLEAN
from directive_trio._store.store import Store
from directive_trio.errors import ConstraintTimeoutError


class Judgement:
    """Judges the constraints of one system."""

    def __init__(self, store: Store, requirements: RequirementSet) -> None:
        self.store = store
        self.observers = store.observers
        self.requirements = requirements
        self.decisions = Decisions(requirements)
        self.agenda = requirements.agenda
        self.worlds = ButForWorlds(store, requirements)
        self.questions = AsyncQuestions(store, requirements)
        self.recover: Callable[[str, str, Exception], object] = requirements.recover
        self.report: Callable[[str, Exception], None] = lambda *_: None
        self.disable: Callable[[ConstraintNode], None] = requirements.disable
        self.errors: dict[ConstraintNode, Exception] = {}
        """What constraints raised when they were asked last."""
        self.cancelled: list[Run] = []
        """Runs that were cancelled, and may have left markers."""

    # -- asking -----------------------------------------------------------------------------------

    def constraint(self, node: ConstraintNode) -> None:
        """Judge a sync constraint that is due."""
        node.queued = False
        if node.disabled:
            return
        if node.waiting:
            self._hold(node)
            return
        node.held = NOT_HELD
        if not node.asked or self.store.changed(node):
            node.asked = True
            self._ask(node)
        else:
            node.state = CLEAN
        if self.agenda.delayed:
            release(node, self.agenda)
        if node.pending is not (node.open > 0):
            update_pending(node, self.agenda)

    def async_constraint(self, node: AsyncConstraintNode) -> None:
        """Judge an async constraint that is due."""
        node.queued = False
        if node.disabled:
            return
        if node.waiting:
            if node.outstanding and self._must_ask(node):  # its answer would be stale
                node.asked = False
                self.questions.abandon(node)
            self._hold(node)
            return
        node.held = NOT_HELD
        if self._must_ask(node):
            node.asked = True
            self.questions.ask(node)
        else:
            node.state = CLEAN
            self.questions.listen_on(node)
        if self.agenda.delayed:
            release(node, self.agenda)
        update_pending(node, self.agenda)

    def _must_ask(self, node: AsyncConstraintNode) -> bool:
        return not node.asked or self.questions.inputs_changed(node)

    def _hold(self, node: ConstraintNode) -> None:
        told = node.held is BLOCKED
        node.held = BLOCKED
        update_pending(node, self.agenda)
        if not told and self.observers.listening:
            self.observers.tell(ConstraintBlocked, node.id, node.waits_on())

    def _ask(self, node: ConstraintNode) -> None:
        # As `track` does it, without a call in between.
        store = self.store
        tracking = store.tracking
        outer = tracking.reads
        reads: list[Any] = []
        tracking.reads = reads
        try:
            try:
                function = node.definition.function
                if node.question is PLAIN:
                    answer = function(node.view)
                    demand = NOTHING if answer is None else as_demand(answer)
                else:
                    demand = node.question.ask(function, node.view, self._read)
            finally:
                tracking.reads = outer
                store.has_read(node, reads)
        except Exception as error:  # noqa: BLE001  # whatever the user's constraint raises
            self._failed(node, error)
        else:
            self._answer(node, demand)

    def _read(self, source: Any) -> Any:
        return read(self.store, source)

    def _failed(self, node: ConstraintNode, error: Exception) -> None:
        self.errors[node] = error
        if self.observers.listening:
            self.observers.tell(ConstraintError, node.id, error)
        strategy = self.recover("constraint", node.id, error)
        if strategy == "disable":
            self.disable(node)
        elif strategy == "throw":
            self.requirements.plan.throw.append(error)
        self._compare(node, NOTHING)

    def take_answer(self, node: AsyncConstraintNode, evaluation: int, answer: "tuple[Record, ...] | Exception") -> None:
        """Judge what an async constraint has answered; an answer to an older question is stale."""
        if node.evaluation != evaluation or not node.outstanding:
            self.overlook(node, answer)
            return
        # Asked in a world without the writes of a run, which may have ended since: then these count.
        if (node.state or node.world is not None) and self.questions.inputs_changed(node):  # stale too: asked again
            self.overlook(node, answer)
            node.asked = False
            self.agenda.push(node)
            return
        node.outstanding = False
        left_out = self.questions.left_out(node)
        if isinstance(answer, Exception):
            self._failed(node, answer)
        else:
            self._answer(node, answer)
            self.questions.join(node)
        if left_out and self.questions.has_left(node, left_out):
            self.questions.ask(node)
        release(node, self.agenda)
        update_pending(node, self.agenda)

    def overlook(self, node: ConstraintNode, answer: "tuple[Record, ...] | Exception") -> None:
        """Leave an answer aside that counts no more. What was raised is an error all the same; a timeout is none."""
        raised = answer.__cause__ if isinstance(answer, ConstraintTimeoutError) else answer
        if isinstance(raised, Exception):
            self.report(node.id, raised)

    # -- comparing --------------------------------------------------------------------------------

    def _answer(self, node: ConstraintNode, demand: tuple[Record, ...]) -> None:
        try:
            if demand or node.answer:
                self._compare(node, demand)
        except Exception as error:  # noqa: BLE001  # a key function, or a requirement without identity
            self._failed(node, error)
            return
        if self.errors:
            self.errors.pop(node, None)
        if demand:
            node.hits += 1
        if self.observers.listening:
            self.observers.tell(ConstraintEvaluate, node.id, bool(demand))

    def _compare(self, node: ConstraintNode, demand: tuple[Record, ...]) -> None:
        """Compare an answer with the last one: who is asked for anew, who no more, who still."""
        before = node.answer
        if not before:
            if demand:
                now = node.answer = self._entries(node.definition.module, demand)
                for wanted in now:
                    self.requirements.ask(node, wanted)
        elif not demand:
            node.answer = ()
            for wanted in before:
                self._drop(node, wanted, ())
        elif len(before) == len(demand) and all(map(_still, before, demand)):  # not hashed again
            for wanted, requirement in zip(before, demand, strict=True):
                wanted.newest = requirement
                self.decisions.reconsider(node, wanted)
        else:
            self._compare_both(node, before, self._entries(node.definition.module, demand))

    def _compare_both(self, node: ConstraintNode, before: tuple[Wanted, ...], now: tuple[Wanted, ...]) -> None:
        node.answer = now
        asked, asking = set(before), set(now)
        for wanted in before:
            if wanted not in asking:
                self._drop(node, wanted, now)
        for wanted in now:
            if wanted not in asked:
                self.requirements.ask(node, wanted)
            else:
                self.decisions.reconsider(node, wanted)

    def _entries(self, module: str, demand: tuple[Record, ...]) -> tuple[Wanted, ...]:
        requirements = self.requirements
        if len(demand) == 1:
            identity = requirements.identity
            return (requirements.entry(identity(module, demand[0]), demand[0]),)
        identities = [requirements.identity(module, requirement) for requirement in demand]  # may raise, so first
        entries = map(requirements.entry, identities, demand)
        return tuple(dict.fromkeys(entries))

    def _drop(self, node: ConstraintNode, wanted: Wanted, now: tuple[Wanted, ...]) -> None:
        """A constraint asks no more. But for the run's own writes, would it?"""
        run = wanted.run
        reason = _reason(wanted, [other.requirement for other in now]) if now else REMOVED
        if run is None or run.outcome is COMPLETE or not run.wrote or not _judged(run):
            self.requirements.leave(node, wanted, reason)
            return
        if node.definition.is_async:  # asked in the world without the run's writes, it is never seen to hold
            self.requirements.leave(node, wanted, reason)
            run.self_satisfied = run.self_satisfied or not wanted.wanted
            return
        sink = ButFor(self.agenda.marked, node, run)
        demand = self.worlds.ask(sink)
        if self.worlds.contains(node, wanted, demand):
            run.self_satisfied = True
            if run.live or run.timed_out:
                self.requirements.hold(node, wanted, sink)
                return
        else:
            run.self_satisfied = run.self_satisfied or self.worlds.falsified_itself(node, run)
            reason = _reason(wanted, (*demand, *(other.requirement for other in now)))
        self.store.disconnect(sink)
        self.requirements.leave(node, wanted, reason)

    def end_next(self) -> None:
        """End what nobody asks for; if that cancels a run that has satisfied itself, its markers go with it."""
        run = self.requirements.end_next()
        if run is not None and run.reason is not None and run.self_satisfied:
            self.cancelled.append(run)

    # -- but for ----------------------------------------------------------------------------------

    def but_for(self, sink: ButFor) -> None:
        """Judge a but-for question that is due."""
        node, wanted = sink.node, sink.run.wanted
        if wanted.but_for.get(node) is not sink:
            return
        if node.waiting:
            self.agenda.delay(sink, node)
            return
        if not self.store.changed(sink):
            sink.state = CLEAN
            return
        demand = self.worlds.ask(sink)
        if not self.worlds.contains(node, wanted, demand):
            self.requirements.leave(
                node, wanted, _reason(wanted, (*demand, *(other.requirement for other in node.answer)))
            )

    def find_markers(self, node: ConstraintNode, run: Run) -> None:
        """Judge a constraint before the rest of the pass, to find out whether *run* has satisfied itself."""
        if run.wrote and node.state and not (node.disabled or node.waiting or node.definition.is_async):
            self.constraint(node)

    def withdraw(self, node: ConstraintNode) -> None:
        """A disabled constraint asks for nothing, holds nothing, and nobody waits for its answer."""
        withdrawn, node.answer = [*node.answer, *self.requirements.held.get(node, ())], ()
        for wanted in withdrawn:
            self.requirements.leave(node, wanted, REMOVED)
        if isinstance(node, AsyncConstraintNode):
            self.questions.abandon(node)
        node.held = NOT_HELD
        release(node, self.agenda)


def _judged(run: Run) -> bool:
    """Say whether it matters what the world wants but for this run's writes."""
    explicit = run.reason is not None and run.reason.kind == "cancelled" and not run.taken_back
    return run.live or run.timed_out or explicit


def _reason(wanted: Wanted, others: Iterable[Record]) -> CancelReason:
    """Say why *wanted* is wanted no more; *others* are what is wanted instead."""
    return SUPERSEDED if any(map(wanted.is_of_class, others)) else REMOVED


def _still(wanted: Wanted, requirement: Record) -> bool:
    """Say whether *requirement* is plainly the same one. Where it is a key that decides, it is not plain."""
    if wanted.requirement is requirement:
        return True
    keyed = wanted.resolver is not None and wanted.resolver.key is not None
    return not keyed and wanted.is_of_class(requirement) and wanted.requirement == requirement
