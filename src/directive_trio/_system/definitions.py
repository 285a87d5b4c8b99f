"""Definitions at run time: the part of a system's handle by which they come, go, are switched, and are called."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

from directive_trio._definitions.checks import check_instance
from directive_trio._definitions.constraint import Answer, Constraint
from directive_trio._definitions.derivation import Derivation
from directive_trio._definitions.effect import Effect
from directive_trio._definitions.module import Module
from directive_trio._definitions.record import Record
from directive_trio._definitions.resolver import Resolver
from directive_trio._runtime.events import Events
from directive_trio._runtime.reconcile_loop import ReconcileLoop
from directive_trio._store.store import Store
from directive_trio._system.calling import call
from directive_trio._system.lifecycle import Life
from directive_trio._system.names import Names
from directive_trio._system.registration import Registration
from directive_trio._system.removal import Removal, Replacement
from directive_trio._system.switches import Switchable, switch
from directive_trio.errors import LifecycleError, UsageError

F = TypeVar("F")
R = TypeVar("R", bound=Record)
T = TypeVar("T")


class Definitions:
    """What a program does with the definitions of a system that has been made."""

    _store: Store
    _names: Names
    _events: Events
    _loop: ReconcileLoop
    _life: Life

    # -- switches ---------------------------------------------------------------------------------

    def enable(self, target: Switchable, /) -> None:
        """Switch a constraint, resolver, effect, source or derivation on again, from the next pass on.

        A source attaches at once. A derivation is computed when it is next read; if it answers something else than
        it has kept, who has read it is told as of any change. Asked for in a pass it is done after it.

        Raises:
            UnknownNameError: There is none of this name.
            UsageError: It is neither a handle of one nor a name.
        """
        self._life.refuse_destroyed("enable")
        switch(target, self._names, self._loop, on=True)

    def disable(self, target: Switchable, /) -> None:
        """Switch a constraint, resolver, effect, source or derivation off.

        A disabled constraint asks for nothing: what it alone wanted is cancelled with reason ``removed``. A disabled
        resolver serves nobody: its runs are cancelled with reason ``removed``, and what they were to meet is met by
        another module's resolver, or waits. A disabled effect is cleaned up, a disabled source detached. A
        disabled derivation keeps its answer (a value, or what it raised), which is computed now if need be, and is
        computed no more: for its readers nothing changes. It stays off over stop and start. Asked for in a pass it
        is done after it.

        A name may mean several of them, a constraint and the resolver of the same name: then it means the first, in
        the order of this list.

        Raises:
            UnknownNameError: There is none of this name.
            UsageError: It is neither a handle of one nor a name.
            LifecycleError: It is a derivation, and an event or a transaction is under way, which may yet be undone.
        """
        self._life.refuse_destroyed("disable")
        switch(target, self._names, self._loop, on=False)

    # -- modules ----------------------------------------------------------------------------------

    def register(self, module: Module[Any], /) -> None:
        """Take one more module, the last in their order. If the system runs, all of it counts at once.

        Its inits run now, as one change. Asked for in a pass it counts after it; if what it names has gone by then,
        it goes too, and that goes to the error boundary's ``on_error``, or is logged.

        Raises:
            DefinitionError: It cannot work, or one of its name is there; nothing has changed.
            LifecycleError: The system is destroyed, or an event or a transaction is under way.
        """
        self._life.refuse_destroyed("register")
        self._store.check_writable("a module", "register")
        self._refuse_in_transaction("register a module")
        new = Registration(module, self._loop, self._events)
        self._change("register", module.name, new.again if self._loop.occupied else lambda: new)

    def unregister(self, module: Module[Any] | str, /) -> None:
        """Let a module go, with everything it has brought.

        Its runs, and those that only its constraints wanted, are cancelled with reason ``removed``, its effects
        cleaned up, its sources detached; what they must still do goes on in the system, and none of it lands. Its
        facts are there no more: who has read them is asked again, and finds no such module. What only its resolvers
        have met waits for another one. Asked for in a pass it is done after it, and if it is named or gone by then,
        that goes to the error boundary's ``on_error``, or is logged.

        Raises:
            UnknownNameError: There is no such module.
            UsageError: Another module names a fact of it, in ``when`` or ``reads``; nothing has changed.
            LifecycleError: The system is destroyed, or an event or a transaction is under way.
        """
        name = self._name_of(module, "unregister")

        def prepare() -> Removal:
            removal = Removal(name, self._loop, self._events)
            removal.refuse_if_named()
            return removal

        prepare()  # refused here, in a pass too
        self._change("unregister", name, prepare)

    def replace(self, module: Module[Any], /) -> None:
        """Put a module in the place of the one of its name.

        The old one goes as with `unregister`, and the new one comes as with `register`, as one change: facts that
        both have keep their values, over what the inits of the new one say. Whoever reads the old one, by name or
        not, reads the new one. Asked for in a pass it is done after it, and what is wrong with it then goes to
        the error boundary's ``on_error``, or is logged.

        Raises:
            UnknownNameError: There is no module of its name, or the new one lacks a fact that another names.
            FactValueError: The new one refuses a value of the old one.
            DefinitionError: The new one cannot work. In all these cases nothing has changed.
            LifecycleError: The system is destroyed, or an event or a transaction is under way.
        """
        check_instance("replace()", module, Module, "a module", UsageError)
        name = self._name_of(module, "replace")
        Removal(name, self._loop, self._events)  # refused here, in a pass too
        self._change("replace", name, lambda: Replacement(module, self._loop, self._events))

    def _name_of(self, module: Module[Any] | str, operation: str) -> str:
        self._life.refuse_destroyed(operation)
        check_instance(f"{operation}()", module, (Module, str), "a module or its name", UsageError)
        name = module if isinstance(module, str) else module.name
        self._store.check_writable(f"module {name}", operation)
        self._refuse_in_transaction(f"{operation} {name!r}")
        return name

    def _refuse_in_transaction(self, operation: str) -> None:
        if self._store.transaction is not None:
            reason = "its writes may yet be undone, which a module is not"
            raise LifecycleError(operation, "in a transaction or an event handler", reason)

    def _change(self, operation: str, name: str, prepare: "Callable[[], Registration | Removal | Replacement]") -> None:
        def complete() -> None:
            with self._loop.changing():
                prepare().complete(running=self._life.state == "running")

        if not self._loop.occupied:
            complete()
            return

        def change() -> None:
            try:
                complete()
            except Exception as error:  # noqa: BLE001  # whatever is wrong with it, or an init raises
                self._loop.boundary.report(operation, name, error)

        self._loop.after_pass(change)

    # -- calls ------------------------------------------------------------------------------------

    @overload
    def call(self, target: Constraint[F, Answer], /) -> Answer | None: ...
    @overload
    def call(self, target: Resolver[R, F], requirement: R | list[R], /) -> Awaitable[Any]: ...
    @overload
    def call(self, target: Effect[F], /) -> Any: ...
    @overload
    def call(self, target: Derivation[F, T], /) -> T: ...
    @overload
    def call(self, target: str, /, *args: Any) -> Any: ...
    def call(self, target: Any, /, *args: Any) -> Any:
        """Call the function of a definition once, out of band, with the facts of this system.

        A constraint answers what it would ask for now, None where its ``when`` does not hold, and nothing follows
        from that. A derivation is computed anew. An effect runs; a cleanup that it returns is the caller's. A
        resolver is given a requirement (or a list of them, where it takes batches) and is to be awaited; it is no
        run: not retried, not timed, bound to nothing that a constraint owns; what it writes, the program has written.
        Whether the definition is disabled plays no part. What the function raises comes to the caller.

        Raises:
            UnknownNameError: There is none of this name.
            UsageError: It is no definition that can be called (a source is a task), or the arguments do not fit.
            LifecycleError: The system is destroyed.

        Cancellation:
            Of a resolver: a checkpoint on every call, and the caller's scope is its only one.
        """
        self._life.refuse_destroyed("call")
        return call(target, args, self._names, self._loop)
