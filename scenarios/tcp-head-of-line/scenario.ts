import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, FrameRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, framesFrom, isLost, noOccasion, time } from '../measure.ts'

const FILE = 100_000

/** The first data of Bob's that was lost, and when he sent it again. */
function firstRepair(trace: TraceView): { lost: FrameRecord; again: EventRecord | undefined } | undefined {
  const lost = framesFrom(trace, 'bob', (frame) => frame.kind === 'tcp-data' && frame.mark === 0 && isLost(frame))[0]
  if (lost === undefined) return undefined
  const again = eventsOf(trace, 'bob', 'tcp:segment-retransmitted').find((event) => event.time > lost.enqueued)
  return { lost, again }
}

/** The shortest time there and back: of an ACK and of full segments. */
function leastRoundTrip(trace: TraceView): number {
  const least = (host: string): number =>
    Math.min(...framesFrom(trace, host, ({ kind }) => kind.startsWith('tcp-')).map(({ sent, arrives }) => arrives - sent))
  return least('alice') + least('bob')
}

function resentWithoutTimer(trace: TraceView): ClaimResult {
  const repair = firstRepair(trace)
  if (repair === undefined) return noOccasion('no data was lost')
  const { lost, again } = repair
  // RFC 6582 section 3.2, step 1: for a while after a timeout, duplicates may still speak of what was sent before it.
  if (eventsOf(trace, 'bob', 'tcp:rto-expired').some((event) => event.time < lost.sent))
    return noOccasion('his timer had fired before')
  const until = again?.time ?? Infinity
  const duplicates = eventsOf(trace, 'bob', 'tcp:duplicate-ack-received').filter(
    (event) => event.time > lost.sent && event.time <= until,
  )
  const most = Math.max(0, ...duplicates.map((event) => amount(event, 'count')))
  const timer = eventsOf(trace, 'bob', 'tcp:rtt-sampled').findLast((event) => event.time <= until)
  const why = again?.data['why']
  if (most < 3 && why === 'rto') return noOccasion(`only ${count(most, 'duplicate ACK')} came`)
  return {
    holds: why === 'fast' || why === 'sack',
    evidence:
      again === undefined
        ? 'It was not sent again.'
        : `Sent again ${time(again.time - lost.sent)} after it had left, on duplicate ACK ${String(most)}${why === 'rto' ? ', by the timer' : ''}; the timer stood at ${time(amount(timer, 'rto'))}.`,
  }
}

function waitsARoundTrip(trace: TraceView): ClaimResult {
  const early = eventsOf(trace, 'alice', 'tcp:out-of-order-buffered')[0]
  if (early === undefined) return noOccasion('no segment came before an earlier one')
  const delivered = eventsOf(trace, 'alice', 'tcp:delivered').find((event) => event.time > early.time)
  if (delivered === undefined) return { holds: false, evidence: 'The hole was never filled.' }
  const waited = delivered.time - early.time
  const trip = leastRoundTrip(trace)
  return {
    holds: waited >= trip,
    evidence: `What came first behind the hole waited for ${time(waited)}; there and back takes ${time(trip)}. Then ${count(amount(delivered, 'length'), 'byte')} were handed on at once.`,
  }
}

function handedOnInOrder(trace: TraceView): ClaimResult {
  const pieces = eventsOf(trace, 'alice', 'tcp:delivered')
  if (pieces.length === 0) return noOccasion('nothing arrived')
  let next = 0
  const inOrder = pieces.every((piece) => {
    const fits = amount(piece, 'offset') === next
    next += amount(piece, 'length')
    return fits
  })
  const aside = eventsOf(trace, 'alice', 'tcp:out-of-order-buffered').length
  return {
    holds: inOrder,
    evidence: `${count(next, 'byte')} in ${count(pieces.length, 'piece')}, ${inOrder ? 'none out of order' : 'out of order'}; ${count(aside, 'segment')} had to wait for an earlier one.`,
  }
}

function arrivesWhole(trace: TraceView): ClaimResult {
  const read = eventsOf(trace, 'alice', 'script:read')[0]
  if (read === undefined) return noOccasion('the download did not end')
  const again = eventsOf(trace, 'bob', 'tcp:segment-retransmitted').length
  return {
    holds: amount(read, 'bytes') === FILE,
    evidence: `${count(amount(read, 'bytes'), 'byte')}, the last of them after ${time(read.time)}, with ${count(again, 'segment')} sent again.`,
  }
}

const request = { do: 'send', bytes: '100 B' } as const

export default defineScenario({
  id: 'tcp-head-of-line',
  title: 'One lost segment, and all that waits for it',
  summary:
    'Destroy a packet of a download with a click: three duplicate ACKs, a fast retransmission, and a line of segments that may not pass.',
  seed: 1,
  duration: '120 s',
  speed: 0.02,
  hosts: {
    alice: {
      label: 'Alice',
      position: { x: 0, y: 0.5 },
      app: 'socket-script',
      connect: 'bob:4000',
      steps: [request, { do: 'read', bytes: '100 kB' }, 'close', 'wait-closed'],
      // Every segment gets an ACK of its own, so that there is one duplicate for each that comes behind a hole.
      tcp: { delayedAck: false, timeWait: '200 ms' },
    },
    bob: {
      label: 'Bob',
      position: { x: 1, y: 0.5 },
      app: 'socket-script',
      listen: 4000,
      steps: [{ do: 'read', bytes: request.bytes }, { do: 'send', bytes: '100 kB' }, 'read-to-end', 'close', 'wait-closed'],
      // As if he remembered the path from an earlier connection (RFC 9040), so that the queue stays short.
      tcp: { initialSsthresh: '20 kB', timeWait: '200 ms' },
    },
  },
  links: [{ between: ['alice', 'bob'], rate: '2 Mbit/s', delay: '50 ms' }],
  knobs: {
    loss: { label: 'Packet loss', help: 'In both directions, at random.', range: ['0 %', '10 %'], sets: 'links[0].loss' },
    sack: {
      label: 'Selective acknowledgments',
      help: 'Alice says in her ACKs what she has beyond the hole.',
      sets: ['hosts.alice.tcp.sack', 'hosts.bob.tcp.sack'],
    },
    fast: {
      label: 'Fast retransmit',
      help: 'Without it, Bob waits for his timer.',
      sets: 'hosts.bob.tcp.fastRetransmit',
    },
    delay: {
      label: 'One-way delay',
      range: ['10 ms', '200 ms'],
      step: '5 ms',
      scale: 'linear',
      sets: 'links[0].delay',
      restart: true,
    },
  },
  views: ['events', 'inspector'],
  lesson: [
    {
      text: 'Alice fetches a file from Bob: 100,000 bytes, cut into 70 segments. Press play, and wait until data is on its way.',
      until: { event: 'tcp:delivered' },
    },
    {
      text: 'Pause, click one of the data packets that fly to Alice, and **drop** it.',
      until: { intervention: 'drop' },
    },
    {
      text: 'Play on. What was behind it arrives, and Alice may not hand it on: bytes come in order or not at all. For each of these segments she sends the same ACK again, a **duplicate**.',
      until: { event: 'tcp:duplicate-ack-received' },
    },
    {
      text: 'Three duplicates are enough for Bob: he resends at once, and does not wait for his timer. Find the retransmission on its way.',
      until: { event: 'tcp:fast-retransmit-entered' },
    },
    {
      text: 'It fills the hole, and all that had waited is handed on at once. Look in the event list for how many bytes: this is **head-of-line blocking**.',
      until: { event: 'tcp:recovery-exited' },
    },
    {
      text: 'Now drop the very last data packet. Nothing follows it that could cause a duplicate. Who notices?',
      until: { event: 'tcp:rto-expired' },
    },
    { text: 'Switch *fast retransmit* off and drop one in the middle again. How long does Alice wait now?' },
  ],
  claims: [
    {
      says: 'When three duplicate ACKs come, Bob resends at once; his timer has no part in it.',
      cites: 'RFC 5681 section 3.2; RFC 6675 section 5',
      holds: resentWithoutTimer,
    },
    {
      says: 'What comes behind a lost segment waits for at least a whole round trip.',
      cites: 'RFC 5681 sections 3.2 and 4.2',
      holds: waitsARoundTrip,
    },
    {
      says: 'Alice’s program gets every byte in its place, and none before those in front of it.',
      cites: 'RFC 9293 section 3.10.7.4',
      holds: handedOnInOrder,
    },
    {
      says: 'The file arrives whole.',
      cites: 'RFC 9293 section 2.2',
      holds: arrivesWhole,
    },
  ],
})
