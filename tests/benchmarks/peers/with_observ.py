"""observ, as its README does it: a reactive dictionary, and computed functions of it."""

from observ import computed, reactive

from tests.benchmarks.peers.answering import FACTOR, Measure, answer, each, fresh_numbers


def write(times: int) -> Measure:
    state = reactive({"number": 0})
    numbers = [at + 1000 for at in range(times)]

    def step() -> None:
        for at in numbers:
            state["number"] = at

    return each(step, times)


def read(times: int) -> Measure:
    state = reactive({"number": 7})

    def step() -> None:
        for _ in range(times):
            state["number"]

    return each(step, times)


def read_computed(times: int) -> Measure:
    state = reactive({"number": 7})
    double = computed(lambda: state["number"] * 2)
    assert double() == 14

    def step() -> None:
        for _ in range(times):
            double()

    return each(step, times)


def write_and_read(times: int) -> Measure:
    state, numbers = reactive({"number": 0}), fresh_numbers()
    double = computed(lambda: state["number"] * 2)

    def step() -> None:
        for _ in range(times):
            state["number"] = next(numbers)
            double()

    return each(step, times)


def chain(length: int) -> Measure:
    state, numbers = reactive({"number": 0}), fresh_numbers()
    links = [computed(lambda: state["number"] + 1)]
    for _ in range(length - 1):
        links.append(computed(lambda last=links[-1]: last() + 1))
    leaf = links[-1]
    assert leaf() == length

    def step() -> None:
        for _ in range(FACTOR):
            state["number"] = next(numbers)
            leaf()

    return each(step, FACTOR)


def wide(width: int) -> Measure:
    state, numbers = reactive({"number": 0}), fresh_numbers()
    all_of_them = [computed(lambda at=at: state["number"] + at) for at in range(width)]
    assert [one() for one in all_of_them] == list(range(width))

    def step() -> None:
        for _ in range(FACTOR):
            state["number"] = next(numbers)
            for one in all_of_them:
                one()

    return each(step, FACTOR)


def diamond(times: int) -> Measure:
    state, numbers = reactive({"number": 0}), fresh_numbers()
    a, b, c, d = [computed(lambda at=at: state["number"] + at) for at in range(4)]
    end = computed(lambda: a() + b() + c() + d())
    assert end() == 6

    def step() -> None:
        for _ in range(times):
            state["number"] = next(numbers)
            end()

    return each(step, times)


if __name__ == "__main__":
    answer(
        "observ",
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
