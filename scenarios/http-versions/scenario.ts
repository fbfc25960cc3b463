import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, isLost, noOccasion, time } from '../measure.ts'
import { streamWaits } from '../stream-waits.ts'

const rate = '5 Mbit/s'
const delay = '40 ms'
const IMAGES = Array.from({ length: 16 }, (_, index) => `/${String(index + 1)}.webp`)
const FILES = IMAGES.length + 3

/** The browsers, by what they speak. */
const OLD = 'ann'
const ONE = 'ben'
const SIX = 'cleo'
const TWO = 'dan'
const THREE = 'ella'
const ALL = [OLD, ONE, SIX, TWO, THREE]

/** What each speaks. */
const HTTP_1_0: 'http/1.0'[] = ['http/1.0']
const HTTP_1_1: 'http/1.1'[] = ['http/1.1']
const HTTP_2: 'h2'[] = ['h2']
const HTTP_3: 'h3'[] = ['h3']

const reader = { app: 'browser', visits: 'https://server/', tcp: { preset: 'linux', timeWait: '200 ms' } } as const

function loadTime(trace: TraceView, host: string): number | undefined {
  const [loaded] = eventsOf(trace, host, 'page:loaded')
  return loaded === undefined ? undefined : amount(loaded, 'duration')
}

function connectionsOf(trace: TraceView, host: string): number {
  const overTcp = eventsOf(trace, host, 'tcp:state-changed').filter(({ data }) => data['to'] === 'SYN-SENT')
  return overTcp.length + eventsOf(trace, host, 'quic:connection-started').length
}

function connections(trace: TraceView): ClaimResult {
  if (ALL.some((host) => loadTime(trace, host) === undefined)) return noOccasion('not every page is there')
  const [old = 0, one = 0, six = 0, two = 0, three = 0] = ALL.map((host) => connectionsOf(trace, host))
  return {
    holds: old >= FILES && one === 1 && six >= 2 && six <= 6 && two === 1 && three === 1,
    evidence: `Connections that were opened: ${String(old)} for ${String(FILES)} files with HTTP/1.0; ${String(one)} with HTTP/1.1, ${String(six)} where six may be; ${String(two)} with HTTP/2, ${String(three)} with HTTP/3.`,
  }
}

/** How many requests were without the end of their response at a time, at most; and the most on one connection. */
function onTheWay(trace: TraceView, host: string): number {
  const open = new Map<string, number>()
  let most = 0
  const changes = [
    ...eventsOf(trace, host, 'http:request-sent').map((event) => ({ event, by: 1 })),
    ...eventsOf(trace, host, 'http:response-received').map((event) => ({ event, by: -1 })),
  ].sort((a, b) => a.event.time - b.event.time || a.event.id - b.event.id)
  for (const { event, by } of changes) {
    const now = (open.get(event.connection) ?? 0) + by
    open.set(event.connection, now)
    most = Math.max(most, now)
  }
  return most
}

function oneAtATime(trace: TraceView): ClaimResult {
  const [six, two, three] = [onTheWay(trace, SIX), onTheWay(trace, TWO), onTheWay(trace, THREE)]
  if (six === 0 || two < 2 || three < 2) return noOccasion('not everybody has asked for the files of the page')
  return {
    holds: [OLD, ONE, SIX].every((host) => onTheWay(trace, host) <= 1) && two >= FILES - 1 && three >= FILES - 1,
    evidence: `On one connection, at most ${count(six, 'request')} at a time with HTTP/1.1, ${String(two)} with HTTP/2, and ${String(three)} with HTTP/3.`,
  }
}

function isClean(trace: TraceView): boolean {
  for (const frame of trace.frames()) if (isLost(frame)) return false
  return true
}

function orderWithoutLoss(trace: TraceView): ClaimResult {
  if (!isClean(trace)) return noOccasion('something was lost')
  const [old, one, six, two, three] = ALL.map((host) => loadTime(trace, host))
  if (old === undefined || one === undefined || six === undefined || two === undefined || three === undefined)
    return noOccasion('not every page is there')
  return {
    holds: old > one && one > six && six > two && two > three,
    evidence: `HTTP/1.0 took ${time(old)}, HTTP/1.1 ${time(one)}, with six connections ${time(six)}, HTTP/2 ${time(two)}, HTTP/3 ${time(three)}.`,
  }
}

/** What had arrived and was held back on each connection of a host, in segments, when it was most. */
function held(trace: TraceView, host: string): { connections: number; requests: number } {
  const buffered = eventsOf(trace, host, 'tcp:out-of-order-buffered')
  const names = new Set(buffered.map(({ connection }) => connection))
  let requests = 0
  for (const { connection, time: at } of buffered) {
    const isOpen = (event: EventRecord): boolean => event.connection === connection && event.time <= at
    const sent = eventsOf(trace, host, 'http:request-sent').filter(isOpen).length
    const done = eventsOf(trace, host, 'http:response-received').filter(isOpen).length
    requests = Math.max(requests, sent - done)
  }
  return { connections: names.size, requests }
}

function oneLossStopsAll(trace: TraceView): ClaimResult {
  const [six, two] = [held(trace, SIX), held(trace, TWO)]
  if (six.connections === 0 || two.connections === 0) return noOccasion('not both had to wait for a lost segment')
  return {
    holds: six.requests <= 1 && two.requests >= six.requests,
    evidence: `Behind a lost segment waited ${count(two.requests, 'response')} at most with HTTP/2, ${String(six.requests)} on each of six connections.`,
  }
}

function streamsAreAlone(trace: TraceView): ClaimResult {
  const { streams, waited, longest, forOthers } = streamWaits(trace, THREE)
  if (waited === 0) return noOccasion('no stream of HTTP/3 had to wait for a lost packet')
  return {
    holds: forOthers === 0,
    evidence: `Of ${count(streams, 'stream')} of HTTP/3, ${String(waited)} waited for bytes of their own, the longest for ${time(longest)}; ${forOthers === 0 ? 'none' : String(forOthers)} for another’s.`,
  }
}

export default defineScenario({
  id: 'http-versions',
  title: 'Nineteen files, five ways to ask',
  summary:
    'The same page at the same time over HTTP/1.0, HTTP/1.1, HTTP/1.1 with six connections, HTTP/2 and HTTP/3. Newer is faster, until too many packets get lost.',
  seed: 1,
  duration: '60 s',
  speed: 0.1,
  hosts: {
    ann: { ...reader, label: 'HTTP/1.0', position: { x: 0, y: 0 }, protocols: HTTP_1_0, connections: 1 },
    ben: { ...reader, label: 'HTTP/1.1', position: { x: 0, y: 0.25 }, protocols: HTTP_1_1, connections: 1 },
    cleo: { ...reader, label: '1.1 × 6', position: { x: 0, y: 0.5 }, protocols: HTTP_1_1 },
    dan: { ...reader, label: 'HTTP/2', position: { x: 0, y: 0.75 }, protocols: HTTP_2 },
    ella: { ...reader, label: 'HTTP/3', position: { x: 0, y: 1 }, protocols: HTTP_3 },
    router: { kind: 'router', label: 'Router', position: { x: 0.62, y: 0.5 } },
    server: {
      label: 'Server',
      position: { x: 1, y: 0.5 },
      app: 'web-server',
      protocols: [...HTTP_3, ...HTTP_2, ...HTTP_1_1, ...HTTP_1_0],
      tls: {},
      delay: '2 ms',
      serves: {
        '/': { size: '4 kB', resources: ['/style.css', '/app.js', ...IMAGES] },
        '/style.css': '6 kB',
        '/app.js': '10 kB',
        ...Object.fromEntries(IMAGES.map((image) => [image, '6 kB' as const])),
      },
      tcp: { preset: 'linux', timeWait: '200 ms' },
    },
  },
  links: [
    ...ALL.map((host): { between: [string, string]; rate: typeof rate; delay: typeof delay } => ({
      between: [host, 'router'],
      rate,
      delay,
    })),
    { between: ['router', 'server'], rate: '1 Gbit/s', delay: '1 ms' },
  ],
  knobs: {
    delay: {
      label: 'One-way delay',
      range: ['5 ms', '200 ms'],
      step: '5 ms',
      scale: 'linear',
      sets: ALL.map((host) => `links.${host}-router.delay`),
      restart: true,
    },
    loss: {
      label: 'Packet loss',
      help: 'On each line, in both directions.',
      range: ['0 %', '10 %'],
      sets: ALL.map((host) => `links.${host}-router.loss`),
    },
    rate: {
      label: 'Rate of each line',
      range: ['500 kbit/s', '50 Mbit/s'],
      sets: ALL.map((host) => `links.${host}-router.rate`),
      restart: true,
    },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['waterfall', 'events', 'inspector'],
  lesson: [
    {
      text: 'Five browsers want the same page: one file of HTML that names a stylesheet, a script and sixteen pictures. Their lines are alike. Press play.',
      until: { event: 'http:response-started' },
    },
    {
      text: 'Now each knows what it needs. **HTTP/1.0** closes the connection after each file: a handshake of TCP and one of TLS, nineteen times.',
      until: { event: 'http:response-received' },
    },
    {
      text: '**HTTP/1.1** keeps its connection, and asks for one file after the other. Most of the time its line is empty: question, silence, answer. With six connections, six questions are on the way.',
      until: { event: 'page:loaded' },
    },
    {
      text: '**HTTP/2** has one connection, and asked for all eighteen files at once. Each answer is a stream of its own. **HTTP/3** does the same over QUIC, and was a round trip ahead from the start: one handshake instead of two.',
      until: { time: '2 s' },
    },
    {
      text: 'Start over with 5 % of loss. TCP delivers in order, so one lost packet stops all streams of HTTP/2 at once. Of six connections it stops one. Of HTTP/3’s streams it stops those whose bytes it carried. In the waterfall, waiting is hatched.',
      until: { intervention: 'set' },
    },
    {
      text: 'Who wins depends on the line. Try 200 ms, 50 Mbit/s, 5 %. HTTP/3’s streams do not wait for each other, but they share one window, and six connections have six.',
    },
  ],
  claims: [
    {
      says: 'HTTP/1.0 opens a connection for each file, HTTP/1.1 one or six at most, HTTP/2 and HTTP/3 one.',
      cites: 'RFC 1945 section 1.3; RFC 9112 section 9.4; RFC 9113 section 9.1; RFC 9114 section 3.3',
      holds: connections,
    },
    {
      says: 'On a connection of HTTP/1 one request is on the way at a time, on one of HTTP/2 or HTTP/3 all of them.',
      cites: 'RFC 9113 section 1; RFC 9112 section 9.3',
      holds: oneAtATime,
    },
    {
      says: 'While nothing is lost, newer is faster: HTTP/3, HTTP/2, six connections of HTTP/1.1, one of them, HTTP/1.0.',
      cites: 'RFC 9113 section 1',
      holds: orderWithoutLoss,
    },
    {
      says: 'Behind a lost segment wait all responses of HTTP/2, but only one on each of six connections.',
      cites: 'RFC 9114 section 2; RFC 9293 section 3.10.7.4',
      holds: oneLossStopsAll,
    },
    {
      says: 'Behind a lost packet of HTTP/3 wait only streams whose own bytes are missing.',
      cites: 'RFC 9000 section 2.2; RFC 9114 section 2',
      holds: streamsAreAlone,
    },
  ],
})
