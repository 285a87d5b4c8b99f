"""Declaring by name: each name once, and nothing more when a system has been made."""

from collections.abc import Mapping

from directive_trio._definitions.names import check_name
from directive_trio.errors import DefinitionError, DuplicateNameError


class Declaring:
    """What a module is before anything is declared in it: a name, and whether it is still open."""

    name: str
    sealed: bool

    def _claim(self, kind: str, known: Mapping[str, object], name: str) -> str:
        self._open_for(kind, name)
        check_name(kind, name)
        if name in known:
            raise DuplicateNameError(kind, f"{self.name}::{name}")
        return name

    def _open_for(self, kind: str, name: str) -> None:
        if self.sealed:
            what = f"declare {kind} {name!r} before"
            raise DefinitionError(f"module {self.name!r} is sealed: a system was made from it; {what}")
