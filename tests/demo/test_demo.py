"""The demo as its users meet it: a program that is started, ends by itself, and leaves nothing behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import frozen

ROOT = Path(__file__).resolve().parents[2]

PATIENCE = 60.0
"""Seconds after which a run of the program counts as hung."""

SERVER_LINE = re.compile(r"^the server answers at \S+ \(process (\d+)\)$", re.MULTILINE)


@frozen
class Ended:
    """A run of the program that has ended."""

    code: int
    text: str
    errors: str

    @property
    def server_is_running(self) -> bool:
        """Whether the server process that the program named is still there."""
        found = SERVER_LINE.search(self.text)
        assert found, f"the program names no server:\n{self.text}\n{self.errors}"
        return is_running(int(found[1]))

    @property
    def verdict(self) -> str:
        """The line with the exit code, and all that comes after it."""
        start = self.text.rfind("\n\n")
        return self.text[start:].strip()


def is_running(pid: int) -> bool:
    """Whether there is a process of this number, a zombie included."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def command(*arguments: str) -> list[str]:
    """The command that starts the program."""
    return [sys.executable, "-m", "demo", *arguments]


def run_demo(*arguments: str) -> Ended:
    """Run the program to its end."""
    ended = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the good path makes for its files."""
    return tmp_path_factory.mktemp("good") / "made" / "on the way"


@pytest.fixture(scope="module")
def good(out: Path) -> Ended:
    """The good path, run once for the tests that look at it."""
    return run_demo("--out", str(out))


@pytest.mark.xdist_group("good path")
def test_the_good_path_ends_with_a_complete_dashboard(good: Ended) -> None:
    """Each part of the story is told, in order, by what the system says of itself."""
    assert (good.code, good.errors) == (0, "")
    place = 0
    for text in (
        "failed for good in attempt 2: ApiError: 401 from /api/auth/validate: the session has expired",
        "settled: nothing is outstanding",
        "auth::status is 'expired': open a new session, dispatch LogIn again",
        "permissions::load_permissions     waits for auth::validate_session",
        "attempt 1 failed, again in 0.15 s: ApiError: 503 from /api/flags: the flag store is waking up",
        "attempt 2 failed, again in 0.30 s: ApiError: 503 from /api/flags: the flag store is waking up",
        "starts LoadDashboard(role='editor', flags=('weather', 'cars', 'stocks'))",
        "ResolverTimeoutError: resolver 'hottest_months::fetch' timed out after 0.8 s",
        "the dashboard is complete: from here on, prices move and a timer reminds",
        "settled: nothing is outstanding",
        "Hottest months in Seattle",
        "notifications::messages = ('2 requests came with an expired session',)",
        "live::moves = 7",
        "live::refreshes = 2",
        "the dashboard is complete (exit code 0)",
        "hottest_months (retries: 1)",
    ):
        place = good.text.find(text, place)
        assert place >= 0, f"{text!r} is missing or too early in:\n{good.text}"
    assert not good.server_is_running


@pytest.mark.xdist_group("good path")
def test_the_prices_are_kept_up_to_date(good: Ended) -> None:
    """Over a realtime channel, which is cut in the middle: what was missed is fetched."""
    place = 0
    for text in (
        "requires LoadPrices(gaps=0)",
        "live::loaded_after                -1 → 0",
        "the dashboard is complete: from here on, prices move and a timer reminds",
        "event PriceMoved(record={'symbol': 'IBM', 'price': 127.16})",
        "event PricesMissed()",
        "requires LoadPrices(gaps=1)",
        "live::loaded_after                0 → 1",
    ):
        place = good.text.find(text, place)
        assert place >= 0, f"{text!r} is missing or too early in:\n{good.text}"
    prices = "{'MSFT': 28.8, 'AMZN': 128.82, 'IBM': 125.55, 'AAPL': 223.02, 'GOOG': 560.19}"
    assert f"live::prices = {prices}" in good.text


@pytest.mark.xdist_group("good path")
def test_permissions_and_notifications_start_together(good: Ended) -> None:
    """Two constraints after the same one: both runs start before either ends."""
    starts = [good.text.index("starts LoadPermissions()"), good.text.index("starts LoadNotifications()")]
    ends = [found.start() for found in re.finditer(r"(permissions|notifications)::fetch +done", good.text)]
    assert len(ends) == 4  # the notifications are loaded again, twice
    assert max(starts) < min(ends)


@pytest.mark.xdist_group("good path")
def test_the_graph_and_the_trace_are_written(good: Ended, out: Path) -> None:
    """Mermaid, DOT, text and JSON lines; the graphs name the steps of the chain."""
    for name in ("graph.mmd", "graph.dot", "trace.txt", "trace.jsonl"):
        assert f"wrote {out / name}" in good.text
    for name in ("graph.mmd", "graph.dot"):
        graph = (out / name).read_text(encoding="utf-8")
        assert "validate_session" in graph
        assert "load_dashboard" in graph
    assert "flags::load_flags                  waits for permissions" in (out / "trace.txt").read_text(encoding="utf-8")
    lines = (out / "trace.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines
    assert all(isinstance(json.loads(line), dict) for line in lines)


@pytest.mark.parametrize(
    ("part", "code", "reason", "verdict"),
    [
        (
            "permissions",
            10,
            (
                "permissions::load_permissions failed for good after 1 attempt: "
                "ApiError: 403 from /api/permissions: this account is locked"
            ),
            [
                "the permissions could not be loaded (exit code 10)",
                "done: auth (retries: 1), notifications",
                "idle: flags, dashboard, ",
            ],
        ),
        (
            "flags",
            11,
            (
                "flags::load_flags failed for good after 3 attempts: "
                "ApiError: 503 from /api/flags: the flag store is waking up"
            ),
            [
                "the feature flags could not be loaded (exit code 11)",
                "done: auth (retries: 1), permissions, notifications",
                "idle: dashboard, ",
            ],
        ),
        (
            "widget",
            12,
            (
                "hottest_months::load_widget failed for good after 3 attempts: "
                "ResolverTimeoutError: resolver 'hottest_months::fetch' timed out after 0.8 s in attempt 3"
            ),
            [
                "a widget could not be loaded (exit code 12)",
                "notifications, rainy_days, mileage_by_origin, stock_growth",
                "failed: hottest_months (retries: 2)",
            ],
        ),
        (
            "market",
            16,
            "live::market                       raised in runtime: ",
            [
                "the dashboard is complete, but is not kept up to date (exit code 16)",
                "done: auth (retries: 1), permissions",
            ],
        ),
        (
            "server",
            13,
            "flags::load_flags failed for good after 3 attempts: ConnectError",
            [
                "the server process ended in the middle (exit code 13)",
                f"the server process is gone, its exit status is {-signal.SIGKILL}",
                "idle: dashboard, ",
            ],
        ),
    ],
)
def test_a_broken_part_is_named_with_its_reason(
    part: str, code: int, reason: str, verdict: list[str], tmp_path: Path
) -> None:
    """The exit code belongs to the part; what it holds back stays idle, what does not need it is done."""
    ended = run_demo("--break", part, "--out", str(tmp_path))
    assert (ended.code, ended.errors) == (code, "")
    assert reason in ended.text
    assert [text for text in verdict if text not in ended.verdict] == []
    assert not ended.server_is_running


def test_a_server_that_cannot_listen_is_an_end_of_its_own(tmp_path: Path) -> None:
    """The reason is the server's own last word."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run_demo("--port", str(port), "--out", str(tmp_path))
    assert (ended.code, ended.errors) == (14, "")
    assert ended.text.startswith(f"the server did not come up: cannot listen on port {port}: ")


def test_ctrl_c_ends_the_program_and_its_server(tmp_path: Path) -> None:
    """In the middle of a run that waits for its next attempt."""
    demo = subprocess.Popen(
        command("--out", str(tmp_path)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout is not None
    seen = ""
    while "failed, again in" not in seen:
        seen += demo.stdout.readline()
    demo.send_signal(signal.SIGINT)
    rest, errors = demo.communicate(timeout=PATIENCE)
    ended = Ended(demo.returncode, seen + rest, errors)
    assert (ended.code, ended.errors) == (130, "")
    assert ended.text.endswith("interrupted: everything is cancelled, and the server is stopped\n")
    assert not ended.server_is_running


def test_help_documents_every_exit_code() -> None:
    """So that a script can tell the ends apart."""
    text = run_demo("--help").text
    for code in (0, 1, 10, 11, 12, 13, 14, 15, 16, 130):
        assert re.search(rf"^ +{code}  \w", text, re.MULTILINE), code


def test_wrong_arguments_are_refused() -> None:
    """Before anything is started."""
    ended = run_demo("--break", "everything")
    assert ended.code == 2
    assert "invalid choice: 'everything'" in ended.errors


def test_the_server_ends_with_its_input() -> None:
    """Should the demo be killed, the pipe ends, and the server with it."""
    ended = subprocess.run(
        [sys.executable, "-m", "demo.server"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0
    assert ended.stdout.startswith("http://127.0.0.1:")
