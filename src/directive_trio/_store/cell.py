"""Cells: one fact in one system."""

from typing import Any

from directive_trio._definitions.fact import FactSchema
from directive_trio._store.equality import unchanged
from directive_trio._store.graph import CLEAN

OUTSIDE = 0
"""The writer of what the program itself writes. Positive numbers are runs."""
ENGINE = -1
"""The writer of what effects and watchers write, where it is not counted as a run's."""


class Cell:
    """One fact: its value, and who wrote it.

    ``writer`` wrote last; ``foreign`` is the latest value that ``writer`` did not write, by
    ``foreign_writer``: what the world shows without the writer's own writes. ``touched`` is the revision of
    the last change that holds even where the value is equal. ``window`` numbers the last pass window in which
    it was written.
    """

    __slots__ = (
        "dependents",
        "foreign",
        "foreign_writer",
        "name",
        "plain",
        "put",
        "schema",
        "touched",
        "value",
        "version",
        "view",
        "window",
        "writer",
    )

    state = CLEAN  # a fact is never stale; readers look at the state of whatever they read

    def __init__(self, name: str, schema: FactSchema, value: Any) -> None:
        self.name = name
        self.schema = schema
        self.value = value
        self.version = 0
        self.touched = 0
        self.dependents: tuple[Any, ...] | set[Any] = ()
        self.writer = OUTSIDE
        self.foreign: Any = None
        self.foreign_writer = OUTSIDE
        self.view: Any = None
        self.window = -1
        self.plain: frozenset[type] = frozenset()
        self.put: Any = None

    def recall(self) -> Any:
        """Return the value."""
        return self.value

    def kept(self, value: Any, since: int) -> bool:
        """Say whether *value*, read at revision *since*, is still the value: not touched, and no change."""
        return self.touched <= since and unchanged(False, self.schema.key, value, self.value)

    def without(self, run: int) -> Any:
        """Return the latest value that *run* did not write."""
        return self.foreign if self.writer == run else self.value

    def __repr__(self) -> str:
        return f"<cell {self.name}>"
