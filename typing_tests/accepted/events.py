"""Events: declared with their handlers, sent as objects or by name."""

from attrs import define, frozen

from directive_trio import Context, Module, open_system


@define
class AuthFacts:
    token: str = ""
    logins: int = 0


@frozen
class LogIn:
    token: str


@frozen
class LogOut: ...


@frozen
class Refresh: ...


auth = Module("auth", AuthFacts)


@auth.on(LogIn)
def log_in(facts: AuthFacts, event: LogIn) -> None:
    facts.token, facts.logins = event.token, facts.logins + 1


@auth.on(LogOut)
def log_out(facts: AuthFacts, event: LogOut) -> None:
    facts.token = ""


@auth.resolver(Refresh)
async def refresh(requirement: Refresh, ctx: Context[AuthFacts]) -> None:
    ctx.dispatch(LogIn("fresh"))


async def send() -> None:
    async with open_system(auth) as system:
        system.dispatch(LogIn("t0ken"))
        system.dispatch("auth::LogIn", {"token": "t0ken"})
        system.dispatch("auth.LogOut")
        with system.transaction():
            system[auth].token = ""
            system.dispatch(LogOut())
