"""Property tests search as those of the core do: the same examples each time, whoever runs them, and no deadline."""

import tests.conftest as profiles

__all__ = ["profiles"]
