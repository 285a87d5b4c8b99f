"""Copies of a module: the same definitions, open for more, and under another name if need be."""

import copy
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve

from directive_trio._definitions.constraint import Constraint

if TYPE_CHECKING:
    from directive_trio._definitions.module import Module

F = TypeVar("F")


def twin(module: "Module[F]") -> "Module[F]":
    """Return a copy that shares all definitions, so handles mean the copy in a system of the copy."""
    made = copy.copy(module)
    made.constraints, made.resolvers, made.effects = {**module.constraints}, {**module.resolvers}, {**module.effects}
    made.sources = {**module.sources}
    made.handlers = {event: [*functions] for event, functions in module.handlers.items()}
    made.inits = [*module.inits]
    made.sealed = False
    return made


def renamed(module: "Module[F]", name: str) -> "Module[F]":
    """Return a copy under another name. A handle that a definition names means what it is in the copy."""
    made = twin(module)
    made.name = name
    made.constraints = {}
    for key, constraint in module.constraints.items():
        after = tuple([_copied(item, module, made) for item in constraint.after])
        made.constraints[key] = evolve(constraint, module=name, after=after)
    made.resolvers = {key: evolve(resolver, module=name) for key, resolver in module.resolvers.items()}
    made.effects = {key: evolve(effect, module=name) for key, effect in module.effects.items()}
    made.sources = {key: evolve(source, module=name) for key, source in module.sources.items()}
    return made


def _copied(item: "Constraint[Any, Any] | str", module: "Module[Any]", made: "Module[Any]") -> Any:
    own = isinstance(item, Constraint) and module.constraints.get(item.name) is item
    return made.constraints[item.name] if own and isinstance(item, Constraint) else item
