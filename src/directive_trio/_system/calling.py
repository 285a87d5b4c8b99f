"""Finding what ``system.call`` means, and calling it."""

from typing import Any

from directive_trio._definitions.checks import check_instance
from directive_trio._definitions.constraint import Constraint
from directive_trio._definitions.derivation import Derivation
from directive_trio._definitions.effect import Effect
from directive_trio._definitions.names import nearest, split
from directive_trio._definitions.resolver import Resolver
from directive_trio._planning.dismissal import ResolverSwitches
from directive_trio._runtime.calls import call_constraint, call_derivation, call_effect, call_resolver
from directive_trio._runtime.reconcile_loop import ReconcileLoop
from directive_trio._store.store import Store
from directive_trio._system.names import Names
from directive_trio.errors import UnknownNameError, UsageError

KINDS = (Constraint, Resolver, Effect, Derivation)


def call(target: Any, args: tuple[Any, ...], names: Names, loop: ReconcileLoop) -> Any:
    """Call what *target* means.

    Raises:
        UnknownNameError: There is no such constraint, resolver, effect or derivation.
        UsageError: It is none, or has other arguments.
    """
    store, planner = loop.store, loop.planner
    expected = "a constraint, a resolver, an effect, a derivation or a name"
    check_instance("call()", target, (str, *KINDS), expected, UsageError)
    if isinstance(target, Derivation):
        node = names.node(target)
        _check(node.name, args, 0)
        return call_derivation(node.definition, store.lens.beside(node.module))
    name = target.replace(".", "::") if isinstance(target, str) else target.id
    nodes: dict[type, dict[str, Any]] = {
        Constraint: planner.nodes,
        Resolver: ResolverSwitches(planner).nodes,
        Effect: loop.effects.nodes,
    }
    kind = next((kind for kind in nodes if name in nodes[kind] and isinstance(target, (str, kind))), None)
    if kind is None:
        return _call_derivation_named(name, args, store, [known for each in nodes.values() for known in each])
    found = nodes[kind][name]
    if kind is Constraint:
        _check(name, args, 0)
        return call_constraint(found.definition, found.question, store.lens.beside)
    store.check_writable(name, "call")
    _check(name, args, 1 if kind is Resolver else 0)
    if kind is Resolver:
        return call_resolver(found, loop.runs, *args)
    return call_effect(found.definition, store.modules[found.definition.module])


def _call_derivation_named(name: str, args: tuple[Any, ...], store: Store, known: list[str]) -> Any:
    module, key = split(name)
    place = store.modules.get(module)
    definition = None if place is None else place.schema.derivations.get(key)
    if definition is None:
        derived = [f"{home.module}::{key}" for home in store.modules.values() for key in home.schema.derivations]
        raise UnknownNameError("constraint, resolver, effect or derivation", name, nearest(name, [*known, *derived]))
    _check(name, args, 0)
    return call_derivation(definition, store.lens.beside(module))


def _check(name: str, args: tuple[Any, ...], count: int) -> None:
    if len(args) != count:
        what = "one argument, a requirement" if count else "no arguments"
        raise UsageError(f"call() of {name!r} takes {what}, but was given {len(args)}")
