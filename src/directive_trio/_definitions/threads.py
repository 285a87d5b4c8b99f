"""The thread of a system: it has one, and whoever comes from another is told so."""

WRONG_THREAD = "a system belongs to the thread that runs it; from other threads, use trio.from_thread.run_sync"
