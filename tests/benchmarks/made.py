"""Facts, derivations and constraints by the thousand, made as a person would write them."""

from collections.abc import Callable
from typing import Any

from attrs import frozen

from directive_trio import Module


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


def module_of(facts: int, derivations: tuple[str, ...] = ()) -> Module[Any]:
    """Return a module of such facts."""
    return Module("many", facts_class(facts, derivations))


def declare_each(
    module: Module[Any], count: int, ask: Callable[[int], Callable[[Any], Job | None]], *, chained: bool = False
) -> None:
    """Declare as many constraints, each made by *ask*; *chained*: each comes after the one before."""
    for number in range(count):
        after = [f"c{number - 1}"] if chained and number else []
        module.constraint(name=f"c{number}", after=after)(ask(number))


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
