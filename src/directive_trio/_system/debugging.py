"""Checks that cost too much to be always on: ``debug=True``."""

import copy
import logging
import threading
from typing import Any

from directive_trio._definitions.threads import WRONG_THREAD
from directive_trio._observation.observations import FactMutated
from directive_trio._runtime.reconcile_loop import ReconcileLoop
from directive_trio._store.cell import Cell
from directive_trio._store.equality import same
from directive_trio._store.store import Store
from directive_trio.errors import UsageError

logger = logging.getLogger("directive_trio")

IMMUTABLE = (str, bytes, int, float, complex, bool, type(None))


class Debugging:
    """Finds writes from another thread, and stored values that were changed in place."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.observers = store.observers
        self._thread = threading.get_ident()
        self._copies: dict[Cell, tuple[Any, Any]] = {}

    def attach(self, loop: ReconcileLoop) -> None:
        """Check each write, and from now on the facts: at each pass, when somebody waits for rest, and at the end."""
        self.store.restricted = self._check_thread
        self.store.recheck()
        loop.debug_check = self.check_mutations
        self.check_mutations()

    def _check_thread(self) -> None:
        if threading.get_ident() != self._thread:
            raise UsageError(WRONG_THREAD)

    def check_mutations(self) -> None:
        """Compare stored values with the copies taken when they were first seen."""
        for place in self.store.modules.values():
            for cell in place.nodes[: len(place.schema.facts)]:
                self._check(cell)

    def _check(self, cell: Cell) -> None:
        value = cell.value
        if isinstance(value, IMMUTABLE):
            return
        known = self._copies.get(cell)
        if known is not None and known[0] is value and same(known[1], value):
            return
        if known is not None and known[0] is value:
            name = f"facts.{cell.schema.name}"
            hint = f"write a new value ({name} = {_renewed(name, value)}) or call system.touch({cell.name!r})"
            logger.warning("fact %s was mutated in place, which nothing can notice; %s", cell.name, hint)
            if self.observers.listening:
                self.observers.tell(FactMutated, cell.name, hint)
        try:
            self._copies[cell] = (value, copy.deepcopy(value))
        except Exception:  # noqa: BLE001  # what cannot be copied cannot be checked
            self._copies[cell] = (value, value)


def _renewed(name: str, value: object) -> str:
    """Spell how to make a new value out of the old one."""
    if isinstance(value, list):
        return f"[*{name}, item]"
    if isinstance(value, dict):
        return f"{{**{name}, key: value}}"
    return f"{{*{name}, item}}" if isinstance(value, set) else f"a changed copy of {name}"
