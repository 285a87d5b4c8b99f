"""Type checks at run time, compiled once from the annotation of a fact.

Containers are checked by their outer type only: looking into a list at each write would cost what the list
is long. ``bool`` is no ``int`` here, ``int`` passes for ``float``, as type checkers have it. What cannot be
checked (``Any``, type variables, protocols without run-time support) passes.
"""

import types
from collections.abc import Callable
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin

from attrs import frozen
from typing_extensions import is_typeddict


@frozen
class TypeCheck:
    """What a fact's annotation lets through.

    ``exact`` are the types that pass by a set lookup, the fast path of every write; ``accepts`` decides
    for all others.
    """

    expected: str
    exact: frozenset[type]
    accepts: Callable[[object], bool]


def compile_check(annotation: object) -> TypeCheck | None:
    """Compile *annotation*; None when nothing can be checked."""
    parts = _alternatives(annotation)
    if parts is None:
        return None
    exact, tests = parts
    return TypeCheck(_spelt(annotation), frozenset(exact), lambda value: any(test(value) for test in tests))


_Alternatives = tuple[set[type], list[Callable[[object], bool]]]


def _alternatives(annotation: object) -> _Alternatives | None:
    """Take *annotation* apart: the types that pass exactly, and the tests for the others."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return _union(get_args(annotation))
    if origin is Annotated:
        return _alternatives(get_args(annotation)[0])
    if origin is Literal:
        return _literal(get_args(annotation))
    if isinstance(annotation, NewType):
        return _alternatives(annotation.__supertype__)
    if annotation is None:
        return {type(None)}, []
    plain = origin if origin is not None else annotation
    if hasattr(plain, "__value__"):  # the `type X = ...` statement of Python 3.12
        return _alternatives(plain.__value__)
    return _class(plain)


def _union(members: tuple[object, ...]) -> _Alternatives | None:
    exact: set[type] = set()
    tests: list[Callable[[object], bool]] = []
    for member in members:
        parts = _alternatives(member)
        if parts is None:
            return None
        exact |= parts[0]
        tests += parts[1]
    return exact, tests


def _literal(values: tuple[object, ...]) -> _Alternatives:
    # The type is compared too: True must not pass for Literal[1].
    return set(), [lambda value: any(type(value) is type(one) and value == one for one in values)]


def _class(annotation: object) -> _Alternatives | None:
    if annotation is Any or annotation is object or not isinstance(annotation, type):
        return None
    if is_typeddict(annotation):
        return {dict}, []
    try:
        isinstance(None, annotation)
    except TypeError:  # a protocol that is not @runtime_checkable
        return None
    if annotation is int:
        return {int}, [lambda value: isinstance(value, int) and not isinstance(value, bool)]
    if annotation is float:
        return {float, int}, [lambda value: isinstance(value, int | float) and not isinstance(value, bool)]
    if annotation is complex:
        return {complex, float, int}, [
            lambda value: isinstance(value, int | float | complex) and not isinstance(value, bool)
        ]
    known: type = annotation
    return {known}, [lambda value: isinstance(value, known)]


def _spelt(annotation: object) -> str:
    return annotation.__name__ if isinstance(annotation, type) and not get_args(annotation) else str(annotation)
