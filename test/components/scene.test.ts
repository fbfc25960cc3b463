import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Mark } from '../../components/packet-stage/draw-list.ts'
import { FrameIndex } from '../../components/packet-stage/frame-index.ts'
import { layOut, type Layout } from '../../components/packet-stage/layout.ts'
import { Scene } from '../../components/packet-stage/scene.ts'
import type { SceneView } from '../../components/packet-stage/scene-view.ts'
import { FRAME_KINDS, FrameMark, type FrameKind, type LinkSettings } from '../../src/trace/record.ts'
import { SyntheticTrace, syntheticCrowd, syntheticDownload, syntheticScenario, type SendOptions } from '../pages/synthetic-run.ts'

const MS = 1_000_000
const DATA = FRAME_KINDS.indexOf('tcp-data')
const ACK = FRAME_KINDS.indexOf('tcp-ack')

/** alice on the left, bob on the right; 20 ms and 10 Mbit/s. */
class World {
  readonly scenario
  readonly trace
  readonly layout: Layout
  readonly scene = new Scene()
  readonly index = new FrameIndex()

  constructor(settings: Partial<LinkSettings> = {}) {
    this.scenario = syntheticScenario(
      [
        { name: 'alice', x: 0, y: 0 },
        { name: 'bob', x: 1, y: 0 },
      ],
      [{ between: ['alice', 'bob'], settings }],
    )
    this.trace = new SyntheticTrace(this.scenario)
    this.layout = layOut(this.scenario, { width: 1000, height: 300 }, 1, (text) => text.length * 7)
  }

  send(at: number, direction: 0 | 1, kind: FrameKind, length = 60, told: SendOptions = {}): number {
    return this.trace.send(at * MS, 0, direction, kind, length, 1, told)
  }

  at(milliseconds: number, changes: Partial<SceneView> = {}): Scene {
    this.trace.horizon = 100_000 * MS
    const { rate, queueFrames } = this.scenario.links[0].settings[0]
    this.index.update(this.trace, this.trace.horizon, (_link, _direction, bytes) => (rate === 0 ? 0 : (bytes * 8e9) / rate))
    const limit = { bytes: Infinity, frames: queueFrames }
    this.scene.compose(this.index, {
      layout: this.layout,
      time: milliseconds * MS,
      linger: 50 * MS,
      still: false,
      queues: [limit, limit],
      corruptedAt: new Map(),
      hovered: 0,
      selected: 0,
      focused: 0,
      ...changes,
    })
    return this.scene
  }

  /** How far along its lane a mark is, from 0 at the sender to 1 at the receiver. */
  along(x: number, direction: 0 | 1): number {
    const { x0, x1 } = this.layout.links[0].lanes[direction]
    return (x - x0) / (x1 - x0)
  }
}

interface Drawn {
  readonly mark: number
  readonly x: number
  readonly y: number
  readonly length: number
  readonly scale: number
  readonly alpha: number
  readonly frame: number
}

function drawn({ list }: Scene): Drawn[] {
  return Array.from({ length: list.count }, (_, i) => ({
    mark: list.mark[i],
    x: list.x[i],
    y: list.y[i],
    length: list.length[i],
    scale: list.scale[i],
    alpha: list.alpha[i],
    frame: list.frame[i],
  }))
}

function only(scene: Scene, mark: number): Drawn {
  const found = drawn(scene).filter((each) => each.mark === mark)
  assert.equal(found.length, 1, `one mark ${String(mark)}`)
  return found[0]
}

function near(actual: number, expected: number, tolerance = 0.01): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${String(actual)} is not near ${String(expected)}`)
}

void describe('a frame on the line', () => {
  void it('is half way at half time', () => {
    const world = new World()
    const arrives = world.send(0, 0, 'tcp-ack', 60)
    near(world.along(only(world.at(arrives / MS / 2), ACK).x, 0), 0.5)
    near(world.along(only(world.at(arrives / MS), ACK).x, 0), 1)
    near(world.along(only(world.at(0), ACK).x, 0), 0)
  })

  void it('occupies the line from its first bit to its last', () => {
    // 2,500 bytes at 1 Mbit/s take 20 ms to leave, as long as the way takes.
    const world = new World({ rate: 1_000_000 })
    world.send(0, 0, 'tcp-data', 2500)
    const { length } = world.layout.links[0].lanes[0]
    near(only(world.at(10), DATA).length, length / 2, 1)
    near(only(world.at(20), DATA).length, length, 1)
    near(only(world.at(30), DATA).length, length / 2, 1)
    near(world.along(only(world.at(30), DATA).x, 0), 0.75)
  })

  void it('has a lane of its own for each direction', () => {
    const world = new World()
    world.send(0, 0, 'tcp-data', 1514)
    world.send(0, 1, 'tcp-data', 1514)
    const [there, back] = drawn(world.at(10)).filter((each) => each.mark === DATA)
    assert.ok(Math.abs(there.y - back.y) > 12, 'lanes are further apart than a frame is thick')
  })

  void it('that was sent again has an outline around it', () => {
    const world = new World()
    world.send(0, 0, 'tcp-data', 1514, { mark: FrameMark.Retransmission })
    const scene = world.at(10)
    assert.ok(only(scene, Mark.Outline).length > only(scene, DATA).length)
  })

  void it('is torn from half way on when the link flipped its bits, and from the click on when a person did', () => {
    const world = new World()
    world.send(0, 0, 'tcp-data', 60, { corrupted: true, fate: 'bad-fcs', where: 1 })
    const isTorn = (at: number, changes = {}): boolean =>
      drawn(world.at(at, changes)).some((each) => each.mark === DATA + Mark.Torn)
    assert.deepEqual([isTorn(9), isTorn(11)], [false, true])
    const corruptedAt = new Map([[1, 4 * MS]])
    assert.deepEqual([isTorn(3, { corruptedAt }), isTorn(5, { corruptedAt })], [false, true])
  })

  void it('is drawn smaller on a crowded lane, and never too small to see', () => {
    const world = new World({ rate: 0 })
    for (let i = 0; i < 90; i++) world.send(i * 0.2, 0, 'tcp-ack')
    const scales = drawn(world.at(20)).map(({ scale }) => scale)
    assert.ok(scales.length === 90 && scales.every((scale) => scale >= 0.3 && scale < 0.5))
    world.send(100, 0, 'tcp-ack')
    assert.equal(only(world.at(101), ACK).scale, 1)
  })

  void it('is set off when it is pointed at', () => {
    const world = new World()
    world.send(0, 0, 'tcp-ack')
    assert.equal(drawn(world.at(10)).filter((each) => each.mark === Mark.Halo).length, 0)
    assert.equal(drawn(world.at(10, { hovered: 1 })).filter((each) => each.mark === Mark.Halo).length, 1)
    assert.equal(drawn(world.at(10, { focused: 1 })).filter((each) => each.mark === Mark.Halo).length, 2)
  })
})

void describe('a lost frame', () => {
  void it('flies until it dies, leaves a cross where it died, and then nothing', () => {
    const world = new World()
    const arrives = world.send(0, 0, 'tcp-data', 60, { fate: 'random-loss' }) / MS
    const before = world.at(arrives / 2 - 0.1)
    assert.equal(
      drawn(before).some((each) => each.mark === Mark.Cross),
      false,
    )
    assert.equal(only(before, DATA).frame, 1)
    near(world.along(only(world.at(arrives / 2), Mark.Cross).x, 0), 0.5)
    near(world.along(only(world.at(arrives / 2 + 40), Mark.Cross).x, 0), 0.5)
    assert.equal(world.at(arrives / 2 + 51).list.count, 0)
  })

  void it('dies on the spot where it was dropped by hand', () => {
    const world = new World()
    world.send(0, 1, 'tcp-data', 60, { fate: 'dropped-by-hand', where: 0.25 })
    near(world.along(only(world.at(8), Mark.Cross).x, 1), 0.25)
  })

  void it('dies at the receiver when its check sequence is wrong', () => {
    const world = new World()
    const arrives = world.send(0, 0, 'tcp-data', 60, { fate: 'bad-fcs', where: 1, corrupted: true })
    const at = world.along(only(world.at(arrives / MS), Mark.Cross).x, 0)
    assert.ok(at > 0.96 && at < 1, `${String(at)} is just outside of the card`)
  })

  void it('dies behind the queue that refused it', () => {
    const world = new World({ queueFrames: 3 })
    for (let i = 0; i < 5; i++) world.send(0, 0, 'tcp-data', 1514)
    const scene = world.at(0)
    const cross = only(scene, Mark.Cross)
    const slots = drawn(scene).filter((each) => each.mark === Mark.Solid)
    assert.equal(slots.length, 3)
    assert.ok(slots.every(({ x }) => x < cross.x))
    near(slots[0].y, cross.y)
  })

  void it('bursts, unless motion is to be reduced', () => {
    const world = new World()
    const arrives = world.send(0, 0, 'tcp-data', 60, { fate: 'random-loss' }) / MS
    const shards = (still: boolean): number =>
      drawn(world.at(arrives / 2 + 5, { still })).filter((each) => each.mark === Mark.Shard).length
    assert.ok(shards(false) > 3)
    assert.equal(shards(true), 0)
    assert.equal(only(world.at(arrives / 2 + 5, { still: true }), Mark.Cross).alpha, 1)
  })
})

void describe('an egress queue', () => {
  void it('fills beside the lane, from the card outwards, first come first', () => {
    const world = new World()
    for (let i = 0; i < 6; i++) world.send(0, 0, 'tcp-data', 1514)
    const slots = drawn(world.at(0)).filter((each) => each.mark === Mark.Solid)
    assert.deepEqual(
      slots.map(({ frame }) => frame),
      [2, 3, 4, 5, 6],
    )
    for (let i = 1; i < slots.length; i++) assert.ok(slots[i].x > slots[i - 1].x)
    assert.equal(drawn(world.at(3)).filter((each) => each.mark === Mark.Solid).length, 3)
  })

  void it('outlines the room it has, in proportion', () => {
    const world = new World({ queueFrames: 20 })
    for (let i = 0; i < 11; i++) world.send(0, 0, 'tcp-data', 1514)
    const scene = world.at(0)
    const room = only(scene, Mark.Track).length - 6
    const slots = drawn(scene).filter((each) => each.mark === Mark.Solid)
    const filled = slots[slots.length - 1].x + slots[0].length / 2 - (slots[0].x - slots[0].length / 2)
    near(filled / room, 0.5, 0.02)
  })

  void it('of many frames stays within its place, and says how many they are', () => {
    const world = new World()
    for (let i = 0; i < 800; i++) world.send(0, 0, 'tcp-data', 1514)
    const scene = world.at(0)
    const { queueLength } = world.layout.links[0].lanes[0]
    const slots = drawn(scene).filter((each) => each.mark === Mark.Solid)
    assert.ok(slots.length < 10, 'slots too thin to tell apart are one')
    const length = slots.reduce((sum, slot) => sum + slot.length, 0)
    assert.ok(length <= queueLength + 0.01, `${String(length)} within ${String(queueLength)}`)
    const label = scene.labels.requests.slice(0, scene.labels.count).find(({ kind }) => kind === 'queue')
    assert.equal(label?.subject, 799)
  })
})

void describe('the picture', () => {
  void it('at a time is the same whatever was shown before', () => {
    const run = syntheticDownload()
    run.trace.horizon = 1000 * MS
    const index = new FrameIndex()
    index.update(run.trace, run.trace.horizon, (_link, _direction, bytes) => bytes * 800)
    const layout = layOut(run.scenario, { width: 900, height: 280 }, 1, (text) => text.length * 7)
    const limit = { bytes: Infinity, frames: 1000 }
    const picture = (scene: Scene, time: number): string => {
      scene.compose(index, {
        layout,
        time,
        linger: 30 * MS,
        still: false,
        queues: [limit, limit],
        corruptedAt: new Map(),
        hovered: 0,
        selected: 0,
        focused: 0,
      })
      return JSON.stringify(drawn(scene))
    }
    const travelled = new Scene()
    const times = Array.from({ length: 60 }, (_, i) => ((i * 37) % 60) * 4 * MS)
    for (const time of times) assert.equal(picture(travelled, time), picture(new Scene(), time))
  })

  void it('of a thousand frames holds each of them', () => {
    const run = syntheticCrowd(1000)
    run.trace.horizon = 1000 * MS
    const index = new FrameIndex()
    index.update(run.trace, run.trace.horizon, () => 0)
    const layout = layOut(run.scenario, { width: 1200, height: 600 }, 1, (text) => text.length * 7)
    const limit = { bytes: Infinity, frames: 1000 }
    const scene = new Scene()
    scene.compose(index, {
      layout,
      time: 600 * MS,
      linger: 0,
      still: false,
      queues: run.scenario.links.flatMap(() => [limit, limit]),
      corruptedAt: new Map(),
      hovered: 0,
      selected: 0,
      focused: 0,
    })
    const alive = [...run.trace.frames(({ enqueued, fateAt }) => enqueued <= 600 * MS && fateAt >= 600 * MS)]
    assert.ok(alive.length > 900)
    const shown = new Set(drawn(scene).map(({ frame }) => frame))
    for (const { number } of alive) assert.ok(shown.has(number), `frame ${String(number)}`)
  })
})
