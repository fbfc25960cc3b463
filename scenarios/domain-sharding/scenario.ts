import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { TraceView } from '../../src/trace/record.ts'
import { amount, eventsOf, isLost, noOccasion, time } from '../measure.ts'

const rate = '10 Mbit/s'
const delay = '40 ms'
const PICTURES = Array.from({ length: 36 }, (_, index) => `/${String(index + 1)}.webp`)
const SHARDS = ['server', 'img1', 'img2'] as const

/** The browsers: two of HTTP/1.1, two of HTTP/2, each with a page of one name and of three. */
const OLD_ONE = 'ann'
const OLD_THREE = 'ben'
const NEW_ONE = 'cleo'
const NEW_THREE = 'dan'
const ALL = [OLD_ONE, OLD_THREE, NEW_ONE, NEW_THREE]

const tcp = { preset: 'linux', timeWait: '200 ms' } as const
const one = 'https://server/one'
const three = 'https://server/three'
const reader = { app: 'browser', tcp } as const
const old: 'http/1.1'[] = ['http/1.1']
const young: 'h2'[] = ['h2']

const line = (host: string): { between: [string, string]; rate: typeof rate; delay: typeof delay } => ({
  between: [host, 'router'],
  rate,
  delay,
})

const byTurns = PICTURES.map((path, index) => `https://${SHARDS[index % SHARDS.length] ?? ''}${path}`)

function isClean(trace: TraceView): boolean {
  for (const frame of trace.frames()) if (isLost(frame)) return false
  return true
}

function loadTime(trace: TraceView, host: string): number {
  return amount(eventsOf(trace, host, 'page:loaded')[0], 'duration')
}

function connectionsOf(trace: TraceView, host: string): number {
  return eventsOf(trace, host, 'tcp:state-changed').filter(({ data }) => data['to'] === 'SYN-SENT').length
}

function isCoalesced(trace: TraceView): boolean {
  return eventsOf(trace, NEW_THREE, 'http:connection-coalesced').length > 0
}

/** The server's part of TCP's handshakes with all browsers, whose lines are alike: the shortest is a round trip. */
function roundTrip(trace: TraceView): number {
  const heard = new Map<string, number>()
  let least = Number.NaN
  for (const { connection, data, time: at } of eventsOf(trace, 'server', 'tcp:state-changed')) {
    const since = heard.get(connection)
    if (data['to'] === 'SYN-RECEIVED') heard.set(connection, at)
    else if (data['to'] === 'ESTABLISHED' && since !== undefined)
      least = Math.min(Number.isNaN(least) ? at - since : least, at - since)
  }
  return least
}

function sixForEach(trace: TraceView): ClaimResult {
  const loads = ALL.map((host) => loadTime(trace, host))
  if (loads.some(Number.isNaN)) return noOccasion('not every page is there')
  const [oldOne = 0, oldThree = 0, newOne = 0, newThree = 0] = ALL.map((host) => connectionsOf(trace, host))
  return {
    holds:
      oldOne <= 6 && oldThree > 6 && oldThree <= 6 * SHARDS.length && newOne === 1 && newThree === (isCoalesced(trace) ? 1 : 3),
    evidence: `Connections with HTTP/1.1: ${String(oldOne)} for one name, ${String(oldThree)} for three. With HTTP/2: ${String(newOne)} and ${String(newThree)}.`,
  }
}

/** Which part of the time that a page took the line to its browser was busy with packets. */
function busy(trace: TraceView, host: string): number {
  const index = trace.hosts.indexOf(host)
  const loaded = loadTime(trace, host)
  const spans = [...trace.frames(({ to, sent }) => to === index && sent < loaded)].map(({ sent, arrives }) => arrives - sent)
  // What the smallest took is nearly all propagation.
  const least = spans.reduce((shortest, span) => Math.min(shortest, span), Infinity)
  return spans.reduce((sum, span) => sum + span - least, 0) / loaded
}

function moreIsFaster(trace: TraceView): ClaimResult {
  if (!isClean(trace)) return noOccasion('something was lost')
  const [single, sharded] = [loadTime(trace, OLD_ONE), loadTime(trace, OLD_THREE)]
  if (Number.isNaN(single) || Number.isNaN(sharded)) return noOccasion('not both pages are there')
  const share = busy(trace, OLD_ONE)
  if (share > 1 / 3) return noOccasion(`the line was busy for ${String(Math.round(share * 100))} % of the time`)
  return {
    holds: sharded < single,
    evidence: `With HTTP/1.1 the page took ${time(single)} from one name, ${time(sharded)} from three.`,
  }
}

/** How long the first request to each further name waited from when it was wanted. */
function firstWaits(trace: TraceView, host: string): number[] {
  const sent = eventsOf(trace, host, 'http:request-sent')
  const queued = eventsOf(trace, host, 'fetch:queued')
  return SHARDS.slice(1).flatMap((name) => {
    const first = queued.find(({ data }) => String(data['url']).startsWith(`https://${name}/`))
    const request = sent.find(({ data }) => data['id'] === first?.data['id'])
    return first === undefined || request === undefined ? [] : [request.time - first.time]
  })
}

function doorsCost(trace: TraceView): ClaimResult {
  const waits = firstWaits(trace, NEW_THREE)
  if (waits.length < SHARDS.length - 1) return noOccasion('not every name was asked yet')
  const [least, trip] = [Math.min(...waits), roundTrip(trace)]
  const evidence = `The first question to another name left ${waits.map((wait) => time(wait)).join(' and ')} after it was wanted; a round trip takes ${time(trip)}.`
  if (isCoalesced(trace)) return { holds: least < 0.1 * trip, evidence: `One connection served all names. ${evidence}` }
  return { holds: least > 1.9 * trip, evidence }
}

function newIsNotFaster(trace: TraceView): ClaimResult {
  if (!isClean(trace)) return noOccasion('something was lost')
  const [single, sharded] = [loadTime(trace, NEW_ONE), loadTime(trace, NEW_THREE)]
  if (Number.isNaN(single) || Number.isNaN(sharded)) return noOccasion('not both pages are there')
  return {
    holds: sharded > single - 0.1 * roundTrip(trace),
    evidence: `With HTTP/2 the page took ${time(single)} from one name, ${time(sharded)} from three.`,
  }
}

export default defineScenario({
  id: 'domain-sharding',
  title: 'Three names for one server',
  summary:
    'A browser opens six connections to each name. So pages spread their pictures over names that they invented: a trick that helps HTTP/1.1, and hinders HTTP/2.',
  seed: 1,
  duration: '60 s',
  speed: 0.05,
  hosts: {
    [OLD_ONE]: { ...reader, protocols: old, label: '1.1 × 1', position: { x: 0, y: 0 }, visits: one },
    [OLD_THREE]: { ...reader, protocols: old, label: '1.1 × 3', position: { x: 0, y: 0.33 }, visits: three },
    [NEW_ONE]: { ...reader, protocols: young, label: 'h2 × 1', position: { x: 0, y: 0.67 }, visits: one },
    [NEW_THREE]: {
      ...reader,
      protocols: young,
      label: 'h2 × 3',
      position: { x: 0, y: 1 },
      visits: three,
      coalescing: false,
    },
    router: { kind: 'router', label: 'Router', position: { x: 0.55, y: 0.5 } },
    server: {
      label: 'Server',
      position: { x: 1, y: 0.5 },
      aliases: ['img1', 'img2'],
      app: 'web-server',
      protocols: [...young, ...old],
      tls: {},
      serves: {
        '/one': { size: '4 kB', resources: PICTURES },
        '/three': { size: '4 kB', resources: byTurns },
        ...Object.fromEntries(PICTURES.map((path) => [path, '2 kB' as const])),
      },
      tcp,
    },
  },
  links: [...ALL.map(line), { between: ['router', 'server'], rate: '1 Gbit/s', delay: '1 ms' }],
  knobs: {
    coalescing: {
      label: 'HTTP/2 may use one connection for all names',
      help: 'Their address is the same, and the certificate is good for all three.',
      sets: `hosts.${NEW_THREE}.coalescing`,
      value: false,
      restart: true,
    },
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
      text: 'Four browsers want the same thirty-six pictures from one server. Two of the pages use one name for it, two use three names: **h2 × 3** is HTTP/2 with three. Press play.',
      until: { event: 'http:response-started' },
    },
    {
      text: 'The pages are there. A browser of HTTP/1.1 may open **six connections to a name**. For one name that is six pictures at a time; the others wait in a queue. For three names it opens eighteen.',
      until: { time: '500 ms' },
    },
    {
      text: '**HTTP/2** asked for all pictures at once, on the connection that it had. With three names it opens two more doors first: a handshake of TCP, one of TLS. Compare the two in the waterfall.',
      until: { event: 'page:loaded' },
    },
    {
      text: 'The trick won a third of the time with HTTP/1.1. With HTTP/2 it lost a round trip. The same page cannot be right for both.',
      until: { time: '900 ms' },
    },
    {
      text: 'Let HTTP/2 use one connection for all names, which share address and certificate. Start over: the names do no harm any more.',
      until: { intervention: 'set' },
    },
    {
      text: 'Now set the rate to 500 kbit/s. On a full line, eighteen handshakes are only more bytes, and the trick fails for HTTP/1.1, too.',
    },
  ],
  claims: [
    {
      says: 'Over HTTP/1.1 a browser opens at most six connections for each name, over HTTP/2 one, or one for all.',
      cites: 'RFC 9112 section 9.4; RFC 9113 section 9.1',
      holds: sixForEach,
    },
    {
      says: 'Where the line is idle most of the time and nothing is lost, three names make the page faster over HTTP/1.1.',
      cites: 'RFC 9112 section 9.4',
      holds: moreIsFaster,
    },
    {
      says: 'Over HTTP/2 another name costs two round trips before its first question, unless the connection is shared.',
      cites: 'RFC 9113 section 9.1.1; RFC 8446 section 2',
      holds: doorsCost,
    },
    {
      says: 'While nothing is lost, three names do not make the page faster over HTTP/2.',
      cites: 'RFC 9113 section 9.1',
      holds: newIsNotFaster,
    },
  ],
})
