"""Facts: the fields of an attrs class, read once into a schema.

``fact(...)`` is a plain field with metadata for the engine; a bare annotated field with a default is one too.
The schema is what the other floors know of a facts class: the fields in their order, what each accepts, and
the derivations declared beside them.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from types import MemberDescriptorType
from typing import Any, TypeVar, get_origin, get_type_hints, overload

import attrs
from attrs import define, frozen

from directive_trio._definitions.annotation import TypeCheck, compile_check
from directive_trio._definitions.checks import check_sync_function, check_text
from directive_trio._definitions.derivation import Derivation
from directive_trio._definitions.names import check_name, nearest, several_strings
from directive_trio._definitions.printing import spelt
from directive_trio._definitions.secrecy import HIDDEN, is_secret
from directive_trio.errors import SchemaError, UnknownNameError

T = TypeVar("T")
Validator = Callable[[Any, Any, T], object]

_METADATA = "directive_trio"
SCALARS = frozenset({int, str, bool, bytes, type(None)})
"""Types whose ``==`` can be trusted, so that a write of one may take the short way. Not float: NaN."""


@overload
def fact(
    default: T,
    *,
    eq: bool | Callable[[T], object] = ...,
    validator: Validator[T] | Sequence[Validator[T]] | None = ...,
    converter: Callable[[T], T] | None = ...,
    tags: Iterable[str] = ...,
    label: str = ...,
) -> T: ...
@overload
def fact(
    *,
    factory: Callable[[], T],
    eq: bool | Callable[[T], object] = ...,
    validator: Validator[T] | Sequence[Validator[T]] | None = ...,
    converter: Callable[[T], T] | None = ...,
    tags: Iterable[str] = ...,
    label: str = ...,
) -> T: ...
def fact(
    default: Any = attrs.NOTHING,
    *,
    factory: Callable[[], Any] | None = None,
    eq: bool | Callable[[Any], object] = True,
    validator: Any = None,
    converter: Any = None,
    tags: Iterable[str] = (),
    label: str = "",
) -> Any:
    """Declare a field of a facts class, with what the engine should know about it.

    Args:
        default: The value a new system starts with; or *factory*, which makes one for each system.
        factory: Makes the value a new system starts with.
        eq: When a write is no change. True: identity or ``==``. False: every write is a change. A key
            function: compare what it returns.
        validator: ``(view, field, value)``, or several of them. ValueError, TypeError and AssertionError refuse
            the value; any other exception is a bug of the validator and reaches the writer as it is.
        converter: Applied to each written value, before anything else. It refuses as a validator does.
        tags: Words to find the fact by. ``pii`` and ``secret`` keep its value out of everything that is shown:
            errors, ``repr``, observations, `System.inspect` and `System.explain` have *hidden* in its place.
            What the program makes of it (a requirement, an event, the text of its own errors) is its own to hide;
            a derivation of it has the tag too.
        label: A sentence for people, shown by ``explain``.

    Raises:
        SchemaError: Neither or both of default and factory.
        DefinitionError: An option cannot be.

    Example:
        >>> from attrs import define
        >>> @define
        ... class Basket:
        ...     lines: list[str] = fact(factory=list, label="what is in it")
        >>> Basket().lines
        []
    """
    if (default is attrs.NOTHING) == (factory is None):
        raise SchemaError("fact() takes a default or a factory, one of the two")
    if factory is not None:
        check_sync_function("fact(factory=)", factory)
    if not isinstance(eq, bool):
        check_sync_function("fact(eq=)", eq, expected="True, False or a sync function")
    for check in _validators(validator):
        check_sync_function("fact(validator=)", check)
    if converter is not None:
        check_sync_function("fact(converter=)", getattr(converter, "converter", converter))
    check_text("fact(label=)", label)
    options = FactOptions(several_strings("tags", tags), label)
    shown: Any = _hidden if is_secret(options.tags) else True
    if factory is not None:
        default = attrs.Factory(factory)
    return attrs.field(
        default=default, eq=eq, validator=validator, converter=converter, repr=shown, metadata={_METADATA: options}
    )


def _validators(validator: object) -> Sequence[object]:
    if validator is None:
        return ()
    return validator if isinstance(validator, list | tuple) else (validator,)


def _hidden(_: object) -> str:
    return repr(HIDDEN)


@frozen
class FactOptions:
    """What ``fact()`` adds to an attrs field."""

    tags: tuple[str, ...] = ()
    label: str = ""


@define(eq=False)
class FactSchema:
    """One fact: its name and what a write to it must pass.

    ``check`` is None until annotations are resolved, when the system is made, and where nothing can be
    checked. ``key`` is the equality key function; ``always_changes`` is ``eq=False``. Values of the ``plain``
    types need no more than a comparison: there are none where somebody else has a say. Values of a ``secret``
    fact are not shown.
    """

    name: str
    attribute: "attrs.Attribute[Any]"
    converter: Callable[[Any], Any] | None
    validator: Callable[[Any, Any, Any], object] | None
    always_changes: bool
    key: Callable[[Any], object] | None
    tags: tuple[str, ...]
    label: str
    check: TypeCheck | None = None
    plain: frozenset[type] = frozenset()
    secret: bool = attrs.field(init=False, default=attrs.Factory(lambda self: is_secret(self.tags), takes_self=True))

    def checked_by(self, check: TypeCheck | None) -> None:
        """The annotation is resolved."""
        self.check = check
        if check is not None and not (self.converter or self.validator or self.always_changes or self.key):
            self.plain = check.exact & SCALARS


@define(eq=False)
class FactsSchema:
    """What is known of one facts class: its facts and derivations, in the order of declaration."""

    facts_class: type
    facts: dict[str, FactSchema]
    derivations: dict[str, Derivation[Any, Any]]
    _resolved: bool = False

    def resolve_annotations(self) -> dict[str, str]:
        """Compile the type checks; the first call does, and returns which facts stay unchecked and why."""
        if self._resolved:
            return {}
        self._resolved = True
        try:
            known = get_type_hints(self.facts_class, include_extras=True)
        except Exception:  # noqa: BLE001  # an annotation is any expression; one that fails must not hide the others
            known = {}
        unresolved: dict[str, str] = {}
        for name, schema in self.facts.items():
            try:
                annotation = known[name] if name in known else _resolve(self.facts_class, schema.attribute)
            except Exception as error:  # noqa: BLE001  # the same, one by one
                unresolved[name] = f"{type(error).__name__}: {error}"
            else:
                schema.checked_by(compile_check(annotation))
        return unresolved

    def facts_named(self, option: str, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return *names*; refuse one that is no fact.

        Raises:
            UnknownNameError: Names the nearest.
        """
        for name in names:
            if name not in self.facts:
                kind = f"fact of {self.facts_class.__name__} for {option}"
                raise UnknownNameError(kind, name, nearest(name, self.facts))
        return names


def read_schema(facts_class: type) -> FactsSchema:
    """Read a facts class.

    Raises:
        SchemaError: No attrs class, a fact without default, a refused name, a converter that asks for more
            than the value.
    """
    facts_class = get_origin(facts_class) or facts_class  # Facts[int] is read as Facts
    if not (isinstance(facts_class, type) and attrs.has(facts_class)):
        raise SchemaError(f"facts are an attrs class; decorate {spelt(facts_class)} with @attrs.define")
    facts = {field.name: _read_field(facts_class, field) for field in attrs.fields(facts_class)}
    derivations = _read_derivations(facts_class)
    for name in facts:
        if name in derivations:
            raise SchemaError(f"{name!r} of {facts_class.__name__} is a fact and a derivation; rename one of them")
    for base in facts_class.__mro__:
        for name, value in vars(base).items():
            # attrs makes a slot of a cached property in a slotted class.
            if isinstance(value, cached_property | MemberDescriptorType) and name not in facts:
                raise SchemaError(f"{name!r} of {facts_class.__name__} would keep its value for ever; use @derivation")
    return FactsSchema(facts_class, facts, derivations)


def _read_derivations(facts_class: type) -> dict[str, Derivation[Any, Any]]:
    """Collect the derivations, inherited ones first; one that is overridden by something else is gone."""
    found: dict[str, Derivation[Any, Any]] = {}
    for base in reversed(facts_class.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Derivation):
                found[check_name("derivation", name)] = value
            else:
                found.pop(name, None)
    return found


def _read_field(facts_class: type, field: "attrs.Attribute[Any]") -> FactSchema:
    check_name("fact", field.name)
    if field.default is attrs.NOTHING:
        raise SchemaError(f"fact {field.name!r} of {facts_class.__name__} has no default; every fact starts with one")
    converter: Any = field.converter
    # attrs.Converter is newer than the oldest attrs we work with: it is known by what it has.
    if getattr(converter, "takes_self", False) or getattr(converter, "takes_field", False):
        raise SchemaError(f"the converter of fact {field.name!r} must take the value alone")
    converter = getattr(converter, "converter", converter)
    options: FactOptions = field.metadata.get(_METADATA, FactOptions())
    return FactSchema(
        field.name,
        field,
        converter,
        field.validator,
        not field.eq,
        field.eq_key,  # type: ignore[attr-defined]  # public, missing in the stubs
        options.tags,
        options.label,
    )


def _resolve(facts_class: type, field: "attrs.Attribute[Any]") -> object:
    """Resolve the annotation of one field, where it was written: a subclass may stand in another file."""
    if field.type is None:
        return Any
    owner = next(base for base in facts_class.__mro__ if field.name in _own_fields(base))
    holder = type(owner.__name__, (), {"__annotations__": {field.name: field.type}})
    names = getattr(sys.modules.get(owner.__module__), "__dict__", {})
    return get_type_hints(holder, names, dict(vars(owner)), include_extras=True)[field.name]


def _own_fields(base: type) -> set[str]:
    fields = attrs.fields(base) if attrs.has(base) else ()
    return {field.name for field in fields if not field.inherited}
