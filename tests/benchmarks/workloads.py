"""The workloads, their goals and their floors, in the order of the table."""

from tests.benchmarks import floors, inbound, memory, publishing, reading, reconciling, starting
from tests.benchmarks.measuring import BYTES, MS, NS, US, Prepare, Unit, Workload

GROWTH = (10, 100, 1000, 10_000, 100_000)
"""The sizes of what must be flat, or linear."""
QUICK = frozenset({10, 1000, 10_000})


def ignore(_: object) -> None:
    """Observe, and do nothing."""


def growing(
    name: str, title: str, prepare: Prepare, unit: Unit, goals: tuple[float | None, ...], small: int = 3
) -> list[Workload]:
    """Return the same workload at all sizes, with the goal of each."""
    return [
        Workload(name, title, prepare, unit, goal, size, small, quick=size in QUICK)
        for size, goal in zip(GROWTH, goals, strict=True)
    ]


def kept(title: str, prepare: Prepare, goal: float | None = None, size: int = 10_000) -> Workload:
    """Return a workload that is measured in bytes."""
    return Workload("W9", title, prepare, BYTES, goal, size)


WORKLOADS = (
    Workload("W1", "write a fact, nothing depends on it", reading.write_a_fact, NS, 130, 2000, floor=floors.slot_write),
    Workload(
        "W1b", "write + one pass, 10 facts", reconciling.one_pass, US, 1.3, 10, floor=floors.wake_up, of_floor=True
    ),
    Workload("W2", "read a fact", reading.read_a_fact, NS, 15, 2000, floor=floors.slot_read),
    Workload("W3a", "read a cached derivation", reading.read_a_derivation, NS, 45, 2000, floor=floors.slot_read),
    Workload("W3b", "write 1 + read 1 derivation", reading.write_and_read, US, 0.85, 1000),
    Workload("W3c", "chain of derivations: write root, read leaf", reading.chain_of_derivations, US, 55, 100),
    Workload("W3d", "1 fact, 1000 derivations: write, read all", reading.wide_derivations, US, 450, 1000),
    Workload("W3e", "diamond 1 → 4 → 1", reading.diamond, US, 3.0, 500),
    Workload("W4", "dispatch an event", reading.dispatch_an_event, US, 0.5, 1000),
    Workload(
        "W5", "round trip", reconciling.round_trip(), US, 2.8, 200, floor=lambda _: floors.tasks(1), of_floor=True
    ),
    Workload("W6", "runs started at once", reconciling.many_at_once, MS, 2.2, 1000, floor=floors.tasks, of_floor=True),
    Workload("W6c", "runs that wait for each other", reconciling.relay, MS, 20, 1000),
    *growing("W7", "one fact among inactive constraints", reconciling.among_inactive, US, (10, 10, 10, 10, 10)),
    *growing("W7b", "one fact beside pending runs", reconciling.among_pending, US, (5, 5, 5, 5, 5)),
    *growing("W7c", "one run ends among others", reconciling.ending_among, US, (20, 20, 20, 20, 20)),
    *growing(
        "W8", "constraints, each after the last", reconciling.chain_of_constraints, MS, (None, 3.3, 33, 330, None)
    ),
    kept("memory of a fact", memory.memory_of("facts"), 160),
    kept("memory of a derivation", memory.memory_of("derivations"), 330),
    kept("memory of a constraint", memory.memory_of("constraints"), 400),
    kept("apart: code and classes of a fact", memory.definitions_of("facts"), size=1000),
    kept("apart: code and classes of a derivation", memory.definitions_of("derivations"), size=1000),
    kept("apart: code and classes of a constraint", memory.definitions_of("constraints"), size=1000),
    Workload(
        "W9", "memory of a run; floor: a task", memory.memory_of_runs, BYTES, size=1000, floor=memory.memory_of_tasks
    ),
    kept("memory of an observation, if kept", memory.memory_of_observations, size=1000),
    Workload("W10", "make and start a system of facts", reconciling.start, MS, 1, 1000),
    Workload("W10", "apart: define the classes, for each fact", starting.define_classes, US, 100, 1000),
    Workload("W11", "publish; floor: a channel", publishing.publish("none"), US, 1.0, 10_000, floor=publishing.channel),
    Workload("W11", "publish, last_write_wins", publishing.publish("last_write_wins"), US, 0.4, 10_000),
    Workload("W12", "deep derivations, first read", reading.first_reads_of_a_chain, MS, 60, 10_000),
    Workload("W12", "deep derivations, write and read", reading.chain_of_derivations, MS, 20, 10_000),
    Workload(
        "W13",
        "round trip with an observer; floor: without",
        reconciling.round_trip(ignore),
        US,
        1.35,
        200,
        floor=reconciling.round_trip(),
        of_floor=True,
    ),
    Workload(
        "W14",
        "websocket frame; floor: raw trio-websocket",
        inbound.frames_of_a_feed,
        US,
        1.15,
        2000,
        floor=inbound.raw_frames,
        of_floor=True,
    ),
    Workload(
        "start",
        "import; floor: trio, attrs and cattrs",
        starting.importing("directive_trio"),
        MS,
        1.5,
        starting.IMPORTS,
        1,
        floor=starting.importing("trio, attrs, cattrs"),
        of_floor=True,
    ),
)
