import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, framesFrom, isLost, noOccasion, time } from '../measure.ts'

const FILE = 1_500_000
/** Fewer losses than this say nothing about how they are spread. */
const ENOUGH = 6

/** What a line took on the way from the server, how it was spread, and what the server's TCP made of it. */
function toll(trace: TraceView, server: string, client: string) {
  const sent = framesFrom(trace, server, () => true)
  const lost = sent.map((frame) => isLost(frame) && frame.fate !== 'dropped-by-hand' && frame.fate !== 'link-down')
  const runs = lost.filter((is, index) => is && !lost[index - 1]).length
  const done = eventsOf(trace, client, 'script:read')[0]
  return {
    lost: lost.filter(Boolean).length,
    runs,
    longest: longestRun(lost),
    /** How often the congestion window was cut: once for each entry into recovery, and for each timeout. */
    reductions: eventsOf(trace, server, 'tcp:fast-retransmit-entered').length + eventsOf(trace, server, 'tcp:rto-expired').length,
    recoveries: eventsOf(trace, server, 'tcp:fast-retransmit-entered').length,
    timeouts: eventsOf(trace, server, 'tcp:rto-expired').length,
    done,
    duration: done?.time ?? Number.NaN,
  }
}

function longestRun(lost: readonly boolean[]): number {
  let longest = 0
  let length = 0
  for (const is of lost) {
    length = is ? length + 1 : 0
    longest = Math.max(longest, length)
  }
  return longest
}

const lines = (trace: TraceView) => ({ random: toll(trace, 'ben', 'ann'), bursts: toll(trace, 'dan', 'cleo') })

function inARow(trace: TraceView): ClaimResult {
  const { random, bursts } = lines(trace)
  if (random.lost < ENOUGH || bursts.lost < ENOUGH) return noOccasion('one of the lines lost too few packets')
  return {
    holds: bursts.lost / bursts.runs > random.lost / random.runs,
    evidence: `At random ${count(random.lost, 'packet')} in ${count(random.runs, 'place')}, at most ${String(random.longest)} in a row; in bursts ${count(bursts.lost, 'packet')} in ${count(bursts.runs, 'place')}, at most ${String(bursts.longest)} in a row.`,
  }
}

function onePerPlace(trace: TraceView): ClaimResult {
  const { random, bursts } = lines(trace)
  if (random.lost + bursts.lost === 0) return noOccasion('nothing was lost')
  return {
    holds: random.recoveries <= random.runs && bursts.recoveries <= bursts.runs,
    evidence: `Ben cut his window ${count(random.recoveries, 'time')} for ${count(random.runs, 'place')} with losses, Dan ${count(bursts.recoveries, 'time')} for ${count(bursts.runs, 'place')}; timeouts apart.`,
  }
}

function cheaperPerPacket(trace: TraceView): ClaimResult {
  const { random, bursts } = lines(trace)
  if (random.lost < ENOUGH || bursts.lost < ENOUGH) return noOccasion('one of the lines lost too few packets')
  if (bursts.lost / bursts.runs < (2 * random.lost) / random.runs)
    return noOccasion('the bursts were hardly longer than by chance')
  const each = ({ reductions, lost }: typeof random): number => reductions / lost
  return {
    holds: each(bursts) < each(random),
    evidence: `${count(random.reductions, 'reduction')} of the window for ${count(random.lost, 'lost packet')} at random, ${count(bursts.reductions, 'reduction')} for ${count(bursts.lost, 'lost packet')} in bursts.`,
  }
}

function arrivesWhole(trace: TraceView): ClaimResult {
  const both = Object.values(lines(trace))
  if (both.some(({ done }) => done === undefined)) return noOccasion('one of the downloads did not end')
  const [random, bursts] = both
  return {
    holds: both.every(({ done }) => amount(done, 'bytes') === FILE),
    evidence: `Over the line with random losses after ${time(random.duration)}, over the one with bursts after ${time(bursts.duration)}.`,
  }
}

const line = { rate: '10 Mbit/s', delay: '20 ms', queue: '100 packets' } as const
const request = { do: 'send', bytes: '100 B' } as const
const FETCH = [request, { do: 'read', bytes: '1500 kB' }, 'close', 'wait-closed'] as const
const SERVE = [
  { do: 'read', bytes: request.bytes },
  { do: 'send', bytes: '1500 kB' },
  'read-to-end',
  'close',
  'wait-closed',
] as const
const server = { app: 'socket-script', listen: 4000, tcp: { timeWait: '200 ms' } } as const
/** No more is on the way than the line and its queue can hold: whatever is lost, the line has lost. */
const reader = { app: 'socket-script', tcp: { receiveBuffer: '100 kB', timeWait: '200 ms' } } as const

export default defineScenario({
  id: 'burst-loss',
  title: 'Two per cent is not two per cent',
  summary:
    'Two lines lose as much, one now and then a packet, one several in a row. The same download over both: which is faster, and why?',
  seed: 7,
  duration: '120 s',
  speed: 0.05,
  hosts: {
    ben: { label: 'Ben', position: { x: 0, y: 0.1 }, ...server, steps: [...SERVE] },
    ann: { label: 'Ann, losses at random', position: { x: 1, y: 0.1 }, ...reader, connect: 'ben:4000', steps: [...FETCH] },
    dan: { label: 'Dan', position: { x: 0, y: 0.9 }, ...server, steps: [...SERVE] },
    cleo: { label: 'Cleo, losses in bursts', position: { x: 1, y: 0.9 }, ...reader, connect: 'dan:4000', steps: [...FETCH] },
  },
  links: [
    { between: ['ben', 'ann'], name: 'random', ...line, forward: { loss: '2 %' } },
    { between: ['dan', 'cleo'], name: 'bursts', ...line, forward: { loss: '2 %', lossBurst: 4 } },
  ],
  knobs: {
    loss: {
      label: 'Packet loss',
      help: 'On both lines, on the way of the file.',
      range: ['0 %', '5 %'],
      step: '0.5 %',
      sets: ['links.random.forward.loss', 'links.bursts.forward.loss'],
    },
    length: {
      label: 'Mean burst length',
      help: 'How many packets in a row the lower line takes. Its share of losses stays the same.',
      range: [2, 10],
      step: 1,
      scale: 'linear',
      sets: 'links.bursts.forward.lossBurst',
    },
    sack: {
      label: 'Selective acknowledgments',
      help: 'The receivers say what they have beyond a hole.',
      sets: ['hosts.ann.tcp.sack', 'hosts.ben.tcp.sack', 'hosts.cleo.tcp.sack', 'hosts.dan.tcp.sack'],
    },
  },
  views: ['events'],
  lesson: [
    {
      text: 'Ann and Cleo fetch the same file, each over a line of her own. Both lines lose 2 % of what is sent to them. Press play, and guess who is done first.',
      until: { event: 'tcp:fast-retransmit-entered' },
    },
    {
      text: 'On the **upper** line packets get lost one by one. Each time Ben repairs it, and halves his congestion window: for him a loss is a sign of congestion.',
      until: { time: '1500 ms' },
    },
    {
      text: 'On the **lower** line nothing happens for long, and then several go at once. Dan halves his window for all of them together, *once*.',
      until: { event: 'script:read' },
    },
    { text: 'Look at *claims*: how many packets did each line take, in how many places, and how often was the window cut?' },
    {
      text: 'Make the bursts longer, up to 10 packets, and play it again with other seeds. Mostly it gets faster still; sometimes it does not end well. Watch for the **timer**.',
      until: { event: 'tcp:rto-expired' },
    },
    {
      text: 'Switch off *selective acknowledgments*. Now Dan hears of one hole in each round trip, so a burst of four costs him four. Who is ahead now?',
      until: { intervention: 'set' },
    },
    { text: 'A loss rate says little. Ask how long the bursts are, and in which direction.' },
  ],
  claims: [
    {
      says: 'The second line loses its packets in longer rows than the first.',
      cites: 'RFC 3357 section 3',
      holds: inARow,
    },
    {
      says: 'A row of losses makes a sender enter recovery once at most.',
      cites: 'RFC 6582 section 3.2; RFC 6675 section 5',
      holds: onePerPlace,
    },
    {
      says: 'For each packet that is lost, the window is cut less often where losses come in bursts.',
      cites: 'RFC 5681 section 3.2',
      holds: cheaperPerPacket,
    },
    {
      says: 'Both files arrive whole.',
      cites: 'RFC 9293 section 2.2',
      holds: arrivesWhole,
    },
  ],
})
