"""F1: converter, type and validators see a value before the fact does; what they refuse changes nothing."""

from typing import Any

import attrs
import pytest
from attrs import define, field, validators

from directive_trio import Module, System, fact
from directive_trio.errors import FactValueError, SchemaError


def positive(view: Any, attribute: Any, value: int) -> None:
    if value <= 0:
        raise ValueError(f"must be positive, not {value}")


def asserting(view: Any, attribute: Any, value: int) -> None:
    assert value > 0, "positive, please"


def broken(view: Any, attribute: Any, value: int) -> None:
    if not value:
        raise ZeroDivisionError("a bug of the validator")


def below_limit(view: Any, attribute: Any, value: int) -> None:
    if value > view.limit:
        raise ValueError("above the limit")


@define
class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@define
class Facts:
    count: int = 1
    width: int = fact(1, validator=positive, converter=int)
    depth: int = fact(1, validator=[positive, below_limit])
    limit: int = 10
    height: int = field(default=1, validator=validators.gt(0))
    pin: str = fact("1", tags=["secret"], converter=lambda text: str(int(text)))
    mail: str = fact("a@b", tags=["pii"], validator=validators.matches_re(".+@.+"))


def system_of(facts: type[Any]) -> Any:
    return System(Module("m", facts))["m"]


def test_the_order_is_converter_type_validators_comparison() -> None:
    """What the converter makes of it is checked; the validator gets a value of the right type; equal is no change."""
    seen: list[tuple[str, object]] = []

    def convert(value: Any) -> Any:
        seen.append(("convert", value))
        return value.strip() if isinstance(value, str) else value

    def validate(view: Any, attribute: Any, value: str) -> None:
        seen.append(("validate", value))

    def key(value: str) -> str:
        seen.append(("compare", value))
        return value

    @define
    class Ordered:
        text: str = fact("a", converter=convert, validator=validate, eq=key)

    facts = system_of(Ordered)
    seen.clear()
    facts.text = " b "
    assert seen == [("convert", " b "), ("validate", "b"), ("compare", "a"), ("compare", "b")]
    seen.clear()
    with pytest.raises(FactValueError):
        facts.text = 7
    assert seen == [("convert", 7)]
    assert facts.text == "b"


@pytest.mark.parametrize(
    ("name", "value", "expected", "preview"),
    [
        ("count", "2", "int", "'2'"),
        ("count", True, "int", "True"),
        ("width", "two", "what its converter takes (invalid literal for int() with base 10: 'two')", "'two'"),
        ("width", 0, "what its validator takes (must be positive, not 0)", "0"),
        ("depth", 11, "what its validator takes (above the limit)", "11"),
        ("height", 0, "what its validator takes ('height' must be > 0: 0)", "0"),
    ],
)
def test_the_error_names_fact_expectation_and_value(name: str, value: object, expected: str, preview: str) -> None:
    """F1: whoever refuses it, the error carries the three and the old value stays."""
    facts = system_of(Facts)
    before = getattr(facts, name)
    with pytest.raises(FactValueError) as caught:
        setattr(facts, name, value)
    error = caught.value
    assert (error.fact, error.expected, error.preview) == (f"m::{name}", expected, preview)
    assert str(error) == f"fact 'm::{name}' expects {expected}, got {preview}; the old value stays"
    assert getattr(facts, name) == before


def test_a_converted_value_is_what_the_fact_gets() -> None:
    """F1: the text becomes a number before anybody compares it."""
    facts = system_of(Facts)
    facts.width = "7"
    assert facts.width == 7


def test_a_failed_assertion_refuses_too() -> None:
    """A validator may be written with ``assert``."""

    @define
    class Asserting:
        count: int = fact(1, validator=asserting)

    facts = system_of(Asserting)
    with pytest.raises(FactValueError, match="positive, please"):
        facts.count = 0


def test_a_bug_in_a_validator_is_not_dressed_up_as_a_refusal() -> None:
    """It reaches the writer as it is, and the old value stays all the same."""

    @define
    class Sure:
        sure: int = fact(1, validator=broken)

    module = Module("m", Sure)
    facts = System(module)["m"]
    with pytest.raises(ZeroDivisionError):
        facts.sure = 0
    assert facts.sure == 1


def test_the_preview_is_cut_at_a_hundred_characters() -> None:
    """F1: a long value does not flood the log; nor does it through the words of a validator."""
    facts = system_of(Facts)
    with pytest.raises(FactValueError) as caught:
        facts.count = "x" * 1000
    assert len(caught.value.preview) == 100
    assert caught.value.preview.endswith("…")
    with pytest.raises(FactValueError) as caught:
        facts.width = "x" * 1000
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(("name", "value"), [("pin", "hunter2"), ("mail", "hunter2"), ("mail", 77177)])
def test_the_preview_of_a_secret_is_hidden(name: str, value: object) -> None:
    """F1: for facts tagged pii or secret neither the message nor a cause shows the value."""
    facts = system_of(Facts)
    with pytest.raises(FactValueError) as caught:
        setattr(facts, name, value)
    assert str(value) not in f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"
    assert caught.value.preview == f"a {type(value).__name__} (hidden)"


def test_a_value_that_cannot_be_printed_is_refused_like_any_other() -> None:
    """F1: a raising ``__repr__`` does not hide the refusal."""
    facts = system_of(Facts)
    with pytest.raises(FactValueError, match="a Unprintable that cannot be printed"):
        facts.count = Unprintable()


def test_types_are_not_checked_when_that_is_turned_off() -> None:
    """F1: ``check_types=False`` leaves converters and validators."""
    facts = System(Module("m", Facts), check_types=False)["m"]
    facts.count = "two"
    assert facts.count == "two"
    with pytest.raises(FactValueError):
        facts.width = 0


def test_a_converter_of_attrs_works_if_it_asks_for_the_value_alone() -> None:
    """One that wants the instance or the field too is refused at declaration: there is no instance yet."""

    @define
    class Plain:
        count: int = field(default=1, converter=attrs.Converter(int))  # type: ignore[misc]  # its stubs want no converter

    facts = system_of(Plain)
    facts.count = "7"
    assert facts.count == 7

    @define
    class Demanding:
        count: int = field(
            default=1,
            converter=attrs.Converter(lambda value, view: value, takes_self=True),  # type: ignore[misc]
        )

    with pytest.raises(SchemaError, match="converter of fact 'count' must take the value alone"):
        Module("m", Demanding)


def test_initial_values_pass_the_same_checks() -> None:
    """What is given when the system is made is a write like any other."""
    with pytest.raises(FactValueError, match="m::count"):
        System(Module("m", Facts), initial={"m": {"count": "two"}})
