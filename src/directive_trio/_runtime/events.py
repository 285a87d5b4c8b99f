"""Dispatch: all handlers of an event, as one change."""

from collections.abc import Callable
from typing import Any

from directive_trio._definitions.names import nearest
from directive_trio._definitions.record import Record
from directive_trio._observation.observations import EventDispatch, EventError
from directive_trio._store.store import Store
from directive_trio.errors import UnknownNameError

Handler = tuple[str, Callable[[Any, Any], None], Any]


class Events:
    """The event handlers of one system: by event class, in module order, each with its live view."""

    __slots__ = ("handlers", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.handlers: dict[type, list[Handler]] = {}

    def add(self, event: type, module: str, function: Callable[[Any, Any], None], view: Any) -> None:
        """Add a handler."""
        self.handlers.setdefault(event, []).append((module, function, view))

    def dispatch(self, event: Record, run: int | None = None) -> None:
        """Run all handlers of an event as one change; *run* is whose writes they are.

        Raises:
            UnknownNameError: No module handles events of this class.
        """
        kind = type(event)
        handlers = self.handlers.get(kind)
        store = self.store
        store.check_writable(kind.__name__)
        if handlers is None:
            names = [known.__name__ for known in self.handlers]
            raise UnknownNameError("handler for event", kind.__name__, nearest(kind.__name__, names))
        ambient = store.ambient
        if run is not None:
            store.ambient = run
        module = ""
        try:
            transaction = store.begin()
            try:
                for handler in handlers:
                    module, function, view = handler
                    function(view, event)
            except BaseException:
                store.roll_back(transaction)
                raise
            store.commit(transaction)
        except Exception as error:
            error.add_note(f"while handling {module}::{kind.__name__}; none of its writes remain")
            if store.observers.listening:
                store.observers.tell(EventError, f"{module}::{kind.__name__}", event, error)
            raise
        finally:
            writer, store.ambient = store.ambient, ambient
        if store.observers.listening:
            store.observers.tell(EventDispatch, f"{handlers[0][0]}::{kind.__name__}", event, max(writer, 0))
