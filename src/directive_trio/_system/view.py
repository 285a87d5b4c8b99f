"""The view of a whole system: what selectors and predicates are given."""

from collections.abc import Callable
from typing import Any, TypeVar, final, overload

from directive_trio._definitions.module import Module

F = TypeVar("F")


@final
class SystemView:
    """All modules, read-only and tracked: what selectors and predicates get."""

    def __init__(self, beside: Callable[[str], Any]) -> None:
        self._beside = beside

    @overload
    def __getitem__(self, module: Module[F], /) -> F: ...
    @overload
    def __getitem__(self, module: str, /) -> Any: ...
    def __getitem__(self, module: Module[Any] | str, /) -> Any:
        """Return the read-only view of a module: typed for a module, untyped for a name."""
        return self._beside(module if isinstance(module, str) else module.name)
