"""But for a run's own writes: what would a constraint ask for?

Two worlds are asked. The one *without the run's writes* says whether its requirement is wanted but for them.
The one *without the writes of others in this window* is asked when both have written since the last pass and
the first world wants nothing: it says whether the run's writes alone would have made the constraint false too,
in which case they are markers, and must not be left standing.
"""

from collections.abc import Iterable
from typing import Any

from directive_trio._definitions.record import Record
from directive_trio._planning.answer import NOTHING
from directive_trio._planning.constraint_node import ButFor, ConstraintNode
from directive_trio._planning.inputs import read, world_of
from directive_trio._planning.requirement_set import RequirementSet
from directive_trio._planning.run import Run
from directive_trio._planning.wanted import Wanted
from directive_trio._store.cell import Cell
from directive_trio._store.store import Store
from directive_trio._store.worlds import World, cells_of


class ButForWorlds:
    """Asks constraints in worlds in which something was not written."""

    def __init__(self, store: Store, requirements: RequirementSet) -> None:
        self.store = store
        self.requirements = requirements
        self._before: dict[Cell, tuple[Any, int]] = {}
        """What has changed in this window, with the values of before."""

    def look_at(self, before: "dict[Cell, tuple[Any, int]]") -> None:
        """A new window: *before* is what the facts were that changed in it."""
        self._before = before

    def ask(self, sink: ButFor) -> tuple[Record, ...]:
        """Ask a constraint in the world without the run's own writes; the sink follows what it read."""
        return self._ask_in(world_of(self.store, sink.run), sink)

    def _ask_in(self, world: World, sink: ButFor) -> tuple[Record, ...]:
        node = sink.node
        question, function, view = node.question, node.definition.function, world.lens.beside(node.definition.module)
        try:
            return self.store.track(  # type: ignore[no-any-return]
                sink, lambda: question.ask(function, view, lambda source: read(self.store, world.shadow(source)))
            )
        except Exception:  # noqa: BLE001  # an error of a world that is not is nobody's error; it wants nothing
            return NOTHING
        finally:
            sink.run.cells |= cells_of(sink.inputs)

    def contains(self, node: ConstraintNode, wanted: Wanted, demand: Iterable[Record]) -> bool:
        """Say whether *demand*, an answer of *node*, asks for *wanted*."""
        identity, module = self.requirements.identity, node.definition.module
        try:
            return any(identity(module, other)[0] == wanted.key for other in demand if wanted.is_of_class(other))
        except Exception:  # noqa: BLE001  # the user's key or ``==``, about a world that is not
            return False

    def falsified_itself(self, node: ConstraintNode, run: Run) -> bool:
        """Say whether the run's writes in this window alone would have made the constraint false."""
        before, taken_back = {**self._before, **self.store.revealed}, self.store.changes
        if not any(_wrote(run.writer, cell, version) for cell, (_, version) in before.items()):
            return False

        def sees(cell: Cell) -> Any:
            value, version = before.get(cell) or taken_back.get(cell) or (cell.value, cell.version)
            return cell.written_by(run.writer, version, value)

        world = World(self.store, self.store.tracking, sees)
        sink = ButFor([], node, run)
        demand = self._ask_in(world, sink)
        self.store.disconnect(sink)
        world.close()
        return not self.contains(node, run.wanted, demand)


def _wrote(run: int, cell: Cell, since: int) -> bool:
    """Say whether a run has written a fact that was at the version *since* when the window began."""
    return cell.writer == run or any(writer == run and at > since for writer, _, at in cell.layers)
