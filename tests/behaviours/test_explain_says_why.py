"""O2: `explain` says why it is so, or why not, of everything that has a name; `str` prints a tree."""

import logging
from typing import Any

import pytest
import trio
from attrs import define, frozen

from directive_trio import (
    Context,
    ErrorBoundary,
    Explanation,
    Module,
    Retry,
    System,
    above,
    derivation,
    fact,
    open_system,
)
from directive_trio.errors import UnknownNameError
from directive_trio.observe import Observation


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError


@define
class Facts:
    wanted: str = ""
    done: str = fact("", label="what was done last")
    count: int = 0
    token: str = fact("", tags=["secret"])
    odd: Any = None
    text: str = ""

    @derivation(label="still to do")
    def open(self) -> bool:
        return self.wanted != self.done

    @derivation
    def inverse(self) -> float:
        return 1 / self.count

    @derivation
    def constant(self) -> int:
        return 7


WIDE = define(
    type("Wide", (), {"__annotations__": {f"f{at}": int for at in range(15)}, **{f"f{at}": 0 for at in range(15)}})
)


@frozen
class Job:
    name: str


@frozen
class Lost: ...


@frozen
class Add: ...


class Story:
    """A module with one of everything."""

    def __init__(self) -> None:
        self.module = module = Module("m", Facts)
        self.failing = False

        @module.constraint(label="work is done")
        def work(facts: Facts) -> Job | None:
            return Job(facts.wanted) if facts.open else None

        @module.constraint(after=[work], when={"count": above(0)})
        def later(facts: Facts) -> Lost | None:
            return Lost() if facts.inverse < 1 else None

        @module.constraint
        async def slow(facts: Facts) -> None:
            if facts.wanted:
                await trio.sleep(3)

        @module.effect
        def show(facts: Facts) -> None:
            if facts.count == 3:
                facts.text = "three"

        @module.on(Add)
        def add(facts: Facts, event: Add) -> None:
            facts.count += 1

        @module.resolver(Job, name="do")
        async def resolve(requirement: Job, ctx: Context[Facts]) -> None:
            await trio.sleep(1)
            if self.failing:
                raise OSError("out of paper")
            ctx.facts.done = requirement.name

        self.work, self.later, self.slow, self.show, self.resolve = work, later, slow, show, resolve


@pytest.fixture
def story(caplog: pytest.LogCaptureFixture) -> Story:
    """Its errors are looked at here, not logged."""
    caplog.set_level(logging.CRITICAL + 1, "directive_trio")
    return Story()


def lines(explanation: Explanation) -> list[str]:
    return str(explanation).splitlines()


async def test_facts_say_who_wrote_them_last(story: Story, autojump_clock: trio.abc.Clock) -> None:
    """O2: nobody yet, the program, a run by its number, an effect; with label and value."""
    async with open_system(story.module) as system:
        system.observe(lambda _: None)
        assert str(system.explain("m::count")) == "fact m::count is 0, its default"
        system[story.module].wanted = "a"
        system[story.module].count = 3
        await system.settle()
        assert str(system.explain("m.wanted")) == "fact m::wanted is 'a', written last by the program"
        assert str(system.explain("m::done")) == "fact m::done (what was done last) is 'a', written last by run 1"
        assert str(system.explain("m::text")) == "fact m::text is 'three', written last by an effect or watcher"


async def test_values_are_cut_hidden_or_cannot_be_printed(story: Story, autojump_clock: trio.abc.Clock) -> None:
    """O2: a secret stays one, a long value is cut, a raising repr is no error."""
    async with open_system(story.module) as system:
        view = system[story.module]
        view.token, view.odd, view.text = "hunter2", Unprintable(), "x" * 1000
        assert str(system.explain("m::token")).startswith("fact m::token is hidden,")
        assert "a Unprintable that cannot be printed" in str(system.explain("m::odd"))
        assert len(str(system.explain("m::text"))) < 100


async def test_derivations_say_what_they_rest_on(story: Story, autojump_clock: trio.abc.Clock) -> None:
    """O2: never read, clean, stale, failed, resting on nothing; by name and by handle."""
    async with open_system(Module("m", Facts)) as system:
        view = system["m"]
        assert lines(system.explain(Facts.open)) == [
            "derivation m::open (still to do) was never read, so it was never computed"
        ]
        assert not view.open
        view.wanted = "a"
        assert lines(system.explain("m::open")) == [
            "derivation m::open (still to do) is False, stale until it is read",
            "├─ fact m::wanted is 'a', written last by the program",
            "└─ fact m::done (what was done last) is '', its default",
        ]
        assert view.open
        assert lines(system.explain("m.open"))[0] == "derivation m::open (still to do) is True"
        with pytest.raises(Exception, match="division"):
            _ = view.inverse
        assert "m::inverse raises ZeroDivisionError" in str(system.explain(Facts.inverse))
        assert view.constant == 7
        assert "read no fact" in str(system.explain(Facts.constant))


async def test_constraints_say_why_they_ask_or_not(story: Story, autojump_clock: trio.abc.Clock) -> None:
    """O2: inactive, active, blocked after what, outstanding, raising, disabled; with the inputs and who wrote them."""
    async with open_system(story.module) as system:
        view = system[story.module]
        assert "was not asked yet" in lines(system.explain(story.work))[0]
        await system.settle()
        assert lines(system.explain(story.work)) == [
            "constraint m::work (work is done) is inactive: it asks for nothing",
            "└─ derivation m::open (still to do) is False",
        ]
        view.wanted = "a"
        await trio.sleep(0.5)
        assert lines(system.explain("m::work")) == [
            "constraint m::work (work is done) is active: it asks for Job(name='a')",
            "├─ derivation m::open (still to do) is True",
            "├─ fact m::wanted is 'a', written last by the program",
            "└─ requirement Job(name='a'): run 1 of m::do is running, attempt 1, since 0.5 s",
        ]
        assert lines(system.explain(story.later))[:2] == [
            "constraint m::later is blocked after m::work",
            "├─ asked only when count above(0)",
        ]
        assert lines(system.explain(story.slow))[0] == "constraint m::slow has an answer outstanding"
        await system.settle()
        assert (
            lines(system.explain("m::work"))[-1]
            == "   └─ run 1 of m::do, begun 3 s ago, ended as complete in attempt 1"
        )
        view.count = 1
        await system.settle()
        view.count = 0
        system.disable(story.work)
        await system.settle()
        assert lines(system.explain("m.work"))[0] == "constraint m::work (work is done) is disabled"


async def test_a_raising_constraint_says_what_it_raised(story: Story, autojump_clock: trio.abc.Clock) -> None:
    """O2: and what it had read."""
    module = Module("m", Facts)

    @module.constraint
    def look(facts: Facts) -> None:
        assert facts.inverse

    async with open_system(module) as system:
        await system.settle()
        first, second, *_ = lines(system.explain(look))
        assert first.startswith("constraint m::look is inactive: it raised DerivationError")
        assert second == "└─ derivation m::inverse raises ZeroDivisionError('division by zero')"


async def test_requirements_say_who_asks_and_how_they_stand(story: Story, autojump_clock: trio.abc.Clock) -> None:
    """O2: running, done and gone with the last outcome, unknown; required by the program; without resolver."""
    async with open_system(story.module, initial={"m": {"count": 2}}) as system:
        view = system[story.module]
        view.wanted = "a"
        await trio.sleep(0.5)
        system.require(Job("a"))
        assert lines(system.explain(Job("a"))) == [
            "requirement Job(name='a'): run 1 of m::do is running, attempt 1, since 0.5 s",
            "├─ asked for by constraint m::work",
            "│  ├─ derivation m::open (still to do) is True",
            "│  └─ fact m::wanted is 'a', written last by the program",
            "└─ required by the program",
        ]
        await system.settle(timeout=None)
        first, second = lines(system.explain(Job("a")))
        assert first == "requirement Job(name='a') is met"
        assert second.endswith("ended as complete in attempt 1")
        assert lines(system.explain(Lost()))[0] == "requirement Lost() is unmet: no resolver takes it"
        assert str(system.explain(Job("z"))) == "requirement Job(name='z') is not wanted, and was not lately"
        assert lines(system.explain(story.resolve))[0] == "resolver m::do serves"


async def test_the_last_outcome_is_kept(story: Story, autojump_clock: trio.abc.Clock) -> None:
    """O2: error, attempts, when: while it stands failed, and after it is gone."""
    story.failing = True
    async with open_system(story.module) as system:
        system[story.module].wanted = "a"
        await system.settle()
        assert lines(system.explain(Job("a")))[0] == (
            "requirement Job(name='a') is failed: it is dispatched again when an input changes"
        )
        assert lines(system.explain(Job("a")))[1].endswith("ended as error in attempt 1: OSError('out of paper')")
        system[story.module].wanted = ""
        await system.settle()
        first, second = lines(system.explain(Job("a")))
        assert first == "requirement Job(name='a') is wanted no more"
        assert second.endswith("ended as error in attempt 1: OSError('out of paper')")
        system[story.module].wanted = "b"
        await trio.sleep(0.5)
        system[story.module].wanted = ""
        await system.settle()
        assert lines(system.explain(Job("b")))[1].endswith("ended as cancel, removed in attempt 1")


async def test_a_scheduled_retry_says_when(story: Story, autojump_clock: trio.abc.Clock) -> None:
    """O2: on the trio clock."""
    story.failing = True
    errors = ErrorBoundary(resolver="retry_later", retry_later=Retry(3, initial_delay=10))
    async with open_system(story.module, errors=errors) as system:
        system[story.module].wanted = "a"
        await trio.sleep(2)
        assert lines(system.explain(Job("a")))[0] == (
            "requirement Job(name='a') is failed; a retry is scheduled in 9 s"
        )


async def test_other_ways_to_stand(story: Story, autojump_clock: trio.abc.Clock) -> None:
    """O2: unsatisfied, cancelled; held by its own writes; cleaning up after a cancellation."""
    module = Module("m", Facts)

    @module.constraint
    def unsatisfied(facts: Facts) -> Lost | None:
        return Lost() if facts.wanted == "nothing" else None

    @module.constraint
    def marked(facts: Facts) -> Job | None:
        return Job(facts.wanted) if facts.wanted == "marked" and not facts.done else None

    @module.resolver(Lost)
    async def nothing(requirement: Lost, ctx: Context[Facts]) -> None: ...

    @module.resolver(Job)
    async def mark(requirement: Job, ctx: Context[Facts]) -> None:
        ctx.facts.done = "begun"
        try:
            await trio.sleep(10)
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(1)

    async with open_system(module) as system:
        system[module].wanted = "nothing"
        await system.settle()
        assert "is unsatisfied: its run completed and nothing it depends on has changed" in str(system.explain(Lost()))
        system[module].wanted = "marked"
        await trio.sleep(1)
        assert lines(system.explain(Job("marked")))[1:] == [
            "└─ constraint m::marked would ask for it but for the run's own writes"
        ]
        assert "run 2 of m::mark is running" in str(system.explain(marked))
        system[module].wanted = ""
        await trio.sleep(0.5)
        shown = str(system.explain(Job("marked")))
        assert "cleans up" in shown
        assert "constraint m::marked asks no more; the cancelled run still cleans up" in shown


async def test_resolvers_and_effects(story: Story, autojump_clock: trio.abc.Clock) -> None:
    """O2: by handle and by name; whom a resolver serves, what an effect has read, and whether they are off."""
    async with open_system(story.module) as system:
        assert str(system.explain("m::do")) == "resolver m::do has served nothing yet"
        await system.settle()
        assert lines(system.explain(story.show)) == [
            "effect m::show is on",
            "└─ fact m::count is 0, its default",
        ]
        system.disable(story.show)
        await system.settle()
        assert lines(system.explain("m::show"))[0] == "effect m::show is disabled"
        system.disable(story.resolve)
        await system.settle(retries=False)
        assert str(system.explain("m::do")) == str(system.explain(story.resolve)) == "resolver m::do is disabled"


async def test_a_handle_means_its_own_kind(autojump_clock: trio.abc.Clock) -> None:
    """O2: a constraint, a resolver and an effect may share a name; the name alone means the constraint."""
    module = Module("m", Facts)
    constraint = module.constraint(name="same")(lambda facts: None)
    resolver = module.resolver(Job, name="same")(lambda requirement, ctx: None)
    effect = module.effect(name="same")(lambda facts: None)
    async with open_system(module) as system:
        found = [lines(system.explain(target))[0].split()[0] for target in (constraint, resolver, effect, "m::same")]
        assert found == ["constraint", "resolver", "effect", "constraint"]
        stranger = Module("m", Facts).effect(name="stranger")(lambda facts: None)
        with pytest.raises(UnknownNameError, match="'m::stranger'"):
            system.explain(stranger)


async def test_every_id_that_observations_print_can_be_explained(story: Story, autojump_clock: trio.abc.Clock) -> None:
    """O2: events and the system itself too: the system says what holds it up."""
    log: list[Observation] = []
    async with open_system(story.module, name="office") as system:
        system.observe(log.append)
        system.dispatch(Add())
        system[story.module].wanted = "a"
        await trio.sleep(0.5)
        held = lines(system.explain("office"))
        assert held[0] == "system office is not settled"
        assert any("run 1 of m::do for Job(name='a'), attempt 1, since 0.5 s" in line for line in held)
        assert str(system.explain("m::Add")) == "event m::Add is handled, as one change, by m::add"
        await system.settle()
        assert str(system.explain("office")) == "system office is settled"
        system[story.module].count = 2
        assert "a pass is due" in str(system.explain("office"))
        await system.settle()
        assert "unmet: Lost()" in str(system.explain("office"))
        for identity in {seen.id for seen in log if hasattr(seen, "id")}:
            assert str(system.explain(identity))


async def test_many_inputs_are_counted(autojump_clock: trio.abc.Clock) -> None:
    """O2: ten are shown."""
    module: Module[Any] = Module("wide", WIDE)

    @module.constraint
    def look(facts: Any) -> None:
        for at in range(15):
            getattr(facts, f"f{at}")

    async with open_system(module) as system:
        await system.settle()
        shown = lines(system.explain(look))
        assert len(shown) == 12
        assert shown[-1] == "└─ and 5 more inputs"


@pytest.mark.parametrize(
    ("target", "nearest"),
    [("m::wokr", "m::work"), ("m.cuont", "m::count"), ("m::Ad", "m::Add"), ("nowhere::at_all", None)],
)
def test_an_unknown_target_names_the_nearest(target: Any, nearest: str | None) -> None:
    """O2: among everything that can be explained."""
    with pytest.raises(UnknownNameError) as caught:
        System(Story().module).explain(target)
    assert (caught.value.name, caught.value.nearest) == (str(target), nearest)
