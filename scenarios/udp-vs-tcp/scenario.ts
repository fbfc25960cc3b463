import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { FrameRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, framesFrom, isLost, noOccasion, time } from '../measure.ts'

const VOICE = { interval: '20 ms', size: '160 B' } as const
const FRAMES = 200
/** In nanoseconds, as `VOICE.interval`. */
const INTERVAL = 20e6

/** What became of a stream: how many of its packets were lost on the way, and of its slots missed. */
function fateOf(trace: TraceView, sender: string, receiver: string) {
  const lost = framesFrom(trace, sender, (frame) => (frame.kind === 'udp' || frame.kind === 'tcp-data') && isLost(frame)).length
  const late = eventsOf(trace, receiver, 'stream:frame-late')
  const received = eventsOf(trace, receiver, 'stream:frame-received')
  return {
    lost,
    missed: eventsOf(trace, receiver, 'stream:frame-missed').length,
    late: late.length,
    latest: Math.max(0, ...late.map((event) => amount(event, 'late'))),
    received: received.map((event) => amount(event, 'sequence')),
    oldest: Math.max(0, ...received.map((event) => amount(event, 'delay'))),
    youngest: Math.min(...received.map((event) => amount(event, 'delay'))),
    first: amount(received[0], 'delay'),
    isOver: eventsOf(trace, receiver, 'stream:finished').length > 0,
  }
}

function lostIsLost(trace: TraceView): ClaimResult {
  const { lost, missed, late, isOver } = fateOf(trace, 'ann', 'ben')
  if (!isOver) return noOccasion('the call over UDP did not end')
  if (eventsOf(trace, 'ann', 'arp:failed').length > 0)
    return noOccasion('Ann could not find out Ben’s hardware address for seconds')
  return {
    holds: missed === lost && late === 0,
    evidence: `${count(lost, 'packet')} lost, ${count(missed, 'slot')} missed, ${count(late, 'frame')} late.`,
  }
}

function nothingMissingInTheEnd(trace: TraceView): ClaimResult {
  const { received, lost, isOver } = fateOf(trace, 'cleo', 'dan')
  if (!isOver) return noOccasion('the call over TCP did not end')
  return {
    holds: received.length === FRAMES && received.every((sequence, index) => sequence === index),
    evidence: `${count(lost, 'packet')} lost, and yet ${String(received.length)} of ${String(FRAMES)} frames came, in order.`,
  }
}

function lateIsWorse(trace: TraceView): ClaimResult {
  const { lost, missed, latest, isOver, first, youngest } = fateOf(trace, 'cleo', 'dan')
  if (!isOver) return noOccasion('the call over TCP did not end')
  const end = eventsOf(trace, 'cleo', 'stream:frame-sent').at(-1)?.time ?? 0
  const isEarly = (frame: FrameRecord): boolean =>
    frame.kind === 'tcp-data' && isLost(frame) && frame.enqueued < end - 5 * INTERVAL
  if (framesFrom(trace, 'cleo', isEarly).length === 0) return noOccasion('none of its packets was lost, or but the very last')
  if (first >= youngest + INTERVAL)
    return noOccasion(
      `the first frame was late already, and Dan’s clock with it, by ${time(first - youngest)} for the whole call`,
    )
  return {
    holds: missed > lost,
    evidence: `${count(lost, 'packet')} lost, ${count(missed, 'slot')} missed: their frames came up to ${time(latest)} too late.`,
  }
}

function ageOfSpeech(trace: TraceView): ClaimResult {
  const udp = fateOf(trace, 'ann', 'ben')
  const tcp = fateOf(trace, 'cleo', 'dan')
  if (tcp.lost === 0) return noOccasion('no packet of the call over TCP was lost')
  if (udp.received.length === 0 || tcp.received.length === 0) return noOccasion('one of the calls did not begin')
  // What waited for a hardware address is another matter.
  const resolved = eventsOf(trace, 'ann', 'arp:resolved')[0]?.time ?? 0
  const ages = eventsOf(trace, 'ben', 'stream:frame-received')
    .filter((event) => event.time - amount(event, 'delay') >= resolved)
    .map((event) => amount(event, 'delay'))
  const oldest = Math.max(...ages)
  return {
    holds: tcp.oldest > oldest + INTERVAL,
    evidence: `The oldest frame was ${time(oldest)} old on arrival over UDP, and ${time(tcp.oldest)} over TCP.`,
  }
}

const caller = { app: 'stream-sender', count: FRAMES, start: '300 ms', ...VOICE } as const
const listener = { app: 'stream-receiver', playout: '60 ms', ...VOICE } as const

export default defineScenario({
  id: 'udp-vs-tcp',
  title: 'A voice over UDP and over TCP',
  summary: 'The same call twice, over two lines that lose as much: where UDP leaves a gap of 20 ms, TCP repairs it, too late.',
  seed: 6,
  duration: '60 s',
  speed: 0.05,
  hosts: {
    // The ping finds the hardware addresses, so that the first frame need not wait for them.
    ann: {
      label: 'Ann, by UDP',
      position: { x: 0, y: 0.1 },
      apps: [
        { app: 'ping', to: 'ben', count: 1 },
        { ...caller, to: 'ben', transport: 'udp' },
      ],
    },
    ben: { label: 'Ben', position: { x: 1, y: 0.1 }, apps: [{ ...listener, transport: 'udp' }] },
    cleo: {
      label: 'Cleo, by TCP',
      position: { x: 0, y: 0.9 },
      apps: [
        { app: 'ping', to: 'dan', count: 1 },
        { ...caller, to: 'dan', transport: 'tcp' },
      ],
      tcp: { timeWait: '200 ms' },
    },
    dan: { label: 'Dan', position: { x: 1, y: 0.9 }, apps: [{ ...listener, transport: 'tcp' }], tcp: { timeWait: '200 ms' } },
  },
  links: [
    { between: ['ann', 'ben'], name: 'udp', rate: '2 Mbit/s', delay: '50 ms', loss: '3 %' },
    { between: ['cleo', 'dan'], name: 'tcp', rate: '2 Mbit/s', delay: '50 ms', loss: '3 %' },
  ],
  knobs: {
    loss: {
      label: 'Packet loss',
      help: 'On both lines, in both directions, at random.',
      range: ['0 %', '10 %'],
      sets: ['links.udp.loss', 'links.tcp.loss'],
    },
    playout: {
      label: 'Playout buffer',
      help: 'How long a listener holds back the first frame: what is late by less is still heard.',
      range: ['20 ms', '500 ms'],
      step: '10 ms',
      scale: 'linear',
      sets: ['hosts.ben.apps[0].playout', 'hosts.dan.apps[0].playout'],
    },
  },
  views: ['events'],
  lesson: [
    {
      text: 'Two calls, each over a line of its own. Every 20 ms a frame of speech sets out, and 60 ms after the first has come the listener begins to play, one frame every 20 ms. Press play.',
      until: { event: 'stream:frame-played' },
    },
    {
      text: 'Both lines lose 3 %. Watch for the first loss on the upper one. **UDP** does nothing about it: one slot stays silent, and the next frame is played in time.',
      until: { event: 'stream:frame-missed' },
    },
    {
      text: 'On the lower one **TCP** repairs: three duplicate ACKs, and the segment is sent again. But what came behind it is held back until then, and its slots pass. They come, *too late*.',
      until: { event: 'stream:frame-late' },
    },
    {
      text: 'Drop one packet on each line by hand, and compare how many slots are missed.',
      until: { intervention: 'drop' },
    },
    {
      text: 'Give the listener more patience: set the *playout buffer* to 250 ms. Now TCP repairs nearly everything in time. What did that cost the conversation?',
    },
    { text: 'There is no free choice here: late, or lost. A call takes lost, a download takes late.' },
  ],
  claims: [
    {
      says: 'Over UDP, a lost packet costs its own slot and no other. Nothing comes late.',
      cites: 'RFC 768; RFC 8085 section 3.3',
      holds: lostIsLost,
    },
    {
      says: 'Over TCP every frame comes in the end, in order, whatever was lost.',
      cites: 'RFC 9293 section 2.2',
      holds: nothingMissingInTheEnd,
    },
    {
      says: 'With this buffer, the call over TCP misses more slots than packets were lost.',
      cites: 'RFC 9293 section 2.2; RFC 5681 section 3.2',
      holds: lateIsWorse,
    },
    {
      says: 'Speech that has waited for a repair is older than any that came over UDP.',
      cites: 'RFC 5681 section 3.2',
      holds: ageOfSpeech,
    },
  ],
})
