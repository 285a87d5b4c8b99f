"""Inputs of a producer: what it had read, whether that differs now, and which of it a run has marked.

Values are compared, not versions: a marker that was set and reset is no change. ``touch`` and facts with
``eq=False`` count as changed by their touch.
"""

from typing import Any

from directive_trio._planning.constraint_node import ConstraintNode
from directive_trio._planning.run import Run
from directive_trio._planning.wanted import ASKS, Inputs, Wanted
from directive_trio._store.cell import Cell
from directive_trio._store.equality import same, unchanged
from directive_trio._store.graph import CLEAN, FAILED
from directive_trio._store.store import Store
from directive_trio._store.worlds import World, cells_of, real_of


def take_inputs(store: Store, node: ConstraintNode) -> Inputs:
    """Take what a constraint has read, with the present values of the real world.

    One that was judged in this pass holds just that, unless it was asked in another world.
    """
    if node.state == CLEAN and not node.definition.is_async:
        return Inputs(store.revision, node.inputs, node.values)
    sources = tuple(map(real_of, node.inputs))
    return Inputs(store.revision, sources, tuple(map(value_of, sources)))


def read(store: Store, node: Any) -> Any:
    """Read a node for somebody who tracks."""
    reads = store.tracking.reads
    assert reads is not None  # a constraint is being asked, or a watcher
    reads.append(node)
    return node.recall() if node.state else node.value


def value_of(node: Any) -> Any:
    """Return the present value of a node; for a derivation that raises, its error."""
    if node.state > FAILED:
        node.graph.refresh(node)
    return node.value if node.state != FAILED else node.error


def differs(source: Any, before: Any, shown: Any, revision: int) -> bool:
    """Say whether *shown*, which stands for *source* in some world, has another value than *before*."""
    now = value_of(shown)
    if isinstance(source, Cell):
        return not unchanged(False, source.schema.key, before, now)
    if isinstance(before, Exception) or shown.state == FAILED:
        return type(before) is not type(now) or not same(before.args, now.args)
    if source.definition.always_changes and shown is source:
        return bool(source.version > revision)
    return not unchanged(False, source.definition.key, before, now)


def touched(source: Any, revision: int) -> bool:
    """Say whether a fact was touched since *revision*: changed, whatever its value."""
    return isinstance(source, Cell) and source.touched > revision


def touched_by_others(source: Any, revision: int, runs: set[int]) -> bool:
    """The same of what others than *runs* did, also where one of these has written over it since."""
    if not isinstance(source, Cell):
        return False
    return (source.touched_beneath if source.writer in runs else source.touched) > revision


def differ(wanted: Wanted) -> bool:
    """Say whether an input of a producer differs from what was taken, by whomever."""
    links = wanted.links
    if len(links) == 1:  # as mostly
        ((node, link),) = links.items()
        return link is ASKS and differs_for(node, wanted)
    return any(differs_for(node, wanted) for node in wanted.producers())


def differs_for(node: ConstraintNode, wanted: Wanted) -> bool:
    """The same for one producer. One of which nothing was taken asks for the first time since."""
    taken = wanted.inputs.get(node)
    if taken is None:
        return True
    for at, source in enumerate(taken.sources):  # a strict `zip` takes three times as long
        value_of(source)  # brings it up to date
        if source.version > taken.revision and (
            touched(source, taken.revision) or differs(source, taken.values[at], source, taken.revision)
        ):
            return True
    return False


def by_others(store: Store, wanted: Wanted, run: Run) -> bool:
    """Say whether an input differs from what was taken, in the world without the run's own writes."""
    world = world_of(store, run)
    try:
        return any(_differs_in(world, wanted.inputs.get(node), run) for node in wanted.producers())
    finally:
        run.close_world()


def _differs_in(world: World, taken: Inputs | None, run: Run) -> bool:
    return taken is None or any(
        touched_by_others(source, taken.revision, {run.writer})
        or differs(source, before, world.shadow(source), taken.revision)
        for source, before in zip(taken.sources, taken.values, strict=True)
    )


def world_of(store: Store, run: Run) -> World:
    """Return the world without the run's own writes."""
    if run.world is None:
        run.world = World(store, store.tracking, run.sees)
    return run.world


def marked_by(run: Run) -> list[Cell]:
    """Return the facts in which a run may have left markers: the inputs of its constraints."""
    sources = [source for inputs in run.inputs for source in inputs]
    for node in run.wanted.links:
        sources += node.inputs
    return sorted(run.cells | cells_of(sources), key=lambda cell: cell.name)
