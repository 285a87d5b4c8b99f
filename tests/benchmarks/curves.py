"""Growth curves as SVG, on logarithmic axes; drawn here, because so little is needed.

The picture brings its own ground and its own colours for light and for dark, so it is readable on any page.
"""

import math
from collections.abc import Iterable, Sequence
from html import escape

from attrs import frozen

from tests.benchmarks.measuring import Figures

WIDTH, HEIGHT = 560, 320
LEFT, RIGHT, TOP, BOTTOM = 72, 34, 44, 48
STYLE = """
  .ground { fill: #ffffff } .grid { stroke: #e3e6ea } text { fill: #3b424a; font: 12px system-ui, sans-serif }
  .title { font-size: 14px; font-weight: 600 } .line { fill: none; stroke-width: 2 }
  .ours { stroke: #0b62b8 } .dot.ours { fill: #0b62b8 } .label.ours { fill: #0b62b8; stroke: none }
  .original { stroke: #b4540a } .dot.original { fill: #ffffff } .label.original { fill: #b4540a; stroke: none }
  .line.original { stroke-dasharray: 5 4 }
  .goal { stroke: #6b7580; stroke-dasharray: 2 4 } .label.goal { fill: #6b7580; stroke: none }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #14181d } .grid { stroke: #2b323a } text { fill: #c9d1d9 }
    .ours { stroke: #58a6ff } .dot.ours { fill: #58a6ff } .label.ours { fill: #58a6ff }
    .original { stroke: #f0883e } .dot.original { fill: #14181d } .label.original { fill: #f0883e }
    .goal { stroke: #8b949e } .label.goal { fill: #8b949e }
  }
"""

ORIGINAL = {
    "W7": {10: 2.2e-6, 1000: 68e-6, 10_000: 1184e-6},
    "W7b": {10_000: 4041e-6},
    "W7c": {10_000: 10.9e-3},
    "W8": {100: 4.6e-3, 1000: 194e-3},
}
"""What the original engine took, in seconds: TypeScript on V8, production build, on another machine."""

Point = tuple[float, float]


@frozen
class Scale:
    """From a value to a place in the picture; whole decades are seen."""

    low: int
    high: int
    begin: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], begin: float, end: float) -> "Scale":
        low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        return cls(low, max(high, low + 1), begin, end)

    def __call__(self, value: float) -> float:
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return round(self.begin + share * (self.end - self.begin), 1)

    @property
    def decades(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def curves_of(measured: Iterable[Figures]) -> dict[str, str]:
    """Return a picture for each workload that grows, by its id."""
    by_id: dict[str, list[Figures]] = {}
    for figures in measured:
        if figures.workload.id in ORIGINAL:
            by_id.setdefault(figures.workload.id, []).append(figures)
    return {name: curve(several) for name, several in by_id.items() if len(several) > 1}


def curve(several: Sequence[Figures]) -> str:
    """Draw one workload at its sizes, what the original took, and the goal."""
    workload = several[0].workload
    ours = [(float(figures.workload.size), figures.median) for figures in several]
    theirs = [(float(size), seconds) for size, seconds in ORIGINAL[workload.id].items()]
    goals = [
        (float(figures.workload.size), figures.workload.goal / figures.workload.unit.scale)
        for figures in several
        if figures.workload.goal is not None
    ]
    points = [*ours, *theirs, *goals]
    across = Scale.over([size for size, _ in points], LEFT, WIDTH - RIGHT)
    up = Scale.over([seconds for _, seconds in points], HEIGHT - BOTTOM, TOP)
    title = f"{workload.id}: {workload.title}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
            text(LEFT, 24, title, "title"),
            *grid(across, up),
            *drawn(goals, across, up, "goal", "goal", dots=False),
            *drawn(theirs, across, up, "original", "the original, as published (V8)"),
            *drawn(ours, across, up, "ours", "directive-trio"),
            "</svg>\n",
        ]
    )


def grid(across: Scale, up: Scale) -> list[str]:
    """Draw the decades, and say what they are."""
    lines: list[str] = []
    for size in across.decades:
        x = across(size)
        lines.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{up.begin}" y2="{up.end}"/>')
        lines.append(text(x, HEIGHT - BOTTOM + 18, f"{size:,.0f}", anchor="middle"))
    for seconds in up.decades:
        y = up(seconds)
        lines.append(f'<line class="grid" x1="{across.begin}" x2="{across.end}" y1="{y}" y2="{y}"/>')
        lines.append(text(LEFT - 8, y + 4, duration(seconds), anchor="end"))
    lines.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "K", anchor="middle"))
    return lines


def drawn(points: Sequence[Point], across: Scale, up: Scale, kind: str, label: str, *, dots: bool = True) -> list[str]:
    """Draw one line, its points, and its name at the last of them: above the line, below it where it has no dots."""
    places = [(across(size), up(seconds)) for size, seconds in points]
    if not places:
        return []
    lines = [f'<polyline class="line {kind}" points="{" ".join(f"{x},{y}" for x, y in places)}"/>']
    if dots:
        lines += [f'<circle class="dot {kind}" cx="{x}" cy="{y}" r="4" stroke-width="2"/>' for x, y in places]
    x, y = places[-1]
    return [*lines, text(x, y - 9 if dots else y + 15, label, f"label {kind}", anchor="end")]


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'


def duration(seconds: float) -> str:
    """``1e-05`` → 10 µs."""
    for name, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 0.999:
            return f"{seconds * scale:g} {name}"
    return f"{seconds * 1e9:g} ns"
