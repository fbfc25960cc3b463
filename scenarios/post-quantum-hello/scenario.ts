import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, FrameRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, framesFrom, noOccasion, time } from '../measure.ts'

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

function outgrowsOne(trace: TraceView): ClaimResult {
  const [ann, ben] = READERS.map((host) => helloOf(trace, host))
  if (ann === undefined || ben === undefined) return noOccasion('not both said hello')
  return {
    holds: ann.segments.length === 1 && ben.segments.length === 2,
    evidence: `Ann’s hello is ${count(ann.length, 'byte')} long and goes in ${count(ann.segments.length, 'segment')}, Ben’s ${String(ben.length)} in ${String(ben.segments.length)}.`,
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
  return {
    holds: ends.every(({ heard, last }) => heard === last),
    evidence: `The last piece of Ben’s hello was there ${time(ben.last - ben.first)} after the first; the server understood it ${time(ben.heard - ben.last)} later.`,
  }
}

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
      label: 'Ann, X25519',
      position: { x: 0, y: 0.1 },
      app: 'browser',
      visits: 'https://server/',
      tls: { versions: ['1.3'], groups: ['x25519', 'secp256r1'], grease: true },
      tcp: { timeWait: '200 ms' },
    },
    ben: {
      label: 'Ben, hybrid',
      position: { x: 0, y: 0.9 },
      app: 'browser',
      visits: 'https://server/',
      tls: { versions: ['1.3'], groups: ['X25519MLKEM768', 'x25519', 'secp256r1'], grease: true },
      tcp: { timeWait: '200 ms' },
    },
    router: { kind: 'router', label: 'Router', position: { x: 0.4, y: 0.5 } },
    server: {
      label: 'Server',
      position: { x: 1, y: 0.5 },
      app: 'web-server',
      protocols: ['http/1.1'],
      keepAlive: false,
      tls: { groups: ['X25519MLKEM768', 'x25519'], tickets: 0 },
      serves: { '/': '1 kB' },
      tcp: { timeWait: '200 ms' },
    },
  },
  links: [
    { between: ['ann', 'router'], rate, delay: '5 ms' },
    { between: ['ben', 'router'], rate, delay: '5 ms', forward: { lossOf: 'data' } },
    { between: ['router', 'server'], rate, delay: '35 ms' },
  ],
  knobs: {
    trouble: {
      label: 'What goes wrong on Ben’s line',
      choices: [
        { value: 'nothing', label: 'Nothing' },
        { value: 'second', label: 'The second piece of his hello is lost', sets: { 'links.ben-router.forward.lossList': [2] } },
        {
          value: 'box',
          label: 'A box passes the first piece only',
          sets: { 'links.ben-router.forward.lossList': Array.from({ length: 40 }, (_, index) => index + 2) },
        },
      ],
    },
    rate: {
      label: 'Rate of the lines at home',
      range: ['64 kbit/s', '10 Mbit/s'],
      sets: ['links.ann-router.rate', 'links.ben-router.rate'],
      restart: true,
    },
    loss: { label: 'Packet loss', help: 'In both directions.', range: ['0 %', '10 %'], sets: 'links.router-server.loss' },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['events', 'inspector'],
  lesson: [
    {
      text: 'A line that is recorded today can be read on the day when somebody has a big enough quantum computer. So Ben’s key exchange is two: **X25519**, like Ann’s, and **ML-KEM-768** beside it. Press play.',
      until: { event: 'tls:handshake-started' },
    },
    {
      text: 'Ann’s hello is one packet. Ben’s are **two**, one close behind the other: his new key alone takes 1,184 bytes, and Ethernet carries 1,500.',
      until: { event: 'tls:message-received' },
    },
    {
      text: 'The server can do nothing with half a hello. It waits for the second piece, then answers with 1,088 bytes more than it sends to Ann. The round trips are the same.',
      until: { event: 'page:loaded' },
    },
    {
      text: 'Start over, and destroy the second piece with a click, or choose it with the knob. What costs Ben nothing in time now costs him a timeout.',
      until: { event: 'tcp:segment-retransmitted' },
    },
    {
      text: 'Now the **box**: something on the way that was built when a hello was one packet, and throws away what it cannot read. TCP tries again, after longer and longer pauses. Ben gets nothing, and is told nothing.',
    },
    {
      text: 'Set the rate of the lines at home to 64 kbit/s. There, 1,222 bytes more on the way there and 1,088 on the way back are time as well.',
    },
  ],
  claims: [
    {
      says: 'Ann’s ClientHello fits one segment, Ben’s takes two.',
      cites: 'RFC 8446 section 4.1.2; RFC 9293 section 3.7.1',
      holds: outgrowsOne,
    },
    {
      says: 'The hybrid costs its keys, and six bytes to name them: 1,222 bytes on the way there, 1,088 on the way back.',
      cites: 'RFC 8446 section 4.2.8; FIPS 203 section 8',
      holds: costsTheKeys,
    },
    {
      says: 'The server understands a hello at the moment in which its last piece has arrived.',
      cites: 'RFC 8446 section 5.1',
      holds: waitsForAll,
    },
  ],
})
