"""A module that goes: what it asked for is wanted no more, what runs is cancelled, its facts are there no more.

One that is replaced goes when everything that can be wrong with the new one has been found. The new one takes over
the values of the facts that both have.
"""

from collections.abc import Iterator
from typing import Any

from directive_trio._definitions.module import Module
from directive_trio._definitions.names import nearest
from directive_trio._planning.adoption import adopt_constraints
from directive_trio._planning.constraint_node import AsyncConstraintNode, ConstraintNode
from directive_trio._planning.dismissal import dismiss_constraints, dismiss_resolvers
from directive_trio._runtime.effects import EffectNode
from directive_trio._runtime.events import Events
from directive_trio._runtime.reconcile_loop import ReconcileLoop
from directive_trio._system.composition import check_modules
from directive_trio._system.names import Names
from directive_trio._system.order import link, predecessors, ranked, unlink
from directive_trio._system.registration import Registration
from directive_trio.errors import UnknownNameError, UsageError


class Removal:
    """One module on its way out of a system."""

    def __init__(self, name: str, loop: ReconcileLoop, events: Events) -> None:
        store = self.store = loop.store
        if name not in store.modules:
            raise UnknownNameError("module", name, nearest(name, store.modules))
        self.name = name
        self.loop = loop
        self.planner = loop.planner
        self.events = events

    def refuse_if_named(self) -> None:
        """Refuse to take away what others name as data: they could not be asked any more.

        Raises:
            UsageError: Says who names what.
        """
        nodes = set(self.store.modules[self.name].nodes)
        for user, named in self._named_by_others():
            if named in nodes:
                text = f"{user} names {named.name}, so module {self.name!r} cannot go before"
                raise UsageError(f"{text}; unregister that module first, or replace this one")

    def _named_by_others(self) -> Iterator[tuple[str, Any]]:
        for node in self.planner.nodes.values():
            if node.definition.module != self.name:
                for named, _ in node.question.when:
                    yield f"constraint {node.id}", named
                for named in node.question.reads:
                    yield f"constraint {node.id}", named
        for effect in self.loop.effects.nodes.values():
            if effect.definition.module != self.name:
                for named in effect.sources:
                    yield f"effect {effect.id}", named

    def complete(self, *, running: bool) -> None:
        """Let it go."""
        self.dismiss(running=running)
        self.store.remove(self.store.hide(self.name))
        self.loop.wake()

    def dismiss(self, *, running: bool) -> None:
        """End whatever it has brought, as long as its facts are there."""
        planner, loop = self.planner, self.loop
        for effect in reversed(self._effects()):
            loop.effects.remove(effect)
        for source in [node for node in loop.sources.nodes.values() if node.definition.module == self.name]:
            loop.sources.remove(source)
        constraints = self._constraints()
        dismiss_constraints(planner, constraints)
        dismiss_resolvers(planner, [*planner.requirements.resolvers[self.name].values()])
        del planner.requirements.resolvers[self.name]
        for resolver in [found for found in planner.disabled_resolvers.values() if found.module == self.name]:
            del planner.disabled_resolvers[resolver.id]
        for node in constraints:
            if isinstance(node, AsyncConstraintNode):
                loop.constraints.abandon(node, "removed")
        if not loop.passing:
            loop.cancel_decided()
        self.events.remove(self.name)
        if any(follower.definition.module != self.name for node in constraints for follower in node.followers):
            self._order_again(running=running)
        else:  # the places of the others rest on nothing that goes
            unlink(constraints)

    def _order_again(self, *, running: bool) -> None:
        planner = self.planner
        definitions = {name: node.definition for name, node in planner.nodes.items()}
        after = {name: predecessors(found, definitions, warn=False) for name, found in definitions.items()}
        link(planner.nodes, after)
        adopt_constraints(planner, {}, ranked(definitions, after), running=running)

    def _constraints(self) -> list[ConstraintNode]:
        return [node for node in self.planner.nodes.values() if node.definition.module == self.name]

    def _effects(self) -> list[EffectNode]:
        return [node for node in self.loop.effects.nodes.values() if node.definition.module == self.name]


class Replacement:
    """A module that takes the place of the one of its name."""

    def __init__(self, module: Module[Any], loop: ReconcileLoop, events: Events) -> None:
        check_modules([module])
        self.removal = Removal(module.name, loop, events)
        store = self.store = loop.store
        before = {**store.modules}
        self.old = store.hide(module.name)
        try:
            self.new = Registration(module, loop, events)
            with self.new.undone_if_it_fails():
                self._take_over(Names(store))
        except BaseException:
            store.show_again(before)
            raise

    def _take_over(self, names: Names) -> None:
        """Let the new one have the values of the old one, and find again what others name."""
        old, new = self.old, self.store.modules[self.old.module]
        with self.store.atomic():
            for name in old.schema.facts:
                if name in new.schema.facts:
                    setattr(new.live, name, old.values[name])
        others = [node for node in self.removal.planner.nodes.values() if node.definition.module != old.module]
        self._questions = [(node, names.question(node.definition)) for node in others]
        effects = self.removal.loop.effects.nodes.values()
        self._sources = [
            (effect, names.reads_of(effect.definition)) for effect in effects if effect.definition.module != old.module
        ]

    def complete(self, *, running: bool) -> None:
        """Let the old one go, and the new one count."""
        for node, found in self._questions:
            node.question = found
        for effect, sources in self._sources:
            effect.sources = sources
        self.removal.dismiss(running=running)
        self.store.remove(self.old)
        self.new.complete(running=running)
