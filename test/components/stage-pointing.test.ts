import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DrawList, Mark } from '../../components/packet-stage/draw-list.ts'
import { hitTest, nearestFrame, REACH } from '../../components/packet-stage/hit.ts'
import { layOut } from '../../components/packet-stage/layout.ts'
import { walk, walkOrder } from '../../components/packet-stage/walk.ts'
import type { Target } from '../../components/selection.ts'
import { FRAME_KINDS } from '../../src/trace/record.ts'
import { syntheticScenario } from '../pages/synthetic-run.ts'

const layout = layOut(
  syntheticScenario(
    [
      { name: 'right', x: 1, y: 0 },
      { name: 'left', x: 0, y: 0 },
      { name: 'below', x: 0.5, y: 1 },
    ],
    [{ between: ['left', 'right'] }, { between: ['left', 'below'] }],
  ),
  { width: 1000, height: 400 },
  1,
  (text) => text.length * 7,
)
const ACK = FRAME_KINDS.indexOf('tcp-ack')
const DATA = FRAME_KINDS.indexOf('tcp-data')

void describe('pointing at the stage', () => {
  void it('catches a frame from as far as a finger is wide', () => {
    const list = new DrawList()
    list.add(ACK, 1, 500, 100, 0, 0, 1, 1, 7)
    assert.equal(nearestFrame(list, 500, 100 + 6 + REACH.touch - 1, REACH.touch), 7)
    assert.equal(nearestFrame(list, 500, 100 + 6 + REACH.touch + 1, REACH.touch), 0)
    assert.ok(REACH.touch * 2 >= 44, 'a target of 44 px')
  })

  void it('prefers the nearest of several, and measures a long frame from its body', () => {
    const list = new DrawList()
    list.add(DATA, 1, 400, 100, 0, 120, 1, 1, 1)
    list.add(ACK, 1, 480, 100, 0, 0, 1, 1, 2)
    assert.equal(nearestFrame(list, 455, 100, 24), 1)
    assert.equal(nearestFrame(list, 476, 100, 24), 2)
  })

  void it('follows the slope of a frame', () => {
    const list = new DrawList()
    list.add(DATA, 1, 200, 200, Math.PI / 4, 100, 1, 1, 3)
    assert.equal(nearestFrame(list, 230, 230, 5), 3)
    assert.equal(nearestFrame(list, 230, 170, 5), 0)
  })

  void it('passes by what only decorates', () => {
    const list = new DrawList()
    list.add(Mark.Circle, 8, 300, 100, 0, 0, 1, 1, 0)
    assert.equal(nearestFrame(list, 300, 100, 24), 0)
  })

  void it('finds the frame before the link under it, and a host before a frame below its card', () => {
    const { lanes } = layout.links[0]
    const list = new DrawList()
    list.add(ACK, 1, 500, lanes[0].y0, 0, 0, 1, 1, 7)
    list.add(ACK, 1, layout.cards[1].x, layout.cards[1].y, 0, 0, 1, 1, 8)
    assert.deepEqual(hitTest(list, layout, 500, lanes[0].y0, 13), { kind: 'frame', number: 7 })
    assert.deepEqual(hitTest(list, layout, 600, lanes[0].y0, 13), { kind: 'link', index: 0 })
    assert.deepEqual(hitTest(list, layout, layout.cards[1].x, layout.cards[1].y, 13), { kind: 'host', index: 1 })
    assert.equal(hitTest(list, layout, 990, 390, 13), undefined)
  })
})

void describe('walking the stage by keys', () => {
  const list = new DrawList()
  list.add(ACK, 1, 500, 100, 0, 0, 1, 1, 12)
  list.add(ACK, 1, 600, 100, 0, 0, 1, 1, 4)
  list.add(Mark.Cross, 8, 600, 100, 0, 0, 1, 1, 4)
  const order = walkOrder(layout, list)

  void it('goes through hosts in reading order, links, and each frame once', () => {
    assert.deepEqual(order, [
      { kind: 'host', index: 1 },
      { kind: 'host', index: 0 },
      { kind: 'host', index: 2 },
      { kind: 'link', index: 0 },
      { kind: 'link', index: 1 },
      { kind: 'frame', number: 4 },
      { kind: 'frame', number: 12 },
    ] satisfies Target[])
  })

  void it('begins with the first, goes around at the end, and jumps from kind to kind', () => {
    assert.deepEqual(walk(order, undefined, 'next'), order[0])
    assert.deepEqual(walk(order, order[6], 'next'), order[0])
    assert.deepEqual(walk(order, order[0], 'previous'), order[6])
    assert.deepEqual(walk(order, order[1], 'next-kind'), order[3])
    assert.deepEqual(walk(order, order[4], 'previous-kind'), order[0])
    assert.deepEqual(walk(order, order[4], 'last'), order[6])
  })

  void it('goes on with the frames when the one that was focused has gone', () => {
    assert.deepEqual(walk(order, { kind: 'frame', number: 99 }, 'next'), { kind: 'frame', number: 4 })
    assert.equal(walk([], undefined, 'next'), undefined)
  })
})
