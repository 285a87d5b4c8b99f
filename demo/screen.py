"""Progress in the terminal: a live table, or a line for each observation."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text
from typing_extensions import override

from demo.progress import Progress, Step, sentence, shortened
from directive_trio.observe import Observation

REFRESH_INTERVAL = 0.05
"""Seconds between two drawings of the live table."""

COLOURS = {
    "waiting": "dim",
    "running": "cyan",
    "retrying": "yellow",
    "done": "green",
    "failed": "bold red",
    "cancelled": "magenta",
}


class Screen(ABC):
    """Shows observations as they come; ``observe`` is the observer given to the system."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.progress = Progress()

    def observe(self, seen: Observation) -> None:
        """Take in one observation and show it."""
        self.progress.note(seen)
        self.show(seen)

    def say(self, text: str) -> None:
        """Print a line of the story."""
        self.console.print(Text(text, style="bold"), soft_wrap=True)

    @abstractmethod
    def show(self, seen: Observation) -> None:
        """Bring the screen up to date with the newest observation."""


class LineScreen(Screen):
    """A line for each observation that is worth one."""

    @override
    def show(self, seen: Observation) -> None:
        text = sentence(seen)
        if text:
            when = self.progress.since_began(seen.time)
            about = getattr(seen, "id", "")
            self.console.print(Text(f"{when:6.2f} s  {about:<33} {shortened(text)}"), soft_wrap=True)


class LiveScreen(Screen):
    """A table with a row for each step, drawn anew in place.

    Drawing takes milliseconds, so it is done beside the engine and not in its observers.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.live = Live(console=console, auto_refresh=False)

    @override
    def show(self, seen: Observation) -> None:
        """Nothing to do: `keep_drawing` shows it soon."""

    def draw(self) -> None:
        """Draw the table as of now."""
        self.live.update(progress_table(self.progress, trio.current_time()), refresh=True)

    async def keep_drawing(self) -> None:
        """Draw again and again: times go on between two observations."""
        while True:
            self.draw()
            await trio.sleep(REFRESH_INTERVAL)


@asynccontextmanager
async def open_screen(console: Console, *, plain: bool) -> AsyncIterator[Screen]:
    """Show progress for as long as the block lasts; the last table stays in the terminal."""
    if plain:
        yield LineScreen(console)
        return
    screen = LiveScreen(console)
    with screen.live:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(screen.keep_drawing)
            yield screen
            nursery.cancel_scope.cancel()
        screen.draw()


def progress_table(progress: Progress, now: float) -> Table:
    """Lay out the steps as of *now*."""
    table = Table("step", "state", "attempt", "seconds", "", box=None, header_style="bold")
    for step in progress.steps.values():
        table.add_row(*step_row(step, now))
    return table


def step_row(step: Step, now: float) -> tuple[Text, ...]:
    """Lay out one step."""
    elapsed = step.elapsed(now)
    return (
        Text(step.name),
        Text(step.state, style=COLOURS.get(step.state, "")),
        Text(str(step.attempt or "")),
        Text("" if elapsed is None else f"{elapsed:.2f}"),
        Text(step.detail, style="dim", overflow="ellipsis", no_wrap=True),
    )
