"""What can be wrong with a set of modules is found when the system is made."""

import logging

import pytest
from attrs import define

from directive_trio import Module, System
from directive_trio.errors import DependencyCycleError


@define
class Facts:
    count: int = 0


def answer(facts: Facts) -> None: ...


@pytest.mark.parametrize(
    ("after", "message"),
    [
        ("frist", "constraint m::second comes after m::frist, which does not exist (did you mean m::first?): it does"),
        ("n::zzz", "constraint m::second comes after n::zzz, which does not exist: it does not block"),
    ],
)
def test_an_unknown_after_is_a_warning(after: str, message: str, caplog: pytest.LogCaptureFixture) -> None:
    """R8: it does not block; the nearest name is told."""
    module = Module("m", Facts)
    module.constraint(name="first")(answer)
    module.constraint(name="second", after=[after])(answer)
    with caplog.at_level(logging.WARNING, "directive_trio"):
        System(module)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(message)


@pytest.mark.parametrize("spell", ["{0}", "m::{0}", "m.{0}"])
def test_a_ring_of_after_is_refused_with_its_path(spell: str) -> None:
    """R8: a bare name means the same module."""
    module = Module("m", Facts)
    names = ["a", "b", "c"]
    for at, name in enumerate(names):
        module.constraint(name=name, after=[spell.format(names[at - 1])])(answer)
    with pytest.raises(DependencyCycleError) as caught:
        System(module)
    assert caught.value.kind == "constraint"
    assert caught.value.path[0] == caught.value.path[-1]
    assert set(caught.value.path) == {"m::a", "m::b", "m::c"}
    assert str(caught.value).endswith("remove one `after`")
