"""The observers of one system, and the one door through which observations leave.

Engine code asks ``if observers.listening:`` before it builds an observation, so that nobody listening costs
one attribute read. While observers are told, the engine must not be written to: ``telling`` says so to the
store. An observer that raises is told of to the others, and logged; it never reaches the engine.
"""

import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from directive_trio._definitions.results import refuse_unrun
from directive_trio._observation.observations import Observation, ObserverError

Observer = Callable[[Observation], object]

logger = logging.getLogger("directive_trio")


class Observers:
    """The observers of one system, in the order in which they came.

    ``listening``: there are any. ``telling``: they are being told right now. ``changed`` is called when there are
    others, ``clock`` tells the time that observations carry.
    """

    __slots__ = ("_observers", "_present", "_seq", "_untold", "changed", "clock", "listening", "telling")

    def __init__(self) -> None:
        self._observers: dict[object, Observer] = {}
        self._present: tuple[tuple[object, Observer], ...] = ()
        self._untold: deque[Observation] = deque()
        self._seq = 0
        self.listening = False
        self.telling = False
        self.changed: Callable[[], None] = _nobody
        self.clock: Callable[[], float] = float

    def add(self, observer: Observer) -> Callable[[], None]:
        """Add *observer*; the same one may be added twice. Returns what takes it away again."""
        token = object()
        self._observers[token] = observer
        self._recount()

        def remove() -> None:
            self._observers.pop(token, None)
            self._recount()

        return remove

    def clear(self) -> None:
        """Take all observers away."""
        self._observers.clear()
        self._recount()

    def _recount(self) -> None:
        self._present = tuple(self._observers.items())
        self.listening = bool(self._observers)
        self.changed()

    def tell(self, kind: type[Observation], *fields: Any) -> None:
        """Build one observation and give it to every observer; call it only while ``listening``.

        What comes up while observers are told waits its turn: each of them sees ``seq`` go up.
        """
        self._seq += 1
        told = kind(self._seq, self.clock(), *fields)
        if self.telling or self._untold:  # these are left where an observer was interrupted
            self._untold.append(told)
            if self.telling:
                return
            told = self._untold.popleft()
        self.telling = True
        observation: Observation | None = told
        try:
            while observation is not None:
                for token, observer in self._present:
                    if token in self._observers:  # else another one has taken it away
                        self._tell_one(observer, observation)
                observation = self._untold.popleft() if self._untold else None
        finally:
            self.telling = False
            if not self.listening:  # the last observer has taken itself away
                self.changed()

    def _tell_one(self, observer: Observer, observation: Observation) -> None:
        try:
            outcome: object = observer(observation)
            if outcome is not None:
                refuse_unrun("an observer", outcome)
        except Exception as error:
            name = getattr(observer, "__qualname__", repr(observer))
            logger.exception("observer %s raised at %s", name, observation.type)
            # An observer that raises at its own error's observation would go round for ever.
            if not isinstance(observation, ObserverError):
                self.tell(ObserverError, name, error)


def _nobody() -> None: ...
