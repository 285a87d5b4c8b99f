"""Wrong uses of systems."""

from attrs import define, frozen

from directive_trio import Module, System, derivation, open_system


@define
class AuthFacts:
    token: str = ""

    @derivation
    def is_valid(self) -> bool:
        return self.token != ""


@frozen
class Fetch: ...


auth = Module("auth", AuthFacts)


async def main(system: System) -> None:
    async with system.changes(
        lambda view: view[auth].tokn,  # E: attr-defined / reportAttributeAccessIssue
    ) as misspelt:
        print(misspelt)
    async with system.changes(lambda view: view[auth].token) as tokens:
        async for new, old in tokens:
            number: int = new  # E: assignment / reportAssignmentType
            print(number, old)
    async with system.changes(3) as nothing:  # E: call-overload / reportArgumentType, reportCallIssue
        print(nothing)
    system.watch(
        lambda view: view[auth].token,
        lambda new, old: new.missing,  # E: attr-defined / reportAttributeAccessIssue
    )
    system.watch(AuthFacts.is_valid, lambda n: n)  # E: arg-type, misc / reportArgumentType, reportCallIssue
    await system.wait_until(lambda view: view[auth].is_vald)  # E: attr-defined / reportAttributeAccessIssue
    await system.settle(timeout="5")  # E: arg-type / reportArgumentType
    system.require("Fetch")  # E: arg-type / reportArgumentType
    system.touch(AuthFacts)  # E: arg-type / reportArgumentType
    system.disable(3)  # E: arg-type / reportArgumentType
    system.unregister(3)  # E: arg-type / reportArgumentType
    system.replace("auth")  # E: arg-type / reportArgumentType
    auth.named(3)  # E: arg-type / reportArgumentType
    system.call(3)  # E: call-overload / reportArgumentType, reportCallIssue
    system.start()  # E: call-arg / reportCallIssue
    system.state = "running"  # E: misc / reportAttributeAccessIssue
    print(system[AuthFacts].token)  # E: call-overload / reportArgumentType, reportCallIssue


def without_async() -> None:
    with open_system(auth) as system:  # E: attr-defined / reportGeneralTypeIssues
        print(system)


open_system(AuthFacts)  # E: arg-type / reportArgumentType
open_system(auth, convergence=3)  # E: call-arg / reportCallIssue
System(auth, debug="yes")  # E: arg-type / reportArgumentType
System(auth, initial=["auth"])  # E: arg-type / reportArgumentType
