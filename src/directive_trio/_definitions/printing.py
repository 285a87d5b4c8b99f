"""Values of user code in texts: cut, and never the reason for an error."""

from collections.abc import Callable


def shown(value: object, width: int, spell: Callable[[object], str] = repr) -> str:
    """Spell *value* in at most *width* characters, also one that cannot be printed."""
    try:
        text = spell(value)
    except Exception:  # noqa: BLE001  # __repr__ and __str__ are the user's code
        text = f"a {type(value).__name__} that cannot be printed"
    return text if len(text) <= width else text[: width - 1] + "…"


SENTENCE = 500
"""How many characters of a value a sentence takes."""


def spelt(value: object) -> str:
    """Spell *value* for a sentence, also one that cannot be printed."""
    return shown(value, SENTENCE)
