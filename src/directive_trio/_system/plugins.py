"""Plugins: observers with a name, that may run a task as long as the system runs. They fail in isolation."""

from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING

import trio

from directive_trio._definitions.checks import refuse
from directive_trio._observation.observations import Observation, ObserverError
from directive_trio._runtime.boundary import Boundary
from directive_trio._runtime.tasks import Tasks

if TYPE_CHECKING:
    from directive_trio._system.system import System


class Plugin(ABC):
    """What is given every observation of a system, from ``system.init`` on, and may run a task beside it."""

    logs_errors: bool = False
    """Whether this plugin logs errors; then the engine does not log them itself."""

    @abstractmethod
    def observe(self, observation: Observation, /) -> None:
        """Take one observation. It only looks; what it raises is reported."""

    async def run(self, system: "System", /) -> None:  # noqa: ARG002  # for those who override it
        """Run beside the system; cancelled when it has stopped. Does nothing by default."""
        await trio.lowlevel.checkpoint()


class PluginTasks:
    """The plugins of one system."""

    def __init__(self, system: "System", plugins: tuple[Plugin, ...], boundary: Boundary) -> None:
        for plugin in plugins:
            if not isinstance(plugin, Plugin):
                refuse("plugins=", "plugins (derived from directive_trio.abc.Plugin)", plugin)
            boundary.observers.add(plugin.observe)
        self.system = system
        self.plugins = plugins
        self.observers = boundary.observers
        boundary.logged_elsewhere = any(plugin.logs_errors for plugin in plugins)
        self.boundary = boundary

    def start(self, tasks: Tasks) -> None:
        """Start the tasks of the plugins."""
        for plugin in self.plugins:
            if type(plugin).run is not Plugin.run:
                name = type(plugin).__name__
                tasks.start_service(partial(plugin.run, self.system), name=name, report=partial(self._report, name))

    def _report(self, name: str, error: Exception) -> None:
        self.observers.tell(ObserverError, name, error)  # somebody listens: the plugin itself
        self.boundary.report("plugin", name, error)
