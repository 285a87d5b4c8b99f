"""The tasks of one system: started in whatever nursery it lives in, known by name, waited for at the end.

The host's nursery may hold tasks of others too, so a system counts its own. Membership answers whether some
task belongs to the system: it is one of its tasks, or a descendant of one.

``with tasks:`` is one task's whole work. There are as many of these as there are runs, so the block is this
object itself: nothing is made for it, and no coroutine stands between a run and the code of its resolver.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import trio
from trio.lowlevel import current_task

PREFIX = "directive_trio "
"""What the names of all tasks begin with but those of services."""
KIND = re.compile(r"^(?:constraint|effect|eviction of source|source) | run \d+$")
"""What stands in the name of a task beside the id of what it runs."""


class Tasks:
    """The tasks of one running system."""

    def __init__(self, failed: Callable[[], None]) -> None:
        self.nursery: trio.Nursery
        """Where tasks are started, from `open` on."""
        self.count = 0
        """How many were started and have not ended."""
        self._members: set[trio.lowlevel.Task] = set()
        self._failed = failed
        self._empty: trio.Event | None = None
        self._services: dict[trio.CancelScope, tuple[str, trio.Event]] = {}
        self._ending: list[tuple[str, trio.Event]] = []
        """The services that were asked to end."""

    def open(self, nursery: trio.Nursery) -> None:
        """Start tasks in *nursery* from now on."""
        self.nursery = nursery

    def start(self, function: Callable[..., Awaitable[None]], *args: Any, name: str) -> None:
        """Start a task. An error that leaves it first makes the system stop, then goes to the nursery."""
        self.start_own(self._run, function, args, name=name)

    async def _run(self, function: Callable[..., Awaitable[None]], args: tuple[Any, ...]) -> None:
        with self:
            await function(*args)

    def start_own(self, function: Callable[..., Awaitable[None]], *args: Any, name: str) -> None:
        """Start a task whose function says ``with tasks:`` itself."""
        self.nursery.start_soon(function, *args, name=PREFIX + name)
        self.count += 1

    def __enter__(self) -> None:
        self._members.add(current_task())

    def __exit__(self, kind: type[BaseException] | None, _error: object, _traceback: object) -> None:
        if kind is not None:
            self._failed()
        count = self.count = self.count - 1
        if not count and self._empty is not None:
            self._empty.set()
            self._empty = None
        self._members.discard(current_task())

    def start_service(
        self, function: Callable[[], Awaitable[None]], *, name: str, report: Callable[[Exception], None] | None = None
    ) -> None:
        """Start a task that serves the others and ends after them, when `end_services` is called.

        With *report*, what the task raises goes there and nowhere else.
        """
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

        self.nursery.start_soon(serve, name=f"{name} of directive_trio")
        self._services[scope] = (name, ended)

    async def end_services(self) -> None:
        """Cancel the services and wait for their end."""
        services, self._services = self._services, {}
        self._ending = list(services.values())
        for scope in services:
            scope.cancel(reason="stopped")
        for _, ended in self._ending:
            await ended.wait()

    def member(self) -> "_Membership":
        """Count the current task as the system's while the block lasts."""
        return _Membership(self._members, current_task())

    async def wait_empty(self) -> None:
        """Wait until none is left."""
        while self.count:
            self._empty = trio.Event()
            await self._empty.wait()

    def left(self) -> list[str]:
        """Return the names of what goes on: definitions by their ids, plugins by their classes."""
        work = {task.name.removeprefix(PREFIX) for task in self._members if task.name.startswith(PREFIX)}
        ending = {name for name, ended in self._ending if not ended.is_set()}
        return sorted({KIND.sub("", name) for name in work} | ending)

    def contains_current(self) -> bool:
        """Say whether the current task belongs to the system."""
        task: trio.lowlevel.Task | None = current_task()
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
