"""Random programs as data: what the real modules and the naive engine are both built from.

Two modules share four facts (0 to 3 each) and a few derivations. Everything that waits does so until a moment
of its own within the second, so that no two things ever happen at the same time; the driver acts on full
seconds.
"""

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
    """Asks if all tests hold, in their order. *wait*: seconds and a bit to think, None for a sync one."""

    home: int
    tests: tuple[Test, ...]
    asks: tuple[Ask, ...]
    priority: int
    after: tuple[int, ...]
    wait: int | None


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

    def ranks(self) -> list[int]:
        """Constraints in their order: after, then priority, then declaration (module by module)."""
        left = sorted(range(len(self.constraints)), key=lambda number: (self.constraints[number].home, number))
        left.sort(key=lambda number: -self.constraints[number].priority)
        order: list[int] = []
        while left:
            order.append(next(number for number in left if set(self.constraints[number].after) <= set(order)))
            left.remove(order[-1])
        return order


def resolver_slot(resolver: int, payload: int) -> int:
    """The moment within the second that belongs to one identity."""
    return 1 + resolver * (TOP + 1) + payload


def constraint_slot(constraint: int) -> int:
    """The moment within the second that belongs to one async constraint."""
    return SLOTS - 1 - constraint


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

values = st.integers(0, TOP)
facts = st.integers(0, FACTS - 1)
new_values = st.integers(0, NEXT)


@st.composite
def derivations(draw: st.DrawFn) -> tuple[Derived, ...]:
    """Up to three; later ones may read earlier ones of their module."""
    found: list[Derived] = []
    for number in range(draw(st.integers(0, 3))):
        home = draw(st.integers(0, 1))
        own = [fact for fact in range(FACTS) if home_of_fact(fact) == home]
        own += [FACTS + at for at in range(number) if found[at].home == home]
        first, second = draw(st.sampled_from(own)), draw(st.sampled_from(own))
        found.append(Derived(home, first, draw(st.integers(0, TOP)), second))
    return tuple(found)


@st.composite
def constraints(draw: st.DrawFn, number: int, sources: int) -> Constraint:
    """One of them; ``after`` names earlier ones."""
    source = st.integers(0, sources - 1)
    tests = st.builds(Test, source, st.sampled_from(["<", "==", ">="]), st.integers(1, TOP))
    wait = draw(st.sampled_from([None, None, None, 0, 1]))
    ask = st.builds(Ask, st.integers(0, 2), st.sampled_from([-1, -1, -1, -2, *range(sources)]))
    earlier = st.lists(st.integers(0, number - 1), max_size=2, unique=True) if number else st.just([])
    return Constraint(
        draw(st.integers(0, 1)),
        tuple(draw(st.lists(tests, min_size=1, max_size=draw(st.sampled_from([1, 1, 1, 2]))))),
        tuple(draw(st.lists(ask, min_size=1, max_size=2 if wait is None else 1))),
        draw(st.integers(-2, 2)),
        tuple(sorted(draw(earlier))),
        wait,
    )


@st.composite
def resolvers(draw: st.DrawFn, home: int, kind: int, events: int, asking: tuple[Constraint, ...]) -> Resolver:
    """One of them, for one kind of requirement. It likes to write what makes a constraint that asks for it false."""
    own = range(home * FACTS_EACH, (home + 1) * FACTS_EACH)
    markers = [
        (test.source, value)
        for constraint in asking
        if any(ask.kind == kind for ask in constraint.asks)
        for test in constraint.tests
        if test.source in own
        for value in range(TOP + 1)
        if not test.holds(value)
    ]
    write = st.tuples(st.sampled_from(own), st.sampled_from([NEXT, GIVEN, *range(TOP + 1)]))
    writes = st.lists(st.sampled_from(markers) | write if markers else write, max_size=2).map(tuple)
    send = st.sampled_from([None, None, *range(events)])
    steps = draw(st.lists(st.builds(Step, st.integers(0, 1), writes, send), min_size=1, max_size=2).map(tuple))
    sync = draw(st.sampled_from([False, False, False, True]))
    outcomes = ["complete", "complete", "fail", "fail first", "requeue", "requeue"] + ([] if sync else ["hang"] * 4)
    outcome = draw(st.sampled_from(outcomes))
    timeout = None if sync else draw(st.sampled_from([None, None, 1, 2]))
    attempts = 1 if sync else draw(st.integers(1, 2))
    return Resolver(home, kind, sync, steps, outcome, attempts, timeout)


@st.composite
def around(draw: st.DrawFn, actions: list[Action], first: Action, last: Action) -> list[Action]:
    """Put two actions somewhere among the others, in this order."""
    there = draw(st.integers(0, len(actions)))
    back = draw(st.integers(there, len(actions)))
    return [*actions[:there], first, *actions[there:back], last, *actions[back:]]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """A whole program, its driver's actions included."""
    derived = draw(derivations())
    sources = FACTS + len(derived)
    writes = st.lists(st.tuples(facts, new_values), min_size=1, max_size=2).map(tuple)
    events = draw(st.lists(st.builds(Event, writes, st.booleans()), min_size=1, max_size=2).map(tuple))
    asking = tuple(draw(constraints(number, sources)) for number in range(draw(st.sampled_from([2, 3, 4, 4, 5, 5]))))
    places = [(home, kind) for kind in range(len(KINDS)) for home in range(len(HOMES))]
    # What cannot be hashed is an error without a resolver, so the bag has one at least.
    served = [place for place in places if place == (0, BAG) or draw(st.sampled_from([True, True, False]))]
    serving = tuple(draw(resolvers(home, kind, len(events), asking)) for home, kind in served)
    constraint = st.integers(0, len(asking) - 1)
    action = st.one_of(
        st.builds(Write, facts, values),
        st.builds(Write, facts, values),
        st.builds(Touch, facts),
        st.builds(Send, st.integers(0, len(events) - 1), values),
        st.builds(Undone, facts, values),
        st.builds(Cancel, st.integers(0, 2), values),
        st.builds(Wait, st.integers(1, 3)),
        st.builds(Wait, st.integers(1, 3)),
    )
    actions = draw(st.lists(action, min_size=2, max_size=16))
    if draw(st.booleans()):
        switched = draw(constraint)
        actions = draw(around(actions, Switch(switched, on=False), Switch(switched, on=True)))
    if draw(st.booleans()):
        actions = draw(around(actions, Life(on=False), Life(on=True)))
    return Program(
        draw(st.tuples(*[values] * FACTS)), derived, asking, serving, events, (*actions, Wait(5), Life(False), Wait(1))
    )
