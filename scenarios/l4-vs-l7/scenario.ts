import { defineScenario } from '../../src/scenario/define.ts'
import { formatCount } from '../../src/scenario/units.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, framesFrom, isLost, noOccasion, time } from '../measure.ts'

const VIRTUAL = '10.0.0.100'
const IMAGES = Array.from({ length: 8 }, (_, index) => `/${String(index + 1)}.webp`)
const NAMES = ['shop']
const near = { rate: '1 Gbit/s', delay: '1 ms' } as const
const far = { rate: '50 Mbit/s', delay: '20 ms' } as const
const common = { tcp: { preset: 'linux', timeWait: '200 ms' } } as const
const H2: ('h2' | 'http/1.1')[] = ['h2', 'http/1.1']

const browser = { ...common, app: 'browser', protocols: H2, digest: true } as const
const visitsOf = (url: 'https://shop/' | 'https://l7/') => [{ url }, { url, at: '1 s', reconnect: true, reload: true } as const]

const server = {
  ...common,
  app: 'web-server',
  protocols: H2,
  tls: { plain: 'serve', names: NAMES },
  digest: true,
  serves: { '/': { size: '3 kB', resources: IMAGES }, ...Object.fromEntries(IMAGES.map((image) => [image, '15 kB' as const])) },
} as const

const SERVERS = ['w1', 'w2']
const WITHOUT_TURNS = new Set(['ip-hash', 'ring'])

/** Address of the end that opened a conversation. */
const opener = ({ connection }: EventRecord): string => connection.split(' ')[0] ?? ''
const isAnns = (event: EventRecord): boolean => opener(event).startsWith('10.1.0.1:')
const said = ({ data }: EventRecord, key: string): string => String(data[key])

/** What servers got, of somebody: the server by the opening end of each connection. */
function serversOf(trace: TraceView, name: string, where: (event: EventRecord) => boolean): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const server of SERVERS) {
    for (const event of eventsOf(trace, server, name).filter(where)) {
      const end = opener(event)
      found.set(end, (found.get(end) ?? new Set()).add(server))
    }
  }
  return found
}

function connectionsOrRequests(trace: TraceView): ClaimResult {
  const ann = [...serversOf(trace, 'http:request-received', isAnns).values()]
  const ben = new Map<string, string[]>()
  const picks = eventsOf(trace, 'l7', 'balancer:picked')
  for (const pick of picks) ben.set(pick.connection, [...(ben.get(pick.connection) ?? []), said(pick, 'backend')])
  if (ann.length === 0 || ben.size === 0) return noOccasion('not both have asked')
  if (picks.some((pick) => WITHOUT_TURNS.has(said(pick, 'strategy'))))
    return noOccasion('requests do not go to the servers in turn')
  const most = Math.max(...[...ben.values()].map((servers) => new Set(servers).size))
  const requests = SERVERS.flatMap((server) => eventsOf(trace, server, 'http:request-received')).filter(isAnns).length
  return {
    holds: ann.every((servers) => servers.size === 1) && most > 1,
    evidence: `Layer 4 chose ${count(eventsOf(trace, 'l4', 'balancer:picked').length, 'time')} for ${count(requests, 'request')} of Ann, and those of one connection went to ${String(Math.max(...ann.map(({ size }) => size)))} server. Layer 7 chose ${count(picks.length, 'time')}, and those of one connection of Ben went to ${String(most)}.`,
  }
}

function whereTlsEnds(trace: TraceView): ClaimResult {
  const ends = [...serversOf(trace, 'tls:connected', isAnns).values()].length
  const l7 = eventsOf(trace, 'l7', 'tls:connected')
  const front = l7.filter((event) => opener(event).startsWith('10.2.0.1:') && said(event, 'role') === 'server').length
  if (ends === 0 || front === 0) return noOccasion('not both have got as far as TLS')
  const between = trace.events.filter(({ host, name }) => trace.hosts[host] === 'l4' && name.startsWith('tls:')).length
  const bens = serversOf(trace, 'tls:connected', (event) => opener(event).startsWith('10.2.0.1:')).size
  const behind = l7.filter((event) => said(event, 'role') === 'client').length
  return {
    holds: between === 0 && bens === 0,
    evidence: `Of Ann’s handshakes ${String(ends)} ended at a server and none at layer 4; of Ben’s ${String(front)} at layer 7 and none at a server. Behind it layer 7 spoke TLS on ${behind === 0 ? 'no connection' : count(behind, 'connection')}.`,
  }
}

/** From the moment a server was chosen until it had the request: over connections that were new, and over those that were kept. */
function ways(trace: TraceView): { fresh: number[]; kept: number[] } {
  const found: { fresh: number[]; kept: number[] } = { fresh: [], kept: [] }
  for (const pick of eventsOf(trace, 'l7', 'balancer:picked')) {
    const arrived = eventsOf(trace, said(pick, 'backend'), 'http:request-received').find(
      (event) => opener(event).startsWith('10.0.0.7:') && event.time > pick.time && event.data['target'] === pick.data['target'],
    )
    if (arrived !== undefined) found[amount(arrived, 'id') === 1 ? 'fresh' : 'kept'].push(arrived.time - pick.time)
  }
  return found
}

function isClean(trace: TraceView): boolean {
  for (const frame of trace.frames()) if (isLost(frame)) return false
  return true
}

function connectionsOfItsOwn(trace: TraceView): ClaimResult {
  if (!isClean(trace)) return noOccasion('something was lost')
  const seen = [...serversOf(trace, 'http:request-received', () => true).keys()]
  const { fresh, kept } = ways(trace)
  if (fresh.length === 0 || kept.length === 0) return noOccasion('layer 7 did not ask over a new connection and over a kept one')
  const anns = seen.filter((end) => end.startsWith('10.1.0.1:')).length
  const own = seen.filter((end) => end.startsWith('10.0.0.7:')).length
  const [slow, quick] = [Math.min(...fresh), Math.min(...kept)]
  return {
    holds: anns > 0 && anns + own === seen.length && slow >= 2.9 * quick,
    evidence: `Servers saw ${count(anns, 'connection')} of Ann’s address, none of Ben’s, and ${String(own)} of layer 7’s. A request went there in ${time(quick)} over one that was open, in ${time(slow)} at the least over one that had to be opened.`,
  }
}

function tickets(trace: TraceView): ClaimResult {
  const second = (host: string): number => eventsOf(trace, host, 'page:started')[1]?.time ?? Infinity
  const handshake = (host: string): EventRecord | undefined =>
    eventsOf(trace, host, 'tls:connected').find((event) => event.time > second(host))
  const [ann, ben] = [handshake('ann'), handshake('ben')]
  if (ann === undefined || ben === undefined) return noOccasion('not both have come twice')
  const at = serversOf(trace, 'tls:connected', isAnns)
  const before = eventsOf(trace, 'ann', 'tls:connected').filter((event) => event.time < second('ann'))
  const known = new Set(before.flatMap((event) => [...(at.get(opener(event)) ?? [])]))
  const [now] = at.get(opener(ann)) ?? []
  if (known.size !== 1 || now === undefined) return noOccasion('Ann’s first visit was not to one server')
  const isResumed = ann.data['resumed'] === true
  return {
    holds: isResumed === known.has(now) && ben.data['resumed'] === true,
    evidence: `Ben’s second handshake resumed his session. Ann came to ${known.has(now) ? 'the same server again' : 'another server'}: hers ${isResumed ? 'did, too' : 'began anew'}.`,
  }
}

/** Bytes of TCP's streams in frames. */
const sum = (frames: readonly { readonly payload: number }[]): number => frames.reduce((all, { payload }) => all + payload, 0)

function bytesThrough(trace: TraceView): ClaimResult {
  const through = sum(framesFrom(trace, 'l4', ({ payload }) => payload > 0))
  const asked = sum(framesFrom(trace, 'ann', ({ payload }) => payload > 0))
  const ann = trace.hosts.indexOf('ann')
  const got = sum([...trace.frames((frame) => frame.to === ann && frame.fate === 'arrived' && !frame.duplicate)])
  if (through === 0 || got === 0) return noOccasion('Ann got nothing')
  const mode = eventsOf(trace, 'l4', 'balancer:started')[0]?.data['mode']
  return {
    holds: mode === 'dsr' ? through <= asked : through >= got,
    evidence: `Ann sent ${count(asked, 'byte')} and got ${formatCount(got)}. Through layer 4 went ${formatCount(through)}.`,
  }
}

export default defineScenario({
  id: 'l4-vs-l7',
  title: 'One forwards packets, the other reads letters',
  summary:
    'The same site behind two balancers. Ann’s knows addresses and ports, and passes her packets on. Ben’s reads his requests, and gives each to whom it likes.',
  seed: 1,
  duration: '10 s',
  speed: 0.05,
  names: { shop: VIRTUAL },
  hosts: {
    ann: { ...browser, label: 'Ann', position: { x: 0, y: 0.1 }, address: '10.1.0.1/24', visits: visitsOf('https://shop/') },
    ben: { ...browser, label: 'Ben', position: { x: 0, y: 0.9 }, address: '10.2.0.1/24', visits: visitsOf('https://l7/') },
    router: { kind: 'router', label: 'Router', position: { x: 0.28, y: 0.5 } },
    switch: { kind: 'switch', label: 'Switch', position: { x: 0.56, y: 0.5 } },
    l4: {
      ...common,
      kind: 'router',
      label: 'Layer 4',
      position: { x: 0.56, y: 0.02 },
      address: '10.0.0.4/24',
      app: 'tcp-balancer',
      virtual: 'shop:443',
      mode: 'dsr',
      backends: ['w1:443', 'w2:443'],
    },
    l7: {
      ...common,
      label: 'Layer 7',
      position: { x: 0.56, y: 0.98 },
      address: '10.0.0.7/24',
      app: 'load-balancer',
      protocols: H2,
      tls: {},
      backends: ['http://w1', 'http://w2'],
      digest: true,
    },
    w1: {
      ...server,
      label: 'Server 1',
      position: { x: 1, y: 0.2 },
      address: '10.0.0.11/24',
      routes: [{ to: 'default', via: 'router' }],
      loopback: [VIRTUAL],
    },
    w2: {
      ...server,
      label: 'Server 2',
      position: { x: 1, y: 0.8 },
      address: '10.0.0.12/24',
      routes: [{ to: 'default', via: 'router' }],
      loopback: [VIRTUAL],
    },
  },
  links: [
    { between: ['ann', 'router'], ...far },
    { between: ['ben', 'router'], ...far },
    { between: ['router', 'switch'], ...near },
    { between: ['l4', 'switch'], ...near },
    { between: ['l7', 'switch'], ...near },
    { between: ['w1', 'switch'], ...near },
    { between: ['w2', 'switch'], ...near },
  ],
  knobs: {
    mode: {
      label: 'Layer 4',
      help: 'How replies of the servers come back to Ann.',
      choices: [
        { value: 'dsr', label: 'DSR: servers reply directly' },
        {
          value: 'nat',
          label: 'NAT: replies come back through it',
          sets: {
            'hosts.l4.mode': 'nat',
            'hosts.w1.loopback': [],
            'hosts.w2.loopback': [],
            'hosts.w1.routes': [{ to: 'default', via: 'l4' }],
            'hosts.w2.routes': [{ to: 'default', via: 'l4' }],
          },
        },
      ],
    },
    behind: {
      label: 'Behind layer 7',
      choices: [
        { value: 'http', label: 'plain http' },
        { value: 'https', label: 'TLS again', sets: { 'hosts.l7.backends': ['https://w1', 'https://w2'] } },
      ],
    },
    choice: {
      label: 'Servers are chosen',
      choices: [
        { value: 'turn', label: 'in turn' },
        {
          value: 'client',
          label: 'by the client’s address',
          sets: { 'hosts.l4.strategy': 'ip-hash', 'hosts.l7.strategy': 'ip-hash' },
        },
        {
          value: 'path',
          label: 'by what is asked for, where one can see it',
          sets: { 'hosts.l7.strategy': 'ring', 'hosts.l7.key': 'path' },
        },
      ],
    },
    protocol: {
      label: 'Browsers speak',
      choices: [
        { value: 'h2', label: 'HTTP/2' },
        {
          value: 'http/1.1',
          label: 'HTTP/1.1',
          sets: { 'hosts.ann.protocols': ['http/1.1'], 'hosts.ben.protocols': ['http/1.1'] },
        },
      ],
    },
    loss: {
      label: 'Packet loss',
      help: 'On the lines of Ann and Ben, in both directions.',
      range: ['0 %', '10 %'],
      sets: ['links[0].loss', 'links[1].loss'],
    },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['lanes', 'waterfall', 'events', 'inspector'],
  lesson: [
    {
      text: 'Ann and Ben fetch the same page from the same two servers. Between them stand two balancers. Ann’s works on **layer 4**, Ben’s on **layer 7**. Press play.',
      until: { event: 'balancer:picked' },
    },
    {
      text: 'Ann’s first packet is a SYN. That is enough: layer 4 writes the **hardware address** of a server on the frame, and passes it on. All it ever looks at are addresses and ports. Her handshake is with the server.',
      until: { event: 'tls:connected' },
    },
    {
      text: 'Ben’s handshake ended at his balancer, which showed **its own** certificate. It reads his request, chooses, and opens a connection of its own.',
      until: { event: 'http:request-sent' },
    },
    {
      text: 'Each page names eight pictures. Ann’s eight requests go down **one** connection, to one server, and the other is idle. Ben’s go to both.',
      until: { event: 'page:loaded' },
    },
    {
      text: 'After a second both come again. Ben shows his ticket, and TLS resumes. Ann shows hers to **another server**, which cannot read it.',
      until: { time: '1.2 s' },
    },
    {
      text: 'The servers reply to Ann **directly**, not through layer 4. Let it do **NAT**, and see what goes through it then. Could layer 7 be passed by, too?',
      until: { intervention: 'set' },
    },
  ],
  claims: [
    {
      says: 'Layer 4 chooses once for a connection, and all of its requests go to one server. Layer 7 chooses for each request.',
      cites: 'RFC 7098 section 3; RFC 9113 section 9.1',
      holds: connectionsOrRequests,
    },
    {
      says: 'Ann’s TLS ends at the server; layer 4 sees none of it. Ben’s ends at layer 7.',
      cites: 'RFC 9110 section 3.7',
      holds: whereTlsEnds,
    },
    {
      says: 'Servers see Ann’s address. In Ben’s place they see layer 7, which opens connections of its own, and waits for their handshakes.',
      cites: 'RFC 9110 section 3.7; RFC 9293 section 3.5',
      holds: connectionsOfItsOwn,
    },
    {
      says: 'A ticket of TLS is good where TLS ended: Ben resumes; Ann only if she meets the same server again.',
      cites: 'RFC 8446 sections 2.2 and 4.6.1',
      holds: tickets,
    },
    {
      says: 'With NAT all that Ann gets goes through layer 4; with DSR nothing of it, only what she sends.',
      cites: 'RFC 7098 section 3',
      holds: bytesThrough,
    },
  ],
})
