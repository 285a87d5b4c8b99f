"""Resolvers: how to meet a requirement of one class."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar, final

from attrs import define, evolve, field, frozen

from directive_trio._definitions.callables import is_async
from directive_trio._definitions.context import Context
from directive_trio._definitions.names import qualify
from directive_trio._definitions.policies import Retry
from directive_trio._definitions.record import Record

F = TypeVar("F")
R = TypeVar("R", bound=Record)
Outcome: TypeAlias = Awaitable[None] | None
BatchFunction: TypeAlias = Callable[[list[R], Context[F]], Awaitable[Sequence[Exception | None] | None]]


@final
@frozen
class Batching:
    """How requirements are gathered: for so many seconds from the first one, or until there are enough."""

    window: float
    max_size: int | None


@final
@define(eq=False, repr=False)
class Resolver(Generic[R, F]):
    """The handle of a resolver; calling it calls the user's function.

    With ``batch`` the function takes a list of requirements and answers an outcome for each.
    ``id`` is its qualified name, as observations print it.
    """

    module: str
    name: str
    requirement: type[R]
    function: Callable[[Any, Any], Any]
    is_async: bool
    retry: Retry
    timeout: float | None
    key: Callable[[R], Hashable] | None
    limit: int | None
    batch: Batching | None = None

    id: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.id = qualify(self.module, self.name)

    def with_function(self, function: Callable[[R, Any], Outcome]) -> "Resolver[R, F]":
        """Return this resolver with another function, which meets requirements one by one."""
        asynchronous = is_async(function)
        timeout = self.timeout if asynchronous else None  # a sync one runs inline, where nothing could end it
        return evolve(self, function=function, is_async=asynchronous, timeout=timeout, batch=None)

    def __call__(self, requirement: R, ctx: Any, /) -> Outcome:
        outcome: Outcome = self.function(requirement, ctx)
        return outcome

    def __repr__(self) -> str:
        return f"<resolver {self.id}>"
