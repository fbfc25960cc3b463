/** Pacing: segments are spread over time, by timer. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TcpConfig } from '../../src/protocols/tcp/config.ts'
import { MS, pattern, SECOND, TcpPair, TransferDriver } from './tcp-pair.ts'

/** Timestamps off: a segment carries 1,460 bytes. */
const PACED: Readonly<Partial<TcpConfig>> = { pacing: true, timestamps: false }
const RTT = 100 * MS

function established(a: Readonly<Partial<TcpConfig>>): TcpPair {
  return new TcpPair({ a, b: { timestamps: false }, link: { delay: RTT / 2 } }).establish()
}

/** When data segments left, since the first. */
function departures(pair: TcpPair): number[] {
  const times = pair.seen.filter(({ from, length }) => from === 'a' && length > 0).map(({ at }) => at)
  return times.map((at) => at - times[0])
}

test('off, the whole window leaves at once', () => {
  const pair = established({ timestamps: false })
  pair.act('a', (connection) => connection.send(pattern(14_600)))
  assert.deepEqual(new Set(departures(pair)), new Set([0]))
  assert.equal(departures(pair).length, 10)
})

test('in slow start the window is spread over half of a round-trip time, evenly', () => {
  const pair = established(PACED)
  pair.act('a', (connection) => connection.send(pattern(14_600)))
  assert.equal(departures(pair).length, 1, 'one segment, then the timer')
  assert.equal(pair.a.connection.pollTimeout(), pair.now + RTT / 20)
  pair.runFor(RTT / 2)
  assert.deepEqual(
    departures(pair),
    Array.from({ length: 10 }, (_, index) => (index * RTT) / 20),
  )
})

test('in congestion avoidance it takes five sixths of one', () => {
  const pair = established({ ...PACED, initialSsthresh: 14_600 })
  pair.act('a', (connection) => connection.send(pattern(14_600)))
  pair.runFor(0.9 * RTT)
  const gap = Math.ceil(RTT / 12)
  assert.deepEqual(
    departures(pair),
    Array.from({ length: 10 }, (_, index) => index * gap),
  )
})

test('time that went by unused is not saved up for a burst', () => {
  const pair = established(PACED)
  pair.act('a', (connection) => connection.send(pattern(1460)))
  pair.runFor(10 * SECOND)
  pair.act('a', (connection) => connection.send(pattern(14_600)))
  assert.equal(departures(pair).length, 2)
})

test('an early call of handleTimeout sends nothing, and a segment of one byte hardly delays the next', () => {
  const pair = established({ ...PACED, nagle: false })
  pair.act('a', (connection) => connection.send(pattern(1460)))
  pair.act('a', (connection) => connection.send(pattern(1)))
  for (let i = 0; i < 3; i++) pair.act('a', (connection, now) => connection.handleTimeout(now))
  assert.equal(departures(pair).length, 1)
  pair.runFor(RTT / 20)
  assert.equal(departures(pair).length, 2)
  pair.act('a', (connection) => connection.send(pattern(1)))
  pair.runFor(MS / 100)
  assert.equal(departures(pair).length, 3)
})

test('acknowledgments are not held back, nor are SYN, probes and resets', () => {
  const pair = new TcpPair({ a: PACED, b: PACED, link: { delay: RTT / 2 } }).establish()
  pair.act('b', (connection) => connection.send(pattern(14_600)))
  pair.act('a', (connection) => connection.send(pattern(1_000_000)))
  const acks = (): number => pair.seen.filter(({ from, length }) => from === 'a' && length === 0).length
  const before = acks()
  pair.runFor(RTT)
  assert.ok(acks() - before >= 1 || pair.b.connection.block.sndUna > 1, 'the other side hears of its data')
  pair.act('a', (connection, now) => {
    connection.abort(now)
  })
  assert.match(pair.lines('a')[pair.lines('a').length - 1], /^RST ACK/)
})

for (const congestionControl of ['new-reno', 'cubic'] as const) {
  test(`${congestionControl}: pacing costs no throughput, with losses or without`, () => {
    for (const loss of [0, 0.01]) {
      const [plain, paced] = [false, true].map((pacing) => {
        const drivers = { a: new TransferDriver(pattern(2_000_000)), b: new TransferDriver(new Uint8Array(0), { keep: false }) }
        const link = { delay: 20 * MS, rate: 10e6, queue: 60 }
        const pair = new TcpPair({ a: { congestionControl, pacing }, drivers, link, toB: { loss }, keep: false, seed: 7 })
        pair.connect().runToEnd()
        assert.equal(drivers.b.receivedBytes, 2_000_000)
        return drivers.b.lastReadAt
      })
      assert.ok(
        paced < plain * (loss === 0 ? 1.1 : 1.5),
        `paced it takes ${String(paced)}, otherwise ${String(plain)} ns at loss ${String(loss)}`,
      )
    }
  })
}

test('an initial window of 30 segments fits through a queue of 15 when it is paced, and not in a burst', () => {
  const [burst, paced] = [false, true].map((pacing) => {
    const pair = new TcpPair({ a: { pacing, initialWindow: 30 }, link: { delay: 25 * MS, rate: 10e6, queue: 15 } }).establish()
    pair.act('a', (connection) => connection.send(pattern(30 * 1448)))
    pair.runFor(50 * MS)
    return pair.seen.filter(({ lost }) => lost).length
  })
  assert.ok(burst > 10, `${String(burst)} lost in a burst`)
  assert.equal(paced, 0)
})
