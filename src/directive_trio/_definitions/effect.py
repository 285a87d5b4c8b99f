"""Effects: code that runs because facts changed."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeAlias, TypeVar, final

from attrs import define, field

from directive_trio._definitions.constraint import ReadItem
from directive_trio._definitions.names import qualify

F = TypeVar("F")
Cleanup: TypeAlias = Callable[[], object]
EffectFunction: TypeAlias = Callable[[F], Cleanup | None] | Callable[[F], Awaitable[None]]


@final
@define(eq=False, repr=False)
class Effect(Generic[F]):
    """The handle of an effect; calling it calls the user's function.

    ``id`` is its qualified name, as observations print it.
    """

    module: str
    name: str
    function: EffectFunction[F]
    is_async: bool
    reads: tuple[ReadItem, ...]
    on: Callable[[F], bool] | None

    id: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.id = qualify(self.module, self.name)

    def __call__(self, facts: F, /) -> Any:
        return self.function(facts)

    def __repr__(self) -> str:
        return f"<effect {self.id}>"
