// phoenix, the official client of Phoenix channels, with the payloads of Supabase. Arguments: address, protocol version.
import { Presence, Socket } from 'phoenix'
import WebSocket from 'ws'
import { obey, present, tell } from './lines.mjs'

const [address, vsn] = process.argv.slice(2)
// Its own serializer speaks version 2 only; version 1 is plain JSON.
const version1 = {
  encode: (message, callback) => callback(JSON.stringify(message)),
  decode: (message, callback) => callback(JSON.parse(message)),
}
const socket = new Socket(address.replace(/\/websocket$/, ''), {
  heartbeatIntervalMs: 1000,
  params: { apikey: 'key' },
  reconnectAfterMs: () => 50,
  rejoinAfterMs: () => 50,
  transport: WebSocket,
  vsn,
  ...(vsn === '1.0.0' ? version1 : {}),
})
socket.connect()
let channel
const config = {
  broadcast: { ack: true, self: true },
  presence: { enabled: true, key: 'k1' },
  postgres_changes: [{ event: '*', schema: 'public', table: 'todos' }],
  private: false,
}

obey({
  join() {
    channel = socket.channel('realtime:room1', { config })
    const presence = new Presence(channel)
    presence.onSync(() => tell('present', present(presence.state)))
    channel.on('broadcast', ({ event, payload }) => tell('broadcast', event, payload))
    channel.on('postgres_changes', ({ data }) => tell('change', data.type, data.record))
    channel.on('system', ({ status, message }) => tell('system', status, message))
    channel.onError(() => tell('errored'))
    channel.onClose(() => tell('closed'))
    channel.join().receive('ok', () => tell('joined')).receive('error', (reason) => tell('refused', reason))
  },
  broadcast(event, payload) {
    channel.push('broadcast', { type: 'broadcast', event, payload }).receive('ok', () => tell('acknowledged', 'ok'))
  },
  track(payload) {
    channel.push('presence', { type: 'presence', event: 'track', payload }).receive('ok', () => tell('tracked', 'ok'))
  },
  leave() {
    channel.leave().receive('ok', () => tell('left', 'ok'))
  },
  quit: () => process.exit(0),
})
