"""Derivations: pure methods of a facts class that read like properties."""

from collections.abc import Callable, Iterable
from typing import Any, Generic, Self, TypeVar, final, overload

from directive_trio._definitions.callables import name_of
from directive_trio._definitions.checks import check_sync_function, check_text
from directive_trio._definitions.names import several_strings
from directive_trio._definitions.secrecy import is_secret

F = TypeVar("F")
T = TypeVar("T")


@final
class Derivation(Generic[F, T]):
    """What ``@derivation`` leaves in the facts class. Reading it on the class gives the handle."""

    __slots__ = ("always_changes", "function", "key", "label", "name", "plain", "secret", "tags")

    def __init__(
        self,
        function: Callable[[F], T],
        eq: bool | Callable[[Any], object] = True,
        label: str = "",
        tags: Iterable[str] = (),
    ) -> None:
        check_sync_function("a derivation", function)
        if not isinstance(eq, bool):
            check_sync_function("derivation(eq=)", eq, expected="True, False or a sync function")
        check_text("derivation(label=)", label)
        self.function = function
        self.name = name_of(function)
        self.always_changes = eq is False
        self.key = eq if callable(eq) else None
        self.plain = self.key is None and not self.always_changes
        self.label = label
        self.tags = several_strings("tags", tags)
        self.secret = is_secret(self.tags)

    @property
    def __closure__(self) -> Any:
        # attrs makes a slotted class anew and mends ``super()`` in whatever shows it a closure.
        return self.function.__closure__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type[F], /) -> Self: ...
    @overload
    def __get__(self, instance: F, owner: type[F] | None = None, /) -> T: ...
    def __get__(self, instance: F | None, owner: type[F] | None = None, /) -> Self | T:
        return self if instance is None else self.function(instance)

    def __repr__(self) -> str:
        return f"<derivation {self.name}>"


@overload
def derivation(function: Callable[[F], T], /) -> Derivation[F, T]: ...
@overload
def derivation(
    *, eq: bool | Callable[[Any], object] = ..., label: str = ..., tags: Iterable[str] = ...
) -> Callable[[Callable[[F], T]], Derivation[F, T]]: ...
def derivation(
    function: Callable[[F], T] | None = None,
    /,
    *,
    eq: bool | Callable[[Any], object] = True,
    label: str = "",
    tags: Iterable[str] = (),
) -> Derivation[F, T] | Callable[[Callable[[F], T]], Derivation[F, T]]:
    """Make a method of a facts class a derivation: lazy, memoised, tracked, read like a property.

    It takes no arguments but self and is pure: what it reads through self is all it may depend on (a clock
    read in it is never noticed to change). On a plain instance it simply computes, which is its unit test.

    Args:
        function: The method, when used without parentheses.
        eq: When a recomputed value is no change. True: identity or ``==``. False: every computation is a
            change. A key function: compare what it returns.
        label: A sentence for people.
        tags: Words to find it by. ``pii`` and ``secret`` hide its value, as those of a fact do.

    Raises:
        DefinitionError: The method is async or a generator, or an option cannot be.

    Example:
        >>> from attrs import define
        >>> @define
        ... class Cart:
        ...     prices: tuple[int, ...] = (2, 3)
        ...
        ...     @derivation
        ...     def total(self) -> int:
        ...         return sum(self.prices)
        >>> Cart((4, 5)).total
        9
    """

    def declare(function: Callable[[F], T]) -> Derivation[F, T]:
        return Derivation(function, eq, label, tags)

    return declare if function is None else declare(function)
