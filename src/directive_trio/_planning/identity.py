"""Identity: when are two requirements the same? Their class, what takes part in ``==`` or their key, their resolver."""

from typing import Any

from directive_trio._definitions.record import Record
from directive_trio._definitions.resolver import Resolver
from directive_trio._definitions.results import refuse_unrun
from directive_trio.errors import UnhashableRequirementError


class Identity:
    """Which requirement. Hashed once: a requirement's own hash is the user's code, and it is asked for often.

    Raises:
        TypeError: It has no hash.
    """

    __slots__ = ("_hash", "parts")

    shared = True

    def __init__(self, *parts: object) -> None:
        self.parts = parts
        self._hash = hash(parts)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.parts == other.parts


class Nobodys(Identity):
    """The identity of what was to be met by a resolver that is gone: nobody asks for the same."""

    __slots__ = ()

    shared = False

    def __init__(self, *parts: object) -> None:
        super().__init__(object(), *parts)


class Identities:
    """Finds the resolver of a requirement, and so its identity. *resolvers*: by module, in module order, and class."""

    def __init__(self, resolvers: dict[str, dict[type, Resolver[Any, Any]]]) -> None:
        self._resolvers = resolvers
        self._chosen: dict[tuple[str, type], Resolver[Any, Any] | None] = {}

    def of(self, module: str, requirement: Record) -> tuple[Identity, Resolver[Any, Any] | None]:
        """Return the identity of a requirement, and its resolver.

        Raises:
            UnhashableRequirementError: It has none.
        """
        kind = type(requirement)
        try:
            resolver = self._chosen[module, kind]
        except KeyError:
            resolver = self._chosen[module, kind] = self._choose(module, kind)
        name = None if resolver is None else resolver.id
        own: object = requirement
        if resolver is not None and resolver.key is not None:
            own = resolver.key(requirement)
            refuse_unrun("the key of a resolver", own)
        try:
            return Identity(name, kind, own), resolver
        except TypeError as error:
            raise UnhashableRequirementError(kind.__name__, name) from error

    def _choose(self, module: str, kind: type) -> Resolver[Any, Any] | None:
        """Choose the resolver: the producing module's own, then others in module order."""
        own = self._resolvers.get(module, {}).get(kind)
        others = (known[kind] for known in self._resolvers.values() if kind in known)
        return own or next(others, None)
