"""Pictures: frozen classes whose instances are compared and printed by their fields.

attrs writes that for each class, and does so whenever it is imported. With some fifty of them that would be a third of
what importing the library takes, so it stands here once: they are ``@frozen(eq=False, repr=False)``.
"""

from reprlib import recursive_repr

from attrs import astuple


class Picture:
    """What a class takes over in place of what attrs would write for it."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return astuple(self, recurse=False) == astuple(other, recurse=False)  # type: ignore[arg-type]

    def __hash__(self) -> int:
        return hash((type(self), astuple(self, recurse=False)))  # type: ignore[arg-type]

    @recursive_repr()
    def __repr__(self) -> str:
        names: tuple[str, ...] = self.__match_args__  # type: ignore[attr-defined]
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__name__}({shown})"
