"""What `import directive_trio` loads: its three dependencies and the house, nothing optional.

How long that takes is measured by the benchmarks.
"""

import json
import subprocess
import sys

import pytest

OPTIONAL = ("testing", "plugins", "patterns")
LOADED = """
import json, sys
import trio, attrs, cattrs
before = set(sys.modules)
import {}
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def loaded_by(module: str) -> list[str]:
    """The modules that *module* loads into a fresh interpreter in which its dependencies are loaded already."""
    command = [sys.executable, "-c", LOADED.format(module)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded: list[str] = json.loads(done.stdout)
    return loaded


def strangers_among(modules: list[str]) -> set[str]:
    """The packages that are neither ours, nor Python's, nor one of the three."""
    packages = {module.partition(".")[0] for module in modules}
    return packages - sys.stdlib_module_names - {"directive_trio", "trio", "attr", "attrs", "cattr", "cattrs"}


def optional_among(modules: list[str]) -> list[str]:
    """The modules of ours that are imported by name, by those who want them."""
    return [module for module in modules if module.startswith(tuple(f"directive_trio.{room}" for room in OPTIONAL))]


def test_importing_the_library_loads_nothing_optional() -> None:
    """Neither a package that only an extra needs, nor a room that is imported by name."""
    loaded = loaded_by("directive_trio")
    assert "directive_trio._system.system" in loaded
    assert not strangers_among(loaded)
    assert not optional_among(loaded)


@pytest.mark.parametrize("module", ["directive_trio.testing", "directive_trio.plugins.logging"])
def test_what_is_loaded_is_seen(module: str) -> None:
    """By name, an optional room is there."""
    assert optional_among(loaded_by(module))


def test_a_stranger_is_seen() -> None:
    """A package of somebody else."""
    assert strangers_among(["json.decoder", "rich.table", "directive_trio._store"]) == {"rich"}
