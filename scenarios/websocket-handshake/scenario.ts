import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, awaitedFrames, count, eventsOf, isLost, noOccasion, time } from '../measure.ts'

/** What TLS adds to each record: a header, the type, and the tag (RFC 8446 section 5.2). */
const RECORD = 5 + 1 + 16
/** Messages are looked at that go into one segment, whatever is around them. */
const LONGEST = 1300
/** After a loss, for so long. */
const CALM = 2e9

const isSecure = (trace: TraceView): boolean => trace.first('tls:connected') !== undefined
const isCompressed = (trace: TraceView): boolean =>
  trace.first('websocket:opened', ({ data }) => data['extensions'] !== '') !== undefined

/** How long the header of a frame is that is not masked (RFC 6455 section 5.2). */
const headerOf = (length: number): number => (length <= 125 ? 2 : 4)

interface Carried {
  /** Of the message, before anything was added. */
  readonly length: number
  /** Bytes of the segment that brought it, without TLS. */
  readonly bytes: number
  readonly event: EventRecord
}

/** Messages that came alone in a segment, as they were heard of. */
function alone(trace: TraceView, events: readonly EventRecord[], key: string): Carried[] {
  const records = isSecure(trace) ? RECORD : 0
  const losses = [...trace.frames(isLost)].map(({ enqueued }) => enqueued)
  const perFrame = new Map<number, number>()
  for (const { cause } of events) perFrame.set(cause, (perFrame.get(cause) ?? 0) + 1)
  return events.flatMap((event) => {
    const length = amount(event, key)
    const frame = trace.frameById(event.cause)
    if (frame === undefined || perFrame.get(event.cause) !== 1 || length > LONGEST) return []
    // What comes again may come together with more.
    if (losses.some((lost) => lost <= event.time && lost > event.time - CALM)) return []
    return [{ length, bytes: frame.payload - records, event }]
  })
}

const heardFrom = (trace: TraceView, host: 'ann' | 'chat'): Carried[] =>
  alone(trace, eventsOf(trace, host === 'ann' ? 'chat' : 'ann', 'websocket:message-received'), 'length')

/** Ben's requests to say something; not the first of a connection, which TLS may have something to say beside. */
function requests(trace: TraceView): Carried[] {
  const asked = eventsOf(trace, 'chat', 'http:request-received').filter(({ data }) => data['method'] === 'POST')
  const later = asked.filter(({ connection }, index) => asked.findIndex((each) => each.connection === connection) < index)
  return alone(trace, later, 'bytes')
}

function oneRoundTrip(trace: TraceView): ClaimResult {
  const [opened] = eventsOf(trace, 'ann', 'websocket:opened')
  if (opened === undefined) return noOccasion('no WebSocket was opened')
  if ([...trace.frames(({ enqueued }) => enqueued < opened.time)].some(isLost)) return noOccasion('something was lost before')
  const awaited = awaitedFrames(trace, opened).filter(({ kind }) => kind !== 'arp').length
  // TCP's, and that of TLS 1.3.
  const before = isSecure(trace) ? 2 : 1
  return {
    holds: awaited === before + 1,
    evidence: `At ${time(opened.time)}, after ${count(awaited, 'answer')} of the server, of which ${String(before)} made the connection.`,
  }
}

function maskedOneWay(trace: TraceView): ClaimResult {
  if (isCompressed(trace)) return noOccasion('messages were compressed')
  const [up, down] = [heardFrom(trace, 'ann'), heardFrom(trace, 'chat')]
  const [first, second] = [up.at(-1), down.at(-1)]
  if (first === undefined || second === undefined) return noOccasion('no messages came both ways')
  return {
    holds:
      up.every(({ length, bytes }) => bytes === length + headerOf(length) + 4) &&
      down.every(({ length, bytes }) => bytes === length + headerOf(length)),
    evidence: `A message of ${count(first.length, 'byte')} from Ann took ${String(first.bytes)}, one of ${String(second.length)} from the server ${String(second.bytes)}.`,
  }
}

function requestsCost(trace: TraceView): ClaimResult {
  if (isCompressed(trace)) return noOccasion('messages were compressed')
  const [asked] = requests(trace)
  const said = heardFrom(trace, 'ann').at(-1)
  if (asked === undefined || said === undefined) return noOccasion('not both have said something')
  const [around, header] = [asked.bytes - asked.length, said.bytes - said.length]
  return {
    holds: around >= 10 * header,
    evidence: `Around what Ben says there are ${count(around, 'byte')} of HTTP; around what Ann says, ${String(header)} of WebSocket. An answer that says it has come costs him more.`,
  }
}

/** States of the connection that carries Ann's WebSocket, on one end of it. */
function statesOf(trace: TraceView, host: string, connection: string): unknown[] {
  return eventsOf(trace, host, 'tcp:state-changed')
    .filter((event) => event.connection === connection)
    .map(({ data }) => data['to'])
}

function closedTwice(trace: TraceView): ClaimResult {
  const [there] = eventsOf(trace, 'chat', 'websocket:closed')
  const [here] = eventsOf(trace, 'ann', 'websocket:closed')
  if (there === undefined || here === undefined) return noOccasion('no WebSocket was closed')
  if (there.data['clean'] !== true) return noOccasion('it was lost, not closed')
  const states = statesOf(trace, 'chat', there.connection)
  const isFirst = states.includes('FIN-WAIT-1') && !states.includes('LAST-ACK')
  return {
    holds: here.data['clean'] === true && here.data['code'] === there.data['code'] && isFirst,
    evidence: `Both said ${String(there.data['code'])}. The server was through at ${time(there.time)}, and ${isFirst ? 'sent its FIN first' : 'waited for her FIN'}; Ann at ${time(here.time)}.`,
  }
}

function shrinks(trace: TraceView): ClaimResult {
  if (!isCompressed(trace)) return noOccasion('messages were not compressed')
  const said = heardFrom(trace, 'ann').filter(({ length }) => length > 60)
  const [first, ...others] = said
  const last = others.at(-1)
  if (first === undefined || last === undefined) return noOccasion('Ann did not say two things')
  const longest = Math.max(...others.map(({ bytes, length }) => bytes / length))
  return {
    holds: first.bytes < first.length && longest < first.bytes / first.length && longest < 0.6,
    evidence: `Of ${count(first.length, 'byte')} came ${String(first.bytes)} the first time, and of ${String(last.length)} came ${String(last.bytes)} the last time, headers and all.`,
  }
}

const rate = '10 Mbit/s'
const common = { tcp: { preset: 'linux', timeWait: '200 ms' } } as const
const client = {
  ...common,
  app: 'live-client',
  servers: 'http://chat',
  tls: {},
  say: { interval: '1500 ms', size: '30 B' },
  heartbeat: { interval: '0 s' },
} as const

export default defineScenario({
  id: 'websocket-handshake',
  title: 'One request, and then no more HTTP',
  summary:
    'Ann asks for a WebSocket, and from then on each message costs her six bytes more than it says. Ben says the same things by requests.',
  seed: 1,
  duration: '6500 ms',
  speed: 0.1,
  hosts: {
    ann: { ...client, app: 'live-client', label: 'Ann, WebSocket', position: { x: 0, y: 0.1 }, compression: false, stop: '5 s' },
    ben: { ...client, app: 'live-client', label: 'Ben, HTTP', position: { x: 0, y: 0.9 }, transport: 'sse', stop: '5500 ms' },
    router: { kind: 'router', label: 'Router', position: { x: 0.45, y: 0.5 } },
    chat: {
      ...common,
      label: 'Chat',
      position: { x: 1, y: 0.5 },
      app: 'live-server',
      tls: false,
      protocols: ['http/1.1'],
      heartbeat: '1 s',
      compression: false,
    },
  },
  links: [
    { between: ['ann', 'router'], rate, delay: '12 ms' },
    { between: ['ben', 'router'], rate, delay: '12 ms' },
    { between: ['router', 'chat'], rate, delay: '12 ms' },
  ],
  knobs: {
    secure: {
      label: 'Under TLS',
      help: 'wss: and https: instead of ws: and http:.',
      choices: [
        { value: 'no', label: 'No' },
        {
          value: 'yes',
          label: 'Yes',
          sets: {
            'hosts.chat.tls': true,
            'hosts.ann.servers': ['https://chat'],
            'hosts.ben.servers': ['https://chat'],
          },
        },
      ],
      restart: true,
    },
    compression: {
      label: 'permessage-deflate',
      help: 'Ann offers to compress messages, and the server takes her up on it.',
      sets: ['hosts.ann.compression', 'hosts.chat.compression'],
      restart: true,
    },
    size: {
      label: 'How much they say at a time',
      range: ['1 B', '1 kB'],
      scale: 'log',
      sets: ['hosts.ann.say.size', 'hosts.ben.say.size'],
    },
    loss: { label: 'Packet loss', help: 'In both directions.', range: ['0 %', '10 %'], sets: 'links.router-chat.loss' },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['events', 'inspector', 'charts'],
  lesson: [
    {
      text: 'Ann wants to hear what is said in a room, at the moment when it is said. She asks for a **WebSocket**: an ordinary GET with the field `Upgrade: websocket`, and a key that she made up. Press play.',
      until: { event: 'websocket:opened' },
    },
    {
      text: 'The server has answered **101**, with a hash of her key: nobody gives that answer by accident. From here on there is no HTTP on this connection. Click a packet of hers, and look for **WebSocket** in the inspector.',
      until: { event: 'chat:said' },
    },
    {
      text: 'Ben says his piece by a **POST**, and hears others on a stream of events that he has asked for. Compare a request of his with a message of Ann’s: what is around the words?',
      until: { time: '2500 ms' },
    },
    {
      text: 'Ann’s frames are **masked**: behind a header of two bytes stand four of chance, with which the rest is XORed. The inspector shows both. What comes back is not masked. When the server has heard nothing for a while, it sends a **Ping**: two bytes.',
      until: { event: 'websocket:closed' },
    },
    {
      text: 'Ann has gone, and has said so: **Close** with code 1000. The server says it, too, and then it is the server that ends the TCP connection, so that she is not left with TIME-WAIT.',
    },
    {
      text: 'Now switch **permessage-deflate** on and start over, or **TLS**. Then cut Ann’s line in the middle: no Close, no code. What does the server find out, and when?',
    },
  ],
  claims: [
    {
      says: 'A WebSocket opens like a request: one round trip behind the connection that carries it.',
      cites: 'RFC 6455 section 4.1',
      holds: oneRoundTrip,
    },
    {
      says: 'A short message costs two bytes from the server and six from the client, of which four are the masking key.',
      cites: 'RFC 6455 section 5.2',
      holds: maskedOneWay,
    },
    {
      says: 'A request of HTTP for the same words has at least ten times as much around them.',
      cites: 'RFC 6202 section 2.2',
      holds: requestsCost,
    },
    {
      says: 'Both ends say Close with the same code, and then it is the server that ends the TCP connection.',
      cites: 'RFC 6455 section 7.1.1',
      holds: closedTwice,
    },
    {
      says: 'With permessage-deflate messages get shorter, and most of all those that are like earlier ones.',
      cites: 'RFC 7692 section 7.1.1',
      holds: shrinks,
    },
  ],
  charts: [
    {
      title: 'Bytes sent so far',
      series: [
        { measure: 'bytes', label: 'Ann, WebSocket', from: 'ann', as: 'total' },
        { measure: 'bytes', label: 'Ben, HTTP', from: 'ben', as: 'total' },
      ],
    },
  ],
})
