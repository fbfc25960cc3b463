import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { FrameRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, framesFrom, noOccasion, time } from '../measure.ts'

const rate = '10 Mbit/s'
/** Nanoseconds that a byte takes on a link at that rate. */
const BYTE = 800
/** Delay of each link of the local network, nanoseconds. */
const DELAY = 5e6

const ALICE = '10.0.0.1'
const ROUTER = '10.0.0.254'
const BOB = '10.0.1.1'
/** Hardware addresses. */
const ALICE_MAC = '02:00:00:01:00:00'
const MALLORY = '02:00:00:02:00:00'
const ROUTER_MAC = '02:00:00:04:00:00'

/** Whether a frame is part of what Alice and Bob have to say to each other. */
function isTheirs(trace: TraceView, { connection }: FrameRecord): boolean {
  const name = trace.connections[connection] ?? ''
  return name.includes(ALICE) && name.includes(BOB)
}

/** What Mallory was sent of it. */
function heard(trace: TraceView): FrameRecord[] {
  const mallory = trace.hosts.indexOf('mallory')
  return [...trace.frames((frame) => frame.to === mallory && isTheirs(trace, frame))]
}

interface Span {
  readonly from: number
  readonly to: number
}

/** When somebody took Mallory's hardware address for that of another. */
function deceived(trace: TraceView, host: string, address: string): Span[] {
  const spans: Span[] = []
  let since: number | undefined
  for (const { time: at, data } of eventsOf(trace, host, 'arp:resolved')) {
    if (data['address'] !== address) continue
    if (data['mac'] === MALLORY) since ??= at
    else if (since !== undefined) {
      spans.push({ from: since, to: at })
      since = undefined
    }
  }
  if (since !== undefined) spans.push({ from: since, to: Infinity })
  return spans
}

const within = (spans: readonly Span[], from: number, to = from): boolean =>
  spans.some((span) => from > span.from && to < span.to)

/** When the switch had heard of Alice and the router, and had no more need to give their frames to everybody. */
function switchKnows(trace: TraceView): number {
  const times = [ALICE_MAC, ROUTER_MAC].map(
    (mac) => eventsOf(trace, 'switch', 'switch:learned').find(({ data }) => data['mac'] === mac)?.time,
  )
  return Math.max(...times.map((at) => at ?? Infinity))
}

function nothingToHear(trace: TraceView): ClaimResult {
  const begin = trace.first('spoof:started')?.time ?? Infinity
  const known = switchKnows(trace)
  const isMeanwhile = (frame: FrameRecord): boolean => frame.enqueued > known && frame.enqueued < begin
  const said = framesFrom(trace, 'switch', (frame) => isTheirs(trace, frame) && isMeanwhile(frame)).length
  if (said === 0) return noOccasion('nothing was said between what the switch learned and what Mallory did')
  const overheard = heard(trace).filter(isMeanwhile).length
  return {
    holds: overheard === 0,
    evidence: `The switch knew both by ${time(known)}. From then until Mallory lied it passed on ${count(said, 'packet')} of Alice and Bob, to Mallory ${String(overheard)}.`,
  }
}

function allGoesByMallory(trace: TraceView): ClaimResult {
  const spans = deceived(trace, 'alice', ROUTER)
  const own = new Set(
    framesFrom(trace, 'alice', (frame) => isTheirs(trace, frame) && within(spans, frame.enqueued)).map(({ id }) => id),
  )
  const passed = framesFrom(trace, 'switch', ({ cause }) => own.has(cause))
  if (passed.length === 0) return noOccasion('Alice was not deceived, or said nothing meanwhile')
  const mallory = trace.hosts.indexOf('mallory')
  const hers = passed.filter(({ to }) => to === mallory).length
  return {
    holds: hers === passed.length,
    evidence: `While Alice took Mallory for the router, the switch had ${count(passed.length, 'packet')} of hers for Bob, and gave Mallory ${String(hers)}.`,
  }
}

function staticEntriesHold(trace: TraceView): ClaimResult {
  const [alice, router] = ['alice', 'router'].map((host) => eventsOf(trace, host, 'arp:ignored').length)
  if (alice === 0 || router === 0)
    return noOccasion('Alice and the router did not both have their entries by hand, or heard no lie')
  const known = switchKnows(trace)
  const all = heard(trace)
  const found = all.filter(({ enqueued }) => enqueued > known).length
  const flooded = all.length - found
  const before = flooded === 0 ? '' : `, besides ${count(flooded, 'packet')} before the switch knew where the router is`
  return {
    holds: found === 0,
    evidence: `Alice ignored ${count(alice, 'lie')}, the router ${String(router)}. Mallory was given ${count(found, 'packet')} of their conversation${before}.`,
  }
}

function detourTakesTime(trace: TraceView): ClaimResult {
  const forth = deceived(trace, 'alice', ROUTER)
  const back = deceived(trace, 'router', ALICE)
  const replies = eventsOf(trace, 'alice', 'ping:replied').map((reply) => {
    const rtt = amount(reply, 'rtt')
    return { rtt, from: reply.time - rtt, to: reply.time }
  })
  const direct = replies.filter(({ from, to }) => ![...forth, ...back].some((span) => from <= span.to && to >= span.from))
  const detours = replies.filter(({ from, to }) => within(forth, from, to) && within(back, from, to))
  const ping = framesFrom(trace, 'alice', ({ kind }) => kind === 'icmp')[0]
  if (ping === undefined || direct.length === 0 || detours.length === 0)
    return noOccasion('there are no answers that came both ways by Mallory, or none that came past her')
  const least = (list: typeof replies): number => Math.min(...list.map(({ rtt }) => rtt))
  const more = least(detours) - least(direct)
  const expected = 4 * (DELAY + ping.length * BYTE)
  return {
    holds: Math.abs(more - expected) < expected / 100,
    evidence: `Past Mallory ${time(least(direct))}, by Mallory ${time(least(detours))}: ${time(more)} more, where four more links take ${time(expected)}.`,
  }
}

export default defineScenario({
  id: 'arp-and-macs',
  title: 'Who says that this is your address?',
  summary:
    'A switch learns where everybody is, ARP believes whatever it is told, and so somebody who only asks nicely gets to read along.',
  seed: 1,
  duration: '3 s',
  speed: 0.02,
  hosts: {
    alice: {
      label: 'Alice',
      position: { x: 0, y: 0.1 },
      apps: [
        { app: 'ping', to: 'bob', count: 15, interval: '100 ms', timeout: '1 s' },
        { app: 'browser', visits: { url: 'http://bob/diary.txt', at: '500 ms' } },
      ],
    },
    mallory: {
      label: 'Mallory',
      position: { x: 0, y: 0.9 },
      app: 'arp-spoofer',
      victim: 'alice',
      pose: 'router',
      interval: '200 ms',
      start: '250 ms',
      duration: '700 ms',
    },
    switch: { kind: 'switch', label: 'Switch', position: { x: 0.33, y: 0.5 } },
    router: { kind: 'router', label: 'Router', position: { x: 0.67, y: 0.5 } },
    bob: { label: 'Bob', position: { x: 1, y: 0.5 }, app: 'web-server', serves: { '/diary.txt': '1 kB' } },
  },
  links: [
    { between: ['alice', 'switch'], rate, delay: '5 ms' },
    { between: ['mallory', 'switch'], rate, delay: '5 ms' },
    { between: ['switch', 'router'], rate, delay: '5 ms' },
    { between: ['router', 'bob'], rate, delay: '20 ms' },
  ],
  knobs: {
    entries: {
      label: 'Addresses entered by hand',
      help: 'Static ARP entries: whoever has them asks nobody, and believes nobody.',
      choices: [
        { value: 'none', label: 'nowhere' },
        { value: 'alice', label: 'at Alice', sets: { 'hosts.alice.staticArp': true } },
        {
          value: 'both',
          label: 'at Alice and at the router',
          sets: { 'hosts.alice.staticArp': true, 'hosts.router.staticArp': true },
        },
      ],
    },
    forward: {
      label: 'Mallory passes on what she gets',
      help: 'If not, she does not listen in but cuts off.',
      sets: 'hosts.mallory.forward',
    },
    loss: {
      label: 'Packet loss',
      help: 'On each link, in each direction.',
      range: ['0 %', '20 %'],
      sets: ['links[0].loss', 'links[1].loss', 'links[2].loss', 'links[3].loss'],
    },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['events', 'inspector'],
  lesson: [
    {
      text: 'Alice pings Bob, ten times a second. At first the **switch** knows nobody, so Mallory hears Alice’s question for the router. With each frame it notes the *sender’s* hardware address and the port where it came in.',
      until: { event: 'switch:learned' },
    },
    {
      text: 'Now the switch knows, and gives every frame to one port alone. Mallory hears nothing of the pings: plugged into the same switch, she is as good as deaf.',
      until: { event: 'spoof:started' },
    },
    {
      text: 'She sends two frames. To Alice: *10.0.0.254 is at my hardware address*. To the router: *10.0.0.1 is at mine*. Both are ARP **replies** to a question that nobody asked, and both are believed.',
      until: { event: 'page:started' },
    },
    {
      text: 'Alice fetches Bob’s diary. Click a packet on Mallory’s link and look at its bytes: the text is there to read. She passes everything on, so nobody misses a thing. Only the TTL is one less, and the way longer.',
      until: { event: 'spoof:ended' },
    },
    {
      text: 'At the end she tells both the truth again, and has never been there. Now enter the addresses **by hand**, first at Alice, then at the router too, and watch how much is left for Mallory.',
    },
  ],
  claims: [
    {
      says: 'A switch that has learned the ports gives Mallory nothing of what Alice and Bob say, until she lies.',
      cites: 'RFC 826, Packet Generation; IEEE 802.1Q sections 8.6 and 8.7',
      holds: nothingToHear,
    },
    {
      says: 'From the first lie that Alice believes to the last, all her packets for Bob go to Mallory.',
      cites: 'RFC 826, Packet Reception; RFC 5227 section 5',
      holds: allGoesByMallory,
    },
    {
      says: 'With entries made by hand on both sides, she lies in vain.',
      cites: 'RFC 826, Packet Reception',
      holds: staticEntriesHold,
    },
    {
      says: 'Whom Mallory serves can measure it: four more links in each round trip, within 1 %.',
      cites: 'RFC 2681 section 2.4',
      holds: detourTakesTime,
    },
  ],
})
