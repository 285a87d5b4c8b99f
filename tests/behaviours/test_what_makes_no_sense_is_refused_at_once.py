"""Table 3.1, section 7: a wrong option, an unknown name, what is no event: an error that says what is right."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import define, frozen

from directive_trio import Module, System, derivation
from directive_trio.errors import DefinitionError, UnknownNameError, UsageError


@define
class Facts:
    value: int = 0

    @derivation
    def double(self) -> int:
        return self.value * 2


@frozen
class Happened: ...


def module_named(name: str) -> Module[Facts]:
    """A module with a handler, a constraint, an effect."""
    module = Module(name, Facts)
    module.on(Happened)(lambda facts, event: setattr(facts, "value", 1))
    module.constraint(name="rule")(lambda facts: None)
    module.effect(name="follow")(lambda facts: None)
    return module


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"convergence_limit": 0}, "convergence_limit= expects a whole number, at least 1, got 0"),
        ({"teardown_grace": -1}, "teardown_grace= expects a duration in seconds, not negative, got -1"),
    ],
)
def test_an_option_that_cannot_be_meant(options: dict[str, Any], message: str) -> None:
    """When the system is made."""
    with pytest.raises(DefinitionError, match=message):
        System(module_named("m"), **options)


CALLS: dict[str, tuple[Callable[[System], object], type[Exception], str]] = {
    "module": (lambda system: system["n"], UnknownNameError, "there is no module 'n'"),
    "event name": (lambda system: system.dispatch("m::Hapened"), UnknownNameError, "did you mean 'm::Happened'"),
    "no event": (lambda system: system.dispatch(5), UsageError, r"dispatch\(\) expects an event"),  # type: ignore[call-overload]
    "touch": (lambda system: system.touch("m::double"), UsageError, "touch the facts it reads"),
    "require": (lambda system: system.require(5), UsageError, r"require\(\) expects a requirement"),  # type: ignore[arg-type]
    "enable": (lambda system: system.enable("m::ruel"), UnknownNameError, "did you mean 'm::rule'"),
    "disable": (lambda system: system.disable("m::folow"), UnknownNameError, "did you mean 'm::follow'"),
}


@pytest.mark.parametrize("what", CALLS)
def test_a_call_that_cannot_be_meant(what: str) -> None:
    """At the call; nothing has changed."""
    call, error, message = CALLS[what]
    system = System(module_named("m"))
    with pytest.raises(error, match=message):
        call(system)
    assert system["m"].value == 0


def test_an_event_of_several_modules_and_one_class_needs_no_qualification() -> None:
    """The bare name means the class."""
    system = System(module_named("m"), module_named("n"))
    system.dispatch("Happened")
    assert (system["m"].value, system["n"].value) == (1, 1)


def test_a_bare_name_that_two_classes_have_is_refused() -> None:
    """It says so, and qualified it works."""

    def other() -> Module[Facts]:
        @frozen
        class Happened: ...

        module = Module("other", Facts)
        module.on(Happened)(lambda facts, event: setattr(facts, "value", 2))
        return module

    system = System(module_named("m"), other())
    with pytest.raises(UnknownNameError, match="several classes have this name; qualify it"):
        system.dispatch("Happened")
    system.dispatch("other::Happened")
    assert (system["m"].value, system["other"].value) == (0, 2)
