"""Section 3.1, R4, R10: `replace` swaps a module for another of its name, as one change, or changes nothing."""

from typing import Any

import pytest
import trio
from attrs import define

from directive_trio import ErrorBoundary, Module, SourceLink, derivation, from_callback, open_system
from directive_trio.errors import FactValueError, LifecycleError, UnknownNameError, UsageError
from directive_trio.observe import Observation
from tests.behaviours.worker import Ctx, Job, WorkFacts, seen, work_module


@define
class NewFacts:
    """What `WorkFacts` has become: one more, one less."""

    wanted: str = ""
    done: str = ""
    count: int = 0
    level: int = 1

    @derivation
    def busy(self) -> bool:
        return self.wanted != self.done


@define
class HostFacts:
    go: bool = False


async def forever(job: Job, ctx: Ctx) -> None:
    await trio.sleep_forever()


def new_module(met: list[str]) -> Module[NewFacts]:
    """A module that does at once what the old one never does."""
    new = Module("work", NewFacts)
    new.init(lambda facts: setattr(facts, "level", 2))
    new.init(lambda facts: setattr(facts, "wanted", "of the init"))

    @new.constraint
    def must_be_done(facts: NewFacts) -> Job | None:
        return Job(facts.wanted) if facts.busy else None

    @new.resolver(Job)
    async def do(job: Job, ctx: Any) -> None:
        met.append(job.name)
        ctx.facts.done = job.name

    return new


async def test_the_new_one_goes_on_where_the_old_one_was(autojump_clock: trio.abc.Clock) -> None:
    """Facts of both keep their values over the inits; runs of the old one are cancelled, and begin again as its own."""
    met: list[str] = []
    log: list[Observation] = []
    work = work_module(forever)
    async with open_system(work) as system:
        system.observe(log.append)
        system[work].wanted = "a"
        await trio.sleep(0.5)
        new = new_module(met)
        system.replace(new)
        assert system[new].wanted == "a"
        await system.settle()
        assert system[new] == NewFacts("a", "a", 0, 2)
        assert met == ["a"]
        assert [end.reason.kind for end in seen(log, "resolver.cancel")] == ["removed"]
        assert [end.run for end in seen(log, "resolver.complete")] == [2]


async def test_whoever_reads_it_reads_the_new_one(autojump_clock: trio.abc.Clock) -> None:
    """By name, by handle, or in passing: conditions, effects, watchers and predicates."""
    work = work_module(forever)
    told: list[Any] = []
    host = Module("host", HostFacts)
    host.constraint(name="named", when={"work.done": "a"})(lambda facts: told.append("condition"))
    host.constraint(name="reads", reads=["work::count"])(lambda facts: told.append("reads"))
    host.effect(name="effect", reads=["work::done"])(lambda facts: told.append("effect"))
    async with open_system(work, host) as system:
        system.watch("work::done", lambda new, old: told.append(("watch", new)))
        system.watch(lambda view: view["work"].done, lambda new, old: told.append(("selector", new)))
        system[work].wanted = "a"
        await trio.sleep(0.5)
        told.clear()
        system.replace(new_module([]))
        await system.settle()
        assert told == ["effect", "reads", ("watch", "a"), ("selector", "a"), "effect", "condition"]
        told.clear()
        system["work"].count = 3
        await system.settle()
        assert told == ["reads"]


@define
class Refusing:
    wanted: int = 0


@define
class Lacking:
    wanted: str = ""


def raising_init(facts: Any) -> None:
    raise OSError("no network")


def wrong_modules() -> dict[str, tuple[Module[Any], type[Exception]]]:
    """What is wrong, and what that raises."""
    raising = Module("work", WorkFacts)
    raising.init(raising_init)
    return {
        "a value that it refuses": (Module("work", Refusing), FactValueError),
        "a fact that others name": (Module("work", Lacking), UnknownNameError),
        "an init": (raising, OSError),
        "no such module": (Module("wrok", WorkFacts), UnknownNameError),
    }


@pytest.mark.parametrize("wrong", wrong_modules())
async def test_one_that_cannot_take_its_place_changes_nothing(wrong: str, autojump_clock: trio.abc.Clock) -> None:
    """Everything is as it was, the views too, and the old one works on."""
    module, error = wrong_modules()[wrong]
    work = work_module(forever)
    host = Module("host", HostFacts)
    host.constraint(name="uses", reads=["work::done"])(lambda facts: None)
    async with open_system(work, host) as system:
        view = system[work]
        view.wanted = "a"
        await trio.sleep(0.5)
        before = system.inspect()
        with pytest.raises(error):
            system.replace(module)
        assert not module.sealed
        assert system.inspect() == before
        view.wanted = "b"
        await trio.sleep(0.5)
        assert system[work] is view
        assert [run.requirement for run in system.inspect().runs] == ["Job(name='b')"]


@pytest.mark.parametrize("wrong", [False, True])
async def test_asked_for_in_a_pass_it_is_done_after_it(wrong: bool, autojump_clock: trio.abc.Clock) -> None:
    """What is wrong with it then has no caller: it goes to ``on_error``."""
    errors: list[tuple[str, str]] = []
    met: list[str] = []
    work = work_module(forever)
    host = Module("host", HostFacts)
    new = new_module(met)
    if wrong:
        new.init(raising_init)

    @host.effect
    def renew(facts: HostFacts) -> None:
        if facts.go:
            with pytest.raises(UnknownNameError):
                system.replace(Module("wrok", WorkFacts))
            system.replace(new)
            assert system[work].note == ""

    boundary = ErrorBoundary(on_error=lambda error, name: errors.append((name, str(error))))
    async with open_system(work, host, errors=boundary) as system:
        system[work].wanted = "a"
        system[host].go = True
        await trio.sleep(1)
        assert errors == ([("work", "no network")] if wrong else [])
        assert met == ([] if wrong else ["a"])
        assert hasattr(system["work"], "note") is wrong


async def test_the_object_of_a_source_goes_over(autojump_clock: trio.abc.Clock) -> None:
    """It is free when its old attachment has been torn down; the new one waits for that."""
    told: list[str] = []

    def attach(link: SourceLink) -> Any:
        told.append("attached")

        async def detach() -> None:
            await trio.sleep(1)
            told.append("detached")

        return detach

    feed = from_callback(attach)
    work = work_module(forever)
    work.add_source(feed, name="feed")
    new = new_module([])
    new.add_source(feed, name="feed")
    async with open_system(work) as system:
        await trio.sleep(0.5)
        system.replace(new)
        await trio.sleep(0.5)
        assert told == ["attached"]
        await trio.sleep(1)
        assert told == ["attached", "detached", "attached"]
        assert [source.last_error for source in system.inspect().sources] == [None]


async def test_it_is_refused_where_it_cannot_be_meant(autojump_clock: trio.abc.Clock) -> None:
    """What is no module, and a system that is no more."""
    work = work_module(forever)
    wrong: Any = "work"
    async with open_system(work) as system:
        with pytest.raises(UsageError, match=r"replace\(\) expects a module, got 'work'"):
            system.replace(wrong)
    with pytest.raises(LifecycleError):
        system.replace(work)
