import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tcpConfig } from '../../../src/protocols/tcp/config.ts'
import { RttEstimator } from '../../../src/protocols/tcp/rtt-estimator.ts'

const MS = 1_000_000
/** RFC 6298's values: a fine clock, at least 1 s. */
const BY_THE_BOOK = tcpConfig({ minRto: 1000 * MS, rtoVarianceFloor: MS, maxRto: 60_000 * MS })
const FINE = tcpConfig({ minRto: MS, rtoVarianceFloor: MS })

test('RFC 6298 section 2.1: the timeout is 1 s before the first measurement', () => {
  assert.equal(new RttEstimator(BY_THE_BOOK).rto, 1000 * MS)
})

test('RFC 6298 section 2.2: the first measurement R gives SRTT = R, RTTVAR = R/2, RTO = R + 4 RTTVAR', () => {
  const rtt = new RttEstimator(FINE)
  rtt.sample(100 * MS)
  assert.deepEqual([rtt.srtt, rtt.rttvar, rtt.rto], [100 * MS, 50 * MS, 300 * MS])
})

test('RFC 6298 section 2.3: later ones with alpha 1/8 and beta 1/4, the variance against the old SRTT', () => {
  const rtt = new RttEstimator(FINE)
  rtt.sample(100 * MS)
  rtt.sample(180 * MS)
  // RTTVAR = 3/4 * 50 + 1/4 * |100 - 180|, SRTT = 7/8 * 100 + 1/8 * 180.
  assert.deepEqual([rtt.srtt, rtt.rttvar, rtt.rto], [110 * MS, 57.5 * MS, 340 * MS])
})

test('RFC 6298 section 2.3: a variance that vanishes leaves the clock granularity', () => {
  const rtt = new RttEstimator(FINE)
  for (let i = 0; i < 100; i++) rtt.sample(20 * MS)
  assert.equal(rtt.srtt, 20 * MS)
  assert.equal(rtt.rto, 21 * MS)
})

test('RFC 6298 section 2.4: at least 1 s by the book; in Linux 200 ms above the round-trip time', () => {
  const book = new RttEstimator(BY_THE_BOOK)
  const linux = new RttEstimator(tcpConfig({}))
  for (let i = 0; i < 100; i++) for (const rtt of [book, linux]) rtt.sample(300 * MS)
  assert.equal(book.rto, 1000 * MS)
  assert.equal(linux.rto, 500 * MS)
})

test('RFC 6298 sections 2.5 and 5.5: doubled at each expiry, up to the maximum', () => {
  const rtt = new RttEstimator(BY_THE_BOOK)
  const seconds = Array.from({ length: 8 }, () => {
    rtt.backOff()
    return rtt.rto / (1000 * MS)
  })
  assert.deepEqual(seconds, [2, 4, 8, 16, 32, 60, 60, 60])
  assert.equal(rtt.backoff, 8)
})

test('RFC 6298 section 5: a measurement ends backing off', () => {
  const rtt = new RttEstimator(BY_THE_BOOK)
  rtt.sample(500 * MS)
  rtt.backOff()
  rtt.backOff()
  assert.equal(rtt.rto, 6000 * MS)
  rtt.sample(500 * MS)
  assert.equal(rtt.backoff, 0)
  assert.equal(rtt.rto, (500 + 4 * 187.5) * MS)
})

test('RFC 6298 section 5.7: 3 s after a handshake that gave no measurement', () => {
  const rtt = new RttEstimator(BY_THE_BOOK)
  rtt.backOff()
  rtt.fallBack()
  assert.equal(rtt.rto, 3000 * MS)
  rtt.sample(300 * MS)
  rtt.fallBack()
  assert.equal(rtt.rto, 1000 * MS)
})

test('all values are whole nanoseconds', () => {
  const rtt = new RttEstimator(FINE)
  for (const sample of [1, 3, 10_000_001, 7, 123_456_789]) {
    rtt.sample(sample)
    for (const value of [rtt.srtt, rtt.rttvar, rtt.rto]) assert.ok(Number.isInteger(value))
  }
})
