"""The test server against the recording of a real one: frame by frame, in both protocol versions."""

import pytest

from adapters.realtime.tests.recorded import Normal, Step, steps_of
from directive_trio_realtime import ServerCodec
from directive_trio_realtime._frames import Version
from directive_trio_realtime.errors import ProtocolError
from directive_trio_realtime.testing._rooms import Client, Rooms

VERSIONS: tuple[Version, ...] = ("1.0.0", "2.0.0")


class Stage:
    """A server and its only client, who does what the recorded one did."""

    def __init__(self, version: Version) -> None:
        self.version = version
        self.rooms = Rooms()
        self.answers: list[str | bytes] = []
        self.client = self.connect()

    def connect(self) -> Client:
        return Client(1, ServerCodec(self.version), self.answers.append)

    def play(self, step: Step) -> list[str | bytes]:
        self.answers.clear()
        if step.name == "crash":
            self.rooms.crash("room1")
        elif step.name == "system_error":
            self.rooms.expire("room1")
        elif step.name == "malformed":
            with pytest.raises(ProtocolError):
                self.rooms.receive(self.client, step.sent or "")
        elif step.sent is None:  # the connection ends: how, is for the socket
            self.rooms.gone(self.client)
            self.client = self.connect()
        else:
            self.rooms.receive(self.client, step.sent)
        return list(self.answers)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_recorded_frame_is_answered_as_it_was(version: Version) -> None:
    """Content, order and refs; only ids, the names of appearances and counted seconds may differ."""
    stage, ours, theirs = Stage(version), Normal(), Normal()
    steps = steps_of(version)
    assert len(steps) == {"1.0.0": 24, "2.0.0": 25}[version]
    for step in steps:
        answers = [ours.frame(answer) for answer in stage.play(step)]
        assert answers == [theirs.frame(answer) for answer in step.answers], step.name
