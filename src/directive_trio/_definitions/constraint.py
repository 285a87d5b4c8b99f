"""Constraints: what must be true, and what is required when it is not."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, final

from attrs import Factory, define, field

from directive_trio._definitions.names import qualify
from directive_trio._definitions.record import Record

if TYPE_CHECKING:
    from directive_trio._definitions.derivation import Derivation

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

    # Kept, because it is asked for in every pass.
    _id: str = field(init=False, default=Factory(lambda self: qualify(self.module, self.name), takes_self=True))

    @property
    def id(self) -> str:
        """The qualified name, as observations print it."""
        return self._id

    def __call__(self, facts: F, /) -> Answer:
        return self.function(facts)

    def __repr__(self) -> str:
        return f"<constraint {self.id}>"
