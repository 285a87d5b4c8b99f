"""S1, S4, S5, S7: whatever ends a program, and at whichever step of the scheduler, its sources end with it.

The program has a source of each kind. It is run again and again, and ended after one more step each time. Then
nothing is left: each source that was attached has been detached, once; no task goes on; nothing was raised that nobody
has raised, and nothing lost.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest
import trio
from attrs import define, frozen
from trio.testing import MockClock

from directive_trio import ErrorBoundary, EvictionReport, Module, Retry, SourceLink, System, from_callback, open_system
from directive_trio.errors import LifecycleError
from directive_trio.observe import Observation
from tests.behaviours.feeds import Line, feed_module, source_log
from tests.behaviours.worker import all_tasks

ENOUGH = 1000
"""Steps that the program never takes."""


@define
class RoomFacts:
    total: int = 0
    room: str | None = None


@frozen
class Tick: ...


@frozen
class Entered:
    room: str | None


class Rooms:
    """The program: what it has attached and not detached stands in `open`."""

    def __init__(self) -> None:
        self.opened: Counter[str] = Counter()
        self.closed: Counter[str] = Counter()
        self.module = module = Module("rooms", RoomFacts)
        module.on(Tick)(self.tick)
        module.on(Entered)(self.enter)
        module.source(name="visitor")(self.visit)
        module.add_source(from_callback(self.subscribe), name="sync")
        module.add_source(from_callback(self.subscribe_slowly), name="async")
        module.add_source(from_callback(self.subscribe), name="keyed", key=lambda facts: facts.room)
        module.add_source(from_callback(self.subscribe_slowly), name="late", key=lambda facts: facts.room)
        module.source(name="failing", retry=Retry(2, initial_delay=0.3), coalesce="last_write_wins")(self.fail)
        module.source(name="nursery")(self.fail_in_a_nursery)

    def tick(self, facts: RoomFacts, event: Tick) -> None:
        facts.total += 1

    def enter(self, facts: RoomFacts, event: Entered) -> None:
        facts.room = event.room

    async def visit(self, link: SourceLink) -> None:
        """Changes the key of others, and cleans up slowly."""
        self.opened["visitor"] += 1
        try:
            for room in ("hall", "attic", None, "cellar"):
                await trio.sleep(1)
                link.publish(Tick())
                link.publish(Entered(room))
                await link.caught_up()
            await trio.sleep_forever()
        finally:
            with link.teardown():
                await trio.sleep(0.1)
            self.closed["visitor"] += 1

    def subscribe(self, link: SourceLink) -> Callable[[], object]:
        """Attaches in no time."""
        self.opened["sync"] += 1
        return lambda: self.closed.update(["sync"])

    async def subscribe_slowly(self, link: SourceLink) -> Callable[[], Awaitable[None]]:
        """Takes its time for both."""
        await trio.sleep(0.5)
        self.opened["async"] += 1
        link.on_evict(partial(trio.sleep, 0.1))

        async def unsubscribe() -> None:
            self.closed["async"] += 1
            await trio.sleep(0.2)

        return unsubscribe

    async def fail(self, link: SourceLink) -> None:
        """Fails, after publishes that wait for the next pass."""
        self.opened["failing"] += 1
        try:
            link.publish(Tick())
            await trio.sleep(0.7)
            link.publish(Tick())
            link.publish(Tick())
            raise OSError("cut")
        finally:
            self.closed["failing"] += 1

    async def fail_in_a_nursery(self, link: SourceLink) -> None:
        """What leaves it when it is cancelled is a group: of an error and of a cancellation."""
        link.attached()
        self.opened["nursery"] += 1

        async def clean_up_badly() -> None:
            try:
                await trio.sleep_forever()
            finally:
                self.closed["nursery"] += 1
                raise OSError("still in use")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(clean_up_badly)
            nursery.start_soon(trio.sleep_forever)


class End(trio.abc.Instrument):
    """Does something after so many steps of the scheduler."""

    def __init__(self, step: int, act: Callable[[], object]) -> None:
        self.left = step
        self.act = act

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.left -= 1
        if self.left == 0:
            self.act()


class Story:
    """One run of the program, with an end."""

    def __init__(self) -> None:
        self.rooms = Rooms()
        self.log: list[Observation] = []
        self.reports: list[EvictionReport] = []
        self.interrupt_at = 0
        self.failure: BaseException | None = None
        self.system = System(
            self.rooms.module, errors=ErrorBoundary(on_error=lambda *_: None), teardown_grace=2, name="story"
        )
        self.system.observe(self.note)

    def note(self, seen: Observation) -> None:
        self.log.append(seen)
        if len(self.log) == self.interrupt_at:
            raise KeyboardInterrupt

    async def run(self, end: "Ending", step: int) -> int:
        """Run it until *end* comes, after so many steps; return how many steps it has not taken."""
        before = all_tasks()
        instrument = End(step, lambda: end(self, nursery, others))
        async with trio.open_nursery() as others:
            try:
                async with trio.open_nursery() as nursery:
                    trio.lowlevel.add_instrument(instrument)
                    self.system.start(nursery)
                    await self.live()
            except BaseException as failure:  # noqa: BLE001  # looked at below
                self.failure = failure
            trio.lowlevel.remove_instrument(instrument)
        self.check()
        assert all_tasks() == before
        return instrument.left

    async def live(self) -> None:
        try:
            await trio.sleep(4.5)
            await self.system.stop_async()
            if self.system.state == "stopped":
                await self.system.destroy()
        except LifecycleError:  # it was ended meanwhile
            pass

    async def evict(self) -> None:
        self.reports.append(await self.system.evict(trio.current_time() + 4))

    def check(self) -> None:
        """What must hold whatever the end was."""
        assert self.rooms.opened == self.rooms.closed
        attached: set[str] = set()
        for seen in self.log:
            about: Any = seen
            if seen.type == "source.attach":
                assert about.id not in attached
                attached.add(about.id)
            elif seen.type == "source.detach":
                attached.remove(about.id)
            elif seen.type == "source.publish":
                assert about.id in attached
        assert not attached
        assert not any(source.attached for source in self.system.inspect().sources)
        assert all(report.clean for report in self.reports)


Ending = Callable[[Story, trio.Nursery, trio.Nursery], None]


def cancel(story: Story, host: trio.Nursery, others: trio.Nursery) -> None:
    host.cancel_scope.cancel()


def stop(story: Story, host: trio.Nursery, others: trio.Nursery) -> None:
    if story.system.state != "destroyed":
        story.system.stop()


def evict(story: Story, host: trio.Nursery, others: trio.Nursery) -> None:
    others.start_soon(story.evict)


def stop_and_evict(story: Story, host: trio.Nursery, others: trio.Nursery) -> None:
    stop(story, host, others)
    evict(story, host, others)


def evict_twice_and_cancel(story: Story, host: trio.Nursery, others: trio.Nursery) -> None:
    evict(story, host, others)
    evict(story, host, others)
    cancel(story, host, others)


@pytest.mark.parametrize("end", [cancel, stop, evict, stop_and_evict, evict_twice_and_cancel])
def test_at_every_step_everything_ends(end: Ending) -> None:
    """A cancellation from outside, a stop and an eviction raise nothing, and leave nothing."""
    for step in range(1, ENOUGH):
        story = Story()
        left = trio.run(story.run, end, step, clock=MockClock(autojump_threshold=0))
        assert story.failure is None, step
        if left > 0:
            break
    else:
        raise AssertionError("it never ends by itself")


def test_an_interrupt_from_any_observation_ends_everything() -> None:
    """It leaves the nursery, alone: nothing that was attached stays."""
    for number in range(1, ENOUGH):
        story = Story()
        story.interrupt_at = number
        trio.run(story.run, stop, ENOUGH, clock=MockClock(autojump_threshold=0))
        if story.failure is None:
            assert len(story.log) < number
            break
        assert [type(error) for error in leaves(story.failure)] == [KeyboardInterrupt], number
    else:
        raise AssertionError("it never ends by itself")


async def test_who_is_ended_by_an_interrupt_elsewhere_was_cancelled(autojump_clock: trio.abc.Clock) -> None:
    """One that an abort callback raises keeps those before it from their turn; they end, and none is completed."""
    log: list[Observation] = []
    feed = feed_module()
    feed.source(name="first", retry=Retry(3))(Line())

    def interrupt(reason: object) -> None:
        raise KeyboardInterrupt

    @feed.source(name="second")
    async def second(link: SourceLink) -> None:
        link.signal.on_abort(interrupt)
        link.attached()
        await trio.sleep_forever()

    with pytest.raises(BaseExceptionGroup) as caught:
        async with open_system(feed) as system:
            await trio.testing.wait_all_tasks_blocked()
            system.observe(log.append)
    assert [type(error) for error in leaves(caught.value)] == [KeyboardInterrupt]
    ended = [("detach", name, "cancelled", "stopped") for name in ("first", "second")]
    assert sorted(source_log(log)) == ended


def leaves(error: BaseException) -> list[BaseException]:
    """Take the groups away."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]
