"""The part of a module by which its sources are declared: functions, and objects such as adapters."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar, overload

from directive_trio._definitions.callables import name_of
from directive_trio._definitions.declaring import Declaring
from directive_trio._definitions.policies import Retry
from directive_trio._definitions.source import (
    Coalesce,
    DeclaredSource,
    FunctionSource,
    Source,
    SourceFunction,
    check_source_function,
    check_source_object,
    check_source_options,
)

F = TypeVar("F")


class SourceDeclarations(Declaring, Generic[F]):
    """Declares the sources of a module."""

    sources: dict[str, DeclaredSource[F]]

    @overload
    def source(self, function: SourceFunction, /) -> DeclaredSource[F]: ...
    @overload
    def source(
        self,
        /,
        *,
        coalesce: Coalesce = ...,
        key: Callable[[F], Hashable] | None = ...,
        retry: Retry = ...,
        name: str = ...,
    ) -> Callable[[SourceFunction], DeclaredSource[F]]: ...
    def source(
        self,
        function: SourceFunction | None = None,
        /,
        *,
        coalesce: Coalesce = "none",
        key: Callable[[F], Hashable] | None = None,
        retry: Retry = Retry(),  # noqa: B008  # frozen
        name: str = "",
    ) -> DeclaredSource[F] | Callable[[SourceFunction], DeclaredSource[F]]:
        """Declare a source ``async (link) -> None``: a task of the system that publishes events into it.

        It begins at start, in the order of declaration, and is cancelled at stop, in reverse order.

        Args:
            function: The function, when used without parentheses.
            coalesce: ``none``: each publish is dispatched at once. ``last_write_wins``: of all events of one
                class until the next pass, only the last is dispatched.
            key: ``(facts) -> hashable or None``: attached while it is not None, attached anew when it changes.
            retry: How a source that raises is run again.
            name: The name, if not the function's.

        Raises:
            DuplicateNameError: The module has a source of this name.
            DefinitionError: The module is sealed, the function is not async, or an option cannot be.
        """
        check_source_options(coalesce, key, retry)

        def declare(function: SourceFunction) -> DeclaredSource[F]:
            own_name = self._claim("source", self.sources, name or name_of(function))
            check_source_function(function)
            source = FunctionSource(function)
            declared = self.sources[own_name] = DeclaredSource(self.name, own_name, source, coalesce, key, retry)
            return declared

        return declare if function is None else declare(function)

    def add_source(
        self,
        source: Source,
        /,
        *,
        name: str,
        coalesce: Coalesce | None = None,
        key: Callable[[F], Hashable] | None = None,
        retry: Retry = Retry(),  # noqa: B008  # frozen
    ) -> DeclaredSource[F]:
        """Declare a source that is an object: an adapter, or what `from_callback` makes.

        Args:
            source: The object. It serves one running system at a time.
            name: Its name in the module.
            coalesce: As for `source`; None takes the object's own.
            key: As for `source`.
            retry: As for `source`.

        Raises:
            DuplicateNameError: The module has a source of this name.
            DefinitionError: The module is sealed, it is no source, or an option cannot be.
        """
        check_source_object(source)
        chosen = source.coalesce if coalesce is None else coalesce
        check_source_options(chosen, key, retry)
        own_name = self._claim("source", self.sources, name)
        declared = self.sources[own_name] = DeclaredSource(self.name, own_name, source, chosen, key, retry)
        return declared
