"""Systems: opened, started by hand, watched, waited for."""

from typing import Literal, assert_type

import trio
from attrs import define, frozen

from directive_trio import Context, Module, System, derivation, open_system


@define
class AuthFacts:
    token: str = ""

    @derivation
    def is_valid(self) -> bool:
        return self.token != ""


@define
class CountFacts:
    count: int = 0


@frozen
class LogIn:
    token: str


@frozen
class Fetch: ...


auth = Module("auth", AuthFacts)
counter = Module("counter", CountFacts)


@auth.constraint
def fetch_a_token(facts: AuthFacts) -> Fetch | None:
    return None if facts.token else Fetch()


@auth.resolver(Fetch)
async def fetch(requirement: Fetch, ctx: Context[AuthFacts]) -> None:
    ctx.facts.token = "t0ken"


async def watch(system: System) -> None:
    async with system.changes(AuthFacts.is_valid) as valid:
        async for new, old in valid:
            assert_type(new, bool)
            assert_type(old, bool)
    async with system.changes(lambda view: view[auth].token) as tokens:
        async for text, before in tokens:
            assert_type(text, str)
            assert_type(before, str)
    async with system.changes(lambda view: (view[auth].is_valid, view[counter].count)) as pairs:
        async for pair, _ in pairs:
            assert_type(pair, tuple[bool, int])
    remove = system.watch(AuthFacts.is_valid, lambda new, old: print(new and old))
    remove()
    system.watch(lambda view: view[counter].count, lambda new, old: print(new + old))
    system.watch("auth::token", lambda new, old: print(new, old))
    system.observe(print)()


async def wait(system: System) -> None:
    await system.settle()
    await system.settle(timeout=5, retries=False)
    await system.wait_until(lambda view: view[auth].is_valid and view[counter].count > 3, timeout=2)
    await system.wait_until(lambda view: view["auth"].is_valid)
    assert_type(system.is_settled, bool)


def ask_and_change(system: System) -> None:
    system.require(Fetch())
    system.cancel(Fetch())
    system.touch("auth::token")
    system.disable(fetch_a_token)
    system.enable("auth::fetch_a_token")
    print(system.read("auth.is_valid"))
    for target in (fetch_a_token, AuthFacts.is_valid, Fetch(), "auth::token"):
        print(system.explain(target))


async def come_and_go(system: System) -> None:
    second = auth.named("second")
    assert_type(second, Module[AuthFacts])
    system.register(second)
    assert_type(system[second].token, str)
    system.replace(second)
    system.unregister(second)
    system.unregister("auth")
    system.disable(fetch)
    system.disable(AuthFacts.is_valid)
    system.enable(AuthFacts.is_valid)
    assert_type(system.call(fetch_a_token), Fetch | None)
    assert_type(system.call(AuthFacts.is_valid), bool)
    await system.call(fetch, Fetch())
    print(system.call("auth::is_valid"))


async def start_by_hand() -> None:
    system = System(auth, counter, name="by hand", initial={"auth": {"token": "x"}}, convergence_limit=9)
    state: Literal["new", "running", "stopping", "stopped", "destroyed"] = system.state
    print(state)
    async with trio.open_nursery() as nursery:
        system.start(nursery)
        await system.settle()
        await system.stop_async()
        system.start(nursery)
        system.stop()
        await system.destroy()
    async with trio.open_nursery() as nursery:
        running = await nursery.start(System(auth).run)
        await running.stop_async()


async def main() -> None:
    async with open_system(auth, counter, debug=True, check_types=False, teardown_grace=1) as system:
        assert_type(system, System)
        system[auth].token = "t0ken"
