"""F1: the annotation of a fact says what may be written; containers are checked by their outer type only."""

import collections
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    Optional,
    Protocol,
    TypeVar,
    Union,
    runtime_checkable,
)

import attrs
import pytest
from typing_extensions import TypeAliasType, TypedDict

from directive_trio import Module, System
from directive_trio.errors import FactValueError

T = TypeVar("T")


class Color(Enum):
    RED = 1


class Point(NamedTuple):
    x: int


class Movie(TypedDict):
    title: str


class Box(Generic[T]): ...


class Quacks(Protocol):
    def quack(self) -> str: ...


@runtime_checkable
class Closes(Protocol):
    def close(self) -> None: ...


class Door:
    def close(self) -> None: ...


class Number(int): ...


UserId = NewType("UserId", int)
Text = TypeAliasType("Text", str | bytes)
Nothing = TypeAliasType("Nothing", None)
Many = TypeAliasType("Many", list[T], type_params=(T,))


def view_of(annotation: object) -> Any:
    facts = attrs.define(type("Facts", (), {"__annotations__": {"value": annotation}, "value": None}))
    return System(Module("m", facts))["m"]


ACCEPTED: list[tuple[object, object]] = [
    (int, 1),
    (int, Number(1)),
    (float, 1.5),
    (float, 1),
    (complex, 1),
    (complex, 1.5),
    (complex, 1j),
    (bool, True),
    (object, "anything"),
    (Any, "anything"),
    (None, None),
    (int | None, None),
    (Optional[int], 1),  # noqa: UP045  # the old spelling
    (Union[int, str], "a"),  # noqa: UP007
    (int | Any, "anything"),
    (Literal["a", 1], 1),
    (Optional[Literal["a"]], None),  # noqa: UP045
    (Annotated[int, "a note"], 1),
    (UserId, 1),
    (Text, b""),
    (Nothing, None),
    (Many[int], [1]),
    (list[int], ["looked at from outside only"]),
    (dict[str, int], {1: 1}),
    (dict[str, int], collections.OrderedDict()),
    (tuple[int, ...], ("a",)),
    (Sequence[int], (1,)),
    (Iterable[int], {1}),
    (Callable[[int], int], len),
    (type[int], str),
    (Color, Color.RED),
    (Point, Point(1)),
    (Movie, {"title": 1}),
    (Box[int], Box()),
    (Quacks, "cannot be checked"),
    (Closes, Door()),
    (T, "cannot be checked"),
    ("int", 1),
]
REFUSED: list[tuple[object, object, str]] = [
    (int, True, "int"),
    (int, 1.0, "int"),
    (int, "1", "int"),
    (int, None, "int"),
    (float, True, "float"),
    (float, "1", "float"),
    (complex, True, "complex"),
    (bool, 1, "bool"),
    (None, 0, "NoneType"),
    (int | None, "a", "int | None"),
    (Optional[int], True, "Optional[int]"),  # noqa: UP045
    (Union[int, str], 1.5, "Union[int, str]"),  # noqa: UP007
    (Literal["a", 1], True, "Literal['a', 1]"),
    (Literal["a", 1], "b", "Literal['a', 1]"),
    (Annotated[int, "a note"], "a", "Annotated[int, 'a note']"),
    (UserId, "a", "UserId"),
    (Text, 1, "Text"),
    (list[int], (1,), "list[int]"),
    (dict[str, int], [], "dict[str, int]"),
    (Sequence[int], {1}, "Sequence[int]"),
    (Callable[[int], int], 1, "Callable[[int], int]"),
    (type[int], 1, "type[int]"),
    (Color, 1, "Color"),
    (Point, (1,), "Point"),
    (Movie, [], "Movie"),
    (Box[int], 1, "Box[int]"),
    (Closes, 1, "Closes"),
    ("int", "1", "int"),
]


@pytest.mark.parametrize(("annotation", "value"), ACCEPTED)
def test_what_fits_is_written(annotation: object, value: object) -> None:
    """F1: as type checkers have it, and whatever cannot be checked."""
    view = view_of(annotation)
    view.value = value
    assert view.value is value


@pytest.mark.parametrize(("annotation", "value", "expected"), REFUSED)
def test_what_does_not_fit_is_refused(annotation: object, value: object, expected: str) -> None:
    """F1: bool is no int; the error spells the annotation."""
    view = view_of(annotation)
    with pytest.raises(FactValueError) as caught:
        view.value = value
    assert caught.value.expected.endswith(expected)
    assert view.value is None
