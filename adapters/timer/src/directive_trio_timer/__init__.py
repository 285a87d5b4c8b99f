"""Timers for directive-trio."""

from directive_trio_timer._beat import Beat, Missed
from directive_trio_timer._every import every

__all__ = ["Beat", "Missed", "every"]
