"""psygnal, as its README does it: a class with a signal, one callback that adds 1 to a number."""

from psygnal import Signal

from tests.benchmarks.peers.answering import Measure, answer, each


class Counter:
    added = Signal(int)

    def __init__(self) -> None:
        self.number = 0
        self.added.connect(self.add)

    def add(self, amount: int) -> None:
        self.number += amount


def emit(times: int) -> Measure:
    counter = Counter()
    counter.added.emit(1)
    assert counter.number == 1

    def step() -> None:
        for _ in range(times):
            counter.added.emit(1)

    return each(step, times)


if __name__ == "__main__":
    answer("psygnal", {"W4": emit})
