"""Derivations that are switched off: each keeps its answer, and is computed no more.

One that is off reads nothing but its *switch*, a source that changes once: when it is thrown back. So nothing makes
it stale meanwhile, its readers take its answer as they take any other, and reading costs what it always costs.
Thrown back, the switch makes stale whatever rests on the answer: then it is computed like any derivation, and who
has read it is told only if the new answer differs.

Its shadows read the same switch and show the same answer: what is kept is so in every world.
"""

from typing import Any

from directive_trio._store.graph import CLEAN, FAILED, DerivationNode
from directive_trio._store.store import Store
from directive_trio._store.worlds import cells_of


class Switch:
    """What a derivation reads that is off, and each shadow of it. ``instead_of``: what it has read before.

    ``before``: the facts that its answer rests on, with their values and versions. For those who read it, the
    window in which these have changed ends only when it is on again.
    """

    __slots__ = ("before", "dependents", "instead_of", "version")

    state = CLEAN
    inputs = ()

    def __init__(self, node: DerivationNode) -> None:
        self.before = {cell: (cell.value, cell.version) for cell in cells_of([node])}
        self.instead_of = tuple(node.inputs)
        self.version = 0
        self.dependents: tuple[Any, ...] | dict[Any, None] = ()


class DerivationSwitches:
    """The switches of a system's derivations."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def nodes(self) -> dict[str, DerivationNode]:
        """All derivations, by name."""
        return {node.name: node for place in self._store.modules.values() for node in place.derivations}

    def switch(self, node: DerivationNode, on: bool) -> None:
        """Enable or disable a derivation."""
        store = self._store
        switch = store.switches.get(node)
        if on is (switch is None):
            return
        if switch is None:
            if node.state > FAILED:
                store.refresh(node)
            switch = store.switches[node] = Switch(node)
            store.connect(node, (switch,))
            for world in store.worlds:
                world.keep_answer_of(node)
        else:
            del store.switches[node]
            store.revealed |= {cell: was for cell, was in switch.before.items() if cell.version != was[1]}
            store.connect(node, (switch, *switch.instead_of))
            store.revision += 1
            switch.version = store.revision
            store.mark(switch)
