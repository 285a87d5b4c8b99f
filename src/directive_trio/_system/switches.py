"""Switching definitions off and on."""

from functools import partial
from typing import Any, TypeAlias

from directive_trio._definitions.checks import instance
from directive_trio._definitions.constraint import Constraint
from directive_trio._definitions.derivation import Derivation
from directive_trio._definitions.effect import Effect
from directive_trio._definitions.names import nearest
from directive_trio._definitions.resolver import Resolver
from directive_trio._definitions.source import DeclaredSource
from directive_trio._planning.dismissal import ResolverSwitches
from directive_trio._planning.planner import Planner
from directive_trio._runtime.reconcile_loop import ReconcileLoop
from directive_trio.errors import UnknownNameError, UsageError

Switchable: TypeAlias = Constraint[Any, Any] | Resolver[Any, Any] | Effect[Any] | DeclaredSource[Any] | str


def switch(target: Switchable, planner: Planner, loop: ReconcileLoop, *, on: bool) -> None:
    """Switch what *target* names; after the pass, if that is asked for during one.

    Raises:
        UnknownNameError: There is no such constraint, resolver, effect or source.
        UsageError: It is neither a handle of one nor a name.
    """
    operation = "enable" if on else "disable"
    rooms: dict[type, Any] = {
        Constraint: planner,
        Resolver: ResolverSwitches(planner),
        Effect: loop.effects,
        DeclaredSource: loop.sources,
    }
    expected = "a constraint, a resolver, an effect, a source or a name"
    given: object = target
    advice = "a derivation that nobody reads does nothing" if isinstance(given, Derivation) else ""
    instance(f"{operation}()", target, (str, *rooms), expected, UsageError, advice=advice)
    name = target.replace(".", "::") if isinstance(target, str) else target.id
    loop.store.check_writable(name, operation)
    for kind, room in rooms.items():
        if name in room.nodes and isinstance(target, (str, kind)):
            loop.after_pass(partial(_switch, room, name, on), planned=kind is not Resolver)
            loop.wake()
            return
    known = [known for room in rooms.values() for known in room.nodes]
    raise UnknownNameError("constraint, resolver, effect or source", name, nearest(name, known))


def _switch(room: Any, name: str, on: bool) -> None:
    if name in room.nodes:  # else its module has gone in the same pass
        room.switch(room.nodes[name], on)
