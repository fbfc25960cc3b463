import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Rack } from '../../../src/protocols/tcp/rack.ts'
import { SentFlag, SentSegments } from '../../../src/protocols/tcp/sent-segments.ts'
import { TcpSegment } from '../../../src/wire/tcp.ts'
import { MS } from '../../pair/tcp-pair.ts'

const LENGTH = 100
const THRESHOLD = 3

/** The scoreboard and RACK as they are wired in a connection, without the rest of it. */
class Sender {
  now = 0
  sndUna = 1
  sndNxt = 1
  echoed = -1
  reordered = 0
  srtt = -1
  readonly sent = new SentSegments()
  readonly rack = new Rack()

  constructor() {
    this.sent.observer = {
      segmentDelivered: (end, sentAt, resent) => {
        if (this.rack.delivered(end, sentAt, resent, this.echoed, this.now)) this.reordered++
      },
    }
  }

  send(count = 1): void {
    for (let i = 0; i < count; i++) {
      this.sent.append(this.sndNxt, LENGTH, false, this.now)
      this.sndNxt += LENGTH
    }
  }

  resend(index: number): void {
    this.sent.markResent(index, this.now)
    this.rack.resent(this.sent.startOf(index), this.now)
  }

  /** @param sacks as numbers of segments, from 1 */
  acknowledge(segments: number, sacks: readonly number[] = []): void {
    this.rack.begin()
    for (const number of sacks) {
      const segment = new TcpSegment()
      segment.sackCount = 1
      segment.sack[0] = (number - 1) * LENGTH + 1
      segment.sack[1] = number * LENGTH + 1
      this.sent.acknowledgeSelectively(segment, 0, this.sndUna, this.sndNxt)
    }
    const position = segments * LENGTH + 1
    if (position > this.sndUna) {
      this.sent.acknowledge(position)
      this.sndUna = position
    }
  }

  detect(recovering = false): number {
    this.rack.adapt(this.sent, this.sndUna, recovering, THRESHOLD, this.srtt)
    return this.rack.detect(this.sent, this.now)
  }

  /** Numbers of the segments that count as lost and are not on their way again. */
  get lost(): number[] {
    const lost: number[] = []
    for (let i = 0; i < this.sent.count; i++) {
      const flags = this.sent.flagsOf(i)
      if ((flags & (SentFlag.LOST | SentFlag.RESENT)) === SentFlag.LOST) lost.push((this.sent.startOf(i) - 1) / LENGTH + 1)
    }
    return lost
  }
}

/** Five segments, sent a millisecond apart from 0 ms on; the round-trip time is 40 ms. */
function flight(count = 5): Sender {
  const sender = new Sender()
  for (let i = 0; i < count; i++) {
    sender.now = i * MS
    sender.send()
  }
  return sender
}

test('RFC 8985 section 6.2 step 5: what was sent before something that has arrived is late, and lost a quarter of a round trip later', () => {
  const sender = flight()
  sender.now = 41 * MS
  sender.acknowledge(0, [2])
  assert.equal(sender.detect(), 9 * MS)
  assert.deepEqual(sender.lost, [])
  sender.now = 50 * MS - 1
  assert.equal(sender.detect(), 1)
  sender.now = 50 * MS
  assert.equal(sender.detect(), 0)
  assert.deepEqual(sender.lost, [1])
})

test('RFC 8985 section 6.2 step 5: the timer waits for the last of those that are late', () => {
  const sender = flight()
  sender.now = 44 * MS
  sender.acknowledge(0, [5])
  assert.equal(sender.detect(), 3 * MS + 40 * MS + 10 * MS - 44 * MS)
  sender.now = 50 * MS
  assert.equal(sender.detect(), 3 * MS)
  assert.deepEqual(sender.lost, [1])
})

test('RFC 8985 section 6.2 step 4: no reordering window when DupThresh segments have arrived, or in recovery, as long as no reordering was seen', () => {
  const sender = flight()
  sender.now = 44 * MS
  sender.acknowledge(0, [3, 4, 5])
  assert.equal(sender.detect(), 0)
  assert.deepEqual(sender.lost, [1, 2])

  const recovering = flight()
  recovering.now = 44 * MS
  recovering.acknowledge(0, [5])
  assert.equal(recovering.detect(true), 0)
  assert.deepEqual(recovering.lost, [1, 2, 3, 4])
})

test('RFC 8985 section 6.2 step 3: what arrives behind its successors and was sent once shows that the path reorders, and keeps the window', () => {
  const sender = flight()
  sender.now = 44 * MS
  sender.acknowledge(0, [4])
  assert.equal(sender.reordered, 0)
  sender.acknowledge(0, [2])
  assert.equal(sender.reordered, 1)
  sender.acknowledge(0, [3, 5])
  assert.equal(sender.reordered, 1, 'told once')
  assert.ok(sender.detect(true) > 0, 'the window holds in recovery too, whatever has arrived')
  assert.deepEqual(sender.lost, [])
})

test('RFC 8985 section 6.2 step 3: one acknowledgment that tells of many segments is no reordering, nor is a retransmission that fills a hole', () => {
  const sender = flight()
  sender.now = 44 * MS
  sender.acknowledge(0, [2])
  sender.acknowledge(2, [3, 4])
  assert.equal(sender.reordered, 1, 'segment 1 came after 2')
  const repaired = flight()
  repaired.now = 44 * MS
  repaired.acknowledge(0, [2, 3, 4])
  repaired.detect()
  repaired.resend(0)
  repaired.now = 90 * MS
  repaired.acknowledge(5)
  assert.equal(repaired.reordered, 0)
})

test('RFC 8985 section 6.2 step 2: of what was sent twice, an older echo or a time below the least one speaks of the first copy', () => {
  const outcome = (wait: number, echoed: number): number[] => {
    const sender = flight(3)
    sender.now = 41 * MS
    sender.acknowledge(1)
    sender.now = 60 * MS
    sender.resend(0)
    sender.now = 60 * MS + wait
    sender.echoed = echoed
    sender.acknowledge(2)
    sender.detect(true)
    return sender.lost
  }
  // Segment 3 was sent before the retransmission of 2: if that has arrived, 3 is lost.
  assert.deepEqual(outcome(41 * MS, -1), [3])
  assert.deepEqual(outcome(41 * MS, 60), [3])
  assert.deepEqual(outcome(41 * MS, 59), [])
  assert.deepEqual(outcome(39 * MS, -1), [])
})

test('RFC 8985 section 6.2: a retransmission is lost when something sent after it has arrived', () => {
  const sender = flight()
  sender.now = 44 * MS
  sender.acknowledge(0, [3, 4, 5])
  sender.detect()
  sender.resend(0)
  sender.resend(1)
  sender.now = 45 * MS
  sender.send()
  assert.deepEqual(sender.lost, [])
  sender.now = 85 * MS
  sender.acknowledge(0, [6])
  sender.detect(true)
  assert.deepEqual(sender.lost, [1, 2])
  assert.equal(sender.sent.pipe, 0)
  sender.resend(0)
  assert.deepEqual(sender.lost, [2])
})

test('RFC 8985 section 6.2 step 4: each round trip with a report of a duplicate widens the window by a quarter, up to the smoothed time', () => {
  const sender = flight()
  sender.now = 42 * MS
  sender.acknowledge(0, [3])
  sender.acknowledge(0, [2])
  sender.srtt = 45 * MS
  // A late segment was sent at 0 ms: what is above 42 ms is the window of 10 ms.
  const window = (): number => sender.detect() - 1
  const first = window()
  sender.rack.duplicateReported(sender.sndNxt)
  sender.rack.duplicateReported(sender.sndNxt)
  assert.equal(window() - first, 10 * MS, 'once in a round trip')
  for (let i = 0; i < 5; i++) {
    sender.sndUna = sender.sndNxt
    sender.rack.adapt(sender.sent, sender.sndUna, false, THRESHOLD, sender.srtt)
    sender.rack.duplicateReported(sender.sndNxt)
  }
  assert.equal(window() - first, 35 * MS, 'no more than the smoothed round-trip time')
  for (let i = 0; i < 15; i++) sender.rack.recovered()
  assert.equal(window() - first, 35 * MS, 'for sixteen recoveries')
  sender.rack.recovered()
  assert.equal(window(), first)
})

test('RFC 8985 section 6.3: after a timeout the oldest segment is lost, and what was sent just now is not', () => {
  const sender = flight()
  sender.now = 40 * MS
  sender.acknowledge(1)
  sender.now = 300 * MS
  sender.send()
  sender.rack.timedOut(sender.sent, sender.now)
  assert.deepEqual(sender.lost, [2, 3, 4, 5])
  const young = new Sender()
  young.send()
  young.rack.timedOut(young.sent, 1000 * MS)
  assert.deepEqual(young.lost, [1], 'when nothing was ever delivered, everything is')
})

test('marks that are taken back are looked at again', () => {
  const sender = flight()
  sender.now = 44 * MS
  sender.acknowledge(0, [3, 4, 5])
  sender.detect()
  sender.resend(0)
  sender.sent.unmarkLost()
  assert.deepEqual(sender.lost, [])
  sender.now = 45 * MS
  sender.send()
  sender.now = 86 * MS
  sender.acknowledge(0, [6])
  sender.detect(true)
  assert.deepEqual(sender.lost, [1, 2])
})

/** RFC 8985 section 6.2 by the letter: every segment is looked at each time. */
class Naive {
  segments: { number: number; xmit: number; acked: boolean; lost: boolean; resent: boolean; ever: boolean }[] = []
  minRtt = -1
  rtt = 0
  xmit = -1
  end = 0
  fack = 0
  reordering = false

  deliver(number: number, now: number): void {
    const segment = this.segments[number - 1]
    if (segment.acked) return
    segment.acked = true
    const rtt = now - segment.xmit
    if (segment.ever) {
      if (rtt < this.minRtt) return
    } else if (this.minRtt < 0 || rtt < this.minRtt) this.minRtt = rtt
    this.rtt = rtt
    if (segment.xmit > this.xmit || (segment.xmit === this.xmit && number > this.end)) {
      this.xmit = segment.xmit
      this.end = number
    }
  }

  acknowledge(numbers: readonly number[], now: number): void {
    const { fack } = this
    for (const number of numbers) {
      const segment = this.segments[number - 1]
      if (segment.acked) continue
      if (number < fack && !segment.ever) this.reordering = true
      this.fack = Math.max(this.fack, number)
    }
    for (const number of numbers) this.deliver(number, now)
  }

  detect(una: number, recovering: boolean, now: number): number {
    const sacked = this.segments.filter(({ acked, number }) => acked && number > una).length
    let window = Math.floor(Math.max(0, this.minRtt) / 4)
    if (!this.reordering && (recovering || sacked >= THRESHOLD)) window = 0
    let timeout = 0
    for (const segment of this.segments) {
      if (segment.acked || (segment.lost && !segment.resent)) continue
      if (this.xmit < segment.xmit || (this.xmit === segment.xmit && this.end <= segment.number)) continue
      const remaining = segment.xmit + this.rtt + window - now
      if (remaining <= 0) {
        segment.lost = true
        segment.resent = false
      } else timeout = Math.max(timeout, remaining)
    }
    return timeout
  }
}

type Step =
  | { do: 'send'; count: number }
  | { do: 'wait'; duration: number }
  | { do: 'acknowledge'; upTo: number; sacks: number[]; recovering: boolean }
  | { do: 'detect'; recovering: boolean }
  | { do: 'resend'; which: number }
  | { do: 'take back' }

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('send' as const), count: fc.integer({ min: 1, max: 5 }) }) },
  // Little compared with a round trip, or about one.
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 4 }).map((duration) => ({ do: 'wait' as const, duration })) },
  { weight: 2, arbitrary: fc.integer({ min: 20, max: 60 }).map((duration) => ({ do: 'wait' as const, duration })) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('acknowledge' as const),
      upTo: fc.nat(3),
      sacks: fc.array(fc.nat(30), { maxLength: 4 }),
      recovering: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('detect' as const), recovering: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('resend' as const), which: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('take back' as const) }) },
)

test('whatever is sent, acknowledged and sent again, the same segments are lost as by the letter of RFC 8985', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 120, size: 'max' }), (commands) => {
      const sender = new Sender()
      const naive = new Naive()
      let una = 0
      for (const command of commands) {
        if (command.do === 'wait') sender.now += command.duration * MS
        if (command.do === 'send') {
          for (let i = 0; i < command.count; i++) {
            const number = naive.segments.length + 1
            naive.segments.push({ number, xmit: sender.now, acked: false, lost: false, resent: false, ever: false })
          }
          sender.send(command.count)
        }
        if (command.do === 'resend') {
          // Anything outstanding may be sent again: lost segments, and probes.
          const open = naive.segments.filter(({ acked }) => !acked)
          if (open.length === 0) continue
          const segment = open[command.which % open.length]
          segment.xmit = sender.now
          segment.resent = true
          segment.ever = true
          sender.resend(segment.number - 1 - una)
        }
        if (command.do === 'take back') {
          for (const segment of naive.segments) segment.lost = false
          sender.sent.unmarkLost()
        }
        if (command.do === 'acknowledge') {
          const open = naive.segments.length - una
          const upTo = una + Math.min(command.upTo, open)
          const sacks = command.sacks.map((n) => upTo + 2 + n).filter((n) => n <= naive.segments.length)
          naive.acknowledge([...sacks, ...naive.segments.slice(una, upTo).map(({ number }) => number)], sender.now)
          sender.acknowledge(upTo, sacks)
          una = upTo
        }
        if (command.do === 'acknowledge' || command.do === 'detect') {
          const expected = naive.detect(una, command.recovering, sender.now)
          assert.equal(sender.detect(command.recovering), expected)
          assert.deepEqual(
            sender.lost,
            naive.segments.filter(({ acked, lost, resent }) => !acked && lost && !resent).map(({ number }) => number),
          )
        }
      }
    }),
    { seed: 8985, numRuns: 1500 },
  )
})
