"""The walk-through: a four-step chain against a real HTTP API, with real faults.

Read it in this order: ``modules/`` (what must be true and how to make it true),
``story.py`` (what happens), ``server.py`` (the API and its faults).
"""
