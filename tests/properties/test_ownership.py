"""R15 over interleavings of events, owned writes, retries, timeouts and removals, against a small model."""

from typing import Literal, TypeAlias

import trio
from attrs import define, frozen
from hypothesis import event, given
from hypothesis import strategies as st
from trio.testing import MockClock

from directive_trio import Context, ErrorBoundary, Module, Retry, open_system
from directive_trio.observe import Observation, ResolverWriteRejected

STEP = 1 / 8
"""Seconds between what the run does. What others do comes in the middle between two of its steps."""

Fact: TypeAlias = Literal["a", "b", "c"]
Step: TypeAlias = tuple[Fact, int, bool] | Literal["fail"]
"""Which fact, which value, and whether with an event; or the attempt fails."""
Foreign: TypeAlias = tuple[int, str, int, bool]
"""Before which step of the run, which fact, which value, and whether with an event. ``wanted`` turns the constraint
on and off."""

OWNED = ("a", "b")
ATTEMPTS = 3


@define
class Facts:
    wanted: int = 1
    a: int = 0
    b: int = 0
    c: int = 0


@frozen
class Work: ...


@frozen
class Put:
    fact: str
    value: int


values = st.integers(0, 2)
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(st.tuples(st.sampled_from(["a", "b", "c"]), values, st.booleans()), st.just("fail")),
    min_size=4,
    max_size=10,
)
foreign: st.SearchStrategy[list[Foreign]] = st.lists(
    st.tuples(st.integers(0, 8), st.sampled_from(["a", "b", "c", "wanted"]), values, st.booleans()),
    min_size=2,
    max_size=8,
)
timeouts = st.sampled_from([None, 2.375 * STEP, 5.375 * STEP])  # never at the moment of a step


class Model:
    """A dict of facts, and what the run knows of those that it owns."""

    def __init__(self) -> None:
        self.facts = {"a": 0, "b": 0, "c": 0}
        self.mine: set[str] = set()  # written last by the run
        self.expected = dict.fromkeys(OWNED, 0)
        self.lost: set[str] = set()
        self.dropped: list[str] = []

    def put(self, fact: str, value: int, by_the_run: bool = False) -> None:
        if self.facts[fact] != value:
            self.facts[fact] = value
            (self.mine.add if by_the_run else self.mine.discard)(fact)

    def look(self, fact: str) -> None:
        if self.facts[fact] != self.expected.get(fact, self.facts[fact]):
            self.lost.add(fact)

    def write(self, fact: str, value: int, with_event: bool) -> None:
        """The run writes. An event is all or nothing, so it lands; but what was lost before it stays so."""
        for one in OWNED if with_event else (fact,):
            self.look(one)
        if with_event or fact not in self.lost:
            self.put(fact, value, by_the_run=True)
            self.expected.update({one: self.facts[one] for one in self.mine & {*OWNED}})
        else:
            self.dropped.append(fact)


def model(program: list[Step], others: list[Foreign], timeout: float | None) -> tuple[dict[str, int], list[str]]:
    """Play it: the facts at the end, and the facts whose writes were dropped."""
    played = Model()
    left = [(at, fact, value) for at, fact, value, _ in sorted(others) if fact != "wanted"]
    attempt, begun = 1, 0.0
    for number, step in enumerate(program):
        due = (number + 1) * STEP
        while timeout is not None and due > begun + timeout:
            attempt, begun = attempt + 1, begun + timeout
        if attempt > ATTEMPTS:
            break
        while left and left[0][0] <= number:
            played.put(*left.pop(0)[1:])
        if step == "fail":
            attempt, begun = attempt + 1, due
        else:
            played.write(*step)
    for _, fact, value in left:
        played.put(fact, value)
    return played.facts, played.dropped


@given(steps, foreign, timeouts)
def test_ownership_does_what_the_model_does(program: list[Step], others: list[Foreign], timeout: float | None) -> None:
    """Which writes land is the same, whatever others write, whoever wants it, and however often it is tried."""

    async def main() -> tuple[dict[str, int], list[str], bool]:
        module = Module("m", Facts)
        module.constraint(owns=OWNED, name="must")(lambda facts: Work() if facts.wanted == 1 else None)
        done = runs = 0
        aborted = False

        @module.on(Put)
        def put(facts: Facts, event: Put) -> None:
            setattr(facts, event.fact, event.value)

        @module.resolver(Work, retry=Retry(ATTEMPTS, initial_delay=0), timeout=timeout)
        async def work(requirement: Work, ctx: Context[Facts]) -> None:
            nonlocal done, runs, aborted
            runs += ctx.attempt == 1
            while runs == 1 and done < len(program):
                await trio.sleep_until((done + 1) * STEP)
                step = program[done]
                done += 1
                if step == "fail":
                    raise ValueError
                fact, value, with_event = step
                ctx.dispatch(Put(fact, value)) if with_event else setattr(ctx.facts, fact, value)
                aborted |= ctx.signal.aborted
            ctx.facts.wanted = 0  # satisfied: it does not begin anew

        log: list[Observation] = []
        async with open_system(module, errors=ErrorBoundary(on_error=lambda *_: None)) as system:
            system.observe(log.append)
            for at, fact, value, with_event in sorted(others):
                await trio.sleep_until((at + 0.5) * STEP)
                system.dispatch(Put(fact, value)) if with_event else setattr(system[module], fact, value)
            await system.settle(timeout=1000)
            facts = system[module]
            dropped = [seen.fact[-1] for seen in log if isinstance(seen, ResolverWriteRejected)]
            return {"a": facts.a, "b": facts.b, "c": facts.c}, dropped, aborted

    facts, dropped, aborted = trio.run(main, clock=MockClock(autojump_threshold=0))
    assert (facts, dropped) == model(program, others, timeout)
    event(f"dropped {min(len(dropped), 3)}")
    assert aborted is bool(dropped)
