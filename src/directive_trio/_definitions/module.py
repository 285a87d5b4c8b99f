"""Modules: where a program declares its facts, constraints, resolvers, effects, sources and event handlers.

A module is a definition, not an instance: several systems may be made from it, and the first one seals it.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, TypeVar, cast, final, overload

from attrs import evolve

from directive_trio._definitions.callables import is_async, name_of
from directive_trio._definitions.checks import (
    check_count,
    check_duration,
    check_function,
    check_instance,
    check_sync_function,
    check_text,
    check_time_limit,
    check_whole,
)
from directive_trio._definitions.constraint import (
    AfterItem,
    Answer,
    Constraint,
    ReadItem,
    check_condition,
    check_reads,
)
from directive_trio._definitions.context import Context
from directive_trio._definitions.copies import renamed, twin
from directive_trio._definitions.effect import Effect, EffectFunction
from directive_trio._definitions.fact import read_schema
from directive_trio._definitions.names import check_name, nearest, several, several_strings
from directive_trio._definitions.policies import Retry
from directive_trio._definitions.record import Record, check_record_class
from directive_trio._definitions.resolver import BatchFunction, Batching, Outcome, Resolver
from directive_trio._definitions.source import DeclaredSource
from directive_trio._definitions.source_declarations import SourceDeclarations
from directive_trio.errors import (
    DefinitionError,
    DuplicateNameError,
    UnhashableRequirementError,
    UnknownNameError,
    UsageError,
)

F = TypeVar("F")
R = TypeVar("R", bound=Record)
E = TypeVar("E", bound=Record)


@final
class Module(SourceDeclarations[F]):
    """A named definition: a facts class and what belongs to it.

    Args:
        name: Unique within a system; part of every qualified name (``auth::token``).
        facts: An attrs class, every field with a default.
        label: A sentence for people.
        tags: Words to find it by.

    Raises:
        SchemaError: The name or the facts class is refused.

    Example:
        >>> from attrs import define, frozen
        >>> @define
        ... class LampFacts:
        ...     wanted: bool = False
        ...     lit: bool = False
        >>> @frozen
        ... class SwitchOn: ...
        >>> lamp = Module("lamp", LampFacts)
        >>> @lamp.constraint
        ... def must_be_lit(facts: LampFacts) -> SwitchOn | None:
        ...     return SwitchOn() if facts.wanted and not facts.lit else None
        >>> must_be_lit(LampFacts(wanted=True))
        SwitchOn()
    """

    def __init__(self, name: str, facts: type[F], *, label: str = "", tags: Iterable[str] = ()) -> None:
        self.name = check_name("module", name)
        self.schema = read_schema(facts)
        check_text("label=", label)
        self.label = label
        self.tags = several_strings("tags", tags)
        self.constraints: dict[str, Constraint[F, Any]] = {}
        self.resolvers: dict[str, Resolver[Any, F]] = {}
        self.effects: dict[str, Effect[F]] = {}
        self.sources: dict[str, DeclaredSource[F]] = {}
        self.handlers: dict[type, list[Callable[[F, Any], None]]] = {}
        self.inits: list[Callable[[F], None]] = []
        self.sealed = False

    def __repr__(self) -> str:
        return f"<module {self.name}>"

    def of(self, view: object, /) -> F:
        """Return the typed, read-only view of this module that stands beside *view*.

        What is read through it is tracked if reads through *view* are, and it shows the same world.

        Raises:
            UsageError: *view* is a plain instance, which stands in no system.
        """
        beside = getattr(view, "_beside", None)
        if beside is None:
            raise UsageError(
                f"{type(view).__name__} is a plain instance and stands in no system, so there is no {self.name!r} "
                "beside it; pass the view that the engine gave you"
            )
        return cast("F", beside(self.name))

    def init(self, function: Callable[[F], None], /) -> Callable[[F], None]:
        """Declare what sets the first facts. All inits run once, in the order of the modules, as one change.

        Raises:
            DefinitionError: The module is sealed, or the function is no sync one.
        """
        self._open_for("init", name_of(function))
        check_sync_function("init", function)
        self.inits.append(function)
        return function

    def on(self, event: type[E], /) -> Callable[[Callable[[F, E], None]], Callable[[F, E], None]]:
        """Declare an event handler ``(facts, event) -> None``: sync and atomic.

        All handlers of an event are one change; if one raises, none of their writes remain and the caller
        of ``dispatch`` gets the exception.

        Raises:
            DefinitionError: The event is no attrs class, or the handler is async.
            DuplicateNameError: Another event class of the same name is handled in this module.
        """
        check_record_class("event", event)
        for known in self.handlers:
            if known is not event and known.__name__ == event.__name__:
                raise DuplicateNameError("event", f"{self.name}::{event.__name__}")

        def declare(function: Callable[[F, E], None]) -> Callable[[F, E], None]:
            self._open_for("event handler", name_of(function))
            check_sync_function(f"event handler of {event.__name__}", function)
            self.handlers.setdefault(event, []).append(function)
            return function

        return declare

    @overload
    def constraint(self, function: Callable[[F], Answer], /) -> Constraint[F, Answer]: ...
    @overload
    def constraint(
        self,
        /,
        *,
        when: Mapping[str, object] = ...,
        after: Iterable[AfterItem] = ...,
        owns: Iterable[str] = ...,
        priority: int = ...,
        reads: Iterable[ReadItem] = ...,
        timeout: float = ...,
        name: str = ...,
        label: str = ...,
        tags: Iterable[str] = ...,
    ) -> Callable[[Callable[[F], Answer]], Constraint[F, Answer]]: ...
    def constraint(
        self,
        function: Callable[[F], Answer] | None = None,
        /,
        *,
        when: Mapping[str, object] | None = None,
        after: Iterable[AfterItem] = (),
        owns: Iterable[str] = (),
        priority: int = 0,
        reads: Iterable[ReadItem] = (),
        timeout: float = 5,
        name: str = "",
        label: str = "",
        tags: Iterable[str] = (),
    ) -> Constraint[F, Answer] | Callable[[Callable[[F], Answer]], Constraint[F, Answer]]:
        """Declare a constraint ``(facts) -> requirement | iterable of them | None``, sync or async.

        It is called again when something it read has changed, and is pure.

        Args:
            function: The function, when used without parentheses.
            when: A condition as data: names of facts or derivations (``"status"``, ``"auth.is_valid"``) to
                values or matches (``one_of above below any_of not_``). The function is called only where
                it holds.
            after: Constraints (handles or names; a bare name means this module) that must not be pending.
            owns: Facts of this module that its resolver has the last word on only while nobody else writes them:
                once somebody does, what the run writes to them is dropped and its signal is aborted. Such a run
                also goes on when its requirement is no longer wanted.
            priority: Higher ones are evaluated and dispatched first.
            reads: Names or derivations tracked in addition to what the function reads.
            timeout: Seconds an async constraint may take for an answer.
            name: The name, if not the function's.
            label: A sentence for people.
            tags: Words to find it by.

        Raises:
            DuplicateNameError: The module has a constraint of this name.
            UnknownNameError: The module has no fact that ``owns`` names.
            DefinitionError: The module is sealed, or an option cannot be.
        """
        waits_for = several("after", after)
        tracked = several("reads", reads)
        owned = self.schema.facts_named("owns=", several_strings("owns", owns))
        words = several_strings("tags", tags)
        check_whole("priority=", priority)
        check_time_limit("timeout=", timeout)
        check_text("label=", label)
        for item in waits_for:
            check_instance("after=", item, (Constraint, str), "constraints or their names")
        check_reads(tracked)
        condition = check_condition(when)

        def declare(function: Callable[[F], Answer]) -> Constraint[F, Answer]:
            check_function("a constraint", function, may_yield=True)
            own_name = self._claim("constraint", self.constraints, name or name_of(function))
            constraint = Constraint(
                self.name,
                own_name,
                function,
                is_async(function),
                condition,
                cast("tuple[AfterItem, ...]", waits_for),
                owned,
                cast("tuple[ReadItem, ...]", tracked),
                priority,
                timeout,
                label,
                words,
            )
            self.constraints[own_name] = constraint
            return constraint

        return declare if function is None else declare(function)

    def resolver(
        self,
        requirement: type[R],
        /,
        *,
        retry: Retry = Retry(),  # noqa: B008  # frozen
        timeout: float | None = None,
        key: Callable[[R], Hashable] | None = None,
        limit: int | None = None,
        name: str = "",
    ) -> "Callable[[Callable[[R, Context[F]], Outcome]], Resolver[R, F]]":
        """Declare a resolver ``(requirement, ctx) -> None``, async, or sync to run inline in the pass.

        Args:
            requirement: The class it meets.
            retry: How a failed attempt is repeated.
            timeout: Seconds for each attempt; an attempt that takes longer fails. None: no limit.
            key: ``(requirement) -> hashable``: what makes two requirements the same one, if not ``==``.
            limit: How many runs of this resolver may be under way at once.
            name: The name, if not the function's.

        Raises:
            DuplicateNameError: The module has a resolver of this name, or one for this requirement.
            UnhashableRequirementError: The class cannot be hashed and there is no key.
            DefinitionError: The module is sealed, or an option cannot be.
        """
        check_record_class("requirement", requirement)
        if requirement.__hash__ is None and key is None:
            raise UnhashableRequirementError(requirement.__name__)
        check_instance("retry=", retry, Retry, "a Retry")
        if timeout is not None:
            check_time_limit("timeout=", timeout)
        if key is not None:
            check_sync_function("key=", key)
        if limit is not None:
            check_count("limit=", limit)

        def declare(function: Callable[[R, Context[F]], Outcome]) -> Resolver[R, F]:
            check_function("a resolver", function)
            own_name = self._claim("resolver", self.resolvers, name or name_of(function))
            if any(known.requirement is requirement for known in self.resolvers.values()):
                raise DuplicateNameError("resolver for", f"{self.name}::{requirement.__name__}")
            if timeout is not None and not is_async(function):
                raise DefinitionError(f"resolver {own_name!r} is sync and runs inline: it cannot have a timeout")
            resolver = Resolver[R, F](
                self.name, own_name, requirement, function, is_async(function), retry, timeout, key, limit
            )
            self.resolvers[own_name] = resolver
            return resolver

        return declare

    def batch_resolver(
        self,
        requirement: type[R],
        /,
        *,
        window: float = 0.05,
        max_size: int | None = None,
        retry: Retry = Retry(),  # noqa: B008  # frozen
        timeout: float | None = None,
    ) -> "Callable[[BatchFunction[R, F]], Resolver[R, F]]":
        """Declare a resolver ``(requirements, ctx) -> outcomes`` that meets many requirements with one call.

        Each requirement is a run of its own from the moment it is gathered. The function is async and gets a
        list. It returns None when all are met, or a sequence with an outcome for each, in the same order: None,
        or the exception it failed with. What it raises, all have failed with. A retry repeats only the failed.

        The context is shared: it writes for all of them, and its signal is aborted when the last is cancelled.

        Args:
            requirement: The class it meets. It must be hashable.
            window: Seconds from the first requirement to the call.
            max_size: That many do not wait for the window. None: any number.
            retry: How often, and after what wait, those that have failed are tried again.
            timeout: Seconds for each call.

        Raises:
            DuplicateNameError: The module has a resolver of this name, or one for this requirement.
            DefinitionError: The module is sealed, the function is not async, or the class cannot be hashed.
        """
        check_duration("window=", window)
        if max_size is not None:
            check_count("max_size=", max_size)

        def declare(function: BatchFunction[R, F]) -> Resolver[R, F]:
            if not is_async(function):
                raise DefinitionError(f"batch resolver {name_of(function)!r} is sync; declare it with async def")
            alone = self.resolver(requirement, retry=retry, timeout=timeout)(cast("Any", function))
            resolver = self.resolvers[alone.name] = evolve(alone, batch=Batching(window, max_size))
            return resolver

        return declare

    def with_resolver(self, requirement: type[R], function: Callable[[R, Context[F]], Outcome], /) -> "Module[F]":
        """Return a copy of the module in which *function* meets *requirement*; the module stays as it is.

        The resolver keeps its name, retry, timeout, key and limit, but gathers no batches any more; all other
        definitions are shared, so handles mean the copy in a system of the copy. The way for tests to put a mock
        in place of what talks to the world.

        Raises:
            UnknownNameError: The module has no resolver for this requirement.
        """
        check_record_class("requirement", requirement)
        check_function("a resolver", function)
        for name, resolver in self.resolvers.items():
            if resolver.requirement is requirement:
                made = twin(self)
                made.resolvers[name] = resolver.with_function(function)
                return made
        known = [resolver.requirement.__name__ for resolver in self.resolvers.values()]
        raise UnknownNameError(
            f"resolver in module {self.name!r} for", requirement.__name__, nearest(requirement.__name__, known)
        )

    def named(self, name: str, /) -> "Module[F]":
        """Return the same definition under another name, for a system that holds it more than once.

        What the definitions name by a handle or a bare name is the copy's own. Functions are shared, so they tell
        the copies apart by their facts only; an event that both handle goes to both. Adapter objects are
        shared too, and serve one source at a time: give each copy its own.

        Raises:
            SchemaError: The name is refused.
        """
        return renamed(self, check_name("module", name))

    @overload
    def effect(self, function: EffectFunction[F], /) -> Effect[F]: ...
    @overload
    def effect(
        self,
        /,
        *,
        reads: Iterable[ReadItem] = ...,
        on: Callable[[F], bool] | None = ...,
        name: str = ...,
    ) -> Callable[[EffectFunction[F]], Effect[F]]: ...
    def effect(
        self,
        function: EffectFunction[F] | None = None,
        /,
        *,
        reads: Iterable[ReadItem] = (),
        on: Callable[[F], bool] | None = None,
        name: str = "",
    ) -> Effect[F] | Callable[[EffectFunction[F]], Effect[F]]:
        """Declare an effect ``(facts)``: sync (may return a cleanup) or async (a task of the system).

        It runs once in the first pass after start, then whenever something it read has changed.

        Args:
            function: The function, when used without parentheses.
            reads: Names or derivations tracked in addition to what the function reads.
            on: Run it only when this predicate of the facts turns true.
            name: The name, if not the function's.

        Raises:
            DuplicateNameError: The module has an effect of this name.
            DefinitionError: The module is sealed, or an option cannot be.
        """
        tracked = cast("tuple[ReadItem, ...]", several("reads", reads))
        check_reads(tracked)
        if on is not None:
            check_sync_function("on=", on)

        def declare(function: EffectFunction[F]) -> Effect[F]:
            check_function("an effect", function)
            own_name = self._claim("effect", self.effects, name or name_of(function))
            effect = Effect(self.name, own_name, function, is_async(function), tracked, on)
            self.effects[own_name] = effect
            return effect

        return declare if function is None else declare(function)
