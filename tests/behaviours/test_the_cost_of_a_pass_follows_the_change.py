"""R2: what a pass costs follows what has changed, not how much there is."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.behaviours import cost_of_a_pass
from tests.behaviours.cost_of_a_pass import BYTES, COUNTS, PEAKS, WORKLOADS

SHARE = 0.05
"""How much more it may execute among many."""


def costs(workload: str) -> list[dict[str, int]]:
    """What it costs among few and among many, counted in an interpreter of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}
    ended = subprocess.run(
        [sys.executable, "-m", cost_of_a_pass.__name__, workload],
        cwd=Path(__file__).parents[2],
        env={**inherited, "PYTHONHASHSEED": "0"},
        check=True,
        stdout=subprocess.PIPE,
    )
    found: Any = json.loads(ended.stdout)
    return [*found]


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_pass_among_ten_thousand_costs_what_it_costs_among_a_hundred(workload: str) -> None:
    """R2: as many bytecodes, and as much memory."""
    few, many = costs(workload)
    assert few["passes"] == many["passes"] == COUNTS + PEAKS
    assert abs(many["bytecodes"] - few["bytecodes"]) <= SHARE * few["bytecodes"]
    assert abs(many["peak"] - few["peak"]) <= BYTES
