"""When is a new value no change?"""

from collections.abc import Callable


def same(old: object, new: object) -> bool:
    """Say whether *new* is no change of *old*: identical, or equal; NaN equals NaN.

    A comparison that raises or answers something else than a bool (an array, say) settles nothing, so the
    values count as different unless they are identical.
    """
    if old is new:
        return True
    try:
        equal: object = old == new
        if isinstance(equal, bool):
            return equal or bool(old != old and new != new)  # noqa: PLR0124  # only NaN differs from itself
    except Exception:  # noqa: BLE001  # __eq__ is the user's code
        pass
    return False


def unchanged(always_changes: bool, key: Callable[[object], object] | None, old: object, new: object) -> bool:
    """The same under a definition's ``eq``: never for ``eq=False``, by key for a key function.

    A key function that raises settles nothing either.
    """
    if always_changes:
        return False
    if key is not None and old is not new:
        try:
            old, new = key(old), key(new)
        except Exception:  # noqa: BLE001  # the key function is the user's code
            return False
    return same(old, new)
