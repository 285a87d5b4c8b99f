"""Run the benchmarks: ``make bench``, ``make bench-quick``, or ``make bench ARGS="W7 W8"``."""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import trio

from tests.benchmarks.curves import curves_of
from tests.benchmarks.machine import ROOT, description
from tests.benchmarks.measuring import Effort, Figures, Peer, Workload, measure
from tests.benchmarks.page import write_page
from tests.benchmarks.peer import Absent, RunningPeer, peers
from tests.benchmarks.table import HEADER, line, main_table, peers_table, row
from tests.benchmarks.workloads import WORKLOADS

FULL, QUICK = Effort(25, 20.0), Effort(7, 1.5)
RESULTS = ROOT / "build" / "bench"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what was asked for, print the table, keep the figures."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="ID", help="workloads (W7 W3a); all of them if none is named")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, and fewer sizes of what grows")
    parser.add_argument("--write-docs", action="store_true", help="put the tables and the curves into docs/how-fast.md")
    asked = parser.parse_args(arguments)
    if asked.write_docs and asked.ids:
        parser.error("--write-docs writes the whole table: name no workloads")
    chosen = [
        workload
        for workload in WORKLOADS
        if (workload.quick or not asked.quick) and (not asked.ids or workload.id in asked.ids)
    ]
    with peers() as (running, absent):
        about = {**description(), **about_peers(running, absent), **about_effort(QUICK if asked.quick else FULL)}
        print("\n".join(f"{key + ':':14}{value}" for key, value in about.items()))
        measured = run(chosen, QUICK if asked.quick else FULL, running)
    keep(measured, about, RESULTS)
    if asked.write_docs:
        names = [peer.name for peer in running]
        command = "make bench-docs" if not asked.quick else "make bench-docs ARGS=--quick"
        write_page(parts_of_page(measured, about, names, command), curves_of(measured))


def run(workloads: Iterable[Workload], effort: Effort, others: Sequence[Peer]) -> list[Figures]:
    """Measure one workload after the other, and print what comes out."""
    print(f"\n{HEADER}")
    measured: list[Figures] = []
    for workload in workloads:
        figures = trio.run(measure, workload, effort, others)
        print(line(figures), flush=True)
        measured.append(figures)
    return measured


def about_peers(running: Iterable[RunningPeer], absent: Iterable[Absent]) -> dict[str, str]:
    """Say which peers are measured, and which are not and why."""
    told = {"peers": ", ".join(f"{peer.name} {peer.version}" for peer in running) or "none"}
    left_out = "; ".join(f"{peer.name}: {peer.reason}" for peer in absent)
    return {**told, "not measured": left_out} if left_out else told


def about_effort(effort: Effort) -> dict[str, str]:
    return {
        "method": f"{effort.repetitions} repetitions (fewer, but {effort.fewest} at least, where they take longer than "
        f"{effort.seconds:g} s) after one to warm up, in turns with floor and peers; processor time, collector off"
    }


def keep(measured: Sequence[Figures], about: Mapping[str, str], folder: Path) -> None:
    """Write the figures and the curves, and say how many goals are reached."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {"about": about, "workloads": [row(figures) for figures in measured]}
    figures_file = folder / "bench.json"
    figures_file.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for name, picture in curves_of(measured).items():
        (folder / f"{name}.svg").write_text(picture, encoding="utf-8")
    print(f"\n{summary(measured)}\nfigures and curves in {folder.relative_to(ROOT)}")


def summary(measured: Sequence[Figures]) -> str:
    """Say how many goals are reached."""
    met = [figures.met for figures in measured if figures.met is not None]
    slow = sorted(figures.slowness for figures in measured)
    return (
        f"{met.count('yes')} of {len(met)} goals reached, {met.count('eased')} more when eased by how slow this "
        f"machine was: {slow[0]:.2f} to {slow[-1]:.2f} times as slow as the one on which they were set"
    )


def parts_of_page(
    measured: Sequence[Figures], about: Mapping[str, str], names: Sequence[str], command: str
) -> dict[str, str]:
    """Return what goes into the page, by the names of its marks."""
    return {
        "about": "\n".join([f"- made by: `{command}`", *(f"- {key}: {value}" for key, value in about.items())]),
        "table": main_table(measured),
        "summary": summary(measured),
        "peers": peers_table(measured, names),
    }


if __name__ == "__main__":
    main()
