"""WebSocket feeds for directive-trio."""

from directive_trio_websocket._address import Address
from directive_trio_websocket._connection import Connection
from directive_trio_websocket._decoding import Decode, Decoded, json_events
from directive_trio_websocket._inbox import Overflow
from directive_trio_websocket._source import FOREVER, WebSocketSource, websocket_source
from directive_trio_websocket._transport import Handshake, Socket, Transport
from directive_trio_websocket._trio_websocket import TrioWebsocketTransport

__all__ = [
    "FOREVER",
    "Address",
    "Connection",
    "Decode",
    "Decoded",
    "Handshake",
    "Overflow",
    "Socket",
    "Transport",
    "TrioWebsocketTransport",
    "WebSocketSource",
    "json_events",
    "websocket_source",
]
