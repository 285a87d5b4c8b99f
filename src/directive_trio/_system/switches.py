"""Switching definitions off and on."""

from functools import partial
from typing import Any, TypeAlias

from directive_trio._definitions.checks import check_instance
from directive_trio._definitions.constraint import Constraint
from directive_trio._definitions.derivation import Derivation
from directive_trio._definitions.effect import Effect
from directive_trio._definitions.names import nearest
from directive_trio._definitions.resolver import Resolver
from directive_trio._definitions.source import DeclaredSource
from directive_trio._planning.dismissal import ResolverSwitches
from directive_trio._runtime.reconcile_loop import ReconcileLoop
from directive_trio._store.switches import DerivationSwitches
from directive_trio._system.names import Names
from directive_trio.errors import LifecycleError, UnknownNameError, UsageError

Switchable: TypeAlias = (
    Constraint[Any, Any] | Resolver[Any, Any] | Effect[Any] | DeclaredSource[Any] | Derivation[Any, Any] | str
)


def switch(target: Switchable, names: Names, loop: ReconcileLoop, *, on: bool) -> None:
    """Switch what *target* names; after the pass, if that is asked for during one.

    Raises:
        UnknownNameError: There is no such constraint, resolver, effect, source or derivation.
        UsageError: It is neither a handle of one nor a name.
        LifecycleError: A derivation is to be switched off while a transaction is open.
    """
    operation = "enable" if on else "disable"
    keepers: dict[type, Any] = {
        Constraint: loop.planner,
        Resolver: ResolverSwitches(loop.planner),
        Effect: loop.effects,
        DeclaredSource: loop.sources,
        Derivation: DerivationSwitches(loop.store),
    }
    expected = "a constraint, a resolver, an effect, a source, a derivation or a name"
    check_instance(f"{operation}()", target, (str, *keepers), expected, UsageError)
    name = _name_of(target, names)
    loop.store.check_writable(name, operation)
    for kind, keeper in keepers.items():
        if name in keeper.nodes and isinstance(target, (str, kind)):
            if kind is Derivation and not on and loop.store.transaction is not None:
                reason = "what it would keep may yet be undone"
                raise LifecycleError(f"disable {name!r}", "in a transaction or an event handler", reason)
            loop.after_pass(partial(_switch, keeper, name, on), planned=kind not in (Resolver, Derivation))
            loop.wake()
            return
    known = [known for keeper in keepers.values() for known in keeper.nodes]
    raise UnknownNameError("constraint, resolver, effect, source or derivation", name, nearest(name, known))


def _name_of(target: Switchable, names: Names) -> str:
    if isinstance(target, Derivation):
        return str(names.node(target).name)
    return target.replace(".", "::") if isinstance(target, str) else target.id


def _switch(keeper: Any, name: str, on: bool) -> None:
    if name in keeper.nodes:  # else its module has gone in the same pass
        keeper.switch(keeper.nodes[name], on)
