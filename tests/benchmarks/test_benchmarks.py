"""The benchmarks work: each workload ends in the state it should. How long it takes is nobody's business here."""

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from tests.benchmarks.__main__ import line, row
from tests.benchmarks.machine import slowness
from tests.benchmarks.measuring import BYTES, NS, Figures, Workload, measure
from tests.benchmarks.workloads import WORKLOADS


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: f"{workload.id}-{workload.size}")
def test_a_workload_ends_in_the_state_it_should(workload: Workload) -> None:
    """Each checks itself, here at a size that takes no time."""
    small = evolve(workload, size=workload.small)
    figures = trio.run(measure, small, 1, clock=MockClock())
    assert len(figures.runs) == 1
    assert len(figures.floors) == (workload.floor is not None)
    assert line(figures).startswith(workload.id)
    assert row(figures)["size"] == workload.small


def test_a_goal_is_met_by_the_median_or_by_the_ratio_to_the_floor() -> None:
    """The ratio is taken repetition by repetition."""
    workload = Workload("W0", "nothing", WORKLOADS[0].prepare, NS, 20)
    assert Figures(workload, (10e-9, 20e-9, 90e-9)).met()
    assert not Figures(workload, (10e-9, 21e-9, 90e-9)).met()
    assert Figures(workload, (40e-9,)).met(slowness=2)
    assert not Figures(evolve(workload, unit=BYTES), (40.0,)).met(slowness=2)
    of_floor = evolve(workload, goal=2, of_floor=True)
    assert Figures(of_floor, (2.0, 4.0, 90.0), (1.0, 2.0, 4.0)).met()
    assert Figures(evolve(workload, goal=None), (1.0,)).met() is None


def test_the_machine_is_compared_with_the_one_of_the_goals() -> None:
    """However slow it is, it is a number above 0."""
    assert trio.run(slowness, 5, clock=MockClock()) > 0
