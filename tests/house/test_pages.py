"""The pages lead somewhere: links find their file and heading, and files named in them exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.project import PACKAGE, ROOT, place

PAGES = (
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("adapters/*/README.md")),
)
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ +(?P<text>.+)$", re.MULTILINE)
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SOURCE_FILE = re.compile(r"`(?P<path>_\w+/(?:\w+\.py)?)`")


def anchors_of(page: str) -> set[str]:
    """The anchors of a page's headings, as they are made where pages are shown."""
    anchors: set[str] = set()
    for heading in HEADING.finditer(FENCED.sub("", page)):
        slug = re.sub(r"[^\w\- ]", "", heading["text"].lower()).strip().replace(" ", "-")
        number = 0
        while (anchor := f"{slug}-{number}" if number else slug) in anchors:
            number += 1
        anchors.add(anchor)
    return anchors


def dead_links_of(path: Path) -> Iterator[str]:
    """Links of a page to a file or heading that is not there; addresses elsewhere are left alone."""
    for link in LINK.finditer(FENCED.sub("", path.read_text(encoding="utf-8"))):
        name, _, anchor = link["target"].partition("#")
        if ":" in name:
            continue
        target = path.parent / name if name else path
        if not target.exists() or (anchor and anchor not in anchors_of(target.read_text(encoding="utf-8"))):
            yield link["target"]


@pytest.mark.parametrize("path", PAGES, ids=place)
def test_links_within_the_checkout_lead_to_a_file_and_a_heading(path: Path) -> None:
    """Whoever renames one sees here who points to it."""
    assert not list(dead_links_of(path))


def test_files_that_the_architecture_page_names_exist() -> None:
    """It says where each rule lives."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = {found["path"] for found in SOURCE_FILE.finditer(page)}
    assert named
    assert not [path for path in sorted(named) if not (PACKAGE / path).exists()]


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    """To a file, to a heading of another page, to a heading of its own; not to the world, not in code."""
    (tmp_path / "other.md").write_text("# One, two\n## `three_four`\n## One two\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[](gone.md) [](other.md#one-two) [](other.md#three_four) [](other.md#one-two-1) [](other.md#five)\n"
        "[](#six) [](https://example.org/x)\n\n```text\n[](gone_too.md)\n```\n"
    )
    assert list(dead_links_of(page)) == ["gone.md", "other.md#five", "#six"]
