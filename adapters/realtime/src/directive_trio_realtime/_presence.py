"""Who is there: one channel's presence, kept from a snapshot and the differences that follow it.

The server names every appearance (a *meta*) by its ``phx_ref``; a key has one for each device that tracks under it. An
update is told as the leaving of one appearance and the joining of another, so only what remains at the end of a
difference says who has left. Differences that arrive before the snapshot of the same join wait for it.
"""

from collections.abc import Mapping
from typing import Any, final

from attrs import frozen

from directive_trio_realtime.errors import ProtocolError

Meta = Mapping[str, Any]
Present = Mapping[str, tuple[Meta, ...]]


@final
@frozen
class PresenceChange:
    """What a snapshot or a difference changed, by key."""

    present: Present
    """Everybody who is there now, with the payloads of each appearance."""
    joined: frozenset[str]
    left: frozenset[str]
    updated: frozenset[str]


@final
class Presence:
    """The presence of one channel. It outlives a lost connection, so that the next snapshot tells what changed."""

    def __init__(self) -> None:
        self._present: dict[str, tuple[Meta, ...]] = {}
        self._is_known = False
        self._waiting: list[Any] | None = []  # differences of this join that came before its snapshot

    def rejoined(self) -> None:
        """A new join: nothing is certain until its snapshot has come."""
        self._waiting = []

    def snapshot(self, payload: Any) -> PresenceChange | None:
        """Take the whole of it; the differences that waited follow."""
        present = {key: metas for key, metas in read_metas(payload).items() if metas}
        waiting, self._waiting = self._waiting or [], None
        for difference in waiting:
            present = applied(present, difference)
        return self._become(present)

    def difference(self, payload: Any) -> PresenceChange | None:
        """Take a difference, or keep it until the snapshot is there."""
        joins, leaves = read_difference(payload)
        if self._waiting is not None:
            self._waiting.append((joins, leaves))
            return None
        return self._become(applied(self._present, (joins, leaves)))

    def _become(self, present: dict[str, tuple[Meta, ...]]) -> PresenceChange | None:
        before, self._present = self._present, present
        if before == present and self._is_known:
            return None
        self._is_known = True  # the first snapshot is told even if nobody is there: now that is certain
        return PresenceChange(
            present,
            joined=frozenset(present.keys() - before.keys()),
            left=frozenset(before.keys() - present.keys()),
            updated=frozenset(key for key in present.keys() & before.keys() if present[key] != before[key]),
        )


def applied(present: Present, difference: tuple[Present, Present]) -> dict[str, tuple[Meta, ...]]:
    """Joins first, then leaves: the other way round an update would empty a key for a moment."""
    joins, leaves = difference
    result = dict(present)
    for key, metas in joins.items():
        new = {meta["phx_ref"] for meta in metas}
        result[key] = tuple(meta for meta in result.get(key, ()) if meta["phx_ref"] not in new) + metas
    for key, metas in leaves.items():
        gone = {meta["phx_ref"] for meta in metas}
        result[key] = tuple(meta for meta in result.get(key, ()) if meta["phx_ref"] not in gone)
    return {key: metas for key, metas in result.items() if metas}


def read_difference(payload: Any) -> tuple[Present, Present]:
    """Joins and leaves."""
    if not isinstance(payload, dict):
        raise ProtocolError("a presence_diff that is no object")
    return read_metas(payload.get("joins", {})), read_metas(payload.get("leaves", {}))


def read_metas(payload: Any) -> Present:
    """Key → appearances, each with its ``phx_ref``."""
    if not isinstance(payload, dict):
        raise ProtocolError("a presence that is no object")
    metas_of = {key: entry.get("metas") if isinstance(entry, dict) else None for key, entry in payload.items()}
    for key, metas in metas_of.items():
        sound = isinstance(metas, list) and all(is_meta(meta) for meta in metas)
        if not sound:
            raise ProtocolError(f"the presence of {key!r:.100} has no list of metas")
    return {key: tuple(metas) for key, metas in metas_of.items() if metas is not None}


def is_meta(meta: Any) -> bool:
    """Whether it is an appearance: an object with a name."""
    return isinstance(meta, dict) and isinstance(meta.get("phx_ref"), str)
