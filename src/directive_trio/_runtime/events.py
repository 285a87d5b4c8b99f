"""Dispatch: all handlers of an event, as one change."""

from collections.abc import Callable
from typing import Any, NoReturn

from directive_trio._definitions.callables import name_of
from directive_trio._definitions.checks import refuse
from directive_trio._definitions.names import nearest, qualify, split
from directive_trio._definitions.record import Record, is_record
from directive_trio._definitions.results import refuse_unrun
from directive_trio._observation.observations import EventDispatch, EventError
from directive_trio._store.store import Store
from directive_trio.errors import UnknownNameError, UsageError

Handler = tuple[str, Callable[[Any, Any], None], Any]


class Events:
    """The event handlers of one system: by event class, in module order, each with its live view."""

    __slots__ = ("_known", "handlers", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.handlers: dict[type, list[Handler]] = {}
        self._known: dict[str, type] = {}

    def add(self, event: type, module: str, function: Callable[[Any, Any], None], view: Any) -> None:
        """Add a handler."""
        self._known = {}
        self.handlers.setdefault(event, []).append((module, function, view))

    def remove(self, module: str) -> None:
        """Take the handlers of a module away."""
        self._known = {}
        for event, handlers in list(self.handlers.items()):
            left = [handler for handler in handlers if handler[0] != module]
            if left:
                self.handlers[event] = left
            else:
                del self.handlers[event]

    def named(self, target: str) -> type:
        """Return the event class of a name: ``auth::LogIn``, or ``LogIn`` where that means one class.

        Raises:
            UnknownNameError: It means none, or several.
        """
        home, name = split(target)
        known = self._names()
        if home:
            found = {known[key] for key in [qualify(home, name)] if key in known}
        else:
            found = {kind for kind in known.values() if kind.__name__ == name}
        if len(found) != 1:
            what = "event" if not found else "event of one meaning (several classes have this name; qualify it):"
            names = known if home else [kind.__name__ for kind in known.values()]
            raise UnknownNameError(what, target, nearest(qualify(home, name) if home else name, names))
        return found.pop()

    def named_in(self, target: str, home: str) -> type | None:
        """Return the event class of a name, or None; a bare name belongs to the module *home*."""
        return self._names().get(qualify(*split(target, home)))

    def _names(self) -> dict[str, type]:
        if not self._known:
            self._known = {
                qualify(module, kind.__name__): kind
                for kind, handlers in self.handlers.items()
                for module, _, _ in handlers
            }
        return self._known

    def dispatch(self, event: Record, run: int | None = None) -> None:
        """Run all handlers of an event as one change; *run* is whose writes they are.

        Raises:
            UnknownNameError: No module handles events of this class.
            UsageError: It is no event, or a handler returned something to await.
        """
        kind = type(event)
        store = self.store
        if not store.plain or store.tracking.reads is not None:
            store.check_writable(kind.__name__)
        handlers = self.handlers.get(kind)
        if handlers is None:
            self._refuse(event)
        ambient = store.ambient
        if run is not None:
            store.ambient = run
        transaction = store.begin()
        module = ""
        try:
            for handler in handlers:
                module, function, view = handler
                outcome: object = function(view, event)
                if outcome is not None:
                    refuse_unrun(f"event handler {name_of(function)!r}", outcome)
            store.commit(transaction)
        except BaseException as error:
            store.roll_back(transaction)
            if isinstance(error, Exception):
                self._failed(f"{module}::{kind.__name__}", event, error)
            raise
        finally:
            store.ambient = ambient
        if store.observers.listening:
            writer = ambient if run is None else run
            store.observers.tell(EventDispatch, f"{handlers[0][0]}::{kind.__name__}", event, max(writer, 0))

    def _refuse(self, event: object) -> NoReturn:
        if not is_record(event):
            refuse("dispatch()", "an event (an instance of an attrs class)", event, UsageError)
        name = type(event).__name__
        raise UnknownNameError("handler for event", name, nearest(name, [known.__name__ for known in self.handlers]))

    def _failed(self, name: str, event: Record, error: Exception) -> None:
        error.add_note(f"while handling {name}; none of its writes remain")
        if self.store.observers.listening:
            self.store.observers.tell(EventError, name, event, error)
