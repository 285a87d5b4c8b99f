"""What is shown of the figures: a line for the terminal, a row for JSON, tables for the page."""

import statistics
from collections.abc import Iterable, Sequence

from tests.benchmarks.measuring import Figures, Unit

HEADER = (
    f"{'id':6}{'workload':45}{'size':>7}{'median':>11}{'minimum':>11}{'floor':>11}{'/floor':>7}"
    f"{'best peer':>20}{'/peer':>6}  {'goal':15}{'/goal':>6}  met"
)
COLUMNS = (
    *("id", "workload", "size", "median", "minimum", "floor", "× floor", "best peer", "× peer"),
    *("goal", "× goal, eased", "met"),
)
MET = {"yes": "yes", "eased": "eased", "no": "NO", None: ""}


def shown(value: float | None, unit: Unit) -> str:
    """``0.00123`` in ms → 1.23 ms; nothing for nothing."""
    if value is None:
        return ""
    scaled = value * unit.scale
    return f"{scaled:.0f} {unit.name}" if scaled >= 100 else f"{scaled:.3g} {unit.name}"


def times(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def cells(figures: Figures) -> list[str]:
    """Return what stands in each column."""
    workload, unit, peer = figures.workload, figures.workload.unit, figures.best_peer
    of_peer = figures.peers[peer] if peer is not None else ()
    return [
        workload.id,
        workload.title,
        f"{workload.size:,}",
        shown(figures.median, unit),
        shown(figures.minimum, unit),
        shown(figures.floor, unit),
        times(figures.ratio),
        f"{peer} {shown(statistics.median(of_peer), unit)}" if of_peer else "",
        times(figures.ratio_to(of_peer)) if of_peer else "",
        goal(figures),
        times(figures.eased),
        MET[figures.met],
    ]


def goal(figures: Figures) -> str:
    workload = figures.workload
    if workload.goal is None:
        return ""
    return f"≤ {workload.goal:g} {'× floor' if workload.of_floor else workload.unit.name}"


def line(figures: Figures) -> str:
    """Return one line of the table on the terminal."""
    name, title, size, median, minimum, floor, ratio, peer, of_peer, its_goal, of_goal, met = cells(figures)
    return (
        f"{name:6}{title:45}{size:>7}{median:>11}{minimum:>11}{floor:>11}{ratio:>7}"
        f"{peer:>20}{of_peer:>6}  {its_goal:15}{of_goal:>6}  {met}"
    )


def row(figures: Figures) -> dict[str, object]:
    """Return the same as data, in seconds or bytes."""
    workload = figures.workload
    return {
        "id": workload.id,
        "workload": workload.title,
        "size": workload.size,
        "median": figures.median,
        "minimum": figures.minimum,
        "floor": figures.floor,
        "ratio_to_floor": figures.ratio,
        "peers": {name: statistics.median(taken) for name, taken in figures.peers.items()},
        "ratio_to_peers": {name: figures.ratio_to(taken) for name, taken in figures.peers.items()},
        "goal": workload.goal,
        "goal_is_of_floor": workload.of_floor,
        "goal_unit": workload.unit.name,
        "slowness": figures.slowness,
        "ratio_to_goal": figures.of_goal,
        "ratio_to_goal_eased": figures.eased,
        "met": figures.met,
        "repetitions": figures.runs,
        "repetitions_of_floor": figures.floors,
        "repetitions_of_peers": dict(figures.peers),
    }


def main_table(measured: Iterable[Figures]) -> str:
    """Return all of it in Markdown."""
    return markdown(COLUMNS, [cells(figures) for figures in measured])


def peers_table(measured: Iterable[Figures], names: Sequence[str]) -> str:
    """Return what each peer took, and how many times that ours took, in Markdown."""
    rows: list[list[str]] = []
    for figures in measured:
        if figures.peers:
            ours, unit = figures.median, figures.workload.unit
            others = [against(figures, name) for name in names]
            rows.append([figures.workload.id, figures.workload.title, shown(ours, unit), *others])
    return markdown(("id", "workload", "directive-trio", *names), rows)


def against(figures: Figures, name: str) -> str:
    if name not in figures.peers:
        return ""
    theirs = figures.peers[name]
    return f"{shown(statistics.median(theirs), figures.workload.unit)} ({1 / figures.ratio_to(theirs):.1f} ×)"


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
