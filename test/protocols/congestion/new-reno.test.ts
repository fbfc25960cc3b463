import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tcpConfig, type TcpConfig } from '../../../src/protocols/tcp/config.ts'
import { AckSample } from '../../../src/protocols/congestion/congestion.ts'
import { NewReno } from '../../../src/protocols/congestion/new-reno.ts'

const SMSS = 1000

function begun(config: Partial<TcpConfig> = {}): NewReno {
  const reno = new NewReno(tcpConfig(config))
  reno.begin(SMSS, 10)
  return reno
}

function acknowledge(reno: NewReno, acked: number, cwndLimited = true): void {
  const sample = new AckSample()
  sample.acked = acked
  sample.cwndLimited = cwndLimited
  reno.acknowledged(sample)
}

test('RFC 6928: ten segments to begin with', () => {
  assert.equal(begun().cwnd, 10 * SMSS)
})

test('RFC 5681 section 3.1: in slow start each acknowledgment adds what it acknowledges, at most one segment', () => {
  const reno = begun()
  acknowledge(reno, 300)
  assert.equal(reno.cwnd, 10_300)
  acknowledge(reno, 2 * SMSS)
  assert.equal(reno.cwnd, 11_300)
})

test('RFC 3465: up to two segments with L = 2', () => {
  const reno = begun({ slowStartPerAck: 2 })
  acknowledge(reno, 5 * SMSS)
  assert.equal(reno.cwnd, 12_000)
})

test('RFC 5681 section 3.1: in congestion avoidance one segment for each window of acknowledged bytes', () => {
  const reno = begun({ initialSsthresh: 10 * SMSS })
  for (let i = 0; i < 4; i++) acknowledge(reno, 2 * SMSS)
  assert.equal(reno.cwnd, 10_000)
  acknowledge(reno, 2 * SMSS)
  assert.equal(reno.cwnd, 11_000)
})

test('RFC 5681 equation 3, when bytes are not counted: SMSS²/cwnd for each acknowledgment, at least one byte', () => {
  const reno = begun({ initialSsthresh: 10 * SMSS, byteCounting: false })
  acknowledge(reno, 2 * SMSS)
  assert.equal(reno.cwnd, 10_100)
})

test('RFC 5681 equation 4: half of the flight, at least two segments', () => {
  const reno = begun()
  reno.lossDetected(9000)
  assert.deepEqual([reno.cwnd, reno.ssthresh], [4500, 4500])
  reno.lossDetected(1500)
  assert.deepEqual([reno.cwnd, reno.ssthresh], [2000, 2000])
})

test('RFC 6582 section 3.2 step 3: out of recovery without a burst; with SACK at the threshold', () => {
  const reno = begun()
  reno.lossDetected(20_000)
  reno.recovered(3000, false)
  assert.equal(reno.cwnd, 4000)
  reno.recovered(0, false)
  assert.equal(reno.cwnd, 2000)
  reno.recovered(30_000, false)
  assert.equal(reno.cwnd, 10_000)
  reno.recovered(3000, true)
  assert.equal(reno.cwnd, 10_000)
})

test('RFC 5681 section 3.1: a timeout leaves one segment, and halves the threshold once for the same data', () => {
  const reno = begun()
  reno.timedOut(20_000, false)
  assert.deepEqual([reno.cwnd, reno.ssthresh], [1000, 10_000])
  reno.timedOut(1000, true)
  assert.deepEqual([reno.cwnd, reno.ssthresh], [1000, 10_000])
})

test('a window that was not used does not grow', () => {
  const reno = begun()
  acknowledge(reno, SMSS, false)
  assert.equal(reno.cwnd, 10_000)
})

test('RFC 5681 section 4.1: idle, the window falls back to the initial one, and never rises by it', () => {
  const reno = begun()
  for (let i = 0; i < 10; i++) acknowledge(reno, SMSS)
  reno.idled()
  assert.equal(reno.cwnd, 10_000)
  reno.timedOut(5000, false)
  reno.idled()
  assert.equal(reno.cwnd, 1000)
})

test('RFC 9002 appendix B.5: in congestion avoidance each acknowledged byte adds its part of a segment, and no part is lost', () => {
  const reno = new NewReno({ ...tcpConfig({}), byteCounting: 'parts' })
  reno.begin(SMSS, 10)
  reno.lossDetected(10 * SMSS)
  reno.recovered(5 * SMSS, true)
  assert.equal(reno.cwnd, 5000)
  acknowledge(reno, 1000)
  assert.equal(reno.cwnd, 5200)
  for (let acked = 1000; acked < 100 * 5000; acked += 7) acknowledge(reno, 7)
  // d(cwnd) = SMSS · d(acked) / cwnd.
  const expected = Math.sqrt(5000 * 5000 + 2 * SMSS * 100 * 5000)
  assert.ok(Math.abs(reno.cwnd - expected) < 25, `${String(reno.cwnd)}, not ${expected.toFixed(0)}`)
})

test('RFC 9002 section 7.6.2: a loss window of two segments, where the owner asks for it', () => {
  const reno = new NewReno(tcpConfig({}), 2)
  reno.begin(SMSS, 10)
  reno.timedOut(10 * SMSS, false)
  assert.deepEqual([reno.cwnd, reno.ssthresh], [2000, 5000])
})
