"""The three modes of the mutator against a small model, over interleavings of dispatches, ends and stops."""

from typing import Literal

import trio
from attrs import define, frozen
from hypothesis import event, given
from hypothesis import strategies as st
from trio.testing import MockClock

from directive_trio import Context, Module, open_system
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
Arrival = tuple[float, bool, float, bool]
"""After how many seconds, whether it supersedes, how long it takes, whether it succeeds."""

durations = st.sampled_from([0.0, 0.25, 1.0, 2.5])
arrivals = st.lists(st.tuples(st.sampled_from([0.0, 0.125, 0.5, 3.0]), st.booleans(), durations, st.booleans()))


def model(mode: Mode, program: list[Arrival]) -> tuple[list[int], list[int]]:
    """Who is done, in order, and who stands as failed at the end: on a list and a clock of its own."""
    now = 0.0
    line: list[list[float | int | bool]] = []  # number, supersedes, seconds left, good, failed
    done: list[int] = []

    def running() -> list[list[float | int | bool]]:
        live = [one for one in line if not one[4]]
        return live if mode == "parallel" else live[:1]

    def go_on(seconds: float) -> None:
        nonlocal line
        while (turns := running()) and (step := min(float(one[2]) for one in turns)) <= seconds:
            seconds -= step
            for one in turns:
                one[2] -= step
            for one in turns:
                if one[2] <= 0:
                    if one[3]:
                        done.append(int(one[0]))
                        line = [other for other in line if other is not one]
                    else:
                        one[4] = True
        for one in running():
            one[2] -= seconds

    for number, (wait, supersedes, seconds, good) in enumerate(program):
        now += wait
        go_on(wait)
        begun = running()
        line = [one for one in line if not one[4]]
        if supersedes:
            line = [one for one in line if not one[1]]
        if mode == "latest":
            line = [one for one in line if any(one is other for other in begun)]
        line.append([number, supersedes, seconds + 1 / 1024, good, False])
    go_on(1e9)
    return done, [int(one[0]) for one in line]


@given(st.sampled_from(["latest", "queue", "parallel"]), arrivals)
def test_the_modes_do_what_the_model_does(mode: Mode, program: list[Arrival]) -> None:
    """Nothing is lost in a queue, order is kept, in latest the last one wins; who fails stays until the next comes."""

    async def handle(mutation: Edit | Look, ctx: Context[Facts]) -> None:
        await trio.sleep(mutation.seconds + 1 / 1024)
        if not mutation.good:
            raise ValueError(mutation.number)
        ctx.facts.done += (mutation.number,)

    async def main() -> tuple[list[int], list[int]]:
        module = Module("m", Facts)
        change = Mutator(module, concurrency=mode).on(Edit, handle).on(Look, cancellable(handle))
        async with open_system(module) as system:
            for number, (wait, supersedes, seconds, good) in enumerate(program):
                # a moment later than whatever ends at that time; who arrives finds it settled or begun
                await trio.sleep(wait + 1 / 65536)
                system.dispatch(change((Look if supersedes else Edit)(number, seconds, good)))
            await system.settle(timeout=1000)
            shown = system[module].pending_mutation
            line = [] if shown is None else [shown, *shown.others]
            assert all(one.status == "failed" for one in line)
            return list(system[module].done), sorted(one.mutation.number for one in line)

    event(mode)
    done, failed = trio.run(main, clock=MockClock(autojump_threshold=0))
    assert (done, failed) == model(mode, program)
    if mode != "latest" and not any(supersedes for _, supersedes, _, _ in program):
        assert len(done) == sum(good for _, _, _, good in program)
