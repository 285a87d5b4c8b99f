"""The planner: one pass of deciding.

Theory of operation
-------------------
The runtime tells the planner what has happened (a run ended, an async constraint answered, a retry is due,
somebody switched a constraint off) and asks for a plan. The planner works through its agenda in the order of
the constraints, until nothing is due:

* a **constraint** is asked again if an input really changed and nothing before it is pending; the answer is
  compared with its last one;
* a **but-for question** (`ButFor`) is a second sink beside a constraint whose run is self-satisfied: the same
  function over the world without the run's writes. When that world does not want the run either, the run is
  cancelled;
* a **decision** follows the end of a run, or a requirement that is new.

Everything is level-triggered: what is on the agenda says only where to look again.

An async constraint is asked by the runtime; while runs of its own are live it is asked in the world without
their writes, so their writes alone do not restart it. When such a run ends it is compared with the real world.
"""

from collections.abc import Callable, Iterable
from typing import Any

from directive_trio._definitions.policies import CancelReason
from directive_trio._definitions.record import Record
from directive_trio._observation.observations import ConstraintBlocked, ConstraintError, ConstraintEvaluate
from directive_trio._planning.answer import NOTHING
from directive_trio._planning.blocking import release, update_pending
from directive_trio._planning.constraint_node import ButFor, ConstraintNode
from directive_trio._planning.inputs import differs, touched, value_of, world_of
from directive_trio._planning.plan import Plan
from directive_trio._planning.requirement_set import STANDING, RequirementSet
from directive_trio._planning.run import Run
from directive_trio._planning.wanted import Link, Status, Wanted
from directive_trio._store.cell import Cell
from directive_trio._store.store import Store
from directive_trio._store.worlds import World


class Planner:
    """Decides what one system does."""

    def __init__(self, store: Store, requirements: RequirementSet, nodes: Iterable[ConstraintNode]) -> None:
        self.store = store
        self.observers = store.observers
        self.requirements = requirements
        self.agenda = requirements.agenda
        self.nodes = {node.id: node for node in nodes}
        self.recover: Callable[[str, str, Exception], object] = requirements.recover
        self._cancelled: list[Run] = []
        self._switched: dict[ConstraintNode, bool] = {}
        self._before: dict[Cell, tuple[Any, int]] = {}

    def connect(self, recover: Callable[[str, str, Exception], object]) -> None:
        """Ask *recover* what to do about errors."""
        self.recover = self.requirements.recover = recover
        self.requirements.disable = lambda node: self.switch(node, False)

    # -- what has happened ------------------------------------------------------------------------

    def begin(self) -> None:
        """The system starts: every constraint is due."""
        for node in self.nodes.values():
            self.agenda.push(node)
        for wanted in self.requirements.live.values():
            self.agenda.push(wanted)

    def run_ended(self, run: Run) -> None:
        """A run has its outcome."""
        self.agenda.push(run.wanted)

    def retry_due(self, wanted: Wanted) -> None:
        """The wait of a scheduled retry is over."""
        self.agenda.push(wanted)

    def require(self, requirement: Record) -> None:
        """The program asks for a requirement itself."""
        self.requirements.require(requirement)

    def cancel(self, requirement: Record) -> bool:
        """The program cancels the runs of a requirement; False when none is live or scheduled."""
        return any([self._cancel(wanted) for wanted in self.requirements.entries(requirement)])

    def _cancel(self, wanted: Wanted) -> bool:
        if wanted.status is Status.RETRY:
            wanted.required = False
            self.requirements.plan.unschedule.append(wanted)
            self.requirements.set_status(wanted, Status.CANCELLED)
            self.agenda.push(wanted)
            return True
        if wanted.run is None or not wanted.run.live:
            return False
        self.cancel_run(wanted.run, CancelReason("cancelled"))
        return True

    def cancel_run(self, run: Run, reason: CancelReason) -> None:
        """Cancel a live run on somebody's word. Whether it leaves markers is judged in the next pass."""
        self.requirements.cancel_run(run, reason)
        self._cancelled.append(run)

    def changed_from_outside(self) -> None:
        """Somebody else than runs, effects and watchers has changed a fact: rows are broken, pauses end."""
        requirements = self.requirements
        requirements.epoch += 1
        requirements.outside += 1
        for wanted in requirements.paused:
            self.agenda.push(wanted)

    def settled(self) -> None:
        """The system is at rest: rows are broken."""
        self.requirements.epoch += 1

    def switch(self, node: ConstraintNode, on: bool) -> None:
        """Enable or disable a constraint; it counts from the next judgement on."""
        self._switched[node] = on

    def answered(self, node: ConstraintNode, evaluation: int, demand: tuple[Record, ...]) -> None:
        """An async constraint has answered; an answer to an older question is stale."""
        if node.evaluation == evaluation and node.outstanding:
            node.outstanding = False
            self._answer(node, demand)
            self._after_answer(node)

    def unanswered(self, node: ConstraintNode, evaluation: int, error: Exception) -> None:
        """An async constraint raised or took too long: it is inactive."""
        if node.evaluation == evaluation and node.outstanding:
            node.outstanding = False
            self._failed(node, error)
            self._after_answer(node)

    def stop(self, reason: CancelReason) -> None:
        """The system stops: cancel every run, and leave no marker standing."""
        requirements = self.requirements
        runs = [wanted.run for wanted in requirements.live.values() if wanted.run is not None]
        for run in runs:
            for node in list(run.wanted.links):
                if run.wrote and node.state and not (node.disabled or node.waiting or node.definition.is_async):
                    self._judge_constraint(node)  # finds out whether the run has satisfied itself
        for run in runs:
            if run.live:
                requirements.cancel_run(run, reason)
            self._take_back(run)

    def reset(self, reason: CancelReason) -> None:
        """The system has stopped: want nothing, follow nothing. What the program requires is kept."""
        requirements = self.requirements
        kept = [wanted.requirement for wanted in requirements.live.values() if wanted.required]
        requirements.forget(reason)
        for node in self.nodes.values():
            self.store.disconnect(node)
            if node.world is not None:
                node.world.close()
            node.reset()
        self.agenda.clear()
        self._cancelled.clear()
        for requirement in kept:
            requirements.require(requirement)

    @property
    def due(self) -> bool:
        """Whether a plan would have anything to decide."""
        return bool(self.agenda or self._cancelled or self._switched)

    def unmet(self) -> list[str]:
        """Say which requirements stand open, and why."""
        return [
            f"{wanted.requirement!r} for {wanted.origin}: {wanted.status.value}"
            for wanted in self.requirements.live.values()
            if wanted.run is None
        ]

    # -- the pass ---------------------------------------------------------------------------------

    def plan(self, now: float, before: "dict[Cell, tuple[Any, int]]") -> Plan:
        """Decide until nothing is due. *before* is what the facts were that changed since the last pass."""
        requirements = self.requirements
        requirements.now = now
        self._before = before
        while True:
            if self._switched:
                self._apply_switches()
            elif self.agenda:
                self._judge(self.agenda.pop())
            elif self._cancelled:
                self._take_back(self._cancelled.pop())
            else:
                break
        plan, requirements.plan = requirements.plan, Plan()
        if len(plan.start) > 1:
            plan.start.sort(key=_place)
        return plan

    def _judge(self, item: "ConstraintNode | ButFor | Wanted") -> None:
        if isinstance(item, ConstraintNode):
            item.queued = False
            self._judge_constraint(item)
        elif isinstance(item, ButFor):
            self._judge_but_for(item)
        else:
            self.requirements.decide(item)

    def _take_back(self, run: Run) -> None:
        if run.self_satisfied and not run.taken_back:
            self.requirements.take_back(run)

    def _apply_switches(self) -> None:
        switched, self._switched = self._switched, {}
        for node, on in switched.items():
            if node.disabled is not on:
                continue
            node.disabled = not on
            if on:
                node.asked = False
                self.agenda.push(node)
            else:
                self._withdraw(node)
                self._abandon(node)
                node.held = False
                release(node, self.agenda)
            update_pending(node, self.agenda)

    def _withdraw(self, node: ConstraintNode) -> None:
        """A disabled constraint asks for nothing, and holds nothing."""
        withdrawn, node.answer = [*node.answer, *node.holds], ()
        for wanted in withdrawn:
            self.requirements.leave(node, wanted, CancelReason("removed"))

    # -- constraints ------------------------------------------------------------------------------

    def _judge_constraint(self, node: ConstraintNode) -> None:
        if node.disabled:
            return
        if node.waiting:
            self._hold(node)
            return
        node.held = False
        if not node.asked or self._inputs_changed(node):
            node.asked = True
            if node.definition.is_async:
                self._ask_later(node)
            else:
                self._ask(node)
        else:
            self._settle_state(node)
        if node.delayed:
            release(node, self.agenda)
        update_pending(node, self.agenda)

    def _hold(self, node: ConstraintNode) -> None:
        node.held = True
        update_pending(node, self.agenda)
        if not node.told_blocked:
            node.told_blocked = True
            if self.observers.listening:
                self.observers.tell(ConstraintBlocked, node.id, node.waits_on())

    def _ask(self, node: ConstraintNode) -> None:
        question, view = node.question, node.view
        try:
            demand = self.store.track(node, lambda: question.ask(view, self.read))
        except Exception as error:  # noqa: BLE001  # whatever the user's constraint raises
            self._failed(node, error)
        else:
            self._answer(node, demand)

    def read(self, source: Any) -> Any:
        """Read a node, tracked where somebody tracks."""
        reads = self.store.tracking.reads
        if reads is not None:
            reads[source] = None
        return source.recall() if source.state else source.value

    def _failed(self, node: ConstraintNode, error: Exception) -> None:
        node.error = error
        if self.observers.listening:
            self.observers.tell(ConstraintError, node.id, error)
        strategy = self.recover("constraint", node.id, error)
        if strategy == "disable":
            self.switch(node, False)
        elif strategy == "throw":
            self.requirements.plan.throw.append(error)
        self._compare(node, NOTHING)

    def _answer(self, node: ConstraintNode, demand: tuple[Record, ...]) -> None:
        try:
            self._compare(node, demand)
        except Exception as error:  # noqa: BLE001  # a key function, or a requirement without identity
            self._failed(node, error)
            return
        node.error = None
        if demand:
            node.hits += 1
        if self.observers.listening:
            self.observers.tell(ConstraintEvaluate, node.id, bool(demand))

    def _compare(self, node: ConstraintNode, demand: tuple[Record, ...]) -> None:
        """Compare an answer with the last one: who is asked for anew, who no more, who still."""
        before = node.answer
        find, module = self.requirements.find, node.definition.module
        unchanged = len(before) == len(demand) and all(
            wanted.requirement is requirement or (_is(wanted, requirement) and wanted.requirement == requirement)
            for wanted, requirement in zip(before, demand, strict=True)
        )
        if unchanged:
            for wanted in before:
                self._reconsider(wanted)
            return
        now = node.answer = tuple(dict.fromkeys([find(module, requirement) for requirement in demand]))
        asked, asking = set(before), set(now)
        for wanted in before:
            if wanted not in asking:
                self._drop(node, wanted, now)
        for wanted in now:
            if wanted not in asked:
                self.requirements.ask(node, wanted)
            else:
                self._reconsider(wanted)

    def _reconsider(self, wanted: Wanted) -> None:
        if wanted.run is None and wanted.status in STANDING:
            self.requirements.reconsider(wanted)

    def _drop(self, node: ConstraintNode, wanted: Wanted, now: tuple[Wanted, ...]) -> None:
        """A constraint asks no more. But for the run's own writes, would it?"""
        run = wanted.run
        reason = CancelReason("superseded" if _another(wanted, [other.requirement for other in now]) else "removed")
        if run is None or not run.wrote or node.definition.is_async or not _judged(run):
            self.requirements.leave(node, wanted, reason)
            return
        sink = ButFor(self.agenda.marked, node, run)
        demand = self._ask_but_for(sink)
        if self._contains(node, wanted, demand):
            run.self_satisfied = True
            if run.live or run.timed_out:
                self.requirements.hold(node, wanted, sink)
                return
        elif not run.self_satisfied:
            run.self_satisfied = self._falsified_itself(node, wanted, run)
        self.store.disconnect(sink)
        if _another(wanted, demand):
            reason = CancelReason("superseded")
        self._leave(node, wanted, run, reason)

    def _leave(self, node: ConstraintNode, wanted: Wanted, run: Run, reason: CancelReason) -> None:
        """A run loses a producer for good; if it was the last, the run's markers go with it."""
        self.requirements.leave(node, wanted, reason)
        if run.reason is not None and run.self_satisfied:
            self._cancelled.append(run)

    def _contains(self, node: ConstraintNode, wanted: Wanted, demand: Iterable[Record]) -> bool:
        return any(
            _is(wanted, requirement)
            and self.requirements.identity(node.definition.module, requirement)[0] == wanted.key
            for requirement in demand
        )

    # -- but-for questions ------------------------------------------------------------------------

    def _judge_but_for(self, sink: ButFor) -> None:
        node, run = sink.node, sink.run
        wanted = run.wanted
        if wanted.but_for.get(node) is not sink:
            return
        if node.waiting:
            node.delayed.append(sink)
            return
        if not self.store.changed(sink):
            sink.state = 0
            return
        demand = self._ask_but_for(sink)
        if not self._contains(node, wanted, demand):
            now = [*demand, *(other.requirement for other in node.answer)]
            reason = CancelReason("superseded" if _another(wanted, now) else "removed")
            self._leave(node, wanted, run, reason)

    def _ask_but_for(self, sink: ButFor) -> tuple[Record, ...]:
        """Ask a constraint in the world without the run's own writes. Where it raises, it wants nothing."""
        world = world_of(self.store, sink.run)
        return self._ask_in(sink, sink.node, world)

    def _ask_in(self, sink: ButFor, node: ConstraintNode, world: World) -> tuple[Record, ...]:
        question, view = node.question, world.lens.beside(node.definition.module)
        try:
            return self.store.track(  # type: ignore[no-any-return]
                sink, lambda: question.ask(view, lambda source: self.read(world.shadow(source)))
            )
        except Exception:  # noqa: BLE001  # an error of this world is nobody's error
            return NOTHING

    def _falsified_itself(self, node: ConstraintNode, wanted: Wanted, run: Run) -> bool:
        """Say whether the run's writes alone made the constraint false, if others wrote in the same window.

        The world asked shows what others wrote since the last pass as it was before.
        """
        before = self._before
        if not any(cell.writer == run.number for cell in before):
            return False

        def sees(cell: Cell) -> Any:
            return before[cell][0] if cell in before and cell.writer != run.number else cell.value

        world = World(self.store, self.store.tracking, sees)
        sink = ButFor([], node, run)
        demand = self._ask_in(sink, node, world)
        self.store.disconnect(sink)
        world.close()
        return not self._contains(node, wanted, demand)

    # -- async constraints ------------------------------------------------------------------------

    def _inputs_changed(self, node: ConstraintNode) -> bool:
        if not node.definition.is_async:
            return self.store.changed(node)
        own = self._own_runs(node)
        world = self._world_without(own) if own else None
        changed = any(
            (touched(source, node.seen_revision) and source.writer not in own)
            or differs(source, before, source if world is None else world.shadow(source), node.seen_revision)
            for source, before in node.seen
        )
        if world is not None:
            world.close()
        return changed

    def _own_runs(self, node: ConstraintNode) -> set[int]:
        """Return the numbers of the runs that an async constraint has asked for and that go on."""
        return {wanted.run.number for wanted in node.answer if wanted.run is not None and wanted.run.outcome is None}

    def _world_without(self, own: set[int]) -> World:
        return World(self.store, self.store.tracking, lambda cell: cell.foreign if cell.writer in own else cell.value)

    def _settle_state(self, node: ConstraintNode) -> None:
        """Nothing changed for this constraint: let it listen on."""
        node.state = 0
        if node.definition.is_async:
            for source in node.inputs:  # shadows pass on the next change only when they are up to date
                value_of(source)

    def _ask_later(self, node: ConstraintNode) -> None:
        """Have the runtime ask an async constraint; whoever is asking it is interrupted."""
        self._abandon(node)
        node.evaluation += 1
        node.outstanding = True
        own = self._own_runs(node)
        node.world = self._world_without(own) if own else None
        self.store.disconnect(node)
        node.state = 0
        node.seen = []
        node.seen_revision = self.store.revision
        self.requirements.plan.evaluate.append(node)

    def _abandon(self, node: ConstraintNode) -> None:
        if node.outstanding:
            node.outstanding = False
            self.requirements.plan.abandon.append(node)
        if node.world is not None:
            node.world.close()
            node.world = None

    def _after_answer(self, node: ConstraintNode) -> None:
        if node.state:  # it became stale while it was being asked
            self.agenda.push(node)
        release(node, self.agenda)
        update_pending(node, self.agenda)


def _judged(run: Run) -> bool:
    """Say whether it matters what the world wants but for this run's writes."""
    explicit = run.reason is not None and run.reason.kind == "cancelled" and not run.taken_back
    return run.live or run.timed_out or explicit


def _is(wanted: Wanted, requirement: Record) -> bool:
    return type(wanted.requirement) is type(requirement)


def _another(wanted: Wanted, demand: Iterable[Record]) -> bool:
    """Say whether *demand* asks for another requirement of that class."""
    return any(_is(wanted, requirement) and requirement != wanted.requirement for requirement in demand)


def _place(run: Run) -> int:
    """Return where a run stands in the order of dispatch: with its first producer."""
    return min((node.rank for node, link in run.wanted.links.items() if link is Link.ASKS), default=-1)
