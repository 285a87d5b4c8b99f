"""The benchmarks work: each workload ends in the state it should. How long it takes is nobody's business here."""

import json
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import trio
from attrs import evolve, frozen
from trio.testing import MockClock

from directive_trio import System
from tests.benchmarks import __main__ as command
from tests.benchmarks import soak
from tests.benchmarks.curves import Scale, curves_of, duration
from tests.benchmarks.machine import description, slowness
from tests.benchmarks.measuring import BYTES, MS, NS, US, Effort, Figures, Workload, measure
from tests.benchmarks.page import PAGE, write_page
from tests.benchmarks.peer import Absent, RunningPeer, peers
from tests.benchmarks.table import line, main_table, peers_table, row, shown
from tests.benchmarks.workloads import WORKLOADS

ONCE = Effort(1, 0, 1)
NOTHING = Workload("W0", "nothing", WORKLOADS[0].prepare, NS, 20)
ECHO = """
import json, sys
print(json.dumps({"version": "1.2", "workloads": ["W1"]}), flush=True)
for line in sys.stdin:
    workload, size = line.split()
    print(float(size), flush=True)
"""


@frozen
class Twice:
    """A peer that answers the numbers 1, 2, 3 … in turn."""

    asked: list[tuple[str, int]]
    name: str = "twice"

    def can(self, workload: str) -> bool:
        return workload == "W0"

    def measure(self, workload: str, size: int) -> float:
        self.asked.append((workload, size))
        return float(len(self.asked))


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: f"{workload.id}-{workload.size}")
def test_a_workload_ends_in_the_state_it_should(workload: Workload) -> None:
    """Each checks itself, here at a size that takes no time."""
    small = evolve(workload, size=workload.small)
    figures = trio.run(measure, small, ONCE, clock=MockClock())
    assert len(figures.runs) == 1
    assert len(figures.floors) == (workload.floor is not None)
    assert line(figures).startswith(workload.id)
    assert row(figures)["size"] == workload.small


def test_a_goal_is_met_by_the_median_or_by_the_ratio_to_the_floor() -> None:
    """The ratio is taken repetition by repetition; a goal in seconds is eased where the machine is slower."""
    assert Figures(NOTHING, (10e-9, 20e-9, 90e-9)).met == "yes"
    assert Figures(NOTHING, (10e-9, 21e-9, 90e-9)).met == "no"
    assert Figures(NOTHING, (40e-9,), slowness=2).met == "eased"
    assert Figures(NOTHING, (41e-9,), slowness=2).met == "no"
    assert Figures(NOTHING, (40e-9,), slowness=4).eased == 0.5
    assert Figures(evolve(NOTHING, unit=BYTES), (40.0,), slowness=2).met == "no"
    of_floor = evolve(NOTHING, goal=2, of_floor=True)
    assert Figures(of_floor, (2.0, 4.0, 90.0), (1.0, 2.0, 4.0)).met == "yes"
    assert Figures(of_floor, (2.0, 4.2, 90.0), (1.0, 2.0, 4.0)).met == "no"
    assert Figures(evolve(NOTHING, goal=None), (1.0,)).met is None


def test_a_peer_is_measured_in_turn_with_the_workload() -> None:
    """Once a repetition and once to warm up, at the same size; and only what it can do."""
    twice = Twice([])
    figures = trio.run(measure, evolve(NOTHING, size=7), Effort(3), [twice], clock=MockClock())
    assert twice.asked == [("W0", 7)] * 4
    assert figures.peers == {"twice": (2.0, 3.0, 4.0)}
    assert figures.best_peer == "twice"
    unable = trio.run(measure, evolve(NOTHING, id="W00"), ONCE, [twice], clock=MockClock())
    assert not unable.peers
    assert unable.best_peer is None


def test_what_takes_long_is_repeated_less_often() -> None:
    """But as often as is asked for at least."""
    figures = trio.run(measure, NOTHING, Effort(9, 0, 2), clock=MockClock())
    assert len(figures.runs) == 2


def test_a_peer_answers_from_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests and answers are lines; it ends with the block."""
    folder = tmp_path / "tests" / "benchmarks" / "peers"
    folder.mkdir(parents=True)
    (folder / "with_echo.py").write_text(ECHO)
    (folder / "with_mute.py").write_text("")
    monkeypatch.setattr("tests.benchmarks.peer.ROOT", tmp_path)
    python = Path(sys.executable)
    with peers(["echo"], python) as (running, absent):
        (echo,) = running
        assert (echo.name, echo.version, absent) == ("echo", "1.2", [])
        assert echo.can("W1")
        assert not echo.can("W2")
        assert echo.measure("W1", 3) == 3
    assert echo.process.returncode == 0
    with pytest.raises(RuntimeError, match="has ended with code 0"), peers(["mute"], python):
        pass


def test_a_peer_that_cannot_be_measured_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not there, or not for this Python."""
    with peers(["echo"], Path("nowhere")) as (running, absent):
        assert (running, absent) == ([], [Absent("echo", "its environment is not there: make bench makes it")])
    monkeypatch.setattr("tests.benchmarks.peer.NEEDS", {"echo": (9, 9)})
    with peers(["echo"], Path(sys.executable)) as (running, absent):
        assert (running, absent) == ([], [Absent("echo", "its current version needs Python 9.9")])
    assert command.about_peers([], absent) == {
        "peers": "none",
        "not measured": "echo: its current version needs Python 9.9",
    }


@pytest.mark.parametrize(
    ("value", "expected"), [(1.234e-6, "1.23 µs"), (12.34e-3, "12340 µs"), (None, ""), (123.4e-6, "123 µs")]
)
def test_a_figure_is_shown_with_three_digits(value: float | None, expected: str) -> None:
    """Or more where there are more before the point."""
    assert shown(value, US) == expected


def test_the_tables_say_what_was_measured() -> None:
    """Ratios are ours to theirs in the first table, theirs to ours in the second."""
    figures = Figures(NOTHING, (20e-9,), (10e-9,), {"slow": (90e-9,), "fast": (40e-9,)})
    assert main_table([figures]).splitlines()[2] == (
        "| W0 | nothing | 1 | 20 ns | 20 ns | 10 ns | 2.00 | fast 40 ns | 0.50 | ≤ 20 ns | 1.00 | yes |"
    )
    assert peers_table([figures, Figures(NOTHING, (1.0,))], ["fast", "other", "slow"]).splitlines()[2:] == [
        "| W0 | nothing | 20 ns | 40 ns (2.0 ×) |  | 90 ns (4.5 ×) |"
    ]


def test_a_curve_is_drawn_for_what_grows() -> None:
    """An SVG with our points, those of the original, and the goal; for one size alone there is none."""
    sizes = [evolve(NOTHING, id="W8", unit=MS, size=size, goal=goal) for size, goal in [(10, None), (1000, 33)]]
    (picture,) = curves_of([Figures(workload, (workload.size * 1e-5,)) for workload in [*sizes, NOTHING]]).values()
    root = ET.fromstring(picture)
    assert [circle.get("class") for circle in root.iter("{http://www.w3.org/2000/svg}circle")] == [
        *["dot original"] * 2,
        *["dot ours"] * 2,
    ]
    assert "prefers-color-scheme: dark" in picture
    assert not curves_of([Figures(sizes[0], (1.0,))])


def test_an_axis_shows_whole_decades() -> None:
    """One at least."""
    across = Scale.over([20, 500], 0, 100)
    assert across.decades == [10, 100, 1000]
    assert across(100) == 50
    assert Scale.over([10], 0, 100).decades == [10, 100]
    assert [duration(seconds) for seconds in (1e-9, 1e-5, 0.1, 10)] == ["1 ns", "10 µs", "100 ms", "10 s"]


def test_the_page_gets_what_was_measured_between_its_marks(tmp_path: Path) -> None:
    """And the pictures beside it; a mark that is not there is an error."""
    page = tmp_path / "how-fast.md"
    page.write_text("a\n<!-- measured: table -->old<!-- end: table -->\nb\n")
    for _ in range(2):
        write_page({"table": r"| \1 |"}, {"W7": "<svg/>"}, page)
        assert page.read_text() == "a\n<!-- measured: table -->\n\n| \\1 |\n\n<!-- end: table -->\nb\n"
    assert (tmp_path / "how-fast" / "W7.svg").read_text() == "<svg/>"
    with pytest.raises(ValueError, match="must have the marks"):
        write_page({"peers": ""}, {}, page)


def test_the_command_prints_the_table_and_keeps_the_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the machine, the versions and the options; into the page only if that is asked for."""
    few = [evolve(workload, size=workload.small) for workload in WORKLOADS if workload.id in {"W1", "W2"}]
    page = PAGE.read_text(encoding="utf-8")
    (tmp_path / "how-fast.md").write_text(page, encoding="utf-8")
    for name, value in {
        "WORKLOADS": few,
        "QUICK": ONCE,
        "ROOT": tmp_path,
        "RESULTS": tmp_path / "bench",
        "peers": lambda: peers([]),
        "write_page": lambda parts, curves: write_page(parts, curves, tmp_path / "how-fast.md"),
    }.items():
        monkeypatch.setattr(command, name, value)
    command.main(["--quick", "W1"])
    printed = capsys.readouterr().out
    assert "check_types=True" in printed
    assert "\nW1 " in printed
    assert "\nW2 " not in printed
    kept = json.loads((tmp_path / "bench" / "bench.json").read_text(encoding="utf-8"))
    assert [found["id"] for found in kept["workloads"]] == ["W1"]
    assert kept["about"]["python"] in printed
    assert (tmp_path / "how-fast.md").read_text(encoding="utf-8") == page
    command.main(["--quick", "--write-docs"])
    assert "made by: `make bench-docs ARGS=--quick`" in (tmp_path / "how-fast.md").read_text(encoding="utf-8")
    with pytest.raises(SystemExit):
        command.main(["--write-docs", "W1"])


def test_the_machine_is_described_and_compared_with_the_one_of_the_goals(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow it is, it is a number above 0; a system that tells nothing about its processor is no trouble."""
    assert trio.run(slowness, 5, clock=MockClock()) > 0
    assert "check_types=True" in description()["options"]
    monkeypatch.setattr(Path, "exists", lambda path: False)
    assert "cores" in description()["machine"]


def test_the_peers_are_told_with_their_versions() -> None:
    """As they say it themselves."""
    with peers([]) as (running, _):
        assert not running
    assert command.about_peers([RunningPeer("a", "1.2", (), None)], []) == {"peers": "a 1.2"}  # type: ignore[arg-type]


def test_nothing_grows_over_writes_and_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """Counted are blocks of memory: one that a run, a write or a pass left behind would show."""
    assert trio.run(soak.soak, 5000, 1000, clock=MockClock())
    assert "blocks since the first tenth" in capsys.readouterr().out


def test_nothing_grows_over_modules_that_come_and_go(capsys: pytest.CaptureFixture[str]) -> None:
    """With one of everything, replaced and switched, and in the middle of a run: a block for each would show."""
    assert trio.run(soak.soak_modules, 600, clock=MockClock())
    assert "600 modules come and go" in capsys.readouterr().out


def test_growth_is_found(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A block for each run is enough; then the command fails."""
    left: list[object] = []

    async def leak(system: System, begin: int, writes: int, runs: int) -> int:
        left.extend(object() for _ in range(runs))
        return begin + runs

    monkeypatch.setattr(soak, "work_through", leak)
    with pytest.raises(SystemExit, match="something grows"):
        soak.main(["--share", "0.001"])
    printed = capsys.readouterr().out
    assert "1,000 runs" in printed
    assert "10 modules come and go" in printed


def test_growth_over_modules_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block for each is enough."""
    left: list[object] = []

    async def leak(system: System, begin: int, rounds: int) -> int:
        left.extend(object() for _ in range(rounds))
        return begin + rounds

    monkeypatch.setattr(soak, "come_and_go", leak)
    assert not trio.run(soak.soak_modules, 600, clock=MockClock())
