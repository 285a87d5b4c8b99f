"""F6: a dispatch inside a handler is part of its transaction; an inner failure that is caught undoes only itself."""

import pytest
from attrs import define, frozen

from directive_trio import Module, System


@define
class Facts:
    log: tuple[str, ...] = ()


@frozen
class Outer:
    catches: bool = False
    fails: bool = False


@frozen
class Inner:
    fails: bool = False


@frozen
class Innermost:
    fails: bool = False


def system_of(fail_at: str = "", catch_at: str = "") -> System:
    """Three events, each dispatching the next; who fails and who catches is given."""
    module = Module("m", Facts)
    systems: list[System] = []

    def write(facts: Facts, word: str) -> None:
        facts.log = (*facts.log, word)

    def step(facts: Facts, name: str, following: Inner | Innermost | None) -> None:
        write(facts, f"{name} begins")
        if following is not None:
            try:
                systems[0].dispatch(following)
            except RuntimeError:
                if catch_at != name:
                    raise
                write(facts, f"{name} catches")
        if fail_at == name:
            raise RuntimeError(name)
        write(facts, f"{name} ends")

    @module.on(Outer)
    def outer(facts: Facts, event: Outer) -> None:
        step(facts, "outer", Inner())

    @module.on(Inner)
    def inner(facts: Facts, event: Inner) -> None:
        step(facts, "inner", Innermost())

    @module.on(Innermost)
    def innermost(facts: Facts, event: Innermost) -> None:
        step(facts, "innermost", None)

    systems.append(System(module, initial={"m": {"log": ("before",)}}))
    return systems[0]


def test_all_of_it_lands_together() -> None:
    """F6: in the order in which it was written."""
    system = system_of()
    system.dispatch(Outer())
    assert system["m"].log == (
        "before",
        *("outer begins", "inner begins", "innermost begins"),
        *("innermost ends", "inner ends", "outer ends"),
    )


@pytest.mark.parametrize("fail_at", ["outer", "inner", "innermost"])
def test_a_failure_that_nobody_catches_undoes_all_of_it(fail_at: str) -> None:
    """F6: inner events that had succeeded included."""
    system = system_of(fail_at)
    with pytest.raises(RuntimeError, match=fail_at):
        system.dispatch(Outer())
    assert system["m"].log == ("before",)


@pytest.mark.parametrize("fail_at", ["inner", "innermost"])
def test_a_failure_that_the_outer_catches_undoes_the_inner_only(fail_at: str) -> None:
    """F6: what the outer wrote before and after stays."""
    system = system_of(fail_at, "outer")
    system.dispatch(Outer())
    assert system["m"].log == ("before", "outer begins", "outer catches", "outer ends")


def test_one_in_the_middle_catches_for_itself() -> None:
    """F6: only what is below it is undone."""
    system = system_of("innermost", "inner")
    system.dispatch(Outer())
    assert system["m"].log == ("before", "outer begins", "inner begins", "inner catches", "inner ends", "outer ends")


def test_a_caught_failure_inside_one_that_fails_later_is_undone_with_it() -> None:
    """F6: everything goes, once."""
    system = system_of("innermost", "inner")
    with pytest.raises(ZeroDivisionError), system.transaction():
        system.dispatch(Outer())
        raise ZeroDivisionError
    assert system["m"].log == ("before",)
