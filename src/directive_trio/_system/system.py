"""The system: what a program holds in its hands. Thin; every promise is kept by the rooms below."""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self, TypeVar, final, overload

import trio

from directive_trio._definitions.checks import check_between, check_instance, refuse
from directive_trio._definitions.module import Module
from directive_trio._definitions.names import nearest
from directive_trio._definitions.policies import ErrorBoundary
from directive_trio._definitions.record import Record, is_record
from directive_trio._observation.observations import SystemInit
from directive_trio._observation.observers import Observers
from directive_trio._runtime.boundary import Boundary
from directive_trio._runtime.reconcile_loop import ReconcileLoop
from directive_trio._store.store import Store
from directive_trio._system.codec import structure_event
from directive_trio._system.composition import (
    check_modules,
    check_options,
    initialise,
    make_effects,
    make_events,
    make_planner,
    make_sources,
    place_facts,
)
from directive_trio._system.debugging import Debugging
from directive_trio._system.definitions import Definitions
from directive_trio._system.eviction import EvictionReport
from directive_trio._system.lifecycle import Life, StateName
from directive_trio._system.looking import Looking
from directive_trio._system.names import Names
from directive_trio._system.plugins import Plugin, PluginTasks
from directive_trio._system.view import SystemView, refuse_place
from directive_trio._system.waiting import Waiting
from directive_trio.errors import UnknownNameError, UsageError

F = TypeVar("F")
T = TypeVar("T")

A_REQUIREMENT = "a requirement (an instance of an attrs class)"


@final
class System(Definitions, Looking):
    """A set of modules with one life: facts, what must be true of them, and what makes it true.

    Made with `open_system` as a rule; by hand it has no nursery until `start`. Facts and derivations can be
    read and written at once; nothing reconciles before it runs. It belongs to the thread of its trio run.

    Args:
        modules: The modules, in their order. They are sealed.
        deps: Anything; resolvers find it as ``ctx.deps``.
        initial: ``{"module": {"fact": value}}``, written after all inits.
        plugins: What gets observations, and may run a task.
        errors: What happens to errors; see `ErrorBoundary`.
        name: For observations and logs.
        check_types: Check written values against the annotations of facts.
        debug: Check the thread of each write and look for values mutated in place. Slow.
        teardown_grace: Seconds for which the engine shields a teardown.
        convergence_limit: How often the loop may go round before it is called a ring.

    Raises:
        DefinitionError: What was declared cannot work.
    """

    def __init__(
        self,
        *modules: Module[Any],
        deps: Any = None,
        initial: Mapping[str, Mapping[str, object]] | None = None,
        plugins: Iterable[Plugin] = (),
        errors: ErrorBoundary | None = None,
        name: str = "system",
        check_types: bool = True,
        debug: bool = False,
        teardown_grace: float = 5,
        convergence_limit: int = 50,
    ) -> None:
        check_modules(modules)
        check_options(initial, plugins, errors, name, check_types, debug, teardown_grace, convergence_limit)
        self.name = name
        self._observers = Observers()
        policy = errors or ErrorBoundary()
        boundary = Boundary(policy, self._observers)
        tasks = PluginTasks(self, tuple(plugins), boundary)
        self._store = Store(self._observers, check_types)
        place_facts(self._store, modules)
        self._names = Names(self._store)
        self._events = make_events(self._store, modules)
        self._planner = make_planner(self._store, self._names, modules, policy.retry_later, convergence_limit)
        self._loop = ReconcileLoop(
            name,
            self._store,
            self._planner,
            boundary,
            deps=deps,
            limit=convergence_limit,
            dispatch=self._events.dispatch,
            state=lambda: self._life.state,
        )
        self._planner.connect(boundary.recover, boundary.report_unjudged)
        make_effects(self._loop.effects, self._names, modules)
        make_sources(self._loop.sources, self._events, modules, teardown_grace)
        self._view = SystemView(self._store.tracking.beside)
        self._waiting = Waiting(self._loop, self._view)
        self._life = Life(self._loop, tasks, self._waiting)
        if debug:
            Debugging(self._store).attach(self._loop)
        initialise(self._store, modules, initial or {})
        if self._observers.listening:
            self._observers.tell(SystemInit, name)

    def __repr__(self) -> str:
        return f"<system {self.name}: {self.state}>"

    # -- facts and events -------------------------------------------------------------------------

    @overload
    def __getitem__(self, module: Module[F], /) -> F: ...
    @overload
    def __getitem__(self, module: str, /) -> Any: ...
    def __getitem__(self, module: Module[Any] | str, /) -> Any:
        """Return the live view of a module: typed for a module, untyped for a name.

        Raises:
            UnknownNameError: The system has no such module.
            UsageError: It is neither a module nor a name.
        """
        try:
            name = module if isinstance(module, str) else module.name
        except AttributeError:
            refuse_place(module)
        return self._place(name).live

    def _place(self, module: str) -> Any:
        place = self._store.modules.get(module)
        if place is None:
            raise UnknownNameError("module", module, nearest(module, self._store.modules))
        return place

    @overload
    def dispatch(self, event: str, payload: Mapping[str, object] | None = None, /) -> None: ...
    @overload
    def dispatch(self, event: Record, /) -> None: ...
    def dispatch(self, event: Record | str, payload: Mapping[str, object] | None = None, /) -> None:
        """Run all handlers of an event, as one change.

        Args:
            event: An event, or its name (``"auth::LogIn"``, or ``"LogIn"`` where one module handles it).
            payload: The fields of a named event; structured strictly, unknown keys refused.

        Raises:
            UnknownNameError: No module handles it.
            EventPayloadError: The payload does not fit; nothing was written.
            UsageError: It is no event.
            LifecycleError: The system is destroyed, or an observer dispatches.
            Exception: Whatever a handler raises; none of the event's writes remain.
        """
        if payload is None and type(event) in self._events.handlers:  # as mostly
            self._events.dispatch(event)  # type: ignore[arg-type]  # what is handled is an event
        elif isinstance(event, str):
            self._events.dispatch(structure_event(self._events.named(event), event, payload))
        elif payload is not None:
            refuse("dispatch()", "a payload only beside a name", payload, UsageError)
        elif is_record(event):
            self._events.dispatch(event)
        else:
            refuse("dispatch()", "an event (an instance of an attrs class) or a name", event, UsageError)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all writes of the block one change, or none of them if it raises.

        It spans no checkpoint. A pass or another task's write that finds it open undoes its writes and makes
        it raise.

        Raises:
            TransactionError: It was interrupted.
            LifecycleError: The system is destroyed, or an observer opens it.
        """
        self._store.check_writable("a transaction", "open")
        with self._store.atomic(interruptible=True):
            yield

    def touch(self, name: str, /) -> None:
        """Make a change of an equal value, so that whoever read the fact *name* is asked again.

        A derivation that computes an equal value stops it, as it stops any change.

        Raises:
            UnknownNameError: There is no such fact.
            UsageError: It is a derivation.
            LifecycleError: The system is destroyed, or an observer touches it.
        """
        node = self._names.node(name)
        if not hasattr(node, "touched"):
            raise UsageError(f"{name!r} is a derivation; touch the facts it reads")
        self._store.touch(node)

    def read(self, name: str, /) -> Any:
        """Return the value of a fact or derivation by its name (``auth::token`` or ``auth.token``).

        Raises:
            UnknownNameError: It names nothing.
            DerivationError: The derivation raised.
        """
        return self._names.node(name).recall()

    # -- requirements -----------------------------------------------------------------------------

    def require(self, requirement: Record, /) -> None:
        """Ask for a requirement, until it is met, finally failed or cancelled.

        One that a constraint asks for too is the same run. One that stands unsatisfied or failed is
        dispatched again. It waits for no ``after``. Where several modules have a resolver for it, the one
        that serves it now is meant, else the one that served it last, else the first in module order.

        Raises:
            UsageError: It is no instance of an attrs or data class.
            UnhashableRequirementError: It has no identity.
            LifecycleError: The system is destroyed, or an observer asks.
        """
        self._life.refuse_destroyed("require")
        if not is_record(requirement):
            refuse("require()", A_REQUIREMENT, requirement, UsageError)
        self._store.check_writable(type(requirement).__name__, "require")
        self._planner.require(requirement)
        self._loop.wake()

    def cancel(self, requirement: Record, /) -> bool:
        """Cancel the run of a requirement, or its scheduled retry. False when there is none.

        Raises:
            UsageError: It is no instance of an attrs or data class.
            LifecycleError: The system is destroyed, or an observer cancels.
        """
        self._life.refuse_destroyed("cancel")
        if not is_record(requirement):
            refuse("cancel()", A_REQUIREMENT, requirement, UsageError)
        self._store.check_writable(type(requirement).__name__, "cancel")
        found = self._planner.cancel(requirement)
        if found and not self._loop.passing:
            self._loop.cancel_decided()
        self._loop.wake()
        return found

    # -- life -------------------------------------------------------------------------------------

    @property
    def state(self) -> StateName:
        """``new``, ``running``, ``stopping``, ``stopped`` or ``destroyed``."""
        return self._life.state

    def start(self, nursery: trio.Nursery, /) -> None:
        """Begin to reconcile, in tasks of *nursery*. For hosts that cannot nest; else use `open_system`.

        Raises:
            LifecycleError: It runs already, is stopping, or is destroyed.
            UsageError: *nursery* is none.
        """
        check_instance("start()", nursery, trio.Nursery, "a nursery", UsageError)
        self._life.start(nursery)

    async def run(self, *, task_status: trio.TaskStatus[Self] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until stopped: ``await nursery.start(system.run)``.

        Cancelling it is an ordered stop: runs end with reason ``stopped``, and nothing is left behind.

        Raises:
            LifecycleError: It runs already, is stopping, or is destroyed.
            ExceptionGroup: What the error boundary let through with ``throw``.
        """
        await self._life.run(lambda: task_status.started(self))

    def stop(self) -> None:
        """Ask the system to stop: it starts nothing more, and has stopped when its tasks have ended.

        Repeating it is harmless.

        Raises:
            LifecycleError: It never ran, or is destroyed.
        """
        self._life.stop()

    async def stop_async(self) -> None:
        """Stop, and wait until no task of the system is left.

        Raises:
            LifecycleError: As `stop`, or called from inside the system, where it could never return.

        Cancellation:
            A checkpoint on every call. Cancelling ends the waiting; the system stops all the same.
        """
        await self._life.stop_async()

    async def destroy(self) -> None:
        """Stop for good. Later writes and dispatches raise `LifecycleError`; waiters are woken with it.

        Repeating it is harmless.

        Raises:
            LifecycleError: Called from inside the system, where it could never return.

        Cancellation:
            A checkpoint on every call. Cancelling ends the waiting; the system stops, and is not destroyed.
        """
        await self._life.destroy()

    async def evict(self, deadline: float = math.inf) -> EvictionReport:
        """End for good within a given time, whatever hangs.

        What sources do ``on_evict`` is started in the order of registration and runs together, each isolated;
        then the system is destroyed. Half of the time belongs to the former. Every shield of the engine ends at
        the deadline. Repeating it waits for the same end, and reports the same.

        Args:
            deadline: A moment on the trio clock, at which this returns in every case.

        Returns:
            Whether all went well, and the names of what was cut off or has not ended.

        Raises:
            LifecycleError: Called from inside the system, where it could never return.
            UsageError: *deadline* is no moment.

        Cancellation:
            A checkpoint on every call. Cancelling ends the waiting; the eviction goes on.
        """
        check_between("evict()", deadline, -math.inf, math.inf, "a moment on the trio clock", UsageError)
        return await self._life.evict(deadline)
