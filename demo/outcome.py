"""How the program can end, as exit codes, and how to tell which one it is."""

from enum import IntEnum

from demo.progress import Step
from demo.widgets import WIDGETS


class Exit(IntEnum):
    """Exit codes. 2 is missing: it is what the argument parser answers to wrong arguments."""

    COMPLETE = 0
    INCOMPLETE = 1
    PERMISSIONS_FAILED = 10
    FLAGS_FAILED = 11
    WIDGET_FAILED = 12
    SERVER_ENDED = 13
    SERVER_NOT_STARTED = 14
    STEP_FAILED = 15
    MARKET_CLOSED = 16
    INTERRUPTED = 130


MEANINGS = {
    Exit.COMPLETE: "the dashboard is complete",
    Exit.INCOMPLETE: "the chain did not settle, or settled incomplete",
    Exit.PERMISSIONS_FAILED: "the permissions could not be loaded",
    Exit.FLAGS_FAILED: "the feature flags could not be loaded",
    Exit.WIDGET_FAILED: "a widget could not be loaded",
    Exit.SERVER_ENDED: "the server process ended in the middle",
    Exit.SERVER_NOT_STARTED: "the server did not come up",
    Exit.STEP_FAILED: "another step failed",
    Exit.MARKET_CLOSED: "the dashboard is complete, but is not kept up to date",
    Exit.INTERRUPTED: "interrupted with Ctrl-C",
}

STEP_EXITS = {
    "permissions": Exit.PERMISSIONS_FAILED,
    "flags": Exit.FLAGS_FAILED,
    **dict.fromkeys(WIDGETS, Exit.WIDGET_FAILED),
}


def judge(failed: list[Step], *, is_complete: bool, is_live: bool, server_ended: bool) -> Exit:
    """Find the exit code: a server that is gone explains all failures; else the first one counts."""
    if server_ended:
        return Exit.SERVER_ENDED
    if failed:
        return STEP_EXITS.get(failed[0].name, Exit.STEP_FAILED)
    if not is_complete:
        return Exit.INCOMPLETE
    return Exit.COMPLETE if is_live else Exit.MARKET_CLOSED
