"""Stand-ins for resolvers: one that does what it was told, one that waits for the test to decide."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, Literal, final

import trio
from typing_extensions import TypeVar

from directive_trio import Context, Record
from directive_trio.errors import UsageError

R = TypeVar("R", bound=Record, default=Any)


@final
class MockResolver(Generic[R]):
    """A resolver that records the requirements it is called with, and does what it was told.

    In this order: it waits *delay* seconds, writes, raises. Without arguments it returns at once.

    Args:
        delay: Seconds on the trio clock.
        writes: Facts of its module to write, by name.
        raises: An exception for every call; or several, one for each call, where None raises nothing, and
            nothing is raised after the last.

    Example:
        A server that fails once, without a server:

        >>> import trio
        >>> from attrs import define, frozen
        >>> from trio.testing import MockClock
        >>> from directive_trio import Context, Module, Retry
        >>> from directive_trio.testing import MockResolver, open_test_system
        >>> @define
        ... class UserFacts:
        ...     name: str = ""
        >>> @frozen
        ... class LoadUser:
        ...     number: int
        >>> user = Module("user", UserFacts)
        >>> @user.constraint
        ... def must_be_known(facts: UserFacts) -> LoadUser | None:
        ...     return None if facts.name else LoadUser(7)
        >>> @user.resolver(LoadUser, retry=Retry(attempts=2))
        ... async def ask_server(requirement: LoadUser, ctx: Context[UserFacts]) -> None: ...
        >>> async def main() -> None:
        ...     mock = MockResolver[LoadUser](delay=1, writes={"name": "Ada"}, raises=[OSError("no network"), None])
        ...     async with open_test_system(user, resolvers={LoadUser: mock}) as (system, recorder):
        ...         await system.settle()
        ...         print(system[user].name, mock.requirements)
        ...         print([kind for kind, _ in recorder.sequence("resolver")])
        >>> trio.run(main, clock=MockClock(autojump_threshold=0))
        Ada [LoadUser(number=7), LoadUser(number=7)]
        ['resolver.start', 'resolver.retry', 'resolver.complete']
    """

    def __init__(
        self,
        *,
        delay: float = 0,
        writes: Mapping[str, object] | None = None,
        raises: Exception | Iterable[Exception | None] = (),
    ) -> None:
        self.requirements: list[R] = []
        """What it was called with, an item for each attempt."""
        self.delay = delay
        self.writes = dict(writes or {})
        self._always = raises if isinstance(raises, Exception) else None
        self._errors: Iterator[Exception | None] = iter(() if isinstance(raises, Exception) else raises)

    async def __call__(self, requirement: R, ctx: Context[Any], /) -> None:
        """Stand in for the resolver."""
        self.requirements.append(requirement)
        error = self._always or next(self._errors, None)
        await trio.sleep(self.delay)
        _write(ctx, self.writes)
        if error is not None:
            raise error


def _write(ctx: Context[Any], facts: Mapping[str, object]) -> None:
    for name, value in facts.items():
        setattr(ctx.facts, name, value)


@final
class ManualCall(Generic[R]):
    """One call of a `ManualResolver`: one attempt of a run, that ends as the test decides.

    ``state``: *pending* until the test has decided, then *completed* or *failed*; *cancelled* if the run was
    cancelled, or its attempt timed out, before.
    """

    def __init__(self, requirement: R, ctx: Context[Any]) -> None:
        self.requirement = requirement
        self.ctx = ctx
        self.state: Literal["pending", "completed", "failed", "cancelled"] = "pending"
        self._decided = trio.Event()
        self._writes: Mapping[str, object] = {}
        self._error: Exception | None = None

    def __repr__(self) -> str:
        return f"<{self.state} call with {self.requirement!r}>"

    def complete(self, **writes: object) -> None:
        """Let the resolver write these facts of its module and return.

        Raises:
            UsageError: It is no longer pending.
        """
        self._decide("completed")
        self._writes = writes

    def fail(self, error: Exception, /) -> None:
        """Let the resolver raise *error*.

        Raises:
            UsageError: It is no longer pending.
        """
        self._decide("failed")
        self._error = error

    def _decide(self, state: Literal["completed", "failed"]) -> None:
        if self.state != "pending":
            raise UsageError(f"the call with {self.requirement!r} is {self.state} already")
        self.state = state
        self._decided.set()

    async def _serve(self) -> None:
        try:
            await self._decided.wait()
        except trio.Cancelled:
            self.state = "cancelled"
            raise
        _write(self.ctx, self._writes)
        if self._error is not None:
            raise self._error


@final
class ManualResolver(Generic[R]):
    """A resolver whose calls stay pending until the test completes or fails them, one by one.

    Example:
        A lamp is switched off while it is being switched on:

        >>> import trio
        >>> from attrs import define, frozen
        >>> from trio.testing import MockClock
        >>> from directive_trio import Context, Module
        >>> from directive_trio.testing import ManualResolver, open_test_system
        >>> @define
        ... class LampFacts:
        ...     wanted: bool = True
        ...     lit: bool = False
        >>> @frozen
        ... class SwitchOn: ...
        >>> lamp = Module("lamp", LampFacts)
        >>> @lamp.constraint
        ... def must_be_lit(facts: LampFacts) -> SwitchOn | None:
        ...     return SwitchOn() if facts.wanted and not facts.lit else None
        >>> @lamp.resolver(SwitchOn)
        ... async def switch_on(requirement: SwitchOn, ctx: Context[LampFacts]) -> None: ...
        >>> async def main() -> None:
        ...     manual = ManualResolver[SwitchOn]()
        ...     async with open_test_system(lamp, resolvers={SwitchOn: manual}) as (system, recorder):
        ...         first = await manual.next_call()
        ...         system[lamp].wanted = False
        ...         await system.settle()
        ...         print(first)
        ...         system[lamp].wanted = True
        ...         second = await manual.next_call()
        ...         second.complete(lit=True)
        ...         await system.settle()
        ...         print(second, system[lamp].lit)
        >>> trio.run(main, clock=MockClock(autojump_threshold=0))
        <cancelled call with SwitchOn()>
        <completed call with SwitchOn()> True
    """

    def __init__(self) -> None:
        self.calls: list[ManualCall[R]] = []
        """All calls so far, in order."""
        self._taken = 0
        self._called = trio.Event()

    @property
    def pending(self) -> list[ManualCall[R]]:
        """The calls that wait for the test, in order."""
        return [call for call in self.calls if call.state == "pending"]

    async def next_call(self, *, timeout: float = 5) -> ManualCall[R]:  # noqa: ASYNC109  # its error says what it was called with
        """Wait for a pending call that was not given out before, and return it.

        Args:
            timeout: Seconds on the trio clock; with ``autojump_clock`` they pass as soon as nothing else happens.

        Raises:
            AssertionError: There was none in time; names the calls so far.

        Cancellation:
            A checkpoint on every call. Cancelling takes no call.
        """
        await trio.lowlevel.checkpoint()
        with trio.move_on_after(timeout):
            while True:
                while self._taken < len(self.calls):
                    call = self.calls[self._taken]
                    self._taken += 1
                    if call.state == "pending":
                        return call
                self._called = trio.Event()
                await self._called.wait()
        raise AssertionError(f"no further call within {timeout:g} s; calls so far: {self.calls or 'none'}")

    async def __call__(self, requirement: R, ctx: Context[Any], /) -> None:
        """Stand in for the resolver."""
        call = ManualCall(requirement, ctx)
        self.calls.append(call)
        self._called.set()
        await call._serve()
