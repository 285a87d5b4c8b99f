"""The schema of a facts class."""

import attr
import attrs
import pytest
from attrs import define

from directive_trio import fact
from directive_trio._definitions.fact import read_schema


def old_style_class() -> type:
    """A class of the old way, whose fields have no annotation."""

    class Old:
        count = attr.ib(default=0)
        name = attr.ib(default="", type=str)

    return attr.s(Old)


def test_a_field_without_annotation_is_a_fact_that_nothing_checks() -> None:
    """The old style of attrs, and ``type=`` in place of an annotation."""
    schema = read_schema(old_style_class())
    assert not schema.resolve_annotations()
    checks = {name: found.check for name, found in schema.facts.items()}
    assert checks["count"] is None
    assert checks["name"] is not None


def test_a_class_of_no_module_is_resolved_as_far_as_it_goes() -> None:
    """What was made in a console that is gone has its types, if not its names."""
    made = define(type("Made", (), {"__annotations__": {"a": int, "b": "Missing", "c": "int"}, "a": 0, "b": 0, "c": 0}))
    made.__module__ = "no.such.module"
    schema = read_schema(made)
    assert schema.resolve_annotations() == {"b": "NameError: name 'Missing' is not defined"}
    assert [found.check is None for found in schema.facts.values()] == [False, True, False]
    assert not schema.resolve_annotations()


def test_what_fact_adds_is_read() -> None:
    """Tags, label, and what ``eq`` means; a bare field has the defaults."""

    @define
    class Facts:
        plain: int = 0
        tagged: str = fact("", tags=["pii"], label="a name", eq=str.lower)
        beat: bool = fact(False, eq=False)

    schema = read_schema(Facts).facts
    assert (schema["tagged"].tags, schema["tagged"].label, schema["tagged"].secret) == (("pii",), "a name", True)
    assert (schema["plain"].tags, schema["plain"].label, schema["plain"].secret) == ((), "", False)
    assert [found.key for found in schema.values()] == [None, str.lower, None]
    assert [found.always_changes for found in schema.values()] == [False, False, True]


@pytest.mark.parametrize("name", ["plain", "made"])
def test_each_instance_has_a_default_of_its_own(name: str) -> None:
    """A factory makes one for each."""

    @define
    class Facts:
        plain: list[int] = attrs.field(factory=list)
        made: list[int] = fact(factory=list)

    assert getattr(Facts(), name) == []
    assert getattr(Facts(), name) is not getattr(Facts(), name)
