"""Wrong uses of events."""

from attrs import define, frozen

from directive_trio import Context, Module, open_system


@define
class AuthFacts:
    token: str = ""


@define
class OtherFacts:
    count: int = 0


@frozen
class LogIn:
    token: str


@frozen
class LogOut: ...


auth = Module("auth", AuthFacts)


@auth.on(LogIn)  # E: arg-type / reportArgumentType
def wrong_event(facts: AuthFacts, event: LogOut) -> None: ...


@auth.on(LogIn)  # E: arg-type / reportArgumentType
def wrong_facts(facts: OtherFacts, event: LogIn) -> None: ...


@auth.on(LogIn)  # E: arg-type / reportArgumentType
def no_event(facts: AuthFacts) -> None: ...


@auth.on(LogIn)  # E: arg-type / reportArgumentType
async def not_at_once(facts: AuthFacts, event: LogIn) -> None: ...


@auth.on(LogIn)
def misspelt_payload(facts: AuthFacts, event: LogIn) -> None:
    facts.token = event.tokn  # E: attr-defined / reportAttributeAccessIssue


@auth.on(int)  # E: type-var / reportArgumentType
def no_record(facts: AuthFacts, event: int) -> None: ...


async def inside(ctx: Context[AuthFacts]) -> None:
    ctx.dispatch(LogIn("x", "y"))  # E: call-arg / reportCallIssue
    ctx.dispatch("auth::LogIn")  # E: arg-type / reportArgumentType


async def main() -> None:
    async with open_system(auth) as system:
        system.dispatch(LogIn(1))  # E: arg-type / reportArgumentType
        system.dispatch(LogIn())  # E: call-arg / reportCallIssue
        system.dispatch(3)  # E: call-overload / reportArgumentType, reportCallIssue
        system.dispatch(LogIn("x"), {"token": "x"})  # E: call-overload / reportArgumentType
        system.dispatch("auth::LogIn", "x")  # E: call-overload / reportArgumentType
