"""Modules, definitions and writes in any order; at rest it is as if the system had been made like that."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal

import trio
from attrs import define, field, frozen
from hypothesis import event, given
from hypothesis import strategies as st
from trio.testing import MockClock

from directive_trio import ErrorBoundary, Inspection, Module, System, open_system
from directive_trio.errors import DuplicateNameError, UnknownNameError, UsageError
from directive_trio.observe import Observation
from tests.properties.guests import IDLES, LATE, NAMES, Choices, Write, guest

Kind = Literal["come", "go", "renew", "off", "on", "write", "send"]
Strategy = Literal["skip", "retry_later"]
Where = Literal["body", "watcher", "effect", "resolver", "on error", "cleanup"]


@frozen
class Step:
    """What is done: where, by whom, and how many seconds later the next thing is."""

    kind: Kind
    where: Where
    home: str
    choices: Choices
    definition: str
    fact: str
    value: int
    wait: float


REFUSALS = (DuplicateNameError, UnknownNameError, UsageError)
PARTS = ("reach", "later", "follow", "meddle", "echo", "serve", "feed", "total", "theirs")

choices = st.builds(
    Choices,
    reaches=st.booleans(),
    follows=st.sampled_from(["", "freely", "after its own", "after the other", "after nobody"]),
    later=st.sampled_from([0.0, 0.25, 7.0]),
    echoes=st.sampled_from(["", "sync", "async"]),
    meddles=st.booleans(),
    serves=st.sampled_from(["", "quick", "slow", "stubborn", "batch"]),
    names=st.booleans(),
    feeds=st.booleans(),
    priority=st.integers(0, 1),
    more=st.booleans(),
)
steps = st.lists(
    st.builds(
        Step,
        kind=st.sampled_from(["come", "come", "go", "renew", "off", "on", "write", "write", "send"]),
        where=st.sampled_from(["body", "body", "body", "watcher", "effect", "resolver", "on error", "cleanup"]),
        home=st.sampled_from(NAMES),
        choices=choices,
        definition=st.sampled_from(PARTS),
        fact=st.sampled_from(["value", "goal", "goal", "copy"]),
        value=st.integers(0, 4),
        wait=st.sampled_from([0.0, 0.0, 0.0, 0.3, 0.6, 9.0]),
    ),
    min_size=4,
    max_size=20,
)
beginnings = st.tuples(*[choices] * len(NAMES))
strategies: st.SearchStrategy[Strategy] = st.sampled_from(["skip", "retry_later"])


@define
class Bell:
    """Rung to do something in a pass: by a watcher, an effect, or a synchronous resolver."""

    watcher: int = 0
    effect: int = 0
    resolver: int = 0
    answered: int = 0


@frozen
class Ring:
    number: int


@define
class Host:
    """A system whose modules come and go."""

    system: System = field(init=False)
    modules: list[Module[Any]] = field(factory=list)
    """All that were ever made; each shows its place in this list."""
    due: list[Step] = field(factory=list)
    at_next: dict[Where, list[Step]] = field(factory=lambda: {"on error": [], "cleanup": []})
    alive: Counter[str] = field(factory=Counter)
    wrong: list[str] = field(factory=list)

    def on_error(self, error: Exception, name: str) -> None:
        """Nothing raises of its own; what is asked for in a pass may turn out to be refused after it."""
        if name in NAMES and not isinstance(error, REFUSALS):
            self.wrong.append(f"{name}: {error!r}")
        self.do_all("on error")

    def cleaned_up(self) -> None:
        """An effect was cleaned up."""
        self.do_all("cleanup")

    def do_all(self, where: Where) -> None:
        steps, self.at_next[where] = self.at_next[where], []
        for step in steps:
            self.do(step)

    def make(self, name: str, choices: Choices) -> Module[Any]:
        self.modules.append(guest(name, len(self.modules), choices, self.alive, self.cleaned_up))
        return self.modules[-1]

    def ring(self, step: Step) -> None:
        """Have it done in a pass, or when something else happens next."""
        if step.where in self.at_next:
            self.at_next[step.where].append(step)
            return
        self.due.append(step)
        bell = self.system["bell"]
        setattr(bell, step.where, getattr(bell, step.where) + 1)

    def answer(self) -> None:
        due, self.due = self.due, []
        for step in due:
            self.do(step)

    def do(self, step: Step) -> None:
        """Do it, if it can be done."""
        try:
            self._do(step)
        except REFUSALS as error:
            event(f"{step.kind} refused with {type(error).__name__}")
        else:
            event(f"{step.kind} done in {step.where}")

    def _do(self, step: Step) -> None:
        system, name = self.system, f"{step.home}::{step.definition}"
        match step.kind:
            case "come":
                system.register(self.make(step.home, step.choices))
            case "go":
                system.unregister(step.home)
            case "renew":
                system.replace(self.make(step.home, step.choices))
            case "off":
                system.disable(name)
            case "on":
                system.enable(name)
            case "write":
                setattr(system[step.home], step.fact, step.value)
            case _:
                system.dispatch(Write(step.home, step.fact, step.value))


def bell_module(answer: Callable[[], None]) -> Module[Bell]:
    bell = Module("bell", Bell)

    @bell.effect
    def on_effect(facts: Bell) -> None:
        if facts.effect:
            answer()

    @bell.constraint
    def must_be_answered(facts: Bell) -> Ring | None:
        return Ring(facts.resolver) if facts.resolver != facts.answered else None

    @bell.resolver(Ring)
    def on_resolver(requirement: Ring, ctx: Any) -> None:
        ctx.facts.answered = requirement.number
        answer()

    return bell


@frozen
class Picture:
    """A system at rest."""

    facts: dict[str, Any]
    derivations: dict[str, Any]
    wanted: set[tuple[str, str]]
    active: set[str]
    alive: dict[str, int]


def blocked(shown: Inspection) -> set[str]:
    return {one.id for one in shown.constraints if one.waiting_on}


def picture(system: System, alive: Counter[str], ignored: set[str]) -> Picture:
    """Look at all of it; what constraints ask for that wait for others depends on what came before."""
    names = [one.id for one in system.inspect().derivations]
    derivations = {name: derived(system, name) for name in names}
    shown = system.inspect()
    wanted = {(one.requirement, one.state) for one in shown.requirements if not {*one.producers} <= ignored}
    active = {one.id for one in shown.constraints if one.active} - ignored
    return Picture(
        dict(shown.facts), derivations, wanted, active, {kind: count for kind, count in alive.items() if count}
    )


def derived(system: System, name: str) -> object:
    try:
        return system.read(name)
    except Exception as error:  # noqa: BLE001  # compared by its words
        return str(error)


async def made_anew(shown: Inspection, host: Host, strategy: Strategy) -> tuple[Picture, Picture]:
    """Make a system from the same modules, facts and switches, and look at both."""
    initial: dict[str, dict[str, Any]] = {}
    for name, value in shown.facts.items():
        home, _, fact = name.partition("::")
        initial.setdefault(home, {})[fact] = value
    numbers = {one.id.partition("::")[0]: int(one.label) for one in shown.constraints if one.label}
    modules = [host.modules[numbers[name]] if name in NAMES else bell_module(ignore) for name in initial]
    switched: list[Any] = [*shown.constraints, *shown.effects, *shown.sources]
    disabled = [one.id for one in switched if one.disabled]
    before = Counter(host.alive)
    async with trio.open_nursery() as nursery:
        fresh = System(*modules, initial=initial, errors=ErrorBoundary(resolver=strategy, on_error=ignore))
        for name in (*disabled, *host.system._planner.disabled_resolvers):
            fresh.disable(name)
        fresh.start(nursery)
        await fresh.settle(timeout=1000)
        await trio.sleep(1)
        ignored = blocked(shown) | blocked(fresh.inspect())
        pictures = picture(host.system, before, ignored), picture(fresh, host.alive - before, ignored)
        await fresh.destroy()
    return pictures


def ignore(*_: object) -> None: ...


def run_of(seen: Any) -> int:
    return int(seen.run)


def check_observations(log: list[Observation]) -> None:
    """Numbers without a gap, and one outcome for each run."""
    numbers = [seen.seq for seen in log]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    begun = [run_of(seen) for seen in log if seen.type == "resolver.start"]
    ended = [run_of(seen) for seen in log if seen.type in {"resolver.complete", "resolver.error", "resolver.cancel"}]
    assert sorted(begun) == sorted(ended)
    assert len({*begun}) == len(begun)


async def play(begin: Sequence[Choices], program: Sequence[Step], strategy: Strategy) -> None:
    """Play it, and compare."""
    host = Host()
    modules = [bell_module(host.answer), *[host.make(name, choice) for name, choice in zip(NAMES, begin, strict=True)]]
    log: list[Observation] = []
    async with open_system(*modules, errors=ErrorBoundary(resolver=strategy, on_error=host.on_error)) as system:
        host.system = system
        system.observe(log.append)
        system.watch("bell::watcher", lambda new, old: host.answer())
        for step in program:
            host.do(step) if step.where == "body" else host.ring(step)
            await trio.sleep(step.wait)
        await system.settle(timeout=1000)
        host.at_next = {where: [] for where in host.at_next}
        for derivation in system.inspect().derivations:
            system.enable(derivation.id)
        await system.settle(timeout=1000)
        await try_again(system)
        await trio.sleep(1)  # sources are attached when they are, and who is detached may clean up
        shown = system.inspect()
        assert shown.runs == ()
        assert LATE not in shown.facts.values()
        changed, fresh = await made_anew(shown, host, strategy)
        assert changed == fresh
    assert host.wrong == []
    assert not +host.alive
    check_observations(log)


async def try_again(system: System) -> None:
    """R6: what its run has met, and somebody undone before it ended, stands unsatisfied: a fresh one would try it."""
    while undone := [one for one in system.inspect().requirements if can_be_met(one)]:
        home, fact = undone[0].requirement.split("'")[1:4:2]
        system.touch(f"{home}::{fact}")
        await system.settle(timeout=1000)


def can_be_met(one: Any) -> bool:
    return one.state == "unsatisfied" and f"value={IDLES}" not in one.requirement


@given(beginnings, steps, strategies)
def test_what_came_before_plays_no_part(begin: Sequence[Choices], program: list[Step], strategy: Strategy) -> None:
    """The same facts, derivations and requirements as in a system made of what is left; and nothing goes on."""
    trio.run(play, begin, program, strategy, clock=MockClock(autojump_threshold=0))
