"""Plain instances of facts classes, taken from a system."""

from collections.abc import Mapping
from typing import Any

from directive_trio._store.lenses import Place


def plain_instance(facts_class: Any, values: Mapping[str, object]) -> Any:
    """Make a plain instance with *values*, which are known to fit: nothing is converted or checked again."""
    instance = facts_class()
    for name, value in values.items():
        object.__setattr__(instance, name, value)
    return instance


def instance_of(place: Place) -> Any:
    """Make a plain instance with the present values of a module's facts."""
    cells = place.nodes[: len(place.schema.facts)]
    return plain_instance(place.schema.facts_class, {cell.schema.name: cell.value for cell in cells})
