"""What a real Phoenix server (1.7, with Supabase's serializer) was seen to answer, in a form that can be compared."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import define, field

from directive_trio_realtime._frames import Version

TRANSCRIPT = Path(__file__).with_name("transcript.txt")
SECONDS = re.compile(r"\d+ seconds ago")


@define
class Step:
    """Something a client or the server did, and what the client was sent for it."""

    name: str
    sent: str | bytes | None
    answers: list[str | bytes] = field(factory=list)
    end: str = ""


def steps_of(version: Version) -> list[Step]:
    """The recorded steps of one protocol version, in their order."""
    text = TRANSCRIPT.read_text(encoding="utf-8")
    part = text.split(f"=== vsn {version}\n")[1].split("===")[0]
    steps: list[Step] = []
    for line in part.splitlines():
        if line.startswith("  < "):
            steps[-1].answers.append(content_of(line[4:]))
        elif line.startswith("  ** "):
            steps[-1].end = line[5:]
        elif "=" not in line.split("{", maxsplit=1)[0]:  # after the steps come the refused handshakes
            name, _, sent = line.partition(" > ")
            steps.append(Step(name, content_of(sent) if sent else None))
    return steps


def content_of(written: str) -> str | bytes:
    """A frame as it stands in the file; bytes are written as Python writes them."""
    content = ast.literal_eval(written) if written.startswith("b'") else written
    assert isinstance(content, str | bytes)
    return content


class Normal:
    """Makes frames of two servers comparable: names of appearances in their order, no ids, no moments."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def frame(self, content: str | bytes) -> Any:
        """A frame, without what differs from run to run."""
        if isinstance(content, bytes):
            return content
        return self.value(json.loads(content))

    def value(self, value: Any) -> Any:
        """The same for a part of it."""
        match value:
            case dict():
                return dict(self._pairs(value))
            case list():
                return [self.value(inner) for inner in value]
            case str():
                return SECONDS.sub("N seconds ago", value)
        return value

    def _pairs(self, values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        for key, value in values.items():
            if key == "id":
                yield key, "an id"
            elif key.startswith("phx_ref"):
                yield key, self._names.setdefault(value, f"appearance {len(self._names)}")
            else:
                yield key, self.value(value)
