"""A recorder of observations: the expected value of a test is a list of them."""

from typing import TypeVar, final

from directive_trio.abc import Plugin
from directive_trio.observe import Observation

O = TypeVar("O", bound=Observation)  # noqa: E741  # the letter of what it stands for


@final
class Recorder(Plugin):
    """Keeps every observation, in order, from ``system.init`` on.

    A plugin (``open_system(lamp, plugins=[recorder])``); on a system that exists, ``system.observe(recorder.observe)``.
    `open_test_system` brings one.

    Example:
        >>> from attrs import define
        >>> from directive_trio import Module, System
        >>> @define
        ... class LampFacts:
        ...     lit: bool = False
        >>> recorder = Recorder()
        >>> system = System(Module("lamp", LampFacts), name="house", plugins=[recorder])
        >>> recorder.sequence()
        [('system.init', 'house')]
    """

    def __init__(self) -> None:
        self.observations: list[Observation] = []

    def observe(self, observation: Observation, /) -> None:
        """Keep one observation."""
        self.observations.append(observation)

    def of_type(self, kind: type[O], /) -> list[O]:
        """Return what was recorded of one class of `directive_trio.observe`."""
        return [seen for seen in self.observations if isinstance(seen, kind)]

    def sequence(self, *types: str) -> list[tuple[str, ...]]:
        """Return ``(type, id)`` of each observation, or ``(type,)`` where there is no id, to compare an order with.

        Args:
            types: Only these, as ``type`` spells them. The first words stand for all that begin with them:
                ``"resolver"`` for ``resolver.start``, ``resolver.complete`` and so on. Without any: all.
        """
        return [
            (seen.type, *([seen.id] if hasattr(seen, "id") else []))
            for seen in self.observations
            if not types or any(f"{seen.type}.".startswith(f"{wanted}.") for wanted in types)
        ]

    def clear(self) -> None:
        """Forget what was recorded so far."""
        self.observations.clear()
