"""The same random program with the real engine, on trio's mock clock."""

from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any

import trio
from attrs import define, frozen
from trio.testing import MockClock

from directive_trio import Context, ErrorBoundary, Module, Retry, System, derivation
from directive_trio.observe import Observation, ResolverCancel, ResolverComplete, ResolverError, ResolverStart
from tests.properties.program import (
    EVE,
    FACTS,
    FACTS_EACH,
    HOMES,
    KINDS,
    Cancel,
    Constraint,
    Derived,
    Event,
    Life,
    Program,
    Resolver,
    Send,
    Switch,
    Touch,
    Undone,
    Wait,
    Write,
    home_of_fact,
    moment,
    resolver_slot,
    timeout_of,
    written,
)
from tests.properties.state import RETRY_DELAY, Name, Picture, Told


@frozen
class Ping:
    payload: int


@frozen
class Pong:
    payload: int


@define
class Bag:
    """It holds a list and compares by value, so it cannot be hashed."""

    items: list[int]

    @property
    def payload(self) -> int:
        return self.items[0]


@frozen
class Event0:
    value: int


@frozen
class Event1:
    value: int


ENDS = (ResolverComplete, ResolverError, ResolverCancel)
EVENTS = (Event0, Event1)


class BrokenError(Exception):
    """What resolvers and handlers raise."""


def fail() -> None:
    """Break off."""
    raise BrokenError


def requirement_of(kind: int, payload: int) -> Any:
    """A real requirement."""
    return (Ping(payload), Pong(payload), Bag([payload]))[kind]


def name_of_source(source: int) -> str:
    """The attribute of a fact or derivation."""
    return f"fact{source}" if source < FACTS else f"derived{source - FACTS}"


def qualified(program: Program, source: int) -> str:
    """The name of a fact or derivation in the system."""
    return f"{HOMES[home_of_source(program, source)]}::{name_of_source(source)}"


def home_of_source(program: Program, source: int) -> int:
    """Which module it stands in."""
    return home_of_fact(source) if source < FACTS else program.derived[source - FACTS].home


class Reality:
    """Builds the modules of a program and runs it. *lingering*: a cancelled run takes so long to clean up."""

    def __init__(self, program: Program, lingering: float = 0) -> None:
        self.program = program
        self.lingering = lingering
        self.requeued: set[Name] = set()
        self.log: list[Told] = []
        self.pictures: list[Picture] = []
        self.observations: list[Observation] = []
        self.left_over = (-1, -1)
        """How many tasks and runs were left when the system was destroyed."""
        self.modules: list[Module[Any]] = [Module(HOMES[home], self.facts_class(home)) for home in range(len(HOMES))]
        for number, constraint in enumerate(program.constraints):
            self.declare_constraint(number, constraint)
        for number, resolver in enumerate(program.resolvers):
            self.declare_resolver(number, resolver)
        for event, kind in zip(program.events, EVENTS, strict=False):
            for home in range(len(HOMES)):
                self.declare_handler(home, event, kind)

    # -- building ---------------------------------------------------------------------------------

    def facts_class(self, home: int) -> type:
        own = range(home * FACTS_EACH, (home + 1) * FACTS_EACH)
        body: dict[str, Any] = {name_of_source(fact): self.program.initial[fact] for fact in own}
        body["__annotations__"] = dict.fromkeys(body, int)
        for number, derived in enumerate(self.program.derived):
            if derived.home == home:
                body[name_of_source(FACTS + number)] = derivation(method_of(derived))
        return define(type(f"{HOMES[home].title()}Facts", (), body))

    def declare_constraint(self, number: int, constraint: Constraint) -> None:
        def read(view: Any, source: int) -> int:
            home = home_of_source(self.program, source)
            place = view if home == constraint.home else self.modules[home].of(view)
            value: int = getattr(place, name_of_source(source))
            return value

        def answer(view: Any) -> list[Any]:
            if not all(test.holds(read(view, test.source)) for test in constraint.tests):
                return []
            return [
                requirement_of(ask.kind, read(view, ask.source) if ask.source >= 0 else -1 - ask.source)
                for ask in constraint.asks
            ]

        async def answer_later(view: Any) -> list[Any]:
            found = answer(view)
            await trio.sleep_until(moment(trio.current_time(), constraint.slot(number), constraint.wait or 0))
            return found

        self.modules[constraint.home].constraint(
            after=[self.constraint_id(other) for other in constraint.after],
            priority=constraint.priority,
            name=f"constraint{number}",
        )(answer if constraint.wait is None else answer_later)

    def constraint_id(self, number: int) -> str:
        return f"{HOMES[self.program.constraints[number].home]}::constraint{number}"

    def declare_resolver(self, number: int, resolver: Resolver) -> None:
        def do(step: int, payload: int, ctx: Context[Any]) -> None:
            for fact, value in resolver.steps[step].writes:
                present = getattr(ctx.facts, name_of_source(fact))
                setattr(ctx.facts, name_of_source(fact), written(value, payload, present))
            event = resolver.steps[step].send
            if event is not None:
                ctx.dispatch(EVENTS[event](payload))

        def finish(payload: int, ctx: Context[Any]) -> None:
            if resolver.outcome == "fail" or (resolver.outcome == "fail first" and ctx.attempt == 1):
                raise BrokenError
            name = (number, resolver.kind, payload)
            if resolver.outcome == "requeue" and name not in self.requeued:
                self.requeued.add(name)
                ctx.requeue()

        def at_once(requirement: Any, ctx: Context[Any]) -> None:
            for step in range(len(resolver.steps)):
                do(step, requirement.payload, ctx)
            finish(requirement.payload, ctx)

        async def slowly(requirement: Any, ctx: Context[Any]) -> None:
            try:
                await step_by_step(requirement.payload, ctx)
            except trio.Cancelled:
                with trio.CancelScope(shield=True):
                    await trio.sleep(self.lingering)
                raise

        async def step_by_step(payload: int, ctx: Context[Any]) -> None:
            for at, step in enumerate(resolver.steps):
                await trio.sleep_until(moment(trio.current_time(), resolver_slot(number, payload), step.wait))
                do(at, payload, ctx)
            if resolver.outcome == "hang":
                await trio.sleep_forever()
            finish(payload, ctx)

        kind: type[Any] = (Ping, Pong, Bag)[resolver.kind]
        key: Callable[[Any], Hashable] | None = (lambda bag: tuple(bag.items)) if kind is Bag else None
        self.modules[resolver.home].resolver(
            kind,
            retry=Retry(resolver.attempts, initial_delay=RETRY_DELAY),
            timeout=timeout_of(number, resolver),
            key=key,
            limit=resolver.limit,
            name=f"resolver{number}",
        )(at_once if resolver.sync else slowly)

    def declare_handler(self, home: int, event: Event, kind: type[Any]) -> None:
        def handle(facts: Any, sent: Any) -> None:
            for fact, value in event.writes:
                if home_of_fact(fact) == home:
                    present = getattr(facts, name_of_source(fact))
                    setattr(facts, name_of_source(fact), written(value, sent.value, present))
            if event.broken and home == len(HOMES) - 1:
                raise BrokenError

        self.modules[home].on(kind)(handle)

    # -- running ----------------------------------------------------------------------------------

    def run(self) -> None:
        """The whole program."""
        trio.run(self.main, clock=MockClock(autojump_threshold=0))

    async def main(self) -> None:
        self.system = System(*self.modules, errors=ErrorBoundary(on_error=lambda error, name: None))
        self.system.observe(self.observe)
        async with trio.open_nursery() as nursery:
            self.nursery = nursery
            self.system.start(nursery)
            for action in self.program.actions:
                await self.act(action)
            await self.system.destroy()
            self.left_over = (len(nursery.child_tasks), len(self.system.inspect().runs))

    async def act(self, action: object) -> None:  # one branch for each action
        """What the driver does."""
        system = self.system
        match action:
            case Write(fact, value):
                setattr(system[self.modules[home_of_fact(fact)]], name_of_source(fact), value)
            case Touch(fact):
                system.touch(qualified(self.program, fact))
            case Send(event, value):
                with suppress(BrokenError):
                    system.dispatch(EVENTS[event](value))
            case Undone(fact, value):
                with suppress(BrokenError), system.transaction():
                    setattr(system[self.modules[home_of_fact(fact)]], name_of_source(fact), value)
                    fail()
            case Switch(number, on):
                (system.enable if on else system.disable)(self.constraint_id(number))
            case Cancel(kind, payload):
                system.cancel(requirement_of(kind, payload))
            case Life(True) if system.state == "stopped":
                system.start(self.nursery)
            case Life(False) if system.state == "running":
                system.stop()
                await system.stop_async()
            case Wait(seconds):
                await self.wait(trio.current_time() + seconds)

    async def wait(self, then: float) -> None:
        await trio.sleep_until(then - EVE)
        self.pictures.append(self.picture())
        await trio.sleep_until(then)

    def observe(self, observation: Observation) -> None:
        """Keep what the log is compared by."""
        self.observations.append(observation)
        match observation:
            case ResolverStart():
                self.tell(observation, "start")
            case ResolverComplete():
                self.tell(observation, "complete")
            case ResolverError():
                self.tell(observation, "error")
            case ResolverCancel(reason=reason):
                self.tell(observation, "cancel", str(reason))

    def tell(self, observation: Any, word: str, reason: str = "") -> None:
        self.log.append(Told(observation.time, word, name_of(observation), reason))

    def picture(self) -> Picture:
        """What can be compared."""
        seen = self.system.inspect()
        names = {
            repr(requirement_of(kind, payload)): (kind, payload) for kind in range(len(KINDS)) for payload in range(4)
        }
        values = [self.system.read(qualified(self.program, source)) for source in range(self.sources)]
        wanted = {
            (resolver_number(each.resolver), *names[each.requirement]): (
                each.state,
                tuple(sorted(int(producer[-1]) for producer in each.producers)),
            )
            for each in seen.requirements
        }
        return Picture(
            trio.current_time(),
            tuple(values[:FACTS]),
            tuple(values[FACTS:]),
            wanted if seen.state == "running" else {},
            frozenset((resolver_number(run.resolver), *names[run.requirement]) for run in seen.runs),
            seen.settled and seen.state == "running",
        )

    @property
    def sources(self) -> int:
        return FACTS + len(self.program.derived)


def name_of(observation: Any) -> Name:
    """The identity that a run's observation is about."""
    requirement = observation.requirement
    return resolver_number(observation.id), KINDS.index(type(requirement).__name__), requirement.payload


def method_of(derived: Derived) -> Callable[[Any], int]:
    """A derivation as a method."""

    def method(self: Any) -> int:
        first: int = getattr(self, name_of_source(derived.first))
        second: int = 3 - first if first >= derived.bound else getattr(self, name_of_source(derived.second))
        return second

    return method


def resolver_number(name: str | None) -> int | None:
    """``left::resolver3`` → 3."""
    return int(name[-1]) if name else None
