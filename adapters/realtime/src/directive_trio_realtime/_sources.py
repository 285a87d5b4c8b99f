"""Sources for a system: a realtime connection, and the channels on it."""

import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from random import random as any_random
from typing import Any, Literal, TypeAlias, TypeVar, final

import trio
from attrs import fields_dict, has

from directive_trio import SourceLink
from directive_trio.abc import Source
from directive_trio.errors import DefinitionError
from directive_trio_realtime._connection import GOING_AWAY, NORMAL, Machine, address, check_name
from directive_trio_realtime._driver import Driver, Token
from directive_trio_realtime._frames import Version, copy_of
from directive_trio_realtime._options import ChannelOptions, Limits, Patience
from directive_trio_realtime._outputs import (
    Accepted,
    Broadcast,
    Gap,
    GivenUp,
    Joined,
    Live,
    Lost,
    Output,
    PostgresChange,
    Presences,
    Problem,
    Rejected,
)
from directive_trio_realtime._presence import PresenceChange
from directive_trio_realtime._socket import Headers, OpenStream, Place, open_stream
from directive_trio_realtime.errors import LostError, NotJoinedError, RealtimeError

T = TypeVar("T")
Coalesce: TypeAlias = Literal["none", "last_write_wins"]
Maker: TypeAlias = Callable[[T], object] | type[object]
"""What makes an event of what was told: a function of it, or a class with fields of the same names."""


async def attend(driver: Driver, link: SourceLink, until: Callable[[], Awaitable[RealtimeError]]) -> None:
    """Keep a connection until something ends, and say goodbye.

    The connection is shielded, so that it still works while the goodbye is said.

    Raises:
        RealtimeError: What ended it.
    """
    failure: RealtimeError = LostError("it was left")  # raised outside of the nursery, which would make a group of it
    async with trio.open_nursery() as nursery:
        shield = trio.CancelScope(shield=True)
        nursery.start_soon(serve_in, shield, driver, link)
        try:
            failure = await until()
        finally:
            evicted = link.signal.reason is not None and link.signal.reason.kind == "evicted"
            with link.teardown():
                await driver.close(GOING_AWAY if evicted else NORMAL, "")
            driver.abort()
            shield.cancel()
    raise failure


async def serve_in(shield: trio.CancelScope, driver: Driver, link: SourceLink) -> None:
    """Serve as long as the shield lasts."""
    with shield:
        await driver.serve(report=link.report_error, opened=link.attached)


@final
class Realtime(Source):
    """A connection that several channels share: a source itself, declared before theirs. It publishes nothing.

    Args:
        url: The address of the socket: ``wss://….supabase.co/realtime/v1/websocket``.
        apikey: The key of the project.
        token: Called for an access token before each join, before the old one ends, and when the server refuses it.
        version: Of the protocol; the newer one knows binary messages and is safer at a rejoin.
        headers: For the handshake.
        ssl_context: For ``wss``, in place of the default one.
        patience: How long each thing may take.
        limits: How much the server takes.
        parse_float: What reads a number with a point in JSON, ``Decimal`` for one.
        random: Gives the jitter, 0 to 1.
        wall_clock: Seconds since 1970, to know when a token ends.
        open_stream: Opens the stream to a host and a port; the default does TCP, and TLS.
    """

    def __init__(
        self,
        url: str,
        *,
        apikey: str | None = None,
        token: Token | None = None,
        version: Version = "2.0.0",
        headers: Headers = (),
        ssl_context: ssl.SSLContext | None = None,
        patience: Patience | None = None,
        limits: Limits | None = None,
        parse_float: Callable[[str], Any] = float,
        random: Callable[[], float] = any_random,
        wall_clock: Callable[[], float] = time.time,
        open_stream: OpenStream = open_stream,
    ) -> None:
        patience = patience or Patience()
        place = Place(address(url, apikey, version), headers, ssl_context, open_stream, patience.send)
        machine = partial(
            Machine,
            version=version,
            patience=patience,
            limits=limits,
            asks_for_tokens=token is not None,
            random=random,
            wall_clock=wall_clock,
            parse_float=parse_float,
        )
        self._driver = Driver(place, machine, token)

    async def run(self, link: SourceLink, /) -> None:
        await attend(self._driver, link, forever)

    async def on_evict(self) -> None:
        """Say goodbye with 1001; there will be no other connection."""
        await self._driver.close(GOING_AWAY, "")

    def channel(
        self,
        name: str,
        options: ChannelOptions | None = None,
        *,
        coalesce: Coalesce = "none",
        on_broadcast: Mapping[str, Maker[Broadcast]] | None = None,
        on_change: Maker[PostgresChange] | None = None,
        on_presence: Maker[PresenceChange] | None = None,
        on_live: Maker[Live] | None = None,
        on_lost: Maker[Lost] | None = None,
        on_gap: Maker[Gap] | None = None,
    ) -> "RealtimeChannel":
        """A channel on this connection: a source of its own, declared after this one.

        Each ``on_…`` makes an event of what happens: a function of it (None is no event), or a class, which takes
        what it has fields for.

        Args:
            name: Of the channel, without ``realtime:``.
            options: What it is joined with.
            coalesce: See ``add_source``.
            on_broadcast: Event of a message → what makes an event of ours; ``"*"`` for all others. A class takes the
                payload, checked as any payload from outside.
            on_change: A row changed.
            on_presence: Who is there has changed.
            on_live: All that was asked for streams now. What was read from a database before may be stale.
            on_lost: It streams no more; it comes back by itself.
            on_gap: It is live again, and something may have been missed in between: the moment to read anew.

        Raises:
            ValueError: The name is none.
            DefinitionError: A class cannot take what is told, since it has no fields: it is no attrs class.
        """
        check_name(name)
        makers: Makers = {
            PostgresChange: on_change,
            Presences: on_presence,
            Live: on_live,
            Lost: on_lost,
            Gap: on_gap,
        }
        for told, maker in makers.items():
            if isinstance(maker, type) and not has(maker):
                raise DefinitionError(
                    f"{maker!r} cannot take a {told.__name__}: it must be an attrs class, or a function"
                )
        return RealtimeChannel(name, options or ChannelOptions(), self._driver, on_broadcast or {}, makers, coalesce)


async def forever() -> RealtimeError:
    """A connection ends when its source does."""
    await trio.sleep_forever()


def realtime_channel(url: str, name: str, options: ChannelOptions | None = None, **settings: Any) -> "RealtimeChannel":
    """A channel with a connection of its own. Takes what `Realtime` and its ``channel`` take."""
    of_channel = {key: settings.pop(key) for key in list(settings) if key == "coalesce" or key.startswith("on_")}
    channel = Realtime(url, **settings).channel(name, options, **of_channel)
    channel.owns_connection = True
    return channel


Makers: TypeAlias = dict[type[object], Maker[Any] | None]


@final
class RealtimeChannel(Source):
    """A channel: made by `Realtime.channel`, or, with a connection of its own, by `realtime_channel`."""

    owns_connection = False

    def __init__(
        self,
        name: str,
        options: ChannelOptions,
        driver: Driver,
        on_broadcast: Mapping[str, Maker[Broadcast]],
        makers: Makers,
        coalesce: Coalesce,
    ) -> None:
        self.name = name
        self.options = options
        self.coalesce = coalesce
        self.is_live = False
        """Whether everything asked for streams."""
        self.presence: Mapping[str, object] | None = None
        """With what we are there, or want to be."""
        self._driver = driver
        self._on_broadcast = on_broadcast
        self._makers = makers
        self._answers: dict[str, Answer] = {}
        self._failure: RealtimeError = NotJoinedError(f"channel {name!r} was never joined")

    # -- for resolvers -------------------------------------------------------------------------------------

    async def broadcast(self, event: str, payload: Any) -> None:
        """Send a message to the others in the channel; JSON, or bytes with protocol version 2.

        With ``broadcast_ack`` it waits until the server has it; without, until it is on its way. The server may drop it
        without a word for want of permission, in both cases.

        Raises:
            NotJoinedError: The channel is not joined just now. Nothing was sent.
            LimitError: It is too large, no JSON, or there are too many. Nothing was sent.
            PushError: The server did not take it, or did not answer in time.
            LostError: The connection was lost meanwhile: nobody knows.

        Cancellation:
            A checkpoint on every call. The message may have been sent.
        """
        await trio.lowlevel.checkpoint()
        ref = self._driver.broadcast(self.name, event, payload)
        if self.options.broadcast_ack:
            answer = self._answers[ref] = Answer()
            try:
                await answer.came.wait()
            finally:
                del self._answers[ref]
            if answer.error is not None:
                raise answer.error

    def track(self, payload: Mapping[str, object]) -> None:
        """Be there with this payload: as soon as the channel is joined, and after each rejoin again.

        The server allows few calls in a time, so of several only the latest is told.

        Raises:
            ValueError: The channel was made without presence.
            LimitError: It is no JSON.
        """
        if not self.options.presence:
            raise ValueError(f"channel {self.name!r} has no presence: make it with presence=True")
        self.presence = copy_of(payload)
        self._driver.track(self)

    def untrack(self) -> None:
        """Be there no more."""
        self.presence = None
        self._driver.track(self)

    # -- the source ----------------------------------------------------------------------------------------

    async def run(self, link: SourceLink, /) -> None:
        self._link, self._over = link, trio.Event()
        if self.owns_connection:
            await attend(self._driver, link, self._follow)
        else:
            raise await self._follow()

    async def on_evict(self) -> None:
        """Say goodbye with 1001, on a connection of its own; a shared one is not the channel's to end."""
        if self.owns_connection:
            await self._driver.close(GOING_AWAY, "")

    async def _follow(self) -> RealtimeError:
        """Be in the channel until it is given up; why it was."""
        self._driver.enter(self)
        try:
            await self._over.wait()
        finally:
            self._driver.leave(self)
            self.is_live = False
            for answer in self._answers.values():
                answer.settle(NotJoinedError(f"channel {self.name!r} was left"))
        return self._failure

    def told(self, output: Output) -> None:
        """What the connection has to say about this channel."""
        match output:
            case Joined():
                self._link.attached()
            case GivenUp():
                self._failure = output.error
                self._over.set()
            case Problem():
                self._link.report_error(output.error)
            case Accepted() | Rejected():
                if (answer := self._answers.get(output.ref)) is not None:
                    answer.settle(output.error if isinstance(output, Rejected) else None)
            case Broadcast():
                self._tell_broadcast(output)
            case _:
                self._tell(output)

    def _tell(self, output: Output) -> None:
        if isinstance(output, Live | Lost):
            self.is_live = isinstance(output, Live)
        maker = self._makers.get(type(output))
        said = output.change if isinstance(output, Presences) else output
        if isinstance(maker, type):
            names = {name for name in fields_dict(maker) if hasattr(said, name)}
            self._publish(lambda: maker(**{name: getattr(said, name) for name in names}))
        elif maker is not None:
            self._publish(lambda: maker(said))

    def _tell_broadcast(self, message: Broadcast) -> None:
        maker = self._on_broadcast.get(message.event, self._on_broadcast.get("*"))
        if isinstance(maker, type):
            self._link.publish(maker.__name__, message.payload)
        elif maker is not None:
            self._publish(lambda: maker(message))

    def _publish(self, make: Callable[[], Any]) -> None:
        try:
            event = make()
        except Exception as error:  # noqa: BLE001 - the user's function
            self._link.report_error(error)
            return
        if event is not None:
            self._link.publish(event)


class Answer:
    """The server's word on a push that somebody waits for."""

    def __init__(self) -> None:
        self.came = trio.Event()
        self.error: RealtimeError | None = None

    def settle(self, error: RealtimeError | None) -> None:
        """It has come."""
        self.error = error
        self.came.set()
