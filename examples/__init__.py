"""Examples that run against a real HTTP server: ``make examples``."""
