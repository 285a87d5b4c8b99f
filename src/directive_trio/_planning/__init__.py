"""Floor 2, DECIDE: what is wanted, in which order, and what follows from a run's end. Pure; no trio."""
