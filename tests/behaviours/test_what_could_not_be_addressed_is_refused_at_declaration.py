"""F1: names that could not be addressed later, facts without default, and what only looks like a facts class."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, TypeVar

import pytest
from attrs import define, field, frozen

from directive_trio import Module, System, derivation, fact
from directive_trio.errors import DefinitionError, DuplicateNameError, SchemaError, UnhashableRequirementError

T = TypeVar("T")


@define
class Facts:
    count: int = 0


@frozen
class Job:
    name: str = ""


@define
class Unhashable:
    name: str = ""


@pytest.mark.parametrize("name", ["", "_hidden", "a.b", "a::b"])
@pytest.mark.parametrize("kind", ["module", "derivation", "constraint", "resolver", "effect"])
def test_a_name_with_a_separator_or_a_leading_underscore_is_refused(kind: str, name: str) -> None:
    """F1: everything that has a qualified name."""

    def declare() -> object:
        module = Module("m", Facts)
        match kind:
            case "module":
                return Module(name, Facts)
            case "derivation":
                return Module("m", define(type("Named", (), {name: derivation(lambda self: 0)})))
            case "resolver":
                return module.resolver(Job, name=name or "_")(lambda requirement, ctx: None)
            case _:
                return getattr(module, kind)(name=name or "_")(lambda facts: None)

    with pytest.raises(SchemaError, match="is refused: a name"):
        declare()


def test_a_fact_without_default_is_refused() -> None:
    """F1: every fact starts with one."""

    @define
    class Bare:
        count: int

    with pytest.raises(SchemaError, match=r"fact 'count' of Bare has no default"):
        Module("m", Bare)


def test_a_default_and_a_factory_are_one_too_many_or_too_few() -> None:
    """`fact` takes one of the two."""
    untyped: Any = fact
    for arguments in ({}, {"default": 1, "factory": int}):
        with pytest.raises(SchemaError, match="one of the two"):
            untyped(**arguments)


@pytest.mark.parametrize("facts", [int, Facts(), "Facts", None, type("Plain", (), {"count": 0})])
def test_facts_are_an_attrs_class(facts: Any) -> None:
    """Neither an instance nor any other class will do."""
    with pytest.raises(SchemaError, match=r"@attrs\.define"):
        Module("m", facts)


def test_a_generic_facts_class_may_be_given_with_its_argument() -> None:
    """``Facts[int]`` is read as ``Facts``."""

    @define
    class Holding(Generic[T]):
        held: T | None = None

    module = Module("m", Holding[int])
    system = System(module)
    system[module].held = 1
    assert system[module] == Holding(1)


def test_an_inherited_fact_cannot_become_a_derivation() -> None:
    """One name is one thing; the other way round a field overrides the derivation, as attributes do."""

    @define(slots=False)
    class WithFact:
        total: int = 0

    @define
    class WithDerivation:
        @derivation
        def total(self) -> int:
            return 1

    mixed = define(type("Mixed", (WithFact,), {"total": derivation(lambda self: 1)}), slots=False)
    with pytest.raises(SchemaError, match="'total' of Mixed is a fact and a derivation"):
        Module("m", mixed)
    plain = define(type("Plain", (WithDerivation,), {"__annotations__": {"total": int}, "total": 0}))
    system = System(Module("m", plain))
    system["m"].total = 2
    assert system["m"] == plain(2)


@pytest.mark.parametrize(
    "declare",
    [
        lambda module: module.constraint(after="other"),
        lambda module: module.constraint(reads="count"),
        lambda module: module.constraint(tags="big"),
        lambda module: module.effect(reads="count"),
        lambda module: Module("n", Facts, tags="big"),
        lambda module: fact(1, tags="big"),
        lambda module: derivation(tags="big")(lambda self: 1),
    ],
)
def test_a_bare_string_where_several_names_are_expected_is_refused(declare: Callable[[Any], object]) -> None:
    """Section 3.1: it would be taken apart letter by letter; the error shows the list to write."""
    with pytest.raises(DefinitionError, match=r"is one string; write \w+=\['(other|count|big)'\]"):
        declare(Module("m", Facts))


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda module: module.constraint(after=5), "after= expects several names, got 5"),
        (lambda module: module.constraint(after=[5]), "after= expects constraints or their names, got 5"),
        (lambda module: module.constraint(tags=[5]), "tags= expects strings, got 5"),
        (lambda module: module.constraint(timeout=0), "timeout= expects a duration in seconds, greater than 0, got 0"),
        (
            lambda module: module.resolver(Job, timeout=-1),
            "timeout= expects a duration in seconds, greater than 0, got -1",
        ),
        (lambda module: module.resolver(Job, limit=0), "limit= expects a whole number, at least 1, got 0"),
        (lambda module: module.resolver(Job, timeout=1)(lambda requirement, ctx: None), "cannot have a timeout"),
        (lambda module: module.resolver(int), "requirement expects an attrs class, got <class 'int'>"),
        (lambda module: module.resolver(Job()), "requirement expects an attrs class, got Job"),
        (lambda module: module.on(int), "event expects an attrs class, got <class 'int'>"),
    ],
)
def test_an_option_that_cannot_be_is_refused(declare: Callable[[Any], object], message: str) -> None:
    """The error shows the option as it was written."""
    with pytest.raises(DefinitionError, match=message):
        declare(Module("m", Facts))


def test_two_of_one_name_are_refused() -> None:
    """Constraints, resolvers, effects, events and modules: the error names the qualified name."""
    module: Any = Module("m", Facts)
    module.constraint(name="one")(lambda facts: None)
    module.resolver(Job, name="one")(lambda requirement, ctx: None)
    module.effect(name="one")(lambda facts: None)
    module.on(Job)(lambda facts, event: None)
    for declare in (
        lambda: module.constraint(name="one")(lambda facts: None),
        lambda: module.resolver(frozen(type("Other", (), {})), name="one")(lambda requirement, ctx: None),
        lambda: module.resolver(Job, name="two")(lambda requirement, ctx: None),
        lambda: module.effect(name="one")(lambda facts: None),
        lambda: module.on(frozen(type("Job", (), {}))),
        lambda: System(Module("m", Facts), Module("m", Facts)),
    ):
        with pytest.raises(DuplicateNameError, match=r"'m(::(one|Job))?' is defined twice"):
            declare()


def test_an_unhashable_requirement_needs_a_key() -> None:
    """Section 3, R4: without one it has no identity, and its resolver is refused at once."""
    module = Module("m", Facts)
    with pytest.raises(UnhashableRequirementError, match="Unhashable cannot be hashed"):
        module.resolver(Unhashable)
    module.resolver(Unhashable, key=lambda requirement: requirement.name)


async def _coroutine(facts: Any, event: Any = None) -> None: ...


def _generator(facts: Any, event: Any = None) -> Any:
    yield


@pytest.mark.parametrize("function", [_coroutine, _generator])
def test_handlers_and_inits_are_plain_functions(function: Any) -> None:
    """F6: calling a coroutine or generator function runs nothing, and nothing async is atomic."""
    module: Any = Module("m", Facts)
    for declare in (module.on(Job), module.init):
        with pytest.raises(DefinitionError, match=r"expects a sync function, got '_(coroutine|generator)'"):
            declare(function)
    assert not module.handlers


def test_a_derivation_is_a_plain_method() -> None:
    """F5: pure and sync."""
    with pytest.raises(DefinitionError, match="a derivation expects a sync function, got '_coroutine', which is async"):
        derivation(_coroutine)


def test_only_modules_make_a_system() -> None:
    """A facts class is no module."""
    untyped: Any = System
    with pytest.raises(DefinitionError, match="made from modules"):
        untyped(Facts)


@pytest.mark.parametrize("slots", [True, False])
def test_a_cached_property_is_refused(slots: bool) -> None:
    """F5: nothing would tell it that a fact has changed; the error says what to use."""
    decorate: Any = define  # whose types want a literal

    @decorate(slots=slots)
    class Cached:
        count: int = 0

        @cached_property
        def doubled(self) -> int:
            return self.count * 2

    with pytest.raises(SchemaError, match=r"'doubled' of Cached would keep its value for ever; use @derivation"):
        Module("m", Cached)


def test_private_fields_of_attrs_classes_are_no_facts() -> None:
    """F1: an underscore field cannot be addressed, whatever its alias."""

    @define
    class Private:
        _count: int = field(default=0, alias="count")

    with pytest.raises(SchemaError, match="'_count' is refused"):
        Module("m", Private)
