"""The workloads, their goals and their floors, in the order of the table."""

from tests.benchmarks import floors, reading, reconciling
from tests.benchmarks.measuring import BYTES, MS, NS, US, Workload
from tests.benchmarks.memory import memory_of


def ignore(_: object) -> None:
    """Observe, and do nothing."""


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
    Workload("W7", "one fact among inactive constraints", reconciling.among_inactive, US, 10, 10),
    Workload("W7", "one fact among inactive constraints", reconciling.among_inactive, US, 10, 1000),
    Workload("W7", "one fact among inactive constraints", reconciling.among_inactive, US, 10, 10_000),
    Workload("W7b", "one fact beside pending runs", reconciling.among_pending, US, 5, 100),
    Workload("W7b", "one fact beside pending runs", reconciling.among_pending, US, 5, 10_000),
    Workload("W7c", "one run ends among others", reconciling.ending_among, US, 20, 2000, small=60),
    Workload("W7c", "one run ends among others", reconciling.ending_among, US, 20, 10_000, small=60),
    Workload("W8", "constraints in a chain of after", reconciling.chain_of_constraints, MS, 3.3, 100),
    Workload("W8", "constraints in a chain of after", reconciling.chain_of_constraints, MS, 33, 1000),
    Workload("W8", "constraints in a chain of after", reconciling.chain_of_constraints, MS, 330, 10_000),
    Workload("W9", "memory of a fact", memory_of("facts"), BYTES, 160, 10_000),
    Workload("W9", "memory of a derivation", memory_of("derivations"), BYTES, 330, 10_000),
    Workload("W9", "memory of a constraint", memory_of("constraints"), BYTES, 400, 10_000),
    Workload("W10", "make and start a system of facts", reconciling.start, MS, 1, 1000),
    Workload("W12", "deep derivations, first read", reading.first_reads_of_a_chain, MS, 60, 10_000),
    Workload("W12", "deep derivations, write and read", reading.chain_of_derivations, MS, 20, 10_000),
    Workload(
        "W13",
        "round trip with an observer, against one without",
        reconciling.round_trip(ignore),
        US,
        1.35,
        200,
        floor=reconciling.round_trip(),
        of_floor=True,
    ),
)
