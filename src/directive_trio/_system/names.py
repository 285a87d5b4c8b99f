"""Names in a system: which fact or derivation a name or handle means, and what definitions name."""

from collections.abc import Iterable
from typing import Any

from attrs import define

from directive_trio._definitions.checks import refuse
from directive_trio._definitions.constraint import Constraint
from directive_trio._definitions.derivation import Derivation
from directive_trio._definitions.effect import Effect
from directive_trio._definitions.names import nearest, split
from directive_trio._planning.answer import PLAIN, Question
from directive_trio._store.store import Store
from directive_trio.errors import UnknownNameError, UsageError


@define
class Names:
    """Finds nodes by the names and handles that user code gives."""

    store: Store

    def node(self, target: object, home: str = "") -> Any:
        """Return the cell or derivation node of a name (``token``, ``auth.token``, ``auth::token``) or handle.

        Raises:
            UnknownNameError: It names nothing, or a handle belongs to no module, or to several.
            UsageError: It is neither a name nor a handle.
        """
        if not isinstance(target, str):
            if isinstance(target, Derivation):
                return self._derivation(target, home)
            refuse("a fact or derivation", "its name or handle", target, UsageError)
        module, name = split(target, home)
        place = self.store.modules.get(module)
        if place is not None:
            return place.node(name)
        if not module:
            known = [node.name for one in self.store.modules.values() for node in one.nodes]
            meant = next((one for one in known if split(one)[1] == name), None) or nearest(name, known)
            raise UnknownNameError("fact or derivation of the whole name, as in 'module::fact',", target, meant)
        raise UnknownNameError("module", module, nearest(module, self.store.modules))

    def nodes(self, targets: Iterable[object], home: str) -> tuple[Any, ...]:
        """Return the nodes of several names or handles; a bare name belongs to *home*."""
        return tuple(self.node(target, home) for target in targets)

    def question(self, constraint: Constraint[Any, Any]) -> Question:
        """Find the facts and derivations that a constraint names."""
        when = tuple((self.node(name, constraint.module), expected) for name, expected in constraint.when.items())
        reads = self.nodes(constraint.reads, constraint.module)
        return Question(when, reads) if when or reads else PLAIN

    def reads_of(self, effect: Effect[Any]) -> tuple[Any, ...]:
        """Find the facts and derivations that an effect names."""
        return self.nodes(effect.reads, effect.module)

    def _derivation(self, handle: Derivation[Any, Any], home: str) -> Any:
        homes = [place for place in self.store.modules.values() if handle in place.schema.derivations.values()]
        homes = [place for place in homes if place.module == home] or homes
        if len(homes) != 1:
            found = ", ".join(place.module for place in homes) or "no module"
            raise UnknownNameError(f"derivation in exactly one module (found in {found}):", handle.name)
        return homes[0].node(handle.name)
