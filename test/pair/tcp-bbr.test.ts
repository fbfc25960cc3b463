/** BBR version 1, and the delivery rates that it goes by. What it does at a bottleneck is in `test/models/bottleneck.test.ts`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TcpConfig } from '../../src/protocols/tcp/config.ts'
import { MS, pattern, SECOND, TcpPair, TransferDriver, type PairLink } from './tcp-pair.ts'

const BBR: Readonly<Partial<TcpConfig>> = { congestionControl: 'bbr' }
/** Bits a second; and what of it is payload, in bytes a second, with 1,448 of them in 1,514. */
const RATE = 10e6
const BANDWIDTH = (RATE / 8) * (1448 / 1514)
const RTT = 40 * MS

function transferring(size: number, link: Partial<PairLink> = {}, config: Readonly<Partial<TcpConfig>> = {}): TcpPair {
  const drivers = { a: new TransferDriver(pattern(size)), b: new TransferDriver(new Uint8Array(0), { keep: false }) }
  return new TcpPair({
    a: { ...BBR, ...config },
    drivers,
    link: { delay: RTT / 2, rate: RATE, queue: 200, ...link },
  }).connect()
}

test('the delivery rate of a saturated line is that of the line; acknowledgments that come in a lump make it no faster', () => {
  const pair = transferring(20_000_000)
  const { ledger } = pair.a.connection.block.sent
  assert.ok(ledger !== undefined, 'rates are measured')
  const rates: number[] = []
  while (pair.now < 3 * SECOND) {
    pair.step()
    if (pair.now > SECOND && ledger.rate > 0) rates.push(ledger.rate)
  }
  assert.ok(rates.length > 500, `${String(rates.length)} samples`)
  // Slower while it drains what it has probed with.
  for (const rate of rates)
    assert.ok(rate > 0.7 * BANDWIDTH && rate < 1.06 * BANDWIDTH, `${String(rate)} of ${String(BANDWIDTH)}`)
})

test('other congestion controls measure none', () => {
  const pair = new TcpPair({ a: { congestionControl: 'cubic' } }).establish()
  assert.equal(pair.a.connection.block.sent.ledger, undefined)
  assert.equal(pair.a.connection.block.pacer, undefined)
})

test('what an application sends too slowly does not count as the bandwidth: afterwards it goes on at full speed', () => {
  const pair = transferring(3_000_000)
  const { congestion } = pair.a.connection.block
  pair.runFor(SECOND)
  const full = congestion.pacingRate
  assert.ok(full > 0.7 * BANDWIDTH && full < 1.3 * BANDWIDTH, `paced at ${String(full)}`)
  const slow = new TcpPair({ a: BBR, link: { delay: RTT / 2, rate: RATE, queue: 200 } }).establish()
  slow.act('a', (connection) => connection.send(pattern(1_000_000)))
  slow.runFor(2 * SECOND)
  // A segment each tenth of a second, for more round trips than the bandwidth is remembered.
  for (let i = 0; i < 20; i++) {
    slow.act('a', (connection) => connection.send(pattern(1448)))
    slow.runFor(100 * MS)
  }
  const rate = slow.a.connection.block.congestion.pacingRate
  assert.ok(rate > 0.7 * BANDWIDTH, `after trickling it is paced at ${String(rate)}`)
})

test('a timeout leaves one segment, and what was before comes back when the loss is repaired', () => {
  const pair = transferring(20_000_000)
  pair.runFor(2 * SECOND)
  const { congestion, recovery } = pair.a.connection.block
  const before = congestion.cwnd
  pair.loseFlights()
  pair.links.b.flaps = [[pair.now, pair.now + 100 * MS]]
  pair.runUntil(() => recovery.phase === 'loss')
  assert.equal(congestion.cwnd, 1448)
  pair.runUntil(() => recovery.phase === 'open')
  assert.ok(congestion.cwnd >= before, `${String(congestion.cwnd)} after ${String(before)}`)
})

test('flows begin the cycle of their probes at different places, by their initial sequence numbers', () => {
  const gains = [1, 2, 3, 4, 5, 6].map((isnA) => {
    const drivers = { a: new TransferDriver(pattern(5_000_000)), b: new TransferDriver(new Uint8Array(0), { keep: false }) }
    const pair = new TcpPair({
      a: BBR,
      drivers,
      isnA: isnA * 12_345_678,
      link: { delay: RTT / 2, rate: RATE, queue: 200 },
      keep: false,
    })
    pair.connect()
    const { congestion } = pair.a.connection.block
    // When it first probes faster than the line, in steady state.
    pair.runFor(700 * MS)
    pair.runUntil(() => congestion.pacingRate > 1.15 * BANDWIDTH)
    return Math.floor(pair.now / (10 * MS))
  })
  assert.ok(new Set(gains).size > 2, `they probe at ${gains.join(', ')}`)
})

test('a path whose bandwidth falls to a tenth: the model follows within some round trips, and the transfer ends', () => {
  const pair = transferring(3_000_000)
  pair.runFor(SECOND)
  pair.links.b.rate = RATE / 10
  pair.runToEnd()
  assert.equal(pair.b.connection.receivedFin, true)
  assert.ok(pair.now < 100 * SECOND, `it ends after ${String(pair.now / SECOND)} s`)
})
