import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, noOccasion, time } from '../measure.ts'

const SECOND = 1e9
/** An answer that fits one segment: what is lost of it can be put together again by any reader of a capture that shows the lost ones too. */
const SIZE = '1.2 kB'
/** Alice comes this often. */
const INTERVAL = 2

interface Visit {
  readonly start: number
  /** Until it loaded or failed; infinite when it did neither. */
  readonly took: number
  readonly loaded: boolean
}

function visits(trace: TraceView): Visit[] {
  const ends = trace.events.filter(({ name }) => name === 'page:loaded' || name === 'page:failed')
  return eventsOf(trace, 'alice', 'page:started').map(({ time: start }, index): Visit => {
    const end: EventRecord | undefined = ends[index]
    return { start, took: end === undefined ? Infinity : end.time - start, loaded: end?.name === 'page:loaded' }
  })
}

/** From when the SYN queue was full, to the end of the flood; undefined when it never was. */
function siege(trace: TraceView): { from: number; to: number } | undefined {
  const full = trace.events.find(({ name }) => name === 'tcp:listen-overflowed' || name === 'tcp:syn-cookie-sent')
  const end = trace.first('flood:ended')
  return full === undefined ? undefined : { from: full.time, to: end?.time ?? trace.events.at(-1)?.time ?? full.time }
}

const usesCookies = (trace: TraceView): boolean => trace.first('tcp:syn-cookie-sent') !== undefined
const slowest = (some: readonly Visit[]): number => Math.max(...some.map(({ took }) => took))

/** Whose SYN it was, by the name of the conversation: Mallory's addresses are not of this network. */
const isAlices = ({ connection }: EventRecord): boolean => connection.startsWith('10.')

function dropsEverybody(trace: TraceView): ClaimResult {
  const dropped = trace.all('tcp:listen-overflowed', isAlices)
  if (dropped.length === 0) return noOccasion('none of Alice’s SYNs met a full queue')
  const hit = visits(trace).filter(({ start, took }) => dropped.some(({ time: at }) => at >= start && at <= start + took))
  const delayed = hit.filter(({ took }) => took >= SECOND)
  const failed = hit.filter(({ loaded }) => !loaded)
  return {
    holds: delayed.length === hit.length,
    evidence: `${count(dropped.length, 'SYN')} of Alice dropped. Of the ${count(hit.length, 'visit')} that this met, none took less than a second, and ${String(failed.length)} failed.`,
  }
}

function cookiesKeepTheDoorOpen(trace: TraceView): ClaimResult {
  const under = siege(trace)
  if (under === undefined || !usesCookies(trace)) return noOccasion('no cookies were sent')
  const all = visits(trace)
  const before = all.filter(({ start }) => start < under.from - SECOND)
  const during = all.filter(({ start }) => start >= under.from && start < under.to)
  if (before.length === 0 || during.length === 0) return noOccasion('Alice did not come both before and during the flood')
  const accepted = trace.all('tcp:syn-cookie-accepted').length
  return {
    holds: during.every(({ loaded }) => loaded) && slowest(during) <= slowest(before),
    evidence: `${count(during.length, 'visit')} during the flood took at most ${time(slowest(during))}; before it, ${time(slowest(before))}. ${count(accepted, 'connection')} came by a cookie.`,
  }
}

function queueIsBounded(trace: TraceView): ClaimResult {
  const full = trace.events.find(({ name }) => name === 'tcp:listen-overflowed' || name === 'tcp:syn-cookie-sent')
  if (full === undefined) return noOccasion('the queue was never full')
  let open = 0
  let most = 0
  for (const { data } of eventsOf(trace, 'bob', 'tcp:state-changed')) {
    if (data['to'] === 'SYN-RECEIVED') open++
    if (data['from'] === 'SYN-RECEIVED') open--
    most = Math.max(most, open)
  }
  const backlog = amount(full, 'backlog')
  // A cookie that comes back passes through the state on its way.
  const bound = backlog + (usesCookies(trace) ? 1 : 0)
  return {
    holds: most <= bound,
    evidence: `At most ${count(most, 'half-open connection')} at a time; the backlog is ${String(backlog)}.`,
  }
}

function recovers(trace: TraceView): ClaimResult {
  const under = siege(trace)
  const ended = trace.first('flood:ended')
  if (under === undefined || ended === undefined || usesCookies(trace))
    return noOccasion('no flood that filled the queue has ended')
  const last = visits(trace).at(-1)
  if (last === undefined || last.start < ended.time + 15 * SECOND) return noOccasion('Alice did not come long enough after it')
  const first = visits(trace)[0]
  return {
    holds: last.loaded && first !== undefined && last.took <= first.took,
    evidence: `The flood ended at ${time(ended.time)}. Alice’s visit at ${time(last.start)} took ${time(last.took)}; her first, ${time(first?.took ?? 0)}.`,
  }
}

export default defineScenario({
  id: 'syn-flood',
  title: 'A door full of people who never come in',
  summary:
    'A hundred invented hosts a second want to connect to Bob, and never answer him. His queue is full, and Alice cannot get in, until he stops remembering.',
  seed: 1,
  duration: '45 s',
  speed: 0.5,
  hosts: {
    alice: {
      label: 'Alice',
      position: { x: 0, y: 0.2 },
      app: 'browser',
      visits: Array.from({ length: 19 }, (_, index) => ({
        url: 'http://bob/',
        at: `${String(index * INTERVAL)} s` as `${number} s`,
      })),
      keepAlive: false,
      timeout: '4 s',
      tcp: { timeWait: '200 ms' },
    },
    mallory: {
      label: 'Mallory',
      position: { x: 0, y: 0.8 },
      app: 'syn-flooder',
      to: 'bob',
      sources: '198.51.100.0/24',
      rate: 100,
      start: '5 s',
      duration: '12 s',
    },
    internet: { label: 'The Internet', kind: 'router', position: { x: 0.5, y: 0.5 }, icmpErrors: false },
    bob: {
      label: 'Bob',
      position: { x: 1, y: 0.5 },
      app: 'web-server',
      serves: { '/': SIZE },
      backlog: 64,
      tcp: { synCookies: false, timeWait: '200 ms' },
    },
  },
  links: [
    { between: ['alice', 'internet'], rate: '20 Mbit/s', delay: '20 ms' },
    { between: ['mallory', 'internet'], rate: '20 Mbit/s', delay: '20 ms' },
    { between: ['internet', 'bob'], rate: '20 Mbit/s', delay: '10 ms' },
  ],
  knobs: {
    rate: {
      label: 'SYNs a second',
      help: 'How fast Mallory knocks.',
      range: [1, 300],
      scale: 'log',
      sets: 'hosts.mallory.rate',
    },
    backlog: {
      label: 'Backlog of Bob’s listener',
      help: 'How many half-open connections he remembers.',
      choices: [16, 64, 256, 1024],
      sets: 'hosts.bob.backlog',
    },
    cookies: {
      label: 'SYN cookies',
      help: 'When the queue is full, Bob answers without remembering.',
      sets: 'hosts.bob.tcp.synCookies',
      restart: true,
    },
  },
  views: ['events', 'inspector'],
  lesson: [
    {
      text: 'Alice visits Bob’s page every two seconds, each time by a new connection. Press play, and see how long a page takes.',
      until: { event: 'page:loaded' },
    },
    {
      text: 'At 5 s Mallory begins: SYNs under addresses that are nobody’s. Bob answers each, and remembers it, in **SYN-RECEIVED**, until the ACK comes. It never does.',
      until: { event: 'flood:started' },
    },
    {
      text: 'His listener remembers 64 of them. From then on every SYN is dropped, and Alice’s is one of many. Her timer sends it again, into the same crowd.',
      until: { event: 'tcp:listen-overflowed' },
    },
    { text: 'Give Bob a **backlog** of 256. It takes longer to fill. Then turn the rate up to 300.' },
    {
      text: 'Now switch **SYN cookies** on. When the queue is full, Bob puts what he should remember into his own sequence number, answers, and forgets. Whoever is real brings it back with the ACK.',
      until: { event: 'tcp:syn-cookie-accepted' },
    },
    {
      text: 'Without cookies again, wait for the end of the flood. How long is it until Alice gets in, and why?',
      until: { event: 'flood:ended' },
    },
  ],
  claims: [
    {
      says: 'A SYN that finds the queue full is dropped, whoever sent it: a visit that this meets takes a second at the least.',
      cites: 'RFC 4987 section 2.2',
      holds: dropsEverybody,
    },
    {
      says: 'With SYN cookies, pages load during the flood as fast as before it.',
      cites: 'RFC 4987 section 3.6',
      holds: cookiesKeepTheDoorOpen,
    },
    {
      says: 'However many SYNs come, Bob never remembers more half-open connections than his backlog.',
      cites: 'RFC 4987 section 3.2',
      holds: queueIsBounded,
    },
    {
      says: 'Half-open connections are given up by themselves, and 15 s after the flood Alice gets in as fast as ever.',
      cites: 'RFC 9293 section 3.8.3',
      holds: recovers,
    },
  ],
})
