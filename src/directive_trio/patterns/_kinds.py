"""The kinds of mutation a mutator knows: its event class, the wire form, and the checks.

A kind is looked up in a dict of the classes that were given a handler, never by attribute: whatever a message
from outside calls itself, it reaches only what was declared.
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from itertools import count
from types import UnionType
from typing import Any, TypeGuard, Union, get_args, get_origin, get_type_hints

from attrs import Factory, field, frozen, has

from directive_trio import Record
from directive_trio.errors import DefinitionError, UsageError
from directive_trio.patterns._pending import Pending
from directive_trio.patterns._wrapping import LONGEST_SPELLING, check_handler, spelt


class Kinds:
    """The mutation classes of one mutator; *handlers* is the mutator's own dict and grows."""

    def __init__(self, event_name: str, handlers: Mapping[type, object]) -> None:
        self._handlers = handlers
        self._numbers = count(1)
        self.event = self._event_class(event_name)

    def _event_class(self, name: str) -> type[Record]:
        kinds = self

        @frozen
        class Mutate:
            """Asks for a mutation."""

            mutation: Any = field()
            sequence: int = field(default=Factory(kinds.number), kw_only=True)

            @mutation.validator
            def _check(self, _: object, mutation: object) -> None:
                if type(mutation) not in kinds._handlers:
                    raise UsageError(kinds.no_handler(type(mutation).__name__))

            @classmethod
            def from_payload(cls, payload: object, converter: Any) -> "Mutate":
                return cls(kinds.structure(payload, converter.structure))

        Mutate.__name__ = Mutate.__qualname__ = name
        return Mutate

    def number(self) -> int:
        """Return a number greater than all before."""
        return next(self._numbers)

    def structure(self, payload: object, structure: Callable[[Any, type], Any]) -> object:
        """Make a mutation from its wire form ``{"kind": "Submit", "payload": {…}}``, strictly."""
        if not isinstance(payload, Mapping) or not set(payload) <= {"kind", "payload"} or "kind" not in payload:
            raise ValueError('expected {"kind": …, "payload": {…}} and nothing else')
        name = payload["kind"]
        kind = next((kind for kind in self._handlers if kind.__name__ == name), None)
        if kind is None:
            raise ValueError(self.no_handler(name))
        return structure(payload.get("payload", {}), kind)

    def no_handler(self, name: object) -> str:
        """Say that there is no handler for a kind, and which there are."""
        names = [kind.__name__ for kind in self._handlers]
        near = get_close_matches(name, names, 1) if isinstance(name, str) and len(name) <= LONGEST_SPELLING else []
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(names) or 'none'}"
        return f"no handler for mutation {spelt(name)}{hint}"

    def check_new(self, kind: object, handler: object) -> None:
        """Refuse what cannot be a kind of mutation, or handle one."""
        if not _is_record_class(kind):
            raise DefinitionError(f"mutation {spelt(kind)} is no attrs class; declare it with @attrs.frozen")
        if any(known is not kind and known.__name__ == kind.__name__ for known in self._handlers):
            raise DefinitionError(f"two classes of mutations are called {kind.__name__!r}; rename one of them")
        check_handler(handler)

    def check(self, facts_class: type, fact: str) -> None:
        """Compare the handlers with the type of the fact, where it can be resolved.

        Raises:
            DefinitionError: A mutation has no handler, or a handler no mutation.
        """
        declared = _members(facts_class, fact)
        if declared is None:
            return
        for kind in sorted(declared ^ set(self._handlers), key=lambda kind: kind.__name__):
            if kind in declared:
                raise DefinitionError(f"fact {fact!r} may hold {kind.__name__}, which has no handler")
            raise DefinitionError(f"{kind.__name__} has a handler, but fact {fact!r} cannot hold it")


def _members(facts_class: type, fact: str) -> set[type] | None:
    """Return the mutation classes in the annotation ``Pending[A | B] | None``; None where it says none."""
    try:
        annotation = get_type_hints(facts_class)[fact]
    except Exception:  # noqa: BLE001  # names that cannot be resolved: the engine has warned
        return None
    for part in _union(annotation):
        if get_origin(part) is Pending:
            members = _union(get_args(part)[0])
            return set(members) if all(map(_is_record_class, members)) else None
    return None


def _is_record_class(value: object) -> TypeGuard[type]:
    return isinstance(value, type) and (has(value) or hasattr(value, "__dataclass_fields__"))


def _union(annotation: Any) -> tuple[Any, ...]:
    annotation = getattr(annotation, "__value__", annotation)  # ``type Edit = Rename | Search``
    return get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)


def requirement_class(name: str) -> type[Record]:
    """Make the class of requirements that ask for a mutation's turn."""

    @frozen
    class Turn:
        """Asks that the mutation of this number be handled."""

        sequence: int

    Turn.__name__ = Turn.__qualname__ = name
    return Turn
