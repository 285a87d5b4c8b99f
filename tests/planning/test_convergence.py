"""Rows: what breaks them, and when they are too long."""

from directive_trio._planning.convergence import SMALL_SET, Row
from directive_trio._planning.identity import Identity


def dispatched(row: Row, keys: list[int], epoch: int = 0, now: float = 0, limit: int = 20) -> int:
    """Dispatch the keys; return how many were allowed."""
    return [row.dispatch(Identity(key), epoch, now, limit) for key in keys].count(True)


def test_the_limit_is_allowed_and_the_next_is_not() -> None:
    """For the same key, and for few in turn."""
    assert dispatched(Row(), [1] * 25) == 20
    assert dispatched(Row(), [*range(SMALL_SET)] * 5) == 20


def test_one_key_too_many_breaks_the_row() -> None:
    """Distinct ones go on for ever."""
    assert dispatched(Row(), [*range(SMALL_SET + 1)] * 5) == 5 * (SMALL_SET + 1)


def test_another_epoch_a_second_and_a_reset_break_it() -> None:
    """Each begins a new count."""
    row = Row()
    assert dispatched(row, [1] * 20) == 20
    assert dispatched(row, [1] * 20, epoch=1) == 20
    assert dispatched(row, [1] * 20, epoch=1, now=1) == 20
    row.reset()
    assert dispatched(row, [1] * 20, epoch=1, now=1) == 20
    assert dispatched(row, [1], epoch=1, now=1.5) == 0
