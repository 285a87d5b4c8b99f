"""A shop with a count and what follows from it, for the tests of derivations that are switched off."""

from attrs import define

from directive_trio import Module, derivation


@define
class Facts:
    count: int = 1
    seen: int = 0

    @derivation
    def doubled(self) -> int:
        return self.count * 2

    @derivation
    def share(self) -> float:
        return 12 / self.count

    @derivation
    def large(self) -> bool:
        return self.doubled > 10

    @derivation
    def always(self) -> str:
        return "it reads nothing"


def shop() -> Module[Facts]:
    return Module("shop", Facts)
