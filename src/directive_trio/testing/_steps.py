"""The steps of one task and its descendants, counted from outside; and what to do after one of them."""

from collections.abc import Callable

import trio


class Steps(trio.abc.Instrument):
    """Counts the steps of a task. It looks only at the one it is told to follow."""

    def __init__(self) -> None:
        self.count = 0
        self.stopped = trio.Event()
        """Set when the step has come at which to stop."""
        self._task: trio.lowlevel.Task | None = None
        self._last = 0
        self._stop: Callable[[], None] = _nothing

    def follow(self, task: trio.lowlevel.Task) -> None:
        """Count the steps of *task* from now on; the present one is the first."""
        self._task = task
        trio.lowlevel.add_instrument(self)

    def stop_at(self, last: int, stop: Callable[[], None]) -> None:
        """Call *stop* after the step number *last*."""
        self._last, self._stop = last, stop

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if not self._is_followed(task):
            return
        self.count += 1
        if self.count == self._last:
            self._stop()
            self.stopped.set()

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        if task is self._task:
            trio.lowlevel.remove_instrument(self)
            self._task = None

    def _is_followed(self, task: trio.lowlevel.Task | None) -> bool:
        while task is not None and task is not self._task:
            task = None if task.parent_nursery is None else task.parent_nursery.parent_task
        return task is not None


def all_tasks() -> set[trio.lowlevel.Task]:
    """Return every task of this trio run."""
    root = trio.lowlevel.current_root_task()
    assert root is not None  # there is one while trio runs
    found, pending = {root}, [root]
    while pending:
        children = {child for nursery in pending.pop().child_nurseries for child in nursery.child_tasks}
        found |= children
        pending += children
    return found


def _nothing() -> None: ...
