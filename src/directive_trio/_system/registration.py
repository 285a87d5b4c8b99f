"""A module that comes later: everything that can be wrong with it is found before anything of it counts."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from directive_trio._definitions.constraint import Constraint
from directive_trio._definitions.module import Module
from directive_trio._planning.adoption import adopt_constraints, adopt_last, adopt_resolvers
from directive_trio._planning.constraint_node import node_of
from directive_trio._planning.ownership import Owners
from directive_trio._runtime.effects import EffectNode
from directive_trio._runtime.events import Events
from directive_trio._runtime.reconcile_loop import ReconcileLoop
from directive_trio._runtime.source_node import SourceNode
from directive_trio._system.composition import add_handlers, check_modules, initialise, place_facts
from directive_trio._system.names import Names
from directive_trio._system.order import link, link_more, predecessors, ranked
from directive_trio.errors import DuplicateNameError


class Registration:
    """One module on its way into a system."""

    def __init__(self, module: Module[Any], loop: ReconcileLoop, events: Events) -> None:
        check_modules([module])
        store = self.store = loop.store
        if module.name in store.modules:
            raise DuplicateNameError("module", module.name)
        self.module = module
        self.loop = loop
        self.planner = loop.planner
        self.events = events
        self._sealed = module.sealed
        place_facts(store, [module])
        with self.undone_if_it_fails():
            self._prepare(Names(store), warn=True)
            initialise(store, [module], {})

    def again(self) -> "Registration":
        """Find once more what it names: others may have come or gone since. If it cannot work now, it is undone."""
        with self.undone_if_it_fails():
            self._prepare(Names(self.store), warn=False)
        return self

    @contextmanager
    def undone_if_it_fails(self) -> Iterator[None]:
        """Take the module out again if the block raises: nothing of it counts yet."""
        try:
            yield
        except BaseException:
            self.store.remove(self.store.hide(self.module.name))
            self.module.sealed = self._sealed
            raise

    def _prepare(self, names: Names, *, warn: bool) -> None:
        """Find everything that its definitions name."""
        module, planner, store = self.module, self.planner, self.store
        self._after, self._ranks = self._order(warn=warn)
        view = store.tracking.beside(module.name)
        self.nodes = {
            found.id: node_of(planner.agenda.marked, found, names.question(found), view, self._ranks[found.id])
            for found in module.constraints.values()
        }
        effects = self.loop.effects
        self.effects = [
            EffectNode(effects.marked, effect, effects.next_order + at, names.reads_of(effect))
            for at, effect in enumerate(module.effects.values())
        ]

    def _order(self, *, warn: bool) -> tuple[dict[str, list[str]], dict[str, int]]:
        """Find the places of all constraints, the new ones among them; return whom each comes after, and the ranks.

        Where the new ones come last, the others keep their places: then these are of the new ones alone.
        """
        name = self.module.name  # of which there are some already, if it replaces another
        known = {node.id: node.definition for node in self.planner.nodes.values() if node.definition.module != name}
        new = {constraint.id: constraint for constraint in self.module.constraints.values()}
        constraints = {**known, **new}
        self._come_last = _come_last(new, known.values())
        if self._come_last:
            after = {name: predecessors(constraint, constraints, warn=warn) for name, constraint in new.items()}
            among = {name: [other for other in before if other in new] for name, before in after.items()}
            ranks = ranked(new, among)
            first = max((node.rank for node in self.planner.nodes.values()), default=-1) + 1
            return after, {name: first + place for name, place in ranks.items()}
        after = {
            name: predecessors(constraint, constraints, warn=warn and name not in known)
            for name, constraint in constraints.items()
        }
        return after, ranked(constraints, after)

    def complete(self, *, running: bool) -> None:
        """Let it count: what it asks for is due, its effects run, its sources are attached."""
        module, planner, store = self.module, self.planner, self.store
        add_handlers(self.events, store, module)
        if planner.requirements.owners is None and any(found.owns for found in module.constraints.values()):
            planner.requirements.owners = Owners(store.modules)
        adopt_resolvers(planner, module.name, {found.requirement: found for found in module.resolvers.values()})
        if self._come_last:
            link_more(self.nodes, planner.nodes, self._after)
            adopt_last(planner, self.nodes, running=running)
        else:
            link({**planner.nodes, **self.nodes}, self._after)
            adopt_constraints(planner, self.nodes, self._ranks, running=running)
        for effect in self.effects:
            self.loop.effects.adopt(effect)
        for source in module.sources.values():
            self.loop.sources.adopt(SourceNode(source))
        self.loop.wake()


def _come_last(new: Mapping[str, Constraint[Any, Any]], others: Collection[Constraint[Any, Any]]) -> bool:
    """Say whether *new* constraints come after all *others*: none is urgent, and nobody comes after one of them."""
    lowest = min((other.priority for other in others), default=0)
    urgent = any(constraint.priority > lowest for constraint in new.values())
    return not urgent and not any(other.after and predecessors(other, new, warn=False) for other in others)
