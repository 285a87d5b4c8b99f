"""Random programs as data: what the real modules and the naive engine are both built from.

Two modules share four facts (0 to 3 each) and a few derivations. Everything that waits does so until a moment
of its own within the second, so that no two things ever happen at the same time; the driver acts on full
seconds, and so does one async constraint: what it answers then may be stale in the pass in which it counts.
"""

from functools import cache
from typing import Final

from attrs import frozen
from hypothesis import strategies as st

HOMES: Final = ("left", "right")
FACTS_EACH: Final = 2
FACTS: Final = FACTS_EACH * len(HOMES)
TOP: Final = 3
"""The largest value of a fact."""
GIVEN: Final = 4
"""As a value to write: the payload of the requirement or event."""
NEXT: Final = 5
"""As a value to write: one more than the fact has; after the largest comes 0."""
SLOTS: Final = 32
EVE: Final = 1 / 4096
"""So long before it acts the driver looks: nothing else happens in that time."""
KINDS: Final = ("Ping", "Pong", "Bag")
BAG: Final = 2
"""The kind of requirement that cannot be hashed."""


def home_of_fact(fact: int) -> int:
    """Which module a fact stands in."""
    return fact // FACTS_EACH


@frozen
class Derived:
    """A derivation: the opposite of *first* if that is at least *bound*, else *second* (read only then)."""

    home: int
    first: int
    bound: int
    second: int


@frozen
class Test:
    """A condition on a fact or derivation (numbered after the facts)."""

    __test__ = False

    source: int
    relation: str
    value: int

    def holds(self, value: int) -> bool:
        """Whether it holds for *value*."""
        return {"<": value < self.value, "==": value == self.value, ">=": value >= self.value}[self.relation]


@frozen
class Ask:
    """A requirement to ask for: its payload is a source's value, or fixed when *source* is negative."""

    kind: int
    source: int


@frozen
class Constraint:
    """Asks if all tests hold, in their order. *wait*: seconds and a bit to think, None for a sync one.

    *sharp*: it answers on a full second, in the same pass in which the driver acts.
    """

    home: int
    tests: tuple[Test, ...]
    asks: tuple[Ask, ...]
    priority: int
    after: tuple[int, ...]
    wait: int | None
    sharp: bool = False

    def slot(self, number: int) -> int:
        """The moment within the second that belongs to it."""
        return 0 if self.sharp else SLOTS - 1 - number


@frozen
class Step:
    """One step of a resolver: wait, then write facts of its module, then perhaps send an event."""

    wait: int
    writes: tuple[tuple[int, int], ...]
    send: int | None


@frozen
class Resolver:
    """*outcome*: complete, fail, fail first (only the first attempt), hang, or requeue (the first run only)."""

    home: int
    kind: int
    sync: bool
    steps: tuple[Step, ...]
    outcome: str
    attempts: int
    timeout: int | None
    limit: int | None = None


@frozen
class Event:
    """What the handlers write, in both modules; a broken one raises when everything is written."""

    writes: tuple[tuple[int, int], ...]
    broken: bool


@frozen
class Write:
    """The driver writes a fact."""

    fact: int
    value: int


@frozen
class Touch:
    """The driver touches a fact."""

    fact: int


@frozen
class Send:
    """The driver dispatches an event."""

    event: int
    value: int


@frozen
class Undone:
    """The driver writes in a transaction that raises."""

    fact: int
    value: int


@frozen
class Switch:
    """The driver disables or enables a constraint."""

    constraint: int
    on: bool


@frozen
class Cancel:
    """The driver cancels a requirement."""

    kind: int
    payload: int


@frozen
class Life:
    """The driver stops the system, or starts it; nothing if it is so."""

    on: bool


@frozen
class Wait:
    """The driver waits; before that everything is compared."""

    seconds: int


Action = Write | Touch | Send | Undone | Switch | Cancel | Life | Wait


@frozen
class Program:
    """A whole random program."""

    initial: tuple[int, ...]
    derived: tuple[Derived, ...]
    constraints: tuple[Constraint, ...]
    resolvers: tuple[Resolver, ...]
    events: tuple[Event, ...]
    actions: tuple[Action, ...]

    def serving(self, home: int, kind: int) -> int | None:
        """Which resolver serves a requirement of a module: the module's own, else the first one."""
        found = [number for number, resolver in enumerate(self.resolvers) if resolver.kind == kind]
        found.sort(key=lambda number: (self.resolvers[number].home != home, self.resolvers[number].home))
        return found[0] if found else None

    def ranks(self, *, by_priority: bool = True) -> list[int]:
        """Constraints in their order: after, then priority, then declaration (module by module)."""
        left = sorted(range(len(self.constraints)), key=lambda number: (self.constraints[number].home, number))
        if by_priority:
            left.sort(key=lambda number: -self.constraints[number].priority)
        order: list[int] = []
        while left:
            order.append(next(number for number in left if set(self.constraints[number].after) <= set(order)))
            left.remove(order[-1])
        return order


def resolver_slot(resolver: int, payload: int) -> int:
    """The moment within the second that belongs to one identity."""
    return 1 + resolver * (TOP + 1) + payload


def moment(now: float, slot: int, wait: int) -> float:
    """The next moment of *slot* after *now*, and *wait* seconds more. Exact: all are multiples of 1/32 or so."""
    then = now // 1 + slot / SLOTS
    return (then if then > now else then + 1) + wait


def timeout_of(number: int, resolver: Resolver) -> float | None:
    """Seconds an attempt may take: full ones and a small part that no other resolver has."""
    return None if resolver.timeout is None else resolver.timeout + (2 * number + 1) / 1024


def written(value: int, given: int, present: int) -> int:
    """What a write of *value* writes."""
    if value == NEXT:
        return (present + 1) % (TOP + 1)
    return given if value == GIVEN else value


# -- how hypothesis makes them ----------------------------------------------------------------------
# Strategies are made once: making one costs far more than drawing from it.

values = st.integers(0, TOP)
facts = st.integers(0, FACTS - 1)
written_values = st.sampled_from([NEXT, GIVEN, *range(TOP + 1)])
coin = st.booleans()
handler_writes = st.lists(st.tuples(facts, written_values), min_size=1, max_size=2).map(tuple)
events = st.lists(st.builds(Event, handler_writes, coin), min_size=1, max_size=2).map(tuple)
initial = st.tuples(*[values] * FACTS)
amounts = st.sampled_from([3, 4, 4, 5, 5])
"""Of constraints."""
thinking = st.sampled_from([None, None, None, 0, 1])
predecessors = st.sampled_from([0, 0, 0, 1, 2])
"""How many at most."""
priorities = st.integers(-2, 2)
relations = st.sampled_from(["<", "<", "==", ">=", ">="])
attempts = st.integers(1, 2)
timeouts = st.sampled_from([None, None, 1, 2, 3])
limits = st.sampled_from([None, 1, 1])
synchronous = st.sampled_from([False, False, False, True])
outcomes = st.sampled_from(["complete", "complete", "fail", "fail first", *["requeue"] * 4])
slow_outcomes = st.sampled_from(["complete", "complete", "fail", "fail first", *["requeue"] * 4, *["hang"] * 5])
served = st.sampled_from([True, True, False])


@cache
def some(below: int) -> st.SearchStrategy[int]:
    """A number."""
    return st.integers(0, below - 1)


@cache
def others(below: int, most: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Different numbers, in order."""
    return st.lists(some(below), max_size=most, unique=True).map(sorted).map(tuple)


@cache
def conditions(home: int, sources: int, most: int) -> st.SearchStrategy[tuple[Test, ...]]:
    """What a constraint tests; it likes the facts of its own module."""
    own = range(home * FACTS_EACH, (home + 1) * FACTS_EACH)
    test = st.builds(Test, st.sampled_from([*own, *own, *own, *range(sources)]), relations, st.integers(1, TOP))
    return st.lists(test, min_size=1, max_size=most).map(tuple)


@cache
def demands(sources: int, most: int) -> st.SearchStrategy[tuple[Ask, ...]]:
    """What a constraint asks for; mostly the same few requirements, so that they are shared."""
    ask = st.builds(Ask, some(len(KINDS)), st.sampled_from([-1, -1, -1, -2, *range(sources)]))
    return st.lists(ask, min_size=1, max_size=most).map(tuple)


@cache
def steps(home: int, markers: tuple[tuple[int, int], ...], events: int) -> st.SearchStrategy[tuple[Step, ...]]:
    """What a resolver does; it likes to write what makes a constraint that asks for it false."""
    own = st.sampled_from(range(home * FACTS_EACH, (home + 1) * FACTS_EACH))
    anything = st.tuples(own, written_values)
    write = st.one_of(st.sampled_from(markers), st.sampled_from(markers), anything) if markers else anything
    some_writes = st.lists(write, min_size=1, max_size=2).map(tuple)
    writes = st.one_of(some_writes, some_writes, st.just(()))
    step = st.builds(Step, st.integers(0, 1), writes, st.sampled_from([None, None, *range(events)]))
    return st.lists(step, min_size=1, max_size=2).map(tuple)


@cache
def doings(events: int) -> st.SearchStrategy[list[Action]]:
    """What the driver does, before it ends the program."""
    write, wait = st.builds(Write, facts, values), st.builds(Wait, st.integers(1, 3))
    send = st.builds(Send, some(events), values)
    rare = (st.builds(Touch, facts), st.builds(Undone, facts, values), st.builds(Cancel, some(len(KINDS)), values))
    return st.lists(st.one_of(write, write, send, *rare, wait, wait), min_size=2, max_size=16)


@st.composite
def derivations(draw: st.DrawFn) -> tuple[Derived, ...]:
    """Up to three; later ones may read earlier ones of their module."""
    found: list[Derived] = []
    for number in range(draw(some(4))):
        home = draw(some(len(HOMES)))
        own = [fact for fact in range(FACTS) if home_of_fact(fact) == home]
        own += [FACTS + at for at in range(number) if found[at].home == home]
        first, second = own[draw(some(len(own)))], own[draw(some(len(own)))]
        found.append(Derived(home, first, draw(values), second))
    return tuple(found)


@st.composite
def constraints(draw: st.DrawFn, number: int, sources: int) -> Constraint:
    """One of them; ``after`` names earlier ones."""
    home, wait = draw(some(len(HOMES))), draw(thinking)
    return Constraint(
        home,
        draw(conditions(home, sources, 1 + (draw(some(4)) == 3))),
        draw(demands(sources, 2 if wait is None else 1)),
        draw(priorities),
        draw(others(number, draw(predecessors))) if number else (),
        wait,
        wait is not None and number == 0 and draw(coin),
    )


@st.composite
def resolvers(draw: st.DrawFn, home: int, kind: int, events: int, asking: tuple[Constraint, ...]) -> Resolver:
    """One of them, for one kind of requirement."""
    own = range(home * FACTS_EACH, (home + 1) * FACTS_EACH)
    markers = tuple(
        (test.source, value)
        for constraint in asking
        if any(ask.kind == kind for ask in constraint.asks)
        for test in constraint.tests
        if test.source in own
        for value in range(TOP + 1)
        if not test.holds(value)
    )
    sync = draw(synchronous)
    return Resolver(
        home,
        kind,
        sync,
        draw(steps(home, markers, events)),
        draw(outcomes if sync else slow_outcomes),
        1 if sync else draw(attempts),
        None if sync else draw(timeouts),
        None if sync else draw(limits),
    )


@st.composite
def around(draw: st.DrawFn, actions: list[Action], first: Action, last: Action) -> list[Action]:
    """Put two actions somewhere among the others, in this order; before the first one something may happen."""
    there = draw(some(len(actions) + 1))
    back = there + draw(some(len(actions) + 1 - there))
    return [*actions[:there], Wait(1), first, *actions[there:back], last, *actions[back:]]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """A whole program, its driver's actions included."""
    derived = draw(derivations())
    sources = FACTS + len(derived)
    sent = draw(events)
    asking = tuple(draw(constraints(number, sources)) for number in range(draw(amounts)))
    places = [(home, kind) for kind in range(len(KINDS)) for home in range(len(HOMES))]
    # What cannot be hashed is an error without a resolver, so the bag has one at least.
    places = [place for place in places if place == (0, BAG) or draw(served)]
    serving = tuple(draw(resolvers(home, kind, len(sent), asking)) for home, kind in places)
    actions = draw(doings(len(sent)))
    if draw(coin):
        switched = draw(some(len(asking)))
        actions = draw(around(actions, Switch(switched, on=False), Switch(switched, on=True)))
    if draw(coin):
        actions = draw(around(actions, Life(on=False), Life(on=True)))
    return Program(draw(initial), derived, asking, serving, sent, (*actions, Wait(5), Life(on=False), Wait(1)))
