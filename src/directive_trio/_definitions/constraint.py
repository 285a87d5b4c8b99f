"""Constraints: what must be true, and what is required when it is not."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar, final

from attrs import define, field

from directive_trio._definitions.checks import check_instance, refuse
from directive_trio._definitions.derivation import Derivation
from directive_trio._definitions.names import qualify
from directive_trio._definitions.record import Record

F = TypeVar("F")
Demand: TypeAlias = Record | Iterable[Record] | None
Answer = TypeVar("Answer", bound=Demand | Awaitable[Demand])
AfterItem: TypeAlias = "Constraint[Any, Any] | str"
ReadItem: TypeAlias = "str | Derivation[Any, Any]"


@final
@define(eq=False, repr=False)
class Constraint(Generic[F, Answer]):
    """The handle of a constraint; calling it calls the user's function.

    ``after`` holds handles or names as they were given; names are resolved when the system is made.
    ``id`` is its qualified name, as observations print it.
    """

    module: str
    name: str
    function: Callable[[F], Answer]
    is_async: bool
    when: Mapping[str, object]
    after: tuple[AfterItem, ...]
    owns: tuple[str, ...]
    reads: tuple[ReadItem, ...]
    priority: int
    timeout: float
    label: str
    tags: tuple[str, ...]

    id: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.id = qualify(self.module, self.name)

    def __call__(self, facts: F, /) -> Answer:
        return self.function(facts)

    def __repr__(self) -> str:
        return f"<constraint {self.id}>"


def check_reads(reads: tuple[object, ...]) -> None:
    """Refuse what ``reads=`` cannot mean."""
    for item in reads:
        check_instance("reads=", item, (str, Derivation), "names or derivations")


def check_condition(when: Mapping[str, object] | None) -> dict[str, object]:
    """Return the condition of ``when=``; refuse what is none."""
    expected = "a mapping of names to values or matches"
    condition = {} if when is None else when
    check_instance("when=", condition, Mapping, expected)
    for name in condition:
        if not isinstance(name, str):
            refuse("when=", expected, when)
    return dict(condition)
