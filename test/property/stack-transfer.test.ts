/**
 * Any transfer between two hosts through the whole stack, over links that do anything to it: the exact bytes, once and in order, or a
 * clean error within the time in which TCP gives up.
 *
 * `STACK_CASES` sets the number of cases, `STACK_SEED` the seed.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BITS, DEFAULT_PLAN, runTransfer, type TransferPlan, type SidePlan } from '../run/transfer.ts'

const CASES = Number(process.env.STACK_CASES ?? 1000)
const SEED = Number(process.env.STACK_SEED ?? 20261107)

const MS = 1_000_000
const SECOND = 1000 * MS

/** From the last byte that was read to the end: all retries at the longest timeout, then TIME-WAIT or FIN-WAIT-2. */
const GIVE_UP = 17 * 120 * SECOND + 130 * SECOND

const share = (most: number) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 100 }).map((x) => (x * most) / 100) },
  )

const size = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 4000 }) },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 40_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 40_000, max: 500_000 }) },
)

const tcp = fc.record(
  {
    preset: fc.constantFrom('standard', 'linux', 'textbook'),
    congestionControl: fc.constantFrom('new-reno', 'cubic', 'bbr'),
    hystart: fc.constantFrom('off', 'hystart++', 'hystart'),
    pacing: fc.boolean(),
    ecn: fc.constantFrom('off', 'passive', 'on'),
  },
  { requiredKeys: [] },
)

const side: fc.Arbitrary<SidePlan> = fc.record({
  size,
  chunk: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.constant(65_536)),
  readLimit: fc.oneof(fc.constant(65_536), fc.integer({ min: 500, max: 10_000 })),
  // A reader that sleeps longer than the buffer lasts closes the window.
  readPause: fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 2000 }).map((ms) => ms * MS) },
  ),
  readPauseEvery: fc.integer({ min: 3000, max: 100_000 }),
  receiveBuffer: fc.oneof(fc.constant(1_048_576), fc.integer({ min: 1500, max: 20_000 })),
  sendBuffer: fc.oneof(fc.constant(1_048_576), fc.integer({ min: 500, max: 20_000 })),
  tcp,
})

const interruption = (longest: fc.Arbitrary<number>) =>
  fc.record({
    at: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 5000 })).map((ms) => ms * MS),
    lasts: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 1, max: 3000 }).map((ms) => ms * MS) },
      { weight: 1, arbitrary: longest },
    ),
    where: fc.nat(3),
  })
const cut = interruption(fc.constant(Infinity))
const pause = interruption(fc.integer({ min: 3, max: 300 }).map((s) => s * SECOND))

const plans: fc.Arbitrary<TransferPlan> = fc
  .record({
    ip: fc.constantFrom('v4', 'v6'),
    topology: fc.constantFrom('direct', 'router', 'switch'),
    seed: fc.nat(),
    rate: fc.oneof(fc.constant(0), fc.constantFrom(100 * BITS.kilo, BITS.mega, 10 * BITS.mega, 1000 * BITS.mega)),
    delay: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 100_000 })).map((micros) => micros * 1000),
    jitter: fc.oneof(
      fc.constant(0),
      fc.integer({ min: 0, max: 20 }).map((ms) => ms * MS),
    ),
    queueFrames: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant(1000)),
    discipline: fc.constantFrom('drop-tail', 'red', 'codel'),
    loss: share(0.3),
    corrupt: share(0.2),
    corruptUndetected: fc.boolean(),
    duplicate: share(0.3),
    reorder: share(0.5),
    reorderBy: fc.integer({ min: 0, max: 60 }).map((ms) => ms * MS),
    cuts: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(cut, { maxLength: 3 }) }),
    pauses: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(pause, { maxLength: 2 }) }),
    alice: side,
    bob: side,
  })
  // Bits that flip unnoticed on one link, and on the next, can cancel out in TCP's checksum: then other bytes do arrive, as in life.
  .map((plan) => (plan.topology === 'direct' ? plan : { ...plan, corruptUndetected: false }))

/** Runs a transfer, and asserts what holds for every one. */
function transfer(plan: TransferPlan): ReturnType<typeof runTransfer> {
  const run = runTransfer(plan)
  const { alice, bob, failures, brokenForGood, now, lastProgress } = run
  assert.deepEqual(failures, [], 'an application failed by something else than a socket error')
  for (const [name, mine, other] of [
    ['alice', alice, bob],
    ['bob', bob, alice],
  ] as const) {
    assert.ok(mine.exact, `${name} received other bytes than were sent`)
    if (mine.ended) assert.equal(mine.received, other.size, `${name} was told the end after ${String(mine.received)} bytes`)
    for (const code of mine.errors) assert.ok(['ETIMEDOUT', 'ECONNRESET', 'ECONNREFUSED', 'EHOSTUNREACH'].includes(code), code)
    if (mine.done) continue
    // Whoever has nothing more to say waits for ever when the other is gone, for there is no keepalive; nobody else does.
    assert.ok(
      brokenForGood || other.errors.length > 0 || mine.waitsFor === 'accept',
      `${name} waits to ${mine.waitsFor} for ever`,
    )
    assert.notEqual(mine.waitsFor, 'write', `${name} has bytes to send and does not give up`)
    assert.notEqual(mine.waitsFor, 'connect', `${name} does not give up to connect`)
  }
  const isGentle = plan.loss + plan.corrupt === 0 && plan.cuts.length + plan.pauses.length === 0
  if (isGentle)
    assert.ok(alice.done && bob.done && alice.errors.length + bob.errors.length === 0, 'a transfer failed that nothing hindered')
  assert.ok(now - lastProgress < GIVE_UP, `it went on for ${String((now - lastProgress) / SECOND)} s`)
  return run
}

test(`any transfer through the stack gives the exact bytes, or a clean error in time (${String(CASES)} cases)`, () => {
  fc.assert(
    fc.property(plans, (plan) => void transfer(plan)),
    { numRuns: CASES, seed: SEED, includeErrorInReport: true },
  )
})

const MEGABYTES: Record<string, Partial<TransferPlan>> = {
  'over a long way with a short queue': { rate: 10 * BITS.mega, delay: 20 * MS, queueFrames: 50, alice: sends(5_000_000) },
  'in both directions, with losses': {
    rate: 100 * BITS.mega,
    delay: 5 * MS,
    loss: 0.02,
    alice: sends(5_000_000),
    bob: sends(3_000_000),
  },
  'over IPv6 through a router, with losses': {
    ip: 'v6',
    topology: 'router',
    rate: 100 * BITS.mega,
    delay: 3 * MS,
    loss: 0.02,
    alice: sends(2_000_000),
    bob: sends(1_000_000),
  },
  'through a router, reordered, duplicated and with flipped bits that no card notices': {
    topology: 'router',
    rate: 100 * BITS.mega,
    delay: 2 * MS,
    jitter: MS,
    corrupt: 0.01,
    corruptUndetected: true,
    duplicate: 0.1,
    reorder: 0.1,
    reorderBy: 3 * MS,
    bob: sends(2_000_000),
  },
  'through a switch, while its cables are pulled and plugged in again': {
    topology: 'switch',
    rate: 100 * BITS.mega,
    delay: 5 * MS,
    cuts: [
      { at: 100 * MS, lasts: 300 * MS, where: 0 },
      { at: 1000 * MS, lasts: 2000 * MS, where: 1 },
      { at: 1500 * MS, lasts: 10 * MS, where: 0 },
    ],
    alice: sends(5_000_000),
  },
  'to a reader that keeps its window closed most of the time': {
    rate: 100 * BITS.mega,
    delay: 5 * MS,
    loss: 0.01,
    alice: sends(1_000_000),
    bob: { ...sends(0), readPause: 700 * MS, readPauseEvery: 50_000, receiveBuffer: 20_000 },
  },
  'while both hosts are paused for a while': {
    rate: 20 * BITS.mega,
    delay: 5 * MS,
    pauses: [
      { at: 200 * MS, lasts: 3000 * MS, where: 0 },
      { at: 500 * MS, lasts: 500 * MS, where: 1 },
    ],
    alice: sends(2_000_000),
    bob: sends(100_000),
  },
}

function sends(size: number): SidePlan {
  return { ...DEFAULT_PLAN.alice, size }
}

for (const [situation, plan] of Object.entries(MEGABYTES)) {
  test(`megabytes ${situation}`, () => {
    const whole = { ...DEFAULT_PLAN, ...plan }
    const { alice, bob } = transfer(whole)
    assert.deepEqual([alice.errors, bob.errors], [[], []])
    assert.deepEqual([alice.received, bob.received], [whole.bob.size, whole.alice.size])
  })
}
