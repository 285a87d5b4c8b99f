"""Floor 4, HOLD: the system as its users hold it: making it, its life, and looking into it."""
