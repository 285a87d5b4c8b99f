"""The path to the first thing that is wrong."""

from typing import Any

import pytest
from attrs import define, field, frozen

from directive_trio._system.codec import structure_event
from directive_trio.errors import EventPayloadError


def refuse(instance: Any, attribute: Any, value: int) -> None:
    if value < 0:
        raise ValueError("negative")


@frozen
class Inner:
    count: int = field(default=0, validator=refuse)


@define
class Event:
    inner: Inner = Inner()
    table: dict[str, Inner] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        if self.table.keys() == {"forbidden"}:
            error = ValueError("forbidden")
            error.add_note("a note of the user's own")
            raise error


@pytest.mark.parametrize(
    ("payload", "path", "problem"),
    [
        ({"inner": {"count": -1}}, "inner", "negative"),
        ({"table": {"a": {"count": "1"}}}, "table['a'].count", "expected int, got str"),
        ({"table": {"forbidden": {}}}, "", "forbidden"),
        ({"table": {1: {}}}, "table[1]", "expected str, got int"),
    ],
)
def test_it_leads_to_the_field(payload: dict[str, object], path: str, problem: str) -> None:
    """As far as the error can be placed; an error of the event's own making stands for the whole."""
    with pytest.raises(EventPayloadError) as caught:
        structure_event(Event, "m::Event", payload)
    assert (caught.value.field, caught.value.problem) == (path, problem)
