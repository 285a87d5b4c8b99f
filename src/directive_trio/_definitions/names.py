"""Names: what may be a name, how qualified names are spelt, and the nearest one to a misspelt one."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import cast

from directive_trio._definitions.printing import spelt
from directive_trio.errors import DefinitionError, SchemaError


def qualify(module: str, name: str) -> str:
    """Spell the qualified name, as observations and ``explain`` print it: ``auth::token``."""
    return f"{module}::{name}"


def split(name: str, home: str = "") -> tuple[str, str]:
    """Split ``auth::token`` or ``auth.token``; a bare name belongs to *home*."""
    module, found, rest = name.partition("::")
    if not found:
        module, found, rest = name.partition(".")
    return (module, rest) if found else (home, name)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most like *name*, or None when nothing comes close."""
    return next(iter(get_close_matches(name, list(known), n=1, cutoff=0.6)), None)


def check_name(kind: str, name: str) -> str:
    """Refuse a name that could not be addressed later."""
    if not isinstance(name, str):
        raise SchemaError(f"{kind} name expects a string, got {spelt(name)}")
    if not name or name.startswith("_") or "." in name or "::" in name:
        raise SchemaError(
            f"{kind} name {name!r} is refused: a name is not empty, does not start with an underscore "
            "and contains neither '.' nor '::'"
        )
    return name


def several(option: str, names: object) -> tuple[object, ...]:
    """Take an iterable of names; a bare string, which would be taken apart letter by letter, is refused."""
    if isinstance(names, str):
        raise DefinitionError(f"{option}={names!r} is one string; write {option}=[{names!r}]")
    if not isinstance(names, Iterable):
        raise DefinitionError(f"{option}= expects several names, got {spelt(names)}")
    return tuple(names)


def several_strings(option: str, names: object) -> tuple[str, ...]:
    """Take an iterable of strings."""
    found = several(option, names)
    for name in found:
        if not isinstance(name, str):
            raise DefinitionError(f"{option}= expects strings, got {spelt(name)} among them")
    return cast("tuple[str, ...]", found)  # just checked
