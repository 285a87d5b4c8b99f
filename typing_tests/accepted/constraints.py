"""Constraints: a requirement, several, none; at once or later; as a function or as data."""

from collections.abc import Iterator
from typing import Literal

import trio
from attrs import define, frozen

from directive_trio import Context, Module, above, any_of, below, derivation, not_, one_of


@define
class AuthFacts:
    token: str = ""
    status: Literal["idle", "validating", "valid", "expired"] = "idle"

    @derivation
    def is_valid(self) -> bool:
        return self.status == "valid"


@define
class PermissionFacts:
    role: str = ""
    granted: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    count: int = 0
    loaded: bool = False

    @derivation
    def can_edit(self) -> bool:
        return "edit" in self.granted and auth.of(self).is_valid


@frozen
class ValidateSession:
    token: str


@frozen
class LoadPermissions: ...


@frozen
class Grant:
    right: str


auth = Module("auth", AuthFacts)
permissions = Module("permissions", PermissionFacts)


@auth.constraint
def validate_session(facts: AuthFacts) -> ValidateSession | None:
    return ValidateSession(facts.token) if facts.token and facts.status == "idle" else None


@permissions.constraint(after=[validate_session])
def load_permissions(facts: PermissionFacts) -> LoadPermissions | None:
    return LoadPermissions() if auth.of(facts).is_valid and not facts.loaded else None


@permissions.constraint(after=["auth::validate_session", load_permissions], priority=10, name="each_right")
def grant_each(facts: PermissionFacts) -> list[Grant]:
    return [Grant(right) for right in facts.wanted]


@permissions.constraint
def grant_one_by_one(facts: PermissionFacts) -> Iterator[Grant]:
    for right in facts.wanted:
        yield Grant(right)


@permissions.constraint
def load_or_grant(facts: PermissionFacts) -> LoadPermissions | Grant | None:
    if facts.loaded:
        return Grant(facts.role) if facts.role else None
    return LoadPermissions()


@permissions.constraint(timeout=2.5, label="ask someone else", tags=["slow"])
async def ask_elsewhere(facts: PermissionFacts) -> LoadPermissions | None:
    await trio.sleep(1)
    return None if facts.loaded else LoadPermissions()


# The data form: the same decorator, and the function only says what is required.
@permissions.constraint(
    when={
        "auth.is_valid": True,
        "auth::token": not_(""),
        "role": one_of("", "guest"),
        "count": any_of(above(3), below(0)),
    },
    owns=["role"],
    reads=[PermissionFacts.can_edit, "granted"],
)
def reload(facts: PermissionFacts) -> LoadPermissions:
    return LoadPermissions()


@permissions.resolver(LoadPermissions)
async def load(requirement: LoadPermissions, ctx: Context[PermissionFacts]) -> None:
    ctx.facts.loaded = True


def test_of_a_constraint_needs_no_system() -> None:
    answer: ValidateSession | None = validate_session(AuthFacts(token="t0ken"))
    assert answer == ValidateSession("t0ken")
