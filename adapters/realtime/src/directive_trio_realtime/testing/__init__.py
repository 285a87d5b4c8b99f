"""A realtime server for tests: it speaks the protocol, and fails on demand.

```python
async with open_server() as server:
    ...  # a client joins at server.url
    server.change("todos", record={"id": 1})
    server.crash("room")
```

As a process of its own it prints its address and takes the same words from its input, one a line:
``python -m directive_trio_realtime.testing --port 0``.
"""

from directive_trio_realtime.testing._rooms import Exchange as Exchange
from directive_trio_realtime.testing._server import RealtimeServer as RealtimeServer
from directive_trio_realtime.testing._server import open_server as open_server

__all__ = ["Exchange", "RealtimeServer", "open_server"]
