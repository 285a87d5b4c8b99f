"""W10, apart: defining the classes of a system. And what importing the library takes."""

import os
import subprocess
import sys
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory
from time import process_time

from directive_trio import System
from tests.benchmarks.measuring import Bench, Benches, Prepare
from tests.benchmarks.reconciling import starting_module

IMPORTS = 5
"""Of so many, the fastest counts."""


@asynccontextmanager
async def define_classes(facts: int) -> Benches:
    """Write the classes, declare what belongs to them, and make the first system, which makes their views."""

    async def measure() -> float:
        begin = process_time()
        System(starting_module(facts))
        return (process_time() - begin) / facts

    yield Bench(measure)


def importing(modules: str) -> Prepare:
    """Return the workload of importing *modules* (``trio, attrs``) in a fresh interpreter, without its start.

    All bytecode is there, as after an installation; the repetition that warms up writes it to a folder of its own.
    """
    code = f"from time import process_time as t; b = t(); import {modules}; print(t() - b)"

    @asynccontextmanager
    async def prepare(times: int) -> Benches:
        with TemporaryDirectory() as folder:
            environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
            environment.pop("PYTHONDONTWRITEBYTECODE", None)

            async def measure() -> float:
                return min(imported_once(environment) for _ in range(times))

            yield Bench(measure)

    def imported_once(environment: dict[str, str]) -> float:
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return float(done.stdout)

    return prepare
