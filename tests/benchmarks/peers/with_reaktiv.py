"""reaktiv, as its README does it, with its locks off: there is one thread."""

from reaktiv import computed, set_thread_safety, signal

from tests.benchmarks.peers.answering import FACTOR, Measure, answer, each, fresh_numbers


def write(times: int) -> Measure:
    number = signal(0)
    numbers = [at + 1000 for at in range(times)]

    def step() -> None:
        for at in numbers:
            number.set(at)

    return each(step, times)


def read(times: int) -> Measure:
    number = signal(7)

    def step() -> None:
        for _ in range(times):
            number()

    return each(step, times)


def read_computed(times: int) -> Measure:
    number = signal(7)
    double = computed(lambda: number() * 2)
    assert double() == 14

    def step() -> None:
        for _ in range(times):
            double()

    return each(step, times)


def write_and_read(times: int) -> Measure:
    number, numbers = signal(0), fresh_numbers()
    double = computed(lambda: number() * 2)

    def step() -> None:
        for _ in range(times):
            number.set(next(numbers))
            double()

    return each(step, times)


def chain(length: int) -> Measure:
    number, numbers = signal(0), fresh_numbers()
    links = [computed(lambda: number() + 1)]
    for _ in range(length - 1):
        links.append(computed(lambda last=links[-1]: last() + 1))
    leaf = links[-1]
    assert leaf() == length

    def step() -> None:
        for _ in range(FACTOR):
            number.set(next(numbers))
            leaf()

    return each(step, FACTOR)


def wide(width: int) -> Measure:
    number, numbers = signal(0), fresh_numbers()
    all_of_them = [computed(lambda at=at: number() + at) for at in range(width)]
    assert [one() for one in all_of_them] == list(range(width))

    def step() -> None:
        for _ in range(FACTOR):
            number.set(next(numbers))
            for one in all_of_them:
                one()

    return each(step, FACTOR)


def diamond(times: int) -> Measure:
    number, numbers = signal(0), fresh_numbers()
    a, b, c, d = [computed(lambda at=at: number() + at) for at in range(4)]
    end = computed(lambda: a() + b() + c() + d())
    assert end() == 6

    def step() -> None:
        for _ in range(times):
            number.set(next(numbers))
            end()

    return each(step, times)


if __name__ == "__main__":
    set_thread_safety(False)
    answer(
        "reaktiv",
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
