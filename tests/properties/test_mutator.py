"""The three modes of the mutator against a small model: dispatches, ends, timeouts, cancels and stops in any order."""

from typing import Literal

import trio
from attrs import define, frozen
from hypothesis import event, given
from hypothesis import strategies as st
from trio.testing import MockClock

from directive_trio import Context, Module, System
from directive_trio.patterns import Mutator, Pending, cancellable


@frozen
class Edit:
    number: int
    seconds: float
    good: bool


@frozen
class Look:
    number: int
    seconds: float
    good: bool


@define
class Facts:
    done: tuple[int, ...] = ()
    pending_mutation: Pending[Edit | Look] | None = None


Mode = Literal["latest", "queue", "parallel"]
Before = Literal["", "cancel", "stop"]
Arrival = tuple[float, Before, bool, float, bool]
"""After how many seconds, what is done just before, whether it supersedes, how long it takes, whether it succeeds."""

PATIENCE = 2.0
"""Seconds after which those that supersede time out."""
MOMENT = 1 / 65536
"""So much later than whatever ends at that time: who arrives finds it settled or begun."""

durations = st.sampled_from([0.0, 0.25, 1.0, 2.5])
waits = st.sampled_from([0.0, 0.125, 0.5, 3.0])
befores: st.SearchStrategy[Before] = st.sampled_from(["", "", "", "cancel", "stop"])
arrivals = st.lists(st.tuples(waits, befores, st.booleans(), durations, st.booleans()), max_size=12)


@define
class One:
    """A mutation in the model's line."""

    number: int
    supersedes: bool
    seconds: float
    good: bool
    left: float = 0
    failed: bool = False

    def begin(self) -> None:
        """From the beginning: at first, and after a stop."""
        self.left = min(self.seconds, PATIENCE) if self.supersedes else self.seconds

    @property
    def succeeds(self) -> bool:
        """Whether it ends well."""
        return self.good and not (self.supersedes and self.seconds > PATIENCE)


def model(mode: Mode, program: list[Arrival]) -> tuple[list[int], list[int]]:
    """Who is done, in order, and who stands as failed at the end: on a list and a clock of its own."""
    line: list[One] = []
    done: list[int] = []

    def running() -> list[One]:
        live = [one for one in line if not one.failed]
        return live if mode == "parallel" else live[:1]

    def go_on(seconds: float) -> None:
        nonlocal line
        while (turns := running()) and (step := min(one.left for one in turns)) <= seconds:
            seconds -= step
            for one in turns:
                one.left -= step
            for one in turns:
                if one.left <= 0 and one.succeeds:
                    done.append(one.number)
                    line = [other for other in line if other is not one]
                elif one.left <= 0:
                    one.failed = True
        for one in running():
            one.left -= seconds

    for number, (wait, before, supersedes, seconds, good) in enumerate(program):
        go_on(wait + MOMENT)
        begun = running()
        if before == "cancel" and begun:
            line = [one for one in line if one is not begun[0]]
        if before == "stop":
            for one in begun:
                one.begin()
        if before:
            go_on(MOMENT)
            begun = running()
        line = [one for one in line if not one.failed]
        if supersedes:
            line = [one for one in line if not one.supersedes]
        if mode == "latest":
            line = [one for one in line if any(one is other for other in begun)]
        line.append(One(number, supersedes, seconds + 1 / 1024, good))
        line[-1].begin()
    go_on(1e9)
    return done, [one.number for one in line]


async def handle(mutation: Edit | Look, ctx: Context[Facts]) -> None:
    await trio.sleep(mutation.seconds + 1 / 1024)
    if not mutation.good:
        raise ValueError(mutation.number)
    ctx.facts.done += (mutation.number,)


async def play(mode: Mode, program: list[Arrival]) -> tuple[list[int], list[int]]:
    """The same, for real."""
    module = Module("m", Facts)
    change = Mutator(module, concurrency=mode).on(Edit, handle).on(Look, cancellable(handle, timeout=PATIENCE))
    system = System(module)
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        for number, (wait, before, supersedes, seconds, good) in enumerate(program):
            await trio.sleep(wait + MOMENT)
            shown = system[module].pending_mutation
            if before == "cancel" and shown is not None and shown.status == "running":
                system.cancel(change.requirement(shown.sequence))  # type: ignore[call-arg]  # made at run time
            if before == "stop":
                await system.stop_async()
                system.start(nursery)
            if before:
                await trio.sleep(MOMENT)
            system.dispatch(change((Look if supersedes else Edit)(number, seconds, good)))
        await system.settle(timeout=1000)
        shown = system[module].pending_mutation
        line = [] if shown is None else [shown, *shown.others]
        assert all(one.status == "failed" for one in line)
        await system.destroy()
    return list(system[module].done), sorted(one.mutation.number for one in line)


@given(st.sampled_from(["latest", "queue", "parallel"]), arrivals)
def test_the_modes_do_what_the_model_does(mode: Mode, program: list[Arrival]) -> None:
    """Nothing is lost in a queue, order is kept, in latest the last one wins; who fails stays until the next comes."""
    event(mode)
    done, failed = trio.run(play, mode, program, clock=MockClock(autojump_threshold=0))
    expected, standing = model(mode, program)
    if mode == "parallel" and any(before == "stop" for _, before, *_ in program):
        done, expected = sorted(done), sorted(expected)  # those that begin anew together may end in any order
    assert (done, failed) == (expected, standing)
    peaceful = not any(before == "cancel" or supersedes for _, before, supersedes, _, _ in program)
    if mode != "latest" and peaceful:
        event("nothing may be lost")
        assert len(done) == sum(good for *_, good in program)
