"""The contract of adapters, as a test that their authors run: `check_source`."""

import gc
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias, final

import trio
from attrs import define

from directive_trio import ErrorBoundary, Module, SourceLink, System
from directive_trio.abc import Source
from directive_trio.observe import Observation, SourceAttach, SourceDrop, SourceError, SourcePublish
from directive_trio.testing._steps import Steps, all_tasks

STEPS = 50
"""At how many of its steps a source is cancelled, the first ones."""

Complaint: TypeAlias = str | None
"""What is wrong, or None."""


async def check_source(
    make_source: Callable[[], Source],
    /,
    *,
    events: Iterable[type] = (),
    within: float = 5,
    quiet: float = 1,
    closed: Callable[[Any], bool] | None = None,
) -> None:
    """Check that a source keeps the contract of adapters. Each part runs a new source in a system of its own.

    The source *attaches* · *publishes* · *survives a failing handler* · *is silent when detached* · *detaches in
    time* · *is evicted in time*, and may be detached after that · *attaches again* after a stop · *can be
    cancelled anywhere*: at each of its steps up to the first publish · *leaves nothing behind*: no task, no open
    socket, and nothing that *closed* finds open.

    It runs on any clock; on trio's mock clock (pytest-trio's ``autojump_clock``) it takes no time. What shields
    itself for ever cannot be ended, by this check neither.

    Args:
        make_source: Makes a source that publishes by itself; called for each part.
        events: The classes it publishes, where it publishes names. Classes are found out.
        within: Seconds that each part may take.
        quiet: Seconds for which a detached source is listened to.
        closed: ``(source) -> bool``: whether all is closed that it has opened.

    Raises:
        AssertionError: Names each part that fails, and how.

    Example:
        >>> import trio
        >>> from attrs import frozen
        >>> from trio.testing import MockClock
        >>> from directive_trio import SourceLink
        >>> from directive_trio.abc import Source
        >>> from directive_trio.testing import check_source
        >>> @frozen
        ... class Tick: ...
        >>> class Clockwork(Source):
        ...     async def run(self, link: SourceLink, /) -> None:
        ...         while True:
        ...             link.publish(Tick())
        ...             await trio.sleep(1)
        >>> trio.run(check_source, Clockwork, clock=MockClock(autojump_threshold=0))
    """
    check = _Check(make_source, set(events), within, quiet, closed)
    await check.learn()
    complaints = []
    for name, part in check.parts():
        complaint = await part()
        if complaint is not None:
            complaints.append(f"\n  {name}: {complaint}")
    if complaints:
        raise AssertionError(f"the source breaks its contract:{''.join(complaints)}")


@define
class NoFacts:
    """The sources are all there is."""


class HandlerFailsError(Exception):
    """What the failing handler raises."""


@final
class _Spied(Source):
    """The source, with its task known."""

    def __init__(self, source: Source, steps: Steps) -> None:
        self.source = source
        self.coalesce = source.coalesce
        self.steps = steps

    async def run(self, link: SourceLink, /) -> None:
        self.steps.follow(trio.lowlevel.current_task())
        await self.source.run(link)

    async def on_evict(self) -> None:
        await self.source.on_evict()


class _Trial:
    """One source in one system."""

    def __init__(self, source: Source, kinds: Iterable[type], within: float, *, failing: bool = False) -> None:
        self.steps = Steps()
        self.source = source
        self.within = within
        self.failing = failing
        self.seen: list[Observation] = []
        self._told = trio.Event()
        module = Module("check", NoFacts)
        module.add_source(_Spied(source, self.steps), name="source")
        for kind in kinds:
            module.on(kind)(self._take)
        quietly = ErrorBoundary(on_error=lambda *_: None)
        self.system = System(module, errors=quietly, teardown_grace=within)
        self.system.observe(self._note)

    def _take(self, facts: NoFacts, event: object) -> None:  # noqa: ARG002
        if self.failing:
            self.failing = False
            raise HandlerFailsError

    def _note(self, seen: Observation) -> None:
        self.seen.append(seen)
        self._told.set()
        self._told = trio.Event()

    def has_seen(self, *kinds: type[Observation]) -> bool:
        """Say whether something of these kinds was observed."""
        return any(isinstance(seen, kinds) for seen in self.seen)

    async def until(self, *kinds: type[Observation]) -> bool:
        """Wait until something of these kinds is observed, and say whether it was."""
        with trio.move_on_after(self.within):
            while not self.has_seen(*kinds):
                await self._told.wait()
        return self.has_seen(*kinds)

    @property
    def state(self) -> Any:
        """What ``inspect`` says of the source."""
        return self.system.inspect().sources[0]

    def count(self) -> int:
        """Return how often it has published, to whatever end."""
        return int(self.state.publish_count + self.state.drop_count)

    def raised(self) -> Complaint:
        """Complain of its errors."""
        for seen in self.seen:
            if isinstance(seen, SourceError):
                return f"it failed ({seen.phase}): {seen.error!r}"
        return None

    @asynccontextmanager
    async def running(self) -> AsyncIterator["_Trial"]:
        """Run the system; it has stopped when the block is over."""
        async with trio.open_nursery() as nursery:
            self.system.start(nursery)
            try:
                yield self
            finally:
                with trio.CancelScope(shield=True):
                    await self.system.destroy()

    async def stopped(self) -> Complaint:
        """Stop, and complain if that takes too long, or fails."""
        begin = trio.current_time()
        await self.system.stop_async()
        took = trio.current_time() - begin
        if took > self.within:
            return f"it took {took:g} s"
        return self.raised()


class _Check:
    """The parts of the contract."""

    def __init__(
        self,
        make_source: Callable[[], Source],
        kinds: set[type],
        within: float,
        quiet: float,
        closed: Callable[[Any], bool] | None,
    ) -> None:
        self.make_source = make_source
        self.kinds = kinds
        self.within = within
        self.quiet = quiet
        self.closed = closed
        self.first_publish = 0
        """How many steps the source takes up to its first publish."""

    def parts(self) -> list[tuple[str, Callable[[], Awaitable[Complaint]]]]:
        """Return all parts, by name."""
        return [
            ("attaches", self.attaches),
            ("publishes", self.publishes),
            ("survives a failing handler", self.survives),
            ("is silent when detached", self.is_silent),
            ("detaches in time", self.detaches),
            ("is evicted in time", self.is_evicted),
            ("attaches again", self.attaches_again),
            ("can be cancelled anywhere", self.can_be_cancelled),
            ("leaves nothing behind", self.leaves_nothing),
        ]

    def trial(self, *, failing: bool = False) -> _Trial:
        """Make a source and a system for it."""
        return _Trial(self.make_source(), self.kinds, self.within, failing=failing)

    async def learn(self) -> None:
        """Find out what it publishes, and when."""
        async with self.trial().running() as trial:
            await trial.until(SourceDrop, SourcePublish)
            self.first_publish = min(trial.steps.count, STEPS)
            published = [seen.event for seen in trial.seen if isinstance(seen, SourceDrop | SourcePublish)]
            self.kinds |= {type(event) for event in published if hasattr(event, "__match_args__")}

    async def attaches(self) -> Complaint:
        async with self.trial().running() as trial:
            if await trial.until(SourceAttach):
                return None
            return trial.raised() or f"it was not attached within {self.within:g} s"

    async def publishes(self) -> Complaint:
        async with self.trial().running() as trial:
            if await trial.until(SourcePublish):
                return None
            dropped = "".join(f"; {count} dropped: {why}" for why, count in trial.state.drops.items())
            return trial.raised() or f"it published nothing within {self.within:g} s{dropped}"

    async def survives(self) -> Complaint:
        async with self.trial(failing=True).running() as trial:
            if await trial.until(SourceDrop):
                await trio.sleep(self.quiet)
            return trial.raised()

    async def is_silent(self) -> Complaint:
        async with self.trial().running() as trial:
            await trial.until(SourcePublish)
            await trial.system.stop_async()
            before = trial.count()
            await trio.sleep(self.quiet)
            late = trial.count() - before
            return f"it published {late} times after its end" if late else None

    async def detaches(self) -> Complaint:
        async with self.trial().running() as trial:
            await trial.until(SourcePublish)
            return await trial.stopped()

    async def is_evicted(self) -> Complaint:
        async with self.trial().running() as trial:
            await trial.until(SourcePublish)
            report = await trial.system.evict(trio.current_time() + self.within)
            return trial.raised() or (None if report.clean else f"it hung for {self.within:g} s")

    async def attaches_again(self) -> Complaint:
        trial = self.trial()
        async with trial.running():
            await trial.until(SourcePublish)
            await trial.system.stop_async()
        again = _Trial(trial.source, self.kinds, self.within)
        async with again.running():
            expected = SourcePublish if trial.has_seen(SourcePublish) else SourceAttach
            if await again.until(expected):
                return None
            return again.raised() or f"it was not back within {self.within:g} s"

    async def can_be_cancelled(self) -> Complaint:
        for step in range(1, self.first_publish + 1):
            trial = self.trial()
            complaint = None
            with _nothing_left(trial, self.closed) as left:
                async with trial.running():
                    trial.steps.stop_at(step, trial.system.stop)
                    with trio.move_on_after(self.within):
                        await trial.steps.stopped.wait()
                    complaint = await trial.stopped()
            complaint = complaint or left.complaint
            if complaint is not None:
                return f"at its step {step}: {complaint}"
        return None

    async def leaves_nothing(self) -> Complaint:
        trial = self.trial()
        with _nothing_left(trial, self.closed) as left:
            async with trial.running():
                await trial.until(SourcePublish)
        return left.complaint


class _Left:
    """What a trial left behind."""

    def __init__(self) -> None:
        self.complaint: Complaint = None


@contextmanager
def _nothing_left(trial: _Trial, closed: Callable[[Any], bool] | None) -> Iterator[_Left]:
    """Compare what there is before and after the block."""
    left, tasks, sockets = _Left(), all_tasks(), _open_sockets()
    yield left
    new_tasks = sorted(task.name for task in all_tasks() - tasks)
    new_sockets = len(_open_sockets() - sockets)
    if new_tasks:
        left.complaint = f"tasks are left: {', '.join(new_tasks)}"
    elif new_sockets:
        left.complaint = f"{new_sockets} sockets are open"
    elif closed is not None and not closed(trial.source):
        left.complaint = "what it has opened is not closed"


def _open_sockets() -> set[int]:
    """Return the file descriptors of all sockets that are open in this process."""
    sockets = [found for found in gc.get_objects() if issubclass(type(found), socket.socket)]
    return {found.fileno() for found in sockets} - {-1}
