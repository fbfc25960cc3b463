import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createSwitch, SWITCH_CAPACITY } from '../../src/host/switch.ts'
import { UnknownSetting } from '../../src/host/unknown-setting.ts'
import { FrameMark } from '../../src/kernel/machine.ts'
import { SECOND } from '../../src/kernel/time.ts'
import type { ResolvedHost } from '../../src/scenario/resolved.ts'
import { BROADCAST_MAC, writeMac } from '../../src/wire/address.ts'
import { switched } from './topologies.ts'
import { type World } from './world.ts'

const ALICE = 0x020000000100
const BOB = 0x020000000200
const STRANGER = 0x02aa00000001

function frame(destination: number, source: number): Uint8Array {
  const bytes = new Uint8Array(60)
  writeMac(bytes, 0, destination)
  writeMac(bytes, 6, source)
  bytes[12] = 0x88
  bytes[13] = 0xb5
  return bytes
}

/** Ports by which the switch has sent since the last time. */
function out(world: World, until: number): number[] {
  const before = world.frames.length
  world.run(until)
  return world.frames.slice(before).flatMap((sent) => (sent.from === 'switch' ? [sent.port] : []))
}

const SWITCH: ResolvedHost = {
  name: 'switch',
  label: 'switch',
  kind: 'switch',
  interfaces: [],
  routes: [],
  names: {},
  apps: [],
  tcp: {},
  position: { x: 0, y: 0 },
}

describe('an Ethernet switch', () => {
  test('floods what it does not know, but not back where it came from', () => {
    const world = switched()
    world.inject('switch', 1, frame(STRANGER, BOB))
    assert.deepEqual(out(world, SECOND), [0, 2])
    assert.equal(world.frames[0].mark, FrameMark.Forwarded)
  })

  test('learns from source addresses, and from then on sends to one port', () => {
    const world = switched()
    world.inject('switch', 0, frame(BROADCAST_MAC, ALICE))
    assert.deepEqual(out(world, SECOND), [1, 2])
    world.inject('switch', 1, frame(ALICE, BOB))
    assert.deepEqual(out(world, 2 * SECOND), [0])
    assert.deepEqual(
      world.happened('switch:learned').map(({ data }) => [data.mac, data.port]),
      [
        ['02:00:00:00:01:00', 0],
        ['02:00:00:00:02:00', 1],
      ],
    )
  })

  test('filters what stays behind one port', () => {
    const world = switched()
    world.inject('switch', 0, frame(BROADCAST_MAC, ALICE))
    out(world, SECOND)
    world.inject('switch', 0, frame(ALICE, STRANGER))
    assert.deepEqual(out(world, 2 * SECOND), [])
  })

  test('follows a station that has moved', () => {
    const world = switched()
    world.inject('switch', 0, frame(BROADCAST_MAC, STRANGER))
    out(world, SECOND)
    world.inject('switch', 2, frame(BROADCAST_MAC, STRANGER))
    out(world, 2 * SECOND)
    world.inject('switch', 1, frame(STRANGER, BOB))
    assert.deepEqual(out(world, 3 * SECOND), [2])
    assert.equal(world.happened('switch:learned').length, 3)
  })

  test('forgets a station that was silent for 300 s', () => {
    for (const [silence, ports] of [
      [299, [0]],
      [301, [0, 2]],
    ] as const) {
      const world = switched()
      world.inject('switch', 0, frame(BROADCAST_MAC, ALICE))
      out(world, SECOND)
      world.run(silence * SECOND)
      world.inject('switch', 1, frame(ALICE, BOB))
      assert.deepEqual(out(world, 400 * SECOND), ports, `after ${silence} s`)
    }
  })

  test('forgets who was behind a port whose cable is cut', () => {
    const world = switched()
    world.inject('switch', 0, frame(BROADCAST_MAC, ALICE))
    out(world, SECOND)
    world.link(0, { up: false })
    world.inject('switch', 1, frame(ALICE, BOB))
    assert.deepEqual(out(world, 2 * SECOND), [0, 2])
  })

  test('never learns a group address as a source', () => {
    const world = switched()
    world
      .inject('switch', 0, frame(BOB, BROADCAST_MAC))
      .inject('switch', 0, frame(BOB, 0x010000000005))
      .inject('switch', 0, frame(BOB, 0))
    out(world, SECOND)
    assert.equal(world.happened('switch:learned').length, 0)
  })

  test('a flood of invented stations fills the table and no more; who was known stays known', () => {
    const world = switched()
    world.inject('switch', 0, frame(BROADCAST_MAC, ALICE))
    for (let i = 0; i < SWITCH_CAPACITY + 100; i++) world.inject('switch', 2, frame(ALICE, 0x02bb00000000 + i))
    out(world, SECOND)
    assert.equal(world.happened('switch:learned').length, SWITCH_CAPACITY)
    world.inject('switch', 1, frame(ALICE, BOB))
    assert.deepEqual(out(world, 2 * SECOND), [0])
  })

  test('ignores what is too short to have addresses', () => {
    const world = switched()
    world.inject('switch', 0, new Uint8Array(13)).inject('switch', 0, new Uint8Array(0))
    assert.deepEqual(out(world, SECOND), [])
  })

  test('has no settings', () => {
    const machine = createSwitch(switched().engine('switch'), SWITCH)
    assert.throws(() => {
      machine.configure('app.delay', 1)
    }, UnknownSetting)
  })
})
