"""The machine at work: its outputs are done as they come, its deadlines are slept for, its news go to the channels.

Everything that touches the machine is sync and acts on its outputs before it returns, so they are done in their
order and nothing can come between. The tasks below only wait: for a deadline, for a socket, for a token.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Protocol, final

import trio
from trio_websocket import ConnectionRejected

from directive_trio_realtime._connection import Machine
from directive_trio_realtime._options import ChannelOptions
from directive_trio_realtime._outputs import Dial, FetchToken, HangUp, Output, Problem, Send
from directive_trio_realtime._socket import Place, Socket, words_for
from directive_trio_realtime.errors import NotJoinedError, RealtimeError

Token = Callable[[], Awaitable[str]]


class Listener(Protocol):
    """A channel, as its connection sees it."""

    name: str
    options: ChannelOptions
    presence: Mapping[str, object] | None

    def told(self, output: Output, /) -> None: ...


@final
class Driver:
    """Drives one connection while `serve` runs; channels may come and go at any time."""

    def __init__(self, place: Place, make_machine: Callable[[], Machine], token: Token | None) -> None:
        self._place = place
        self._make_machine = make_machine
        self._token = token
        self._listeners: dict[str, Listener] = {}
        self._machine: Machine | None = None
        self._nursery: trio.Nursery | None = None
        self._socket: Socket | None = None
        self._sockets: set[Socket] = set()
        self._fetching: trio.CancelScope | None = None
        self._woken = trio.Event()
        self._is_acting = False
        self._report: Callable[[RealtimeError], None] = nobody_asks
        self._opened: Callable[[], None] = nobody_asks

    # -- the channels --------------------------------------------------------------------------------------

    def enter(self, listener: Listener) -> None:
        """Be in a channel, now and whenever the connection is there.

        Raises:
            ValueError: There is one of that name, or the name is none.
            LimitError: There are too many.
        """
        if listener.name in self._listeners:
            raise ValueError(f"channel {listener.name!r} is there already: one for each name")
        if self._machine is not None:
            enrol(self._machine, listener)
        self._listeners[listener.name] = listener
        self._act()

    def leave(self, listener: Listener) -> None:
        """Be in it no more; nothing is told of it from here on."""
        del self._listeners[listener.name]
        if self._machine is not None:
            self._machine.leave(listener.name, trio.current_time())
        self._act()

    def broadcast(self, name: str, event: str, payload: object) -> str:
        """Send a message to the others in a channel; its ref."""
        if self._machine is None:
            raise NotJoinedError("there is no connection: its source does not run")
        ref = self._machine.broadcast(name, event, payload, trio.current_time())
        self._act()
        return ref

    def track(self, listener: Listener) -> None:
        """Be there with the presence of a listener; what is not joined yet is told when it is."""
        if self._machine is not None and listener.name in self._listeners:
            self._machine.track(listener.name, listener.presence, trio.current_time())
            self._act()

    # -- serving -------------------------------------------------------------------------------------------

    async def serve(self, *, report: Callable[[RealtimeError], None], opened: Callable[[], None]) -> None:
        """Keep the connection until cancelled."""
        self._report, self._opened = report, opened
        machine = self._machine = self._make_machine()
        try:
            async with trio.open_nursery() as self._nursery:
                for listener in self._listeners.values():
                    enrol(machine, listener)
                while True:
                    self._act()
                    with trio.move_on_at(machine.next_deadline):
                        await self._woken.wait()
                    machine.tick(trio.current_time())
        finally:
            self._machine = self._nursery = self._socket = None
            machine.close(trio.current_time())
            self._tell(machine.take())

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye and wait until every socket has gone; bounded by its caller."""
        if self._machine is not None:
            self._machine.close(trio.current_time(), code, reason)
            self._act()
            self._machine = None  # a channel that comes now waits for the next one
            for socket in list(self._sockets):
                await socket.ended.wait()

    def abort(self) -> None:
        """End every socket, in the middle of a frame if need be."""
        for socket in self._sockets:
            socket.abort()

    # -- acting --------------------------------------------------------------------------------------------

    def _act(self) -> None:
        """Do what the machine wants, until it wants nothing more."""
        if self._machine is None or self._nursery is None or self._is_acting:
            return  # in the last case whoever acts already goes on until nothing is left
        self._is_acting = True
        try:
            while outputs := self._machine.take():
                for output in outputs:
                    self._do(output, self._machine, self._nursery)
        finally:
            self._is_acting = False
        self._woken.set()
        self._woken = trio.Event()

    def _do(self, output: Output, machine: Machine, nursery: trio.Nursery) -> None:
        match output:
            case Dial():
                self._socket = self._dial(machine)
                nursery.start_soon(self._hold, self._socket)
            case HangUp() if self._socket is not None:
                self._socket.hang_up(output)
                self._socket = None
            case Send() if self._socket is not None:
                self._socket.send(output.content)
            case FetchToken() if self._token is not None:
                nursery.start_soon(self._fetch, machine, self._token)
            case _:
                self._tell([output])

    def _tell(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            name = getattr(output, "topic", None)
            if name in self._listeners:
                self._listeners[name].told(output)
            elif isinstance(output, Problem):
                self._report(output.error)

    # -- sockets and tokens --------------------------------------------------------------------------------

    def _dial(self, machine: Machine) -> Socket:
        socket = Socket(
            self._place,
            on_open=partial(self._open, machine),
            on_message=partial(self._message, machine),
            on_end=partial(self._end, machine),
        )
        self._sockets.add(socket)
        return socket

    async def _hold(self, socket: Socket) -> None:
        try:
            await socket.run()
        finally:
            self._sockets.discard(socket)

    # A socket that was hung up says nothing more, so each of these is about the present one.

    def _open(self, machine: Machine) -> None:
        self._opened()
        machine.opened(trio.current_time())
        self._act()

    def _message(self, machine: Machine, message: str | bytes) -> None:
        machine.receive(message, trio.current_time())
        self._act()

    def _end(self, machine: Machine, error: Exception, *, was_open: bool) -> None:
        self._socket = None
        now = trio.current_time()
        if isinstance(error, ConnectionRejected):
            machine.refused(error.status_code, (error.body or b"").decode(errors="replace"), now)
        elif was_open:
            machine.lost(words_for(error), now)
        else:
            machine.failed(words_for(error), now)
        self._act()

    async def _fetch(self, machine: Machine, token: Token) -> None:
        """Ask the user for a token. An earlier question that is still open is withdrawn."""
        if self._fetching is not None:
            self._fetching.cancel()
        with trio.CancelScope() as scope:
            self._fetching = scope
            try:
                fetched = await token()
            except Exception as error:  # noqa: BLE001 - the user's callable
                machine.token_failed(words_for(error), trio.current_time())
            else:
                machine.token_fetched(fetched, trio.current_time())
            self._act()


def nobody_asks(*_told: object) -> None:
    """Who is told while nothing is served."""


def enrol(machine: Machine, listener: Listener) -> None:
    """Join a channel, with the presence that is wanted in it."""
    now = trio.current_time()
    machine.join(listener.name, listener.options, now)
    if listener.presence is not None:
        machine.track(listener.name, listener.presence, now)
