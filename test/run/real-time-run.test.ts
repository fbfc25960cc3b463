import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Nanos } from '../../src/kernel/time.ts'
import { RealTimeRun } from '../../src/run/real-time-run.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { exportPcapng } from '../../src/trace/pcapng-export.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'

const MS = 1_000_000

const source = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  id: 'two',
  title: 'Two hosts',
  hosts: { alice: { app: 'ping', to: 'bob', count: 3, interval: '100 ms' }, bob: {} },
  links: [{ between: ['alice', 'bob'], delay: '10 ms', ...more }],
})

interface Delivered {
  readonly frame: Uint8Array
  readonly at: Nanos
}

function bridged(
  attach: string,
  options: { link?: Record<string, unknown>; interventions?: readonly Intervention[]; until?: Nanos } = {},
): { run: RealTimeRun; delivered: Delivered[] } {
  const delivered: Delivered[] = []
  const scenario = resolveScenario(source(options.link))
  const run = new RealTimeRun(
    { ...scenario, duration: options.until ?? 3_600_000 * MS },
    {
      attach,
      interventions: options.interventions ?? [],
      deliver: (port, frame, at) => {
        assert.equal(port, 0)
        delivered.push({ frame, at })
      },
    },
  )
  return { run, delivered }
}

const always = (): boolean => true

/** Broadcast, of a type that nobody speaks (IEEE 802: local experiments), so that nothing comes back. */
function experiment(length = 60, fill = 0): Uint8Array {
  const frame = new Uint8Array(length).fill(fill)
  frame.fill(0xff, 0, 6)
  frame.set([2, 0, 0, 9, 9, 9, 0x88, 0xb5], 6)
  return frame
}

/** What became of the frames of a run, by link and time. */
const frames = (run: RealTimeRun) => [...run.director.store.frames()]

describe('a network with a host taken out', () => {
  test('two of them, joined where Bob is missing here and Alice there, make one: each echo takes both links', () => {
    const here = bridged('bob')
    const there = bridged('alice')
    for (const next = () => Math.min(here.run.nextTime, there.run.nextTime); next() < 1000 * MS;) {
      const now = next() + 1
      for (const [one, other] of [
        [here, there],
        [there, here],
      ] as const) {
        one.run.advance(now, always)
        for (const { frame, at } of one.delivered.splice(0)) other.run.receive(0, frame, at)
      }
    }
    const replies = here.run.director.store.events.filter(({ name }) => name === 'ping:replied')
    // The first one also asks for the address. Each time that the other network has gone on already costs a nanosecond.
    assert.deepEqual(
      replies.map(({ data }) => data['rtt']),
      [80 * MS + 2, 40 * MS + 1, 40 * MS + 1],
    )
    assert.equal(there.run.taken, 4)
  })

  test('a frame enters its link at the time at which it came in, however far behind the run is', () => {
    const { run } = bridged('alice')
    run.receive(0, experiment(), 5 * MS)
    run.receive(0, experiment(), 7 * MS)
    run.receive(0, experiment(), 7 * MS)
    assert.equal(run.nextTime, 5 * MS)
    run.advance(100 * MS, always)
    assert.deepEqual(
      frames(run).map(({ enqueued, arrives, fate }) => [enqueued, arrives, fate]),
      [
        [5 * MS, 15 * MS, 'arrived'],
        [7 * MS, 17 * MS, 'arrived'],
        [7 * MS, 17 * MS, 'arrived'],
      ],
    )
    assert.equal(run.taken, 3)
  })

  test('a frame that comes later than the run has got enters at once', () => {
    const { run } = bridged('alice')
    run.advance(30 * MS, always)
    run.receive(0, experiment(), 20 * MS)
    run.advance(30 * MS + 1, always)
    assert.equal(frames(run)[0].enqueued, 30 * MS)
  })

  test('nothing happens beyond the time that was granted', () => {
    const { run, delivered } = bridged('bob')
    // Alice has asked for Bob's address at once.
    assert.equal(run.nextTime, 10 * MS)
    run.advance(10 * MS, always)
    assert.deepEqual([run.horizon, delivered.length], [10 * MS, 0])
    run.advance(10 * MS + 1, always)
    assert.deepEqual(
      delivered.map(({ at }) => at),
      [10 * MS],
    )
  })

  test('with nothing to do it waits for the outside alone, and for its end', () => {
    const { run } = bridged('alice', { until: 700 * MS })
    run.advance(1, always)
    assert.equal(run.nextTime, 700 * MS)
    run.advance(9 * MS, always)
    assert.equal(run.horizon, 9 * MS)
  })

  test('it stops early when told to, and goes on from there', () => {
    const { run, delivered } = bridged('bob')
    assert.equal(
      run.advance(500 * MS, () => false),
      false,
    )
    const stopped = run.horizon
    assert.equal(stopped < 500 * MS, true)
    while (!run.advance(500 * MS, () => false)) assert.equal(run.horizon >= stopped, true)
    assert.equal(run.horizon, 500 * MS)
    assert.equal(delivered.length > 0, true)
  })

  test('it is over at its duration, with frames from outside still waiting', () => {
    const { run } = bridged('alice', { until: 50 * MS })
    run.receive(0, experiment(), 60 * MS)
    assert.equal(run.advance(100 * MS, always), true)
    assert.deepEqual([run.over, run.horizon, run.taken], [true, 50 * MS, 0])
  })

  test('a host that is not there cannot be taken out', () => {
    assert.throws(() => bridged('carol'), /there is no host carol/)
  })
})

describe('the link of the outside', () => {
  test('has its rate: what comes at once leaves one after the other', () => {
    const { run } = bridged('alice', { link: { rate: '1 Mbit/s' } })
    for (let i = 0; i < 3; i++) run.receive(0, experiment(125), 2 * MS)
    run.advance(100 * MS, always)
    assert.deepEqual(
      frames(run).map(({ arrives }) => arrives),
      [13 * MS, 14 * MS, 15 * MS],
    )
  })

  test('loses what an intervention says, in both directions', () => {
    const cut: Intervention = { at: 20 * MS, cut: 'alice-bob' }
    const { run, delivered } = bridged('bob', { interventions: [cut] })
    run.advance(19 * MS, always)
    assert.equal(delivered.length, 1)
    run.receive(0, experiment(), 25 * MS)
    run.advance(2000 * MS, always)
    assert.equal(delivered.length, 1)
    assert.equal(frames(run).filter(({ fate }) => fate === 'link-down').length >= 2, true)
  })

  test('frames that no card would take are refused', () => {
    const { run } = bridged('alice')
    for (const length of [0, 13, 14, 1514, 1522, 1523, 60_000])
      run.receive(0, experiment(Math.max(14, length)).subarray(0, length), MS)
    run.advance(100 * MS, always)
    assert.deepEqual([run.taken, run.refused], [3, 4])
    assert.deepEqual(
      frames(run).map(({ length }) => length),
      [14, 1514, 1522],
    )
  })

  test('a host that is killed or paused takes the outside with it; one that is back brings it back', () => {
    const interventions: Intervention[] = [
      { at: 10 * MS, kill: 'alice' },
      { at: 30 * MS, restart: 'alice' },
      { at: 50 * MS, pause: 'alice' },
      { at: 70 * MS, resume: 'alice' },
    ]
    const { run } = bridged('alice', { interventions })
    for (const at of [5, 20, 40, 60, 80]) run.receive(0, experiment(60, at), at * MS)
    run.advance(200 * MS, always)
    assert.deepEqual([run.taken, run.refused], [3, 2])
    assert.deepEqual(
      frames(run).map(({ enqueued }) => enqueued / MS),
      [5, 40, 80],
    )
    assert.deepEqual(run.director.refused, [])
  })

  test('what the caller does to its buffer afterwards does not reach the network', () => {
    const { run } = bridged('alice')
    const frame = experiment(60, 7)
    run.receive(0, frame, MS)
    run.advance(2 * MS, always)
    frame.fill(0)
    assert.deepEqual(run.director.recorder.bytes(1), experiment(60, 7))
  })
})

test('what happens does not depend on how time is cut into pieces', () => {
  const capture = (steps: readonly number[]): Buffer => {
    const { run } = bridged('alice', { link: { rate: '2 Mbit/s', loss: '10 %', reorder: '10 %', jitter: '3 ms' } })
    for (let i = 0; i < 200; i++) run.receive(0, experiment(60 + i, i), i * 1.3 * MS)
    for (const step of steps) run.advance(run.horizon + step, always)
    run.advance(2000 * MS, always)
    return Buffer.from(exportPcapng(run.director.scenario, run.director.recorder, { kind: 'links' }))
  }
  const whole = capture([])
  assert.equal(whole.length > 10_000, true)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 * MS }), { maxLength: 60 }), (steps) => {
      assert.equal(capture(steps).equals(whole), true)
    }),
    { seed: 3, numRuns: 30 },
  )
})
