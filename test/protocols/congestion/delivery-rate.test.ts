import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeliveryLedger } from '../../../src/protocols/congestion/delivery-rate.ts'

const MS = 1e6
/** Bytes a second. */
const perMillisecond = (bytes: number): number => bytes * 1000

/** Sends a segment of 1,000 bytes at each time. @returns the ledger */
function sent(times: readonly number[]): DeliveryLedger {
  const ledger = new DeliveryLedger()
  times.forEach((at, slot) => {
    ledger.sent(slot, slot * 1000, at)
  })
  return ledger
}

/** An acknowledgment of some slots, given with when they were sent. @returns the rate */
function acknowledge(
  ledger: DeliveryLedger,
  now: number,
  slots: readonly (readonly [slot: number, sentAt: number])[],
  least = -1,
): number {
  ledger.begin(now)
  for (const [slot, sentAt] of slots) ledger.acknowledged(slot, 1000, sentAt)
  ledger.finish(least)
  return ledger.rate
}

test('the first flight: what is delivered since it began to be sent, over the time that took', () => {
  const ledger = sent([0, 0, 0, 0])
  assert.equal(acknowledge(ledger, 50 * MS, [[0, 0]]), perMillisecond(1000 / 50))
  assert.equal(acknowledge(ledger, 51 * MS, [[1, 0]]), perMillisecond(2000 / 51))
  assert.equal(ledger.delivered, 2000)
})

test('acknowledgments that come compressed look no faster than the data was sent', () => {
  // Sent each 10 ms; the line gathers the acknowledgments, and lets them all through at once.
  const times = [0, 10, 20, 30, 40, 50, 60, 70].map((at) => at * MS)
  const ledger = sent(times)
  acknowledge(ledger, 100 * MS, [[0, 0]])
  // Sent after that first acknowledgment, hence timed from it.
  ledger.sent(8, 7000, 101 * MS)
  ledger.sent(9, 8000, 171 * MS)
  for (let slot = 1; slot <= 8; slot++) acknowledge(ledger, 172 * MS, [[slot, slot < 8 ? times[slot] : 101 * MS]])
  const rate = acknowledge(ledger, 172 * MS, [[9, 171 * MS]])
  // Nine segments were sent between the first and the last of them, over 171 ms; they came in over 72 ms.
  assert.equal(rate, perMillisecond(9000 / 171))
})

test('a burst that is acknowledged at the speed of the line looks no faster than that', () => {
  const ledger = sent(Array.from({ length: 5 }, () => 0))
  acknowledge(ledger, 20 * MS, [[0, 0]])
  ledger.sent(5, 4000, 20 * MS)
  for (let slot = 1; slot < 5; slot++) acknowledge(ledger, (20 + slot) * MS, [[slot, 0]])
  // Sent at once with what was acknowledged; 5 segments have come since, in 20 ms.
  assert.equal(acknowledge(ledger, 40 * MS, [[5, 20 * MS]]), perMillisecond(5000 / 20))
})

test('less time than the shortest round trip is an artefact, and gives no sample', () => {
  const ledger = sent([0])
  assert.equal(acknowledge(ledger, 10 * MS, [[0, 0]], 20 * MS), -1)
  assert.equal(ledger.delivered, 1000)
})

test('an acknowledgment that delivers nothing tells nothing', () => {
  const ledger = sent([0])
  assert.equal(acknowledge(ledger, 10 * MS, []), -1)
  assert.deepEqual([ledger.priorDelivered, ledger.newly], [-1, 0])
})

test('what is sent after the application ran dry is marked so until all of it has been delivered', () => {
  const ledger = sent([0])
  ledger.ranDry(1000)
  ledger.sent(1, 1000, MS)
  acknowledge(ledger, 10 * MS, [[0, 0]])
  assert.equal(ledger.appLimited, false)
  acknowledge(ledger, 11 * MS, [[1, MS]])
  assert.equal(ledger.appLimited, true)
  ledger.sent(2, 0, 12 * MS)
  acknowledge(ledger, 22 * MS, [[2, 12 * MS]])
  assert.equal(ledger.appLimited, false)
})

test('segments that move keep what is remembered of them', () => {
  const ledger = sent([0, 0, 0])
  acknowledge(ledger, 10 * MS, [[0, 0]])
  ledger.sent(3, 2000, 10 * MS)
  ledger.rearrange([2, 3], 32)
  assert.equal(acknowledge(ledger, 30 * MS, [[1, 10 * MS]]), perMillisecond(1000 / 20))
})
