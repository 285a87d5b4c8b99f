"""The oracle: random programs end in the same state with the engine and with a naive one."""

from hypothesis import assume, event, given

from tests.properties.naive import Naive, TooLively, told_by_moment
from tests.properties.program import Program, programs
from tests.properties.reality import Reality


@given(programs())
def test_the_engine_does_what_a_naive_one_does(program: Program) -> None:
    """The same runs start and end in the same order at the same time, and all that is wanted is the same."""
    naive = Naive(program)
    try:
        naive.run()
    except TooLively:
        assume(False)
    for feature in naive.seen:
        event(feature)
    reality = Reality(program)
    reality.run()
    assert told_by_moment(reality.log, naive.together) == told_by_moment(naive.log, naive.together)
    assert reality.pictures == naive.pictures
