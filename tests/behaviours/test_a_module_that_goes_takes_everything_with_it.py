"""R4, R8, R10, S1: `unregister` cancels what runs, detaches sources, removes the facts, and leaves nothing."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import ErrorBoundary, Module, Retry, SourceLink, System, derivation, open_system
from directive_trio.errors import (
    LifecycleError,
    ReadOnlyFactError,
    UnknownNameError,
    UsageError,
)
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, WorkFacts, all_tasks, seen, types, work_module


@define
class HostFacts:
    go: bool = False
    seen: str = ""

    @derivation
    def ready(self) -> bool:
        return self.go


@frozen
class Rename:
    name: str


async def forever(job: Job, ctx: Ctx) -> None:
    await trio.sleep_forever()


async def do(job: Job, ctx: Ctx) -> None:
    await trio.sleep(1)
    ctx.facts.done = job.name


def full_module(told: list[str]) -> Module[WorkFacts]:
    """A module with one of everything, all of it under way."""
    work = work_module(forever)
    work.init(lambda facts: setattr(facts, "wanted", "a"))

    @work.on(Rename)
    def rename(facts: WorkFacts, event: Rename) -> None:
        facts.wanted = event.name

    @work.constraint
    async def slow(facts: WorkFacts) -> None:
        try:
            await trio.sleep(4)
        finally:
            told.append("asked")

    @work.effect
    def sync(facts: WorkFacts) -> Callable[[], None]:
        return lambda: told.append("cleaned up")

    @work.effect
    async def task(facts: WorkFacts) -> None:
        try:
            await trio.sleep_forever()
        finally:
            told.append("effect cancelled")
            with pytest.raises(UnknownNameError):
                facts.note = "too late"

    @work.source
    async def feed(link: SourceLink) -> None:
        link.attached()
        try:
            await trio.sleep_forever()
        finally:
            with link.teardown():
                await trio.sleep(1)
            told.append("detached")

    return work


async def test_everything_it_has_brought_ends(autojump_clock: trio.abc.Clock) -> None:
    """The run with reason ``removed``; and nobody finds it any more, under whatever name."""
    told: list[str] = []
    log: list[Observation] = []
    work = full_module(told)
    host = Module("host", HostFacts)
    before = all_tasks()
    async with open_system(host, work) as system:
        system.observe(log.append)
        await trio.sleep(0.5)
        system.unregister(work)
        assert told == ["cleaned up"]
        picture = system.inspect()
        assert not picture.constraints
        assert not picture.effects
        assert not picture.sources
        assert "work" not in picture.facts
        for use in (
            lambda: system[work],
            lambda: system.read("work::done"),
            lambda: system.dispatch(Rename("b")),
            lambda: system.dispatch("Rename", {"name": "b"}),
            lambda: system.disable("work::must_be_done"),
            lambda: system.call("work::do", Job("a")),
            lambda: system.explain("work::done"),
            lambda: system.unregister("work"),
        ):
            with pytest.raises(UnknownNameError):
                use()
        await system.settle()
        assert sorted(told) == ["asked", "cleaned up", "effect cancelled"]
        assert [end.reason.kind for end in seen(log, "resolver.cancel")] == ["removed"]
        assert types(log, "requirement.") == ["requirement.created", "requirement.canceled"]
        await trio.sleep(2)
        assert told[-1] == "detached"
        assert [end.reason.kind for end in seen(log, "source.detach")] == ["removed"]
        assert all_tasks() - before  # the system itself goes on
        assert str(system.graph()).count("work") == 0
    assert all_tasks() == before


@pytest.mark.parametrize("state", ["new", "stopped"])
async def test_it_goes_from_a_system_that_does_not_run(state: str, autojump_clock: trio.abc.Clock) -> None:
    """And may come back, by its name too."""
    work = work_module(do)
    system = System(work)
    if state == "stopped":
        async with trio.open_nursery() as nursery:
            system.start(nursery)
            system[work].wanted = "a"
            await system.settle()
            await system.stop_async()
    system.unregister("work")
    system.register(work)
    assert system[work] == WorkFacts()
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        system[work].wanted = "b"
        await system.settle()
        assert system[work].done == "b"
        await system.stop_async()


async def test_a_view_that_somebody_kept_shows_what_was(autojump_clock: trio.abc.Clock) -> None:
    """Writing through it is refused: it would go nowhere."""
    work = work_module(do)
    async with open_system(work) as system:
        view = system[work]
        view.wanted = "a"
        await system.settle()
        system.unregister(work)
        assert view.done == "a"
        with pytest.raises(UnknownNameError):
            view.done = "b"
        with pytest.raises(UnknownNameError):
            view.done = "c"
        assert view.done == "a"


def host_of(when: bool, reads: bool, effect: bool, work: Module[WorkFacts]) -> Module[HostFacts]:
    """A module that names facts of another as data, here or there."""
    host = Module("host", HostFacts)
    if when:
        host.constraint(name="uses", when={"work.done": "a"})(lambda facts: None)
    if reads:
        host.constraint(name="uses", reads=["work::done"])(lambda facts: None)
    if effect:
        host.effect(name="uses", reads=["work::done"])(lambda facts: None)
    return host


@pytest.mark.parametrize("place", ["when", "reads", "effect"])
async def test_one_that_is_named_by_another_stays(place: str, autojump_clock: trio.abc.Clock) -> None:
    """Nothing has changed; when the other has gone, it may go."""
    work = work_module(do)
    host = host_of(place == "when", place == "reads", place == "effect", work)
    async with open_system(work, host) as system:
        await system.settle()
        before = system.inspect()
        with pytest.raises(UsageError, match=r"host::uses names work::done, so module 'work' cannot go before"):
            system.unregister(work)
        assert system.inspect() == before
        system.unregister(host)
        system.unregister(work)
        await system.settle()
        assert system.inspect().facts == {}


async def test_who_reads_it_in_passing_finds_no_such_module_until_it_is_back(autojump_clock: trio.abc.Clock) -> None:
    """Constraint, derivation and effect of another module, and a watcher, are asked when it goes and when it comes."""
    work = work_module(do)

    @define
    class Facts:
        mine: int = 0

        @derivation
        def theirs(self) -> str:
            return work.of(self).done

    host = Module("host", Facts)
    told: list[Any] = []

    @host.constraint
    def copies(facts: Facts) -> None:
        told.append(("constraint", facts.theirs))

    @host.effect
    def follows(facts: Facts) -> None:
        told.append(("effect", work.of(facts).done))

    errors: list[str] = []
    boundary = ErrorBoundary(on_error=lambda error, name: errors.append(name))
    async with open_system(work, host, errors=boundary) as system:
        await system.settle()
        system.watch(lambda view: view[work].done, lambda new, old: told.append(("watcher", new)))
        assert told == [("effect", ""), ("constraint", "")]
        told.clear()
        system.unregister(work)
        await system.settle()
        assert sorted(errors) == ["<lambda>", "host::copies", "host::follows"]
        assert "raises UnknownNameError(kind='module', name='work'" in str(system.explain("host::copies"))
        system.register(work)
        await system.settle()
        assert told == [("effect", ""), ("constraint", "")]
        system[work].wanted = "a"
        await system.settle()
        assert told[2:] == [("watcher", "a"), ("effect", "a"), ("constraint", "a")]


@pytest.mark.parametrize("other", [False, True])
async def test_what_its_resolver_was_to_meet_is_met_by_another_or_waits(
    other: bool, autojump_clock: trio.abc.Clock
) -> None:
    """For a constraint of another module, and for the program itself; a requirement is another one then."""
    log: list[Observation] = []
    met: list[str] = []
    serving = Module("serving", WorkFacts)

    @serving.resolver(Job, retry=Retry(3, initial_delay=0.1))
    async def first(job: Job, ctx: Ctx) -> None:
        await trio.sleep(1)
        raise OSError

    host = Module("host", HostFacts)
    host.constraint(name="asks")(lambda facts: [Job("a"), Job("b")] if facts.go else None)
    modules: list[Module[Any]] = [serving, host]
    if other:
        more = Module("more", WorkFacts)
        modules.append(more)

        @more.resolver(Job)
        async def second(job: Job, ctx: Ctx) -> None:
            met.append(job.name)

    async with open_system(*modules) as system:
        system.observe(log.append)
        system[host].go = True
        system.require(Job("c"))
        await trio.sleep(1.05)
        system.unregister(serving)
        await trio.sleep(1)
        assert [end.reason.kind for end in seen(log, "resolver.cancel")] == ["removed"] * 3
        standing = {(one.requirement, one.state, one.resolver) for one in system.inspect().requirements}
        if other:
            assert sorted(met) == ["a", "b", "c"]
            assert standing == {(f"Job(name='{name}')", "unsatisfied", "more::second") for name in "ab"}
        else:
            assert standing == {(f"Job(name='{name}')", "no resolver", None) for name in "abc"}
            system.register(serving.named("later").with_resolver(Job, lambda job, ctx: met.append(job.name)))
            await system.settle()
            assert sorted(met) == ["a", "b", "c"]


async def test_one_that_returns_while_its_old_run_cleans_up_starts_anew(autojump_clock: trio.abc.Clock) -> None:
    """With its own resolver; nothing of the old run lands, and the object of its source is free when that has ended."""
    told: list[str] = []

    async def tidy(job: Job, ctx: Ctx) -> None:
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(2)
            ctx.facts.done = "too late"
            told.append(f"tidied in a world where {ctx.facts.wanted} is wanted")

    work = work_module(tidy, limit=1)

    @work.source
    async def feed(link: SourceLink) -> None:
        told.append("attached")
        link.attached()
        try:
            await trio.sleep_forever()
        finally:
            with link.teardown():
                await trio.sleep(1)
            told.append("detached")

    async with open_system(work) as system:
        system[work].wanted = "a"
        await trio.sleep(0.5)
        system.unregister(work)
        again = work.with_resolver(Job, do)
        system.register(again)
        system[again].wanted = "a"
        await trio.sleep(0.5)
        assert len(system.inspect().runs) == 1  # of the old one; the limit is that of the name
        await system.settle()
        assert system[again].done == "a"
        assert "tidied in a world where a is wanted" in told


@pytest.mark.parametrize("what", ["queued", "scheduled", "batch", "owning", "marked"])
async def test_whatever_its_resolver_is_about_ends(what: str, autojump_clock: trio.abc.Clock) -> None:
    """Runs that wait for a place, for their schedule, for their batch, that own facts, or have left a marker."""

    async def run(job: Job, ctx: Ctx) -> None:
        if what == "scheduled":
            raise OSError
        if what == "marked":
            ctx.facts.done = job.name
        await trio.sleep_forever()

    work = Module("work", WorkFacts)
    owned = ["note"] if what == "owning" else []
    work.constraint(name="asks", owns=owned)(lambda facts: [Job("a"), Job("b")] if facts.done == "" else None)
    if what == "batch":

        @work.batch_resolver(Job, window=10)
        async def gather(jobs: list[Job], ctx: Ctx) -> None: ...

    else:
        work.resolver(Job, limit=1 if what == "queued" else None)(run)
    boundary = ErrorBoundary(resolver="retry_later", on_error=lambda *_: None)
    async with open_system(work, errors=boundary) as system:
        await trio.sleep(0.5)
        system.unregister(work)
        await system.settle()
        assert system.inspect().runs == ()
        assert system.inspect().requirements == ()
        assert trio.current_time() < 1


def test_who_came_after_its_constraints_has_the_place_of_its_own_priority() -> None:
    """R3: as if the module had never been there."""
    first, urgent, other = (Module(name, HostFacts) for name in ("first", "urgent", "other"))
    first.constraint(name="must")(lambda facts: None)
    urgent.constraint(name="must", priority=9, after=["first::must"])(lambda facts: None)
    other.constraint(name="must", priority=5)(lambda facts: None)
    system = System(first, urgent, other)
    assert [one.id for one in system.inspect().constraints] == ["other::must", "first::must", "urgent::must"]
    system.unregister(first)
    assert [one.id for one in system.inspect().constraints] == ["urgent::must", "other::must"]


async def test_who_comes_after_its_constraints_waits_no_more(autojump_clock: trio.abc.Clock) -> None:
    """R8: what is not there does not block; when it is back, it does."""
    asked: list[bool] = []
    work = work_module(do)
    host = Module("host", HostFacts)

    @host.constraint(after=["work::must_be_done"])
    def later(facts: HostFacts) -> None:
        asked.append(facts.go)

    async with open_system(work, host) as system:
        system[work].wanted = "a"
        await trio.sleep(0.5)
        assert not asked
        system.unregister(work)
        await trio.sleep(0.1)
        assert asked == [False]
        system.register(work)
        with system.transaction():
            system[work].wanted = "b"
            system[host].go = True
        await trio.sleep(0.5)
        assert asked == [False]
        await system.settle()
        assert asked == [False, True]


@pytest.mark.parametrize("place", ["effect", "watcher", "sync resolver"])
async def test_asked_for_in_a_pass_it_is_done_after_it(place: str, autojump_clock: trio.abc.Clock) -> None:
    """Also where somebody switches parts of it in that pass, before or after."""
    there: list[bool] = []
    work = work_module(do)
    host = Module("host", HostFacts)

    def leave(*_: Any) -> None:
        if system[host].go:
            system.disable("work::must_be_done")
            system.disable("work::do")
            system.unregister(work)
            system.enable("work::must_be_done")
            there.append(system[work] == WorkFacts())

    if place == "effect":
        host.effect(name="leave")(leave)
    if place == "sync resolver":
        host.constraint(name="asks")(lambda facts: Job("x") if facts.go else None)
        host.resolver(Job)(leave)
    async with open_system(work, host) as system:
        if place == "watcher":
            system.watch("host::go", leave)
        system[host].go = True
        await system.settle()
        assert there == [True]
        with pytest.raises(UnknownNameError):
            system[work]


async def test_it_is_refused_where_nothing_may_change(autojump_clock: trio.abc.Clock) -> None:
    """In what is pure, in observers, in an event or a transaction, for what is no module, and after the end."""
    work = work_module(do)
    host = Module("host", HostFacts)
    raised: list[type[Exception]] = []

    def attempt() -> None:
        try:
            system.unregister(work)
        except Exception as error:  # noqa: BLE001  # which, is the question
            raised.append(type(error))

    host.constraint(name="pure")(lambda facts: attempt() if facts.go else None)
    host.on(Rename)(lambda facts, event: attempt())
    async with open_system(work, host) as system:
        system[host].go = True
        await system.settle()
        system.dispatch(Rename("x"))
        with system.transaction():
            attempt()
        remove = system.observe(lambda _: attempt())
        system[host].seen = "x"
        await system.settle()
        remove()
        assert raised[:3] == [ReadOnlyFactError, LifecycleError, LifecycleError]
        assert set(raised[3:]) == {LifecycleError}
        wrong: Any = 5
        with pytest.raises(UsageError, match=r"unregister\(\) expects a module or its name"):
            system.unregister(wrong)
        with pytest.raises(UnknownNameError, match="did you mean 'work'"):
            system.unregister("wrk")
        assert system[work] == WorkFacts()
    with pytest.raises(LifecycleError):
        system.unregister(work)


class Token:
    """A value whose end can be seen."""


async def test_nothing_of_it_is_kept(autojump_clock: trio.abc.Clock) -> None:
    """A hundred modules come, work and go: no definition, value or run of them is left."""
    kept: list[weakref.ref[Any]] = []
    host = Module("host", HostFacts)
    host.constraint(name="stays")(lambda facts: None)

    def come() -> Module[WorkFacts]:
        work = full_module([])

        @define
        class Holding(WorkFacts):
            token: object = None

        @frozen
        class Hold: ...

        holding = Module("holding", Holding)
        token = Token()
        holding.init(lambda facts: setattr(facts, "token", token))
        holding.constraint(name="reads")(lambda facts: Hold() if facts.token and not facts.done else None)

        holding.constraint(name="follows", after=["host::stays"])(lambda facts: None)

        @holding.resolver(Hold)
        async def hold(requirement: Hold, ctx: Any) -> None:
            await trio.sleep(1)
            ctx.facts.done = "done"

        system.register(holding)
        kept.extend([weakref.ref(work), weakref.ref(holding), weakref.ref(token)])
        return work

    async with open_system(host) as system:
        for _ in range(100):
            work = come()
            system.register(work)
            await trio.sleep(3)
            system.unregister(work)
            system.unregister("holding")
            del work
            await trio.sleep(3)
        gc.collect()
        assert sum(ref() is not None for ref in kept) == 0
