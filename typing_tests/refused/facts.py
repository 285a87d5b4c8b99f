"""Wrong uses of facts and derivations."""

from typing import Literal

from attrs import define

from directive_trio import Module, derivation, fact, open_system


@define
class AuthFacts:
    token: str = ""
    status: Literal["idle", "valid"] = "idle"
    tries: int = fact("none")  # E: assignment / reportAssignmentType
    tags: list[str] = fact(factory=dict)  # E: arg-type / reportAssignmentType

    @derivation
    def is_valid(self) -> bool:
        return self.statu == "valid"  # E: attr-defined, no-any-return / reportAttributeAccessIssue

    @derivation  # E: arg-type / reportArgumentType
    def with_argument(self, other: int) -> bool:
        return other == 1


auth = Module("auth", AuthFacts)


@auth.init  # E: arg-type / reportArgumentType
def begin(facts: int) -> None: ...


async def main() -> None:
    async with open_system(auth) as system:
        print(system[auth].is_vald)  # E: attr-defined / reportAttributeAccessIssue
        print(system[auth].tokn)  # E: attr-defined / reportAttributeAccessIssue
        system[auth].tokn = "x"  # E: attr-defined / reportAttributeAccessIssue
        system[auth].token = 1  # E: assignment / reportAttributeAccessIssue
        system[auth].status = "gone"  # E: assignment / reportAttributeAccessIssue
        system[auth].is_valid = True  # E: misc / reportAttributeAccessIssue
        number: int = system[auth].token  # E: assignment / reportAssignmentType
        print(number, auth.of(system[auth]).missing)  # E: attr-defined / reportAttributeAccessIssue


Module("auth")  # E: call-arg / reportCallIssue
Module(AuthFacts, "auth")  # E: arg-type / reportArgumentType
AuthFacts(tokn="x")  # E: call-arg / reportCallIssue
