"""F2: identical or equal is no change; what cannot be compared is one; `touch` makes one of an equal value."""

import math
from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, System, derivation, fact, open_system
from directive_trio.errors import LifecycleError, UsageError
from directive_trio.observe import FactChange, Observation


class Array:
    """Compares like an array: the answer is one for each element."""

    def __eq__(self, other: object) -> Any:
        return [True, True]

    __hash__ = None  # type: ignore[assignment]


class Grumpy:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("do not compare me")

    __hash__ = None  # type: ignore[assignment]


@define
class Counter:
    count: int = 7


@frozen
class Again:
    count: int


def lower(text: str) -> str:
    return text.lower()


@define
class Facts:
    value: Any = None
    word: str = fact("a", eq=lower)
    beat: bool = fact(False, eq=False)

    @derivation
    def doubled(self) -> Any:
        return [self.value, self.value]


async def changes_of(fact_name: str, *values: object) -> list[object]:
    """Write the values, a pass for each, and return those that were observed as a change."""
    log: list[Observation] = []
    module = Module("m", Facts)
    async with open_system(module) as system:
        system.observe(log.append)
        for value in values:
            setattr(system["m"], fact_name, value)
            await system.settle()
    return [seen.value for seen in log if isinstance(seen, FactChange)]


NAN = math.nan
ARRAY = Array()
GRUMPY = Grumpy()


@pytest.mark.parametrize(
    "values",
    [
        (1, 1),
        (1, 1.0),
        ("a" * 1000, "a" * int("1000")),
        ([1], [1]),
        (NAN, NAN),
        (NAN, float("nan")),
        (ARRAY, ARRAY),
        (GRUMPY, GRUMPY),
    ],
)
async def test_the_same_again_is_no_change(values: tuple[object, object], autojump_clock: trio.abc.Clock) -> None:
    """F2: only the first write is observed."""
    assert len(await changes_of("value", *values)) == 1


@pytest.mark.parametrize("values", [(1, 2), (ARRAY, Array()), (GRUMPY, Grumpy()), (NAN, 1.0), (1.0, NAN), (1, None)])
async def test_anything_else_is_one(values: tuple[object, object], autojump_clock: trio.abc.Clock) -> None:
    """F2: a comparison that raises or answers no bool settles nothing, so it counts as a change."""
    assert [id(value) for value in await changes_of("value", *values)] == [id(value) for value in values]


async def test_a_key_function_says_what_is_compared(autojump_clock: trio.abc.Clock) -> None:
    """F2: what it returns is the same, so it is no change; there and back within a pass is none either."""
    assert await changes_of("word", "A", "b", "B", "a") == ["b", "a"]
    log: list[Observation] = []
    module = Module("m", Facts)
    async with open_system(module) as system:
        await system.settle()
        system.observe(log.append)
        system[module].word = "b"
        system[module].word = "A"
        await system.settle()
    assert not [seen for seen in log if isinstance(seen, FactChange)]


async def test_a_key_function_that_raises_settles_nothing(autojump_clock: trio.abc.Clock) -> None:
    """F2: like a comparison that raises."""

    @define
    class Keyed:
        value: Any = fact("a", eq=lambda value: value.lower())

    system = System(Module("m", Keyed))
    system["m"].value = 1
    system["m"].value = "b"
    assert system["m"].value == "b"


async def test_with_eq_false_every_write_is_a_change(autojump_clock: trio.abc.Clock) -> None:
    """F2: a heartbeat may always be True."""
    assert await changes_of("beat", True, True, True) == [True, True, True]


async def test_touch_makes_a_change_of_an_equal_value(autojump_clock: trio.abc.Clock) -> None:
    """F2: whoever read the fact is asked again, and it is observed."""
    asked: list[int] = []
    module = Module("m", Facts)

    @module.constraint
    def look(facts: Facts) -> None:
        asked.append(facts.value)

    log: list[Observation] = []
    async with open_system(module, initial={"m": {"value": [1]}}) as system:
        await system.settle()
        system.observe(log.append)
        system["m"].value.append(2)
        system["m"].value = system["m"].value
        await system.settle()
        assert len(asked) == 1
        system.touch("m::value")
        await system.settle()
    assert len(asked) == 2
    assert [seen.id for seen in log if isinstance(seen, FactChange)] == ["m::value"]
    assert system[module].doubled == [[1, 2], [1, 2]]


async def test_only_a_fact_of_a_living_system_can_be_touched(autojump_clock: trio.abc.Clock) -> None:
    """A derivation is what its facts make it."""
    async with open_system(Module("m", Facts)) as system:
        with pytest.raises(UsageError, match="touch the facts it reads"):
            system.touch("m.doubled")
    with pytest.raises(LifecycleError):
        system.touch("m.value")


async def test_what_a_run_writes_that_is_equal_is_no_change(autojump_clock: trio.abc.Clock) -> None:
    """Nobody hears of it, and no second pass follows the one of its end."""
    module = Module("counter", Counter)
    told: list[tuple[int, int]] = []

    @module.constraint
    def always(facts: Counter) -> Again:
        return Again(facts.count)

    @module.resolver(Again)
    async def again(requirement: Again, ctx: Context[Counter]) -> None:
        ctx.facts.count = 7
        await trio.sleep(1)

    async with open_system(module) as system:
        system.watch("counter::count", lambda new, old: told.append((new, old)))
        await system.settle()
        assert told == []
        assert system.inspect().passes == 2
