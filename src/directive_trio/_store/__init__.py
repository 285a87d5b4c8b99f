"""Floor 1, KNOW: what is true now, what follows from it, and who must hear of a change. No trio."""
