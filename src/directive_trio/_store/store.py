"""The store: facts, the change set of the pass to come, transactions, and who is writing.

A write converts, checks, validates, compares, and is then one entry in the change set: the first value of the
pass window stays beside the cell, so that A -> B -> A is no change. With a transaction open each write is also
journalled, and undone backwards when the transaction fails.

**The short way.** Most of that needs to be done only once for each cell and window. ``epoch`` is a number that
goes up with each window, whenever `recheck` finds out anew what writes must look at, and when somebody else than
the program begins to write. The program's own write of a value that is ``plain`` leaves the epoch in the cell: as
long as that is the present one, the next such write (in a live view's ``__setattr__``) is journalled, sets value
and version, and is done.

``ambient`` is the writer that views without a run write as: the program itself (0), a run while its event is
dispatched, or the engine while effects and watchers run. ``wake`` is called once, at the first change after a
pass; the store knows no loop.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from directive_trio._definitions.fact import FactSchema, FactsSchema
from directive_trio._definitions.printing import shown
from directive_trio._observation.observers import Observers
from directive_trio._store.cell import ENGINE, OUTSIDE, Cell
from directive_trio._store.equality import unchanged
from directive_trio._store.graph import STALE, DerivationNode, Graph
from directive_trio._store.lenses import Lens, Place, Places, TrackingLens
from directive_trio._store.transaction import Transaction
from directive_trio._store.views import view_classes
from directive_trio._store.worlds import ShadowNode
from directive_trio.errors import FactValueError, LifecycleError, ReadOnlyFactError, UnknownNameError

PREVIEW = 100
"""How many characters of a refused value an error shows."""
REFUSALS = (TypeError, ValueError, AssertionError)
"""What converters and validators raise to refuse a value. Anything else is a bug of theirs."""

PURE: "ContextVar[Store | None]" = ContextVar("directive_trio pure", default=None)
"""The store to which the present task must not write."""


class Store(Graph):
    """The facts of one system."""

    __slots__ = (
        "ambient",
        "changes",
        "check_types",
        "destroyed",
        "due",
        "epoch",
        "interrupted",
        "lens",
        "modules",
        "open_runs",
        "plain",
        "pure",
        "restricted",
        "revealed",
        "spare",
        "task",
        "transaction",
        "wake",
    )

    def __init__(self, observers: Observers, check_types: bool) -> None:
        self.modules = Places()
        super().__init__(observers, TrackingLens(self.modules))
        self.lens = Lens(self.modules)
        """Untracked and read-only: how a live view sees the modules beside it."""
        self.check_types = check_types
        self.changes: dict[Cell, tuple[Any, int]] = {}
        """What changed since the last pass, with the value and version of before."""
        self.revealed: dict[Cell, tuple[Any, int]] = {}
        """What derivations rested on that came on again since the last pass, as it was when they went off."""
        self.epoch = 1
        self.plain = check_types
        """Whether writes may take the short way at all."""
        self.pure = 0
        """How many tasks compute something pure."""
        observers.changed = self.recheck
        self.due = False
        self.wake: Callable[[], None] = _nobody
        self.ambient = OUTSIDE
        self.open_runs: set[int] = set()
        """The runs whose writes may yet be looked through or taken back."""
        self.transaction: Transaction | None = None
        self.spare: Transaction | None = None
        """A transaction that has been closed, for the next event: making one takes as long as a handler."""
        self.interrupted: set[Transaction] = set()
        self.destroyed = False
        self.restricted: Callable[[], None] | None = None
        """Called before each write when set: debug checks."""
        self.task: Callable[[], object] = _no_task
        """Tells which task is running: the store compares, it does not know tasks."""

    def place(self, module: str, schema: FactsSchema) -> Place:
        """Give a module its cells, derivation nodes and live view."""
        classes = view_classes(schema)
        defaults = schema.facts_class()
        values = {name: getattr(defaults, name) for name in schema.facts}
        place = self.modules[module] = Place(module, schema, classes, values)
        cells = [Cell(place, fact, values[name]) for name, fact in schema.facts.items()]
        derivations = [DerivationNode(self, module, *derivation, None) for derivation in schema.derivations.items()]
        place.nodes = (*cells, *derivations)
        seen = classes.seen(self.tracking, place.nodes)
        for node in derivations:
            node.view = seen
        place.live = classes.live(self.lens, place.nodes, values, self)
        absence = self.modules.end_absence(module)
        if absence is not None:
            self.change(absence, True, ENGINE)
        return place

    def hide(self, module: str) -> Place:
        """Let nobody find a module any more; another one may take its name. Who has read it knows nothing yet."""
        self.tracking.forget(module)
        self.lens.forget(module)
        return self.modules.pop(module)

    def show_again(self, modules: dict[str, Place]) -> None:
        """Let everybody find again what *modules* were, in their order."""
        self.modules.clear()
        self.modules.update(modules)

    def remove(self, place: Place) -> None:
        """A hidden module goes: who has read it has to look again, and who has kept a view of it cannot write."""
        self.revision += 1
        for node in place.nodes:
            node.remove(self.revision)
            self.changes.pop(node, None)
            self.switches.pop(node, None)
            self.mark(node)
        place.live._remove()

    # -- writing ----------------------------------------------------------------------------------

    def write(self, cell: Cell, value: Any, writer: int | None = None) -> None:
        """Write one fact.

        Raises:
            FactValueError: Converter, type or validators refuse the value; the old one stays.
            ReadOnlyFactError: Something pure is being computed.
            LifecycleError: An observer writes, or the system is destroyed.
        """
        self.check_writable(cell)
        if self.modules.get(cell.home.module) is not cell.home:
            raise UnknownNameError("module", cell.home.module)
        schema = cell.schema
        value = self.accept(cell, schema, value)
        if unchanged(schema.always_changes, schema.key, cell.value, value):
            return
        self.change(cell, value, self.ambient if writer is None else writer, touch=schema.always_changes)

    def write_plainly(self, cell: Cell, value: Any) -> None:
        """Write as the program does through a live view; leave it to the next write to take the short way."""
        old, plain = cell.value, cell.schema.plain
        if self.plain and type(value) in plain and type(old) in plain and self.tracking.reads is None:
            if value != old:
                self.change(cell, value, self.ambient)
                if self.ambient == OUTSIDE:
                    cell.epoch = self.epoch
        else:
            self.write(cell, value)

    def write_as(self, cell: Cell, value: Any, writer: int) -> None:
        """Write as a run does; what needs only a comparison takes no longer than that."""
        old, plain = cell.value, cell.schema.plain
        if self.plain and type(value) in plain and type(old) in plain and self.tracking.reads is None:
            if value != old:
                self.change(cell, value, writer)
        else:
            self.write(cell, value, writer)

    def accept(self, cell: Cell, schema: FactSchema, value: Any) -> Any:
        """Convert and check a value for *cell*."""
        if schema.converter is not None:
            try:
                value = schema.converter(value)
            except REFUSALS as error:
                raise self._refusal(cell, "converter", value, error) from _cause(error, schema)
        check = schema.check
        if check is not None and self.check_types and type(value) not in check.exact and not check.accepts(value):
            raise FactValueError(cell.name, check.expected, preview(value, schema))
        if schema.validator is not None:
            try:
                schema.validator(cell.home.live, schema.attribute, value)
            except REFUSALS as error:
                raise self._refusal(cell, "validator", value, error) from _cause(error, schema)
        return value

    def change(self, cell: Cell, value: Any, writer: int, touch: bool = False) -> None:
        """Set a value that is known to be a change, and let everybody know."""
        changes = self.changes
        if cell not in changes:
            changes[cell] = (cell.value, cell.version)
        if self.transaction is not None:
            self.transaction.journal(cell)
        if cell.writer != writer:
            cell.cover(writer, self.open_runs)
        revision = self.revision = self.revision + 1
        if touch:
            cell.touched = revision
        cell.version = revision
        cell.value = cell.home.values[cell.schema.name] = value
        cell.epoch = 0
        if cell.dependents:
            self.mark(cell)
        if not self.due:
            self.wake()  # comes first: it refuses another thread, and must be called again then
            self.due = True

    def touch(self, cell: Cell) -> None:
        """Make a change of an equal value."""
        self.check_writable(cell)
        self.change(cell, cell.value, self.ambient, touch=True)

    def take_back(self, cell: Cell, run: int) -> None:
        """Take the layer of *run* out of a cell; if it is the upper one, the cell returns to what is beneath."""
        if cell.writer != run:
            self.take_away_covered(cell, run)
        elif cell.layers:
            *beneath, (writer, value, _) = cell.layers
            self.change(cell, value, run)
            cell.writer, cell.layers = writer, tuple(beneath)

    def take_away_covered(self, cell: Cell, run: int) -> None:
        """Take the layer of *run* out of a cell if another covers it: only worlds without that one show it."""
        layers = tuple(layer for layer in cell.layers if layer[0] != run)
        if cell.writer == run or len(layers) == len(cell.layers):
            return
        cell.layers = layers
        pending: list[Any] = [cell]
        reached: set[Any] = {cell}
        for node in pending:  # it grows
            for reader in node.dependents:
                if isinstance(reader, ShadowNode):
                    reader.verified = -1  # the cell has not changed, what it shows there has
                    reader.state = STALE
                    self.mark(reader)
                elif not reader.is_sink:
                    pending += {reader} - reached
                    reached.add(reader)
                elif reader.looks_beneath and reader.state != STALE:
                    reader.state = STALE
                    reader.queue.append(reader)

    def restore(self, cell: Cell, *state: Any) -> None:
        """Undo: set a cell to what a journal remembers. To its readers that is a change like any other."""
        value, cell.touched, cell.touched_beneath, cell.writer, cell.layers = state
        self.revision += 1
        cell.version = self.revision
        cell.value = cell.home.values[cell.schema.name] = value
        self.mark(cell)

    # -- refusing ---------------------------------------------------------------------------------

    def recheck(self) -> None:
        """Find out again whether writes may take the short way: nobody looks, and nothing is forbidden."""
        transaction = self.transaction
        self.epoch += 1
        self.plain = not (
            not self.check_types
            or self.observers.listening
            or self.observers.telling
            or self.destroyed
            or self.pure
            or self.restricted is not None
            or self.interrupted
            or (transaction is not None and transaction.owner is not None)
        )

    @contextmanager
    def purely(self) -> Iterator[None]:
        """Refuse what this task, and those it starts, would write: an async constraint is pure across its awaits."""
        token = PURE.set(self)
        self.pure += 1
        self.recheck()
        try:
            yield
        finally:
            self.pure -= 1
            self.recheck()
            PURE.reset(token)

    def check_writable(self, what: Cell | str, operation: str = "write") -> None:
        """Refuse writes, dispatches and whatever else acts, where nothing may change. *what*: a fact, or a name."""
        if self.plain and self.tracking.reads is None:
            return  # see `recheck`: as long as writes may take the short way, nothing is refused
        name = what if isinstance(what, str) else what.name
        if self.observers.telling:  # first: they are also told while something pure is being computed
            raise LifecycleError(f"{operation} {name!r}", "telling its observers", "observers only look")
        if self.tracking.reads is not None or (self.pure and PURE.get() is self):
            where = "a derivation, constraint or predicate is being computed; these are pure"
            raise ReadOnlyFactError(name, where, operation)
        if self.destroyed:
            raise LifecycleError(f"{operation} {name!r}", "destroyed")
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
                transaction.refuse()

    def _refusal(self, cell: Cell, by: str, value: object, error: Exception) -> FactValueError:
        """Make the error for a value that the user's converter or validator refuses; its words may show the value."""
        words = "hidden" if cell.schema.secret else shown(error, PREVIEW, str)
        return FactValueError(cell.name, f"what its {by} takes ({words})", preview(value, cell.schema))

    # -- transactions -----------------------------------------------------------------------------

    def begin(self, owner: object = None) -> Transaction:
        """Open a transaction, inside whatever is open. *owner*: the task, where others may come between."""
        outer, spare = self.transaction, self.spare
        if outer is None and owner is None and spare is not None:
            transaction = self.transaction = spare
        else:
            transaction = self.transaction = Transaction(owner, outer)
        if owner is not None:
            self.recheck()
        elif self.ambient != OUTSIDE:
            self.epoch += 1
        return transaction

    def commit(self, transaction: Transaction) -> None:
        """Close a transaction; what is around it may still undo it.

        Raises:
            TransactionError: Somebody interrupted it, or one opened within it is open still.
        """
        if self.transaction is not transaction:
            self.close_inner(transaction)
            transaction.refuse()
        outer = self.transaction = transaction.outer
        if outer is not None:
            outer.entries += transaction.entries
        if transaction.owner is not None:
            self.recheck()
        elif outer is None:
            transaction.entries.clear()
            self.spare = transaction

    def roll_back(self, transaction: Transaction) -> None:
        """Close a transaction and undo what it wrote, unless somebody has done that already."""
        self.spare = None
        if transaction.interrupted_by is None:
            self.undo(transaction)
            self.transaction = transaction.outer
        self.interrupted.discard(transaction)
        self.recheck()

    @contextmanager
    def atomic(self, *, interruptible: bool = False) -> Iterator[None]:
        """All writes in the block are one change, or none remains if it raises.

        Nested blocks undo their own part only. *interruptible* ones span user code that might await: a pass
        or another task that finds one open undoes it.
        """
        transaction = self.begin(self.task() if interruptible else None)
        try:
            yield
            self.commit(transaction)
        except BaseException:
            self.close_inner(transaction)
            self.roll_back(transaction)
            raise

    def close_inner(self, transaction: Transaction) -> None:
        """Undo all that is open if one opened within this one is open still: they end in the wrong order."""
        if transaction.interrupted_by is None and self.transaction is not transaction:
            self.interrupt("the end of one around it")

    def undo(self, transaction: Transaction) -> None:
        """Set back everything a transaction wrote, last first."""
        for entry in reversed(transaction.entries):
            self.restore(*entry)
        transaction.entries.clear()

    def interrupt(self, by: str) -> None:
        """Undo and close whatever transaction is open: a pass or another task has come."""
        transaction = self.transaction
        self.transaction = self.spare = None
        while transaction is not None:
            self.undo(transaction)
            transaction.interrupted_by = by
            self.interrupted.add(transaction)
            transaction = transaction.outer
        self.recheck()

    # -- the change set ---------------------------------------------------------------------------

    def take_changes(self) -> "dict[Cell, tuple[Any, int]]":
        """Hand over the facts that really differ since the last take, and begin a new window."""
        changes, self.changes = self.changes, {}
        kept: list[Cell] = []
        for cell, (value, version) in changes.items():
            if cell.kept(value, version):
                kept.append(cell)  # mostly one fact has changed, and a comprehension is a call
        for cell in kept:
            del changes[cell]
        self.epoch += 1
        self.due = False
        return changes


def preview(value: object, schema: FactSchema) -> str:
    """Show a refused value, cut; not at all for facts tagged ``pii`` or ``secret``."""
    return f"a {type(value).__name__} (hidden)" if schema.secret else shown(value, PREVIEW)


def _cause(error: Exception, schema: FactSchema) -> Exception | None:
    return None if schema.secret else error


def _nobody() -> None: ...


def _no_task() -> object:
    return None
