"""The tasks of one system: started in whatever nursery it lives in, known by name, waited for at the end.

The host's nursery may hold tasks of others too, so a system counts its own. Membership answers whether some
task belongs to the system: it is one of its tasks, or a descendant of one.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import trio


class Tasks:
    """The tasks of one running system."""

    def __init__(self, failed: Callable[[], None]) -> None:
        self._nursery: trio.Nursery | None = None
        self._members: set[trio.lowlevel.Task] = set()
        self._failed = failed
        self._count = 0
        self._empty = trio.Event()
        self._services: dict[trio.CancelScope, trio.Event] = {}

    def open(self, nursery: trio.Nursery) -> None:
        """Start tasks in *nursery* from now on."""
        self._nursery = nursery

    def start(self, function: Callable[..., Awaitable[None]], *args: Any, name: str) -> None:
        """Start a task. An error that leaves it first makes the system stop, then goes to the nursery."""
        assert self._nursery is not None  # opened when the system starts
        self._nursery.start_soon(self._run, function, args, name=f"directive_trio {name}")
        self._count += 1

    async def _run(self, function: Callable[..., Awaitable[None]], args: tuple[Any, ...]) -> None:
        with self.member():
            try:
                await function(*args)
            except BaseException:
                self._failed()
                raise
            finally:
                self._count -= 1
                if not self._count:
                    self._empty.set()
                    self._empty = trio.Event()

    def start_service(
        self, function: Callable[[], Awaitable[None]], *, name: str, report: Callable[[Exception], None] | None = None
    ) -> None:
        """Start a task that serves the others and ends after them, when `end_services` is called.

        With *report*, what the task raises goes there and nowhere else.
        """
        assert self._nursery is not None  # opened when the system starts
        scope = trio.CancelScope(shield=True)
        ended = trio.Event()

        async def serve() -> None:
            with self.member():
                try:
                    with scope:
                        await function()
                except Exception as error:
                    if report is None:
                        raise
                    report(error)
                finally:
                    ended.set()

        self._nursery.start_soon(serve, name=f"directive_trio {name}")
        self._services[scope] = ended

    async def end_services(self) -> None:
        """Cancel the services and wait for their end."""
        services, self._services = self._services, {}
        for scope in services:
            scope.cancel(reason="stopped")
        for ended in services.values():
            await ended.wait()

    def member(self) -> "_Membership":
        """Count the current task as the system's while the block lasts."""
        return _Membership(self._members, trio.lowlevel.current_task())

    async def wait_empty(self) -> None:
        """Wait until none is left."""
        while self._count:
            await self._empty.wait()

    def contains_current(self) -> bool:
        """Say whether the current task belongs to the system."""
        task: trio.lowlevel.Task | None = trio.lowlevel.current_task()
        while task is not None:
            if task in self._members:
                return True
            nursery = task.parent_nursery
            task = None if nursery is None else nursery.parent_task
        return False


class _Membership:
    __slots__ = ("_members", "_task")

    def __init__(self, members: set[trio.lowlevel.Task], task: trio.lowlevel.Task) -> None:
        self._members = members
        self._task = task

    def __enter__(self) -> None:
        self._members.add(self._task)

    def __exit__(self, *exc_details: object) -> None:
        self._members.discard(self._task)
