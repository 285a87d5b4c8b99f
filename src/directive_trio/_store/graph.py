"""The dependency graph: who read what, who must hear of a change, and the computation of derivations.

Theory of operation
-------------------
Nodes are *sources* (they have a ``version`` and ``dependents``: facts, derivations) and *readers* (they have
``inputs`` and the ``stamps`` those inputs had when they were read: derivations, and the sinks of the floors
above). A version is a number from one counter, ``revision``, that only goes up; a node that takes back its
old value takes back its old version.

* **Push the suspicion.** When a source changes, all transitive readers become ``STALE``: iteratively, each
  once, stopping where one is stale already. A stale sink puts itself into its queue.
* **Pull the proof.** A stale reader is *verified* when somebody wants to know: its inputs are brought up to
  date in the order in which they were read, and it is computed again only if one has another version than
  its stamp. A recomputed value that is no change keeps its version, so the change stops there.

Verification and recomputation of known graphs keep their own stack, so chains of any length are fine. Only a
*first* computation nests Python frames; beyond ``NESTING`` levels it goes on in a helper thread with a fresh
stack, while this thread waits. One thread at a time runs, always.

``tracking.reads`` is where tracked reads are recorded. It is None when nobody tracks; while it is not None
something pure is being computed, and writes are refused.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from directive_trio._definitions.derivation import Derivation as DerivationDef
from directive_trio._observation.observations import DerivationCompute
from directive_trio._observation.observers import Observers
from directive_trio._store.equality import unchanged
from directive_trio.errors import DependencyCycleError, DerivationError

CLEAN, FAILED, STALE, CHECKING, COMPUTING = range(5)
NESTING = 60
_FEW = 8


class Source(Protocol):
    """What can be read and followed."""

    name: str
    version: int
    state: int
    dependents: "tuple[Reader, ...] | set[Reader]"


class Reader(Protocol):
    """What reads sources. ``is_sink``: nobody reads it; it has a queue instead."""

    state: int
    is_sink: bool


class Sink:
    """A reader that nobody reads: what the floors above want to be told to look at again.

    ``queue`` is the list it puts itself into when it becomes stale. It is there at most once.
    """

    __slots__ = ("inputs", "queue", "stamps", "state")

    is_sink = True

    def __init__(self, queue: "list[Any]") -> None:
        self.queue = queue
        self.state = CLEAN
        self.inputs: tuple[Source, ...] = ()
        self.stamps: tuple[int, ...] = ()


def follow(source: Any, reader: Any) -> None:
    """Make *reader* a dependent of *source*. Few are kept in a tuple, many in a set."""
    dependents = source.dependents
    if type(dependents) is set:
        dependents.add(reader)
    elif reader not in dependents:
        source.dependents = (*dependents, reader) if len(dependents) < _FEW else {*dependents, reader}


def unfollow(source: Any, reader: Any) -> None:
    """Undo `follow`."""
    dependents = source.dependents
    if type(dependents) is set:
        dependents.discard(reader)
    else:
        source.dependents = tuple(other for other in dependents if other is not reader)


class Graph:
    """Versions, suspicion and proof. The store builds on it."""

    __slots__ = ("computing", "observers", "revision", "tracking", "window")

    def __init__(self, observers: Observers, tracking: Any) -> None:
        self.observers = observers
        self.tracking = tracking
        self.revision = 0
        self.window = 0
        """The number of the current pass window: between two passes a value that comes back is no change."""
        self.computing: list[DerivationNode] = []

    # -- push -------------------------------------------------------------------------------------

    def mark(self, source: Any) -> None:
        """Make every transitive reader of *source* stale."""
        pending = [source]
        while pending:
            for reader in pending.pop().dependents:
                if reader.state != STALE:
                    reader.state = STALE
                    if reader.is_sink:
                        reader.queue.append(reader)
                    else:
                        pending.append(reader)

    # -- pull -------------------------------------------------------------------------------------

    def changed(self, sink: Any) -> bool:
        """Say whether an input of *sink* has another version than when it was read."""
        for source, stamp in zip(sink.inputs, sink.stamps, strict=True):
            if source.state > FAILED:
                self.refresh(source)
            if source.version != stamp:
                return True
        return False

    def refresh(self, node: "DerivationNode") -> None:
        """Bring a derivation up to date without recursion. Never raises what the derivation raises."""
        stack: list[list[Any]] = [[node, 0]]
        while stack:
            frame = stack[-1]
            current, position = frame
            if current.state == STALE:
                current.state = CHECKING
            if current.state != CHECKING or not current.version:
                if current.state == CHECKING:
                    self.compute(current)
                stack.pop()
                continue
            inputs, stamps = current.inputs, current.stamps
            for index in range(position, len(inputs)):
                source = inputs[index]
                if source.state == STALE:
                    frame[1] = index
                    stack.append([source, 0])
                    break
                if source.version != stamps[index] or source.state >= CHECKING:
                    # A ring is found out by computing: the read that closes it has the path.
                    self.compute(current)
                    stack.pop()
                    break
            else:
                current.state = CLEAN if current.error is None else FAILED
                stack.pop()

    def recall(self, node: "DerivationNode") -> Any:
        """Return the value of a derivation that is not clean, or raise what it raised.

        Raises:
            DerivationError: The derivation raised.
            DependencyCycleError: It is being computed right now: it needs itself.
        """
        if node.state == COMPUTING:
            path = self.computing[self.computing.index(node) :]
            raise DependencyCycleError("derivation", tuple(entry.name for entry in [*path, node]))
        if node.state == CHECKING:
            self.compute(node)
        elif node.state == STALE:
            self.refresh(node)
        if node.error is not None:
            raise_from(node)
        return node.value

    def compute(self, node: "DerivationNode") -> None:
        """Run a derivation; deep inside others, on a fresh stack."""
        depth = len(self.computing)
        if depth and not depth % NESTING:
            _on_fresh_stack(lambda: self._compute(node))
        else:
            self._compute(node)

    def _compute(self, node: "DerivationNode") -> None:
        tracking = self.tracking
        reads: dict[Any, None] = {}
        outer, tracking.reads = tracking.reads, reads
        self.computing.append(node)
        node.state = COMPUTING
        value, failure = None, None
        finished = False
        try:
            value = node.definition.function(node.view)
            finished = True
        except Exception as error:  # noqa: BLE001  # kept for the readers
            failure = error
            finished = True
        finally:
            if not finished:  # KeyboardInterrupt and the like: as if never begun
                node.state = STALE
            tracking.reads = outer
            self.computing.pop()
            self.connect(node, reads)
        self._keep(node, value, failure)

    def _keep(self, node: "DerivationNode", value: Any, failure: Exception | None) -> None:
        """Store the outcome; a value that is no change keeps its version, one that comes back takes its old one."""
        definition = node.definition
        old_value, old_version = node.value, node.version
        was_valid = old_version and node.error is None
        node.error = failure
        node.state = CLEAN if failure is None else FAILED
        if failure is not None or not was_valid:
            changes = True
        else:
            changes = not unchanged(definition.always_changes, definition.key, old_value, value)
        if changes:
            node.value = value
            if failure is None and node.window == self.window and node.base_version:
                comes_back = unchanged(definition.always_changes, definition.key, node.base_value, value)
            else:
                comes_back = False
                if node.window != self.window:
                    node.window = self.window
                    node.base_value, node.base_version = old_value, old_version if was_valid else 0
            if comes_back:
                node.version = node.base_version
            else:
                self.revision += 1
                node.version = self.revision
        if node.told and self.observers.listening:
            self.observers.tell(DerivationCompute, node.name, node.value, failure)

    # -- tracking ---------------------------------------------------------------------------------

    def track(self, sink: Any, function: Callable[[], Any]) -> Any:
        """Call *function* and make *sink* a dependent of exactly what it read, also when it raises."""
        tracking = self.tracking
        reads: dict[Any, None] = {}
        outer, tracking.reads = tracking.reads, reads
        try:
            return function()
        finally:
            tracking.reads = outer
            self.connect(sink, reads)
            sink.state = CLEAN

    def connect(self, reader: Any, reads: "dict[Any, None]") -> None:
        """Replace what *reader* follows by *reads*, in their order, stamped with their present versions."""
        inputs = tuple(reads)
        before = reader.inputs
        if inputs != before:
            for source in before:
                if source not in reads:
                    unfollow(source, reader)
            for source in inputs:
                follow(source, reader)
            reader.inputs = inputs
        reader.stamps = tuple([source.version for source in inputs])

    def disconnect(self, reader: Any) -> None:
        """Make *reader* follow nothing."""
        for source in reader.inputs:
            unfollow(source, reader)
        reader.inputs = reader.stamps = ()


class DerivationNode:
    """One derivation in one system (or in one world, see `worlds`).

    ``version`` 0: never computed. ``view`` is what the function gets as self. ``base_*`` remember the value
    at the beginning of the pass window, so that one that comes back takes back its version too.
    """

    __slots__ = (
        "base_value",
        "base_version",
        "definition",
        "dependents",
        "error",
        "graph",
        "inputs",
        "name",
        "stamps",
        "state",
        "value",
        "version",
        "view",
        "window",
    )

    is_sink = False
    told = True

    def __init__(self, graph: Graph, name: str, definition: DerivationDef[Any, Any], view: Any) -> None:
        self.graph = graph
        self.name = name
        self.definition = definition
        self.view = view
        self.value: Any = None
        self.version = 0
        self.state = STALE
        self.error: Exception | None = None
        self.inputs: tuple[Any, ...] = ()
        self.stamps: tuple[int, ...] = ()
        self.dependents: tuple[Any, ...] | set[Any] = ()
        self.window = -1
        self.base_value: Any = None
        self.base_version = 0

    def recall(self) -> Any:
        """Return the value, however stale the node is now."""
        return self.graph.recall(self)

    def __repr__(self) -> str:
        return f"<derivation node {self.name}>"


def raise_from(node: DerivationNode) -> None:
    """Raise what a derivation raised, for one more reader."""
    if isinstance(node.error, DependencyCycleError):
        raise node.error
    raise DerivationError(node.name) from node.error


def _on_fresh_stack(function: Callable[[], None]) -> None:
    """Run *function* on the stack of another thread. Leaving waits for it, so two never run at once."""
    with ThreadPoolExecutor(1, thread_name_prefix="directive_trio derivation") as fresh:
        fresh.submit(function).result()
