"""Sources: what feeds events into a system from outside, and the link that each of them is given.

`SourceLink` is a promise; the runtime keeps it. It stands on this floor because a declaration names it.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from typing import Generic, Literal, Protocol, TypeAlias, TypeVar, final, get_args, overload

from attrs import define, field

from directive_trio._definitions.callables import is_async
from directive_trio._definitions.checks import check_instance, check_sync_function, check_word, refuse
from directive_trio._definitions.context import Signal
from directive_trio._definitions.names import qualify
from directive_trio._definitions.policies import Retry
from directive_trio._definitions.record import Record

F = TypeVar("F")
Coalesce: TypeAlias = Literal["none", "last_write_wins"]
SourcePhase: TypeAlias = Literal["attach", "runtime", "cleanup"]
DropReason: TypeAlias = Literal[
    "coalesced",
    "unknown_event",
    "bad_payload",
    "handler_error",
    "refused",
    "detached",
    "stopped",
    "evicted",
    "destroyed",
]
"""Why a publish came to nothing. ``refused``: nothing may change there, as in an observer or a derivation."""


class SourceLink(Protocol):
    """What a source is given: the way into the system, from its attaching to its end. New for each attempt."""

    @overload
    def publish(self, event: str, payload: Mapping[str, object] | None = None, /) -> None: ...
    @overload
    def publish(self, event: Record, /) -> None: ...
    def publish(self, event: Record | str, payload: Mapping[str, object] | None = None, /) -> None:
        """Send an event in, as ``dispatch`` does: its handlers have run when this returns.

        Sync, never blocks, and never raises: what cannot be taken is dropped with a reason, counted, and
        observed as ``source.drop``. A handler that raises is the error boundary's business, and a drop.

        Args:
            event: An event, or its name; a bare name means the source's own module.
            payload: The fields of a named event.
        """

    def report_error(self, error: BaseException, /) -> None:
        """Tell of an error of the stream that is no end of it: the source stays attached. Never raises."""

    def attached(self) -> None:
        """Say that the source is attached. Its first publish says so too."""

    @property
    def key(self) -> Hashable:
        """What ``key=`` answered; None without one."""

    @property
    def signal(self) -> Signal:
        """Aborted when the source has to end, with the reason."""

    def on_evict(self, callback: Callable[[], Awaitable[object] | object], /) -> None:
        """Call *callback*, sync or async, when the system is evicted while this source is attached."""

    def teardown(self) -> AbstractContextManager[object]:
        """Shield the block from the cancellation that ends the source, so that it may await.

        The shield ends after ``teardown_grace``, or at the deadline of an eviction, whichever is first.
        """

    async def caught_up(self) -> None:
        """Wait until the pass that saw what was published last is over: the only back-pressure.

        Cancellation:
            A checkpoint on every call. Cancelling it changes nothing.
        """


SourceFunction: TypeAlias = Callable[[SourceLink], Awaitable[None]]


class Source(ABC):
    """What an adapter is: an object that publishes as long as it runs. Give it to ``module.add_source``.

    It ends by cancellation. What it must await then goes into ``with link.teardown():``, in a ``finally``. One
    object serves one running system at a time.
    """

    coalesce: Coalesce = "none"
    """What ``add_source`` takes where it is given nothing else."""

    _serving: object = None  # the attachment it serves

    @abstractmethod
    async def run(self, link: SourceLink, /) -> None:
        """Publish to *link* until cancelled. Raising is reported, returning completes the source."""

    async def on_evict(self) -> None:  # noqa: B027  # for those who override it
        """Do what must be done before the system is evicted. Does nothing by default."""


@final
class FunctionSource(Source):
    """A source that is one async function. It keeps nothing, so any number of systems may be served."""

    def __init__(self, function: SourceFunction) -> None:
        self.function = function

    async def run(self, link: SourceLink, /) -> None:
        await self.function(link)


@final
@define(eq=False, repr=False)
class DeclaredSource(Generic[F]):
    """The handle of a source; calling it calls the function, or the ``run`` of the object.

    ``id`` is its qualified name, as observations print it.
    """

    module: str
    name: str
    source: Source
    coalesce: Coalesce
    key: Callable[[F], Hashable] | None
    retry: Retry

    id: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.id = qualify(self.module, self.name)

    def __call__(self, link: SourceLink, /) -> Awaitable[None]:
        if isinstance(self.source, FunctionSource):
            return self.source.function(link)
        return self.source.run(link)

    def __repr__(self) -> str:
        return f"<source {self.id}>"


def check_source_options(coalesce: object, key: object, retry: object) -> None:
    """Refuse what cannot be an option of a source.

    Raises:
        DefinitionError: Says which, and what it may be.
    """
    check_coalesce(coalesce)
    if key is not None:
        check_sync_function("key=", key)
    check_instance("retry=", retry, Retry, "a Retry")


def check_coalesce(coalesce: object) -> None:
    """Refuse what is no way to coalesce.

    Raises:
        DefinitionError: Names the ways there are.
    """
    check_word("coalesce=", coalesce, get_args(Coalesce))


def check_source_function(function: object) -> None:
    """Refuse a source that is no async function.

    Raises:
        DefinitionError: Says what to write instead.
    """
    if not is_async(function):
        advice = "for one that attaches and returns what detaches, write module.add_source(from_callback(attach), …)"
        refuse("a source", "an async function of a link", function, advice=advice)


def check_source_object(source: object) -> None:
    """Refuse what is no source object.

    Raises:
        DefinitionError: Says what to write instead.
    """
    if not isinstance(source, Source):
        refuse("add_source", "a directive_trio.abc.Source, or from_callback(attach)", source)
