import { quantity, text, type Data } from './event-data.ts'

const SPACES: Readonly<Record<string, string>> = {
  initial: 'Initial packet',
  handshake: 'Handshake packet',
  application: 'packet',
}

const WHY_LOST: Readonly<Record<string, string>> = {
  'packet-threshold': 'three later ones were acknowledged',
  'time-threshold': 'a later one was acknowledged long ago',
  'probe-timeout': 'the probe timer fired',
  'persistent-congestion': 'nothing came through for a long time',
}

const STATES: Readonly<Record<string, string>> = {
  slow_start: 'Slow start: the window doubles with each round trip',
  congestion_avoidance: 'Congestion avoidance: the window grows slowly',
  recovery: 'Recovery: sends less after a loss',
  application_limited: 'There is less to send than there may be',
}

const WHOSE: Readonly<Record<string, string>> = {
  local: 'our own fault',
  peer: 'the other side’s fault',
  network: 'the network',
}

const COMPLAINTS: Readonly<Record<string, string>> = {
  'too-big': 'Told that a packet was too big',
  refused: 'Told that nobody listens there',
  unreachable: 'Told that there is no way',
}

/** A packet of one of the three packet-number spaces: `'Initial packet 2'`. */
function packet(data: Data): string {
  return `${SPACES[text(data, 'space')] ?? 'packet'} ${text(data, 'number')}`
}

/** `': words'`, or nothing where there are none. */
function reason(data: Data, key: string): string {
  const words = data[key] === undefined ? '' : text(data, key)
  return words === '' ? '' : `: ${words}`
}

function done(data: Data): string {
  const group = text(data, 'group') === '' ? '' : `, ${text(data, 'group')}`
  const alpn = text(data, 'alpn') === '' ? '' : `, ${text(data, 'alpn')}`
  const resumed = data['resumed'] === true ? ', resumed' : ''
  const early = data['earlyData'] === 'none' ? '' : `, early data ${text(data, 'earlyData')}`
  const retried = data['retried'] === true ? ', after a Retry' : ''
  return `Speaks QUIC with ${text(data, 'cipherSuite')}${group}${alpn}${resumed}${early}${retried}`
}

function closed(data: Data): string {
  if (text(data, 'error') === '') return 'The connection is over'
  const cites = text(data, 'cites') === '' ? '' : ` (${text(data, 'cites')})`
  const whose = WHOSE[text(data, 'whose')] ?? text(data, 'whose')
  return `The connection is over, ${whose}: ${text(data, 'error')}${reason(data, 'detail').replace(': ', ', ')}${cites}`
}

/** Which bytes of which stream: `'1,170 B of stream 4 from 2,340'`. */
function bytes(data: Data): string {
  return `${quantity(data, 'length', 'bytes')} of stream ${text(data, 'stream')} from ${quantity(data, 'offset', 'count')}`
}

function refused(data: Data): string {
  const { firstRefused } = data
  return typeof firstRefused === 'number'
    ? `The other side takes no streams from ${String(firstRefused)} on`
    : 'The other side takes no more streams'
}

/** What events of QUIC, HTTP/3, QPACK and Alt-Svc say. */
export const QUIC_EVENTS: Readonly<Record<string, (data: Data) => string>> = {
  'quic:connection-started': (data) =>
    data['role'] === 'server' ? `${text(data, 'remote')} begins a connection` : `Begins a connection to ${text(data, 'remote')}`,
  'quic:connection-refused': (data) => `Takes no new connection: ${text(data, 'error')}`,
  'quic:version-negotiated': (data) =>
    data['versions'] === undefined
      ? 'Answers with the versions that are spoken here'
      : `Is offered versions ${text(data, 'versions')}`,
  'quic:retry-sent': () => 'Asks by a Retry whether the client is where it says',
  'quic:retry-received': () => 'Has to show its address first: begins again with the token of a Retry',
  'quic:handshake-done': done,
  'quic:handshake-confirmed': () => 'The handshake is confirmed: its keys are thrown away',
  'quic:early-data-accepted': () => 'Early data was taken',
  'quic:early-data-rejected': () => 'Early data was not wanted, and is sent again',
  'quic:token-received': () => 'Got a token that spares it a Retry the next time',
  'quic:stream-sent': (data) => `Sends ${bytes(data)}`,
  'quic:stream-received': (data) => `Receives ${bytes(data)}`,
  'quic:stream-delivered': (data) => `${bytes(data)} in order for the application`,
  'quic:metrics-updated': (data) =>
    `Congestion window ${quantity(data, 'cwnd', 'bytes')}, in flight ${quantity(data, 'bytesInFlight', 'bytes')}`,
  'quic:congestion-state-updated': (data) => STATES[text(data, 'state')] ?? `Congestion control: ${text(data, 'state')}`,
  'quic:packet-lost': (data) => `Takes ${packet(data)} for lost: ${WHY_LOST[text(data, 'trigger')] ?? text(data, 'trigger')}`,
  'quic:loss-disproved': (data) => `${capital(packet(data))} was not lost after all`,
  'quic:persistent-congestion': () => 'Nothing came through for a long time: begins again with the smallest window',
  'quic:probe-timeout': (data) =>
    data['count'] === 1
      ? 'Heard nothing in time: probes'
      : `Heard nothing in time, ${text(data, 'count')} times in a row: probes`,
  'quic:key-updated': (data) =>
    `${data['by'] === 'peer' ? 'The other side' : 'This side'} updates the keys, phase ${text(data, 'phase')}`,
  'quic:path-validated': (data) => `${text(data, 'remote')} has answered from there: the path is good`,
  'quic:path-abandoned': (data) => `Gives up the path from ${text(data, 'local')} to ${text(data, 'remote')}`,
  'quic:path-complaint-received': (data) =>
    `${COMPLAINTS[text(data, 'kind')] ?? 'Told that a packet did not get there'}: ${text(data, 'destination')}`,
  'quic:migration-started': (data) => `Tries another path: ${text(data, 'to')}`,
  'quic:migration-failed': (data) => `There is no other path${reason(data, 'detail')}`,
  'quic:migrated': (data) => `The connection goes on by another path: ${text(data, 'to')}`,
  'quic:port-rebound': (data) =>
    `A NAT forgets port ${text(data, 'from')}: goes on by port ${text(data, 'to')}, and does not know`,
  'quic:datagram-unsent': (data) => `Could not send: ${text(data, 'error')}`,
  'quic:stateless-reset': () => 'A stateless reset: the connection is not known there any more',
  'quic:draining': (data) => `The connection ends${reason(data, 'error')}; what still comes is not answered`,
  'quic:closed': closed,
  'http3:frame-sent': (data) =>
    `Sends ${text(data, 'type')} on stream ${text(data, 'stream')}, ${quantity(data, 'length', 'bytes')}`,
  'http3:frame-received': (data) =>
    `Receives ${text(data, 'type')} on stream ${text(data, 'stream')}, ${quantity(data, 'length', 'bytes')}`,
  'http3:settings-received': (data) =>
    `The other side has ${quantity(data, 'qpackMaxTableCapacity', 'bytes')} for QPACK’s table, and lets ${text(data, 'qpackBlockedStreams')} streams wait for it`,
  'http3:goaway-received': refused,
  'qpack:blocked': (data) =>
    `Stream ${text(data, 'stream')} waits: its fields need insertion ${text(data, 'requiredInsertCount')} into QPACK’s table, which has not come`,
  'qpack:unblocked': (data) => `Stream ${text(data, 'stream')} goes on: what its fields need of QPACK’s table is there`,
  'alt-svc:remembered': (data) =>
    `${text(data, 'origin')} is also at ${text(data, 'host')}:${text(data, 'port')} by ${text(data, 'protocol')}: will try that`,
  'alt-svc:forgotten': (data) => `${text(data, 'origin')} is nowhere else any more`,
  'alt-svc:broken': (data) =>
    `HTTP/3 does not get through to ${text(data, 'host')}:${text(data, 'port')} (${text(data, 'error')}): leaves it alone for ${quantity(data, 'rest', 'time')}`,
}

function capital(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`
}
