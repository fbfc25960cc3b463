import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, FrameRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, framesFrom, noOccasion, time } from '../measure.ts'

const rate = '10 Mbit/s'
const IMAGES = ['/1.webp', '/2.webp', '/3.webp', '/4.webp', '/5.webp']
/** RFC 8305 section 8, in nanoseconds. */
const ATTEMPT_DELAY = 250e6
/** Fixed headers in bytes: RFC 791 section 3.1, RFC 8200 section 3. */
const HEADERS = { v4: 20, v6: 40 }

type Version = 4 | 6

/** In the names of conversations, IPv6 addresses have brackets. */
function versionOf(trace: TraceView, { connection }: FrameRecord): Version {
  return (trace.connections[connection] ?? '').startsWith('[') ? 6 : 4
}

function synsOf(trace: TraceView, version: Version): FrameRecord[] {
  return framesFrom(trace, 'browser', (frame) => frame.kind === 'tcp-syn' && versionOf(trace, frame) === version)
}

function headerIsLonger(trace: TraceView): ClaimResult {
  const [v4] = synsOf(trace, 4)
  const [v6] = synsOf(trace, 6)
  if (v4 === undefined || v6 === undefined) return noOccasion('the browser did not begin a connection over each version')
  return {
    holds: v6.length - v4.length === HEADERS.v6 - HEADERS.v4,
    evidence: `The first SYN over IPv4 takes ${count(v4.length, 'byte')}, over IPv6 ${String(v6.length)}.`,
  }
}

function asksFirst(trace: TraceView): ClaimResult {
  const versions = ([4, 6] as const).flatMap((version) => {
    const [kind, event] = version === 4 ? (['arp', 'arp:resolved'] as const) : (['ndp', 'ndp:resolved'] as const)
    const [asked] = framesFrom(trace, 'browser', (frame) => frame.kind === kind)
    const [known] = eventsOf(trace, 'browser', event)
    const [syn] = synsOf(trace, version)
    return asked === undefined || known === undefined || syn === undefined ? [] : [{ version, asked, known, syn }]
  })
  if (versions.length === 0) return noOccasion('the browser got no answer about a hardware address')
  const words = versions.map(
    ({ version, asked, known }) => `IPv${String(version)} waited ${time(known.time - asked.enqueued)} for the answer`,
  )
  return {
    holds: versions.every(({ asked, known, syn }) => asked.enqueued < known.time && syn.enqueued === known.time),
    evidence: `${words.join(', ')}, and the SYN left in that moment.`,
  }
}

interface Race {
  readonly started: readonly EventRecord[]
  readonly ended: readonly EventRecord[]
}

/** What the browser did to connect by a name, one race each time. */
function races(trace: TraceView): Race[] {
  const all: { started: EventRecord[]; ended: EventRecord[] }[] = []
  const browser = trace.hosts.indexOf('browser')
  for (const event of trace.events) {
    if (event.host !== browser || !event.name.startsWith('browser:connection-attempt-')) continue
    if (amount(event, 'attempt') === 1) all.push({ started: [], ended: [] })
    const race = all.at(-1)
    if (event.name.endsWith('-started')) race?.started.push(event)
    else race?.ended.push(event)
  }
  return all
}

function ipv6First(trace: TraceView): ClaimResult {
  const firsts = races(trace).flatMap(({ started }) => started.slice(0, 1))
  if (firsts.length === 0) return noOccasion('the browser went nowhere by name')
  const right = firsts.filter((event) => amount(event, 'version') === 6)
  return {
    holds: right.length === firsts.length,
    evidence: `Of ${count(firsts.length, 'time')} that it connected by name, ${String(right.length)} began with IPv6.`,
  }
}

function secondAttempt(trace: TraceView): ClaimResult {
  const pairs = races(trace).flatMap(({ started: [first, second], ended }) =>
    first === undefined || second === undefined ? [] : [{ first, second, ended }],
  )
  const [pair] = pairs
  if (pair === undefined) return noOccasion('the first attempt was always enough')
  const right = pairs.filter(({ first, second, ended }) => {
    const failed = ended.find(({ name, data }) => name.endsWith('-failed') && data['address'] === first.data['address'])
    return failed !== undefined && failed.time <= second.time
      ? failed.time === second.time
      : second.time - first.time === ATTEMPT_DELAY
  })
  return {
    holds: right.length === pairs.length,
    evidence: `The second attempt began ${time(pair.second.time - pair.first.time)} after the first.`,
  }
}

function loserIsClosed(trace: TraceView): ClaimResult {
  const changes = eventsOf(trace, 'browser', 'tcp:state-changed')
  const won = races(trace).flatMap(({ started: [first, second], ended }) => {
    const success = ended.filter(({ name }) => name.endsWith('-succeeded'))
    const at = success[0]?.time
    if (first === undefined || second === undefined || at === undefined) return []
    const states = new Map(
      changes
        .filter((event) => event.time >= first.time && event.time <= at)
        .map((event) => [event.connection, event.data['to']]),
    )
    return {
      winners: success.length,
      tried: states.size,
      open: [...states.values()].filter((state) => state !== 'CLOSED').length,
    }
  })
  const [race] = won
  if (race === undefined) return noOccasion('no two attempts were under way')
  return {
    holds: won.every(({ winners, open }) => winners === 1 && open === 1),
    evidence: `Of ${count(race.tried, 'connection')} that were tried, ${String(race.open)} was open when the first was there.`,
  }
}

export default defineScenario({
  id: 'ipv4-and-ipv6',
  title: 'Two Internets on one cable',
  summary:
    'The same page over IPv4 and over IPv6: two headers, two ways to find a neighbour, two roads. And what a browser does when one of them is broken.',
  seed: 1,
  duration: '150 s',
  speed: 0.02,
  ip: 'dual',
  hosts: {
    browser: {
      label: 'Browser',
      position: { x: 0, y: 0.5 },
      app: 'browser',
      visits: ['http://10.0.2.20/', { url: 'http://[2001:db8:2::20]/', at: '600 ms' }, { url: 'http://server/', at: '1.2 s' }],
      connections: 1,
      address: '10.0.1.10/24',
      address6: '2001:db8:1::10/64',
      routes: [
        { to: '0.0.0.0/0', via: 'four' },
        { to: '::/0', via: '2001:db8:1::6' },
      ],
      tcp: { timeWait: '200 ms' },
    },
    left: { kind: 'switch', label: 'Switch', position: { x: 0.25, y: 0.5 } },
    six: {
      kind: 'router',
      label: 'IPv6 router',
      ip: 'v6',
      position: { x: 0.5, y: 0.1 },
      addresses6: { 'left-six': '2001:db8:1::6/64', 'six-right': '2001:db8:2::6/64' },
    },
    four: {
      kind: 'router',
      label: 'IPv4 router',
      ip: 'v4',
      position: { x: 0.5, y: 0.9 },
      addresses: { 'left-four': '10.0.1.4/24', 'four-right': '10.0.2.4/24' },
    },
    right: { kind: 'switch', label: 'Switch', position: { x: 0.75, y: 0.5 } },
    server: {
      label: 'Server',
      position: { x: 1, y: 0.5 },
      app: 'web-server',
      delay: '5 ms',
      // Each fits one segment, of either version.
      serves: {
        '/': { size: '1 kB', resources: IMAGES },
        ...Object.fromEntries(IMAGES.map((image) => [image, '1.2 kB' as const])),
      },
      address: '10.0.2.20/24',
      address6: '2001:db8:2::20/64',
      routes: [
        { to: '0.0.0.0/0', via: 'four' },
        { to: '::/0', via: '2001:db8:2::6' },
      ],
      tcp: { timeWait: '200 ms' },
    },
  },
  links: [
    { between: ['browser', 'left'], rate, delay: '1 ms' },
    { between: ['left', 'six'], rate, delay: '2 ms' },
    { between: ['left', 'four'], rate, delay: '2 ms' },
    { between: ['six', 'right'], rate, delay: '15 ms' },
    { between: ['four', 'right'], rate, delay: '15 ms' },
    { between: ['right', 'server'], rate, delay: '1 ms' },
  ],
  knobs: {
    path: {
      label: 'The IPv6 path',
      help: 'Where it is broken, the browser goes by name only: http://server/.',
      choices: [
        { value: 'fine', label: 'Works' },
        {
          value: 'silent',
          label: 'The router forwards nothing, and says nothing',
          sets: { 'hosts.six.kind': 'host', 'hosts.browser.visits': 'http://server/' },
        },
        {
          value: 'cut',
          label: 'The line behind the router is dead',
          sets: { 'links.six-right.loss': '100 %', 'hosts.browser.visits': 'http://server/' },
        },
      ],
    },
    eyeballs: {
      label: 'Happy Eyeballs',
      help: 'Try the second address a quarter of a second after the first, not when that has failed.',
      sets: 'hosts.browser.happyEyeballs',
      value: true,
    },
    loss: {
      label: 'Packet loss',
      help: 'Near the browser and near the server, in both directions.',
      range: ['0 %', '10 %'],
      sets: ['links.browser-left.loss', 'links.right-server.loss'],
    },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['events', 'inspector'],
  lesson: [
    {
      text: 'One cable, two Internets. The browser first loads a page from 10.0.2.20. It has to ask for the router’s hardware address: **ARP**, a question to everybody. Press play.',
      until: { event: 'arp:resolved' },
    },
    {
      text: 'Below, the page comes over IPv4. Click one of the long packets and look at its header: 20 bytes, with a checksum of its own, a TTL, and fields for fragments.',
      until: { time: '600 ms' },
    },
    {
      text: 'Now the same page from [2001:db8:2::20]. The question is **neighbour discovery**: an ICMPv6 packet to a *group* that only hosts with this end of an address listen to.',
      until: { event: 'ndp:resolved' },
    },
    {
      text: 'Above, it comes over IPv6. The header is twice as long and has half the fields: no checksum, nothing about fragments, for no router cuts a packet any more.',
      until: { time: '1.2 s' },
    },
    {
      text: 'By name there are two addresses, and IPv6 is tried first. Break it: let the **router forward nothing**. The SYN vanishes. A quarter of a second later the browser tries IPv4 as well.',
      until: { intervention: 'set' },
    },
    {
      text: 'Switch **Happy Eyeballs** off and let it run at full speed. TCP sends its SYN seven times before it gives up. So browsers looked, before 2012, where IPv6 was broken.',
    },
  ],
  claims: [
    {
      says: 'The same first segment is 20 bytes longer over IPv6: its header takes 40 bytes instead of 20.',
      cites: 'RFC 8200 section 3; RFC 791 section 3.1',
      holds: headerIsLonger,
    },
    {
      says: 'Over either version, the first packet waits until the router’s hardware address is known, and leaves at once then.',
      cites: 'RFC 4861 section 7.2.2; RFC 826, Packet Generation',
      holds: asksFirst,
    },
    {
      says: 'By name the browser tries IPv6 first.',
      cites: 'RFC 6724 sections 2.1 and 6',
      holds: ipv6First,
    },
    {
      says: 'The second attempt begins 250 ms after the first, or at the moment in which the first has failed.',
      cites: 'RFC 8305 section 5',
      holds: secondAttempt,
    },
    {
      says: 'The first connection to be there is the one; the other attempt is closed in that moment.',
      cites: 'RFC 8305 section 5',
      holds: loserIsClosed,
    },
  ],
})
