"""Patterns: shapes that come up again and again, each built on the public interface alone.

`Mutator` turns several kinds of asynchronous edits into one fact with one life cycle. `cancellable` and
`optimistic` wrap its handlers, or any resolver.
"""

from directive_trio.patterns._cancellable import CancelEvent, cancellable
from directive_trio.patterns._mutator import Concurrency, Mutator
from directive_trio.patterns._optimistic import optimistic
from directive_trio.patterns._pending import Pending
from directive_trio.patterns._wrapping import Handler

__all__ = [
    "CancelEvent",
    "Concurrency",
    "Handler",
    "Mutator",
    "Pending",
    "cancellable",
    "optimistic",
]
