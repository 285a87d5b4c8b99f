"""The dependency graph: who read what, who must hear of a change, and the computation of derivations.

Theory of operation
-------------------
Nodes are *sources* (they have a ``version`` and ``dependents``: facts, derivations) and *readers* (they have
``inputs`` and know at which revision they were last found ``verified``: derivations, and the sinks of the floors
above). A version is the ``revision``, one counter that only goes up, at which a node last changed.

* **Push the suspicion.** When a source changes, all transitive readers become ``STALE``: iteratively, each
  once, stopping where one is stale already. A stale sink puts itself into its queue.
* **Pull the proof.** A stale reader is verified when somebody wants to know: its inputs are brought up to date
  in the order in which they were read, and a derivation is computed again only if one has a newer version than
  its own verification. A recomputed value that is no change keeps its version, so the change stops there.
* **Sinks compare values.** Between two looks of a sink a value may go away and come back; that is no change. So
  a sink keeps the values it has read, and a newer version makes it compare.

Verification and recomputation of known graphs keep their own stack, so chains of any length are fine. Only a
*first* computation nests Python frames; where the stack is ``DEEP`` it goes on in a helper thread with a fresh
one, while this thread waits. One thread at a time runs, always; observers are told when this one is back.

``tracking.reads`` is where tracked reads are recorded. It is None when nobody tracks; while it is not None
something pure is being computed, and writes are refused.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from directive_trio._definitions.derivation import Derivation as DerivationDef
from directive_trio._definitions.fact import SCALARS
from directive_trio._definitions.names import qualify
from directive_trio._definitions.secrecy import HIDDEN
from directive_trio._observation.observations import DerivationCompute
from directive_trio._observation.observers import Observers
from directive_trio._store.equality import unchanged
from directive_trio.errors import DependencyCycleError, DerivationError, UnknownNameError

CLEAN, FAILED, STALE, CHECKING, COMPUTING = range(5)
DEEP = 400
"""How many frames deep a stack may be before a first computation goes on upon a fresh one: some 60 levels."""
LOOK_EVERY = 4
"""At how many derivations nested in each other the stack is looked at."""
_FEW = 8


class Source(Protocol):
    """What can be read and followed."""

    version: int
    state: int
    dependents: "tuple[Reader, ...] | dict[Reader, None]"


class Reader(Protocol):
    """What reads sources. ``is_sink``: nobody reads it; it has a queue instead."""

    state: int
    is_sink: bool


class Sink:
    """A reader that nobody reads: what the floors above want to be told to look at again.

    ``queue`` is the list it puts itself into when it becomes stale. It is there at most once. ``values`` are
    those of its inputs when it was ``verified``.
    """

    __slots__ = ("inputs", "queue", "state", "values", "verified")

    is_sink = True
    looks_beneath = False
    """Whether it may have to look again when nothing has changed but what lies beneath the writes of a run."""

    def __init__(self, queue: "list[Any]") -> None:
        self.queue = queue
        self.state = CLEAN
        self.inputs: tuple[Any, ...] = ()
        self.values: tuple[Any, ...] = ()
        self.verified = 0


def follow(source: Any, reader: Any) -> None:
    """Make *reader* a dependent of *source*. Few are kept in a tuple, many in a dict (half the size of a set)."""
    dependents = source.dependents
    if type(dependents) is dict:
        dependents[reader] = None
    elif reader not in dependents:
        few = (*dependents, reader)
        source.dependents = few if len(few) <= _FEW else dict.fromkeys(few)


def unfollow(source: Any, reader: Any) -> None:
    """Undo `follow`."""
    dependents = source.dependents
    if type(dependents) is dict:
        dependents.pop(reader, None)
    else:
        source.dependents = tuple(other for other in dependents if other is not reader)


class Graph:
    """Versions, suspicion and proof. The store builds on it."""

    __slots__ = ("computing", "observers", "revision", "switches", "tracking", "untold", "worlds")

    def __init__(self, observers: Observers, tracking: Any) -> None:
        self.observers = observers
        self.tracking = tracking
        self.revision = 0
        self.computing: list[DerivationNode] = []
        self.switches: dict[DerivationNode, Any] = {}
        """The derivations that are switched off, each with what it reads instead (see `switches`)."""
        self.worlds: dict[Any, None] = {}
        """The worlds that are open (see `worlds`), in their order."""
        self.untold: list[tuple[str, Any, Exception | None]] | None = None
        """What was computed on the stack of another thread, where no observer can be told; None on this one."""

    # -- push -------------------------------------------------------------------------------------

    def mark(self, source: Any) -> None:
        """Make every transitive reader of *source* stale."""
        pending = [source]
        for marked in pending:  # it grows
            for reader in marked.dependents:
                if reader.state != STALE:
                    reader.state = STALE
                    if type(reader) is not DerivationNode and reader.is_sink:
                        reader.queue.append(reader)
                    elif reader.dependents:
                        pending.append(reader)

    # -- pull -------------------------------------------------------------------------------------

    def changed(self, sink: Any) -> bool:
        """Say whether an input of *sink* has another value than when it was read."""
        verified, values = sink.verified, sink.values
        for at, source in enumerate(sink.inputs):  # a strict `zip` takes three times as long
            if source.state > FAILED:
                self.refresh(source)
            if source.version > verified and not source.kept(values[at], verified):
                return True
        return False

    # `refresh` and `compute` are each in one piece: a call would cost as much as a fifth of what they do.

    def refresh(self, node: "DerivationNode") -> None:  # noqa: C901, PLR0912
        """Bring a derivation up to date without recursion. Never raises what the derivation raises."""
        if node.state == COMPUTING:
            return
        waiting: list[tuple[DerivationNode, Iterator[Any]]] = []
        node.state = CHECKING
        inputs = iter(node.inputs)
        while True:
            verified = node.verified
            for source in inputs:
                if source.state == STALE:
                    waiting.append((node, inputs))
                    node, inputs = source, iter(source.inputs)
                    node.state = CHECKING
                    break
                if source.version > verified or source.state >= CHECKING:
                    # A ring is found out by computing: the read that closes it has the path.
                    self.compute(node)
                    break
            else:
                if node.version:
                    node.state = CLEAN if node.error is None else FAILED
                    node.verified = self.revision
                else:
                    self.compute(node)
            if node.state == CHECKING:
                continue
            while waiting:
                version = node.version
                node, inputs = waiting.pop()
                if node.state == CHECKING:  # nobody has needed it before its turn
                    if version <= node.verified:
                        break
                    self.compute(node)
            else:
                return

    def recall(self, node: "DerivationNode") -> None:
        """Bring a derivation up to date that is being looked at right now: somebody needs it before its turn.

        Raises:
            DependencyCycleError: It is being computed: it needs itself.
        """
        if node.state == COMPUTING:
            path = self.computing[self.computing.index(node) :]
            raise DependencyCycleError("derivation", tuple(entry.name for entry in [*path, node]))
        self.compute(node)

    def compute(self, node: "DerivationNode") -> None:  # noqa: C901, PLR0912, PLR0915
        """Run a derivation; deep inside others, on a fresh stack."""
        computing = self.computing
        if computing and not len(computing) % LOOK_EVERY and _is_deep():
            self._compute_afresh(node)  # looking takes longer than an outermost read should
            return
        tracking, definition = self.tracking, node.definition
        outer = tracking.reads
        reads: list[Any] = []
        tracking.reads = reads
        computing.append(node)
        node.state = COMPUTING
        failure: Exception | None = None
        value: Any = None
        function = definition.function
        try:
            value = function(node.view)
        except AttributeError as error:
            failure = node.view._explain(error)
        except Exception as error:  # noqa: BLE001  # kept for the readers
            failure = error
        except BaseException:  # KeyboardInterrupt and the like: as if never begun
            node.state = STALE
            raise
        finally:
            tracking.reads = outer
            computing.pop()
        if reads != node.inputs:
            inputs = list(dict.fromkeys(reads))
            if inputs != node.inputs:
                self.connect(node, inputs)
        node.verified = self.revision
        old = node.value
        if failure is not None or node.error is not None or not node.version:
            changed = True
        elif definition.plain and type(value) is type(old) and type(value) in SCALARS:
            changed = value != old
        else:
            changed = not node.kept(value, 0)
        if changed:
            node.version = node.verified = self.revision = self.revision + 1
            node.value = value if failure is None else failure
            node.error = failure
        node.state = CLEAN if failure is None else FAILED
        if self.observers.listening and node.told:
            self._tell(node, value, failure)

    def _tell(self, node: "DerivationNode", value: Any, failure: Exception | None) -> None:
        if node.definition.secret:
            value = HIDDEN
        if self.untold is None:
            self.observers.tell(DerivationCompute, node.name, value, failure)
        else:
            self.untold.append((node.name, value, failure))

    def _compute_afresh(self, node: "DerivationNode") -> None:
        outermost = self.untold is None
        if outermost:
            self.untold = []
        try:
            _on_fresh_stack(lambda: self.compute(node))
        finally:
            if outermost:
                untold, self.untold = self.untold or (), None
                for fields in untold:
                    self.observers.tell(DerivationCompute, *fields)

    # -- tracking ---------------------------------------------------------------------------------

    def track(self, sink: Any, function: Callable[[], Any]) -> Any:
        """Call *function* and make *sink* a dependent of exactly what it read, also when it raises."""
        tracking = self.tracking
        reads: list[Any] = []
        outer = tracking.reads
        tracking.reads = reads
        try:
            return function()
        finally:
            tracking.reads = outer
            self.has_read(sink, reads)

    def has_read(self, sink: Any, reads: list[Any]) -> None:
        """Make *sink* a dependent of exactly what was read, and remember what it was."""
        inputs = tuple(reads)
        if inputs != sink.inputs:  # mostly it has read what it read before, each once
            inputs = tuple(dict.fromkeys(reads))
            if inputs != sink.inputs:
                self.connect(sink, inputs)
        values: list[Any] = []
        for source in inputs:
            values.append(source.value)  # noqa: PERF401  # few, and a comprehension is a call
        sink.values = tuple(values)
        sink.verified = self.revision
        sink.state = CLEAN

    def connect(self, reader: Any, inputs: Sequence[Any]) -> None:
        """Replace what *reader* follows by *inputs*, which are in the order of reading."""
        before = reader.inputs
        if before:
            kept = set(inputs)
            for source in before:
                if source not in kept:
                    unfollow(source, reader)
        for source in inputs:
            follow(source, reader)
        reader.inputs = inputs

    def disconnect(self, reader: Any) -> None:
        """Make *reader* follow nothing."""
        for source in reader.inputs:
            unfollow(source, reader)
        reader.inputs = ()


class DerivationNode:
    """One derivation in one system (or in one world, see `worlds`).

    ``version`` 0: never computed. ``view`` is what the function gets as self.
    """

    __slots__ = (
        "definition",
        "dependents",
        "error",
        "graph",
        "inputs",
        "key",
        "module",
        "state",
        "value",
        "verified",
        "version",
        "view",
    )

    is_sink = False
    told = True
    epoch = -1  # nobody writes a derivation

    def __init__(self, graph: Graph, module: str, key: str, definition: DerivationDef[Any, Any], view: Any) -> None:
        self.graph = graph
        self.module = module
        self.key = key
        self.definition = definition
        self.view = view
        self.value: Any = None
        self.version = 0
        self.verified = 0
        self.state = STALE
        self.error: Exception | None = None
        self.inputs: Sequence[Any] = ()
        self.dependents: tuple[Any, ...] | dict[Any, None] = ()

    @property
    def name(self) -> str:
        """The qualified name."""
        return qualify(self.module, self.key)

    def kept(self, value: Any, _since: int) -> bool:
        """Say whether *value* is still the value, as far as ``eq`` tells."""
        definition = self.definition
        if definition.always_changes or self.state == FAILED:
            return False
        return unchanged(False, definition.key, self.value, value)

    def recall(self) -> Any:
        """Return the value, however stale the node is now.

        Raises:
            DerivationError: The derivation raised.
            DependencyCycleError: It needs itself.
        """
        if self.state == STALE:
            graph, verified = self.graph, self.verified
            for source in self.inputs:  # mostly facts: then there is nothing to keep a stack for
                if source.state > FAILED:
                    graph.refresh(self)
                    break
                if source.version > verified:
                    graph.compute(self)
                    break
            else:
                graph.refresh(self)
        elif self.state > STALE:
            self.graph.recall(self)
        if self.error is not None:
            raise_from(self)
        return self.value

    def remove(self, revision: int) -> None:
        """The module is removed: a change for all who have read it."""
        self.graph.disconnect(self)
        self.state = FAILED
        self.error = UnknownNameError("module", self.module)
        self.version = self.verified = revision

    def __repr__(self) -> str:
        return f"<derivation node {self.name}>"


def raise_from(node: DerivationNode) -> None:
    """Raise what a derivation raised, for one more reader: a new error each time, or its traceback would grow.

    The error names the derivation that raised, not those between it and the reader.
    """
    error = node.error
    if isinstance(error, DependencyCycleError):
        raise DependencyCycleError(error.kind, error.path)
    if isinstance(error, DerivationError):
        raise DerivationError(error.derivation) from error.__cause__
    raise DerivationError(node.name) from error


def _is_deep() -> bool:
    """Say whether the stack is so deep that a first computation might not find room on it."""
    try:
        sys._getframe(min(DEEP, sys.getrecursionlimit() // 2))
    except ValueError:
        return False
    return True


def _on_fresh_stack(function: Callable[[], None]) -> None:
    """Run *function* on the stack of another thread. Leaving waits for it, so two never run at once."""
    with ThreadPoolExecutor(1, thread_name_prefix="directive_trio derivation") as fresh:
        fresh.submit(function).result()
