"""Transactions: a journal of what cells were before, so that all of it can be undone.

A transaction opened by a dispatch cannot be interrupted: handlers are sync. One opened by the program spans
whatever the block does, and might meet a checkpoint; then a pass or another task's write finds it open, undoes
it, and the block raises at its next write or at its end.
"""

from typing import Any, NoReturn

from directive_trio._store.cell import Cell, Layer
from directive_trio.errors import TransactionError


class Transaction:
    """One open block. ``owner`` is the task that opened it, None where no other task can come between."""

    __slots__ = ("entries", "interrupted_by", "outer", "owner")

    def __init__(self, owner: object, outer: "Transaction | None") -> None:
        self.owner = owner
        self.outer = outer
        self.entries: list[tuple[Cell, Any, int, int, int, tuple[Layer, ...]]] = []
        self.interrupted_by: str | None = None

    def journal(self, cell: Cell) -> None:
        """Remember what *cell* is now."""
        entry = (cell, cell.value, cell.touched, cell.touched_beneath, cell.writer, cell.layers)
        self.entries.append(entry)

    def refuse(self) -> NoReturn:
        """Refuse to go on: this transaction was interrupted.

        Raises:
            TransactionError: The writes of this block were undone.
        """
        assert self.interrupted_by is not None  # nobody asks an open one
        raise TransactionError(self.interrupted_by)
