"""The life of a system, as a table: state and operation give the next state, or an error."""

from enum import Enum
from typing import Literal

from directive_trio.errors import LifecycleError

StateName = Literal["new", "running", "stopping", "stopped", "destroyed"]


class Operation(Enum):
    """What moves a system from state to state. ``ended``: its last task is gone."""

    START = "start"
    STOP = "stop"
    ENDED = "ended"
    DESTROY = "destroy"


TRANSITIONS: dict[tuple[StateName, Operation], StateName] = {
    ("new", Operation.START): "running",
    ("stopped", Operation.START): "running",
    ("running", Operation.STOP): "stopping",
    ("stopping", Operation.STOP): "stopping",
    ("stopped", Operation.STOP): "stopped",
    ("running", Operation.ENDED): "stopped",
    ("stopping", Operation.ENDED): "stopped",
    ("new", Operation.DESTROY): "destroyed",
    ("stopped", Operation.DESTROY): "destroyed",
    ("destroyed", Operation.DESTROY): "destroyed",
}


def next_state(state: StateName, operation: Operation) -> StateName:
    """Look the transition up.

    Raises:
        LifecycleError: There is none; names operation and state.
    """
    found = TRANSITIONS.get((state, operation))
    if found is None:
        raise LifecycleError(operation.value, state)
    return found
