"""What others implement."""

from directive_trio._definitions.source import Source
from directive_trio._system.plugins import Plugin

__all__ = ["Plugin", "Source"]
