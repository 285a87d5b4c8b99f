"""trio-util: an AsyncValue, and a task that waits for each of its transitions."""

from time import process_time

import trio
from trio_util import AsyncValue

from tests.benchmarks.peers.answering import Measure, answer, each, fresh_numbers

ROUNDS, TURN, TURNS = 4, 20, 5
"""As in `tests.benchmarks.measuring` and `reconciling`."""


def write(times: int) -> Measure:
    number = AsyncValue(0)
    numbers = [at + 1000 for at in range(times)]

    def step() -> None:
        for at in numbers:
            number.value = at

    return each(step, times)


def read(times: int) -> Measure:
    number = AsyncValue(7)

    def step() -> None:
        for _ in range(times):
            number.value  # noqa: B018  # the read is the workload

    return each(step, times)


def write_and_wake(_: int) -> Measure:
    """One task waits for transitions; a write wakes it, and it waits again. Idle rounds are taken off, as in ours."""

    async def listen(number: AsyncValue[int], heard: list[int]) -> None:
        while True:
            value, _ = await number.wait_transition()
            heard.append(value)

    async def main() -> float:
        number, numbers, heard = AsyncValue(0), fresh_numbers(), list[int]()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen, number, heard)
            await rounds()
            taken = 0.0
            for _ in range(TURNS):
                begin = process_time()
                for _ in range(TURN):
                    number.value = next(numbers)
                    await rounds()
                middle = process_time()
                for _ in range(TURN):
                    await rounds()
                taken += middle - begin - (process_time() - middle)
            nursery.cancel_scope.cancel()
        assert len(heard) == TURNS * TURN
        return taken / TURNS / TURN

    return lambda: trio.run(main)


async def rounds() -> None:
    for _ in range(ROUNDS):
        await trio.lowlevel.checkpoint()


if __name__ == "__main__":
    answer("trio-util", {"W1": write, "W1b": write_and_wake, "W2": read})
