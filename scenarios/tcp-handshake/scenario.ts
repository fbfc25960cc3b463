import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { count, eventsOf, isLost, noOccasion, time } from '../measure.ts'

/** When a host entered a state for the first time. */
function entered(trace: TraceView, host: string, state: string): EventRecord | undefined {
  return eventsOf(trace, host, 'tcp:state-changed').find(({ data }) => data['to'] === state)
}

function threeSegmentsFirst(trace: TraceView): ClaimResult {
  const frames = [...trace.frames(({ kind }) => kind.startsWith('tcp-'))]
  const data = frames.findIndex(({ kind }) => kind === 'tcp-data')
  if (data < 0) return noOccasion('no data was sent')
  const before = frames.slice(0, data)
  if (before.some((frame) => isLost(frame) || frame.mark !== 0)) return noOccasion('a segment of the handshake was lost, or late')
  const seen = before.map(
    ({ kind, from }) => `${kind.slice(4).toUpperCase()} from ${trace.hosts[from] === 'alice' ? 'Alice' : 'Bob'}`,
  )
  return {
    holds: seen.join() === 'SYN from Alice,SYN from Bob,ACK from Alice',
    evidence: `Before the first byte of data: ${seen.join(', ')}.`,
  }
}

function aliceKnowsFirst(trace: TraceView): ClaimResult {
  const alice = entered(trace, 'alice', 'ESTABLISHED')
  const bob = entered(trace, 'bob', 'ESTABLISHED')
  if (alice === undefined || bob === undefined) return noOccasion('the connection was not established on both sides')
  const bobs = trace.hosts.indexOf('bob')
  const way = [...trace.frames(({ to, kind }) => to === bobs && kind.startsWith('tcp-'))].map(
    (frame) => frame.arrives - frame.sent,
  )
  const later = bob.time - alice.time
  return {
    holds: later >= Math.min(...way),
    evidence: `Alice was in ESTABLISHED at ${time(alice.time)}, Bob ${time(later)} later. One way takes at least ${time(Math.min(...way))}.`,
  }
}

function waitsDouble(trace: TraceView): ClaimResult {
  const begin = entered(trace, 'alice', 'SYN-SENT')
  const again = eventsOf(trace, 'alice', 'tcp:segment-retransmitted').filter(({ data }) => data['why'] === 'syn')
  if (begin === undefined || again.length === 0) return noOccasion('no SYN of Alice went unanswered for long enough')
  const times = [begin, ...again].map((event) => event.time)
  const waits = again.map((event, index) => event.time - (times[index] ?? 0))
  return {
    holds: waits.every((wait, index) => wait === 1e9 * 2 ** index),
    evidence: `${count(again.length, 'SYN')} again, after ${waits.map(time).join(', ')}.`,
  }
}

function refusalTakesARoundTrip(trace: TraceView): ClaimResult {
  const failed = eventsOf(trace, 'alice', 'script:failed').find(({ data }) => data['error'] === 'ECONNREFUSED')
  const syn = [...trace.frames(({ kind, fate }) => kind === 'tcp-syn' && fate === 'arrived')][0]
  if (failed === undefined || syn === undefined) return noOccasion('nobody was refused')
  const reset = trace.frameById(failed.cause)
  const taken = failed.time - syn.sent
  const both = syn.arrives - syn.sent + (reset === undefined ? Number.NaN : reset.arrives - reset.sent)
  return {
    holds: reset?.kind === 'tcp-rst' && taken === both,
    evidence: `Refused ${time(taken)} after the SYN, by a reset; the way there and back takes ${time(both)}.`,
  }
}

function strangersAreReset(trace: TraceView): ClaimResult {
  const restarted = trace.all('run:host-restarted', ({ data }) => data['host'] === 'bob').at(-1)
  const alice = entered(trace, 'alice', 'ESTABLISHED')
  if (restarted === undefined || alice === undefined || alice.time > restarted.time)
    return noOccasion('Bob was not restarted under an established connection')
  const over = eventsOf(trace, 'alice', 'script:finished').some((event) => event.time < restarted.time)
  const spoke = [
    ...trace.frames((frame) => trace.hosts[frame.from] === 'alice' && frame.fate === 'arrived' && frame.arrives > restarted.time),
  ]
  if (over || !spoke.some(({ kind }) => kind === 'tcp-data' || kind === 'tcp-fin'))
    return noOccasion('Alice said nothing more to the new Bob')
  const failed = eventsOf(trace, 'alice', 'script:failed').find((event) => event.time > restarted.time)
  return {
    holds: failed?.data['error'] === 'ECONNRESET',
    evidence:
      failed === undefined
        ? 'Alice has noticed nothing.'
        : `Bob was back at ${time(restarted.time)}; Alice learned of it at ${time(failed.time)}, by ${String(failed.data['error'])}.`,
  }
}

export default defineScenario({
  id: 'tcp-handshake',
  title: 'Three segments to say hello',
  summary: 'How a TCP connection begins, and how it begins when a SYN is lost, when nobody listens, and when one side forgets.',
  seed: 1,
  duration: '60 s',
  speed: 0.1,
  hosts: {
    alice: {
      label: 'Alice',
      position: { x: 0, y: 0.5 },
      app: 'socket-script',
      connect: 'bob:4000',
      steps: [
        { do: 'sleep', for: '1500 ms' },
        { do: 'send', bytes: '200 B' },
        { do: 'read', bytes: '1 kB' },
        { do: 'sleep', for: '3 s' },
        { do: 'send', bytes: '200 B' },
        { do: 'read', bytes: '1 kB' },
        'close',
        'wait-closed',
      ],
      // Closing is another lesson.
      tcp: { timeWait: '200 ms' },
    },
    bob: {
      label: 'Bob',
      position: { x: 1, y: 0.5 },
      app: 'socket-script',
      listen: 4000,
      steps: [
        { do: 'read', bytes: '200 B' },
        { do: 'send', bytes: '1 kB' },
        { do: 'read', bytes: '200 B' },
        { do: 'send', bytes: '1 kB' },
        'read-to-end',
        'close',
        'wait-closed',
      ],
    },
  },
  links: [{ between: ['alice', 'bob'], rate: '10 Mbit/s', delay: '100 ms' }],
  knobs: {
    trouble: {
      label: 'What goes wrong',
      help: 'Losses are by number: the first frame of each direction is ARP.',
      choices: [
        { value: 'nothing', label: 'Nothing' },
        { value: 'syn', label: 'The SYN is lost', sets: { 'links[0].forward.lossList': [2] } },
        { value: 'three-syns', label: 'Three SYNs are lost', sets: { 'links[0].forward.lossList': [2, 3, 4] } },
        { value: 'syn-ack', label: 'The SYN-ACK is lost', sets: { 'links[0].backward.lossList': [2] } },
        { value: 'ack', label: 'The ACK is lost: half open', sets: { 'links[0].forward.lossList': [3] } },
        { value: 'refused', label: 'Nobody listens at that port', sets: { 'hosts.bob.listen': 4001 } },
      ],
    },
    delay: {
      label: 'One-way delay',
      help: 'Beyond 400 ms, Alice’s timer fires before any answer can come.',
      range: ['10 ms', '800 ms'],
      step: '10 ms',
      scale: 'linear',
      sets: 'links[0].delay',
      restart: true,
    },
    loss: { label: 'Packet loss', help: 'In both directions, at random.', range: ['0 %', '20 %'], sets: 'links[0].loss' },
  },
  views: ['events', 'inspector'],
  lesson: [
    {
      text: 'Alice wants to talk to Bob. She finds out his hardware address, then sends a segment without any data: **SYN**, “I begin to count here”. Press play, and click the SYN to see the number.',
      until: { event: 'tcp:state-changed' },
    },
    {
      text: 'Bob answers with **SYN and ACK** in one segment: “I have your number, and mine is this”. When that comes in, Alice is in ESTABLISHED. Bob is not yet, for he cannot know that she has heard him.',
      until: { event: 'tcp:rtt-sampled' },
    },
    {
      text: 'Her **ACK** tells him. Now data may flow, and it does 1.5 s later. Two numbers that both have heard: that is all a connection is.',
      until: { event: 'tcp:delivered' },
    },
    {
      text: 'Start over, and drop the SYN with a click. Nothing tells Alice; only her timer does, a second after she began. Let *three SYNs* be lost with the knob, and look at the distances.',
      until: { event: 'tcp:rto-expired' },
    },
    {
      text: 'Choose *the ACK is lost*. Alice is in ESTABLISHED, Bob in SYN-RECEIVED: the connection is **half open**. Who mends it, and when?',
    },
    {
      text: 'The other kind of half open: set *nothing* to go wrong, wait until they have talked, then kill Bob and restart him before 5 s. He has forgotten everything. Alice has not, and talks on.',
      until: { event: 'tcp:reset-received' },
    },
    {
      text: 'A **reset** is the answer to a segment that belongs to no connection. The port where nobody listens gives it, too.',
    },
  ],
  claims: [
    {
      says: 'Before a byte of data come three segments: SYN, SYN with ACK, ACK.',
      cites: 'RFC 9293 section 3.5, figure 6',
      holds: threeSegmentsFirst,
    },
    {
      says: 'Alice takes the connection for established at least one way’s delay before Bob does.',
      cites: 'RFC 9293 section 3.5, figure 6',
      holds: aliceKnowsFirst,
    },
    {
      says: 'A SYN that stays unanswered is sent again after 1 s, and then each time after twice the wait before.',
      cites: 'RFC 6298 sections 2.1 and 5.5',
      holds: waitsDouble,
    },
    {
      says: 'Where nobody listens, a refusal comes back within a single round trip.',
      cites: 'RFC 9293 sections 3.5.2 and 3.10.7.1',
      holds: refusalTakesARoundTrip,
    },
    {
      says: 'A host that has crashed and come back resets whoever goes on talking to it.',
      cites: 'RFC 9293 section 3.5.1',
      holds: strangersAreReset,
    },
  ],
})
