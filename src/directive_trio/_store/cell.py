"""Cells: one fact in one system, and what lies beneath the writes of runs.

Runs write in **layers**: what a run has written can be looked through (the world without its own writes), and
taken back. So a cell whose last writer is a run remembers what that covers, and what is beneath, down to the
first layer that is there for good: of the program, an effect, or a run of which nobody asks any more. A writer
has one layer in a cell, the latest; a write that is there for good covers everything.
"""

from collections.abc import Container
from typing import Any

from directive_trio._definitions.fact import FactSchema
from directive_trio._definitions.names import qualify
from directive_trio._store.equality import unchanged
from directive_trio._store.graph import CLEAN

OUTSIDE = 0
"""The writer of what the program itself writes. Positive numbers are runs."""
ENGINE = -1
"""The writer of what effects and watchers write, where it is not counted as a run's."""


Layer = tuple[int, Any, int]


class Cell:
    """One fact: its value, and who wrote it.

    ``home`` is the place of its module. ``writer`` wrote last; ``layers`` are beneath, the upper one last:
    writer, value and version. ``touched`` is the revision of the last change that holds even where the value is
    equal, ``touched_beneath`` what that was when ``writer`` began. ``epoch`` is that of the last write after which
    the next one may take the short way (see `Store`).
    """

    __slots__ = (
        "dependents",
        "epoch",
        "home",
        "layers",
        "schema",
        "state",
        "touched",
        "touched_beneath",
        "value",
        "version",
        "writer",
    )

    def __init__(self, home: Any, schema: FactSchema, value: Any) -> None:
        self.home = home
        self.schema = schema
        self.value = value
        self.version = 0
        self.state = CLEAN  # always; readers look at the state of whatever they read, and a slot is read fastest
        self.touched = self.touched_beneath = 0
        self.dependents: tuple[Any, ...] | dict[Any, None] = ()
        self.writer = OUTSIDE
        self.layers: tuple[Layer, ...] = ()
        self.epoch = 0

    @property
    def name(self) -> str:
        """The qualified name."""
        return qualify(self.home.module, self.schema.name)

    def recall(self) -> Any:
        """Return the value."""
        return self.value

    def remove(self, revision: int) -> None:
        """The module is removed: a change for all who have read it. Who has kept a view of it reads what was."""
        self.version = self.touched = revision
        self.writer, self.layers = OUTSIDE, ()

    def kept(self, value: Any, since: int) -> bool:
        """Say whether *value*, read at revision *since*, is still the value: not touched, and no change."""
        if self.touched > since:
            return False
        schema, now = self.schema, self.value
        kind = type(value)
        if kind is type(now) and kind in schema.plain:
            equal: bool = value == now
            return equal
        return unchanged(False, schema.key, value, now)

    def cover(self, writer: int, open_runs: Container[int]) -> None:
        """Begin a layer of *writer*. *open_runs* are those whose layers may yet be looked through or taken back."""
        if writer in open_runs and self.writer not in open_runs:  # what is beneath is asked for no more
            self.layers = ((self.writer, self.value, self.version),)
        elif writer in open_runs:
            layers = (*self.layers, (self.writer, self.value, self.version))
            lasting = max((at for at, layer in enumerate(layers) if layer[0] not in open_runs), default=0)
            self.layers = tuple([layer for layer in layers[lasting:] if layer[0] != writer])
        else:
            self.layers = ()
        self.writer = writer
        self.touched_beneath = self.touched

    def without(self, runs: Container[int]) -> Any:
        """Return the latest value that none of *runs* wrote."""
        if self.writer not in runs:
            return self.value
        return next((value for writer, value, _ in reversed(self.layers) if writer not in runs), self.value)

    def written_by(self, run: int, since: int, otherwise: Any) -> Any:
        """Return what *run* has written after version *since*, covered or not; *otherwise* if it has not."""
        if self.writer == run:
            return self.value
        return next((value for writer, value, at in self.layers if writer == run and at > since), otherwise)

    def __repr__(self) -> str:
        return f"<cell {self.name}>"


def holds_secret(node: Any) -> bool:
    """Say whether the value of a cell or derivation node is not to be shown."""
    declared = node.schema if isinstance(node, Cell) else node.definition
    return bool(declared.secret)
