"""Switching definitions off and on."""

from functools import partial
from typing import Any, TypeAlias

from directive_trio._definitions.checks import instance
from directive_trio._definitions.constraint import Constraint
from directive_trio._definitions.effect import Effect
from directive_trio._definitions.names import nearest
from directive_trio._definitions.source import DeclaredSource
from directive_trio._planning.planner import Planner
from directive_trio._runtime.reconcile_loop import ReconcileLoop
from directive_trio.errors import UnknownNameError, UsageError

Switchable: TypeAlias = Constraint[Any, Any] | Effect[Any] | DeclaredSource[Any] | str


def switch(target: Switchable, planner: Planner, loop: ReconcileLoop, *, on: bool) -> None:
    """Switch what *target* names; after the pass, if that is asked for during one.

    Raises:
        UnknownNameError: There is no such constraint, effect or source.
        UsageError: It is neither a handle of one nor a name.
    """
    operation = "enable" if on else "disable"
    rooms: dict[type, Any] = {Constraint: planner, Effect: loop.effects, DeclaredSource: loop.sources}
    instance(f"{operation}()", target, (str, *rooms), "a constraint, an effect, a source or a name", UsageError)
    name = target.replace(".", "::") if isinstance(target, str) else target.id
    loop.store.check_writable(name, operation)
    for kind, room in rooms.items():
        if name in room.nodes and isinstance(target, (str, kind)):
            loop.after_pass(partial(room.switch, room.nodes[name], on))
            loop.wake()
            return
    known = [known for room in rooms.values() for known in room.nodes]
    raise UnknownNameError("constraint, effect or source", name, nearest(name, known))
