/**
 * How long 5 MB take under RFC 9002's loss recovery with our congestion control, beside two real QUIC stacks under the same impairment. What
 * was measured there is in `reference/README.md`. Medians are to be within 20 % of each other.
 *
 * These downloads are of loss recovery and acknowledgments alone, without handshake, TLS, streams and flow control.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { download, MS, SECOND } from '../protocols/quic/recovery-lab.ts'

const SEEDS = 20
/** What a handshake and starting the client take, in seconds, which the measured times include. */
const START = 0.12
/** Datagrams of the real stacks, in bytes. */
const PACKET = 1444

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >>> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Seconds that each run took, by stack, congestion control and loss in percent. */
const measured = new Map<string, number[]>()
const [, ...rows] = readFileSync(resolve(import.meta.dirname, 'reference/quic-transfer-5mb.csv'), 'utf8')
  .trim()
  .split('\n')
for (const row of rows) {
  const [stack, algorithm, loss, , seconds] = row.split(',')
  const key = `${stack} ${algorithm} ${loss}`
  measured.set(key, [...(measured.get(key) ?? []), Number(seconds)])
}

function ours(congestionControl: 'cubic' | 'new-reno', loss: number, cubicReno: 'rfc9438' | 'whole-segment'): number {
  const link = { rate: 10e6, delay: 25 * MS, queue: 62_500, loss: loss / 100 }
  const times = Array.from({ length: SEEDS }, (_, index) => {
    const { doneAt } = download(5_000_000, link, index + 1, { congestionControl, cubicReno, packet: PACKET })
    assert.ok(doneAt > 0, 'it ended')
    return doneAt / SECOND + START
  })
  return median(times)
}

for (const [stack, algorithm, congestionControl] of [
  ['ngtcp2', 'cubic', 'cubic'],
  ['quic-go', 'default', 'cubic'],
  ['ngtcp2', 'reno', 'new-reno'],
] as const) {
  for (const loss of [0, 1, 2]) {
    const theirs = measured.get(`${stack} ${algorithm} ${String(loss)}`)
    if (theirs === undefined) continue
    test(`${congestionControl} with ${String(loss)} % of loss takes as long as ${stack}`, () => {
      const [own, real] = [ours(congestionControl, loss, 'whole-segment'), median(theirs)]
      assert.ok(Math.abs(own / real - 1) < 0.2, `${own.toFixed(2)} s beside ${real.toFixed(2)} s`)
    })
  }
}

test("RFC 9438's slower estimate of Reno is what makes a difference under loss, and none without", () => {
  assert.ok(Math.abs(ours('cubic', 0, 'rfc9438') / ours('cubic', 0, 'whole-segment') - 1) < 0.02, 'without loss')
  for (const loss of [1, 2]) {
    const ratio = ours('cubic', loss, 'rfc9438') / ours('cubic', loss, 'whole-segment')
    assert.ok(ratio > 1.15 && ratio < 1.35, `${String(loss)} %: ${ratio.toFixed(2)}`)
  }
})
