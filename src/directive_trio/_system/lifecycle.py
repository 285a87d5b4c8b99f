"""The life of a system: a table of what leads where, and who carries it out.

A running system is one task that reconciles, the tasks it starts (runs, async effects, async constraints), and a
few that serve these. Whatever ends the first one (a stop, a cancellation from outside, an error) ends all of
them in the same order: the work, then those that serve it, then the picture of what was wanted.
"""

from collections.abc import Callable
from enum import Enum
from typing import Literal

import trio

from directive_trio._definitions.policies import CancelReason
from directive_trio._observation.observations import SystemDestroy, SystemStart, SystemStop
from directive_trio._runtime.reconcile_loop import ReconcileLoop
from directive_trio._system.eviction import Eviction, EvictionReport
from directive_trio._system.plugins import PluginTasks
from directive_trio._system.waiting import Waiting
from directive_trio.errors import LifecycleError

StateName = Literal["new", "running", "stopping", "stopped", "destroyed"]


class Operation(Enum):
    """What moves a system from state to state. ``ended``: its last task is gone."""

    START = "start"
    STOP = "stop"
    ENDED = "ended"
    DESTROY = "destroy"


TRANSITIONS: dict[tuple[StateName, Operation], StateName] = {
    ("new", Operation.START): "running",
    ("stopped", Operation.START): "running",
    ("running", Operation.STOP): "stopping",
    ("stopping", Operation.STOP): "stopping",
    ("stopped", Operation.STOP): "stopped",
    ("running", Operation.ENDED): "stopped",
    ("stopping", Operation.ENDED): "stopped",
    ("new", Operation.DESTROY): "destroyed",
    ("stopped", Operation.DESTROY): "destroyed",
    ("destroyed", Operation.DESTROY): "destroyed",
}


def next_state(state: StateName, operation: Operation) -> StateName:
    """Look the transition up.

    Raises:
        LifecycleError: There is none; names operation and state.
    """
    found = TRANSITIONS.get((state, operation))
    if found is None:
        raise LifecycleError(operation.value, state)
    return found


class Life:
    """The life of one system."""

    def __init__(self, loop: ReconcileLoop, plugins: PluginTasks, waiting: Waiting) -> None:
        self.name = loop.name
        self.state: StateName = "new"
        self._store = loop.store
        self._observers = loop.observers
        self._loop = loop
        self._plugins = plugins
        self._waiting = waiting
        self._ended = trio.Event()
        self._eviction: Eviction | None = None
        self._store.task = _current_task  # a system that does not run yet has facts and transactions too

    # -- starting ---------------------------------------------------------------------------------

    def start(self, nursery: trio.Nursery, *, shield: bool = False) -> None:
        """Run in tasks of *nursery*. With *shield* a cancellation from outside does not end it."""
        self._open(nursery)
        nursery.start_soon(self._live, shield, name=f"directive_trio {self.name}")
        self._begin()

    async def _live(self, shield: bool) -> None:
        try:
            await self._reconcile(shield)
        finally:
            self._finish()

    async def run(self, started: Callable[[], None]) -> None:
        """Run in this task. It has stopped when the nursery in it is closed."""
        next_state(self.state, Operation.START)  # refused here, its error is not in a group
        try:
            async with trio.open_nursery() as nursery:
                self._open(nursery)
                try:
                    self._begin(started)
                finally:
                    await self._reconcile(shield=False)
        finally:
            self._finish()

    def _open(self, nursery: trio.Nursery) -> None:
        state = next_state(self.state, Operation.START)
        self._loop.open(nursery)
        self.state = state
        self._ended = trio.Event()
        self._observers.clock = trio.lowlevel.current_clock().current_time

    def _begin(self, started: Callable[[], None] = lambda: None) -> None:
        """Tell everybody that it runs. Who raises a KeyboardInterrupt here ends it: its first task is there already."""
        try:
            if self._observers.listening:
                self._observers.tell(SystemStart, self.name)
            self._plugins.start(self._loop.tasks)
            if not self._loop.stopping:  # an observer may have seen enough
                self._loop.sources.begin()
            started()
        except BaseException:
            self.stop()
            raise

    # -- ending -----------------------------------------------------------------------------------

    async def _reconcile(self, shield: bool) -> None:
        loop = self._loop
        try:
            with loop.tasks.member(), trio.CancelScope(shield=shield):
                await loop.run()
        except BaseException:
            loop.settlement.failing = True
            raise
        finally:
            self.state = next_state(self.state, Operation.STOP)
            try:
                loop.wind_down(self._reason)
            finally:
                with trio.CancelScope(shield=True):
                    try:
                        await loop.sources.detach_all(self._reason)
                    finally:
                        await loop.tasks.wait_empty()
                        await loop.tasks.end_services()
        if loop.effects.throw:  # a cleanup at the end
            raise loop.effects.throw[0]

    def _finish(self) -> None:
        now = trio.current_time()
        try:
            self._loop.close(self._reason)
            if self._observers.listening:
                self._observers.tell(SystemStop, self.name)
        finally:  # from here on it may be used where there is no trio
            self.state = next_state(self.state, Operation.ENDED)
            self._observers.clock = lambda: now
            try:
                if self._eviction is not None:
                    self._end_for_good()
            finally:
                self._ended.set()

    def stop(self) -> None:
        """Ask for the end."""
        self.state = next_state(self.state, Operation.STOP)
        if self.state == "stopping":
            self._loop.ask_to_stop()

    async def stop_async(self) -> None:
        """Ask for the end and wait for it."""
        self.refuse_inside("stop_async")
        await trio.lowlevel.checkpoint()
        self.stop()
        if self.state == "stopping":
            await self._ended.wait()

    async def destroy(self) -> None:
        """End for good."""
        self.refuse_inside("destroy")
        await trio.lowlevel.checkpoint()
        while self.state in ("running", "stopping"):  # somebody may start it again meanwhile
            self.stop()
            await self._ended.wait()
        self._end_for_good()

    async def evict(self, deadline: float) -> EvictionReport:
        """End for good, within the time there is."""
        self.refuse_inside("evict")
        await trio.lowlevel.checkpoint()
        if self._eviction is None:
            self._eviction = Eviction(self._loop, self.stop)
            self._eviction.begin(deadline, running=self.state == "running")
        else:
            self._eviction.hasten(deadline)
        if self.state in ("new", "stopped", "destroyed"):
            self._end_for_good()
            return self._eviction.report()
        return await self._eviction.wait(self._ended, deadline)

    @property
    def _reason(self) -> CancelReason:
        """Why whatever goes on is cancelled at the end."""
        return CancelReason("stopped" if self._eviction is None else "evicted")

    def _end_for_good(self) -> None:
        before, self.state = self.state, next_state(self.state, Operation.DESTROY)
        if before == "destroyed":
            return
        self._store.destroyed = self._loop.sources.destroyed = True
        self._store.recheck()
        self._waiting.end()
        if self._observers.listening:
            self._observers.tell(SystemDestroy, self.name)
        self._observers.clear()

    # -- refusing ---------------------------------------------------------------------------------

    def refuse_unless_running(self, operation: str) -> None:
        """Refuse an operation that means something only while the system runs."""
        if self.state != "running":
            raise LifecycleError(operation, self.state)

    def refuse_destroyed(self, operation: str) -> None:
        """Refuse an operation on a destroyed system."""
        if self.state == "destroyed":
            raise LifecycleError(operation, self.state)

    def refuse_inside(self, operation: str) -> None:
        """Refuse an operation that waits for the task it is called from."""
        if self._loop.tasks.contains_current():
            raise LifecycleError(operation, self.state, "called from inside it, where it could never return")


def _current_task() -> trio.lowlevel.Task | None:
    """Return the task that runs, or None outside of trio, where no other can come between."""
    try:
        return trio.lowlevel.current_task()
    except RuntimeError:
        return None
