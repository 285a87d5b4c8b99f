"""Postgres changes: which wish each id of the server stands for, and what a change says.

The server answers a join with the wishes it understood, each with an id, in our order. The ids are hashes of the
wishes, so two wishes can share one in theory; a change is checked against the wish itself as well.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, final

from directive_trio_realtime._options import PostgresChanges
from directive_trio_realtime._outputs import PostgresChange
from directive_trio_realtime.errors import ProtocolError

COMPARED = ("event", "schema", "table", "filter")
ROWS = {"INSERT": ("record",), "UPDATE": ("record", "old_record"), "DELETE": ("old_record",)}


@final
class Bindings:
    """The ids of one join."""

    def __init__(self, wishes: Sequence[PostgresChanges], response: Any) -> None:
        answered = response.get("postgres_changes") if isinstance(response, dict) else None
        entries = answered or []
        if not isinstance(entries, list) or len(entries) != len(wishes):
            raise ProtocolError(f"asked for {len(wishes)} postgres changes, and the server answered {answered!r:.200}")
        self._wishes: defaultdict[int, list[PostgresChanges]] = defaultdict(list)
        for wish, entry in zip(wishes, entries, strict=True):
            self._wishes[checked_id(wish, entry)].append(wish)

    def change(self, topic: str, payload: Any) -> PostgresChange | None:
        """What a ``postgres_changes`` frame says; None if it fits no wish of this join.

        Raises:
            ProtocolError: It is none, or the server could not read the row.
        """
        ids, content = read_payload(payload)
        errors = content.get("errors")
        if errors:
            raise ProtocolError(f"a postgres change that the server could not tell: {errors!r:.200}")
        rows = {name: content.get(name) for name in ROWS[content["type"]]}
        if not all(isinstance(row, dict) for row in rows.values()):
            raise ProtocolError("a postgres change without its row")
        named = (wish for number in ids for wish in self._wishes.get(number, ()))
        wishes = tuple(dict.fromkeys(wish for wish in named if fits(wish, content)))
        if not wishes:
            return None
        return PostgresChange(
            topic,
            wishes,
            type=content["type"],
            schema=content["schema"],
            table=content["table"],
            record=rows.get("record") or {},
            old_record=rows.get("old_record") or {},
            commit_timestamp=str(content.get("commit_timestamp", "")),
        )


def checked_id(wish: PostgresChanges, entry: Any) -> int:
    """The id of an entry that says what was asked for; null, missing and "" are the same."""
    asked = wish.entry()
    if not isinstance(entry, dict) or any((asked.get(key) or "") != (entry.get(key) or "") for key in COMPARED):
        raise ProtocolError(f"asked for {asked}, and the server understood {entry!r:.200}")
    number = entry.get("id")
    if not isinstance(number, int):
        raise ProtocolError("the server's answer to a join has no id for a postgres change")
    return number


def read_payload(payload: Any) -> tuple[list[Any], dict[str, Any]]:
    """The ids and the content of a frame, with the keys that are always there."""
    ids, content = (payload.get("ids"), payload.get("data")) if isinstance(payload, dict) else (None, None)
    if not isinstance(ids, list) or not all(isinstance(number, int) for number in ids):
        raise ProtocolError("a postgres change without ids")
    named = isinstance(content, dict) and all(isinstance(content.get(key), str) for key in ("type", "schema", "table"))
    if not isinstance(content, dict) or not named or content["type"] not in ROWS:
        raise ProtocolError("a postgres change without type, schema and table")
    return ids, content


def fits(wish: PostgresChanges, content: dict[str, Any]) -> bool:
    """Whether a change is one of those asked for; the filter is the server's."""
    return (
        wish.event in {"*", content["type"]}
        and wish.schema == content["schema"]
        and wish.table in {"", content["table"]}
    )
