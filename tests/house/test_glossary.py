"""The glossary explains every word the library uses in a sense of its own."""

import re

from tests.house.project import ROOT

WORDS = (
    *("fact", "derivation", "event", "constraint", "requirement", "resolver", "run", "effect"),
    *("source", "module", "system", "pass", "settle", "observation", "snapshot", "adapter"),
    *("transaction", "batch"),
    # used exactly as trio uses them
    *("nursery", "cancel scope", "checkpoint", "deadline", "timeout"),
)
HEADING = re.compile(r"^#{2,6} +(?P<words>.+?) *#*$", re.MULTILINE)


def entries_of(page: str) -> dict[str, str]:
    """Word → the text under its heading. ``## Deadline, timeout`` is one text for two words."""
    headings = list(HEADING.finditer(page))
    ends = [heading.start() for heading in headings[1:]] + [len(page)]
    entries: dict[str, str] = {}
    for heading, end in zip(headings, ends, strict=True):
        text = page[heading.end() : end].strip()
        for word in heading["words"].split(","):
            entries[word.strip(" `*").lower()] = text
    return entries


def test_every_word_has_an_entry_with_text_under_it() -> None:
    """A heading with nothing under it explains nothing."""
    page = ROOT / "docs" / "glossary.md"
    assert page.exists(), "docs/glossary.md is missing: it needs a heading and a text for each word"
    entries = entries_of(page.read_text(encoding="utf-8"))
    missing = [word for word in WORDS if not entries.get(word)]
    assert not missing, f"docs/glossary.md does not explain: {', '.join(missing)}"


def test_a_heading_without_text_is_no_entry() -> None:
    """The text of a word ends at the next heading."""
    entries = entries_of("# Glossary\n\n## Fact\n\n### `run`\nOne at work.\n## A, b ##\nTwo.\n")
    assert entries == {"fact": "", "run": "One at work.", "a": "Two.", "b": "Two."}
