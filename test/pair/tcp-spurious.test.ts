/** Retransmissions that were needless: how they are found out (F-RTO, Eifel, D-SACK), and what is taken back then. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TcpConfig } from '../../src/protocols/tcp/config.ts'
import { MS, pattern, readAll, SECOND, TcpPair, type Seen } from './tcp-pair.ts'

const SMSS = 1000
const SACK = { timestamps: false, sack: true, mss: SMSS } as const
const RENO = { timestamps: false, sack: false, mss: SMSS } as const
const STAMPED = { timestamps: true, sack: true, mss: SMSS + 12 } as const

/**
 * A flight of segments, held on its way until the retransmission timer has fired and its segment has been sent; then the flight arrives
 * 100 ms later, before the retransmission.
 */
function delaySpike(config: Partial<TcpConfig>, segments: number, delayedAck = false): TcpPair {
  const pair = new TcpPair({ a: config, b: { ...config, delayedAck } }).establish()
  pair.links.b.delay = 10 * SECOND
  pair.act('a', (connection) => connection.send(pattern(segments * SMSS)))
  const flight = data(pair)
  pair.loseFlights()
  pair.runUntil(() => pair.recorded('a', 'tcp:rto-expired').length > 0)
  const repeated = data(pair).slice(flight.length)
  pair.loseFlights()
  pair.links.b.delay = 10 * MS
  pair.runFor(100 * MS)
  for (const { segment } of [...flight, ...repeated]) {
    pair.b.connection.handle(segment, pair.now)
    pair.settle()
  }
  return pair
}

function data(pair: TcpPair): Seen[] {
  return pair.seen.filter(({ from, length }) => from === 'a' && length > 0)
}

function complete(pair: TcpPair, segments: number): void {
  pair.runUntil(() => pair.a.connection.block.sndUna === segments * SMSS + 1)
  assert.deepEqual(readAll(pair.b.connection), pattern(segments * SMSS))
}

const resent = (pair: TcpPair): number[] =>
  data(pair)
    .filter(({ segment }) => segment.retransmission)
    .map(({ seq }) => (seq - 1) / SMSS + 1)

const undone = (pair: TcpPair): unknown[] => pair.recorded('a', 'tcp:recovery-undone').map(({ data }) => data.why)

test('RFC 5682 section 2.1: after a delay spike new data shows that nothing was lost; one retransmission is all it costs', () => {
  for (const config of [RENO, SACK]) {
    const pair = delaySpike({ ...config, frto: true }, 30)
    complete(pair, 30)
    assert.deepEqual([resent(pair), undone(pair)], [[1], ['frto']])
    const { congestion } = pair.a.connection.block
    assert.ok(congestion.cwnd >= 10 * SMSS, 'the window is back')
    assert.ok(congestion.ssthresh > 100 * SMSS, 'and so is the threshold')
    // Without it the whole flight goes out again.
    const plain = delaySpike(config, 30)
    complete(plain, 30)
    assert.ok(resent(plain).length > 1, `sent again: ${String(resent(plain))}`)
    assert.ok(plain.a.connection.block.congestion.ssthresh <= 5 * SMSS)
  }
})

test('RFC 5682 section 2.1 step 2b: the first acknowledgment after the timeout lets out two new segments, and nothing old', () => {
  const pair = new TcpPair({ a: { ...RENO, frto: true }, b: { ...RENO, delayedAck: false } }).establish()
  pair.links.b.delay = 10 * SECOND
  pair.act('a', (connection) => connection.send(pattern(30 * SMSS)))
  const [first] = data(pair)
  pair.loseFlights()
  pair.runUntil(() => pair.recorded('a', 'tcp:rto-expired').length > 0)
  pair.loseFlights()
  const before = data(pair).length
  pair.b.connection.handle(first.segment, pair.now)
  pair.settle()
  pair.runFor(10 * MS)
  assert.deepEqual(
    data(pair)
      .slice(before)
      .map(({ seq }) => (seq - 1) / SMSS + 1),
    [11, 12],
  )
})

test('RFC 5682 section 2.1 step 3a: when the new data only draws repetitions, the loss was real, and recovery goes on', () => {
  for (const config of [RENO, SACK]) {
    const pair = new TcpPair({ a: { ...config, frto: true }, b: { ...config, delayedAck: false } }).establish()
    pair.act('a', (connection) => connection.send(pattern(30 * SMSS)))
    pair.loseFlights()
    complete(pair, 30)
    assert.deepEqual(undone(pair), [])
    assert.deepEqual(resent(pair), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    assert.equal(pair.recorded('a', 'tcp:rto-expired').length, 1)
    assert.equal(pair.a.connection.block.congestion.ssthresh, 5 * SMSS)
  }
})

test('RFC 5682 section 2.1 step 2: without new data there is nothing to ask with: conventional recovery', () => {
  const pair = delaySpike({ ...RENO, frto: true }, 10)
  complete(pair, 10)
  assert.deepEqual(undone(pair), [])
})

test('RFC 5682 section 3.1: an acknowledgment of more than what was sent again is enough with SACK, new data or not', () => {
  const pair = delaySpike({ ...SACK, frto: true }, 10, true)
  complete(pair, 10)
  assert.deepEqual([resent(pair), undone(pair)], [[1], ['frto']])
})

test('RFC 5682 section 2.1 step 1: not when the timer fires again for the same data', () => {
  const pair = new TcpPair({ a: { ...RENO, frto: true }, b: RENO }).establish()
  pair.links.b.delay = 10 * SECOND
  pair.act('a', (connection) => connection.send(pattern(30 * SMSS)))
  const [first] = data(pair)
  pair.loseFlights()
  pair.runUntil(() => pair.recorded('a', 'tcp:rto-expired').length === 2)
  pair.loseFlights()
  const before = data(pair).length
  pair.b.connection.handle(first.segment, pair.now)
  pair.settle()
  pair.runFor(10 * MS)
  assert.ok(
    data(pair)
      .slice(before)
      .every(({ segment }) => segment.retransmission),
    'old data goes out',
  )
})

test('RFC 3522 section 3.2: an echo older than the retransmission says that the first copy has arrived', () => {
  const pair = delaySpike({ ...STAMPED, undo: true }, 10)
  complete(pair, 10)
  assert.deepEqual([resent(pair), undone(pair)], [[1], ['timestamps']])
  const { congestion, rtt } = pair.a.connection.block
  assert.ok(congestion.cwnd >= 10 * SMSS && congestion.ssthresh > 100 * SMSS, 'window and threshold are back')
  // RFC 4015 section 3.2: the timer has learnt from the delay.
  assert.ok(rtt.rto > 350 * MS, `the timeout is ${String(rtt.rto / MS)} ms`)
  assert.equal(rtt.backoff, 0)
})

test('with all that Linux has, a delay spike costs a probe, one retransmission, and no window', () => {
  const all = { rack: true, tailLossProbe: true, dsack: true, proportionalRateReduction: true, frto: true, undo: true }
  for (const base of [SACK, STAMPED]) {
    const pair = delaySpike({ ...base, ...all }, 30, true)
    complete(pair, 30)
    pair.runFor(SECOND)
    assert.equal(pair.recorded('a', 'tcp:tail-loss-probe-sent').length, 1)
    assert.deepEqual([resent(pair), undone(pair).length], [[1], 1])
    const { congestion } = pair.a.connection.block
    assert.ok(congestion.cwnd >= 10 * SMSS && congestion.ssthresh > 100 * SMSS, 'window and threshold are back')
  }
})

test('RFC 3522 section 3.2: the echo of the retransmission itself proves nothing', () => {
  const pair = new TcpPair({ a: { ...STAMPED, undo: true }, b: STAMPED }).establish()
  pair.act('a', (connection) => connection.send(pattern(5 * SMSS)))
  pair.loseFlights()
  complete(pair, 5)
  assert.deepEqual(undone(pair), [])
  assert.equal(pair.a.connection.block.congestion.ssthresh, 2.5 * SMSS)
})

/** Segment 2 comes after all others have, and after its retransmission was sent, but before that arrives. */
function overtaken(config: Partial<TcpConfig>, segments: number): TcpPair {
  const pair = new TcpPair({ a: config, b: { ...config, delayedAck: false } }).establish()
  pair.act('a', (connection) => connection.send(pattern(segments * SMSS)))
  const flight = data(pair).slice(0, 10)
  pair.loseFlights()
  pair.runFor(10 * MS)
  const [first, second, ...others] = flight
  for (const { segment } of [first, ...others]) {
    pair.b.connection.handle(segment, pair.now)
    pair.settle()
  }
  pair.runUntil(() => resent(pair).length > 0)
  pair.b.connection.handle(second.segment, pair.now)
  pair.settle()
  return pair
}

test('RFC 4015: a fast recovery that reordering caused is taken back, by timestamps at once', () => {
  const pair = overtaken({ ...STAMPED, undo: true }, 10)
  complete(pair, 10)
  assert.deepEqual(undone(pair), ['timestamps'])
  assert.ok(pair.a.connection.block.congestion.ssthresh > 100 * SMSS, 'the threshold is back')
  assert.equal(pair.recorded('a', 'tcp:recovery-exited').length, 0)
})

test('RFC 2883 section 5.1: without timestamps the report of the duplicate takes it back, after recovery is over too', () => {
  const pair = overtaken({ ...SACK, undo: true, dsack: true }, 10)
  complete(pair, 10)
  assert.deepEqual(undone(pair), [])
  pair.runFor(SECOND)
  assert.deepEqual(undone(pair), ['dsack'])
  assert.equal(pair.recorded('a', 'tcp:spurious-retransmission-detected').length, resent(pair).length)
  assert.ok(pair.a.connection.block.congestion.ssthresh > 100 * SMSS, 'the threshold is back')
  // Nobody who does not listen, and nobody who is not told, can know.
  for (const deaf of [
    { ...SACK, undo: true },
    { ...SACK, dsack: true },
    { ...STAMPED, dsack: true },
  ]) {
    const stays = overtaken(deaf, 10)
    complete(stays, 10)
    stays.runFor(SECOND)
    assert.deepEqual(undone(stays), [])
    assert.ok(stays.a.connection.block.congestion.ssthresh <= 5 * SMSS)
  }
})

test('RFC 2883 section 5: two retransmissions, of which only one was needless: nothing is taken back', () => {
  const config = { ...SACK, rack: true, undo: true, dsack: true }
  const pair = new TcpPair({ a: config, b: { ...config, delayedAck: false } }).establish()
  pair.act('a', (connection) => connection.send(pattern(10 * SMSS)))
  const flight = data(pair)
  pair.loseFlights()
  pair.runFor(10 * MS)
  // 2 is late, 4 is lost.
  for (const i of [0, 2, 4, 5, 6, 7, 8, 9]) {
    pair.b.connection.handle(flight[i].segment, pair.now)
    pair.settle()
  }
  pair.runUntil(() => resent(pair).length === 2)
  pair.b.connection.handle(flight[1].segment, pair.now)
  pair.settle()
  complete(pair, 10)
  pair.runFor(SECOND)
  assert.equal(pair.recorded('a', 'tcp:spurious-retransmission-detected').length, 1)
  assert.deepEqual(undone(pair), [])
})

test('segments that the network doubles are reported, but not taken for retransmissions', () => {
  const config = { ...SACK, undo: true, dsack: true, rack: true }
  const pair = new TcpPair({ a: config, b: config, toB: { duplicate: 1 } }).establish()
  pair.act('a', (connection) => connection.send(pattern(10 * SMSS)))
  complete(pair, 10)
  pair.runFor(SECOND)
  assert.ok(pair.recorded('b', 'tcp:duplicate-received').length >= 10, 'the receiver sees them')
  assert.ok(
    pair.seen.some(({ from, segment }) => from === 'b' && segment.sackCount > 0),
    'and says so',
  )
  assert.equal(pair.recorded('a', 'tcp:spurious-retransmission-detected').length, 0)
})
