"""A program with one of everything, for tests that end it at every step it takes.

It counts what begins and what ends. Told to spoil it, whatever is cancelled in it raises an error of its own instead of
giving way: none of these may be lost.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import trio
from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, Retry, SourceLink, System, derivation, from_callback
from directive_trio.errors import LifecycleError, SettleTimeoutError
from directive_trio.observe import Observation


class SpoiltError(Exception):
    """What is raised where something is cancelled."""


@define
class CityFacts:
    ticks: int = 0
    mirrored: int = 0
    ordered: int = 0
    done: int = 0
    phase: str = "idle"
    items: tuple[int, ...] = ()
    delivered: tuple[int, ...] = ()
    street: str = ""
    paved: str = ""
    level: int = 0
    checked: int = 0
    room: str | None = "lobby"

    @derivation
    def open_orders(self) -> int:
        return self.ordered - self.done


@frozen
class Tick:
    by: int = 1


@frozen
class Order:
    number: int


@frozen
class Item:
    number: int


@frozen
class Pave:
    street: str


@frozen
class Mirror:
    ticks: int


@frozen
class Check:
    level: int


Ctx = Context[CityFacts]


class City:
    """The program, and what has become of its parts."""

    def __init__(self, *, spoilt: bool) -> None:
        self.spoilt = spoilt
        self.begun: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.raised: list[SpoiltError] = []
        self.reported: list[Exception] = []
        self.log: list[Observation] = []
        self.module = Module("city", CityFacts)
        self.module.on(Tick)(tick)
        self.add_runs()
        self.add_batch()
        self.add_questions()
        self.add_effects()
        self.add_sources()

    def boundary(self) -> ErrorBoundary:
        """Make a boundary that keeps what it is told."""
        return ErrorBoundary(
            resolver=lambda _, definition: "retry_later" if definition == "city::check" else "skip",
            retry_later=Retry(3, "none", 0.3),
            on_error=lambda error, _: self.reported.append(error),
        )

    @contextmanager
    def at_work(self, name: str) -> Iterator[None]:
        """Count one piece of work."""
        self.begun[name] += 1
        try:
            yield
        except trio.Cancelled:
            if not self.spoilt:
                raise
            error = SpoiltError(name)
            self.raised.append(error)
            raise error from None
        finally:
            self.ended[name] += 1

    async def work(self, name: str, seconds: float) -> None:
        """Be at work for so long."""
        with self.at_work(name):
            await trio.sleep(seconds)

    # -- what was seen of it ---------------------------------------------------------------------------

    def ids(self, *kinds: type[Observation]) -> Counter[object]:
        """Count what was observed: runs by their numbers, anything else by its id."""
        seen: list[Any] = [one for one in self.log if isinstance(one, kinds)]
        return Counter(getattr(one, "run", one.id) for one in seen)

    def errors(self) -> list[BaseException]:
        """Return all errors that were observed."""
        return [error for seen in self.log if (error := getattr(seen, "error", None)) is not None]

    # -- what it is made of ----------------------------------------------------------------------------

    def add_runs(self) -> None:
        """Runs with attempts, timeouts, a nursery and an owned fact; a limited one; a sync one."""
        module = self.module

        @module.constraint(priority=5, owns=["phase"])
        def orders(facts: CityFacts) -> Order | None:
            return Order(facts.done + 1) if facts.open_orders > 0 else None

        @module.resolver(Order, retry=Retry(attempts=2, initial_delay=0.1), timeout=1)
        async def fill(order: Order, ctx: Ctx) -> None:
            with self.at_work("fill"):
                ctx.facts.phase = "filling"
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self.work, "child", 0.2)
                    nursery.start_soon(self.work, "child", 0.1)
                if ctx.attempt == 1 and order.number == 1:
                    raise ValueError("once more")
                ctx.facts.done = order.number

        @module.constraint
        def streets(facts: CityFacts) -> Pave | None:
            return Pave(facts.street) if facts.street != facts.paved else None

        @module.resolver(Pave, limit=1)
        async def pave(requirement: Pave, ctx: Ctx) -> None:
            try:
                await self.work("pave", 0.5)
            finally:
                with trio.CancelScope(shield=True):
                    await trio.sleep(0.3)
            ctx.facts.paved = requirement.street

        @module.constraint
        def mirrors(facts: CityFacts) -> Mirror | None:
            return Mirror(facts.ticks) if facts.ticks != facts.mirrored else None

        @module.resolver(Mirror)
        def mirror(requirement: Mirror, ctx: Ctx) -> None:
            ctx.facts.mirrored = requirement.ticks

    def add_batch(self) -> None:
        """Deliveries, which wait for the orders; every third fails once."""

        @self.module.constraint(after=["orders"])
        def deliveries(facts: CityFacts) -> list[Item]:
            return [Item(number) for number in facts.items if number not in facts.delivered]

        @self.module.batch_resolver(Item, window=0.1, max_size=2, retry=Retry(attempts=2, initial_delay=0.1), timeout=1)
        async def deliver(items: list[Item], ctx: Ctx) -> list[Exception | None]:
            await self.work("deliver", 0.2)
            late = [item for item in items if item.number % 3 == 0 and ctx.attempt == 1]
            ctx.facts.delivered += tuple(item.number for item in items if item not in late)
            return [ValueError(item) if item in late else None for item in items]

    def add_questions(self) -> None:
        """An async constraint, which takes too long once, and its run, which fails and is tried later."""

        @self.module.constraint(timeout=0.4)
        async def checks(facts: CityFacts) -> Check | None:
            level = facts.level
            await self.work("question", 0.2 if level < 2 else 9)
            return Check(level) if facts.checked != level else None

        @self.module.resolver(Check)
        async def check(requirement: Check, ctx: Ctx) -> None:
            await self.work("check", 0.1)
            if self.ended["check"] == 1:
                raise OSError("later")
            ctx.facts.checked = requirement.level

    def add_effects(self) -> None:
        """One with a cleanup, one that is a task."""

        @self.module.effect
        def show(facts: CityFacts) -> Callable[[], None]:
            self.begun[f"show {facts.done}"] += 1
            done = facts.done
            return lambda: self.ended.update([f"show {done}"])

        @self.module.effect
        async def follow(facts: CityFacts) -> None:
            await self.work(f"follow {facts.phase}", 0.3)

    def add_sources(self) -> None:
        """A task that cleans up, one with a key that is lost and comes back, and one of callbacks."""

        @self.module.source(coalesce="last_write_wins")
        async def beat(link: SourceLink) -> None:
            try:
                while True:
                    await self.work("beat", 0.25)
                    link.publish(Tick())
            finally:
                with link.teardown():
                    await trio.sleep(0.1)

        @self.module.source(key=lambda facts: facts.room, retry=Retry(attempts=3, initial_delay=0.1))
        async def chat(link: SourceLink) -> None:
            link.attached()
            await self.work("chat", 0.3)
            await link.caught_up()
            raise ConnectionError

        def attach(link: SourceLink) -> Callable[[], Awaitable[None]]:
            link.publish(Tick(2))
            self.begun["callbacks"] += 1
            return detach

        async def detach() -> None:
            await trio.sleep(0.1)
            self.ended["callbacks"] += 1

        self.module.add_source(from_callback(attach), name="callbacks")

    # -- what happens in it ----------------------------------------------------------------------------

    async def live(self, system: System) -> None:
        """Everything at once: what is wanted, taken back, replaced, cancelled, and waited for."""
        view = system[self.module]
        async with trio.open_nursery() as nursery:
            for wait in (self.wait_for_an_order, self.settle, self.listen):
                nursery.start_soon(wait, system)
            view.street = "north"
            await trio.sleep(0.05)
            view.ordered, view.items, view.level = 2, (1, 2, 3), 1
            await trio.sleep(0.35)
            view.street, view.room = "south", "attic"
            system.require(Pave("round"))
            await trio.sleep(0.2)
            system.cancel(Pave("round"))
            view.items, view.phase = (1, 2, 3, 4), "elsewhere"
            await trio.sleep(0.2)
            view.room, view.level = None, 2
            system.disable("city::streets")
            await trio.sleep(0.6)
            nursery.cancel_scope.cancel()

    async def wait_for_an_order(self, system: System) -> None:
        """Until the system ends, or it is done."""
        try:
            await system.wait_until(lambda view: view[self.module].done > 0)
        except LifecycleError:
            assert system.state != "running"

    async def settle(self, system: System) -> None:
        """It never does in time."""
        try:
            await system.settle(timeout=1)
        except LifecycleError:
            assert system.state != "running"
        except SettleTimeoutError:
            assert not system.is_settled

    async def listen(self, system: System) -> None:
        """To the changes of a fact."""
        try:
            async with system.changes("city::ticks") as changes:
                async for new, old in changes:
                    assert new != old
        except LifecycleError:
            assert system.state != "running"


def tick(facts: CityFacts, event: Tick) -> None:
    """Count what comes."""
    facts.ticks += event.by
