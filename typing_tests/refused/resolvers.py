"""Wrong uses of resolvers, effects, policies."""

from attrs import define, frozen

from directive_trio import Context, ErrorBoundary, Module, Retry, derivation


@define
class AuthFacts:
    token: str = ""

    @derivation
    def is_valid(self) -> bool:
        return self.token != ""


@define
class OtherFacts:
    count: int = 0


@frozen
class ValidateSession:
    token: str


@frozen
class Refresh: ...


auth = Module("auth", AuthFacts)


@auth.resolver(ValidateSession)  # E: arg-type / reportArgumentType
async def wrong_requirement(requirement: Refresh, ctx: Context[AuthFacts]) -> None: ...


@auth.resolver(ValidateSession)  # E: arg-type / reportArgumentType
async def wrong_facts(requirement: ValidateSession, ctx: Context[OtherFacts]) -> None: ...


@auth.resolver(ValidateSession)  # E: arg-type / reportArgumentType
async def no_context(requirement: ValidateSession) -> None: ...


@auth.resolver(ValidateSession)  # E: arg-type / reportArgumentType
async def answers(requirement: ValidateSession, ctx: Context[AuthFacts]) -> str:
    return requirement.token


@auth.resolver(ValidateSession)
async def misspelt(requirement: ValidateSession, ctx: Context[AuthFacts]) -> None:
    print(requirement.tokn)  # E: attr-defined / reportAttributeAccessIssue
    ctx.facts.tokn = "x"  # E: attr-defined / reportAttributeAccessIssue
    ctx.facts.token = 1  # E: assignment / reportAttributeAccessIssue
    ctx.facts.is_valid = True  # E: misc / reportAttributeAccessIssue
    ctx.facts = AuthFacts()  # E: misc / reportAttributeAccessIssue
    ctx.signal.is_aborted  # E: attr-defined / reportAttributeAccessIssue


@auth.resolver(ValidateSession, key=lambda asked: asked.tokn)  # E: attr-defined / reportAttributeAccessIssue
async def misspelt_key(requirement: ValidateSession, ctx: Context[AuthFacts]) -> None: ...


@auth.resolver(ValidateSession, retry=3)  # E: arg-type / reportArgumentType
async def retry_a_number(requirement: ValidateSession, ctx: Context[AuthFacts]) -> None: ...


@auth.resolver(ValidateSession, timeout_ms=3)  # E: call-arg / reportCallIssue
async def milliseconds(requirement: ValidateSession, ctx: Context[AuthFacts]) -> None: ...


@auth.resolver("ValidateSession")  # E: arg-type / reportArgumentType
async def by_name(requirement: ValidateSession, ctx: Context[AuthFacts]) -> None: ...


@auth.batch_resolver(ValidateSession)  # E: arg-type / reportArgumentType
async def one_by_one(requirement: ValidateSession, ctx: Context[AuthFacts]) -> None: ...


@auth.batch_resolver(ValidateSession)  # E: arg-type / reportArgumentType
def sync_batch(requirements: list[ValidateSession], ctx: Context[AuthFacts]) -> None: ...


@auth.batch_resolver(ValidateSession)  # E: arg-type / reportArgumentType
async def answers_texts(requirements: list[ValidateSession], ctx: Context[AuthFacts]) -> list[str]:
    return ["" for _ in requirements]


@auth.batch_resolver(ValidateSession, limit=3)  # E: call-arg / reportCallIssue
async def limited_batch(requirements: list[ValidateSession], ctx: Context[AuthFacts]) -> None: ...


@auth.effect  # E: arg-type / reportArgumentType
def of_other_facts(facts: OtherFacts) -> None: ...


@auth.effect  # E: arg-type / reportArgumentType
def answers_a_number(facts: AuthFacts) -> int:
    return 1


@auth.effect(on=lambda facts: facts.is_vald)  # E: attr-defined / reportAttributeAccessIssue
def misspelt_predicate(facts: AuthFacts) -> None: ...


Retry(attempts=2, backoff="quadratic")  # E: arg-type / reportArgumentType
Retry(attempts="2")  # E: arg-type / reportArgumentType
Retry(retry_if=lambda error: True)  # E: arg-type, misc / reportArgumentType
ErrorBoundary(resolver="ignore")  # E: arg-type / reportArgumentType
ErrorBoundary("skip")  # E: call-arg / reportCallIssue
ErrorBoundary(on_error=lambda error: None)  # E: arg-type, misc / reportArgumentType
