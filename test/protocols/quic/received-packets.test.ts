import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomStream } from '../../../src/kernel/random.ts'
import { ReceivedPackets } from '../../../src/protocols/quic/recovery/received-packets.ts'
import { MS } from './recovery-lab.ts'

const DELAY = 25 * MS

/** Takes packets that ask for acknowledgments, one each millisecond from `from` on. */
function taken(received: ReceivedPackets, numbers: readonly number[], from = 0): void {
  numbers.forEach((number, i) => {
    if (!received.isDuplicate(number)) received.record(number, true, 0, from + i * MS)
  })
}

test('RFC 9000 section 13.2.2: every second packet is acknowledged at once, a single one after max_ack_delay', () => {
  const received = new ReceivedPackets(DELAY)
  received.record(0, true, 0, 5 * MS)
  assert.deepEqual([received.ackNow, received.ackAt, received.isOwed], [false, 30 * MS, true])
  received.record(1, true, 0, 6 * MS)
  assert.deepEqual([received.ackNow, received.ackAt], [true, 30 * MS])
  received.report(3, 6 * MS)
  assert.deepEqual([received.ackNow, received.ackAt, received.isOwed], [false, -1, false])
})

test('RFC 9000 section 13.2.1: packets of a handshake are acknowledged at once', () => {
  const received = new ReceivedPackets(0)
  received.record(0, true, 0, 0)
  assert.equal(received.ackNow, true)
})

test('RFC 9000 section 13.2.1: what does not ask for an acknowledgment gets none by itself, but is reported with others', () => {
  const received = new ReceivedPackets(DELAY)
  received.record(0, false, 0, 0)
  assert.deepEqual([received.ackNow, received.ackAt, received.isOwed], [false, -1, false])
  received.record(1, true, 0, 0)
  assert.deepEqual(received.report(3, 0)?.ranges, [0, 1])
})

test('RFC 9000 section 13.2.1: a gap, and what fills it, are acknowledged at once', () => {
  const received = new ReceivedPackets(DELAY)
  taken(received, [0, 1])
  received.report(3, 0)
  received.record(3, true, 0, 0)
  assert.equal(received.ackNow, true, 'packet 2 is missing')
  received.report(3, 0)
  received.record(4, true, 0, 0)
  assert.equal(received.ackNow, false, 'nothing is missing between 3 and 4')
  received.record(2, true, 0, 0)
  assert.equal(received.ackNow, true, 'packet 2 comes late')
})

test('RFC 9000 section 13.2.1: a gap before a packet that asks for nothing is still one for the next that asks', () => {
  const received = new ReceivedPackets(DELAY)
  taken(received, [0, 1])
  received.report(3, 0)
  received.record(3, false, 0, 0)
  received.record(4, true, 0, 0)
  assert.equal(received.ackNow, true)
})

test('RFC 9000 section 13.2.1: a packet marked as having met congestion is acknowledged at once', () => {
  const received = new ReceivedPackets(DELAY)
  received.record(0, true, 3, 0)
  assert.equal(received.ackNow, true)
})

test('RFC 9000 section 13.2.5: the delay is that of the largest packet, in units of the exponent', () => {
  const received = new ReceivedPackets(DELAY)
  received.record(0, true, 0, 0)
  received.record(1, false, 0, 4 * MS)
  assert.equal(received.report(3, 20 * MS)?.delay, 2000)
  const handshake = new ReceivedPackets(0)
  handshake.record(0, true, 0, 0)
  assert.equal(handshake.report(3, 20 * MS)?.delay, 0)
})

test('RFC 9000 section 13.4.1: packets are counted by their marks, duplicates once', () => {
  const received = new ReceivedPackets(DELAY)
  const marks = [2, 2, 1, 3, 0, 2] as const
  for (const [number, ecn] of marks.entries()) received.record(number, true, ecn, 0)
  assert.deepEqual(received.report(3, 0)?.ecn, { ect0: 3, ect1: 1, ce: 1 })
  const plain = new ReceivedPackets(DELAY)
  plain.record(0, true, 0, 0)
  assert.equal(plain.report(3, 0)?.ecn, undefined)
})

test('RFC 9000 section 19.3: ranges fall, the largest first', () => {
  const received = new ReceivedPackets(DELAY)
  taken(received, [0, 1, 2, 5, 9, 8, 6])
  assert.deepEqual(received.report(3, 0)?.ranges, [8, 9, 5, 6, 0, 2])
  assert.equal(received.largest, 9)
})

test('RFC 9000 section 12.3: no packet is taken twice, in whatever order they come', () => {
  const random = randomStream(3, 'numbers')
  const received = new ReceivedPackets(DELAY)
  const seen = new Set<number>()
  for (let i = 0; i < 20_000; i++) {
    const number = Math.max(0, Math.floor(i / 2) + random.below(60) - 30)
    assert.equal(received.isDuplicate(number), seen.has(number), `packet ${String(number)} at step ${String(i)}`)
    if (seen.has(number)) continue
    seen.add(number)
    received.record(number, true, 0, i)
  }
})

test('RFC 9000 section 13.2.3: a peer that leaves out every second number finds bounded memory, and old packets refused', () => {
  const received = new ReceivedPackets(DELAY)
  for (let number = 0; number < 10_000; number += 2) received.record(number, true, 0, 0)
  const ack = received.report(3, 0)
  assert.equal(ack?.ranges.length, 64)
  assert.deepEqual(ack.ranges.slice(0, 4), [9998, 9998, 9996, 9996])
  assert.equal(received.isDuplicate(1), true, 'so old that it is not known any more')
  assert.equal(received.isDuplicate(9997), false)
})

test('RFC 9000 section 13.2.4: what the peer has heard of is not reported again, unless something comes late', () => {
  const received = new ReceivedPackets(DELAY)
  taken(received, [0, 1, 3, 5])
  assert.deepEqual(received.report(3, 0)?.ranges, [5, 5, 3, 3, 0, 1])
  received.reportAcknowledged(5)
  taken(received, [7, 8])
  assert.deepEqual(received.report(3, 0)?.ranges, [7, 8])
  received.record(2, true, 0, 0)
  assert.equal(received.isDuplicate(5), true, 'duplicates are still known')
  assert.deepEqual(received.report(3, 0)?.ranges, [7, 8, 5, 5, 0, 3])
})

test('RFC 9000 section 13.2.4: after many packets of nothing but ACK frames one asks to be acknowledged, if there are gaps', () => {
  const received = new ReceivedPackets(DELAY)
  taken(received, [0, 2])
  for (let i = 0; i < 16; i++) {
    assert.equal(received.wantsPing, false)
    received.report(3, 0)
  }
  assert.equal(received.wantsPing, true)
  received.reportWillBeAcknowledged()
  assert.equal(received.wantsPing, false)
})
