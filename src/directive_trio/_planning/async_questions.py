"""Questions to async constraints: when to ask anew, and in which world.

The runtime asks; here is decided that it must. While runs of the constraint's own are live it is asked in the
world without their writes, so their writes alone do not restart it. When such a run ends, what was seen is
compared with the real world; when by its answer it leaves one that goes on for others, with the world in which that
one's writes count: a stale answer dispatches nothing.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from directive_trio._planning.constraint_node import AsyncConstraintNode
from directive_trio._planning.inputs import differs, touched_by_others, value_of
from directive_trio._planning.requirement_set import RequirementSet
from directive_trio._planning.wanted import Wanted
from directive_trio._store.graph import CLEAN
from directive_trio._store.store import Store
from directive_trio._store.worlds import World


class AsyncQuestions:
    """The questions that are, or must be, put to async constraints."""

    def __init__(self, store: Store, requirements: RequirementSet) -> None:
        self.store = store
        self.requirements = requirements

    def inputs_changed(self, node: AsyncConstraintNode) -> bool:
        """Say whether what the constraint saw when it was asked differs now, but for the writes of its own runs."""
        own = _own_runs(node)
        seen = node.joined[1] if node.joined is not None and node.joined[0] == own else node.seen
        return self._differs(node, seen, own)

    def left_out(self, node: AsyncConstraintNode) -> list[Wanted]:
        """Return whose runs' writes it was asked without."""
        return [] if node.world is None else [wanted for wanted in node.answer if _goes_on(wanted)]

    def has_left(self, node: AsyncConstraintNode, left_out: list[Wanted]) -> bool:
        """Say whether its answer leaves runs that go on for others, and it has not seen what these wrote."""
        staying = [wanted for wanted in left_out if wanted not in node.answer and wanted.wanted]
        own = _writers(wanted for wanted in left_out if wanted not in staying)
        return bool(staying) and not node.disabled and self._differs(node, node.seen, own)

    def _differs(self, node: AsyncConstraintNode, seen: Sequence[tuple[Any, Any]], own: set[int]) -> bool:
        world = self._world_without(own) if own else None
        changed = any(
            touched_by_others(source, node.seen_revision, own)
            or differs(source, before, source if world is None else world.shadow(source), node.seen_revision)
            for source, before in seen
        )
        if world is not None:
            world.close()
        return changed

    def _world_without(self, own: set[int]) -> World:
        return World(self.store, self.store.tracking, lambda cell: cell.without(own))

    def ask(self, node: AsyncConstraintNode) -> None:
        """Have the runtime ask; whoever is asking is interrupted."""
        self.abandon(node)
        node.evaluation += 1
        node.outstanding = True
        own = _own_runs(node)
        node.world = self._world_without(own) if own else None
        self.store.disconnect(node)
        node.state = CLEAN
        node.seen = []
        node.joined = None
        node.seen_revision = self.store.revision
        self.requirements.plan.evaluate[node] = None

    def join(self, node: AsyncConstraintNode) -> None:
        """It has answered: what runs had written before they became its own is no change while they go on."""
        own = _own_runs(node)
        if own:
            world = self._world_without(own)
            node.joined = (own, [(source, value_of(world.shadow(source))) for source, _ in node.seen])
            world.close()

    def listen_on(self, node: AsyncConstraintNode) -> None:
        """Nothing has changed for it: shadows pass on the next change only when they are up to date."""
        for source in node.inputs:
            value_of(source)

    def abandon(self, node: AsyncConstraintNode) -> None:
        """Wait for its answer no more."""
        if node.outstanding:
            node.outstanding = False
            self.requirements.plan.abandon.append(node)
        if node.world is not None:
            node.world.close()
            node.world = None


def _own_runs(node: AsyncConstraintNode) -> set[int]:
    """Return the writers of the runs that a constraint has asked for and that go on."""
    return _writers(filter(_goes_on, node.answer))


def _writers(those: Iterable[Wanted]) -> set[int]:
    return {wanted.run.writer for wanted in those if wanted.run is not None}


def _goes_on(wanted: Wanted) -> bool:
    return wanted.run is not None and wanted.run.outcome is None
