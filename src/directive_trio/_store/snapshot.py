"""Plain instances of facts classes, taken from a system."""

from typing import Any

from directive_trio._store.lenses import Place


def instance_of(place: Place) -> Any:
    """Make a plain instance with the present values of a module's facts. They are known to fit."""
    instance = place.schema.facts_class()
    for node in place.nodes[: len(place.schema.facts)]:
        object.__setattr__(instance, node.schema.name, node.value)
    return instance
