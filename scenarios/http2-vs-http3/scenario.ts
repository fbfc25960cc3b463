import { defineScenario } from '../../src/scenario/define.ts'
import { NO_STREAM } from '../../src/trace/stalls-episode.ts'
import { StallFinder } from '../../src/trace/stalls.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { TraceView } from '../../src/trace/record.ts'
import { amount, awaitedFrames, count, eventsOf, isLost, noOccasion, time } from '../measure.ts'
import { streamWaits } from '../stream-waits.ts'

const PICTURES = Array.from({ length: 8 }, (_, index) => `/${String(index + 1)}.webp`)

/** Towards Alice, in the middle of the pictures, whatever they come over. */
const LOST = 60

const longest = (waits: readonly number[]): number => waits.reduce((most, wait) => Math.max(most, wait), 0)

/** Whether the very next bytes that TCP hands on are those that were missing, each time that some came ahead of them. */
function keepsOrder(trace: TraceView): boolean {
  const missing = new Map<string, number>()
  for (const { host, name, connection, data } of trace.events) {
    if (trace.hosts[host] !== 'alice') continue
    const at = missing.get(connection)
    if (name === 'tcp:out-of-order-buffered') {
      if (at !== undefined && at !== data['missingOffset']) return false
      missing.set(connection, Number(data['missingOffset']))
    } else if (name === 'tcp:delivered') {
      if (at !== undefined && at !== data['offset']) return false
      missing.delete(connection)
    }
  }
  return true
}

function oneHoleStopsAll(trace: TraceView): ClaimResult {
  const alice = trace.hosts.indexOf('alice')
  const connections = new Set(eventsOf(trace, 'alice', 'http2:frame-received').map(({ connection }) => connection))
  const finder = new StallFinder()
  for (const event of trace.events) finder.take(event)
  const stalls = [...connections].flatMap((connection) => finder.stalls(alice, connection))
  const innocent = stalls.filter(({ stream, isOwn }) => stream !== NO_STREAM && !isOwn)
  if (innocent.length === 0) return noOccasion('no stream of HTTP/2 had to wait for another’s bytes')
  const waits = innocent.map(({ from, to }) => Math.min(to, trace.events.at(-1)?.time ?? 0) - from)
  const streams = new Set(innocent.map(({ stream }) => stream))
  return {
    holds: keepsOrder(trace) && innocent.every(({ missing }) => missing.length > 0 && missing.every(({ from, to }) => to > from)),
    evidence: `${count(streams.size, 'stream')} waited for bytes of others, the longest for ${time(longest(waits))}.`,
  }
}

function streamsAreAlone(trace: TraceView): ClaimResult {
  const { streams, waited, longest: most, forOthers } = streamWaits(trace, 'alice')
  if (streams === 0) return noOccasion('nobody spoke QUIC')
  return {
    holds: forOthers === 0,
    evidence: `${count(waited, 'stream')} waited for bytes of their own, ${waited === 0 ? 'for no time' : `the longest for ${time(most)}`}; ${forOthers === 0 ? 'none' : String(forOthers)} for another’s.`,
  }
}

function roundTripsFirst(trace: TraceView): ClaimResult {
  const [asked] = eventsOf(trace, 'alice', 'http:request-sent')
  if (asked === undefined) return noOccasion('nobody has asked yet')
  if (!trace.frames((frame) => frame.enqueued < asked.time && isLost(frame)).next().done)
    return noOccasion('something was lost before')
  const waits = awaitedFrames(trace, asked).length
  const overQuic = trace.first('quic:handshake-done', ({ time: at }) => at <= asked.time) !== undefined
  return {
    holds: waits === (overQuic ? 1 : 2),
    evidence: `Over ${overQuic ? 'QUIC' : 'TCP and TLS'} Alice had to hear from the server ${count(waits, 'time')} before she asked, after ${time(asked.time)}.`,
  }
}

function isWhole(trace: TraceView): ClaimResult {
  const [loaded] = eventsOf(trace, 'alice', 'page:loaded')
  if (loaded === undefined) return noOccasion('the page is not there')
  const sent = eventsOf(trace, 'server', 'http:response-sent').reduce((sum, event) => sum + amount(event, 'bytes'), 0)
  const came = eventsOf(trace, 'alice', 'http:response-received').reduce((sum, event) => sum + amount(event, 'bytes'), 0)
  const lost = [...trace.frames(isLost)].length
  return {
    holds: amount(loaded, 'failures') === 0 && came === sent && amount(loaded, 'bytes') <= came,
    evidence: `${count(came, 'byte')}, with ${count(lost, 'packet')} lost; the page was there after ${time(amount(loaded, 'duration'))}.`,
  }
}

const tcp = { preset: 'linux', timeWait: '200 ms' } as const
const speaks = (protocol: 'http/1.1' | 'h2' | 'h3') => ({ 'hosts.alice.protocols': [protocol] })
const loses = (...packets: number[]) => ({ 'links[0].backward.lossList': packets })

export default defineScenario({
  id: 'http2-vs-http3',
  title: 'One lost packet, and who has to wait for it',
  summary:
    'The same page over the same line, at the same time over HTTP/2 and over HTTP/3. Drop a packet in both, and see which pictures stop.',
  seed: 1,
  duration: '120 s',
  speed: 0.02,
  hosts: {
    alice: {
      label: 'Alice',
      position: { x: 0, y: 0.5 },
      app: 'browser',
      visits: 'https://server/pictures',
      protocols: ['h2'],
      staticArp: true,
      tcp,
    },
    server: {
      label: 'Server',
      position: { x: 1, y: 0.5 },
      app: 'web-server',
      protocols: ['h3', 'h2', 'http/1.1'],
      tls: {},
      serves: {
        '/pictures': { size: '4 kB', type: 'text/html', resources: PICTURES },
        '/download': { size: '5 MB', type: 'application/octet-stream' },
        ...Object.fromEntries(PICTURES.map((path) => [path, '20 kB' as const])),
      },
      staticArp: true,
      tcp,
    },
  },
  links: [{ between: ['alice', 'server'], rate: '10 Mbit/s', delay: '25 ms', queue: '200 kB' }],
  knobs: {
    protocol: {
      label: 'Protocol',
      choices: [
        { value: 'http/1.1', label: 'HTTP/1.1', sets: speaks('http/1.1') },
        { value: 'h2', label: 'HTTP/2', sets: speaks('h2') },
        { value: 'h3', label: 'HTTP/3', sets: speaks('h3') },
      ],
      value: 'h2',
    },
    lost: {
      label: 'The line loses',
      help: 'Besides what is lost at random.',
      choices: [
        { value: 'one', label: `Packet ${String(LOST)} to Alice`, sets: loses(LOST) },
        { value: 'none', label: 'Nothing', sets: loses() },
      ],
    },
    loss: { label: 'Random loss', help: 'In both directions.', range: ['0 %', '10 %'], sets: 'links[0].loss' },
    burst: {
      label: 'Packets lost in a row',
      help: 'In the mean, with as much loss in all. 0: each for itself.',
      range: [0, 10],
      scale: 'linear',
      sets: 'links[0].lossBurst',
    },
    delay: {
      label: 'One-way delay',
      range: ['5 ms', '200 ms'],
      step: '5 ms',
      scale: 'linear',
      sets: 'links[0].delay',
      restart: true,
    },
    rate: { label: 'Rate of the line', range: ['500 kbit/s', '100 Mbit/s'], sets: 'links[0].rate', restart: true },
    page: {
      label: 'Page',
      choices: [
        { value: 'pictures', label: 'Eight pictures', sets: { 'hosts.alice.visits': 'https://server/pictures' } },
        {
          value: 'tiny',
          label: 'Four small files',
          sets: { 'hosts.alice.visits': 'https://server/', 'hosts.server.page': 'tiny' },
        },
        {
          value: 'wikipedia-like',
          label: 'An encyclopedia’s article',
          sets: { 'hosts.alice.visits': 'https://server/', 'hosts.server.page': 'wikipedia-like' },
        },
        {
          value: 'shop',
          label: 'A shop',
          sets: { 'hosts.alice.visits': 'https://server/', 'hosts.server.page': 'shop' },
        },
        { value: 'download', label: 'One file of 5 MB', sets: { 'hosts.alice.visits': 'https://server/download' } },
      ],
    },
  },
  compare: { knob: 'protocol', values: ['h2', 'h3'] },
  colorBy: 'stream',
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['lanes', 'waterfall', 'events', 'inspector'],
  lesson: [
    {
      text: 'The same page twice, over the same line: with **HTTP/2**, and with **HTTP/3**. Eight pictures come at once, each a stream of its own, each a lane. The line will lose packet 60 to Alice in both. Press play.',
      until: { event: 'http:response-started' },
    },
    {
      text: 'HTTP/3 is a round trip ahead: TLS shakes hands in QUIC’s own packets. Over TCP one comes after the other.',
      until: { time: '300 ms' },
    },
    {
      text: 'A packet of **HTTP/3** is missing, and one lane waits: the bytes were those of one picture. QUIC puts each stream in order for itself, so the other seven go on.',
      until: { time: '385 ms' },
    },
    {
      text: 'The same packet of **HTTP/2** is missing, and all pictures stop that have anything behind it. TCP hands on bytes in order, and does not know whose they are: **head-of-line blocking**.',
      until: { time: '430 ms' },
    },
    {
      text: 'Your turn. Start over, pause when pictures fly, choose **Drop** and click a packet. It is dropped in both, by its number on the line.',
      until: { intervention: 'drop' },
    },
    {
      text: 'Which lanes waited, and for how long? Then choose 5 % of random loss, and 100 ms; then the page **One file of 5 MB**. There one stream has nobody to wait for.',
    },
  ],
  claims: [
    {
      says: 'Over HTTP/2 streams wait for bytes that are not theirs: TCP hands on nothing behind a hole.',
      cites: 'RFC 9114 section 2; RFC 9293 section 3.10.7.4',
      holds: oneHoleStopsAll,
    },
    {
      says: 'Over HTTP/3 a stream waits for bytes of its own only.',
      cites: 'RFC 9000 section 2.2; RFC 9114 section 2',
      holds: streamsAreAlone,
    },
    {
      says: 'Alice may ask after one round trip over QUIC, after two over TCP and TLS.',
      cites: 'RFC 9001 section 4.1; RFC 8446 section 2; RFC 9293 section 3.5',
      holds: roundTripsFirst,
    },
    {
      says: 'Whatever is lost, the page arrives whole.',
      cites: 'RFC 9000 section 2.2; RFC 9293 section 2.2',
      holds: isWhole,
    },
  ],
})
