"""Composition: from modules to the parts of one system. Everything that can be wrong is found here, at once."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from directive_trio._definitions.callables import name_of
from directive_trio._definitions.checks import (
    check_count,
    check_duration,
    check_flag,
    check_instance,
    check_text,
    refuse,
)
from directive_trio._definitions.module import Module
from directive_trio._definitions.names import nearest, qualify
from directive_trio._definitions.policies import ErrorBoundary, Retry
from directive_trio._definitions.printing import spelt
from directive_trio._definitions.resolver import Resolver
from directive_trio._definitions.results import refuse_unrun
from directive_trio._planning.agenda import Agenda
from directive_trio._planning.constraint_node import node_of
from directive_trio._planning.ownership import Owners
from directive_trio._planning.planner import Planner
from directive_trio._planning.requirement_set import RequirementSet
from directive_trio._runtime.effects import EffectNode, Effects
from directive_trio._runtime.events import Events
from directive_trio._runtime.source_node import SourceNode
from directive_trio._runtime.sources import Sources
from directive_trio._store.store import Store
from directive_trio._system.codec import structure_event
from directive_trio._system.names import Names
from directive_trio._system.order import link, predecessors, ranked
from directive_trio.errors import DefinitionError, DuplicateNameError, UnknownNameError

logger = logging.getLogger("directive_trio")


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
        check_instance("errors=", errors, ErrorBoundary, "an ErrorBoundary")
    check_text("name=", name)
    check_flag("check_types=", check_types)
    check_flag("debug=", debug)
    check_duration("teardown_grace=", teardown_grace)
    check_count("convergence_limit=", convergence_limit)


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
        add_handlers(events, store, module)
    return events


def add_handlers(events: Events, store: Store, module: Module[Any]) -> None:
    """Add the event handlers of one module, each with its live view."""
    for event, functions in module.handlers.items():
        for function in functions:
            events.add(event, module.name, function, store.modules[module.name].live)


def make_effects(effects: Effects, names: Names, modules: Sequence[Module[Any]]) -> None:
    """Give every effect its node."""
    for module in modules:
        for effect in module.effects.values():
            node = EffectNode(effects.marked, effect, len(effects.nodes), names.reads_of(effect))
            effects.nodes[effect.id] = node


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
    ranks = ranked(constraints, after)
    nodes = {
        name: node_of(agenda.marked, found, names.question(found), store.tracking.beside(found.module), ranks[name])
        for name, found in constraints.items()
    }
    link(nodes, after)
    return Planner(store, requirements, nodes.values())
