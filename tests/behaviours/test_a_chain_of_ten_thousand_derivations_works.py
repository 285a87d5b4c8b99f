"""F5: chains of 10,000 work, on the first read too, with the recursion limit unchanged, and cost what they are long."""

import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
import trio
from attrs import define

from directive_trio import Derivation, Module, System, derivation, open_system
from directive_trio.errors import DerivationError
from directive_trio.observe import DerivationCompute, Observation

LENGTH = 10_000
LAST = f"d{LENGTH - 1}"


def chain_of(length: int) -> type[Any]:
    """A facts class with ``d0``, which reads a fact and may fail, and ``d1`` … each of which adds one to the last."""

    def begin(self: Any) -> int:
        if self.bad:
            raise ZeroDivisionError("bad")
        return int(self.number)

    def link(before: str) -> Derivation[Any, int]:
        def add_one(self: Any) -> int:
            return int(getattr(self, before)) + 1

        return derivation(add_one)

    members: dict[str, Any] = {"__annotations__": {"number": int, "bad": bool}, "number": 0, "bad": False}
    members["d0"] = derivation(begin)
    members.update({f"d{at}": link(f"d{at - 1}") for at in range(1, length)})
    return define(type("Chain", (), members))


@pytest.fixture(scope="module")
def chain() -> Module[Any]:
    """Made once: its systems share the definition."""
    return Module("chain", chain_of(LENGTH))


def deep_inside(frames: int, function: Callable[[], Any]) -> Any:
    return deep_inside(frames - 1, function) if frames else function()


def test_it_is_read_cold_and_warm(chain: Module[Any]) -> None:
    """F5: first computation, and propagation after a write; no thread is left, no limit was moved."""
    limit, threads = sys.getrecursionlimit(), threading.active_count()
    facts = System(chain)[chain]
    assert getattr(facts, LAST) == LENGTH - 1
    facts.number = 5
    assert getattr(facts, LAST) == LENGTH + 4
    assert sys.getrecursionlimit() == limit
    assert threading.active_count() <= threads  # an idle thread of somebody else may have ended


def test_it_is_read_from_deep_inside_other_frames(chain: Module[Any]) -> None:
    """F5: the reader may have used most of the stack already."""
    facts = System(chain)[chain]
    assert deep_inside(sys.getrecursionlimit() * 3 // 4, lambda: getattr(facts, LAST)) == LENGTH - 1


def test_it_fails_at_the_bottom_and_recovers(chain: Module[Any]) -> None:
    """F5: cold and warm; the error names who raised, and its cause is the original, not a chain of ten thousand."""
    facts = System(chain, initial={"chain": {"bad": True}})[chain]
    for _ in range(2):
        with pytest.raises(DerivationError) as caught:
            getattr(facts, LAST)
        assert str(caught.value) == "derivation 'chain::d0' raised ZeroDivisionError('bad')"
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
        facts.bad = False
        assert getattr(facts, LAST) == LENGTH - 1
        facts.bad = True


async def test_it_is_observed_in_order(chain: Module[Any], autojump_clock: trio.abc.Clock) -> None:
    """O1: computed on another stack, told on this one, where the clock is."""
    log: list[Observation] = []
    told_in: set[int] = set()
    async with open_system(chain) as system:
        await system.settle()
        system.observe(log.append)
        system.observe(lambda _: told_in.add(threading.get_ident()))
        assert getattr(system[chain], LAST) == LENGTH - 1
        assert [seen.id for seen in log if isinstance(seen, DerivationCompute)] == [
            f"chain::d{at}" for at in range(LENGTH)
        ]
    assert [seen.seq for seen in log[:LENGTH]] == list(range(log[0].seq, log[0].seq + LENGTH))
    assert told_in == {threading.get_ident()}


async def test_a_constraint_reads_it(chain: Module[Any], autojump_clock: trio.abc.Clock) -> None:
    """F5: cold in the first pass, warm in the second."""
    module: Module[Any] = Module("chain", chain.schema.facts_class)
    asked: list[int] = []

    @module.constraint
    def look(facts: Any) -> None:
        asked.append(getattr(facts, LAST))

    async with open_system(module) as system:
        await system.settle()
        system["chain"].number = 1
        await system.settle()
    assert asked == [LENGTH - 1, LENGTH]


def test_an_interrupt_far_down_leaves_it_to_be_read_again() -> None:
    """F5: KeyboardInterrupt on the stack of another thread arrives here, and the next read computes."""
    interrupted = [True]

    def begin(self: Any) -> int:
        if interrupted[0]:
            raise KeyboardInterrupt
        return 0

    module: Module[Any] = Module("m", define(type("Facts", (chain_of(300),), {"d0": derivation(begin)})))
    facts = System(module)[module]
    with pytest.raises(KeyboardInterrupt):
        _ = facts.d299
    interrupted[0] = False
    assert facts.d299 == 299
