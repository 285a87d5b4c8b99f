"""Facts and derivations: what is read has the type that was declared."""

from typing import Literal, assert_type

from attrs import define, validators

from directive_trio import Module, derivation, fact, open_system, untracked


@define
class AuthFacts:
    token: str = ""
    status: Literal["idle", "validating", "valid", "expired"] = "idle"
    email: str = fact("", tags=["pii"], label="where letters go")
    roles: list[str] = fact(factory=list)
    score: float = fact(0.0, eq=round, converter=abs)
    tries: int = fact(0, eq=False, validator=validators.ge(0))

    @derivation
    def is_valid(self) -> bool:
        return self.status == "valid"

    @derivation(eq=len, label="what the token says", tags=["debug"])
    def words(self) -> list[str]:
        return self.token.split()


@define
class CartFacts:
    items: int = 0

    @derivation
    def can_order(self) -> bool:
        return self.items > 0 and auth.of(self).is_valid

    @derivation
    def first_role(self) -> str | None:
        roles = untracked(auth.of(self)).roles
        return roles[0] if roles else None


auth = Module("auth", AuthFacts, label="who is there", tags=["security"])
cart = Module("cart", CartFacts)


@auth.init
def begin(facts: AuthFacts) -> None:
    facts.token = "first"


def test_of_a_derivation_needs_no_system() -> None:
    assert_type(AuthFacts(status="valid").is_valid, bool)
    assert_type(AuthFacts(token="a b").words, list[str])


async def read_and_write() -> None:
    async with open_system(auth, cart) as system:
        assert_type(system[auth].token, str)
        assert_type(system[auth].is_valid, bool)
        assert_type(system[auth].words, list[str])
        assert_type(system[auth].roles, list[str])
        assert_type(system[auth].score, float)
        assert_type(system[cart].first_role, str | None)
        assert_type(cart.of(system[auth]).can_order, bool)
        system[auth].status = "validating"
        system[auth].roles = [*system[auth].roles, "guest"]
        system["auth"].token = "untyped, by name"
