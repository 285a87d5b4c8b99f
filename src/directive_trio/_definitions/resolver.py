"""Resolvers: how to meet a requirement of one class."""

from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeAlias, TypeVar, final

from attrs import Factory, define, field

from directive_trio._definitions.names import qualify
from directive_trio._definitions.policies import Retry
from directive_trio._definitions.record import Record

F = TypeVar("F")
R = TypeVar("R", bound=Record)
Outcome: TypeAlias = Awaitable[None] | None


@final
@define(eq=False, repr=False)
class Resolver(Generic[R, F]):
    """The handle of a resolver; calling it calls the user's function."""

    module: str
    name: str
    requirement: type[R]
    function: Callable[[R, Any], Outcome]
    is_async: bool
    retry: Retry
    timeout: float | None
    key: Callable[[R], Hashable] | None
    limit: int | None

    # Kept, because it is asked for in every pass.
    _id: str = field(init=False, default=Factory(lambda self: qualify(self.module, self.name), takes_self=True))

    @property
    def id(self) -> str:
        """The qualified name, as observations print it."""
        return self._id

    def __call__(self, requirement: R, ctx: Any, /) -> Outcome:
        return self.function(requirement, ctx)

    def __repr__(self) -> str:
        return f"<resolver {self.id}>"
