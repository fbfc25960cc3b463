import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { randomStream } from '../../../src/kernel/random.ts'
import { VirtualRouter, type VirtualRouterOptions, type VirtualRouterState } from '../../../src/protocols/vrrp/virtual-router.ts'
import type { VrrpAdvertisement } from '../../../src/wire/vrrp.ts'

const MS = 1_000_000
const OPTIONS: VirtualRouterOptions = {
  vrid: 7,
  priority: 100,
  addresses: [0x0a000064],
  interval: 100,
  preempt: true,
  primary: 0x0a000005,
}

const router = (more: Partial<VirtualRouterOptions> = {}): VirtualRouter => new VirtualRouter({ ...OPTIONS, ...more })

function heard(more: Partial<VrrpAdvertisement> & { source?: number; ttl?: number }) {
  const { source = 0x0a000009, ttl = 255, ...rest } = more
  return { advertisement: { vrid: 7, priority: 100, interval: 100, addresses: [0x0a000064], ...rest }, source, ttl }
}

/** Everything that a machine wants done, in words. */
function said(machine: VirtualRouter): string[] {
  const words: string[] = []
  for (let next = machine.pollTransmit(); next !== undefined; next = machine.pollTransmit())
    words.push(`advertises ${String(next.priority)}`)
  for (let event = machine.pollEvent(); event !== undefined; event = machine.pollEvent())
    words.push(event.kind === 'state-changed' ? `${event.previous} → ${event.state}: ${event.reason}` : event.kind)
  return words
}

/** A machine in a state at time 0, its waits as they are then. */
function inState(state: VirtualRouterState, more: Partial<VirtualRouterOptions> = {}): VirtualRouter {
  const machine = router(more)
  if (state !== 'INITIALIZE') machine.startup(state === 'ACTIVE' ? -3_609_375_000 : 0)
  if (state === 'ACTIVE') machine.handleTimeout(0)
  said(machine)
  assert.equal(machine.state, state)
  return machine
}

/** Of priority 100: (256 − 100) / 256 of a second. */
const SKEW = 609.375
const DOWN = 3000 + SKEW

describe('RFC 9568 section 6.4: every state, every input', () => {
  const INPUTS: Readonly<Record<string, (machine: VirtualRouter) => void>> = {
    startup: (machine) => machine.startup(0),
    shutdown: (machine) => machine.shutdown(),
    'its time is up': (machine) => machine.handleTimeout(5_000 * MS),
    'its time is not up': (machine) => machine.handleTimeout(1),
    'priority 0': (machine) => machine.handle(heard({ priority: 0 }), 0),
    'a lower one': (machine) => machine.handle(heard({ priority: 50 }), 0),
    'an equal one from a higher address': (machine) => machine.handle(heard({ priority: 100 }), 0),
    'an equal one from a lower address': (machine) => machine.handle(heard({ priority: 100, source: 0x0a000001 }), 0),
    'a higher one': (machine) => machine.handle(heard({ priority: 150, interval: 200 }), 0),
    'that of another virtual router': (machine) => machine.handle(heard({ vrid: 8, priority: 255 }), 0),
    'one that a router has passed on': (machine) => machine.handle(heard({ priority: 255, ttl: 254 }), 0),
  }
  /** State afterwards, when its time is up in milliseconds, and what it wants done. */
  type Outcome = readonly [state: VirtualRouterState, timeout: number | undefined, ...said: string[]]
  const TABLE: Readonly<Record<VirtualRouterState, Readonly<Record<string, Outcome>>>> = {
    INITIALIZE: {
      startup: ['BACKUP', DOWN, 'INITIALIZE → BACKUP: startup'],
      shutdown: ['INITIALIZE', undefined],
      'its time is up': ['INITIALIZE', undefined],
      'its time is not up': ['INITIALIZE', undefined],
      'priority 0': ['INITIALIZE', undefined],
      'a lower one': ['INITIALIZE', undefined],
      'an equal one from a higher address': ['INITIALIZE', undefined],
      'an equal one from a lower address': ['INITIALIZE', undefined],
      'a higher one': ['INITIALIZE', undefined],
      'that of another virtual router': ['INITIALIZE', undefined],
      'one that a router has passed on': ['INITIALIZE', undefined],
    },
    BACKUP: {
      startup: ['BACKUP', DOWN],
      shutdown: ['INITIALIZE', undefined, 'BACKUP → INITIALIZE: shutdown'],
      'its time is up': ['ACTIVE', 6000, 'advertises 100', 'BACKUP → ACTIVE: silence'],
      'its time is not up': ['BACKUP', DOWN],
      'priority 0': ['BACKUP', SKEW],
      'a lower one': ['BACKUP', DOWN],
      'an equal one from a higher address': ['BACKUP', DOWN],
      'an equal one from a lower address': ['BACKUP', DOWN],
      'a higher one': ['BACKUP', 2 * DOWN],
      'that of another virtual router': ['BACKUP', DOWN],
      'one that a router has passed on': ['BACKUP', DOWN, 'discarded'],
    },
    ACTIVE: {
      startup: ['ACTIVE', 1000],
      shutdown: ['INITIALIZE', undefined, 'advertises 0', 'ACTIVE → INITIALIZE: shutdown'],
      'its time is up': ['ACTIVE', 6000, 'advertises 100'],
      'its time is not up': ['ACTIVE', 1000],
      'priority 0': ['ACTIVE', 1000, 'advertises 100'],
      'a lower one': ['ACTIVE', 1000, 'advertises 100'],
      'an equal one from a higher address': ['BACKUP', DOWN, 'ACTIVE → BACKUP: better-router'],
      'an equal one from a lower address': ['ACTIVE', 1000, 'advertises 100'],
      'a higher one': ['BACKUP', 2 * DOWN, 'ACTIVE → BACKUP: better-router'],
      'that of another virtual router': ['ACTIVE', 1000],
      'one that a router has passed on': ['ACTIVE', 1000, 'discarded'],
    },
  }
  for (const state of ['INITIALIZE', 'BACKUP', 'ACTIVE'] as const) {
    assert.deepEqual(Object.keys(TABLE[state]), Object.keys(INPUTS), 'no input is forgotten')
    for (const [name, act] of Object.entries(INPUTS)) {
      test(`${state}, ${name}`, () => {
        const machine = inState(state)
        act(machine)
        const [after, timeout, ...wanted] = TABLE[state][name]
        assert.equal(machine.state, after)
        assert.equal(machine.pollTimeout(), timeout === undefined ? undefined : timeout * MS)
        assert.deepEqual(said(machine), wanted)
      })
    }
  }
})

test('the owner of the addresses is active at once', () => {
  const machine = router({ priority: 255 })
  machine.startup(0)
  assert.deepEqual(said(machine), ['advertises 255', 'INITIALIZE → ACTIVE: startup'])
})

test('section 6.1: the higher the priority, the shorter the wait', () => {
  const waits = [1, 100, 200, 254].map((priority) => {
    const machine = router({ priority })
    machine.startup(0)
    return (machine.pollTimeout() ?? 0) / MS
  })
  assert.deepEqual(waits, [3996.09375, 3609.375, 3218.75, 3007.8125])
})

test('without preemption a backup of higher priority follows a lower one, but not when that resigns', () => {
  const machine = inState('BACKUP', { preempt: false, priority: 200 })
  machine.handle(heard({ priority: 50 }), 1000 * MS)
  assert.equal(machine.pollTimeout(), (1000 + 3218.75) * MS)
  machine.handle(heard({ priority: 0 }), 2000 * MS)
  assert.equal(machine.pollTimeout(), (2000 + 218.75) * MS)
  machine.handleTimeout(2300 * MS)
  assert.deepEqual(said(machine), ['advertises 200', 'BACKUP → ACTIVE: resignation'])
})

test('with preemption it does not listen, and takes over when its time is up', () => {
  const machine = inState('BACKUP', { priority: 200 })
  for (let at = 500; at <= 3000; at += 500) machine.handle(heard({ priority: 50 }), at * MS)
  assert.equal(machine.pollTimeout(), 3218.75 * MS)
})

test('a backup goes by the interval of the active router, and by its own again when it has taken over', () => {
  const machine = inState('BACKUP')
  machine.handle(heard({ priority: 150, interval: 10 }), 0)
  assert.equal(machine.pollTimeout(), Math.floor((300 + 60.9375) * MS))
  machine.handleTimeout(400 * MS)
  assert.equal(machine.state, 'ACTIVE')
  assert.equal(machine.pollTimeout(), 1400 * MS)
})

test('an active router whose priority is lowered says so, and yields to who is better now', () => {
  const machine = inState('ACTIVE')
  machine.setPriority(20)
  assert.deepEqual(said(machine), ['advertises 20'])
  machine.handle(heard({ priority: 50 }), 0)
  assert.equal(machine.state, 'BACKUP')
})

test('section 7.1: somebody with other addresses is told of, once, and obeyed', () => {
  const machine = inState('ACTIVE')
  const other = heard({ priority: 150, addresses: [0x0a000064, 0x0a000065] })
  machine.handle(other, 0)
  machine.handle(other, MS)
  assert.deepEqual(said(machine), ['mismatched', 'ACTIVE → BACKUP: better-router'])
})

test('options out of range are our own mistake', () => {
  for (const more of [
    { vrid: 0 },
    { vrid: 256 },
    { priority: 0 },
    { priority: 256 },
    { interval: 0 },
    { interval: 4096 },
    { addresses: [] },
  ])
    assert.throws(() => router(more), RangeError)
  assert.throws(() => router().setPriority(0), RangeError)
})

test('100,000 advertisements of anybody: one timer at most while it takes part, and never an answer longer than the question', () => {
  const random = randomStream(7, 'vrrp')
  const machine = router()
  let now = 0
  for (let i = 0; i < 100_000; i++) {
    now += random.below(800 * MS)
    const due = machine.pollTimeout()
    if (due !== undefined && due <= now) machine.handleTimeout(now)
    said(machine)
    switch (random.below(12)) {
      case 0:
        machine.startup(now)
        break
      case 1:
        machine.shutdown()
        break
      default:
        machine.handle(
          heard({
            vrid: random.below(4) === 0 ? random.below(256) : 7,
            priority: random.below(256),
            interval: random.below(4096),
            addresses: random.below(2) === 0 ? [0x0a000064] : [random.below(0x1_0000_0000)],
            source: random.below(0x1_0000_0000),
            ttl: random.below(3) === 0 ? random.below(256) : 255,
          }),
          now,
        )
    }
    const timeout = machine.pollTimeout()
    assert.equal(timeout === undefined, machine.state === 'INITIALIZE')
    assert.ok(timeout === undefined || timeout >= now, 'what it waits for is to come')
    assert.ok(said(machine).filter((word) => word.startsWith('advertises')).length <= 1, 'one advertisement at most')
  }
})
