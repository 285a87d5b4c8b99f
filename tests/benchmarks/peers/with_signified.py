"""signified, as its README does it."""

from signified import Computed, Signal

from tests.benchmarks.peers.answering import FACTOR, Measure, answer, each, fresh_numbers


def write(times: int) -> Measure:
    number = Signal(0)
    numbers = [at + 1000 for at in range(times)]

    def step() -> None:
        for at in numbers:
            number.value = at

    return each(step, times)


def read(times: int) -> Measure:
    number = Signal(7)

    def step() -> None:
        for _ in range(times):
            number.value  # noqa: B018  # the read is the workload

    return each(step, times)


def read_computed(times: int) -> Measure:
    number = Signal(7)
    double = Computed(lambda: number.value * 2)
    assert double.value == 14

    def step() -> None:
        for _ in range(times):
            double.value  # noqa: B018  # the read is the workload

    return each(step, times)


def write_and_read(times: int) -> Measure:
    number, numbers = Signal(0), fresh_numbers()
    double = Computed(lambda: number.value * 2)

    def step() -> None:
        for _ in range(times):
            number.value = next(numbers)
            double.value  # noqa: B018  # the read is the workload

    return each(step, times)


def chain(length: int) -> Measure:
    number, numbers = Signal(0), fresh_numbers()
    links = [Computed(lambda: number.value + 1)]
    for _ in range(length - 1):
        links.append(Computed(lambda last=links[-1]: last.value + 1))
    leaf = links[-1]
    assert leaf.value == length

    def step() -> None:
        for _ in range(FACTOR):
            number.value = next(numbers)
            leaf.value  # noqa: B018  # the read is the workload

    return each(step, FACTOR)


def wide(width: int) -> Measure:
    number, numbers = Signal(0), fresh_numbers()
    all_of_them = [Computed(lambda at=at: number.value + at) for at in range(width)]
    assert [one.value for one in all_of_them] == list(range(width))

    def step() -> None:
        for _ in range(FACTOR):
            number.value = next(numbers)
            for one in all_of_them:
                one.value  # noqa: B018  # the read is the workload

    return each(step, FACTOR)


def diamond(times: int) -> Measure:
    number, numbers = Signal(0), fresh_numbers()
    a, b, c, d = [Computed(lambda at=at: number.value + at) for at in range(4)]
    end = Computed(lambda: a.value + b.value + c.value + d.value)
    assert end.value == 6

    def step() -> None:
        for _ in range(times):
            number.value = next(numbers)
            end.value  # noqa: B018  # the read is the workload

    return each(step, times)


if __name__ == "__main__":
    answer(
        "signified",
        {
            "W1": write,
            "W2": read,
            "W3a": read_computed,
            "W3b": write_and_read,
            "W3c": chain,
            "W3d": wide,
            "W3e": diamond,
        },
    )
