import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, Nanos, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, noOccasion, time } from '../measure.ts'

const IMAGES = Array.from({ length: 10 }, (_, index) => `/${String(index + 1)}.webp`)
/** Number of the packet that is lost on the way to each of them: it holds what the server adds to its table for the pictures. */
const LOST = 10

const HTTP_3: 'h3'[] = ['h3']
const line = { rate: '5 Mbit/s', delay: '40 ms' } as const
const lossList: number[] = [LOST]
const again = { url: 'https://server/', at: '1.5 s' } as const
const reader = { app: 'browser', protocols: HTTP_3, cache: false } as const

/** What a delivery network adds to each picture. */
const HEADERS = {
  'Content-Security-Policy': "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'",
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()',
  'Report-To': '{"group":"edge","max_age":31536000,"endpoints":[{"url":"https://reports.example/pictures"}]}',
  NEL: '{"report_to":"edge","max_age":31536000,"success_fraction":0.01,"failure_fraction":1}',
  'Cross-Origin-Resource-Policy': 'same-site',
} as const

const bytes = (number: number): string => count(number, 'byte')

/** Stream of the server's on which it adds to its table: the second that it opens for itself, behind that for settings. */
const DICTIONARY = 7
const isDictionary = (event: EventRecord): boolean => amount(event, 'stream') === DICTIONARY

/** Of a stream that had to wait: from when, and until when; undefined while it does. */
interface Wait {
  readonly stream: number
  readonly from: Nanos
  readonly to: Nanos | undefined
}

function waits(trace: TraceView, host: string): Wait[] {
  const ends = eventsOf(trace, host, 'qpack:unblocked')
  return eventsOf(trace, host, 'qpack:blocked').map((event) => {
    const stream = amount(event, 'stream')
    const end = ends.find((each) => each.id > event.id && amount(each, 'stream') === stream)
    return { stream, from: event.time, to: end?.time }
  })
}

function waitForAnother(trace: TraceView): ClaimResult {
  const over = waits(trace, 'ben').flatMap(({ stream, from, to }) => (to === undefined ? [] : [{ stream, from, to }]))
  if (over.length === 0) return noOccasion('no stream of Ben’s had to wait')
  const told = eventsOf(trace, 'ben', 'quic:stream-delivered').filter(isDictionary)
  const brought = over.map(({ to }) => told.find((event) => event.time === to))
  const longest = Math.max(...over.map(({ from, to }) => to - from))
  return {
    holds: brought.every((event) => event !== undefined),
    evidence: `${count(over.length, 'stream')} of Ben’s waited, for ${time(longest)} at most, until bytes of stream ${String(DICTIONARY)} were there.`,
  }
}

/** What a browser has announced, as it came to the server. */
function announced(trace: TraceView, host: string): EventRecord | undefined {
  const [started] = eventsOf(trace, host, 'quic:connection-started')
  return eventsOf(trace, 'server', 'http3:settings-received').find(({ connection }) => connection === started?.connection)
}

function hasTable(trace: TraceView, host: string): boolean {
  return amount(announced(trace, host), 'qpackMaxTableCapacity') > 0
}

function neverWaits(trace: TraceView): ClaimResult {
  const fields = eventsOf(trace, 'ann', 'http:response-started').length
  if (fields < IMAGES.length || !hasTable(trace, 'ann')) return noOccasion('Ann has no table, or not many answers yet')
  const blocked = waits(trace, 'ann').length
  return { holds: blocked === 0, evidence: `Of ${count(fields, 'answer')} of Ann’s, ${String(blocked)} waited for the table.` }
}

/** Bytes of fields that came for one of a browser's visits: header sections, and what was added to the table. Undefined while it lasts. */
function fieldBytes(trace: TraceView, host: string, visit: number): number | undefined {
  const started = eventsOf(trace, host, 'page:started')[visit]?.time
  const loaded = eventsOf(trace, host, 'page:loaded')[visit]?.time
  if (started === undefined || loaded === undefined) return undefined
  const isDuring = (event: EventRecord): boolean => event.time >= started && event.time <= loaded
  const sections = eventsOf(trace, host, 'http3:frame-received').filter(({ data }) => data['type'] === 'HEADERS')
  const added = eventsOf(trace, host, 'quic:stream-delivered').filter(isDictionary)
  return [...sections, ...added].filter(isDuring).reduce((sum, event) => sum + amount(event, 'length'), 0)
}

function largerFields(trace: TraceView): ClaimResult {
  const [ann, ben] = ['ann', 'ben'].map((host) => fieldBytes(trace, host, 0))
  if (ann === undefined || ben === undefined) return noOccasion('not both have the page')
  if (!hasTable(trace, 'ben') || !(amount(announced(trace, 'ben'), 'qpackBlockedStreams') >= IMAGES.length))
    return noOccasion('Ben has no table, or does not let many streams wait either')
  return { holds: ann > 2 * ben, evidence: `For the page, Ann got ${bytes(ann)} of header fields, Ben ${bytes(ben)}.` }
}

function laterFree(trace: TraceView): ClaimResult {
  const [first, second] = [0, 1].map((visit) => fieldBytes(trace, 'ann', visit))
  if (first === undefined || second === undefined || !hasTable(trace, 'ann'))
    return noOccasion('Ann has no table, or has not got the page twice')
  return {
    holds: second * 3 < first && waits(trace, 'ann').length === 0,
    evidence: `Ann got ${bytes(first)} of header fields for the page, and ${bytes(second)} when she got it again.`,
  }
}

export default defineScenario({
  id: 'qpack-blocking',
  title: 'Ten pictures wait for a dictionary',
  summary:
    'HTTP/3 has no order among its streams, until it compresses headers: then one lost packet of the dictionary holds up answers that are all there. Ann does without that risk, and pays for it.',
  seed: 1,
  duration: '20 s',
  speed: 0.05,
  hosts: {
    ann: {
      ...reader,
      visits: ['https://server/', again],
      label: 'Ann, safe',
      position: { x: 0, y: 0.1 },
      quic: { qpackBlockedStreams: 0 },
    },
    ben: {
      ...reader,
      visits: ['https://server/', again],
      label: 'Ben, bold',
      position: { x: 0, y: 0.9 },
      quic: { qpackBlockedStreams: 16 },
    },
    router: { kind: 'router', label: 'Router', position: { x: 0.5, y: 0.5 } },
    server: {
      label: 'Server',
      position: { x: 1, y: 0.5 },
      app: 'web-server',
      protocols: [...HTTP_3, 'h2'],
      tls: {},
      quic: { qpackBlockedStreams: 100 },
      serves: {
        '/': { size: '2 kB', resources: IMAGES },
        ...Object.fromEntries(IMAGES.map((image) => [image, { size: '3 kB', headers: HEADERS } as const])),
      },
    },
  },
  links: [
    { between: ['ann', 'router'], ...line, backward: { lossList } },
    { between: ['ben', 'router'], ...line, backward: { lossList } },
    { between: ['router', 'server'], rate: '100 Mbit/s', delay: '5 ms' },
  ],
  knobs: {
    lost: {
      label: 'The packet that is lost',
      value: 'dictionary',
      choices: [
        { value: 'dictionary', label: 'That with the dictionary' },
        {
          value: 'none',
          label: 'None',
          sets: { 'links.ann-router.backward.lossList': [], 'links.ben-router.backward.lossList': [] },
        },
      ],
    },
    blocked: {
      label: 'Streams of Ben’s that may wait',
      help: 'As his browser tells the server (QPACK_BLOCKED_STREAMS).',
      range: [0, 16],
      step: 1,
      scale: 'linear',
      sets: 'hosts.ben.quic.qpackBlockedStreams',
    },
    table: {
      label: 'Both have a dictionary of',
      choices: [
        { value: 'large', label: '4 KiB' },
        {
          value: 'none',
          label: 'Nothing',
          sets: { 'hosts.ann.quic.qpackTableCapacity': '0 B', 'hosts.ben.quic.qpackTableCapacity': '0 B' },
        },
      ],
    },
    delay: {
      label: 'One-way delay',
      range: ['5 ms', '150 ms'],
      step: '5 ms',
      scale: 'linear',
      sets: ['links.ann-router.delay', 'links.ben-router.delay'],
      restart: true,
    },
    loss: {
      label: 'Packet loss, besides',
      help: 'At random, in both directions of both lines.',
      range: ['0 %', '10 %'],
      sets: ['links.ann-router.loss', 'links.ben-router.loss'],
    },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['lanes', 'events', 'inspector'],
  lesson: [
    {
      text: 'Ann and Ben load the same page over HTTP/3: a document and ten pictures, each with 0.4 kB of the same header fields. Ben’s browser lets up to 16 streams wait for a dictionary, Ann’s none. Press play.',
      until: { event: 'page:parsed' },
    },
    {
      text: 'Both ask for all ten at once. For **Ben**, the server writes each field once into a **dictionary**, on a stream of its own, and the ten answers only say: entries 3 to 7. For **Ann** it spells them out ten times.',
      until: { event: 'qpack:blocked' },
    },
    {
      text: 'The packet with the dictionary was lost on both lines. Ben’s next answers come, whole, and cannot be read: they name entries that he does not have. Look at his lanes: **held back**, and no byte of theirs is missing.',
      until: { event: 'qpack:unblocked' },
    },
    {
      text: 'The dictionary was sent again, and all are free at once. That is **head-of-line blocking**, in HTTP/3: across streams, and of its own making. Ann lost the same packet, and only the picture in it had to wait.',
      until: { time: '1.5 s' },
    },
    {
      text: 'Both load the page again. By now Ann’s browser has **acknowledged** the entries: referring to them is without risk, and her headers are as small as Ben’s.',
      until: { time: '1.9 s' },
    },
    {
      text: 'A browser chooses: 0 streams that may wait, larger headers at first, and no wait ever; or some. Give Ben 2, and start over. Or take the dictionary away from both.',
    },
  ],
  claims: [
    {
      says: 'An answer that has come whole waits for bytes of another stream: the dictionary’s.',
      cites: 'RFC 9204 section 2.1.2',
      holds: waitForAnother,
    },
    {
      says: 'Where no stream may wait, none does.',
      cites: 'RFC 9204 section 2.1.2',
      holds: neverWaits,
    },
    {
      says: 'That costs: while the dictionary is not acknowledged, every answer spells its fields out.',
      cites: 'RFC 9204 section 2.1.2',
      holds: largerFields,
    },
    {
      says: 'What was acknowledged costs nothing, and puts nobody at risk.',
      cites: 'RFC 9204 section 2.1.4',
      holds: laterFree,
    },
  ],
})
