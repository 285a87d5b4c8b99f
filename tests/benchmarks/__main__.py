"""Run the benchmarks: ``make bench``, or ``make bench ARGS="--quick W7 W8"``."""

import argparse
import json
import platform
from pathlib import Path

import trio

from tests.benchmarks.machine import slowness
from tests.benchmarks.measuring import Figures, measure
from tests.benchmarks.workloads import WORKLOADS

REPETITIONS, QUICK = 25, 5
RESULT = Path("build/bench.json")
HEADER = f"{'id':5}{'workload':52}{'size':>7}{'median':>12}{'minimum':>12}{'floor':>12}{'ratio':>8}  {'goal':12}met"


def main() -> None:
    """Measure what was asked for, print the table, keep the figures."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="ID", help="workloads (W7 W3a); all of them if none is named")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} repetitions instead of {REPETITIONS}")
    arguments = parser.parse_args()
    chosen = [workload for workload in WORKLOADS if not arguments.ids or workload.id in arguments.ids]
    slow = trio.run(slowness)
    print(f"Python {platform.python_version()}, trio {trio.__version__}, {platform.machine()}")
    print(f"{slow:.2f} times as slow as the machine on which the goals in seconds were set; eased by that")
    print(f"\n{HEADER}")
    rows: list[dict[str, object]] = []
    for workload in chosen:
        figures = trio.run(measure, workload, QUICK if arguments.quick else REPETITIONS)
        print(line(figures, slow), flush=True)
        rows.append(row(figures, slow))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    missed = [found for found in rows if found["met"] is False]
    print(f"\n{len(rows) - len(missed)} of {len(rows)} within their goals; figures in {RESULT}")


def line(figures: Figures, slow: float = 1.0) -> str:
    """One line of the table."""
    workload, unit = figures.workload, figures.workload.unit

    def shown(value: float | None) -> str:
        return "" if value is None else f"{value * unit.scale:.4g} {unit.name}"

    ratio = "" if figures.ratio is None else f"{figures.ratio:.2f}"
    goal = "" if workload.goal is None else f"≤ {workload.goal:g} {'floor' if workload.of_floor else unit.name}"
    met = {True: "yes", False: "NO", None: ""}[figures.met(slow)]
    return (
        f"{workload.id:5}{workload.title:52}{workload.size:>7}{shown(figures.median):>12}{shown(min(figures.runs)):>12}"
        f"{shown(figures.floor):>12}{ratio:>8}  {goal:12}{met}"
    )


def row(figures: Figures, slow: float = 1.0) -> dict[str, object]:
    """The same as data, in seconds or bytes."""
    workload = figures.workload
    return {
        "id": workload.id,
        "workload": workload.title,
        "size": workload.size,
        "median": figures.median,
        "minimum": min(figures.runs),
        "floor": figures.floor,
        "ratio": figures.ratio,
        "goal": workload.goal,
        "goal_is_of_floor": workload.of_floor,
        "goal_unit": workload.unit.name,
        "slowness": slow,
        "met": figures.met(slow),
        "runs": figures.runs,
    }


if __name__ == "__main__":
    main()
