import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, FrameRecord, TraceView } from '../../src/trace/record.ts'
import { amount, awaitedFrames, count, eventsOf, framesFrom, isLost, noOccasion, time } from '../measure.ts'

const rate = '10 Mbit/s'

const READERS = ['ann', 'ben'] as const
type Reader = (typeof READERS)[number]

/** RFC 7748 section 6.1: a public key; FIPS 203 section 8, ML-KEM-768: an encapsulation key and a ciphertext. In bytes. */
const X25519_KEY = 32
const ENCAPSULATION_KEY = 1184
const CIPHERTEXT = 1088
/** The group in the list of groups; and for its share, the group again and a length. */
const NAMES = 6

interface Hello {
  /** The segments that carry it, each once, in order. */
  readonly segments: readonly FrameRecord[]
  /** Bytes of the handshake message. */
  readonly length: number
}

/** The first ClientHello of a browser. */
function helloOf(trace: TraceView, host: Reader): Hello | undefined {
  const sent = eventsOf(trace, host, 'tls:message-sent').find(({ data }) => data['message'] === 'ClientHello')
  if (sent === undefined) return undefined
  const connection = trace.connections.indexOf(sent.connection)
  const texts = framesFrom(trace, host, (frame) => frame.connection === connection && frame.payload > 0)
  // The record has a header of 5 bytes.
  const length = amount(sent, 'length')
  const [first] = texts
  if (first === undefined) return undefined
  const end = first.seq + length + 5
  const segments = new Map<number, FrameRecord>()
  for (const frame of texts) if (frame.seq < end && !segments.has(frame.seq)) segments.set(frame.seq, frame)
  return { segments: [...segments.values()], length }
}

function received(trace: TraceView, host: string, message: string, connection: string): EventRecord | undefined {
  return eventsOf(trace, host, 'tls:message-received').find(
    (event) => event.data['message'] === message && event.connection === connection,
  )
}

/** What Cleo’s browser sends at once when it connects: packets of UDP with her hello. */
function firstPackets(trace: TraceView): readonly FrameRecord[] {
  const packets = framesFrom(trace, 'cleo', ({ kind }) => kind === 'udp')
  return packets.filter(({ enqueued }) => enqueued === packets[0].enqueued)
}

function outgrowsOne(trace: TraceView): ClaimResult {
  const [ann, ben] = READERS.map((host) => helloOf(trace, host))
  const cleo = firstPackets(trace).length
  if (ann === undefined || ben === undefined || cleo === 0) return noOccasion('not all said hello')
  return {
    holds: ann.segments.length === 1 && ben.segments.length === 2 && cleo === 2,
    evidence: `Ann’s hello is ${count(ann.length, 'byte')} long and goes in ${count(ann.segments.length, 'segment')}, Ben’s ${String(ben.length)} in ${String(ben.segments.length)}, Cleo’s in ${count(cleo, 'packet')} of QUIC.`,
  }
}

/** When the last of Cleo’s first packets arrived, and when the server had keys with her; undefined: one was lost, or it has none. */
function heardCleo(trace: TraceView): { last: number; heard: number } | undefined {
  const server = trace.hosts.indexOf('server')
  const first = new Set(firstPackets(trace).map(({ id }) => id))
  const arrived = [...trace.frames(({ to, cause, fate }) => to === server && first.has(cause) && fate === 'arrived')]
  const connection = trace.connections[arrived[0]?.connection ?? 0]
  const keys = eventsOf(trace, 'server', 'tls:secret-logged').find((event) => event.connection === connection)
  if (keys === undefined || new Set(arrived.map(({ cause }) => cause)).size < first.size) return undefined
  return { last: Math.max(...arrived.map(({ arrives }) => arrives)), heard: keys.time }
}

/** How often somebody waited for the server before asking; undefined: nobody asked, or something was lost before. */
function waits(trace: TraceView, host: string): number | undefined {
  const [asked] = eventsOf(trace, host, 'http:request-sent')
  if (asked === undefined) return undefined
  const connection = trace.connections.indexOf(asked.connection)
  const before = trace.frames((frame) => frame.connection === connection && frame.enqueued <= asked.time)
  if ([...before].some(isLost)) return undefined
  return awaitedFrames(trace, asked).filter((frame) => frame.connection === connection).length
}

function noRoundTrip(trace: TraceView): ClaimResult {
  const [ann, ben, cleo] = ['ann', 'ben', 'cleo'].map((host) => waits(trace, host))
  if (ann === undefined || ben === undefined || cleo === undefined)
    return noOccasion('not all have asked, or something was lost before')
  return {
    holds: ann === ben && cleo === ann - 1,
    evidence: `Before they asked, Ann waited for the server ${count(ann, 'time')}, Ben ${String(ben)}, Cleo ${String(cleo)}.`,
  }
}

function costsTheKeys(trace: TraceView): ClaimResult {
  const pairs = (['ClientHello', 'ServerHello'] as const).map((message) => {
    const [ann, ben] = READERS.map((host) => {
      const from = message === 'ClientHello' ? 'tls:message-sent' : 'tls:message-received'
      return amount(
        eventsOf(trace, host, from).find(({ data }) => data['message'] === message),
        'length',
      )
    })
    return (ben ?? Number.NaN) - (ann ?? Number.NaN)
  })
  const [asked = Number.NaN, answered = Number.NaN] = pairs
  if (Number.isNaN(asked + answered)) return noOccasion('not both have met the server')
  const keys = ENCAPSULATION_KEY + X25519_KEY
  return {
    holds: asked === keys + NAMES && answered === CIPHERTEXT,
    evidence: `Ben’s hello is ${count(asked, 'byte')} longer than Ann’s, ${String(keys)} of them keys; the answer to it is ${count(answered, 'byte')} longer.`,
  }
}

function waitsForAll(trace: TraceView): ClaimResult {
  const server = trace.hosts.indexOf('server')
  const ends = READERS.flatMap((host) => {
    const hello = helloOf(trace, host)
    const connection = hello?.segments[0]?.connection
    if (hello === undefined || connection === undefined) return []
    const heard = received(trace, 'server', 'ClientHello', trace.connections[connection] ?? '')
    const arrivals = hello.segments.map(({ seq }) =>
      Math.min(
        ...[...trace.frames((frame) => frame.to === server && frame.connection === connection && frame.seq === seq)]
          .filter(({ fate, payload }) => fate === 'arrived' && payload > 0)
          .map(({ arrives }) => arrives),
      ),
    )
    return heard === undefined ? [] : [{ host, heard: heard.time, first: Math.min(...arrivals), last: Math.max(...arrivals) }]
  })
  const ben = ends.find(({ host }) => host === 'ben')
  if (ben === undefined) return noOccasion('the server has not heard Ben')
  const cleo = heardCleo(trace)
  return {
    holds: ends.every(({ heard, last }) => heard === last) && (cleo === undefined || cleo.heard === cleo.last),
    evidence: `The last piece of Ben’s hello was there ${time(ben.last - ben.first)} after the first; the server understood it ${time(ben.heard - ben.last)} later.`,
  }
}

const BOX = Array.from({ length: 40 }, (_, index) => index + 2)
const HTTP_3: 'h3'[] = ['h3']
const HTTP_1: 'http/1.1'[] = ['http/1.1']

export default defineScenario({
  id: 'post-quantum-hello',
  title: 'A hello that does not fit the envelope',
  summary:
    'Ben’s key exchange holds against computers that do not exist yet. His ClientHello outgrows one packet for it, and some boxes on the way have never seen that.',
  seed: 1,
  duration: '60 s',
  speed: 0.02,
  hosts: {
    ann: {
      label: 'Ann',
      position: { x: 0, y: 0 },
      app: 'browser',
      visits: 'https://server/',
      tls: { versions: ['1.3'], groups: ['x25519', 'secp256r1'], grease: true },
      tcp: { timeWait: '200 ms' },
    },
    ben: {
      label: 'Ben, TCP',
      position: { x: 0, y: 0.5 },
      app: 'browser',
      visits: 'https://server/',
      tls: { versions: ['1.3'], groups: ['X25519MLKEM768', 'x25519', 'secp256r1'], grease: true },
      tcp: { timeWait: '200 ms' },
    },
    cleo: {
      label: 'Cleo, QUIC',
      position: { x: 0, y: 1 },
      app: 'browser',
      visits: 'https://server/',
      protocols: HTTP_3,
      tls: { groups: ['X25519MLKEM768', 'x25519', 'secp256r1'], grease: true },
    },
    router: { kind: 'router', label: 'Router', position: { x: 0.4, y: 0.5 } },
    server: {
      label: 'Server',
      position: { x: 1, y: 0.5 },
      app: 'web-server',
      protocols: [...HTTP_3, ...HTTP_1],
      keepAlive: false,
      tls: { groups: ['X25519MLKEM768', 'x25519'], tickets: 0 },
      serves: { '/': '1 kB' },
      tcp: { timeWait: '200 ms' },
    },
  },
  links: [
    { between: ['ann', 'router'], rate, delay: '5 ms' },
    { between: ['ben', 'router'], rate, delay: '5 ms', forward: { lossOf: 'data' } },
    { between: ['cleo', 'router'], rate, delay: '5 ms', forward: { lossOf: 'udp' } },
    { between: ['router', 'server'], rate, delay: '35 ms' },
  ],
  knobs: {
    trouble: {
      label: 'What goes wrong on Ben’s and Cleo’s lines',
      choices: [
        { value: 'nothing', label: 'Nothing' },
        {
          value: 'second',
          label: 'The second piece of the hello is lost',
          sets: { 'links.ben-router.forward.lossList': [2], 'links.cleo-router.forward.lossList': [2] },
        },
        {
          value: 'box',
          label: 'A box passes the first piece only',
          sets: { 'links.ben-router.forward.lossList': BOX, 'links.cleo-router.forward.lossList': BOX },
        },
      ],
    },
    rate: {
      label: 'Rate of the lines at home',
      range: ['64 kbit/s', '10 Mbit/s'],
      sets: ['links.ann-router.rate', 'links.ben-router.rate', 'links.cleo-router.rate'],
      restart: true,
    },
    loss: { label: 'Packet loss', help: 'In both directions.', range: ['0 %', '10 %'], sets: 'links.router-server.loss' },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['events', 'inspector'],
  lesson: [
    {
      text: 'A line that is recorded today can be read on the day when somebody has a big enough quantum computer. So Ben’s and Cleo’s key exchange is two: **X25519**, like Ann’s, and **ML-KEM-768** beside it. Press play.',
      until: { event: 'tls:handshake-started' },
    },
    {
      text: 'Ann’s hello is one packet. Ben’s is **two**, one close behind the other: the new key alone takes 1,184 bytes, and Ethernet carries 1,500. Cleo sends the same hello by **QUIC**, and does not wait for TCP: two packets, each filled up to 1,200 bytes.',
      until: { event: 'tls:message-received' },
    },
    {
      text: 'The server can do nothing with half a hello. It waits for the second piece, then answers with 1,088 bytes more than it sends to Ann. The round trips are the same.',
      until: { event: 'page:loaded' },
    },
    {
      text: 'Start over, and destroy the second piece with a click, or choose it with the knob. What costs Ben and Cleo nothing in time now costs them a timeout.',
      until: { event: 'tcp:segment-retransmitted' },
    },
    {
      text: 'Now the **box**: something on the way that was built when a hello was one packet, and throws away what it cannot read. TCP and QUIC try again, after longer and longer pauses. Nobody gets anything, and nobody is told.',
    },
    {
      text: 'Set the rate of the lines at home to 64 kbit/s. There, 1,222 bytes more on the way there and 1,088 on the way back are time as well. And all that QUIC fills up is time, too.',
    },
  ],
  claims: [
    {
      says: 'Ann’s ClientHello fits one segment, Ben’s takes two, and Cleo’s takes two packets of QUIC.',
      cites: 'RFC 8446 section 4.1.2; RFC 9293 section 3.7.1; RFC 9001 section 4.3',
      holds: outgrowsOne,
    },
    {
      says: 'The hybrid costs its keys, and six bytes to name them: 1,222 bytes on the way there, 1,088 on the way back.',
      cites: 'RFC 8446 section 4.2.8; FIPS 203 section 8',
      holds: costsTheKeys,
    },
    {
      says: 'The server understands a hello at the moment in which its last piece has arrived.',
      cites: 'RFC 8446 section 5.1; RFC 9001 section 4.1.3',
      holds: waitsForAll,
    },
    {
      says: 'A larger hello costs no round trip: Ben waits as often as Ann before he asks. Cleo, with QUIC, waits once less.',
      cites: 'RFC 8446 section 2; RFC 9001 section 4',
      holds: noRoundTrip,
    },
  ],
})
