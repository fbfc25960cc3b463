/**
 * NewReno beside ns-3's: 20 MB over a bottleneck of 10 Mbit/s behind a queue of 100 packets, 20 ms one way, initial window 10, an
 * acknowledgment for every second segment. Times in seconds are those of ns-3 3.37's `TcpNewReno`, traced with its own applications.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MS, pattern, SECOND, TcpPair, TransferDriver } from './tcp-pair.ts'

/** The empty path. */
const RTT = 0.04
const SMSS = 1448
const DATA = pattern(20_000_000)

/** @param lost number of the data segment to lose once, from 1; 0: none */
function download(sack: boolean, lost: number): { pair: TcpPair; doneAt: number; times: (name: string) => number[] } {
  // ns-3's congestion avoidance adds SMSS²/cwnd for each acknowledgment.
  const config = {
    sack,
    byteCounting: false,
    slowStartAfterIdle: false,
    delayedAckTimeout: 200 * MS,
    sendBuffer: 4 << 20,
    receiveBuffer: 4 << 20,
  }
  const drivers = { a: new TransferDriver(DATA), b: new TransferDriver(new Uint8Array(0), { keep: false }) }
  let toLose = lost > 0
  const pair = new TcpPair({
    a: config,
    b: config,
    drivers,
    link: { delay: 20 * MS, rate: 10e6, overhead: 22, queue: 100 },
    toB: {
      drop: ({ seq, payload }) => {
        if (!toLose || payload.length === 0 || seq !== 1001 + (lost - 1) * SMSS) return false
        toLose = false
        return true
      },
    },
  })
  pair.connect().runToEnd()
  assert.equal(drivers.b.receivedBytes, DATA.length)
  return { pair, doneAt: drivers.b.lastReadAt / SECOND, times: (name) => pair.recorded('a', name).map(({ at }) => at / SECOND) }
}

function near(actual: number, expected: number, tolerance: number): void {
  assert.ok(
    Math.abs(actual - expected) <= tolerance,
    `${String(actual)} is not within ${String(tolerance)} of ${String(expected)}`,
  )
}

for (const [sack, entered, exited, goodput] of [
  [true, 0.213572, 0.257226, 9.288],
  [false, 0.213566, 0.257226, 9.32],
] as const) {
  test(`one lost segment ${sack ? 'with' : 'without'} SACK: loss event, recovery and goodput follow ns-3`, () => {
    const { doneAt, times } = download(sack, 50)
    near(times('tcp:fast-retransmit-entered')[0], entered, RTT / 10)
    near(times('tcp:recovery-exited')[0], exited, RTT / 10)
    assert.equal(times('tcp:rto-expired').length, 0)
    near((DATA.length * 8) / doneAt / 1e6, goodput, goodput * 0.01)
  })
}

test('without loss but the queue’s: slow-start exit, recovery, sawtooth and completion follow ns-3', () => {
  const { doneAt, times } = download(true, 0)
  const [entered, exited] = [times('tcp:fast-retransmit-entered'), times('tcp:recovery-exited')]
  // With the queue full, a round trip takes 0.16 s.
  near(entered[0], 0.616517, RTT)
  near(exited[0], 0.975783, RTT)
  near(entered[1] - entered[0], 11.45254 - 0.616517, (11.45254 - 0.616517) * 0.1)
  near(exited[1] - entered[1], 11.613548 - 11.45254, RTT)
  assert.deepEqual([entered.length, times('tcp:rto-expired').length], [2, 0])
  near(doneAt, 16.73, 0.1)
})

test('RFC 6928: the window over the first round trips is ns-3’s: 10, then one more for each acknowledgment', () => {
  const { pair } = download(true, 50)
  const expected = [0.040094, 0.081383, 0.083786, 0.086189, 0.088592, 0.090995, 0.12264, 0.125043, 0.127446, 0.129849]
  const updates = pair.recorded('a', 'tcp:congestion-updated').slice(0, expected.length)
  for (const [i, { at, data }] of updates.entries()) {
    assert.equal(data.cwnd, (10 + i) * SMSS)
    // ns-3 acknowledges the very first segment alone: two segments' time on the line.
    near(at / SECOND, expected[i], 0.0026)
  }
})
