"""Values of user code in texts."""

import pytest

from directive_trio._definitions.printing import shown


class Loud:
    def __repr__(self) -> str:
        raise RuntimeError

    def __str__(self) -> str:
        return "loud"


class Interrupted:
    def __repr__(self) -> str:
        raise KeyboardInterrupt


def test_a_text_is_cut_to_its_width() -> None:
    """The cut is seen; what just fits is whole."""
    assert shown("x" * 8, 10) == "'xxxxxxxx'"
    assert shown("x" * 9, 10) == "'xxxxxxxx…"


def test_what_cannot_be_printed_says_what_it_is() -> None:
    """Another way to spell it may work."""
    assert shown(Loud(), 50) == "a Loud that cannot be printed"
    assert shown(Loud(), 50, str) == "loud"


def test_an_interrupt_is_no_way_of_printing() -> None:
    """It passes through."""
    with pytest.raises(KeyboardInterrupt):
        shown(Interrupted(), 50)
