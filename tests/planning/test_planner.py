"""The planner's counters say what a walk over everything would say, after whatever has happened.

``waiting``, ``open`` and ``pending`` of a constraint, ``asking`` and ``holding`` of a requirement are counted, so
that no pass walks anything; counters drift when one place forgets them. Here random programs run without a
runtime: runs end, answer and are cancelled when the test says so, and after each pass all is counted naively.
"""

import random
from typing import Any

import pytest
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, Retry, System
from directive_trio._definitions.policies import CancelReason
from directive_trio._planning.constraint_node import AsyncConstraintNode, ConstraintNode
from directive_trio._planning.identity import Identity
from directive_trio._planning.plan import Plan
from directive_trio._planning.planner import Planner
from directive_trio._planning.run import Outcome, Run
from directive_trio._planning.wanted import Link, Status, Wanted
from directive_trio._store.store import Store

CONSTRAINTS = 8
JOBS = 4


@define
class Facts:
    f0: int = 0
    f1: int = 0
    f2: int = 0
    f3: int = 0


@frozen
class Job:
    number: int


@frozen
class Nobodys:
    number: int


def program(chance: random.Random) -> Module[Facts]:
    """Constraints that ask for shared jobs by the values of two facts each, some async, each after some before."""
    module = Module("m", Facts)

    def declare(number: int) -> None:
        one, other = f"f{chance.randrange(4)}", f"f{chance.randrange(4)}"
        earlier = [f"c{at}" for at in range(number) if chance.random() < 0.25]

        def answer(facts: Facts) -> list[Job | Nobodys]:
            first = getattr(facts, one)
            if first == 0:
                return []
            second = getattr(facts, other)
            if second == 3:
                raise ValueError("three")
            return [Nobodys(second) if first == 3 else Job((first + second) % JOBS), Job(second)]

        async def slow_answer(facts: Facts) -> list[Job | Nobodys]:
            return answer(facts)

        module.constraint(name=f"c{number}", after=earlier, priority=chance.randrange(3))(
            answer if chance.random() < 0.75 else slow_answer
        )

    for number in range(CONSTRAINTS):
        declare(number)

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Facts]) -> None: ...

    return module


class Driver:
    """Does by chance what a runtime and a program might do."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        system = System(
            program(self.chance),
            errors=ErrorBoundary(retry_later=Retry(3), on_error=lambda error, name: None),
            convergence_limit=5,
        )
        self.store: Store = system._store
        self.planner: Planner = system._planner
        self.nodes = list(self.planner.nodes.values())
        self.cells = list(self.store.modules["m"].nodes)
        self.live: list[Run] = []
        self.scheduled: list[Wanted] = []
        self.asked: list[AsyncConstraintNode] = []
        self.now = 0.0
        self.store.observers.clock = lambda: self.now
        self.planner.begin()

    def step(self) -> None:
        """Do a few things, then make a pass and carry its plan out."""
        for _ in range(self.chance.randrange(1, 4)):
            self.chance.choice([self.write, self.write, self.run_writes, self.run_ends, self.answer, self.retry])()
            self.chance.choice([self.nothing, self.nothing, self.switch, self.require, self.cancel])()
        self.make_pass()

    def nothing(self) -> None: ...

    def write(self) -> None:
        self.store.write(self.chance.choice(self.cells), self.chance.randrange(4))

    def run_writes(self) -> None:
        live = [run for run in self.live if run.live]
        if live:
            run = self.chance.choice(live)
            self.store.write(self.chance.choice(self.cells), self.chance.randrange(4), run.number)
            run.wrote = True

    def run_ends(self) -> None:
        if self.live:
            run = self.live.pop(self.chance.randrange(len(self.live)))
            run.outcome = Outcome.CANCEL if run.reason else self.chance.choice([Outcome.COMPLETE, Outcome.ERROR])
            run.strategy = self.chance.choice(["skip", "retry", "retry_later", "disable"])
            run.timed_out = run.outcome is Outcome.ERROR and self.chance.random() < 0.3
            run.requeued = self.chance.random() < 0.1
            self.planner.run_ended(run)

    def answer(self) -> None:
        if self.asked:
            node = self.asked.pop(self.chance.randrange(len(self.asked)))
            jobs = tuple(Job(self.chance.randrange(JOBS)) for _ in range(self.chance.randrange(3)))
            self.planner.answered(node, node.evaluation, ValueError() if self.chance.random() < 0.2 else jobs)

    def retry(self) -> None:
        if self.scheduled:
            self.planner.retry_due(self.scheduled.pop())

    def switch(self) -> None:
        self.planner.switch(self.chance.choice(self.nodes), self.chance.random() < 0.6)

    def require(self) -> None:
        self.planner.require(Job(self.chance.randrange(JOBS)))

    def cancel(self) -> None:
        self.planner.cancel(Job(self.chance.randrange(JOBS)))

    def make_pass(self) -> None:
        self.now += self.chance.choice([0.0, 0.5])
        changes = self.store.take_changes()
        if any(cell.writer == 0 for cell in changes):
            self.planner.changed_from_outside()
        plan = self.planner.plan(changes) or Plan()
        self.asked = [node for node in self.asked if node not in plan.abandon]
        self.asked += [node for node in plan.evaluate if node.outstanding]
        self.scheduled = [wanted for wanted in self.scheduled if wanted not in plan.unschedule]
        self.scheduled += [wanted for wanted, _ in plan.schedule]
        self.live += [run for run in plan.start if run.live]
        for run in plan.start:
            if not run.live:
                run.outcome = Outcome.CANCEL
                self.planner.run_ended(run)

    # -- counting ---------------------------------------------------------------------------------

    def check(self) -> None:
        """Count everything naively."""
        live = self.planner.requirements.live.values()
        for wanted in live:
            links = list(wanted.links.values())
            assert (wanted.asking, wanted.holding) == (links.count(Link.ASKS), links.count(Link.HOLDS))
            assert set(wanted.but_for) == {node for node, link in wanted.links.items() if link is Link.HOLDS}
            assert wanted.wanted or wanted.run is not None or self.planner.due
            assert (wanted.status is Status.RUNNING) == (wanted.run is not None)
        for node in self.nodes:
            self.check_node(node, [wanted for wanted in live if node in wanted.links])
        self.check_nothing_is_lost()
        self.check_one_run_an_identity()

    def check_node(self, node: ConstraintNode, linked: list[Wanted]) -> None:
        assert node.open == sum(wanted.pending for wanted in linked)
        assert node.waiting == sum(earlier.pending for earlier in node.predecessors)
        holds = self.planner.requirements.held.get(node, {})
        delayed = self.planner.agenda.delayed.get(node, {})
        due = node.waiting or node.open or node.outstanding or node.held
        assert node.pending == bool(due and not node.disabled)
        assert set(node.answer) == {wanted for wanted in linked if wanted.links[node] is Link.ASKS}
        assert set(holds) == {wanted for wanted in linked if wanted.links[node] is Link.HOLDS}
        assert not (node.disabled and (node.answer or holds or delayed or node.outstanding))
        assert not delayed or node.waiting or node.outstanding
        assert node.outstanding == (node in self.asked)

    def check_nothing_is_lost(self) -> None:
        """What is wanted and not decided waits for somebody who will say so."""
        if self.planner.due:
            return
        delayed: set[Any] = {item for items in self.planner.agenda.delayed.values() for item in items}
        for wanted in self.planner.requirements.live.values():
            assert wanted.status not in {Status.NEW, Status.UNDECIDED} or wanted in delayed
            assert wanted.status is not Status.RETRY or wanted in delayed or wanted in self.scheduled
            assert wanted.status is not Status.PAUSED or wanted in self.planner.requirements.paused
            assert wanted.run is None or wanted.run in self.live

    def check_one_run_an_identity(self) -> None:
        keys = [run.wanted.key for run in self.live]
        assert len(keys) == len(set(keys))


@pytest.mark.parametrize("seed", range(60))
def test_the_counters_never_drift(seed: int) -> None:
    """After each pass they are what a walk would count; nothing that is wanted is forgotten."""
    driver = Driver(seed)
    driver.make_pass()
    for _ in range(120):
        driver.step()
        driver.check()


@pytest.mark.parametrize("seed", range(10))
def test_stop_leaves_nothing_and_start_begins_anew(seed: int) -> None:
    """Whatever was under way: nothing is wanted but what the program requires, and nobody listens to a fact."""
    driver = Driver(seed)
    for _ in range(30):
        driver.step()
    driver.planner.stop(CancelReason("stopped"))
    while driver.live:
        driver.run_ends()
    driver.planner.reset(CancelReason("stopped"))
    assert all(wanted.required for wanted in driver.planner.requirements.live.values())
    assert all(not cell.dependents for cell in driver.cells)
    assert all((node.waiting, node.open, node.pending) == (0, 0, False) for node in driver.nodes)
    driver.asked.clear()
    driver.scheduled.clear()
    driver.planner.begin()
    for _ in range(30):
        driver.step()
        driver.check()


def test_self_satisfied_runs_leave_no_listeners() -> None:
    """The world without a run's writes is closed when the run has been judged: facts go on telling nobody."""
    module = Module("m", Facts)

    @module.constraint
    def must(facts: Facts) -> Job | None:
        return Job(0) if facts.f0 and not facts.f1 else None

    @module.resolver(Job)
    async def work(requirement: Job, ctx: Context[Facts]) -> None: ...

    system = System(module)
    store, planner = system._store, system._planner
    f0, f1 = store.modules["m"].nodes[:2]
    planner.begin()
    planner.plan(store.take_changes())
    for outcome in [Outcome.COMPLETE, Outcome.ERROR, Outcome.CANCEL] * 5:
        store.write(f0, 1)
        plan = planner.plan(store.take_changes())
        assert plan is not None
        (run,) = plan.start
        store.write(f1, 1, run.number)
        run.wrote = True
        planner.plan(store.take_changes())
        assert run.self_satisfied
        if outcome is Outcome.CANCEL:
            assert planner.cancel(Job(0))
        run.outcome = outcome
        planner.run_ended(run)
        planner.plan(store.take_changes())
        store.write(f0, 0)
        store.write(f1, 0)
        planner.plan(store.take_changes())
        assert not planner.requirements.live
        assert len(f0.dependents) <= 1
        assert len(f1.dependents) <= 1


def test_things_print_themselves() -> None:
    """In a debugger each says what it is."""
    wanted = Wanted(Identity(Job(1)), Job(1), None)
    assert repr(wanted) == "<wanted Job(number=1): new>"
    assert repr(Run(3, wanted, 0.0)) == "<run 3 of Job(number=1)>"
    assert repr(Driver(0).nodes[0]) == "<constraint node m::c0>"
