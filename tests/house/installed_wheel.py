"""Try the installed wheel: run by ``make build`` with the Python of an environment that holds nothing else.

It must be started from a folder outside the checkout and with ``-I``, so that nothing but the wheel can
be imported.
"""

import importlib
import pkgutil
import sys
from importlib.metadata import requires, version
from pathlib import Path

import trio
from attrs import define, frozen
from trio.testing import MockClock

import directive_trio
from directive_trio import Context, Module, open_system


@define
class LampFacts:
    """What is known of the lamp."""

    wanted: bool = False
    lit: bool = False


@frozen
class SwitchOn:
    """What is required while the lamp is wanted and dark."""


lamp = Module("lamp", LampFacts)


@lamp.constraint
def must_be_lit(facts: LampFacts) -> SwitchOn | None:
    """A lamp that is wanted is lit."""
    return SwitchOn() if facts.wanted and not facts.lit else None


@lamp.resolver(SwitchOn)
async def switch_on(requirement: SwitchOn, ctx: Context[LampFacts]) -> None:
    """Light it."""
    await trio.lowlevel.checkpoint()
    ctx.facts.lit = True


async def light_the_lamp() -> bool:
    """Whether a first system comes to rest where it should."""
    async with open_system(lamp) as system:
        system[lamp].wanted = True
        await system.settle()
        return system[lamp].lit


def main() -> None:
    """Run a first system, import every module of the wheel, and look for what belongs to it."""
    home = Path(directive_trio.__file__).parent
    if not home.is_relative_to(sys.prefix):
        sys.exit(f"not the installed wheel: {home}")
    if not (home / "py.typed").exists():
        sys.exit("the wheel has no py.typed")
    if not trio.run(light_the_lamp, clock=MockClock(autojump_threshold=0)):
        sys.exit("the lamp stays dark")
    runtime = sorted(item for item in requires("directive-trio") or [] if "extra ==" not in item)
    names = [found.name for found in pkgutil.walk_packages(directive_trio.__path__, "directive_trio.")]
    modules = [importlib.import_module(name) for name in names if not name.endswith(".__main__")]
    print(f"directive-trio {version('directive-trio')}: {len(modules) + 1} modules import")
    print(f"needs {', '.join(runtime)}")


main()
