"""Section 3: modules are definitions; a system made from them begins with one change, and names find everything."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import Context, Module, System, derivation, open_system
from directive_trio.errors import DefinitionError, FactValueError, UnknownNameError
from directive_trio.observe import Observation, ReconcileStart


@define
class Facts:
    number: int = 0
    words: tuple[str, ...] = ()

    @derivation
    def doubled(self) -> int:
        return self.number * 2


@frozen
class Job: ...


@frozen
class Add: ...


def test_the_inits_run_once_in_module_order_then_initial() -> None:
    """Section 3.1: each sees what came before, and what `initial` gives wins."""
    one, two = Module("one", Facts), Module("two", Facts)

    @two.init
    def copy_one(facts: Facts) -> None:
        facts.number = one.of(facts).number + 1
        facts.words = ("two",)

    @one.init
    def first(facts: Facts) -> None:
        facts.number = 5

    @one.init
    def second(facts: Facts) -> None:
        facts.number += 10

    system = System(one, two, initial={"two": {"words": ("initial",)}})
    assert (system[one], system[two]) == (Facts(15), Facts(16, ("initial",)))


async def test_the_first_pass_comes_after_all_of_them(autojump_clock: trio.abc.Clock) -> None:
    """Section 3.1: one transaction, one pass, of the changes."""
    module, asked, log = Module("m", Facts), list[int](), list[Observation]()

    @module.init
    def begin(facts: Facts) -> None:
        facts.number = 1

    @module.constraint
    def look(facts: Facts) -> None:
        asked.append(facts.number)

    async with open_system(module, initial={"m": {"number": 2}}) as system:
        system.observe(log.append)
        await system.settle()
    assert asked == [2]
    assert [seen.changed for seen in log if isinstance(seen, ReconcileStart)] == [("m::number",)]


def test_an_init_that_raises_makes_no_system() -> None:
    """Its error is the maker's."""
    module = Module("m", Facts)

    @module.init
    def begin(facts: Facts) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        System(module)


@pytest.mark.parametrize(
    ("initial", "error", "message"),
    [
        ({"n": {}}, UnknownNameError, "no module 'n'"),
        ({"m": {"numbr": 1}}, UnknownNameError, "did you mean 'number'"),
        ({"m": {"number": "1"}}, FactValueError, "m::number"),
    ],
)
def test_wrong_initial_values_are_refused(initial: Any, error: type[Exception], message: str) -> None:
    """Section 3.1: by module, by fact, by value."""
    with pytest.raises(error, match=message):
        System(Module("m", Facts), initial=initial)


@pytest.mark.parametrize(
    ("kind", "declare"),
    [
        ("init", lambda module: module.init(print)),
        ("event handler", lambda module: module.on(Add)(print)),
        ("constraint", lambda module: module.constraint(print)),
        ("resolver", lambda module: module.resolver(Job)(print)),
        ("effect", lambda module: module.effect(print)),
    ],
)
def test_the_first_system_seals_the_module(kind: str, declare: Callable[[Module[Facts]], object]) -> None:
    """Section 3.1: nothing is declared after that; the error names what."""
    module = Module("m", Facts)
    System(module)
    with pytest.raises(DefinitionError, match=f"module 'm' is sealed: .* declare {kind} 'print' before"):
        declare(module)


def test_several_systems_share_a_module_and_no_facts() -> None:
    """Section 3.1: it is a definition."""
    module = Module("m", Facts)
    one, two = System(module), System(module)
    one[module].number = 1
    assert (one[module].doubled, two[module].doubled) == (2, 0)


def test_facts_are_found_by_module_and_by_name() -> None:
    """Section 3.1: typed and untyped, the same view; `read` takes either separator."""
    module = Module("counter", Facts)
    system = System(module, initial={"counter": {"number": 3}})
    assert system[module] is system["counter"]
    assert [system.read(name) for name in ("counter::number", "counter.number", "counter.doubled")] == [3, 3, 6]
    with pytest.raises(UnknownNameError, match="did you mean 'counter'"):
        _ = system["countr"]
    with pytest.raises(UnknownNameError, match="did you mean 'counter'"):
        system.read("countr::number")
    with pytest.raises(UnknownNameError, match="in module 'counter': 'numbr'; did you mean 'number'"):
        system.read("counter::numbr")
    with pytest.raises(UnknownNameError, match="as in 'module::fact', 'number'; did you mean 'counter::number'"):
        system.read("number")


def test_handles_name_what_they_are() -> None:
    """Calling a handle calls the function; its id is what observations print."""
    module = Module("m", Facts, label="a module", tags=["t"])
    constraint = module.constraint(name="c", label="l")(lambda facts: Job())
    effect = module.effect(name="e")(lambda facts: None)
    resolver = module.resolver(Job, name="r")(lambda requirement, ctx: None)
    facts: Any = Facts()
    assert constraint(facts) == Job()
    assert effect(facts) is None
    assert resolver(Job(), None) is None
    assert list(map(repr, (module, constraint, effect, resolver))) == [
        "<module m>",
        "<constraint m::c>",
        "<effect m::e>",
        "<resolver m::r>",
    ]
    assert (module.label, module.tags) == ("a module", ("t",))


@pytest.mark.parametrize("target", ["m::nothing", "n::number"])
@pytest.mark.parametrize("option", ["reads", "when"])
def test_names_in_declarations_are_checked_when_the_system_is_made(option: str, target: Any) -> None:
    """Section 3.1: `reads` and `when` name facts and derivations that exist."""
    module = Module("m", Facts)
    options: dict[str, Any] = {option: [target] if option == "reads" else {target: 1}}
    module.constraint(name="look", **options)(lambda facts: None)
    with pytest.raises(DefinitionError, match="there is no"):
        System(module)


def test_a_derivation_handle_belongs_to_one_module() -> None:
    """Section 3.1: in two modules of one facts class the name says which is meant."""
    one, two = Module("one", Facts), Module("two", Facts)
    system = System(one, two)
    with pytest.raises(UnknownNameError, match="found in one, two"):
        system.watch(Facts.doubled, print)
    with pytest.raises(UnknownNameError, match="found in no module"):
        System(Module("m", define(type("Empty", (), {})))).watch(Facts.doubled, print)


async def test_reads_adds_to_what_is_tracked(autojump_clock: trio.abc.Clock) -> None:
    """Section 3.1: by name of one's own, by qualified name, by handle; for constraints and effects."""
    one, two = Module("one", Facts), Module("two", Facts)
    order: list[str] = []

    @one.constraint(reads=["number", "two::number"])
    def constraint(facts: Facts) -> None:
        order.append("constraint")

    @one.effect(reads=["two.words"])
    def effect(facts: Facts) -> None:
        order.append("effect")

    async with open_system(one, two) as system:
        await system.settle()
        order.clear()
        for name, value in [("number", 1), ("words", ("a",))]:
            setattr(system["two"], name, value)
            await system.settle()
        system[one].number = 1
        await system.settle()
        system[one].words = ("a",)
        await system.settle()
    assert order == ["constraint", "effect", "constraint"]


async def test_a_context_gives_deps_a_snapshot_and_the_attempt(autojump_clock: trio.abc.Clock) -> None:
    """Section 3.1: the snapshot is a plain instance that does not follow the facts."""
    module, seen = Module("m", Facts), list[Any]()

    @module.constraint
    def look(facts: Facts) -> Job | None:
        return Job() if not facts.number else None

    @module.resolver(Job)
    async def do(requirement: Job, ctx: Context[Facts]) -> None:
        snapshot = ctx.snapshot()
        ctx.facts.number = 7
        seen.extend((ctx.deps, type(snapshot), snapshot, ctx.attempt, ctx.facts.doubled))

    async with open_system(module, deps={"client": 1}) as system:
        await system.settle()
    assert seen == [{"client": 1}, Facts, Facts(), 1, 14]
