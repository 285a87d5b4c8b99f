"""F7: mappings are structured against the event class: nothing coerced, nothing unknown, the field named."""

from collections.abc import Sequence
from enum import Enum, IntEnum
from typing import Any, Literal, NewType

import attrs
import pytest
from attrs import define, frozen

from directive_trio import Module, System
from directive_trio.errors import EventPayloadError, UnknownNameError


class Color(Enum):
    RED = "red"


class Rank(IntEnum):
    LOW = 1


UserId = NewType("UserId", int)


@frozen
class Address:
    street: str
    number: int = 0


@frozen
class Sent:
    count: int = 0
    share: float = 0.0
    text: str = ""
    flag: bool = False
    raw: bytes = b""
    color: Color = Color.RED
    rank: Rank = Rank.LOW
    user: UserId = UserId(0)
    mode: Literal["a", "b"] = "a"
    maybe: int | None = None
    either: int | str = 0
    names: list[str] = attrs.field(factory=list)
    pair: tuple[int, str] = (0, "")
    many: Sequence[str] = ()
    words: frozenset[str] = frozenset()
    table: dict[str, list[int]] = attrs.field(factory=dict)
    address: Address | None = None
    addresses: tuple[Address, ...] = ()
    anything: Any = None


@frozen
class Needed:
    token: str


@define
class Facts:
    last: Any = None
    count: int = 0


def system_of(event: type[Any] = Sent) -> System:
    module = Module("m", Facts)

    @module.on(event)
    def take(facts: Facts, event: Any) -> None:
        facts.last = event

    return System(module)


ACCEPTED: list[tuple[str, object, object]] = [
    ("count", 2, 2),
    ("share", 2, 2),
    ("share", 0.5, 0.5),
    ("text", "a", "a"),
    ("flag", True, True),
    ("raw", b"a", b"a"),
    ("color", "red", Color.RED),
    ("rank", 1, Rank.LOW),
    ("user", 7, 7),
    ("mode", "b", "b"),
    ("maybe", None, None),
    ("maybe", 2, 2),
    ("either", "two", "two"),
    ("either", 2, 2),
    ("names", ["ann"], ["ann"]),
    ("names", ("ann",), ["ann"]),
    ("pair", [1, "a"], (1, "a")),
    ("words", ["a"], frozenset({"a"})),
    ("table", {"a": [1]}, {"a": [1]}),
    ("address", {"street": "Elm"}, Address("Elm")),
    ("address", None, None),
    ("addresses", [{"street": "Elm", "number": 3}], (Address("Elm", 3),)),
    ("anything", {"x": [1]}, {"x": [1]}),
]
REFUSED: list[tuple[str, object, str, str]] = [
    ("count", "2", "count", "expected int, got str"),
    ("count", True, "count", "expected int, got bool"),
    ("count", 2.0, "count", "expected int, got float"),
    ("count", None, "count", "expected int, got NoneType"),
    ("share", "2", "share", "expected float, got str"),
    ("share", True, "share", "expected float, got bool"),
    ("text", 2, "text", "expected str, got int"),
    ("flag", 1, "flag", "expected bool, got int"),
    ("raw", "a", "raw", "expected bytes, got str"),
    ("color", "green", "color", "'green' is not a valid Color"),
    ("rank", 9, "rank", "9 is not a valid Rank"),
    ("rank", "1", "rank", "expected int, got str"),
    ("user", "7", "user", "expected int, got str"),
    ("mode", "c", "mode", "c not in literal"),
    ("maybe", "2", "maybe", "expected int, got str"),
    ("either", 2.5, "either", "not part of"),
    ("names", "ann", "names", "expected a list, got str"),
    ("names", b"ann", "names", "expected a list, got bytes"),
    ("names", ["ann", 2], "names[1]", "expected str, got int"),
    ("many", "ann", "many", "expected a list, got str"),
    ("words", "ann", "words", "expected a list, got str"),
    ("pair", "1a", "pair", "expected a list, got str"),
    ("table", {"a": ["1"]}, "table['a'][0]", "expected int, got str"),
    ("address", {"street": 1}, "address.street", "expected str, got int"),
    ("address", {}, "address.street", "missing"),
    ("address", {"street": "Elm", "zip": 1}, "address.zip", "unknown; Address has no such field"),
    ("addresses", [{"street": "Elm"}, {"street": 2}], "addresses[1].street", "expected str, got int"),
    ("bogus", 1, "bogus", "unknown; Sent has no such field"),
]


@pytest.mark.parametrize(("field", "value", "expected"), ACCEPTED)
def test_what_fits_becomes_an_event(field: str, value: object, expected: object) -> None:
    """F7: nested classes, enums, unions and containers included."""
    system = system_of()
    system.dispatch("m::Sent", {field: value})
    assert getattr(system["m"].last, field) == expected
    assert type(getattr(system["m"].last, field)) is type(expected)


@pytest.mark.parametrize(("field", "value", "path", "problem"), REFUSED)
def test_what_does_not_fit_names_the_field(field: str, value: object, path: str, problem: str) -> None:
    """F7: the path to it, what is wrong, and nothing was written."""
    system = system_of()
    with pytest.raises(EventPayloadError) as caught:
        system.dispatch("m::Sent", {field: value})
    assert caught.value.event == "m::Sent"
    assert caught.value.field == path
    assert problem in caught.value.problem
    assert str(caught.value).startswith(f"payload of 'm::Sent', field {path!r}: ")
    assert system["m"].last is None


def test_a_missing_field_is_named() -> None:
    """F7: with and without a payload."""
    system = system_of(Needed)
    nothing: tuple[dict[str, object] | None, ...] = ({}, None)
    for payload in nothing:
        with pytest.raises(EventPayloadError, match="field 'token': missing"):
            system.dispatch("Needed", payload)


@pytest.mark.parametrize("payload", [[("count", 1)], "count", 1])
def test_a_payload_is_a_mapping(payload: Any) -> None:
    """F7: nothing else is taken apart."""
    with pytest.raises(EventPayloadError, match="expected a mapping"):
        system_of().dispatch("Sent", payload)


def test_nothing_runs_before_the_payload_is_right() -> None:
    """F7: no handler sees it."""
    module, seen = Module("m", Facts), list[object]()

    @module.on(Needed)
    def take(facts: Facts, event: Needed) -> None:
        seen.append(event)
        facts.count += 1

    system = System(module)
    with pytest.raises(EventPayloadError):
        system.dispatch("Needed", {"token": 1})
    assert not seen
    system.dispatch("Needed", {"token": "x"})
    assert seen == [Needed("x")]


@pytest.mark.parametrize("name", ["m::Needed", "m.Needed", "Needed"])
def test_the_wire_name_is_the_class_name(name: str) -> None:
    """Section 3.1: with the module in either spelling, or bare where one class has it."""
    system = system_of(Needed)
    system.dispatch(name, {"token": "x"})
    assert system["m"].last == Needed("x")


def test_a_bare_name_of_two_classes_is_refused_and_a_qualified_one_is_not() -> None:
    """Section 3.1: it would be a guess; one class that two modules handle is no guess."""
    one, two, three = Module("one", Facts), Module("two", Facts), Module("three", Facts)
    other = frozen(type("Needed", (), {"__annotations__": {"number": int}}))
    for module, kind in ((one, Needed), (two, other), (three, Needed)):
        module.on(kind)(lambda facts, event: setattr(facts, "last", event))
    system = System(one, two, three)
    with pytest.raises(UnknownNameError, match="several classes have this name"):
        system.dispatch("Needed", {"token": "x"})
    system.dispatch("two::Needed", {"number": 2})
    assert (system["one"].last, system["two"].last) == (None, other(2))
    system.dispatch("three::Needed", {"token": "x"})
    assert system["one"].last == system["three"].last == Needed("x")
    assert System(Module("n", Facts)).inspect().passes == 0


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("Neded", "Needed"), ("m::Neded", "m::Needed"), ("m.Neded", "m::Needed"), ("n::Needed", "m::Needed")],
)
def test_an_unknown_name_names_the_nearest(name: str, nearest: str) -> None:
    """F6: in the way it was asked for."""
    with pytest.raises(UnknownNameError, match=f"there is no event '{name}'; did you mean '{nearest}'"):
        system_of(Needed).dispatch(name, {"token": "x"})


def test_what_is_no_payload_at_all_has_no_field() -> None:
    """The sentence names the event alone."""
    system = system_of(Needed)
    with pytest.raises(EventPayloadError) as caught:
        system.dispatch("m::Needed", 3)  # type: ignore[call-overload]  # what it is about
    assert str(caught.value) == "payload of 'm::Needed': expected a mapping, got int; nothing was written"
    assert caught.value.field == ""
