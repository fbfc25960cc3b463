import { defineScenario } from '../../src/scenario/define.ts'
import { KeyHistory } from '../../src/trace/measures/key-history.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { RingPieces } from '../../src/trace/measures/key-history.ts'
import type { TraceView } from '../../src/trace/record.ts'
import { count, noOccasion } from '../measure.ts'

const near = { rate: '1 Gbit/s', delay: '1 ms' } as const
const common = { tcp: { preset: 'linux', timeWait: '200 ms' } } as const
const SERVERS = ['s1', 's2', 's3', 's4', 's5'] as const
const PATHS = 100
type Side = 'a' | 'b'

const readers = { ...common, app: 'request-generator', arrivals: 'constant', rate: 40, paths: PATHS, timeout: '5 s' } as const

function balancer(side: Side, strategy: 'modulo' | 'ring') {
  return {
    ...common,
    label: side.toUpperCase(),
    position: { x: 0.3, y: side === 'a' ? 0.2 : 0.8 },
    app: 'load-balancer',
    strategy,
    key: 'path',
    backends: SERVERS.map((server) => `http://${server}` as const),
    check: { path: '/0', interval: '1 s', timeout: '300 ms', rise: 1, fall: 2 },
    connectTimeout: '300 ms',
    tryTimeout: '300 ms',
    retryOn: ['connect', 'broken', 'timeout'] as ('connect' | 'broken' | 'timeout')[],
  } as const
}

const serves = Object.fromEntries(Array.from({ length: PATHS }, (_, i) => [`/${String(i)}`, '200 B' as const]))

function server(index: number) {
  return { ...common, label: SERVERS[index] ?? '', position: { x: 1, y: index / 4 }, app: 'web-server', serves } as const
}

/** One change of the servers in service, and the keys that were asked for before it and after it. */
interface Change {
  readonly server: string
  readonly isBack: boolean
  readonly strategy: string
  /** How many servers there are without the one that goes and comes. */
  readonly rest: number
  readonly keys: readonly { readonly key: string; readonly from: string; readonly to: string }[]
}

/** Of fewer keys, shares say little. */
const ENOUGH = 50

function changesOf(trace: TraceView, side: Side): Change[] {
  const history = new KeyHistory(trace.hosts.indexOf(side))
  history.update(trace)
  const end = trace.events.at(-1)?.time ?? 0
  history.goTo(end)
  const changes = [...history.changes]
  return changes.flatMap((change, i) => {
    const [name = '', state = ''] = change.what.split(' ')
    const next = changes[i + 1]?.time
    history.goTo(next === undefined ? end : next - 1)
    // A change of the strategy is another matter.
    if (!SERVERS.some((known) => known === name)) return []
    const keys = [...history.keys.values()]
      .filter(({ before, at }) => before >= 0 && at >= change.time)
      .map(({ key, before, server: now }) => ({ key, from: history.servers[before] ?? '', to: history.servers[now] ?? '' }))
    const rest = SERVERS.length - Math.max(1, history.out.size + (state === 'up' ? 1 : 0))
    return keys.length < ENOUGH ? [] : [{ server: name, isBack: state === 'up', strategy: history.strategy, rest, keys }]
  })
}

const movedIn = ({ keys }: Change): Change['keys'] => keys.filter(({ from, to }) => from !== to)
const percent = (share: number): string => `${String(Math.round(share * 1000) / 10)} %`
const both = (trace: TraceView): Change[] => [...changesOf(trace, 'a'), ...changesOf(trace, 'b')]

function told(change: Change): string {
  const moved = movedIn(change).length
  return `When ${change.server} ${change.isBack ? 'came back' : 'was out'}, ${String(moved)} of ${String(change.keys.length)} keys moved (${percent(moved / change.keys.length)})`
}

function ringMovesItsOwn(trace: TraceView): ClaimResult {
  const changes = both(trace).filter(({ strategy }) => strategy === 'ring')
  if (changes.length === 0) return noOccasion('no server went or came while keys were looked up on a ring')
  const others = changes.flatMap((change) =>
    movedIn(change).filter(({ from, to }) => (change.isBack ? to : from) !== change.server),
  )
  return {
    holds: others.length === 0,
    evidence: `${changes.map(told).join('. ')}. Of these, ${others.length === 0 ? 'none' : String(others.length)} had to do with another server.`,
  }
}

function moduloMovesNearlyAll(trace: TraceView): ClaimResult {
  const changes = both(trace).filter(({ strategy }) => strategy === 'modulo')
  if (changes.length === 0) return noOccasion('no server went or came while keys were looked up by modulo')
  return {
    // With one more than the rest, a key keeps its place with the probability 1 / (rest + 1).
    holds: changes.every(
      (change) => Math.abs(movedIn(change).length / change.keys.length - change.rest / (change.rest + 1)) <= 0.15,
    ),
    evidence: `${changes.map(told).join('. ')}. Chance would have it ${changes.map(({ rest }) => percent(rest / (rest + 1))).join(' and ')}.`,
  }
}

function backWhereTheyWere(trace: TraceView): ClaimResult {
  const found = (['a', 'b'] as const).flatMap((side) => {
    const [gone, back, ...more] = changesOf(trace, side)
    const isPair = gone !== undefined && back?.isBack && !gone.isBack && gone.server === back.server
    if (!isPair || more.length > 0 || gone.strategy !== back.strategy || gone.strategy === 'bounded-ring') return []
    const before = new Map(gone.keys.map(({ key, from }) => [key, from]))
    const again = back.keys.filter(({ key }) => before.has(key))
    return [{ strategy: gone.strategy, asked: again.length, home: again.filter(({ key, to }) => before.get(key) === to).length }]
  })
  if (found.length === 0) return noOccasion('no server went and came back')
  return {
    holds: found.every(({ asked, home }) => home === asked),
    evidence: found
      .map(
        ({ strategy, asked, home }) =>
          `By ${strategy}, ${String(home)} of ${String(asked)} keys are with the server that they had first.`,
      )
      .join(' '),
  }
}

function ringOf(trace: TraceView, side: Side): RingPieces | undefined {
  const first = trace.first('balancer:ring-built', ({ host }) => trace.hosts[host] === side)
  if (first === undefined) return undefined
  const history = new KeyHistory(first.host)
  history.update(trace)
  history.goTo(first.time)
  return history.ring
}

function pointsSpread(trace: TraceView): ClaimResult {
  const rings = (['a', 'b'] as const).flatMap((side) => ringOf(trace, side) ?? [])
  const [ring] = rings
  if (ring === undefined) return noOccasion('there was no ring')
  const most = Math.max(...ring.shares) * SERVERS.length
  const pieces = ring.ends.length
  // Where neighbours are of one server, their pieces are one.
  if (pieces > 20 && pieces < 400) return noOccasion('the ring has neither few nor many points')
  return {
    holds: pieces <= 20 ? most >= 1.5 : most <= 1.25,
    evidence: `The ring has ${count(pieces, 'piece')}, and the server with the most has ${percent(most / SERVERS.length)} of it, ${most.toFixed(2)} times its even share.`,
  }
}

const STRATEGIES = [
  { value: 'modulo', label: 'Modulo' },
  { value: 'ring', label: 'Ring' },
  { value: 'bounded-ring', label: 'Ring with bounded load' },
  { value: 'maglev', label: 'Maglev' },
]
export default defineScenario({
  id: 'consistent-hashing',
  title: 'Who has your page, and who has it now?',
  summary:
    'Two balancers find the server for a page by arithmetic alone. One of five servers goes, and comes back. For one balancer a fifth of the pages moves, for the other nearly all.',
  seed: 1,
  duration: '17 s',
  speed: 0.5,
  hosts: {
    'readers-a': { ...readers, label: 'Readers A', url: 'http://a/', address: '10.1.0.1/24', position: { x: 0, y: 0.2 } },
    'readers-b': { ...readers, label: 'Readers B', url: 'http://b/', address: '10.2.0.1/24', position: { x: 0, y: 0.8 } },
    a: balancer('a', 'modulo'),
    b: balancer('b', 'ring'),
    switch: { kind: 'switch', label: 'Switch', position: { x: 0.64, y: 0.5 } },
    s1: server(0),
    s2: server(1),
    s3: server(2),
    s4: { ...server(3), outages: [{ at: '5 s', for: '6 s' }] },
    s5: server(4),
  },
  links: [
    { between: ['readers-a', 'a'], ...near },
    { between: ['readers-b', 'b'], ...near },
    { between: ['a', 'switch'], ...near },
    { between: ['b', 'switch'], ...near },
    ...SERVERS.map((name) => ({ between: [name, 'switch'] as [typeof name, 'switch'], ...near })),
  ],
  knobs: {
    a: { label: 'Balancer A', choices: STRATEGIES, sets: 'hosts.a.strategy' },
    b: { label: 'Balancer B', choices: STRATEGIES, sets: 'hosts.b.strategy' },
    points: {
      label: 'Points of a server on the ring',
      help: 'Each server stands on the ring so many times.',
      choices: [1, 10, 160],
      sets: ['hosts.a.virtualNodes', 'hosts.b.virtualNodes'],
    },
    rate: {
      label: 'Requests a second',
      help: 'At each balancer, each for one of 100 pages.',
      range: [20, 100],
      sets: ['hosts.readers-a.rate', 'hosts.readers-b.rate'],
    },
  },
  faults: ['kill', 'pause', 'drop', 'cut'],
  views: ['ring', 'events', 'inspector'],
  lesson: [
    {
      text: 'There are 100 pages and five servers, and each server shall keep a fifth of the pages in its memory. So the same page has to go to the **same server** each time. Nobody keeps a list. Press play.',
      until: { event: 'balancer:picked' },
    },
    {
      text: 'Both balancers make a number out of the path, its **hash**: in the drawing it is a place on a circle. A divides it by five, and what is left says which server. B goes on from there round the ring to the **next point of a server**.',
      until: { time: '5 s' },
    },
    {
      text: 'At 5 s **s4** loses its power. Checks fail, and both balancers take it out. Look at the keys with a **rim**: these have moved.',
      until: { event: 'balancer:backend-changed' },
    },
    {
      text: 'B moved what s4 had, and no other page. A now divides by **four**: what is left is another number for nearly every page, though four servers are as well as ever. What they have in memory is of no use.',
      until: { time: '12 s' },
    },
    {
      text: 's4 is back, and all is as it was. That costs A as much again.',
      until: { time: '15.5 s' },
    },
    {
      text: 'Give each server only **one point** on the ring. Who has how much of it? Then try **Maglev** for A, which has no ring at all, and count what moves.',
      until: { intervention: 'set' },
    },
  ],
  claims: [
    {
      says: 'On the ring, only keys of the server that goes move, and only to the server that comes.',
      cites: 'RFC 2992; Karger and others, STOC 1997',
      holds: ringMovesItsOwn,
    },
    {
      says: 'By modulo, nearly all keys move when one of n servers goes or comes: about (n−1)/n of them.',
      cites: 'RFC 2992; Karger and others, STOC 1997',
      holds: moduloMovesNearlyAll,
    },
    {
      says: 'When the server is back, every key is where it was before, without anybody having remembered it.',
      cites: 'RFC 2992; Karger and others, STOC 1997',
      holds: backWhereTheyWere,
    },
    {
      says: 'Many points make shares even: with 160 nobody has a quarter more than the others, with one somebody has half as much again at least.',
      cites: 'RFC 2992; Karger and others, STOC 1997',
      holds: pointsSpread,
    },
  ],
})
