"""What is committed works on every machine: no path of one, no package host, no personal setting."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.project import ROOT, place

# Put together here, so that this file is not found by its own search.
FOLDERS = "root|home|tmp|work|Users"
HOSTS = "|".join(re.escape(f"{name}.{end}") for name, end in [
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("yarnpkg", "com"),
])  # fmt: skip
OPTIONS = "|".join(["index" + "-url", "find" + "-links", "trusted" + "-host"])
FORBIDDEN = re.compile(rf"(?<![\w.\-])/(?:{FOLDERS})/|{HOSTS}|--(?:extra-)?(?:{OPTIONS})")


def committed_files() -> list[Path]:
    """What git has, or has been told to take; outside a git checkout, none."""
    command = ["git", "ls-files", "--cached", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def local_things_in(text: str) -> Iterator[tuple[int, str]]:
    """Line and wording of what holds on one machine only."""
    for number, line in enumerate(text.splitlines(), start=1):
        for found in FORBIDDEN.finditer(line):
            yield number, found.group()


def text_of(path: Path) -> str:
    """A file's text; a picture has none."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_no_committed_file_names_a_path_of_one_machine_or_a_package_host() -> None:
    """Where packages come from is the business of whoever installs them."""
    found = [
        f"{place(path, line)} {wording}"
        for path in committed_files()
        for line, wording in local_things_in(text_of(path))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    ["see /" + "root/x", '"/' + 'tmp/x"', "https://py" + "pi.org/simple", "--extra-index" + "-url x"],
)
def test_a_local_thing_is_found(text: str) -> None:
    """A path, a host, an option that names a host."""
    assert list(local_things_in(text))


@pytest.mark.parametrize("text", ["src/work/x", "a/tmp/b", "the tmp folder", "/api/auth/validate"])
def test_a_path_inside_the_checkout_is_left_alone(text: str) -> None:
    """Only paths from the top of a disk are meant."""
    assert not list(local_things_in(text))


def test_a_file_that_is_no_text_is_left_alone(tmp_path: Path) -> None:
    """A picture in the documentation, for one."""
    picture = tmp_path / "graph.png"
    picture.write_bytes(b"\x89PNG\xff")
    assert not text_of(picture)
