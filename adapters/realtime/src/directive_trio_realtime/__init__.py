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
from directive_trio_realtime._outputs import Broadcast as Broadcast
from directive_trio_realtime._outputs import Gap as Gap
from directive_trio_realtime._outputs import Live as Live
from directive_trio_realtime._outputs import Lost as Lost
from directive_trio_realtime._outputs import PostgresChange as PostgresChange
from directive_trio_realtime._presence import PresenceChange as PresenceChange
from directive_trio_realtime._sources import Realtime as Realtime
from directive_trio_realtime._sources import RealtimeChannel as RealtimeChannel
from directive_trio_realtime._sources import realtime_channel as realtime_channel

__all__ = [
    "Backoff",
    "Broadcast",
    "ChannelOptions",
    "ClientCodec",
    "Frame",
    "Gap",
    "Limits",
    "Live",
    "Lost",
    "Machine",
    "Patience",
    "PostgresChange",
    "PostgresChanges",
    "PresenceChange",
    "Realtime",
    "RealtimeChannel",
    "ServerCodec",
    "address",
    "realtime_channel",
]
