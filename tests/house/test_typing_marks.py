"""The typing tests compare line by line: a use that is refused too little, too much or otherwise is seen."""

from pathlib import Path

import pytest

from typing_tests.verify import BrokenCheckerError, differences, marked

FILE = Path("refused.py")


def test_a_mark_names_the_codes_of_both_checkers(tmp_path: Path) -> None:
    """Several codes are separated by commas; a line without a mark is to be accepted."""
    path = tmp_path / "refused.py"
    path.write_text("f(1)  # E: arg-type, misc / reportArgumentType\nf()\n")
    mypy, pyright = marked([path])
    assert mypy == {(path, 1): {"arg-type", "misc"}}
    assert pyright == {(path, 1): {"reportArgumentType"}}


def test_a_mark_that_cannot_be_read_is_an_error() -> None:
    """It would silently ask for nothing."""
    here = Path(__file__).with_name("project.py")
    assert marked([here]) == ({}, {})
    with pytest.raises(BrokenCheckerError, match="cannot read the mark"):
        marked([Path(__file__)])  # for this line: # E: arg-type


@pytest.mark.parametrize(
    ("expected", "found", "said"),
    [
        ({"arg-type"}, {"arg-type"}, None),
        ({"arg-type"}, set(), "should refuse arg-type, and refuses nothing"),
        (set(), {"misc"}, "should refuse nothing, and refuses misc"),
        ({"arg-type"}, {"arg-type", "misc"}, "should refuse arg-type, and refuses arg-type, misc"),
    ],
)
def test_every_difference_is_told(expected: set[str], found: set[str], said: str | None) -> None:
    """Missing, unexpected, and more than expected."""
    told = list(
        differences(
            "mypy",
            {(FILE, 3): frozenset(expected)} if expected else {},
            {(FILE, 3): frozenset(found)} if found else {},
        )
    )
    assert told == ([] if said is None else [f"refused.py:3: mypy {said}"])
