"""Secrets: which facts and derivations have one, and what stands in the place of their values."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

SECRET_TAGS = frozenset({"pii", "secret"})
"""Values of what has one of these tags are never shown: in no text, observation or picture."""


class Hidden(StrEnum):
    """What stands in the place of a hidden value: a mark to compare with, and a word where JSON is made."""

    HIDDEN = "hidden"

    def __repr__(self) -> str:
        return self.value

    __str__ = __repr__


HIDDEN: Final = Hidden.HIDDEN
"""What observations and `inspect` have in the place of a value that is tagged ``pii`` or ``secret``."""


def is_secret(tags: Iterable[str]) -> bool:
    """Say whether what has these *tags* is not to be shown."""
    return not SECRET_TAGS.isdisjoint(tags)
