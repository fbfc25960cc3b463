/**
 * Any transfer over any link: the exact bytes, once and in order, or a clean error in time.
 *
 * `TCP_CASES` sets the number of cases, `TCP_SEED` the seed.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { TcpConfig } from '../../src/protocols/tcp/config.ts'
import { MS, pattern, SECOND, TcpPair, TransferDriver, type PairLink, type Side } from '../pair/tcp-pair.ts'

const CASES = Number(process.env.TCP_CASES ?? 1000)
const SEED = Number(process.env.TCP_SEED ?? 20260101)

const chance = (most: number) =>
  fc.oneof(
    { weight: 2, arbitrary: fc.constant(0) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 100 }).map((x) => (x * most) / 100) },
  )

/** From when to when the line is cut, in milliseconds. */
const flaps: fc.Arbitrary<[from: number, to: number][]> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<[number, number][]>([]) },
  {
    weight: 3,
    arbitrary: fc.array(
      fc
        .tuple(fc.nat(5000), fc.integer({ min: 1, max: 3000 }))
        .map(([from, duration]): [number, number] => [from, from + duration]),
      { maxLength: 4 },
    ),
  },
  { weight: 1, arbitrary: fc.nat(3000).map((from): [number, number][] => [[from, Infinity]]) },
)

const link: fc.Arbitrary<Partial<PairLink>> = fc
  .record({
    delay: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 200_000 })).map((micros) => micros * 1000),
    rate: fc.oneof(fc.constant(0), fc.constantFrom(100e3, 1e6, 10e6, 1e9)),
    queue: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant(1000)),
    loss: chance(0.3),
    duplicate: chance(0.3),
    reorder: chance(0.5),
    reorderBy: fc.integer({ min: 0, max: 60 }).map((ms) => ms * MS),
    mark: chance(1),
    flaps,
  })
  .map((plan) => ({
    ...plan,
    flaps: plan.flaps.map(([from, to]) => [from * MS, to * MS] as const),
  }))

const settings: fc.Arbitrary<Partial<TcpConfig>> = fc.record(
  {
    mss: fc.oneof(fc.constant(1460), fc.integer({ min: 64, max: 9000 })),
    sendBuffer: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 5000, max: 1_000_000 })),
    receiveBuffer: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 5000, max: 1_000_000 })),
    windowScaling: fc.boolean(),
    timestamps: fc.boolean(),
    sack: fc.boolean(),
    nagle: fc.boolean(),
    minshall: fc.boolean(),
    delayedAck: fc.boolean(),
    sillyWindowAvoidance: fc.boolean(),
    fastRetransmit: fc.boolean(),
    limitedTransmit: fc.boolean(),
    rack: fc.boolean(),
    tailLossProbe: fc.boolean(),
    dsack: fc.boolean(),
    proportionalRateReduction: fc.boolean(),
    frto: fc.boolean(),
    undo: fc.boolean(),
    byteCounting: fc.boolean(),
    congestionControl: fc.constantFrom('new-reno', 'cubic', 'bbr'),
    hystart: fc.constantFrom('off', 'hystart++', 'hystart'),
    cubicReno: fc.constantFrom('rfc9438', 'rfc8312'),
    slowStartPerAck: fc.constantFrom(1, 8, 1_000_000),
    pacing: fc.boolean(),
    ecn: fc.constantFrom('off', 'passive', 'on'),
    slowStartAfterIdle: fc.boolean(),
    challengeAcks: fc.boolean(),
  },
  { requiredKeys: [] },
)

/** All that helps recovery at once, or anything. */
const config: fc.Arbitrary<Partial<TcpConfig>> = fc.tuple(settings, fc.nat(2)).map(([some, kind]) => {
  if (kind > 0) return some
  const loss = { sack: true, fastRetransmit: true, rack: true, tailLossProbe: true, dsack: true, undo: true }
  return { ...some, ...loss, proportionalRateReduction: true, frto: true }
})

/** Small mostly: tiny buffers or windows make a segment of every byte. */
const size = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 3000 }) },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 60_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 5_000_000 }) },
)

const application = fc.record({
  size,
  chunk: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.constant(65_536)),
  readLimit: fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 10_000 })),
  readInterval: fc.oneof(
    fc.constant(0),
    fc.integer({ min: 1, max: 300 }).map((ms) => ms * MS),
  ),
})

const isn = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.integer({ min: 0xffff_0000, max: 0xffff_ffff }),
  fc.constant(0x7fff_fff0),
)

/** How many steps a case may reasonably need: small segments mean many. */
function scale(plan: { readonly size: number }, mine: Partial<TcpConfig>, other: Partial<TcpConfig>): number {
  return plan.size / Math.min(mine.mss ?? 1460, other.mss ?? 1460, mine.sendBuffer ?? 1e6, other.receiveBuffer ?? 1e6)
}

const plans = fc
  .record({
    a: application,
    b: application,
    configA: config,
    configB: config,
    toA: link,
    toB: link,
    isnA: isn,
    isnB: isn,
    seed: fc.nat(),
    bothActive: fc.boolean(),
  })
  // Bytes that pass one by one, or a reader that takes some a second, are covered by small sizes.
  .map((plan) => {
    const shrink = (mine: typeof plan.a, from: Partial<TcpConfig>, to: Partial<TcpConfig>, reader: typeof plan.a) => {
      let { size } = mine
      while (scale({ size }, from, to) > 3600) size = Math.floor(size / 2)
      const perSecond =
        reader.readInterval === 0
          ? Infinity
          : (Math.min(reader.readLimit, to.receiveBuffer ?? 1e6) * SECOND) / reader.readInterval
      while (size > perSecond * 300) size = Math.floor(size / 2)
      return { ...mine, size }
    }
    return {
      ...plan,
      a: shrink(plan.a, plan.configA, plan.configB, plan.b),
      b: shrink(plan.b, plan.configB, plan.configA, plan.a),
    }
  })

test(`any transfer over any link gives the exact bytes or a clean error (${String(CASES)} cases)`, () => {
  fc.assert(
    fc.property(plans, (plan) => {
      const data = { a: pattern(plan.a.size, 1), b: pattern(plan.b.size, 2) }
      const drivers = { a: new TransferDriver(data.a, plan.a), b: new TransferDriver(data.b, plan.b) }
      const pair = new TcpPair({
        a: plan.configA,
        b: plan.configB,
        toA: plan.toA,
        toB: plan.toB,
        isnA: plan.isnA,
        isnB: plan.isnB,
        seed: plan.seed,
        bothActive: plan.bothActive,
        drivers,
        keep: false,
      })
      pair.a.connection.connect(0)
      if (plan.bothActive) pair.b.connection.connect(0)
      pair.settle()
      pair.runToEnd(3_000_000)
      const cut = [...(plan.toA.flaps ?? []), ...(plan.toB.flaps ?? [])].some(([, to]) => to === Infinity)
      for (const [side, other] of [
        ['a', 'b'],
        ['b', 'a'],
      ] as [Side, Side][]) {
        const end = pair.end(side)
        const { received, receivedBytes } = { received: drivers[side].whole(), receivedBytes: drivers[side].receivedBytes }
        assert.ok(receivedBytes <= data[other].length, `${side} received more than was sent`)
        assert.deepEqual(Buffer.compare(received, data[other].subarray(0, receivedBytes)), 0, `${side} received other bytes`)
        const { block } = end.connection
        if (!end.closed) {
          // Only a cut line leaves an end that has nothing to say waiting for ever; there is no keepalive.
          assert.ok(
            cut || pair.end(other).failure !== undefined || block.state === 'LISTEN',
            `${side} is still in ${block.state}`,
          )
          assert.equal(block.sent.outstanding, 0, `${side} waits with data in flight`)
        } else if (end.failure === undefined) {
          if (!cut && pair.end(other).failure === undefined)
            assert.equal(receivedBytes, data[other].length, `${side} ended well with bytes missing`)
          // A clean end says that the peer has everything.
          if (block.finSent && end.connection.receivedFin) assert.equal(receivedBytes, data[other].length)
        } else {
          assert.ok(['ETIMEDOUT', 'ECONNRESET', 'ECONNREFUSED'].includes(end.failure.code), end.failure.code)
        }
      }
      // Nobody hangs on: giving up takes at most all retries at the longest timeout, TIME-WAIT and FIN-WAIT-2 a minute each.
      const lastProgress = Math.max(drivers.a.lastReadAt, drivers.b.lastReadAt, 0)
      assert.ok(
        pair.now - lastProgress < 17 * 120 * SECOND + 130 * SECOND,
        `it went on for ${String((pair.now - lastProgress) / SECOND)} s`,
      )
    }),
    { numRuns: CASES, seed: SEED },
  )
})
