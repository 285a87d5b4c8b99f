"""A chart of spans of time: one row each, under a common scale."""

from collections.abc import Sequence

from attrs import frozen

CELLS = 40
"""How wide the chart is."""


@frozen
class Stretch:
    """A part of a span that is drawn in a sign of its own."""

    start: float
    end: float
    sign: str


@frozen
class Span:
    """One row: from *start* to *end*, drawn in *sign*, with *inner* stretches drawn over it."""

    label: str
    start: float
    end: float
    sign: str
    note: str
    inner: tuple[Stretch, ...] = ()


def chart(spans: Sequence[Span], origin: float) -> list[str]:
    """Draw the spans, in their order; times are shown from *origin* on. No spans, no lines."""
    if not spans:
        return []
    first, last = min(span.start for span in spans), max(span.end for span in spans)
    width = max(len(span.label) for span in spans)
    # Without any length there is no scale; then everything stands in the first cell.
    scale = CELLS / (last - first) if last > first else 0.0
    begin, end = f"{first - origin:.2f} s", f"{last - origin:.2f} s"
    lines = [f"{'':<{width}}  {begin}{end:>{CELLS - len(begin)}}"]
    for span in spans:
        bar = "".join(_cells(span, first, scale))
        lines.append(f"{span.label:<{width}}  {bar}  {span.note}".rstrip())
    return lines


def _cells(span: Span, first: float, scale: float) -> list[str]:
    cells = [" "] * CELLS
    for part in (Stretch(span.start, span.end, span.sign), *span.inner):
        start = min(int((part.start - first) * scale), CELLS - 1)
        end = max(start + 1, round((part.end - first) * scale))
        for at in range(start, min(end, CELLS)):
            cells[at] = part.sign
    return cells
