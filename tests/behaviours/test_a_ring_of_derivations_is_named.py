"""F5: derivations that need each other raise `DependencyCycleError` with the path, cold and warm."""

from typing import Any

import pytest
import trio
from attrs import define

from directive_trio import Derivation, Module, System, derivation, open_system
from directive_trio.errors import DependencyCycleError


def ring_of(length: int) -> Module[Any]:
    """``d0`` reads ``d1`` and so on; the last one reads ``d0`` again while the fact ``closed`` is true."""

    def link(following: str) -> Derivation[Any, int]:
        return derivation(lambda self: getattr(self, following) + 1)

    def close(self: Any) -> int:
        return self.d0 + 1 if self.closed else 0

    members: dict[str, Any] = {"__annotations__": {"closed": bool}, "closed": True}
    members.update({f"d{at}": link(f"d{at + 1}") for at in range(length - 1)})
    members[f"d{length - 1}"] = derivation(close)
    members["outside"] = derivation(lambda self: self.d0)
    return Module("m", define(type("Ring", (), members)))


def path_of(length: int) -> tuple[str, ...]:
    return tuple(f"m::d{at % length}" for at in range(length + 1))


@pytest.mark.parametrize("length", [1, 2, 200])
def test_the_path_goes_round_once(length: int) -> None:
    """F5: from the first to the first; whoever reads into the ring from outside gets it too."""
    module = ring_of(length)
    facts = System(module)[module]
    for name in ("d0", "outside", "d0"):
        with pytest.raises(DependencyCycleError) as caught:
            getattr(facts, name)
        assert (caught.value.kind, caught.value.path) == ("derivation", path_of(length))
        assert str(caught.value).endswith("m::d0; a derivation cannot need itself")


@pytest.mark.parametrize("length", [1, 2, 200])
def test_a_ring_that_opens_computes_and_one_that_closes_again_is_found(length: int) -> None:
    """F5: what was read stays a dependency, so a change of it computes again."""
    module = ring_of(length)
    facts = System(module)[module]
    for _ in range(2):
        with pytest.raises(DependencyCycleError) as caught:
            _ = facts.outside
        assert sorted(set(caught.value.path)) == sorted(set(path_of(length)))
        assert caught.value.path[0] == caught.value.path[-1]
        facts.closed = False
        assert facts.outside == length - 1
        facts.closed = True


async def test_it_never_breaks_start(autojump_clock: trio.abc.Clock) -> None:
    """F5: a constraint that reads it is inactive with that error, the system runs on."""
    module = ring_of(2)

    @module.constraint
    def look(facts: Any) -> None:
        _ = facts.d0

    async with open_system(module) as system:
        await system.settle()
        assert "DependencyCycleError" in str(system.inspect().constraints[0].error)
        system[module].closed = False
        await system.settle()
        assert system.inspect().constraints[0].error is None


def test_each_reader_gets_an_error_of_its_own() -> None:
    """A traceback does not grow with every read."""
    module = ring_of(2)
    facts = System(module)[module]
    caught: list[Exception] = []
    for _ in range(2):
        with pytest.raises(DependencyCycleError) as info:
            _ = facts.d0
        caught.append(info.value)
    assert caught[0] is not caught[1]
