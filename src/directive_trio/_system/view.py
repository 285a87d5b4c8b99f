"""The view of a whole system: what selectors and predicates are given."""

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar, final, overload

from directive_trio._definitions.checks import refuse
from directive_trio._definitions.module import Module
from directive_trio.errors import UsageError

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
        """Return the read-only view of a module: typed for a module, untyped for a name.

        Raises:
            UnknownNameError: The system has no such module.
            UsageError: It is neither a module nor a name.
        """
        try:
            name = module if isinstance(module, str) else module.name
        except AttributeError:
            refuse_place(module)
        return self._beside(name)


def refuse_place(given: object) -> NoReturn:
    """Refuse what stands in the brackets of ``system[...]`` and is neither a module nor a name."""
    refuse("system[...]", "a module or its name", given, UsageError)
