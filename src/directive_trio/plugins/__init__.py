"""Plugins: each file is one of them and is imported by its own name; nothing here is loaded by itself."""
