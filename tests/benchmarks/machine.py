"""The machine: what it is, and how slow it is just now.

Goals in seconds were set on another machine, whose figures for the same are known. What counts is the ratio: a goal
of 10 µs is one of 20 µs where trio and Python take twice as long.
"""

import inspect
import os
import platform
import statistics
import subprocess
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from time import process_time
from typing import Any

import trio

from directive_trio import open_system

ROOT = Path(__file__).resolve().parents[2]


class Guarded:
    """A class whose writes go through Python, as those of views do."""

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)


async def guarded_writes(times: int) -> None:
    guarded: Any = Guarded()
    for _ in range(times):
        guarded.number = 1


async def checkpoints(times: int) -> None:
    for _ in range(times):
        await trio.lowlevel.checkpoint()


async def nurseries(times: int) -> None:
    for _ in range(times):
        async with trio.open_nursery():
            pass


ANCHORS: dict[Callable[[int], Awaitable[None]], float] = {
    guarded_writes: 108e-9,
    checkpoints: 2.6e-6,
    nurseries: 7.3e-6,
}
"""What each took there, in seconds for one."""


async def slowness(times: int = 200) -> float:
    """Return how many times as long as there it takes here."""
    ratios: list[float] = []
    for anchor, there in ANCHORS.items():
        begin = process_time()
        await anchor(times)
        ratios.append((process_time() - begin) / times / there)
    return statistics.median(ratios)


def description() -> dict[str, str]:
    """Say what it was measured on and with."""
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(open_system).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    return {
        "machine": f"{processor()}, {os.cpu_count()} cores, {platform.system()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in ("directive-trio", "trio", "attrs", "cattrs")),
        "commit": commit(),
        "options": "open_system() with its defaults: "
        + ", ".join(f"{name}={value!r}" for name, value in defaults.items()),
    }


def processor() -> str:
    """Return the name of the processor, where the system tells it."""
    told = Path("/proc/cpuinfo")
    if told.exists():
        for line in told.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def commit() -> str:
    """Return which state of the code it was."""
    command = ["git", "describe", "--always", "--dirty"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "not a checkout"
