"""Facts, derivations and constraints by the thousand, made as a person would write them."""

from collections.abc import Callable
from typing import Any

from attrs import frozen

from directive_trio import Module

AT_MOST = 1000
"""So many facts are in one module, at most: attrs takes longer for each field the more there are."""


@frozen
class Job:
    number: int = 0


def facts_class(facts: int, derivations: tuple[str, ...] = ()) -> Any:
    """Return a facts class with ``f0 f1 …`` and the derivations ``d0 d1 …`` of the given expressions."""
    fields = [f"    f{number}: int = 0" for number in range(facts)]
    methods = [
        f"    @derivation\n    def d{at}(self) -> int:\n        return {it}" for at, it in enumerate(derivations)
    ]
    lines = [
        "from attrs import define",
        "from directive_trio import derivation",
        "@define",
        "class Facts:",
        *fields,
        *methods,
    ]
    namespace: dict[str, Any] = {"__name__": __name__}
    exec("\n".join(lines), namespace)  # noqa: S102  # our own template
    return namespace["Facts"]


def module_of(facts: int, derivations: tuple[str, ...] = (), name: str = "many") -> Module[Any]:
    """Return a module of such facts."""
    return Module(name, facts_class(facts, derivations))


@frozen
class Place:
    """Where the fact of a number is: in which module, and under which name."""

    module: Module[Any]
    fact: str

    @property
    def name(self) -> str:
        return f"{self.module.name}::{self.fact}"


def places_of(facts: int) -> tuple[list[Module[Any]], list[Place]]:
    """Return modules that together have so many facts, and where each is."""
    sizes = [min(AT_MOST, facts - first) for first in range(0, facts, AT_MOST)]
    modules = [module_of(size, name=f"many{number}") for number, size in enumerate(sizes)]
    return modules, [Place(modules[at // AT_MOST], f"f{at % AT_MOST}") for at in range(facts)]


def declare_each(module: Module[Any], count: int, ask: Callable[[int], Callable[[Any], Job | None]]) -> None:
    """Declare as many constraints, each made by *ask*."""
    for number in range(count):
        module.constraint(name=f"c{number}")(ask(number))


def declare_at(
    places: list[Place], ask: Callable[[int, str], Callable[[Any], Job | None]], *, chained: bool = False
) -> None:
    """Declare a constraint beside each fact; *chained*: each comes after the one before."""
    for number, place in enumerate(places):
        last = places[number - 1]
        after = [f"{last.module.name}::asks_{last.fact}"] if chained and number else []
        place.module.constraint(name=f"asks_{place.fact}", after=after)(ask(number, place.fact))


def asks_if_set(number: int) -> Callable[[Any], Job | None]:
    """Each reads a fact of its own, and asks for a job of its own where that is not 0."""
    job, name = Job(number), f"f{number}"

    def ask(facts: Any) -> Job | None:
        return job if getattr(facts, name) else None

    return ask


def asks_together(number: int) -> Callable[[Any], Job | None]:
    """All read the same fact, and ask for a job of their own where that is above 0."""

    def ask(facts: Any) -> Job | None:
        return Job(number) if facts.f0 > 0 else None

    return ask
