"""Wrong uses of constraints."""

from attrs import define, frozen

from directive_trio import Module, above


@define
class AuthFacts:
    token: str = ""
    wanted: bool = False


@define
class OtherFacts:
    count: int = 0


@frozen
class ValidateSession:
    token: str


auth = Module("auth", AuthFacts)


@auth.constraint  # E: type-var / reportArgumentType
def answers_bool(facts: AuthFacts) -> bool:
    return facts.wanted


@auth.constraint(priority=1)  # E: type-var / reportArgumentType
def answers_bool_too(facts: AuthFacts) -> bool:
    return facts.wanted


@auth.constraint  # E: type-var / reportArgumentType
async def answers_bool_later(facts: AuthFacts) -> bool:
    return facts.wanted


@auth.constraint  # E: type-var / reportArgumentType
def answers_numbers(facts: AuthFacts) -> list[int]:
    return [1]


@auth.constraint  # E: arg-type / reportArgumentType
def of_other_facts(facts: OtherFacts) -> ValidateSession | None:
    return None


@auth.constraint  # E: arg-type / reportArgumentType
def of_nothing() -> ValidateSession | None:
    return None


@auth.constraint
def misspelt(facts: AuthFacts) -> ValidateSession | None:
    return ValidateSession(facts.tokn)  # E: attr-defined / reportAttributeAccessIssue


@auth.constraint
def wrong_payload(facts: AuthFacts) -> ValidateSession | None:
    return ValidateSession(facts.wanted)  # E: arg-type / reportArgumentType


@auth.constraint(after=[of_other_facts, 3])  # E: list-item / reportArgumentType
def after_a_number(facts: AuthFacts) -> ValidateSession | None:
    return None


@auth.constraint(when=["token"])  # E: call-overload, untyped-decorator / reportArgumentType
def when_a_list(facts: AuthFacts) -> ValidateSession:
    return ValidateSession(facts.token)


@auth.constraint(when={"count": above("3")})  # E: arg-type / reportArgumentType
def above_a_text(facts: AuthFacts) -> ValidateSession:
    return ValidateSession(facts.token)


@auth.constraint(reads=[above])  # E: list-item / reportArgumentType
def reads_a_function(facts: AuthFacts) -> ValidateSession | None:
    return None


@auth.constraint(priorty=3)  # E: call-overload, untyped-decorator / reportCallIssue
def misspelt_option(facts: AuthFacts) -> ValidateSession | None:
    return None


@auth.constraint(timeout="5")  # E: call-overload, untyped-decorator / reportArgumentType
def timeout_a_text(facts: AuthFacts) -> ValidateSession | None:
    return None


@auth.constraint(owns=[above])  # E: list-item / reportArgumentType
def owns_a_function(facts: AuthFacts) -> ValidateSession | None:
    return None
