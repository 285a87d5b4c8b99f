"""The examples as their readers meet them: programs that print what docs/examples.md says, and leave nothing behind."""

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from trio.testing import MockClock

from examples.server import make_app

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "examples.md"
SHOWN = re.compile(r"```console\n\$ make examples\n(?P<text>.*?)```", re.DOTALL)
PATIENCE = 60.0
"""Seconds after which a run of a program counts as hung."""


def shown_on_the_page() -> dict[str, str]:
    """What the page says that ``make examples`` prints, by example."""
    found = SHOWN.search(PAGE.read_text(encoding="utf-8"))
    assert found
    _, *parts = re.split(r"^-- (\w+)\n", found["text"], flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("example", ["data_fetching", "ab_testing"])
def test_an_example_prints_what_the_page_says(example: str) -> None:
    """Against a real server, in a process of its own."""
    command = [sys.executable, "-m", f"examples.{example}"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == shown_on_the_page()[example]


def test_make_runs_every_example() -> None:
    """The page shows each of them."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"for example in {' '.join(shown_on_the_page())}; do" in makefile


async def test_the_server_refuses_what_is_taken_and_the_first_exposures(autojump_clock: MockClock) -> None:
    """So that there is something to take back, and something to try again."""
    transport = httpx.ASGITransport(make_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        await client.get("/api/articles/1")
        refused = await client.put("/api/articles/1", json={"title": "Facts first"})
        assert (refused.status_code, refused.text) == (409, "another article has this title")
        assert (await client.get("/api/articles/1")).json() == {"title": "Trio by example", "edition": 2}
        exposures = [{"user": "dan", "experiment": "banner", "variant": "blue"}]
        answers = [await client.post("/api/exposures", json=exposures) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [503, 200]
        assert (await client.get("/api/asked")).json()[-2:] == [
            "refused: dan saw blue of banner",
            "dan saw blue of banner",
        ]
