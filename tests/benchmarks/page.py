"""Put what was measured into the page ``docs/how-fast.md``, between its marks; the words around it are written."""

import re
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.machine import ROOT

PAGE = ROOT / "docs" / "how-fast.md"
PICTURES = "how-fast"
"""The folder beside the page where the curves are."""


def write_page(parts: Mapping[str, str], curves: Mapping[str, str], page: Path = PAGE) -> None:
    """Replace each named part of the page, and the pictures beside it."""
    whole = page.read_text(encoding="utf-8")
    for name, content in parts.items():
        whole = with_part(whole, name, content)
    page.write_text(whole, encoding="utf-8")
    folder = page.with_name(PICTURES)
    folder.mkdir(exist_ok=True)
    for name, picture in curves.items():
        (folder / f"{name}.svg").write_text(picture, encoding="utf-8")


def with_part(whole: str, name: str, content: str) -> str:
    """Return the page with what stands between the marks of *name* replaced."""
    begin, end = f"<!-- measured: {name} -->", f"<!-- end: {name} -->"
    marked = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if len(marked.findall(whole)) != 1:
        raise ValueError(f"the page must have the marks {begin} and {end} once")
    return marked.sub(lambda _: f"{begin}\n\n{content}\n\n{end}", whole)
