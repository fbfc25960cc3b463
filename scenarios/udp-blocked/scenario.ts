import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, isLost, noOccasion, time } from '../measure.ts'

const rate = '10 Mbit/s'
const AT = ['0 s', '800 ms', '6.5 s', '8 s'] as const
const PICTURES = ['/a.webp', '/b.webp']
const FILES = PICTURES.length + 1

/** Nothing is told of a server that has not failed. */
const HEAD_START = 300e6

interface Visit {
  readonly start: number
  readonly end: number
  /** Until the page was there. */
  readonly duration: number
}

/** Visits of a browser that came to their end, in order. */
function visitsOf(trace: TraceView, host: string): Visit[] {
  const loaded = eventsOf(trace, host, 'page:loaded')
  return eventsOf(trace, host, 'page:started').flatMap(({ time: start }, index) =>
    index < loaded.length ? [{ start, end: loaded[index].time, duration: amount(loaded[index], 'duration') }] : [],
  )
}

const within = (events: readonly EventRecord[], { start, end }: Visit): EventRecord[] =>
  events.filter((event) => event.time >= start && event.time < end)

const isSyn = ({ data }: EventRecord): boolean => data['from'] === 'CLOSED' && data['to'] === 'SYN-SENT'

/** When Ben's browser began with QUIC and with TCP on a visit, after it had begun; undefined: not at all. */
function attempts(trace: TraceView, visit: Visit): { quic: number | undefined; tcp: number | undefined } {
  const [quic] = within(eventsOf(trace, 'ben', 'quic:connection-started'), visit)
  const [tcp] = within(eventsOf(trace, 'ben', 'tcp:state-changed').filter(isSyn), visit)
  return { quic: quic && quic.time - visit.start, tcp: tcp && tcp.time - visit.start }
}

/** Protocols by which the files of one of Ben's visits came. */
function protocols(trace: TraceView, visit: Visit): string[] {
  const ended = eventsOf(trace, 'ben', 'fetch:ended').filter((event) => event.time > visit.start && event.time <= visit.end)
  return [...new Set(ended.map(({ data }) => String(data['protocol'])))]
}

/** What Ben's browser has found out about HTTP/3, last before a time; undefined: nothing. */
function lastVerdict(trace: TraceView, before: number): EventRecord | undefined {
  return eventsOf(trace, 'ben', 'alt-svc:broken').findLast((event) => event.time <= before)
}

/** How long the same visit took Cleo, whose browser speaks HTTP/2 only. */
function beside(trace: TraceView, index: number): string {
  const other = visitsOf(trace, 'cleo')[index] as Visit | undefined
  return other === undefined ? '' : `, Cleo after ${time(other.duration)}`
}

const isBlocked = (trace: TraceView, visit: Visit): boolean =>
  within(eventsOf(trace, 'firewall', 'firewall:packet-blocked'), visit).length > 0

function waitsOnce(trace: TraceView): ClaimResult {
  const index = visitsOf(trace, 'ben').findIndex((visit) => attempts(trace, visit).quic === 0 && isBlocked(trace, visit))
  const visit = visitsOf(trace, 'ben')[index] as Visit | undefined
  if (visit === undefined || lastVerdict(trace, visit.start) !== undefined)
    return noOccasion('Ben did not begin with QUIC in vain')
  const { tcp } = attempts(trace, visit)
  const by = protocols(trace, visit)
  return {
    holds: tcp === HEAD_START && by.length === 1 && by[0] === 'h2',
    evidence: `Ben’s browser tried TCP ${time(tcp ?? Number.NaN)} after QUIC; he had the page after ${time(visit.duration)}${beside(trace, index)}.`,
  }
}

function remembers(trace: TraceView): ClaimResult {
  const visits = visitsOf(trace, 'ben')
  const index = visits.findIndex(({ start }) => {
    const verdict = lastVerdict(trace, start)
    return verdict !== undefined && start < verdict.time + amount(verdict, 'rest')
  })
  if (index < 0) return noOccasion('Ben did not come while HTTP/3 was taken for broken')
  const visit = visits[index]
  const verdict = lastVerdict(trace, visit.start)
  const { quic = Infinity, tcp } = attempts(trace, visit)
  const known = visit.start - (verdict?.time ?? Number.NaN)
  return {
    // A page that takes long may see the end of the rest.
    holds: known + quic >= amount(verdict, 'rest') && tcp === 0,
    evidence: `HTTP/3 had failed ${time(known)} before: Ben’s browser began with TCP, and he had the page after ${time(visit.duration)}${beside(trace, index)}.`,
  }
}

function triesAgain(trace: TraceView): ClaimResult {
  const visits = visitsOf(trace, 'ben')
  const index = visits.findIndex(({ start }) => {
    const verdict = lastVerdict(trace, start)
    const worked = eventsOf(trace, 'ben', 'quic:handshake-done').findLast((event) => event.time <= start)?.time ?? 0
    return verdict !== undefined && start >= verdict.time + amount(verdict, 'rest') && worked < verdict.time
  })
  if (index < 0) return noOccasion('Ben did not come when the rest was over, and nothing known yet')
  const visit = visits[index]
  const { quic, tcp } = attempts(trace, visit)
  const isClean = ![...trace.frames(({ enqueued }) => enqueued >= visit.start && enqueued < visit.end)].some(isLost)
  const by = protocols(trace, visit)
  const expected = isBlocked(trace, visit) ? 'h2' : 'h3'
  return {
    holds: quic === 0 && tcp === 0 && (!isClean || (by.length === 1 && by[0] === expected)),
    evidence: `${quic === tcp ? 'QUIC and TCP began at the same moment' : 'QUIC and TCP did not begin together'}; the page came by ${by.join(', ')}, after ${time(visit.duration)}${beside(trace, index)}.`,
  }
}

function nothingFails(trace: TraceView): ClaimResult {
  const visits = visitsOf(trace, 'ben')
  const blocked = eventsOf(trace, 'firewall', 'firewall:packet-blocked').length
  if (visits.length < AT.length || blocked === 0) return noOccasion('not all visits are over, or nothing was blocked')
  const ended = eventsOf(trace, 'ben', 'fetch:ended')
  const complete = ended.filter(({ data }) => data['outcome'] === 'complete' && data['status'] === 200)
  return {
    holds: ended.length === AT.length * FILES && complete.length === ended.length,
    evidence: `The firewall threw away ${count(blocked, 'packet')} of UDP; of the ${String(AT.length * FILES)} files of ${count(visits.length, 'visit')}, ${String(complete.length)} came.`,
  }
}

const HTTP_2: 'h2'[] = ['h2']
const BOTH: ('h3' | 'h2')[] = ['h3', 'h2']
const reader = {
  app: 'browser',
  visits: AT.map((at) => ({ url: 'https://server/', at, reconnect: true })),
  cache: false,
  http3Rest: '2 s',
  tls: { grease: true },
  tcp: { timeWait: '200 ms' },
} as const

export default defineScenario({
  id: 'udp-blocked',
  title: 'A firewall that has never heard of QUIC',
  summary:
    'Ben’s browser would like to use HTTP/3, but somebody on the way throws all UDP away. It notices, takes HTTP/2, remembers, and tries again later.',
  seed: 1,
  duration: '60 s',
  speed: 0.1,
  hosts: {
    ann: { ...reader, visits: [...reader.visits], label: 'Ann', position: { x: 0, y: 0 } },
    ben: { ...reader, visits: [...reader.visits], label: 'Ben', position: { x: 0, y: 0.5 } },
    cleo: { ...reader, visits: [...reader.visits], label: 'Cleo, h2', position: { x: 0, y: 1 }, protocols: HTTP_2 },
    firewall: { kind: 'router', label: 'Firewall', position: { x: 0.36, y: 0.75 }, app: 'firewall', until: '7.2 s' },
    router: { kind: 'router', label: 'Router', position: { x: 0.68, y: 0.4 } },
    server: {
      label: 'Server',
      position: { x: 1, y: 0.4 },
      app: 'web-server',
      protocols: BOTH,
      tls: {},
      serves: {
        '/': { size: '4 kB', resources: PICTURES },
        ...Object.fromEntries(PICTURES.map((path) => [path, '4 kB' as const])),
      },
      tcp: { timeWait: '200 ms' },
    },
  },
  links: [
    { between: ['ann', 'router'], rate, delay: '2 ms' },
    { between: ['ben', 'firewall'], rate, delay: '1 ms' },
    { between: ['cleo', 'firewall'], rate, delay: '1 ms' },
    { between: ['firewall', 'router'], rate: '100 Mbit/s', delay: '1 ms' },
    { between: ['router', 'server'], rate: '100 Mbit/s', delay: '40 ms' },
  ],
  knobs: {
    blocks: { label: 'The firewall throws UDP away', sets: 'hosts.firewall.blocks', value: true },
    opens: {
      label: 'It lets UDP through again',
      choices: [
        { value: 'later', label: 'After 7.2 s' },
        { value: 'never', label: 'Never', sets: { 'hosts.firewall.until': '0 s' } },
      ],
    },
    delay: {
      label: 'One-way delay to the server',
      range: ['5 ms', '100 ms'],
      step: '5 ms',
      scale: 'linear',
      sets: 'links.router-server.delay',
      restart: true,
    },
    loss: { label: 'Packet loss', help: 'In both directions.', range: ['0 %', '10 %'], sets: 'links.router-server.loss' },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['waterfall', 'events', 'inspector'],
  lesson: [
    {
      text: 'Nobody knows yet that this server speaks HTTP/3, so all three begin with TCP and HTTP/2. Its first answer holds a field **Alt-Svc**: “I am also to be found over QUIC.” Press play.',
      until: { event: 'alt-svc:remembered' },
    },
    {
      text: 'At 0.8 s they come again. Ann’s and Ben’s browsers try QUIC now. Ann’s packets arrive. Ben’s reach the **firewall**, and that is the last that is heard of them: nobody tells him.',
      until: { time: '1.15 s' },
    },
    {
      text: 'Ben’s browser did not wait for long. QUIC got a head start of **300 ms**; then TCP was tried as well, and carried the page. Meanwhile QUIC knocks on, in longer and longer pauses, for five seconds.',
      until: { event: 'alt-svc:broken' },
    },
    {
      text: 'Now it is certain: TCP works here, and QUIC does not. The browser writes that down, and on the next visit begins with TCP at once. Look at the waterfall: Ben is as fast as Cleo, whose browser knows only HTTP/2.',
      until: { event: 'firewall:opened' },
    },
    {
      text: 'The firewall lets UDP through now. How would a browser know? It tries again after a rest: in Chrome five minutes, here **2 s**, so that you need not wait. This time both begin at the same moment, and nobody pays.',
      until: { time: '8.3 s' },
    },
    {
      text: 'Start over and let the firewall **never** open: each failure doubles the rest. Or let UDP pass from the beginning, and close the firewall while a page is loading.',
    },
  ],
  claims: [
    {
      says: 'A browser that begins with QUIC in vain tries TCP after 300 ms, and gets its page.',
      cites: 'RFC 9114 section 3.1; RFC 7838 section 2.4',
      holds: waitsOnce,
    },
    {
      says: 'While it takes HTTP/3 for broken, it begins with TCP at once, and sends no QUIC.',
      cites: 'RFC 9114 section 3.1',
      holds: remembers,
    },
    {
      says: 'When the rest is over, it tries QUIC and TCP side by side. If UDP passes, the page comes by HTTP/3.',
      cites: 'RFC 9114 section 3.1; RFC 9308 section 2',
      holds: triesAgain,
    },
    {
      says: 'Whatever the firewall does, no file of any page is missing.',
      cites: 'RFC 9308 section 2',
      holds: nothingFails,
    },
  ],
})
