"""Supabase-style realtime (Phoenix channels over a WebSocket) as sources for directive-trio."""

from directive_trio_realtime._connection import Machine as Machine
from directive_trio_realtime._connection import address as address
from directive_trio_realtime._frames import ClientCodec as ClientCodec
from directive_trio_realtime._frames import Frame as Frame
from directive_trio_realtime._frames import ServerCodec as ServerCodec
from directive_trio_realtime._options import Backoff as Backoff
from directive_trio_realtime._options import ChannelOptions as ChannelOptions
from directive_trio_realtime._options import Limits as Limits
from directive_trio_realtime._options import Patience as Patience
from directive_trio_realtime._options import PostgresChanges as PostgresChanges

__all__ = [
    "Backoff",
    "ChannelOptions",
    "ClientCodec",
    "Frame",
    "Limits",
    "Machine",
    "Patience",
    "PostgresChanges",
    "ServerCodec",
    "address",
]
