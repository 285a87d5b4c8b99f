"""Other libraries, each in a process of its own in the peers' environment, asked for one repetition at a time.

They are not installed beside ours, so none can change what is measured of the other, and yet they are measured in the
same run: while a peer works, we wait for its answer, and the other way round.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import PIPE

from attrs import define, frozen

from tests.benchmarks.machine import ROOT

PYTHON = ROOT / "build" / "peers-venv" / "bin" / "python"
NAMES = ("reaktiv", "observ", "signified", "psygnal", "trio_util")
NEEDS = {"signified": (3, 12)}
"""The Python it needs, where that is more than ours."""


@frozen
class Absent:
    """A peer that is not measured, and why."""

    name: str
    reason: str


@define
class RunningPeer:
    """A peer that answers."""

    name: str
    version: str
    workloads: tuple[str, ...]
    process: "subprocess.Popen[str]"

    def can(self, workload: str) -> bool:
        return workload in self.workloads

    def measure(self, workload: str, size: int) -> float:
        """Return the seconds that one took."""
        return float(said_by(self.process, f"{workload} {size}"))


def said_by(process: "subprocess.Popen[str]", request: str | None = None) -> str:
    """Return the next line of a peer."""
    assert process.stdin is not None
    assert process.stdout is not None
    if request is not None:
        print(request, file=process.stdin, flush=True)
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a peer has ended with code {process.wait()}; what it said last stands above")
    return line


@contextmanager
def peers(names: Sequence[str] = NAMES, python: Path = PYTHON) -> Iterator[tuple[list[RunningPeer], list[Absent]]]:
    """Start the peers; at the end of the block they are gone."""
    running: list[RunningPeer] = []
    absent: list[Absent] = []
    with ExitStack() as stack:
        for name in names:
            if not python.exists():
                absent.append(Absent(name, "its environment is not there: make bench makes it"))
            elif sys.version_info >= NEEDS.get(name, (3, 11)):
                running.append(stack.enter_context(started(name, python)))
            else:
                absent.append(Absent(name, f"its current version needs Python {'.'.join(map(str, NEEDS[name]))}"))
        yield running, absent


@contextmanager
def started(name: str, python: Path) -> Iterator[RunningPeer]:
    """Start one. It ends when it can read no more requests."""
    command = [str(python), "-m", f"tests.benchmarks.peers.with_{name}"]
    with subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True) as process:
        said = json.loads(said_by(process))
        yield RunningPeer(name.replace("_", "-"), said["version"], tuple(said["workloads"]), process)
        assert process.stdin is not None
        process.stdin.close()
