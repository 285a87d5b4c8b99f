"""Try the installed wheel of an adapter: run by ``make build`` as `installed_wheel.py` is, with the adapter's folder.

The examples of its README must run where nothing but the wheel, the core and what they need is installed.
"""

import importlib
import pkgutil
import re
import runpy
import sys
from importlib.metadata import requires, version
from pathlib import Path
from tempfile import NamedTemporaryFile

EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def main() -> None:
    """Import every module of the wheel, and run its README from top to bottom."""
    folder = Path(sys.argv[1])
    distribution = f"directive-trio-{folder.name}"
    package = importlib.import_module(distribution.replace("-", "_"))
    home = Path(package.__path__[0])
    if not home.is_relative_to(sys.prefix):
        sys.exit(f"not the installed wheel: {home}")
    if not (home / "py.typed").exists():
        sys.exit("the wheel has no py.typed")
    runtime = sorted(item for item in requires(distribution) or [] if "extra ==" not in item)
    found = [module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    print(f"{distribution} {version(distribution)}: {len(found) + 1} modules, needs {', '.join(runtime)}")
    examples = EXAMPLE.findall((folder / "README.md").read_text(encoding="utf-8"))
    if not examples:
        sys.exit("the README has no example")
    with NamedTemporaryFile("w", suffix=".py", encoding="utf-8") as program:
        program.write("\n\n".join(examples))
        program.flush()
        runpy.run_path(program.name, run_name="__main__")


main()
