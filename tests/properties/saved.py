"""Programs that are worth keeping: each is the shortest that finds a defect which random ones meet too seldom."""

from tests.properties.program import (
    BAG,
    GIVEN,
    NEXT,
    Ask,
    Cancel,
    Constraint,
    Event,
    Life,
    Program,
    Resolver,
    Send,
    Step,
    Test,
    Wait,
    Write,
)

PING, PONG = 0, 1
END = (Wait(5), Life(on=False), Wait(1))
ALWAYS = 0
NOTHING = (Event(((0, GIVEN),), broken=False),)


def demand(home: int, test: Test, ask: Ask, *, priority: int = 0, after: tuple[int, ...] = ()) -> Constraint:
    """A sync constraint with one test and one requirement."""
    return Constraint(home, (test,), (ask,), priority, after, None)


def serving(kind: int, *steps: Step, outcome: str = "complete", home: int = 0, timeout: int | None = None) -> Resolver:
    """An async resolver with one attempt."""
    return Resolver(home, kind, False, steps, outcome, 1, timeout)


FOLLOWERS = Program(
    initial=(0, 1, 0, 0),
    derived=(),
    constraints=(
        demand(0, Test(0, ">=", 1), Ask(PING, -1)),
        demand(0, Test(1, ">=", 1), Ask(PING, -1), after=(0,)),
        demand(0, Test(1, ">=", 1), Ask(PONG, -1), after=(0,), priority=1),
    ),
    resolvers=(serving(PING, Step(0, (), None)), serving(PONG, Step(0, (), None))),
    events=NOTHING,
    actions=END,
)
"""R3: of two that come after the same one, the second has the higher priority and goes first."""

STALE = Program(
    initial=(1, 0, 0, 0),
    derived=(),
    constraints=(Constraint(0, (Test(0, ">=", 1),), (Ask(PING, -1),), 0, (), 0, sharp=True),),
    resolvers=(serving(PING, Step(0, (), None), outcome="hang"),),
    events=NOTHING,
    actions=(Wait(1), Wait(1), Write(0, 0), Wait(1), Write(0, 1), *END),
)
"""R9: asked because of a 0, it answers "nothing" at the moment at which a 1 returns: the run goes on."""

TAKEN_BACK = Program(
    initial=(0, 0, 2, 3),
    derived=(),
    constraints=(
        Constraint(1, (Test(2, "<", 1),), (Ask(PING, -1),), 0, (), 0),
        Constraint(1, (Test(3, ">=", ALWAYS),), (Ask(BAG, 3),), 0, (0,), 0),
    ),
    resolvers=(serving(BAG, Step(1, (), None), Step(0, ((3, GIVEN),), None), outcome="hang", home=1, timeout=3),),
    events=(Event(((3, GIVEN),), broken=False),),
    actions=(Wait(3), Wait(1), Send(0, 0), *END),
)
"""R6: the first bag's write is taken back in the pass that starts the second one: for that it is no change."""

WRITTEN_AGAIN = Program(
    initial=(3, 0, 0, 0),
    derived=(),
    constraints=(demand(0, Test(0, "==", 3), Ask(PING, -1)),),
    resolvers=(serving(PING, Step(0, ((0, 0),), None), outcome="hang"),),
    events=NOTHING,
    actions=(Wait(1), Cancel(PING, 0), Write(0, 0), *END),
)
"""R10: who writes what a cancelled run has written, before the pass that takes it back, has changed nothing."""

BENEATH = Program(
    initial=(2, 0, 2, 0),
    derived=(),
    constraints=(
        demand(0, Test(0, "<", 1), Ask(PING, -1)),
        Constraint(1, (Test(2, "<", 3),), (Ask(PONG, -1), Ask(BAG, 3)), 0, (), None),
        Constraint(0, (Test(0, "<", 2),), (Ask(BAG, 3),), 0, (), 0),
    ),
    resolvers=(
        serving(PING, Step(0, ((0, 0),), None)),
        Resolver(1, PONG, False, (Step(0, ((2, NEXT),), None),), "fail", 2, None),
        serving(BAG, Step(1, ((0, 3),), 0), outcome="hang"),
    ),
    events=(Event(((0, NEXT), (3, NEXT)), broken=False),),
    actions=END,
)
"""R9: what one bag wrote is taken away beneath the next: an async constraint that has joined that is asked again."""
