import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { FrameRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, framesFrom, isLost, noOccasion, time } from '../measure.ts'

/** Nanoseconds of a full frame on the bottleneck. */
const FRAME = (1514 * 8 * 1e9) / 4_000_000
/** There and back over Ann's path while it is empty: twice 12 ms of delay. */
const ROUND_TRIP = 24e6
/** So long after Ben's beginning the shares are measured, when he has had time to claim his. */
const SETTLED = 1e9
/** For so long at most: after ten seconds BBR measures its path anew, and what was true before need not be afterwards. */
const MEASURED = 7e9
/** By then Ann's slow start is over. */
const ALONE = 0.7e9
/** Shares over less than this are chance. */
const LEAST = 2e9
/** After fewer reductions of each window shares have not found their balance. */
const ENOUGH = 4
/** Round trips that differ by less are taken for equal. */
const NEAR = 4e6
/** Windows below this, in bytes, are so few segments that their reductions, in whole segments, tell nothing. */
const TELLING = 8 * 1448

/** What becomes of packets that a queue has no room for, or no time. */
const QUEUES: ReadonlySet<string> = new Set(['queue-full', 'codel-drop', 'pushed-out'])

const SENDERS = ['ann', 'ben'] as const
type Sender = (typeof SENDERS)[number]

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0)
const percent = (share: number): string => `${String(Math.round(100 * share))} %`
const waitOf = ({ enqueued, sent }: FrameRecord): number => sent - enqueued

/** What went over the bottleneck, whose it was, and what was lost on the way. */
function bottleneck(trace: TraceView) {
  const to = trace.hosts.indexOf('carol')
  const data = framesFrom(trace, 'router', (frame) => frame.to === to && frame.kind === 'tcp-data')
  const passed = data.filter(({ fate }) => fate === 'arrived')
  const [ann, ben] = SENDERS.map((host) => {
    const connection = framesFrom(trace, host, ({ kind }) => kind === 'tcp-data')[0]?.connection
    return passed.filter((frame) => frame.connection === connection)
  })
  return {
    passed,
    ann,
    ben,
    pushedOut: data.filter(({ fate }) => fate === 'pushed-out'),
    overflows: data.filter(({ fate }) => fate === 'queue-full'),
    /** Whether anything but a queue took packets away, or a link is no longer what it was. */
    troubled:
      [...trace.frames((frame) => isLost(frame) && !QUEUES.has(frame.fate))].length > 0 ||
      trace.first('run:link-changed') !== undefined,
    /** Whether one that came later left earlier: the queue serves flows in turn. */
    inTurn: passed.some((frame, index) => index > 0 && frame.sent < passed[index - 1].sent),
  }
}
type Bottleneck = ReturnType<typeof bottleneck>

/** What each got while both were sending; undefined when that was not for long enough. */
function sharing({ ann, ben, passed }: Bottleneck) {
  const from = (ben[0]?.enqueued ?? Infinity) + SETTLED
  const to = Math.min(ann.at(-1)?.arrives ?? 0, ben.at(-1)?.arrives ?? 0, from + MEASURED)
  if (to - from < LEAST) return undefined
  const during = (frames: readonly FrameRecord[]): FrameRecord[] =>
    frames.filter(({ arrives }) => arrives >= from && arrives < to)
  const bytes = (frames: readonly FrameRecord[]): number => during(frames).reduce((sum, { length }) => sum + length, 0)
  const [hers, his] = [bytes(ann), bytes(ben)]
  return {
    from,
    to,
    share: { ann: hers / (hers + his), ben: his / (hers + his) },
    /** Jain's fairness index: 1 when both get as much, one half when one gets all. */
    jain: (hers + his) ** 2 / (2 * (hers ** 2 + his ** 2)),
    busy: (during(passed).length * FRAME) / (to - from),
    waits: during(passed).map(waitOf),
  }
}

/** How a sender answers a loss, from its own events. */
function answerOf(trace: TraceView, host: Sender) {
  const cuts: number[] = []
  const ratios: number[] = []
  let before = Number.NaN
  let entered = false
  const windows = trace.events.filter(
    (event) =>
      trace.hosts[event.host] === host &&
      (event.name === 'tcp:congestion-updated' || event.name === 'tcp:fast-retransmit-entered'),
  )
  for (const event of windows) {
    if (event.name === 'tcp:fast-retransmit-entered') {
      entered = true
      continue
    }
    if (entered) cuts.push(event.time)
    if (entered && before >= TELLING) ratios.push(amount(event, 'ssthresh') / before)
    entered = false
    before = amount(event, 'cwnd')
  }
  const thresholds = windows.map((event) => amount(event, 'ssthresh')).filter((value) => !Number.isNaN(value))
  return {
    /** When it cut its window. */
    cuts,
    /** To what part of it the window is cut. */
    factor: median(ratios),
    /** Whether it takes a loss for a message at all. BBR never sets a slow-start threshold. */
    heeds: thresholds.some((value) => value !== thresholds[0]),
  }
}

/** How much longer Ben's way to the router is than Ann's, one way. */
function detour(trace: TraceView): number {
  const [ann, ben] = SENDERS.map((host) => {
    const transits = framesFrom(trace, host, ({ fate, kind }) => fate === 'arrived' && kind.startsWith('tcp-'))
    return transits.reduce((least, { sent, arrives }) => Math.min(least, arrives - sent), Infinity)
  })
  return ben - ann
}

const TROUBLED = 'packets were lost that no queue had taken, or a link was changed on the way'
const TOO_SHORT = 'they did not send together for long enough'

function lineIsBusy(trace: TraceView): ClaimResult {
  const line = bottleneck(trace)
  const shared = sharing(line)
  if (shared === undefined) return noOccasion(TOO_SHORT)
  if (line.troubled) return noOccasion(TROUBLED)
  return {
    holds: shared.busy > 0.9,
    evidence: `The line was busy for ${percent(shared.busy)} of the time; half of the packets waited in front of it for more than ${time(median(shared.waits))}.`,
  }
}

function alikeMeansEven(trace: TraceView): ClaimResult {
  const line = bottleneck(trace)
  const shared = sharing(line)
  if (shared === undefined) return noOccasion(TOO_SHORT)
  if (line.troubled) return noOccasion(TROUBLED)
  if (line.inTurn) return noOccasion('the router took care of it')
  const [ann, ben] = SENDERS.map((host) => answerOf(trace, host))
  if (!ann.heeds || !ben.heeds) return noOccasion('one of them does not heed losses')
  if (Number.isNaN(ann.factor + ben.factor)) return noOccasion('one of them hardly met with a loss')
  const answers = `Ann cut her window to ${percent(ann.factor)} of it, Ben his to ${percent(ben.factor)}`
  if (Math.abs(ann.factor - ben.factor) > 0.08) return noOccasion(`they answer losses in different ways; ${answers}`)
  const longer = 2 * detour(trace)
  if (Math.abs(longer) < NEAR) {
    const during = [ann, ben].map(({ cuts }) => cuts.filter((at) => at >= shared.from && at < shared.to).length)
    if (Math.min(...during) < ENOUGH) return noOccasion('one of them met with too few losses to find its balance')
    return {
      // Neither has three times as much as the other.
      holds: shared.jain >= 0.8,
      evidence: `${answers}; Ben got ${percent(shared.share.ben)}. Jain’s index is ${shared.jain.toFixed(3)}.`,
    }
  }
  if (longer < 2 * ROUND_TRIP) return noOccasion('one way was longer, but not by much')
  return {
    holds: shared.share.ben < 0.5,
    evidence: `${answers}. Ben’s round trip is longer by ${time(longer)}, and he got ${percent(shared.share.ben)}.`,
  }
}

function onlyOneNeedsTheQueue(trace: TraceView): ClaimResult {
  const line = bottleneck(trace)
  const second = line.ben[0]?.enqueued ?? Infinity
  const alone = line.ann.filter(({ enqueued }) => enqueued > ALONE && enqueued < second)
  if (alone.length < 100) return noOccasion('Ann did not send alone for long enough')
  if (line.troubled) return noOccasion(TROUBLED)
  if (line.inTurn) return noOccasion('the router keeps its queue short itself')
  const waits = alone.map(waitOf)
  const overflows = line.overflows.filter(({ enqueued }) => enqueued < second).length
  const half = `half of Ann’s packets waited for more than ${time(median(waits))}`
  if (answerOf(trace, 'ann').heeds) {
    return {
      holds: overflows > 0 || most(waits) > ROUND_TRIP,
      evidence: `Alone, ${half}, at most ${time(most(waits))}; ${count(overflows, 'packet')} found the queue full.`,
    }
  }
  return {
    // It has no more in flight than twice what the path holds.
    holds: median(waits) < ROUND_TRIP,
    evidence: `Alone and without regard to losses, ${half}; there and back takes ${time(ROUND_TRIP)}.`,
  }
}

function theQueueDecides(trace: TraceView): ClaimResult {
  const line = bottleneck(trace)
  const shared = sharing(line)
  if (shared === undefined) return noOccasion(TOO_SHORT)
  if (line.troubled) return noOccasion(TROUBLED)
  if (line.inTurn) return noOccasion('the router took care of it')
  const [ann, ben] = SENDERS.map((host) => answerOf(trace, host).heeds)
  if (ann === ben) return noOccasion('both answer losses, or neither does')
  if (Math.abs(2 * detour(trace)) > NEAR) return noOccasion('one way was longer')
  const longest = most(shared.waits)
  const careful = ann ? 'ann' : 'ben'
  const got = `The one that heeds losses got ${percent(shared.share[careful])} where the longest wait was ${time(longest)}`
  if (longest < ROUND_TRIP) return { holds: shared.share[careful] < 1 / 3, evidence: `${got}, less than a round trip.` }
  if (longest > 5 * ROUND_TRIP && ben) return { holds: shared.share.ben > 2 / 3, evidence: `${got}, more than five round trips.` }
  return noOccasion(`the queue was neither short nor long to the one that was there first; ${got}`)
}

function inTurnMeansEven(trace: TraceView): ClaimResult {
  const line = bottleneck(trace)
  const shared = sharing(line)
  if (shared === undefined) return noOccasion(TOO_SHORT)
  if (line.troubled) return noOccasion(TROUBLED)
  if (!line.inTurn) return noOccasion('the queue was first come, first served')
  if (line.pushedOut.some(({ enqueued }) => enqueued >= shared.from && enqueued < shared.to))
    return noOccasion('the queue was too small to have a packet of each waiting')
  return {
    holds: shared.jain > 0.95,
    evidence: `Ben got ${percent(shared.share.ben)}, Jain’s index is ${shared.jain.toFixed(3)}; half of the packets waited for less than ${time(median(shared.waits))}.`,
  }
}

const steps = (bytes: `${number} ${'kB' | 'MB'}`) => [{ do: 'send', bytes }, 'close', 'wait-closed'] as const
const tcp = { preset: 'linux', congestionControl: 'new-reno', hystart: 'off', timeWait: '200 ms' } as const
const LARGE = '8 MB'

/** As in Linux, where leaving slow start early is a part of CUBIC. */
const algorithms = (host: Sender) => [
  { value: 'new-reno', label: 'Reno' },
  {
    value: 'cubic',
    label: 'CUBIC',
    sets: { [`hosts.${host}.tcp.congestionControl`]: 'cubic', [`hosts.${host}.tcp.hystart`]: 'hystart' },
  },
  { value: 'bbr', label: 'BBR', sets: { [`hosts.${host}.tcp.congestionControl`]: 'bbr' } },
]

export default defineScenario({
  id: 'congestion',
  title: 'Two strangers share a line',
  summary:
    'Ann and Ben send through one bottleneck, and nobody tells them how much is theirs. Reno, CUBIC and BBR find out, each in its own way, and not each gets along with the others.',
  seed: 4,
  duration: '60 s',
  speed: 0.05,
  hosts: {
    ann: {
      label: 'Ann',
      position: { x: 0, y: 0.1 },
      app: 'socket-script',
      connect: 'carol:4000',
      steps: [...steps('2400 kB')],
      tcp,
    },
    ben: {
      label: 'Ben',
      position: { x: 0, y: 0.9 },
      app: 'socket-script',
      connect: 'carol:4001',
      start: '1500 ms',
      steps: [...steps('2400 kB')],
      tcp,
    },
    router: { label: 'Router', kind: 'router', position: { x: 0.4, y: 0.5 } },
    carol: {
      label: 'Carol',
      position: { x: 1, y: 0.5 },
      apps: [
        { app: 'socket-script', listen: 4000, steps: ['read-to-end', 'close', 'wait-closed'] },
        { app: 'socket-script', listen: 4001, steps: ['read-to-end', 'close', 'wait-closed'] },
      ],
      tcp: { preset: 'linux', timeWait: '200 ms' },
    },
  },
  links: [
    // Nothing in a network keeps time to the microsecond. If it did, one and the same sender would meet with every full queue.
    { between: ['ann', 'router'], name: 'ann', rate: '100 Mbit/s', delay: '2 ms', jitter: '1 ms' },
    { between: ['ben', 'router'], name: 'ben', rate: '100 Mbit/s', delay: '2 ms', jitter: '1 ms' },
    { between: ['router', 'carol'], name: 'bottleneck', rate: '4 Mbit/s', delay: '10 ms', queue: '25 packets' },
  ],
  knobs: {
    ann: { label: 'Ann’s congestion control', choices: algorithms('ann') },
    ben: { label: 'Ben’s congestion control', choices: algorithms('ben') },
    queue: {
      label: 'Queue at the bottleneck',
      help: 'How many packets may wait in the router.',
      range: ['5 packets', '100 packets'],
      scale: 'log',
      sets: 'links.bottleneck.queue',
      restart: true,
    },
    discipline: {
      label: 'The router serves',
      choices: [
        { value: 'drop-tail', label: 'who comes first (drop-tail)' },
        { value: 'fq-codel', label: 'each flow in turn (FQ-CoDel)' },
      ],
      sets: 'links.bottleneck.discipline',
      restart: true,
    },
    delay: {
      label: 'One-way delay from Ben to the router',
      range: ['2 ms', '100 ms'],
      step: '1 ms',
      sets: 'links.ben.delay',
      restart: true,
    },
    loss: {
      label: 'Packet loss at the bottleneck',
      help: 'At random, on the way to Carol.',
      range: ['0 %', '5 %'],
      step: '0.5 %',
      sets: 'links.bottleneck.forward.loss',
      restart: true,
    },
    size: {
      label: 'Each sends',
      choices: [
        { value: 'short', label: '2.4 MB, for ten seconds' },
        {
          value: 'long',
          label: '8 MB, for half a minute',
          sets: { 'hosts.ann.steps': [...steps(LARGE)], 'hosts.ben.steps': [...steps(LARGE)] },
        },
      ],
    },
  },
  views: ['events'],
  lesson: [
    {
      text: 'Ann sends to Carol, over a line of 4 Mbit/s that she knows nothing about. Press play. Each round trip her **window** doubles, until the queue at the router is full.',
      until: { event: 'tcp:fast-retransmit-entered' },
    },
    {
      text: 'A packet found no room. Ann takes that for a message, and halves her window. Then it grows again, by one packet a round trip, up to the next loss: a sawtooth. Watch the queue drain and fill.',
      until: { time: '1500 ms' },
    },
    {
      text: '**Ben** comes. Nobody tells him how much is his. At each overflow whoever has more packets in the queue also gives up more, and then both gain alike. That is why it evens out.',
      until: { event: 'script:read' },
    },
    {
      text: 'See *claims* for who got what. Then move Ben away from the router, to 50 ms. His window too grows by one packet a round trip, but his round trips are longer.',
    },
    {
      text: 'Back to 2 ms, and let Ann use **BBR**. It does not wait for losses, but measures how fast the line is. Alone, it needs hardly any queue. How does it fare when Ben comes with Reno?',
    },
    {
      text: 'Change the queue, to 5 packets and to 100. The same two algorithms: in one case Ben starves, in the other Ann.',
    },
    {
      text: 'Let the router serve *each flow in turn*. Now try any two algorithms, and any queue.',
    },
  ],
  claims: [
    {
      says: 'While both send, the bottleneck is hardly ever idle.',
      cites: 'RFC 5166 section 2.1.1',
      holds: lineIsBusy,
    },
    {
      says: 'Of two that answer losses in the same way neither gets three times as much as the other (Jain’s index is 0.8 or more); but whose way is much longer gets less.',
      cites: 'RFC 5166 section 2.3',
      holds: alikeMeansEven,
    },
    {
      says: 'Whoever waits for losses needs a queue that fills. BBR on its own keeps it short.',
      cites: 'RFC 7567 section 2',
      holds: onlyOneNeedsTheQueue,
    },
    {
      says: 'Where BBR meets an algorithm that heeds losses, the queue decides: in a short one BBR takes most, in a long one that it finds empty it gets least.',
      cites: 'RFC 7567 section 3',
      holds: theQueueDecides,
    },
    {
      says: 'If the router serves flows in turn, both get as much, whatever they do.',
      cites: 'RFC 8290 section 4',
      holds: inTurnMeansEven,
    },
  ],
})
