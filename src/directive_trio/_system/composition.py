"""Composition: from modules to the parts of one system. Everything that can be wrong is found here, at once."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import define

from directive_trio._definitions.calls import name_of
from directive_trio._definitions.checks import count, duration, flag, instance, refuse, text
from directive_trio._definitions.constraint import Constraint
from directive_trio._definitions.derivation import Derivation
from directive_trio._definitions.module import Module
from directive_trio._definitions.names import nearest, qualify, split
from directive_trio._definitions.policies import ErrorBoundary, Retry
from directive_trio._definitions.printing import spelt
from directive_trio._definitions.resolver import Resolver
from directive_trio._definitions.results import refuse_unrun
from directive_trio._planning.agenda import Agenda
from directive_trio._planning.answer import PLAIN, Question
from directive_trio._planning.constraint_node import ConstraintNode, node_of
from directive_trio._planning.ownership import Owners
from directive_trio._planning.planner import Planner
from directive_trio._planning.rank import rank
from directive_trio._planning.requirement_set import RequirementSet
from directive_trio._runtime.effects import EffectNode, Effects
from directive_trio._runtime.events import Events
from directive_trio._runtime.source_node import SourceNode
from directive_trio._runtime.sources import Sources
from directive_trio._store.store import Store
from directive_trio._system.codec import structure_event
from directive_trio.errors import DefinitionError, DuplicateNameError, UnknownNameError, UsageError

logger = logging.getLogger("directive_trio")


@define
class Names:
    """Finds nodes by the names and handles that user code gives."""

    store: Store

    def node(self, target: object, home: str = "") -> Any:
        """Return the cell or derivation node of a name (``token``, ``auth.token``, ``auth::token``) or handle.

        Raises:
            UnknownNameError: It names nothing, or a handle belongs to no module, or to several.
            UsageError: It is neither a name nor a handle.
        """
        if isinstance(target, Derivation):
            return self._derivation(target, home)
        if not isinstance(target, str):
            refuse("a fact or derivation", "its name or handle", target, UsageError)
        module, name = split(target, home)
        place = self.store.modules.get(module)
        if not module:
            known = [node.name for one in self.store.modules.values() for node in one.nodes]
            meant = next((one for one in known if split(one)[1] == name), None) or nearest(name, known)
            raise UnknownNameError("fact or derivation of the whole name, as in 'module::fact',", target, meant)
        if place is None:
            raise UnknownNameError("module", module, nearest(module, self.store.modules))
        return place.node(name)

    def _derivation(self, handle: Derivation[Any, Any], home: str) -> Any:
        homes = [place for place in self.store.modules.values() if handle in place.schema.derivations.values()]
        homes = [place for place in homes if place.module == home] or homes
        if len(homes) != 1:
            found = ", ".join(place.module for place in homes) or "no module"
            raise UnknownNameError(f"derivation in exactly one module (found in {found}):", handle.name)
        return homes[0].node(handle.name)


def check_modules(modules: Sequence[object]) -> None:
    """Refuse what is no module, and two of one name."""
    seen: set[str] = set()
    for module in modules:
        if not isinstance(module, Module):
            raise DefinitionError(f"a system is made from modules, not from {spelt(module)}")
        if module.name in seen:
            raise DuplicateNameError("module", module.name)
        seen.add(module.name)


def check_options(  # noqa: PLR0917  # in the order of `System`
    initial: object,
    plugins: object,
    errors: object,
    name: object,
    check_types: object,
    debug: object,
    teardown_grace: object,
    convergence_limit: object,
) -> None:
    """Refuse options of a system that cannot be meant."""
    mapping = "a mapping of module names to mappings of fact names to values"
    for given in () if initial is None else (initial, *_values(initial)):
        if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
            refuse("initial=", mapping, initial)
    if isinstance(plugins, str) or not isinstance(plugins, Iterable):
        refuse("plugins=", "several plugins", plugins)
    if errors is not None:
        instance("errors=", errors, ErrorBoundary, "an ErrorBoundary")
    text("name=", name)
    flag("check_types=", check_types)
    flag("debug=", debug)
    duration("teardown_grace=", teardown_grace)
    count("convergence_limit=", convergence_limit)


def _values(initial: object) -> Iterable[object]:
    return initial.values() if isinstance(initial, Mapping) else ()


def place_facts(store: Store, modules: Sequence[Module[Any]]) -> None:
    """Give every module its facts, and say once what cannot be type-checked."""
    for module in modules:
        module.sealed = True
        if store.check_types:
            for name, why in module.schema.resolve_annotations().items():
                logger.warning("fact %s is not type-checked: %s", qualify(module.name, name), why)
        store.place(module.name, module.schema)


def initialise(store: Store, modules: Sequence[Module[Any]], initial: Mapping[str, Mapping[str, object]]) -> None:
    """Run all inits, in module order, then write the initial values: all of it is one change."""
    with store.atomic():
        for module in modules:
            for function in module.inits:
                outcome: object = function(store.modules[module.name].live)
                if outcome is not None:
                    refuse_unrun(f"init {name_of(function)!r} of {module.name!r}", outcome, DefinitionError)
        for module_name, values in initial.items():
            place = store.modules.get(module_name)
            if place is None:
                raise UnknownNameError("module", module_name, nearest(module_name, store.modules))
            for fact_name, value in values.items():
                setattr(place.live, fact_name, value)


def make_events(store: Store, modules: Sequence[Module[Any]]) -> Events:
    """Collect the event handlers, in module order."""
    events = Events(store)
    for module in modules:
        for event, functions in module.handlers.items():
            for function in functions:
                events.add(event, module.name, function, store.modules[module.name].live)
    return events


def make_effects(effects: Effects, names: Names, modules: Sequence[Module[Any]]) -> None:
    """Give every effect its node."""
    for module in modules:
        for effect in module.effects.values():
            sources = tuple(names.node(target, module.name) for target in effect.reads)
            effects.nodes[effect.id] = EffectNode(effects.marked, effect, len(effects.nodes), sources)


def make_sources(sources: Sources, events: Events, modules: Sequence[Module[Any]], grace: float) -> None:
    """Give every source its node, and all of them what they need to publish."""
    sources.events, sources.structure, sources.grace = events, structure_event, grace
    for module in modules:
        for source in module.sources.values():
            sources.nodes[source.id] = SourceNode(source)


def make_planner(store: Store, names: Names, modules: Sequence[Module[Any]], retry_later: Retry, limit: int) -> Planner:
    """Order the constraints, find their predecessors, and make the planner."""
    agenda = Agenda()
    resolvers: dict[str, dict[type, Resolver[Any, Any]]] = {
        module.name: {resolver.requirement: resolver for resolver in module.resolvers.values()} for module in modules
    }
    requirements = RequirementSet(store, store.observers, agenda, resolvers, retry_later, limit)
    constraints = {constraint.id: constraint for module in modules for constraint in module.constraints.values()}
    if any(constraint.owns for constraint in constraints.values()):
        requirements.owners = Owners(store.modules)
    after = {name: predecessors(constraint, constraints) for name, constraint in constraints.items()}
    ranks = rank(list(constraints), {name: found.priority for name, found in constraints.items()}, after)
    nodes = {
        name: node_of(
            agenda.marked,
            constraint,
            question(constraint, names),
            store.tracking.beside(constraint.module),
            ranks[name],
        )
        for name, constraint in constraints.items()
    }
    link(nodes, after)
    return Planner(store, requirements, nodes.values())


def link(nodes: Mapping[str, ConstraintNode], after: Mapping[str, Sequence[str]]) -> None:
    """Let constraints know those they come after, and those that come after them."""
    followers: dict[ConstraintNode, list[ConstraintNode]] = {}
    for name, node in nodes.items():
        node.predecessors = tuple([nodes[predecessor] for predecessor in after[name]])
        for predecessor in node.predecessors:
            followers.setdefault(predecessor, []).append(node)
    for node in nodes.values():
        node.followers = tuple(followers.get(node, ()))


def link_more(
    new: Mapping[str, ConstraintNode], known: Mapping[str, ConstraintNode], after: Mapping[str, Sequence[str]]
) -> None:
    """The same for constraints that come last: of those that are there nobody comes after one of them."""
    for name, node in new.items():
        node.predecessors = tuple([new.get(before) or known[before] for before in after[name]])
        for predecessor in node.predecessors:
            predecessor.followers = (*predecessor.followers, node)


def unlink(gone: Iterable[ConstraintNode]) -> None:
    """Let those that *gone* came after forget them."""
    for node in gone:
        for predecessor in node.predecessors:
            predecessor.followers = tuple([other for other in predecessor.followers if other is not node])


def question(constraint: Constraint[Any, Any], names: Names) -> Question:
    """Find the facts and derivations that the names of a constraint mean."""
    when = tuple((names.node(name, constraint.module), expected) for name, expected in constraint.when.items())
    reads = tuple(names.node(target, constraint.module) for target in constraint.reads)
    return Question(when, reads) if when or reads else PLAIN


def predecessors(
    constraint: Constraint[Any, Any], known: Mapping[str, Constraint[Any, Any]], *, warn: bool = True
) -> list[str]:
    """Return the ids of those that *constraint* comes after, and warn of names that name nothing."""
    found: dict[str, None] = {}
    for item in constraint.after:
        name = item.id if isinstance(item, Constraint) else qualify(*split(item, constraint.module))
        if name in known:
            found[name] = None
        elif warn:
            hint = nearest(name, known)
            logger.warning(
                "constraint %s comes after %s, which does not exist%s: it does not block",
                constraint.id,
                name,
                f" (did you mean {hint}?)" if hint else "",
            )
    return list(found)
