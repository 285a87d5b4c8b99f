"""The store: facts, the change set of the pass to come, transactions, and who is writing.

A write converts, checks, validates, compares, and is then one entry in the change set: the first value of the
pass window stays beside the cell, so that A -> B -> A is no change. With a transaction open each write is also
journalled, and undone backwards when the transaction fails.

``ambient`` is the writer that views without a run write as: the program itself (0), a run while its event is
dispatched, or the engine while effects and watchers run. ``wake`` is called once, at the first change after a
pass; the store knows no loop.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from directive_trio._definitions.fact import FactSchema, FactsSchema
from directive_trio._definitions.names import qualify
from directive_trio._observation.observers import Observers
from directive_trio._store.cell import OUTSIDE, Cell
from directive_trio._store.equality import same, unchanged
from directive_trio._store.graph import DerivationNode, Graph
from directive_trio._store.lenses import Lens, Place, TrackingLens
from directive_trio._store.transaction import Transaction
from directive_trio._store.views import view_classes
from directive_trio.errors import FactValueError, LifecycleError, ReadOnlyFactError

PREVIEW = 100
"""How many characters of a refused value an error shows."""


class Store(Graph):
    """The facts of one system."""

    __slots__ = (
        "ambient",
        "changes",
        "check_types",
        "destroyed",
        "due",
        "interrupted",
        "lens",
        "modules",
        "restricted",
        "task",
        "transaction",
        "wake",
    )

    def __init__(self, observers: Observers, check_types: bool) -> None:
        self.modules: dict[str, Place] = {}
        super().__init__(observers, TrackingLens(self.modules))
        self.lens = Lens(self.modules)
        """Untracked and read-only: how a live view sees the modules beside it."""
        self.check_types = check_types
        self.changes: dict[Cell, tuple[Any, int]] = {}
        """What changed since the last pass, with the value and version of before."""
        self.due = False
        self.wake: Callable[[], None] = _nobody
        self.ambient = OUTSIDE
        self.transaction: Transaction | None = None
        self.interrupted: set[Transaction] = set()
        self.destroyed = False
        self.restricted: Callable[[], None] | None = None
        """Called before each write when set: debug checks."""
        self.task: Callable[[], object] = _no_task
        """Tells which task is running: the store compares, it does not know tasks."""

    def place(self, module: str, schema: FactsSchema) -> Place:
        """Give a module its cells, derivation nodes and live view."""
        schema.resolve_annotations()
        classes = view_classes(schema)
        defaults = schema.facts_class()
        cells = {
            name: Cell(qualify(module, name), fact, getattr(defaults, name)) for name, fact in schema.facts.items()
        }
        derivations = {
            name: DerivationNode(self, qualify(module, name), definition, None)
            for name, definition in schema.derivations.items()
        }
        nodes = (*cells.values(), *derivations.values())
        place = self.modules[module] = Place(module, schema, classes, nodes)
        place.live = classes.live(self.lens, nodes, self)
        seen = self.tracking.beside(module)
        for cell in cells.values():
            cell.view = place.live
        for node in derivations.values():
            node.view = seen
        return place

    # -- writing ----------------------------------------------------------------------------------

    def write(self, cell: Cell, value: Any, writer: int | None = None) -> None:
        """Write one fact.

        Raises:
            FactValueError: Converter, type or validators refuse the value; the old one stays.
            ReadOnlyFactError: Something pure is being computed.
            LifecycleError: An observer writes, or the system is destroyed.
        """
        self.check_writable(cell.name)
        schema = cell.schema
        value = self.accept(cell, schema, value)
        if unchanged(schema.always_changes, schema.key, cell.value, value):
            return
        self.change(cell, value, self.ambient if writer is None else writer, touch=schema.always_changes)

    def accept(self, cell: Cell, schema: FactSchema, value: Any) -> Any:
        """Convert and check a value for *cell*."""
        if schema.converter is not None:
            try:
                value = schema.converter(value)
            except (TypeError, ValueError) as error:
                raise self._refusal(cell, f"what its converter takes ({error})", value) from error
        check = schema.check
        if check is not None and self.check_types and type(value) not in check.exact and not check.accepts(value):
            raise self._refusal(cell, check.expected, value)
        if schema.validator is not None:
            try:
                schema.validator(cell.view, schema.attribute, value)
            except (TypeError, ValueError) as error:
                raise self._refusal(cell, f"what its validator takes ({_brief(error, schema)})", value) from error
        return value

    def change(self, cell: Cell, value: Any, writer: int, touch: bool = False) -> None:
        """Set a value that is known to be a change, and let everybody know."""
        if self.transaction is not None:
            self.transaction.journal(cell)
        changes = self.changes
        before = changes.get(cell)
        if before is None:
            changes[cell] = (cell.value, cell.version)
        if writer != cell.writer:
            cell.foreign, cell.foreign_writer = cell.value, cell.writer
            cell.writer = writer
        self.revision += 1
        if touch:
            cell.touched = self.revision
        if before is not None and cell.touched <= before[1] and same(before[0], value):
            cell.version = before[1]
        else:
            cell.version = self.revision
        self._show(cell, value)

    def touch(self, cell: Cell) -> None:
        """Make a change of an equal value."""
        self.check_writable(cell.name)
        self.change(cell, cell.value, self.ambient, touch=True)

    def take_back(self, cell: Cell, run: int) -> None:
        """Return a cell that *run* wrote last to the latest value it did not write."""
        if cell.writer == run:
            self.change(cell, cell.foreign, cell.foreign_writer)

    def restore(self, cell: Cell, state: tuple[Any, ...]) -> None:
        """Undo: set a cell to what a journal remembers."""
        value, cell.version, cell.touched, cell.writer, cell.foreign, cell.foreign_writer = state
        self._show(cell, value)

    def _show(self, cell: Cell, value: Any) -> None:
        cell.value = value
        cell.view._show(cell.schema.name, value)
        if cell.dependents:
            self.mark(cell)
        if not self.due:
            self.due = True
            self.wake()

    # -- refusing ---------------------------------------------------------------------------------

    def check_writable(self, name: str) -> None:
        """Refuse writes and dispatches where nothing may change."""
        if self.tracking.reads is not None:
            raise ReadOnlyFactError(name, "a derivation, constraint or predicate is being computed; these are pure")
        if self.observers.telling:
            raise LifecycleError(f"write {name!r}", "telling its observers", "observers only look")
        if self.destroyed:
            raise LifecycleError(f"write {name!r}", "destroyed")
        if self.restricted is not None:
            self.restricted()
        if self.interrupted:
            self._refuse_interrupted()
        transaction = self.transaction
        if transaction is not None and transaction.owner is not None and transaction.owner is not self.task():
            self.interrupt("another task's write")

    def _refuse_interrupted(self) -> None:
        for transaction in self.interrupted:
            if transaction.owner is self.task():
                transaction.check_open()

    def _refusal(self, cell: Cell, expected: str, value: object) -> FactValueError:
        return FactValueError(cell.name, expected, preview(value, cell.schema))

    # -- transactions -----------------------------------------------------------------------------

    @contextmanager
    def atomic(self, *, interruptible: bool = False) -> Iterator[None]:
        """All writes in the block are one change, or none remains if it raises.

        Nested blocks undo their own part only. *interruptible* ones span user code that might await: a pass
        or another task that finds one open undoes it.
        """
        outer = self.transaction
        transaction = Transaction(self.task() if interruptible else None, outer)
        self.transaction = transaction
        try:
            yield
            transaction.check_open()
        except BaseException:
            if transaction.interrupted_by is None:
                self.undo(transaction)
            raise
        finally:
            if self.transaction is transaction:
                self.transaction = outer
            self.interrupted.discard(transaction)
        transaction.commit()

    def undo(self, transaction: Transaction) -> None:
        """Set back everything a transaction wrote, last first."""
        for cell, state in reversed(transaction.entries):
            self.restore(cell, state)
        transaction.entries.clear()

    def interrupt(self, by: str) -> None:
        """Undo and close whatever transaction is open: a pass or another task has come."""
        transaction = self.transaction
        self.transaction = None
        while transaction is not None:
            self.undo(transaction)
            transaction.interrupted_by = by
            self.interrupted.add(transaction)
            transaction = transaction.outer

    # -- the change set ---------------------------------------------------------------------------

    def take_changes(self) -> "dict[Cell, tuple[Any, int]]":
        """Hand over the facts that really differ since the last take, and begin a new window."""
        changes = {cell: before for cell, before in self.changes.items() if cell.version != before[1]}
        self.changes = {}
        self.window += 1
        self.due = False
        return changes


def preview(value: object, schema: FactSchema) -> str:
    """Show a refused value, cut; not at all for facts tagged ``pii`` or ``secret``."""
    if schema.secret:
        return f"a {type(value).__name__} (hidden)"
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # __repr__ is the user's code
        return f"a {type(value).__name__} that cannot be printed"
    return text if len(text) <= PREVIEW else text[: PREVIEW - 1] + "…"


def _brief(error: Exception, schema: FactSchema) -> str:
    return "hidden" if schema.secret else str(error)


def _nobody() -> None: ...


def _no_task() -> object:
    return None
