import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { tcpConfig } from '../../../src/protocols/tcp/config.ts'
import { AckSample } from '../../../src/protocols/congestion/congestion.ts'
import { Cubic } from '../../../src/protocols/congestion/cubic.ts'

const SMSS = 1000
const SECOND = 1e9
const MS = 1e6
const [BETA, C] = [0.7, 0.4]
const ALPHA = (3 * (1 - BETA)) / (1 + BETA)

function begun(config: Readonly<Record<string, unknown>> = {}): Cubic {
  const cubic = new Cubic(tcpConfig(config))
  cubic.begin(SMSS, 10)
  return cubic
}

function acknowledge(cubic: Cubic, now: number, acked = SMSS, srtt = 100 * MS, cwndLimited = true): void {
  const sample = new AckSample()
  Object.assign(sample, { now, acked, srtt, cwndLimited })
  cubic.acknowledged(sample)
}

/** A flow that lost with `segments` in its window, and is in congestion avoidance. */
function reduced(segments: number, config: Readonly<Record<string, unknown>> = {}): Cubic {
  const cubic = begun(config)
  cubic.cwnd = segments * SMSS
  cubic.lossDetected(segments * SMSS)
  cubic.recovered(segments * SMSS, true)
  return cubic
}

/** Grows by a whole window of acknowledgments each round trip. @returns segments at the end of each */
function rounds(cubic: Cubic, count: number, rtt: number, from = 0): number[] {
  const windows: number[] = []
  for (let round = 0; round < count; round++) {
    const acks = Math.floor(cubic.cwnd / SMSS)
    for (let i = 0; i < acks; i++) acknowledge(cubic, from + round * rtt + (i * rtt) / acks, SMSS, rtt)
    windows.push(cubic.cwnd / SMSS)
  }
  return windows
}

test('RFC 9438 section 4.6: a loss leaves 0.7 of the window, of the flight if that is smaller, and two segments at least', () => {
  for (const [window, flight, expected] of [
    [100, 100, 70],
    [100, 60, 42],
    [2, 2, 2],
  ]) {
    const cubic = begun()
    cubic.cwnd = window * SMSS
    cubic.lossDetected(flight * SMSS)
    assert.deepEqual([cubic.cwnd, cubic.ssthresh], [expected * SMSS, expected * SMSS])
  }
})

test('RFC 9438 section 4.2: on a long path the window follows figure 1, computed directly, and is back at W_max after K', () => {
  const [wMax, rtt] = [1000, 200 * MS]
  const cubic = reduced(wMax)
  const k = Math.cbrt((wMax * (1 - BETA)) / C)
  const windows = rounds(cubic, 80, rtt)
  let inConcave = 0
  for (const [i, window] of windows.entries()) {
    const t = ((i + 1) * rtt) / SECOND
    const curve = C * (t - k) ** 3 + wMax
    // Steered towards where the curve will be a round trip later, so at most one round trip of the curve off.
    const slack = Math.max(2, Math.abs(C * (t + rtt / SECOND - k) ** 3 + wMax - curve))
    assert.ok(
      Math.abs(window - curve) <= slack,
      `after ${String(t)} s the window is ${String(window)}, the curve at ${String(curve)}`,
    )
    if (t < k) inConcave++
  }
  assert.ok(inConcave > 20 && inConcave < 60, 'both sides of the plateau are seen')
})

test('RFC 9438 section 4.2: the target is at most half as much again as the window', () => {
  const cubic = begun({ initialSsthresh: 10 * SMSS })
  acknowledge(cubic, 0)
  // An hour later the curve is nearly anywhere.
  const before = cubic.cwnd
  acknowledge(cubic, 3600 * SECOND)
  assert.ok(cubic.cwnd - before <= SMSS / 2, `one segment acknowledged adds ${String(cubic.cwnd - before)} bytes`)
  assert.ok(cubic.cwnd - before > SMSS / 3, 'and it does grow')
})

test('RFC 9438 section 4.3: on a short path the window is W_est, by figure 4, with alpha 0.53 up to where the reduction began, then 1', () => {
  const [wMax, rtt] = [20, 5 * MS]
  const cubic = reduced(wMax)
  let expected = wMax * BETA
  let crossed = 0
  for (let round = 0; round < 40; round++) {
    const acks = Math.floor(cubic.cwnd / SMSS)
    for (let i = 0; i < acks; i++) {
      const window = cubic.cwnd / SMSS
      if (expected >= wMax) crossed++
      expected += (expected >= wMax ? 1 : ALPHA) / window
      acknowledge(cubic, round * rtt + (i * rtt) / acks, SMSS, rtt)
    }
    assert.ok(
      Math.abs(cubic.cwnd / SMSS - expected) < 0.1,
      `round ${String(round)}: ${String(cubic.cwnd)} for ${String(expected)} segments`,
    )
  }
  assert.ok(crossed > 100, 'it comes beyond the old window')
})

test('RFC 8312 section 4.2, as in Linux: alpha stays 0.53', () => {
  const [after, linux] = [rounds(reduced(20), 60, 5 * MS), rounds(reduced(20, { cubicReno: 'rfc8312' }), 60, 5 * MS)]
  // The same up to the old window, slower beyond it.
  assert.deepEqual(after.slice(0, 10), linux.slice(0, 10))
  const [grown, grownInLinux] = [after, linux].map((windows) => windows[59] - windows[39])
  assert.ok(Math.abs(grown - 20) < 1, `a segment each round trip: ${String(grown)} in 20`)
  assert.ok(Math.abs(grownInLinux - 20 * ALPHA) < 1, `0.53 segments each round trip: ${String(grownInLinux)} in 20`)
})

test('RFC 9438 section 4.7, fast convergence: a loss below the last W_max gives room: W_max becomes 0.85 of the window', () => {
  const cubic = reduced(1000)
  const window = 800
  cubic.cwnd = window * SMSS
  cubic.lossDetected(window * SMSS)
  cubic.recovered(window * SMSS, true)
  // The plateau shows: where the curve is flat.
  const wMax = (window * (1 + BETA)) / 2
  const k = Math.cbrt((wMax - window * BETA) / C)
  acknowledge(cubic, 0, 1, 1)
  cubic.cwnd = 400 * SMSS
  for (let i = 0; i < 40_000; i++) acknowledge(cubic, k * SECOND, SMSS, 1)
  assert.ok(Math.abs(cubic.cwnd / SMSS - wMax) < 5, `the plateau is at ${String(cubic.cwnd / SMSS)}, not ${String(wMax)}`)
})

test('RFC 9438 section 4.8: a timeout leaves one segment; congestion avoidance then begins with K = 0 where slow start ends', () => {
  const cubic = begun()
  cubic.cwnd = 100 * SMSS
  cubic.timedOut(100 * SMSS, false)
  assert.deepEqual([cubic.cwnd, cubic.ssthresh], [SMSS, 70 * SMSS])
  cubic.timedOut(SMSS, true)
  assert.equal(cubic.ssthresh, 70 * SMSS)
  while (cubic.cwnd < cubic.ssthresh) acknowledge(cubic, SECOND)
  const start = cubic.cwnd / SMSS
  acknowledge(cubic, SECOND, 1, 1)
  // Ten seconds later the curve is C t³ above its start; each acknowledgment goes a step towards it.
  for (let i = 0; i < 200_000; i++) acknowledge(cubic, 11 * SECOND, SMSS, 1)
  assert.ok(Math.abs(cubic.cwnd / SMSS - (start + C * 1000)) < 25, `${String(cubic.cwnd / SMSS)} segments after ten seconds`)
})

test('RFC 9438 section 5.8: time in which the application had nothing to send does not move the curve', () => {
  const [busy, idle] = [reduced(1000), reduced(1000)]
  const rtt = 100 * MS
  rounds(busy, 20, rtt)
  rounds(idle, 20, rtt)
  for (let t = 20 * rtt; t < 320 * rtt; t += rtt) acknowledge(idle, t, SMSS, rtt, false)
  const [next, nextOfIdle] = [rounds(busy, 5, rtt, 20 * rtt), rounds(idle, 5, rtt, 320 * rtt)]
  for (const [i, window] of next.entries())
    assert.ok(Math.abs(window - nextOfIdle[i]) < 8, `${String(window)} and ${String(nextOfIdle[i])}`)
})

test('RFC 3168 section 6.1.2: a mark reduces as a loss does, and never raises the window', () => {
  const cubic = begun()
  cubic.congestionMarked(10 * SMSS)
  assert.deepEqual([cubic.cwnd, cubic.ssthresh], [7 * SMSS, 7 * SMSS])
  const small = begun()
  small.cwnd = SMSS
  small.congestionMarked(SMSS)
  assert.equal(small.cwnd, SMSS)
})

test('RFC 9438 section 4.9: what a spurious loss took is given back', () => {
  const cubic = reduced(1000)
  rounds(cubic, 10, 100 * MS)
  const { cwnd, ssthresh } = cubic
  cubic.remember()
  cubic.timedOut(cwnd, false)
  cubic.undo()
  assert.deepEqual([cubic.cwnd, cubic.ssthresh], [cwnd, ssthresh])
  const twin = reduced(1000)
  rounds(twin, 10, 100 * MS)
  assert.deepEqual(rounds(cubic, 10, 100 * MS, SECOND), rounds(twin, 10, 100 * MS, SECOND))
})

test('whatever happens, the window is a whole number of at least a segment, and never falls by an acknowledgment', () => {
  const happening = fc.oneof(
    { weight: 20, arbitrary: fc.tuple(fc.constant('ack'), fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 0, max: 1e9 })) },
    fc.tuple(
      fc.constantFrom('loss', 'timeout', 'idle', 'mark', 'undo', 'resize'),
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 0, max: 1e9 }),
    ),
  )
  fc.assert(
    fc.property(
      fc.array(happening, { maxLength: 300 }),
      fc.constantFrom('off', 'hystart++', 'hystart'),
      (happenings, hystart) => {
        const cubic = begun({ hystart })
        let now = 0
        let smss = SMSS
        for (const [what, size, gap] of happenings) {
          now += gap
          const before = cubic.cwnd
          cubic.remember()
          if (what === 'ack') {
            acknowledge(cubic, now, size, gap, gap % 3 !== 0)
            assert.ok(cubic.cwnd >= before && cubic.cwnd <= before + size * 20, `${String(before)} became ${String(cubic.cwnd)}`)
          } else if (what === 'loss') {
            cubic.lossDetected(Math.min(cubic.cwnd, size * 10))
            cubic.recovered(size, size % 2 === 0)
          } else if (what === 'timeout') cubic.timedOut(size * 10, size % 2 === 0)
          else if (what === 'idle') cubic.idled()
          else if (what === 'mark') cubic.congestionMarked(size)
          else if (what === 'undo') cubic.undo()
          else {
            smss = 500 + (size % 1000)
            cubic.resized(smss)
          }
          assert.ok(Number.isInteger(cubic.cwnd) && cubic.cwnd >= Math.min(smss, SMSS / 2), String(cubic.cwnd))
          assert.ok(Number.isInteger(cubic.ssthresh) && cubic.ssthresh >= 1000, String(cubic.ssthresh))
        }
      },
    ),
    { numRuns: 300, seed: 9438 },
  )
})

test("the estimate of Reno that real QUIC stacks use grows by a segment a round trip, RFC 9438's by half of one", () => {
  const grown = (cubicReno: 'rfc9438' | 'whole-segment'): number => {
    const cubic = new Cubic({ ...tcpConfig({}), cubicReno })
    cubic.begin(SMSS, 10)
    cubic.cwnd = 20 * SMSS
    cubic.lossDetected(20 * SMSS)
    cubic.recovered(20 * SMSS, true)
    // On a path of 10 ms Reno leads.
    const [before] = rounds(cubic, 1, 10 * MS)
    const windows = rounds(cubic, 4, 10 * MS, 10 * MS)
    return (windows[3] - before) / 4
  }
  assert.ok(Math.abs(grown('whole-segment') - 1) < 0.1, String(grown('whole-segment')))
  assert.ok(Math.abs(grown('rfc9438') - ALPHA) < 0.05, String(grown('rfc9438')))
})
