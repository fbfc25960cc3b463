import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, Nanos, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, framesFrom, noOccasion, time } from '../measure.ts'

const SIZE = 600_000
const LEFT_AT = '400 ms'
/** What each speaks. */
const HTTP_2: 'h2'[] = ['h2']
const HTTP_3: 'h3'[] = ['h3']
/** Index of Ben's second link. */
const BEN_CELLULAR = 3
/** Ethernet, IPv4 and UDP. */
const HEADERS = 42
/** RFC 9002 section 7.2. */
const LARGEST_INITIAL_WINDOW = 14_720

const phone = { app: 'browser', visits: 'https://server/', tcp: { preset: 'linux', timeWait: '200 ms' } } as const
const wifi = { rate: '10 Mbit/s', delay: '5 ms', queue: '256 KiB' } as const
const cellular = { rate: '5 Mbit/s', delay: '30 ms', queue: '256 KiB' } as const
const backbone = { rate: '100 Mbit/s', delay: '5 ms' } as const

const text = ({ data }: EventRecord, key: string): string => String(data[key])
const bytes = (number: number): string => count(number, 'byte')

/** When a phone lost a link in the middle of its download. */
function left(trace: TraceView, host: string): Nanos | undefined {
  const [lost, another] = eventsOf(trace, host, 'interface:carrier-lost')
  const [ended] = eventsOf(trace, host, 'fetch:ended')
  return another !== undefined || lost === undefined || ended === undefined || ended.time < lost.time ? undefined : lost.time
}

/** Bytes of the page that a phone had by a time. */
function bytesBy(trace: TraceView, host: string, at: Nanos): number {
  const delivered = eventsOf(trace, host, 'quic:stream-delivered').filter(
    (event) => event.time <= at && amount(event, 'stream') === 0,
  )
  return delivered.reduce((sum, event) => sum + amount(event, 'length'), 0)
}

function goesOn(trace: TraceView): ClaimResult {
  const [annLeft, benLeft] = [left(trace, 'ann'), left(trace, 'ben')]
  const [[ann], [ben]] = [eventsOf(trace, 'ann', 'fetch:ended'), eventsOf(trace, 'ben', 'fetch:ended')]
  if (annLeft === undefined || benLeft === undefined) return noOccasion('not both were out of the Wi-Fi before they had all')
  if (ben.time === benLeft) return noOccasion('Ben’s browser was not to move')
  const handshakes = eventsOf(trace, 'ben', 'quic:handshake-done').length
  return {
    holds: text(ann, 'outcome') === 'failed' && text(ben, 'outcome') === 'complete' && handshakes === 1,
    evidence: `Out of the Wi-Fi, Ann’s download failed with ${bytes(amount(ann, 'bytes'))} of ${bytes(SIZE)}. Ben had ${bytes(bytesBy(trace, 'ben', benLeft))}, and all of them ${time(ben.time - benLeft)} later, after ${count(handshakes, 'handshake')}.`,
  }
}

/** A way of a connection as the trace writes it, in addresses without ports. */
function addresses(way: string): string {
  return way.replace(/:\d+(?= |$)/g, '')
}

/** Moves from one address to another, as a host saw them; not of a port alone. */
function moves(trace: TraceView, host: string): EventRecord[] {
  return eventsOf(trace, host, 'quic:migrated').filter((event) => addresses(text(event, 'from')) !== addresses(text(event, 'to')))
}

/** Bytes of UDP that a host has sent on Ben's second link by a time. */
function cellularBytes(trace: TraceView, host: string, until: Nanos): number {
  const frames = framesFrom(
    trace,
    host,
    ({ link, kind, enqueued }) => link === BEN_CELLULAR && kind === 'udp' && enqueued < until,
  )
  return frames.reduce((sum, { length }) => sum + length - HEADERS, 0)
}

function isCareful(trace: TraceView): ClaimResult {
  const [followed] = moves(trace, 'server')
  const asked = eventsOf(trace, 'server', 'quic:path-validated').find(({ id }) => followed !== undefined && id > followed.id)
  if (followed === undefined || asked === undefined) return noOccasion('nobody came from another address')
  const [got, gave] = ['ben', 'mast'].map((host) => cellularBytes(trace, host, asked.time))
  return {
    holds: gave <= 3 * got,
    evidence: `It followed at ${time(followed.time)}, and had its answer at ${time(asked.time)}. By then ${bytes(got)} had come over the cellular network, and ${bytes(gave)} had gone there.`,
  }
}

function freshIds(trace: TraceView): ClaimResult {
  const all = ['ben', 'server'].map((host) => moves(trace, host))
  if (all.some(({ length }) => length === 0)) return noOccasion('nobody moved to another address')
  const ids = all.map((of) => [text(of[0], 'previousId'), ...of.map((event) => text(event, 'connectionId'))])
  const [[before, after]] = ids
  return {
    holds: ids.every((of) => new Set(of).size === of.length && !of.includes('')),
    evidence: `Over the Wi-Fi, Ben addressed the server as ${before}, over the cellular network as ${after}.`,
  }
}

/** The server's congestion window just before something happened, and from then on. */
function windows(trace: TraceView, { id }: EventRecord): [number, number] {
  const metrics = eventsOf(trace, 'server', 'quic:metrics-updated')
  const next = metrics.findIndex((event) => event.id > id)
  return [amount(metrics[next - 1], 'cwnd'), amount(metrics[next], 'cwnd')]
}

function beginsSmall(trace: TraceView): ClaimResult {
  const all = moves(trace, 'server').map((event) => windows(trace, event))
  const [first] = all
  if (first === undefined) return noOccasion('nobody came from another address')
  return {
    holds: all.every(([, after]) => after <= LARGEST_INITIAL_WINDOW),
    evidence: `The server’s window was ${bytes(Math.round(first[0]))} on the way before, and ${bytes(Math.round(first[1]))} at first on the new one.`,
  }
}

function natForgets(trace: TraceView): ClaimResult {
  const [rebound] = eventsOf(trace, 'ben', 'quic:port-rebound')
  const [ended] = eventsOf(trace, 'ben', 'fetch:ended')
  const [followed] = eventsOf(trace, 'server', 'quic:migrated')
  if (rebound === undefined || ended === undefined || followed === undefined) return noOccasion('no port was forgotten')
  const [before, after] = windows(trace, followed)
  const noticed = eventsOf(trace, 'ben', 'quic:migrated').length
  return {
    holds: noticed === 0 && text(ended, 'outcome') === 'complete' && after >= before,
    evidence: `The port was another one from ${time(rebound.time)} on; the server went along at ${time(followed.time)}, with a window of ${bytes(Math.round(after))} as before, and Ben had all at ${time(ended.time)}.`,
  }
}

export default defineScenario({
  id: 'quic-migration',
  title: 'Out of the door, in the middle of a download',
  summary:
    'Ann and Ben download the same file over Wi-Fi, and walk out of the house. Ann’s connection over TCP belongs to an address that she has no more. Ben’s over QUIC has a name of its own.',
  seed: 1,
  duration: '10 s',
  speed: 0.05,
  hosts: {
    ann: { ...phone, label: 'Ann, TCP', position: { x: 0, y: 0.5 }, protocols: HTTP_2 },
    hotspot: { kind: 'router', label: 'Wi-Fi', position: { x: 0.35, y: 0 } },
    ben: { ...phone, label: 'Ben, QUIC', position: { x: 0.35, y: 0.5 }, protocols: HTTP_3, quic: {} },
    mast: { kind: 'router', label: 'Cellular', position: { x: 0.35, y: 1 } },
    internet: { kind: 'router', label: 'Internet', position: { x: 0.7, y: 0.5 } },
    server: {
      label: 'Server',
      position: { x: 1, y: 0.5 },
      app: 'web-server',
      protocols: ['h3', 'h2'],
      tls: {},
      serves: { '/': '600 kB' },
      tcp: { preset: 'linux', timeWait: '200 ms' },
    },
  },
  links: [
    { name: 'ann-wifi', between: ['ann', 'hotspot'], ...wifi },
    { name: 'ann-cellular', between: ['ann', 'mast'], ...cellular },
    { name: 'ben-wifi', between: ['ben', 'hotspot'], ...wifi },
    { name: 'ben-cellular', between: ['ben', 'mast'], ...cellular },
    { between: ['hotspot', 'internet'], ...backbone },
    { between: ['mast', 'internet'], ...backbone },
    { between: ['internet', 'server'], ...backbone },
  ],
  knobs: {
    happens: {
      label: 'What happens after 0.4 s',
      value: 'leave',
      choices: [
        {
          value: 'leave',
          label: 'Both leave the Wi-Fi',
          sets: {
            'links.ann-wifi.flaps': [{ at: LEFT_AT, for: '60 s' }],
            'links.ben-wifi.flaps': [{ at: LEFT_AT, for: '60 s' }],
          },
        },
        {
          value: 'lift',
          label: 'They are in a lift for 0.3 s',
          sets: {
            'links.ann-wifi.flaps': [{ at: LEFT_AT, for: '300 ms' }],
            'links.ben-wifi.flaps': [{ at: LEFT_AT, for: '300 ms' }],
          },
        },
        { value: 'nat', label: 'A NAT forgets Ben’s port', sets: { 'hosts.ben.rebinds': [LEFT_AT] } },
        { value: 'nothing', label: 'Nothing' },
      ],
    },
    migration: {
      label: 'Ben’s browser may move',
      help: 'Otherwise it gives the connection up when its address is gone.',
      sets: 'hosts.ben.quic.migration',
      value: true,
    },
    delay: {
      label: 'One-way delay of the cellular network',
      range: ['10 ms', '150 ms'],
      step: '5 ms',
      scale: 'linear',
      sets: ['links.ann-cellular.delay', 'links.ben-cellular.delay'],
      restart: true,
    },
    loss: {
      label: 'Packet loss there',
      help: 'In both directions.',
      range: ['0 %', '10 %'],
      sets: ['links.ann-cellular.loss', 'links.ben-cellular.loss'],
    },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['lanes', 'events', 'inspector'],
  lesson: [
    {
      text: 'Ann and Ben are at home, and download the same 600 kB. Ann’s phone uses TCP, Ben’s QUIC; both have a Wi-Fi and a cellular network. Press play.',
      until: { event: 'interface:carrier-lost' },
    },
    {
      text: 'They have walked out of the house. The Wi-Fi is gone, and with it the address that each of them had there. **Ann’s download has failed**: to TCP, a connection *is* two addresses and two ports.',
      until: { event: 'quic:path-validated' },
    },
    {
      text: 'Ben’s phone has sent a **PATH_CHALLENGE** by the cellular network, and the server has answered: there is a way. The connection has a name of its own, its connection ID, so it can go on here. No handshake.',
      until: { time: '620 ms' },
    },
    {
      text: 'The server follows, and is careful: somebody might have made the address up. It asks back, and until Ben has answered it sends no more than three times what it got.',
      until: { event: 'fetch:ended' },
    },
    {
      text: 'What the server knew of the Wi-Fi is worth nothing now. It begins with a **small window** and measures the round trip anew. Watch Ben’s lane: a pause, a slow start, and on it goes, byte for byte where it was.',
      until: { time: '1.1 s' },
    },
    {
      text: 'Look into a packet over the cellular network: its **connection ID** was never seen on the Wi-Fi. Who watches both cannot tell by it that this is the same Ben.',
    },
    {
      text: 'Start over with **a NAT forgets Ben’s port**. Ben notices nothing; the server sees packets from another port, asks back, and keeps its window. Or cut a cable yourself, whenever you like.',
    },
  ],
  claims: [
    {
      says: 'Without the Wi-Fi, the download over TCP is dead. The one over QUIC goes on where it was, without another handshake.',
      cites: 'RFC 9000 section 9; RFC 9293 section 3.4',
      holds: goesOn,
    },
    {
      says: 'The server follows at once. Until it has an answer from there, it sends no more than three times what it got.',
      cites: 'RFC 9000 section 9.3.1',
      holds: isCareful,
    },
    {
      says: 'On each way, packets carry connection IDs that were not used on another.',
      cites: 'RFC 9000 section 9.5',
      holds: freshIds,
    },
    {
      says: 'At a new address, the server begins with a small window: at most 14,720 bytes.',
      cites: 'RFC 9000 section 9.4; RFC 9002 section 7.2',
      holds: beginsSmall,
    },
    {
      says: 'When a NAT forgets a port, the client notices nothing, and the server keeps its window.',
      cites: 'RFC 9000 sections 9.3 and 9.4',
      holds: natForgets,
    },
  ],
})
