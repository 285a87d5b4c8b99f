"""The ids of the rules the library promises to keep, and which of them must have a test by now.

A rule is a numbered sentence of the contract: F about facts, derivations and events, R about the loop, S
about sources, O about seeing, keeping and replaying. A rule has a test when its id stands in the docstring
of a test, or of a test file, under ``tests/behaviours``: "R5: what a run wrote does not cancel it."

To deliver a rule, move its id from `COMING` to `REQUIRED`.
"""

REQUIRED = (
    *("F1", "F2", "F3", "F4", "F5", "F6", "F7"),
    *("R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15", "R16"),
    *("S1", "S2", "S3", "S4", "S5", "S6", "S7"),
    *("O1", "O2"),
)

# The rule, and the piece of work that brings it.
COMING = {
    "O3": "plugins beyond logging and the trace",
    "O4": "snapshots",
    "O5": "history",
    "O6": "timeline",
    "O7": "audit and erasure",
}
