"""TELL: what the engine says about itself. Observations are data; nobody listening costs nothing."""
