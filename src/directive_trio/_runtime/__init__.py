"""Floor 3, ACT: carry out what planning decided, in nurseries, and tell planning what came of it."""
