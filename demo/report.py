"""What stands at the end, all of it asked of the system: facts, explanation, trace, graph."""

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from demo.outcome import MEANINGS, Exit
from demo.progress import Progress, Step, shortened
from demo.widgets import Widget
from directive_trio import System
from directive_trio.plugins.devtools import DevtoolsTrace

BAR_WIDTH = 30


def print_system(console: Console, system: System, trace: DevtoolsTrace) -> None:
    """Print the settled facts, the explanation of one constraint, and the trace."""
    print_heading(console, "facts: system.inspect()")
    for name, value in system.inspect().facts.items():
        print_line(console, f"{name} = {value!r}")
    print_heading(console, "why so? system.explain('flags::load_flags')")
    print_text(console, str(system.explain("flags::load_flags")))
    print_heading(console, "trace: what waited for what, and when each run started and ended")
    for line in trace.text().splitlines():
        print_line(console, line)


def print_widgets(console: Console, widgets: Iterable[Widget]) -> None:
    """Print the dashboard."""
    print_heading(console, "dashboard")
    for widget in widgets:
        print_text(console, f"{widget.title}, {widget.unit} ({widget.records} records of {widget.source})")
        console.print(bar_chart(widget))


def bar_chart(widget: Widget) -> Table:
    """Lay out the numbers of a widget, a bar for each."""
    table = Table(box=None, show_header=False)
    longest = max(figure for _, figure in widget.rows)
    for label, figure in widget.rows:
        bar = "█" * max(1, round(BAR_WIDTH * figure / longest))
        table.add_row(label, f"{figure:g}", Text(bar, style="blue"))
    return table


def print_failure(console: Console, system: System, step: Step) -> None:
    """Name a step that failed and the error it ended with, and let the engine explain."""
    tries = "1 attempt" if step.attempt == 1 else f"{step.attempt} attempts"
    print_heading(console, f"{step.constraint} failed for good after {tries}: {step.detail}")
    print_text(console, str(system.explain(step.constraint)))


def print_verdict(console: Console, verdict: Exit, progress: Progress, server_status: int | None) -> None:
    """Say in one line how the story ended, and in what state its parts are."""
    style = "bold green" if verdict is Exit.COMPLETE else "bold red"
    print_heading(console, f"{MEANINGS[verdict]} (exit code {verdict.value})", style)
    if server_status is not None:
        print_text(console, f"the server process is gone, its exit status is {server_status}")
    for state, steps in sorted(progress.by_state.items()):
        names = ", ".join(f"{step.name}{retries_text(step)}" for step in steps)
        print_text(console, f"{state}: {names}")


def retries_text(step: Step) -> str:
    """How often a step was tried again, in brackets; nothing if it was not."""
    return f" (retries: {step.retries})" if step.retries else ""


def write_files(folder: Path, system: System, trace: DevtoolsTrace) -> list[Path]:
    """Write the graph as Mermaid and DOT, and the trace as text and JSON lines; answer their paths."""
    graph = system.graph()
    texts = {
        folder / "graph.mmd": graph.mermaid(),
        folder / "graph.dot": graph.dot(),
        folder / "trace.txt": trace.text(),
        folder / "trace.jsonl": trace.json_lines(),
    }
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return list(texts)


def print_heading(console: Console, text: str, style: str = "bold underline") -> None:
    """Print a heading, with a line of air above it."""
    console.print()
    console.print(Text(text, style=style), soft_wrap=True)


def print_line(console: Console, text: str) -> None:
    """Print one line, cut where the terminal ends; the files hold it all."""
    print_text(console, shortened(text, console.width))


def print_text(console: Console, text: str) -> None:
    """Print a text as it is: no markup, no line breaks of the console's own."""
    console.print(Text(text), soft_wrap=True)
