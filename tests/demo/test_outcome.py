"""Which exit code the steps come to, and how the table shows them."""

import pytest
from rich.console import Console

from demo.outcome import Exit, judge
from demo.progress import Progress, Step
from demo.screen import progress_table


@pytest.mark.parametrize(
    ("failed", "code"),
    [
        (["permissions"], Exit.PERMISSIONS_FAILED),
        (["flags", "notifications"], Exit.FLAGS_FAILED),
        (["stock_growth"], Exit.WIDGET_FAILED),
        (["auth"], Exit.STEP_FAILED),
    ],
)
def test_the_first_failed_step_gives_the_exit_code(failed: list[str], code: Exit) -> None:
    """The later ones may be its consequence."""
    assert judge([Step(name) for name in failed], is_complete=False, is_live=False, server_ended=False) is code


@pytest.mark.parametrize(
    ("is_complete", "is_live", "code"),
    [(True, True, Exit.COMPLETE), (False, False, Exit.INCOMPLETE), (True, False, Exit.MARKET_CLOSED)],
)
def test_without_a_failure_completeness_counts(is_complete: bool, is_live: bool, code: Exit) -> None:
    """Settled is not the same as complete, and complete not the same as up to date."""
    assert judge([], is_complete=is_complete, is_live=is_live, server_ended=False) is code


def test_a_server_that_is_gone_explains_all_failures() -> None:
    """Whichever step met it first."""
    assert judge([Step("flags")], is_complete=False, is_live=False, server_ended=True) is Exit.SERVER_ENDED


def test_the_table_shows_a_row_for_each_step() -> None:
    """A run under way counts up, one that has ended stands still."""
    progress = Progress(
        {
            "auth": Step("auth", "done", attempt=2, started=1.0, ended=1.5, detail="ValidateSession('x')"),
            "flags": Step("flags", "retrying", attempt=3, started=2.0),
            "dashboard": Step("dashboard", "waiting", detail="waits for flags::load_flags"),
        }
    )
    console = Console(width=100, color_system=None)
    with console.capture() as captured:
        console.print(progress_table(progress, now=4.25))
    rows = [line.split() for line in captured.get().splitlines()]
    assert rows == [
        ["step", "state", "attempt", "seconds"],
        ["auth", "done", "2", "0.50", "ValidateSession('x')"],
        ["flags", "retrying", "3", "2.25"],
        ["dashboard", "waiting", "waits", "for", "flags::load_flags"],
    ]
