import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, noOccasion, time } from '../measure.ts'

/** Twice the maximum segment lifetime, as these hosts take it, in nanoseconds. */
const TIME_WAIT = 1e9
const HOSTS = ['alice', 'bob'] as const
const LABELS = { alice: 'Alice', bob: 'Bob' } as const

function enters(trace: TraceView, host: string, state: string): EventRecord[] {
  return eventsOf(trace, host, 'tcp:state-changed').filter(({ data }) => data['to'] === state)
}

function leaves(trace: TraceView, host: string, state: string): EventRecord | undefined {
  return eventsOf(trace, host, 'tcp:state-changed').find(({ data }) => data['from'] === state)
}

function wasReset(trace: TraceView): boolean {
  return [...trace.frames(({ kind }) => kind === 'tcp-rst')].length > 0
}

function isOver(trace: TraceView): boolean {
  return HOSTS.every((host) => enters(trace, host, 'CLOSED').length > 0)
}

function whoFinishesFirstWaits(trace: TraceView): ClaimResult {
  if (wasReset(trace)) return noOccasion('the connection was reset')
  if (!isOver(trace)) return noOccasion('the connection was not over yet')
  const first = HOSTS.filter((host) => enters(trace, host, 'FIN-WAIT-1').length > 0)
  const waited = HOSTS.filter((host) => enters(trace, host, 'TIME-WAIT').length > 0)
  const names = (hosts: typeof first): string => hosts.map((host) => LABELS[host]).join(' and ') || 'nobody'
  return {
    holds: first.join() === waited.join(),
    evidence: `First to finish: ${names(first)}. In TIME-WAIT: ${names(waited)}.`,
  }
}

function timeWaitIsWhole(trace: TraceView): ClaimResult {
  const waits = HOSTS.flatMap((host) => {
    const end = leaves(trace, host, 'TIME-WAIT')
    const begin = enters(trace, host, 'TIME-WAIT')[0]
    if (end?.data['why'] !== 'time-wait-over' || begin === undefined) return []
    const index = trace.hosts.indexOf(host)
    const fins = [
      ...trace.frames(
        ({ kind, to, arrives, fate }) => kind === 'tcp-fin' && to === index && fate === 'arrived' && arrives <= end.time,
      ),
    ]
    // It may have come before the ACK that led to this state.
    const last = Math.max(begin.time, ...fins.map(({ arrives }) => arrives))
    return [{ host, length: end.time - last, total: end.time - begin.time }]
  })
  if (waits.length === 0) return noOccasion(wasReset(trace) ? 'a reset ended it all' : 'nobody came out of TIME-WAIT')
  return {
    holds: waits.every(({ length }) => length === TIME_WAIT),
    evidence: waits
      .map(({ host, length, total }) =>
        total > length
          ? `${LABELS[host]} stayed for ${time(total)}: ${time(length)} after the last FIN that came.`
          : `${LABELS[host]} stayed for ${time(length)}.`,
      )
      .join(' '),
  }
}

function everythingBeforeFinArrives(trace: TraceView): ClaimResult {
  if (wasReset(trace)) return noOccasion('the connection was reset')
  if (!isOver(trace)) return noOccasion('the connection was not over yet')
  const both = HOSTS.map((host) => {
    const peer: 'alice' | 'bob' = host === 'alice' ? 'bob' : 'alice'
    const sent = eventsOf(trace, host, 'script:step').filter(({ data }) => data['do'] === 'send')
    const got = eventsOf(trace, peer, 'tcp:delivered')
    const sum = (events: EventRecord[], key: string): number => events.reduce((total, event) => total + amount(event, key), 0)
    return { host, peer, sent: sum(sent, 'bytes'), got: sum(got, 'length') }
  }).filter(({ sent }) => sent > 0)
  return {
    holds: both.every(({ sent, got }) => sent === got),
    evidence: both
      .map(({ host, peer, sent, got }) => `${LABELS[host]} sent ${count(sent, 'byte')}, ${LABELS[peer]} got ${String(got)}.`)
      .join(' '),
  }
}

function halfIsStillOpen(trace: TraceView): ClaimResult {
  const finished = leaves(trace, 'alice', 'ESTABLISHED')
  const shutDown = eventsOf(trace, 'alice', 'script:step').find(({ data }) => data['do'] === 'shutdown')
  if (shutDown === undefined) return noOccasion('Alice closed both halves')
  if (!isOver(trace)) return noOccasion('the connection was not over yet')
  if (finished?.time !== shutDown.time) return noOccasion('Alice did not finish first')
  const later = eventsOf(trace, 'alice', 'tcp:delivered').filter((event) => event.time > finished.time)
  const bytes = later.reduce((sum, event) => sum + amount(event, 'length'), 0)
  const wanted = eventsOf(trace, 'bob', 'script:step')
    .filter(({ data, time }) => data['do'] === 'send' && time > finished.time)
    .reduce((sum, event) => sum + amount(event, 'bytes'), 0)
  if (wanted === 0) return noOccasion('Bob had nothing more to say')
  return {
    holds: bytes === wanted,
    evidence: `After her FIN, Bob sent ${count(wanted, 'byte')}, and Alice got ${String(bytes)}.`,
  }
}

function resetEndsAll(trace: TraceView): ClaimResult {
  const resets = trace.all('tcp:reset-received')
  const [reset] = resets
  if (reset === undefined) return noOccasion('nobody was reset')
  const later = [
    ...trace.frames(
      ({ kind, from, enqueued }) => kind.startsWith('tcp-') && kind !== 'tcp-rst' && from === reset.host && enqueued > reset.time,
    ),
  ]
  const waited = HOSTS.filter((host) => enters(trace, host, 'TIME-WAIT').some((event) => event.time > reset.time))
  return {
    holds: later.length === 0 && waited.length === 0,
    evidence: `${trace.hosts[reset.host] === 'bob' ? 'Bob' : 'Alice'} took a reset, and sent ${count(later.length, 'segment')} from then on. In TIME-WAIT thereafter: ${waited.map((host) => LABELS[host]).join(' and ') || 'nobody'}.`,
  }
}

const greeting = { do: 'send', bytes: '300 B' } as const
const pause = { do: 'sleep', for: '400 ms' } as const
const reply = { do: 'send', bytes: '3 kB' } as const

export default defineScenario({
  id: 'tcp-close',
  title: 'Four ways to say goodbye',
  summary:
    'A TCP connection is two one-way streets, and each is closed for itself: four segments, half-close, TIME-WAIT, and the reset that ends it all at once.',
  seed: 1,
  duration: '120 s',
  speed: 0.05,
  hosts: {
    alice: {
      label: 'Alice',
      position: { x: 0, y: 0.5 },
      app: 'socket-script',
      connect: 'bob:4000',
      steps: [greeting, pause, 'shutdown', 'read-to-end', 'close', 'wait-closed'],
      // A minute in Linux, four in RFC 9293: too long to watch.
      tcp: { timeWait: '1 s' },
    },
    bob: {
      label: 'Bob',
      position: { x: 1, y: 0.5 },
      app: 'socket-script',
      listen: 4000,
      steps: ['read-to-end', 'close', 'wait-closed'],
      tcp: { timeWait: '1 s' },
    },
  },
  links: [{ between: ['alice', 'bob'], rate: '10 Mbit/s', delay: '50 ms' }],
  knobs: {
    ending: {
      label: 'How it ends',
      choices: [
        { value: 'four-way', label: 'Alice finishes, then Bob' },
        {
          value: 'half-close',
          label: 'Half-close: Bob has more to say',
          sets: { 'hosts.bob.steps': ['read-to-end', reply, { do: 'sleep', for: '300 ms' }, reply, 'close', 'wait-closed'] },
        },
        {
          value: 'simultaneous',
          label: 'Both at the same time',
          sets: {
            // Bob begins to count half a round trip after Alice.
            'hosts.alice.steps': [greeting, { do: 'sleep', for: '450 ms' }, 'shutdown', 'read-to-end', 'close', 'wait-closed'],
            'hosts.bob.steps': [{ do: 'read', bytes: '300 B' }, pause, 'shutdown', 'read-to-end', 'close', 'wait-closed'],
          },
        },
        { value: 'last-ack', label: 'The last ACK is lost', sets: { 'links[0].forward.lossList': [6] } },
        { value: 'reset', label: 'Alice resets', sets: { 'hosts.alice.steps': [greeting, pause, 'reset'] } },
        {
          value: 'unread',
          label: 'Alice closes and has not read',
          sets: {
            'hosts.alice.steps': [greeting, pause, 'close', 'wait-closed'],
            'hosts.bob.steps': [{ do: 'read', bytes: '300 B' }, reply, 'read-to-end', 'close', 'wait-closed'],
          },
        },
      ],
    },
    loss: { label: 'Packet loss', help: 'In both directions, at random.', range: ['0 %', '20 %'], sets: 'links[0].loss' },
  },
  views: ['events'],
  lesson: [
    {
      text: 'Alice sends 300 bytes and has nothing more to say. She sends **FIN**: “that was all from me”. Press play and wait for it.',
      until: { time: '601 ms' },
    },
    {
      text: 'Bob acknowledges the FIN, and he too is done: his own **FIN** follows, and Alice acknowledges that. Four segments, two for each direction.',
      until: { time: '751 ms' },
    },
    {
      text: 'Bob is through. Alice is not: she stays in **TIME-WAIT**, in case her last ACK got lost. Here that takes a second, in Linux a minute. Step on to the end of it.',
      until: { time: '1700 ms' },
    },
    {
      text: 'Choose *the last ACK is lost*. Bob sends his FIN again, and only because Alice is still there does he get an answer. Her second begins anew.',
      until: { event: 'tcp:segment-retransmitted' },
    },
    {
      text: 'Choose *half-close*. Alice has finished, and is all ears: Bob’s 6,000 bytes come after her FIN. Then *both at the same time*: the FINs cross, and both of them wait.',
    },
    {
      text: 'Last, let *Alice reset*. One segment, no answer, no waiting: Bob’s program gets an error instead of an end. Closing with bytes unread does the same, for that data is lost and Bob should know.',
      until: { event: 'tcp:reset-received' },
    },
  ],
  claims: [
    {
      says: 'Who sends FIN before the other’s has come ends in TIME-WAIT, and nobody else does.',
      cites: 'RFC 9293 section 3.6, figures 12 and 13',
      holds: whoFinishesFirstWaits,
    },
    {
      says: 'TIME-WAIT lasts its whole second, counted from the last FIN that came, unless a reset ends it.',
      cites: 'RFC 9293 sections 3.6.1 and 3.10.7.4',
      holds: timeWaitIsWhole,
    },
    {
      says: 'What was sent before the FIN arrives, all of it.',
      cites: 'RFC 9293 section 3.6',
      holds: everythingBeforeFinArrives,
    },
    {
      says: 'Who has sent FIN goes on receiving.',
      cites: 'RFC 9293 section 3.6.1',
      holds: halfIsStillOpen,
    },
    {
      says: 'Who takes a reset is silent from then on, and nobody goes to TIME-WAIT.',
      cites: 'RFC 9293 sections 3.5.2 and 3.5.3',
      holds: resetEndsAll,
    },
  ],
})
