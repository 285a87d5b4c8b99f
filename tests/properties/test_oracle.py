"""The oracle: random programs run with the engine and with a naive one, and everything is compared.

Compared at each pause, whatever still runs then: facts, derivations, wanted requirements with state and
producers, live runs, settledness; and in the end the whole log of runs: who started and ended, when, in which
order and why. The naive engine dispatches by rank and nothing while an ``after`` predecessor is pending, so
equal logs say that of the engine too.
"""

import logging
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import assume, event, example, given, settings

from directive_trio.observe import Observation, ResolverStart
from tests.properties.naive import Naive
from tests.properties.program import Program, programs
from tests.properties.reality import ENDS, Reality, name_of
from tests.properties.saved import BENEATH, FOLLOWERS, STALE, TAKEN_BACK, WRITTEN_AGAIN
from tests.properties.state import TooLivelyError, told_by_moment

EXAMPLES = 600
LINGERING = 0.7
SHARE = 0.05
FEATURES = (
    *("writes", "events", "broken events", "rollback", "touch", "disable", "enable", "stop", "start again"),
    *("priorities", "after", "shared", "unhashable", "async"),
    *("fail", "retry", "timeout", "hang", "self-satisfied", "write and hang", "requeue", "unsatisfied", "failed"),
    "limit",
)
"""What a program may hold, as the naive engine met it while it ran."""


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    """Missing resolvers are meant: no warning for each."""
    logging.getLogger("directive_trio").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("directive_trio").setLevel(logging.NOTSET)


def naively(program: Program) -> Naive:
    """What the contract says about a program; those near to the guards of R7 are left out."""
    naive = Naive(program)
    try:
        naive.run()
    except TooLivelyError:
        assume(False)
    return naive


@settings(max_examples=EXAMPLES)
@given(programs())
@example(BENEATH)
@example(FOLLOWERS)
@example(STALE)
@example(TAKEN_BACK)
@example(WRITTEN_AGAIN)
def test_the_engine_does_what_a_naive_one_does(program: Program) -> None:
    """The same runs start and end at the same time in the same order, and the same is wanted at each pause."""
    naive = naively(program)
    for feature in sorted(naive.seen):
        event(feature)
    reality = Reality(program)
    reality.run()
    assert told_by_moment(reality.log, naive.together) == told_by_moment(naive.log, naive.together)
    assert reality.pictures == naive.pictures
    check_runs(reality.observations)
    assert reality.left_over == (0, 0)


@settings(max_examples=EXAMPLES // 3)
@given(programs())
def test_no_two_runs_of_one_identity_live_at_the_same_time(program: Program) -> None:
    """Also where cancelled runs take their time to clean up: the next one waits for the end."""
    naively(program)
    reality = Reality(program, LINGERING)
    reality.run()
    check_runs(reality.observations)
    assert reality.left_over == (0, 0)


def check_runs(observations: list[Observation]) -> None:
    """Each run has one start and one end, and no two runs of one identity live at the same time."""
    live: dict[object, int] = {}
    for observation in observations:
        if isinstance(observation, ResolverStart):
            name = name_of(observation)
            assert name not in live, "two live runs of one identity"
            live[name] = observation.run
        elif isinstance(observation, ENDS):
            assert live.pop(name_of(observation)) == observation.run, "an end without a start"
    assert not live, "a start without an end"


def test_the_programs_hold_enough_of_everything() -> None:
    """Each feature occurs in at least 5 % of the programs; the rest would test what nobody asked."""
    met: Counter[str] = Counter()

    @settings(max_examples=EXAMPLES, derandomize=True, database=None)
    @given(programs())
    def count(program: Program) -> None:
        met.update([*naively(program).seen, "programs"])

    count()
    rare = {feature: met[feature] for feature in FEATURES if met[feature] < SHARE * met["programs"]}
    assert not rare, f"of {met['programs']} programs only {rare}"
