"""Resolvers and effects: how what is required is met, and what is done because facts changed."""

from collections.abc import Callable
from typing import Any, assert_type

import trio
from attrs import define, frozen

from directive_trio import CancelReason, Context, ErrorBoundary, Module, Retry, System, derivation


@define
class AuthFacts:
    token: str = ""
    status: str = "idle"

    @derivation
    def is_valid(self) -> bool:
        return self.status == "valid"


@frozen
class ValidateSession:
    token: str


@frozen
class Note:
    text: str


auth = Module("auth", AuthFacts)


def worth_another_try(error: Exception, attempt: int) -> bool:
    return isinstance(error, OSError) and attempt < 2


@auth.resolver(
    ValidateSession,
    retry=Retry(attempts=2, backoff="exponential", jitter=0.1, retry_if=worth_another_try),
    timeout=10,
    key=lambda requirement: requirement.token,
    limit=3,
    name="ask",
)
async def ask_server(requirement: ValidateSession, ctx: Context[AuthFacts]) -> None:
    assert_type(ctx.facts.is_valid, bool)
    assert_type(ctx.snapshot().token, str)
    assert_type(ctx.attempt, int)
    assert_type(ctx.signal.aborted, bool)
    remove = ctx.signal.on_abort(lambda reason: print(reason.kind, reason.after))
    with trio.move_on_after(1):
        assert_type(await ctx.signal.wait(), CancelReason)
    remove()
    ctx.signal.raise_if_aborted()
    ctx.facts.status = "valid"
    ctx.requeue()


@auth.resolver(Note)
def write_down(requirement: Note, ctx: Context[AuthFacts]) -> None:
    if not requirement.text:
        ctx.cancel()


@frozen
class LoadUser:
    id: int


@auth.batch_resolver(LoadUser, window=0.1, max_size=10, retry=Retry(2), timeout=5)
async def load_users(requirements: list[LoadUser], ctx: Context[AuthFacts]) -> list[Exception | None]:
    ctx.facts.token = str(sum(requirement.id for requirement in requirements))
    return [None for _ in requirements]


@frozen
class LoadGroup:
    id: int


@auth.batch_resolver(LoadGroup)
async def load_groups(requirements: list[LoadGroup], ctx: Context[AuthFacts]) -> None: ...


@auth.effect
def greet(facts: AuthFacts) -> None:
    print(facts.token)


@auth.effect(reads=[AuthFacts.is_valid, "token"], on=lambda facts: facts.is_valid, name="lamp")
def light_the_lamp(facts: AuthFacts) -> Callable[[], object]:
    return lambda: print("out")


@auth.effect
async def follow(facts: AuthFacts) -> None:
    await trio.sleep(1)


def choose(error: Exception, name: str) -> Any:
    return "retry_later" if isinstance(error, OSError) else None


boundary = ErrorBoundary(
    resolver=choose,
    constraint="disable",
    effect="throw",
    retry_later=Retry(4, "exponential", 1),
    on_error=lambda error, name: print(name, error),
    on_recovery=lambda error, name, strategy: print(name, strategy),
)
system = System(auth, errors=boundary)
