import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { FrameRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, framesFrom, isLost, noOccasion, time } from '../measure.ts'

const EXCHANGES = 8
const KEYS = 40
/** A delayed acknowledgment must come within it (RFC 9293 section 3.8.6.3), in nanoseconds. */
const LATEST_ACK = 500e6

const pieces = Array.from({ length: EXCHANGES }, () => [
  { do: 'send', bytes: '200 B' } as const,
  { do: 'send', bytes: '200 B' } as const,
  { do: 'read', bytes: '100 B' } as const,
]).flat()
const whole = Array.from({ length: EXCHANGES }, () => [
  { do: 'send', bytes: '400 B' } as const,
  { do: 'read', bytes: '100 B' } as const,
]).flat()
const keys = Array.from({ length: KEYS }, () => [
  { do: 'send', bytes: '1 B' } as const,
  { do: 'sleep', for: '5 ms' } as const,
]).flat()
const answers = Array.from({ length: EXCHANGES }, () => [
  { do: 'read', bytes: '400 B' } as const,
  { do: 'send', bytes: '100 B' } as const,
]).flat()

function data(trace: TraceView, host: string): FrameRecord[] {
  return framesFrom(trace, host, ({ kind }) => kind === 'tcp-data')
}

/** How long each exchange took: from the first piece of a request to the whole answer. */
function exchanges(trace: TraceView): number[] {
  const steps = eventsOf(trace, 'alice', 'script:step')
  const asked = steps.filter(({ data: { do: step } }, index) => step === 'send' && steps[index - 1]?.data['do'] !== 'send')
  const read = eventsOf(trace, 'alice', 'script:read').filter((event) => amount(event, 'bytes') === 100)
  return read.map((event, index) => event.time - (asked[index]?.time ?? Number.NaN))
}

function everythingIsAnswered(trace: TraceView): ClaimResult {
  const wanted = eventsOf(trace, 'alice', 'script:step').filter(({ data: { do: step } }) => step === 'read').length
  if (wanted === 0) return noOccasion('Alice asked for nothing')
  const took = exchanges(trace)
  const mean = took.reduce((sum, each) => sum + each, 0) / took.length
  return {
    holds: took.length === wanted,
    evidence: `${count(took.length, 'answer')} to ${count(wanted, 'request')}, each after ${time(mean)} in the mean.`,
  }
}

function smallSegmentsWait(trace: TraceView): ClaimResult {
  const alice = trace.hosts.indexOf('alice')
  const sent = data(trace, 'alice').filter(({ mark }) => mark === 0)
  const acked = [...trace.frames(({ to, kind, fate }) => to === alice && kind.startsWith('tcp-') && fate === 'arrived')]
  const waited = sent.filter((frame, index) => {
    const before = sent[index - 1]
    return before !== undefined && acked.some(({ arrives }) => arrives > before.enqueued && arrives <= frame.enqueued)
  })
  const pairs = sent.length - 1
  if (pairs < 1) return noOccasion('Alice sent one segment only')
  if (waited.length < pairs / 2) return noOccasion('Nagle’s algorithm was off')
  return {
    holds: waited.length === pairs,
    evidence: `${count(pairs, 'small segment')} after the first, and something from Bob came before ${waited.length === pairs ? 'each' : String(waited.length)} of them.`,
  }
}

function acksAreNotTooLate(trace: TraceView): ClaimResult {
  const bob = trace.hosts.indexOf('bob')
  const arrived = [...trace.frames(({ to, kind, fate }) => to === bob && kind === 'tcp-data' && fate === 'arrived')]
  const sent = framesFrom(trace, 'bob', ({ kind }) => kind.startsWith('tcp-'))
  const waits = arrived.flatMap(({ arrives }) => {
    const answer = sent.find(({ enqueued }) => enqueued >= arrives)
    return answer === undefined ? [] : answer.enqueued - arrives
  })
  if (waits.length === 0) return noOccasion('nothing came to Bob')
  const longest = Math.max(...waits)
  return {
    holds: longest < LATEST_ACK,
    evidence: `Bob acknowledged ${count(waits.length, 'segment')}, the slowest after ${time(longest)}.`,
  }
}

function oneWaitsForTheOther(trace: TraceView): ClaimResult {
  if (trace.all('tcp:segment-retransmitted').length > 0 || [...trace.frames(isLost)].length > 0)
    return noOccasion('something was lost, and that takes longer')
  const took = exchanges(trace)
  const pieces = data(trace, 'alice')
  const [first, second] = pieces
  if (took.length === 0 || first === undefined || second === undefined) return noOccasion('there were no exchanges')
  const trip = 2 * (first.arrives - first.sent)
  const inTheWay = pieces.length > took.length && second.enqueued > first.enqueued
  const slow = took.filter((each) => each > 1.5 * trip).length
  return {
    holds: inTheWay ? slow === took.length : slow === 0,
    evidence: inTheWay
      ? `The second piece waited for Bob’s acknowledgment of the first. ${count(slow, 'exchange')} of ${String(took.length)} took more than one and a half round trips of ${time(trip)}.`
      : `No request waited for an acknowledgment: the slowest answer took ${time(Math.max(...took))}, the round trip is ${time(trip)}.`,
  }
}

export default defineScenario({
  id: 'nagle-and-delayed-ack',
  title: 'Two good ideas that wait for each other',
  summary:
    'Nagle’s algorithm holds back small segments, delayed acknowledgments hold back the answer that it waits for: forty lost milliseconds, without anything being lost.',
  seed: 1,
  duration: '20 s',
  speed: 0.02,
  hosts: {
    alice: {
      label: 'Alice',
      position: { x: 0, y: 0.5 },
      app: 'socket-script',
      connect: 'bob:4000',
      steps: [...pieces, 'close', 'wait-closed'],
      tcp: { timeWait: '50 ms' },
    },
    bob: {
      label: 'Bob',
      position: { x: 1, y: 0.5 },
      app: 'socket-script',
      listen: 4000,
      steps: [...answers, 'read-to-end', 'close', 'wait-closed'],
      tcp: { timeWait: '50 ms' },
    },
  },
  links: [{ between: ['alice', 'bob'], rate: '10 Mbit/s', delay: '10 ms' }],
  knobs: {
    nagle: {
      label: 'Nagle’s algorithm',
      help: 'Alice holds back a small segment while an earlier one is not acknowledged. Off is what programs call TCP_NODELAY.',
      sets: 'hosts.alice.tcp.nagle',
    },
    delayed: {
      label: 'Delayed acknowledgments',
      help: 'Bob waits a while with an acknowledgment, in the hope that it can travel with data.',
      sets: 'hosts.bob.tcp.delayedAck',
    },
    wait: {
      label: 'How long Bob waits with an ACK',
      range: ['10 ms', '400 ms'],
      step: '10 ms',
      scale: 'linear',
      sets: 'hosts.bob.tcp.delayedAckTimeout',
    },
    writes: {
      label: 'What Alice’s program writes',
      choices: [
        { value: 'pieces', label: 'Each request in two pieces' },
        { value: 'whole', label: 'Each request in one piece', sets: { 'hosts.alice.steps': [...whole, 'close', 'wait-closed'] } },
        {
          value: 'keys',
          label: 'Forty keys, 5 ms apart',
          sets: {
            'hosts.alice.steps': [...keys, 'close', 'wait-closed'],
            'hosts.bob.steps': ['read-to-end', 'close', 'wait-closed'],
          },
        },
      ],
    },
    loss: { label: 'Packet loss', help: 'In both directions, at random.', range: ['0 %', '10 %'], sets: 'links[0].loss' },
  },
  views: ['events'],
  lesson: [
    {
      text: 'Alice asks Bob eight short questions, one after the other. Her program writes each in **two pieces**, a head and a body. Press play, and watch the first exchange.',
      until: { event: 'script:read' },
    },
    {
      text: 'The first piece left at once. The second did not: with **Nagle’s algorithm** a small segment waits until everything before it is acknowledged. And Bob, who cannot answer half a question, **delays his ACK** by 40 ms. Each waits for the other.',
      until: { time: '300 ms' },
    },
    {
      text: 'Switch *Nagle’s algorithm* off. Both pieces leave together, and the answer is there after one round trip. Switch it on again and *delayed acknowledgments* off: now it takes two, for the second piece still waits for the ACK of the first.',
    },
    {
      text: 'Or mend the program: choose *each request in one piece*. Nothing has to be switched off, and there are fewer packets.',
    },
    {
      text: 'Then see what Nagle was after: *forty keys*. With it a handful of segments carry them all; without, each byte travels in a packet of its own, with more than fifty bytes of headers.',
    },
  ],
  claims: [
    {
      says: 'Every request gets its answer.',
      cites: 'RFC 9293 section 3.8.6.2.1',
      holds: everythingIsAnswered,
    },
    {
      says: 'With Nagle’s algorithm a small segment leaves only after an acknowledgment of the one before.',
      cites: 'RFC 9293 section 3.7.4',
      holds: smallSegmentsWait,
    },
    {
      says: 'An acknowledgment is never held back for half a second.',
      cites: 'RFC 9293 section 3.8.6.3',
      holds: acksAreNotTooLate,
    },
    {
      says: 'Where the second piece has to wait for a delayed acknowledgment, every exchange is slow; elsewhere none is.',
      cites: 'RFC 9293 section 3.7.4',
      holds: oneWaitsForTheOther,
    },
  ],
})
