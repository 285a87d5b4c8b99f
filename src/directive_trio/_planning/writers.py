"""Whose writes may yet be looked through or taken back: the runs that are open, and the batches they share.

A run is open from its dispatch until nobody will ask any more what the world would be without it. The runs of a
batch write as one, as its first run; they stay open together.
"""

from collections.abc import Callable, Sequence

from directive_trio._planning.inputs import marked_by
from directive_trio._planning.run import Run
from directive_trio._store.store import Store


class Writers:
    """The open runs of one system."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.open: Callable[[int], None] = store.open_runs.add
        """A run is dispatched: its number."""
        self._sharing: dict[int, set[int]] = {}
        """Writers that stand for a batch, and the runs of it that are open."""

    def share(self, runs: Sequence[Run]) -> None:
        """Let runs write as the first of them; none has written yet."""
        writer = runs[0].number
        self._sharing[writer] = {run.number for run in runs}
        for run in runs[1:]:
            run.writer = writer
            self._store.open_runs.discard(run.number)

    def close(self, run: Run | None) -> None:
        """Nobody will ask what the world is without this run."""
        if run is None:
            return
        if self._sharing and (sharing := self._sharing.get(run.writer)) is not None:
            sharing.discard(run.number)
            if sharing:
                return
            del self._sharing[run.writer]
        self._store.open_runs.discard(run.writer)

    def take_back(self, run: Run) -> None:
        """Return the markers of a self-satisfied run to what others wrote: none is left standing."""
        run.taken_back = True
        for cell in marked_by(run):
            self._store.take_back(cell, run.writer)

    def take_back_covered(self, run: Run) -> None:
        """Return the markers of a run that others have covered: now, or who comes back first would show them."""
        if run.marked and not run.self_satisfied:
            for cell in marked_by(run):
                self._store.take_away_covered(cell, run.writer)
