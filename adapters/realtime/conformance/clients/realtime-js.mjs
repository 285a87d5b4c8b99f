// @supabase/realtime-js, as its documentation says to use it. Arguments: address, protocol version.
import { RealtimeClient } from '@supabase/realtime-js'
import WebSocket from 'ws'
import { obey, present, tell } from './lines.mjs'

const [address, vsn] = process.argv.slice(2)
const client = new RealtimeClient(address.replace(/\/websocket$/, ''), {
  heartbeatIntervalMs: 1000,
  params: { apikey: 'key' },
  reconnectAfterMs: () => 50,
  transport: WebSocket,
  vsn,
})
let channel

obey({
  join() {
    channel = client.channel('room1', { config: { broadcast: { ack: true, self: true }, presence: { enabled: true, key: 'k1' } } })
    channel
      .on('broadcast', { event: '*' }, ({ event, payload }) => tell('broadcast', event, payload))
      .on('presence', { event: 'sync' }, () => tell('present', present(channel.presenceState())))
      .on('postgres_changes', { event: '*', schema: 'public', table: 'todos' }, (change) => tell('change', change.eventType, change.new))
      .on('system', {}, ({ status, message }) => tell('system', status, message))
      .subscribe((status) => tell({ SUBSCRIBED: 'joined', CHANNEL_ERROR: 'errored', CLOSED: 'closed', TIMED_OUT: 'late' }[status]))
  },
  async broadcast(event, payload) {
    tell('acknowledged', await channel.send({ type: 'broadcast', event, payload }))
  },
  async track(payload) {
    tell('tracked', await channel.track(payload))
  },
  async leave() {
    tell('left', await channel.unsubscribe())
  },
  quit: () => process.exit(0),
})
