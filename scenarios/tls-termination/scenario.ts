import { defineScenario } from '../../src/scenario/define.ts'
import { formatCount } from '../../src/scenario/units.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, isLost, noOccasion, time } from '../measure.ts'

const rate = '100 Mbit/s'
const AT = '1 s'
/** Links, by their numbers. */
const FRONT = 0
const BEHIND = 1

const said = ({ data }: EventRecord, key: string): string => String(data[key])

interface Carried {
  /** Bytes of TCP's streams that were put on the link, some perhaps more than once. */
  readonly bytes: number
  /** Of these, what anybody can read: all where TLS is not spoken, and where it is how the handshake begins. */
  readonly readable: number
  readonly conversations: number
  readonly underTls: number
}

/** What somebody on a link can read, who has none of the keys. */
function carried(trace: TraceView, link: number): Carried {
  const sizes = new Map<string, number>()
  for (const { payload, connection } of trace.frames((frame) => frame.link === link && frame.payload > 0 && !frame.duplicate)) {
    const name = trace.connections[connection] ?? ''
    sizes.set(name, (sizes.get(name) ?? 0) + payload)
  }
  const secure = new Set(trace.all('tls:connected').map(({ connection }) => connection))
  const plain = trace.all('tls:message-sent', ({ data }) => data['encrypted'] === false)
  let [bytes, readable, underTls] = [0, 0, 0]
  for (const [name, size] of sizes) {
    bytes += size
    if (!secure.has(name)) {
      readable += size
      continue
    }
    underTls++
    readable += plain.filter(({ connection }) => connection === name).reduce((sum, event) => sum + amount(event, 'length'), 0)
  }
  return { bytes, readable, conversations: sizes.size, underTls }
}

function safeAsSpoken(trace: TraceView): ClaimResult {
  const [front, behind] = [carried(trace, FRONT), carried(trace, BEHIND)]
  const asked = eventsOf(trace, 'origin', 'tls:handshake-started').some(({ connection }) => isProxys(trace, connection))
  if (eventsOf(trace, 'edge', 'proxy:request-forwarded').length === 0) return noOccasion('the proxy passed nothing on')
  return {
    holds:
      front.underTls === front.conversations &&
      front.readable < front.bytes / 2 &&
      (asked ? behind.underTls === behind.conversations : behind.readable === behind.bytes),
    evidence: `Between Ann and the proxy ${count(front.readable, 'byte')} of ${formatCount(front.bytes)} can be read, of handshakes; behind it ${formatCount(behind.readable)} of ${formatCount(behind.bytes)}.`,
  }
}

/** Conversations that the proxy has with the server behind it. */
function isProxys(trace: TraceView, connection: string): boolean {
  return eventsOf(trace, 'edge', 'proxy:request-forwarded').some((event) => said(event, 'backendConnection') === connection)
}

function proxyReadsAll(trace: TraceView): ClaimResult {
  const asked = eventsOf(trace, 'ann', 'http:response-received')
  if (asked.length === 0) return noOccasion('Ann got no answer')
  const read = eventsOf(trace, 'edge', 'http:request-received').length
  const [sent, got] = [eventsOf(trace, 'origin', 'http:response-sent'), asked].map(
    (events) => new Set(events.map((event) => said(event, 'digest'))),
  )
  const whole = [...(got ?? [])].every((digest) => sent?.has(digest))
  return {
    holds: read >= asked.length && whole,
    evidence: `The proxy read ${count(read, 'request')}, and Ann got ${count(asked.length, 'answer')}, ${whole ? 'each as the server had written it' : 'not all as the server had written them'}.`,
  }
}

/** Address of the end that opened a conversation. */
const opener = (connection: string): string => connection.split(':')[0] ?? ''

function seesTheProxy(trace: TraceView): ClaimResult {
  const forwarded = eventsOf(trace, 'edge', 'proxy:request-forwarded')
  const [first] = forwarded
  const ann = eventsOf(trace, 'ann', 'http:request-sent')[0]?.connection
  if (first === undefined || ann === undefined) return noOccasion('the proxy passed nothing on')
  const seen = eventsOf(trace, 'origin', 'http:request-received').filter(({ connection }) => isProxys(trace, connection))
  const addresses = [...new Set(seen.map(({ connection }) => opener(connection)))]
  const told = [...new Set(forwarded.map((event) => said(event, 'forwardedFor')))]
  return {
    holds: seen.length > 0 && !addresses.includes(opener(ann)) && told.length === 1 && told[0] === opener(ann),
    evidence: `Ann’s ${count(seen.length, 'request')} came to the server from ${addresses.join(', ')}, with a line that says ${told.join(', ')}.`,
  }
}

function isClean(trace: TraceView): boolean {
  for (const frame of trace.frames()) if (isLost(frame)) return false
  return true
}

/** How long each fetch of a host waited from the beginning of a connection until it could be sent. */
function openings(trace: TraceView, host: string): number[] {
  const phases = eventsOf(trace, host, 'fetch:phase-started')
  return phases
    .filter(({ data }) => data['phase'] === 'connect')
    .flatMap(({ time: began, data }) => {
      const sending = phases.find((phase) => phase.data['id'] === data['id'] && phase.data['phase'] === 'sending')
      return sending === undefined ? [] : [sending.time - began]
    })
}

function handshakesAreShort(trace: TraceView): ClaimResult {
  if (!isClean(trace)) return noOccasion('something was lost')
  const [ann, ben] = [openings(trace, 'ann'), openings(trace, 'ben')]
  if (ann.length === 0 || ben.length !== ann.length) return noOccasion('not both got as far as their requests')
  const [near, far] = [roundTrip(trace, 'ann'), roundTrip(trace, 'ben')]
  const trips = ben.map((each) => Math.floor(each / far))
  // Besides these, the time that bytes take on the line.
  const isSpent = (times: readonly number[], trip: number): boolean =>
    times.every((each, index) => Math.abs(each - (trips[index] ?? 0) * trip) < 2e6)
  return {
    holds: near < far && isSpent(ann, near) && isSpent(ben, far),
    evidence: `TCP and TLS took ${count(trips[0] ?? 0, 'round trip')}: of ${time(near)} to the proxy for Ann, ${time(ann[0] ?? 0)}; of ${time(far)} to the server for Ben, ${time(ben[0] ?? 0)}.`,
  }
}

/** To where a host's first connection leads, by TCP's own handshake. */
function roundTrip(trace: TraceView, host: string): number {
  const changes = eventsOf(trace, host, 'tcp:state-changed')
  const [sent, open] = ['SYN-SENT', 'ESTABLISHED'].map((state) => changes.find(({ data }) => data['to'] === state))
  return sent === undefined || open === undefined ? Number.NaN : open.time - sent.time
}

const common = { tcp: { preset: 'linux', timeWait: '200 ms' }, staticArp: true } as const
const visitsOf = (url: 'https://edge/' | 'https://origin/') => [{ url }, { url, at: AT, reconnect: true, reload: true } as const]

export default defineScenario({
  id: 'tls-termination',
  title: 'Where the padlock ends',
  summary:
    'Ann’s https goes to a proxy near her, which asks the server far away. Her handshakes are short. But what does the proxy speak, and who is listening there?',
  seed: 1,
  duration: '10 s',
  speed: 0.05,
  hosts: {
    ann: {
      ...common,
      label: 'Ann',
      position: { x: 0, y: 0.15 },
      app: 'browser',
      visits: visitsOf('https://edge/'),
      digest: true,
    },
    ben: {
      ...common,
      label: 'Ben',
      position: { x: 0, y: 0.85 },
      app: 'browser',
      visits: visitsOf('https://origin/'),
      digest: true,
    },
    edge: {
      ...common,
      label: 'Proxy',
      position: { x: 0.3, y: 0.15 },
      app: 'reverse-proxy',
      tls: {},
      backends: 'http://origin',
    },
    origin: {
      ...common,
      label: 'Server',
      position: { x: 1, y: 0.5 },
      app: 'web-server',
      tls: { plain: 'serve' },
      serves: { '/': '2 kB' },
      digest: true,
    },
  },
  links: [
    { between: ['ann', 'edge'], rate, delay: '5 ms' },
    { between: ['edge', 'origin'], rate, delay: '40 ms' },
    { between: ['ben', 'origin'], rate, delay: '45 ms' },
  ],
  knobs: {
    behind: {
      label: 'Behind the proxy',
      choices: [
        { value: 'http://origin', label: 'plain http' },
        { value: 'https://origin', label: 'TLS again' },
      ],
      sets: 'hosts.edge.backends',
    },
    place: {
      label: 'Where the proxy stands',
      choices: [
        { value: 'near', label: 'near Ann' },
        {
          value: 'middle',
          label: 'half way',
          sets: { 'links.ann-edge.delay': '22500 us', 'links.edge-origin.delay': '22500 us' },
        },
        {
          value: 'far',
          label: 'beside the server',
          sets: { 'links.ann-edge.delay': '44 ms', 'links.edge-origin.delay': '1 ms' },
        },
      ],
    },
    versions: {
      label: 'Both speak',
      choices: [
        { value: '1.3', label: 'TLS 1.3' },
        { value: '1.2', label: 'TLS 1.2', sets: { 'hosts.ann.tls.versions': ['1.2'], 'hosts.ben.tls.versions': ['1.2'] } },
      ],
    },
    loss: {
      label: 'Packet loss',
      help: 'On each line, in both directions.',
      range: ['0 %', '10 %'],
      sets: ['links[0].loss', 'links[1].loss', 'links[2].loss'],
    },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['waterfall', 'events', 'inspector'],
  lesson: [
    {
      text: 'Ann and Ben want the same page. Ben asks the server itself, 45 ms away; Ann a **proxy** that is 5 ms from her. Press play.',
      until: { event: 'tls:connected' },
    },
    {
      text: 'Ann’s handshakes are over when Ben’s SYN has not even arrived. The proxy showed her **its own** certificate, and has her request now, decrypted.',
      until: { event: 'proxy:request-forwarded' },
    },
    {
      text: 'Click a packet between proxy and server: there is Ann’s request, to be read by anybody on that line. Her browser shows a padlock.',
      until: { event: 'page:loaded' },
    },
    {
      text: 'At 1 s both come again, over new connections. The proxy has kept **its** connection to the server, so the long line costs Ann one round trip, and Ben three.',
      until: { time: '1.2 s' },
    },
    {
      text: 'Look into the request that the server got: it comes from the proxy’s address. Of Ann it knows what the line **X-Forwarded-For** says.',
    },
    {
      text: 'Now let the proxy speak **TLS again**. What goes over the long line can be read no more, and the first page takes a round trip longer. The proxy reads all, still.',
      until: { intervention: 'set' },
    },
    { text: 'Put the proxy beside the server, and see what is left of its speed.' },
  ],
  claims: [
    {
      says: 'Between Ann and the proxy, only how a handshake begins can be read; behind it all, or again only that, as the proxy speaks.',
      cites: 'RFC 9110 section 17.1; RFC 8446 section 1',
      holds: safeAsSpoken,
    },
    {
      says: 'The proxy reads every request, whatever is spoken in front of it and behind it.',
      cites: 'RFC 9110 section 3.7; RFC 9110 section 17.1',
      holds: proxyReadsAll,
    },
    {
      says: 'The server sees the address of the proxy. Of Ann’s it knows what the proxy tells it.',
      cites: 'RFC 7239 sections 1 and 5.2',
      holds: seesTheProxy,
    },
    {
      says: 'Handshakes of TCP and TLS take as many round trips for both, but only to where TLS ends: Ann’s are short, Ben’s go all the way.',
      cites: 'RFC 8446 section 2; RFC 9293 section 3.5; RFC 5246 section 7.3',
      holds: handshakesAreShort,
    },
  ],
})
