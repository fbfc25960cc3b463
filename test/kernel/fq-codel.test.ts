import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FqCodel } from '../../src/kernel/fq-codel.ts'
import type { LinkSettings } from '../../src/kernel/link.ts'
import { frameOf, Lab } from './lab.ts'
import { QueueLab, TAGGED, tagged } from './queue-lab.ts'

const MS = 1_000_000
/** Far from what CoDel would complain of. */
const PATIENT: Partial<LinkSettings> = { codelTarget: 1e12, codelInterval: 1e12, queueFrames: 1e9 }

function flowsOf(lab: QueueLab): number[] {
  return lab.left.map(({ frame }) => frame[0])
}

describe('RFC 8290 section 4.2: deficit round robin', () => {
  test('flows that always have something to send get the same number of bytes, whatever the size of their frames', () => {
    const lab = new QueueLab(FqCodel, PATIENT)
    for (let i = 0; i < 3000; i++) for (const [flow, length] of [1514, 600, 100].entries()) lab.put(tagged(flow, length))
    const bytes = new Map<number, number>()
    for (let i = 0; i < 3000; i++) {
      lab.take()
      const frame = lab.left[i].frame
      bytes.set(frame[0], (bytes.get(frame[0]) ?? 0) + frame.length)
    }
    const shares = [...bytes.values()]
    assert.equal(shares.length, 3)
    assert.ok(Math.max(...shares) - Math.min(...shares) <= 2 * 1514, shares.join())
  })

  test('a quantum of one frame gives turns of one frame; of three, turns of three', () => {
    const turns = (fqQuantum: number): string => {
      const lab = new QueueLab(FqCodel, { ...PATIENT, fqQuantum })
      for (let i = 0; i < 12; i++) for (const flow of [1, 2]) lab.put(tagged(flow, 1000))
      while (lab.take() !== 0);
      return flowsOf(lab).join('').slice(0, 12)
    }
    assert.equal(turns(1000), '121212121212')
    // One byte less than a frame lets it go all the same, and the debt is carried on.
    assert.equal(turns(999), '121212121212')
    // One byte more is left over for a second frame, which then costs a turn.
    assert.equal(turns(1001).slice(0, 8), '11221212')
    assert.equal(turns(3000), '111222111222')
  })

  test('a flow that sends now and then leaves before those that fill the line', () => {
    const lab = new QueueLab(FqCodel, PATIENT)
    for (let i = 0; i < 100; i++) lab.put(tagged(1))
    for (let i = 0; i < 5; i++) lab.take()
    const rare = lab.put(tagged(2, 100))
    assert.equal(lab.take(), rare)
    for (let i = 0; i < 5; i++) lab.take()
    const again = lab.put(tagged(2, 100))
    assert.equal(lab.take(), again)
  })

  test('but not one that sends its next frame before the others have had their turn', () => {
    const lab = new QueueLab(FqCodel, { ...PATIENT, fqQuantum: 1000 })
    for (let i = 0; i < 10; i++) for (const flow of [1, 2, 3]) lab.put(tagged(flow))
    for (let i = 0; i < 6; i++) lab.take()
    lab.put(tagged(4))
    lab.take()
    assert.equal(flowsOf(lab).at(-1), 4)
    // Its quantum is used up, so it stands behind those whose turn has come; flow 3, which has just had its own, follows.
    lab.put(tagged(4))
    for (let i = 0; i < 4; i++) lab.take()
    assert.deepEqual(flowsOf(lab).slice(-4), [1, 2, 4, 3])
  })

  test('flows that come back as soon as they are served cannot keep the others from their turn', () => {
    const lab = new QueueLab(FqCodel, PATIENT)
    for (let i = 0; i < 50; i++) lab.put(tagged(1))
    // Two that take turns: each has its next frame there as the other one's leaves.
    for (let i = 0; i < 100; i++) {
      lab.put(tagged(2 + (i % 2), 100))
      lab.take()
    }
    const served = lab.left.slice(0, 100).filter(({ frame }) => frame[0] === 1)
    assert.ok(served.length >= 4, `${served.length} of the large flow`)
  })

  test('frames of one flow keep their order, nothing is lost, and counts are right, whatever comes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 2, max: 1600 }), fc.nat(3)), { maxLength: 200 }),
        fc.constantFrom(1, 2, 1024),
        (steps, fqFlows) => {
          const lab = new QueueLab(FqCodel, { ...PATIENT, fqFlows })
          let [put, bytes] = [0, 0]
          for (const [flow, length, takes] of steps) {
            lab.put(tagged(flow, length))
            put++
            bytes += length
            for (let i = 0; i < takes; i++) lab.take()
            assert.equal(lab.queue.count, put - lab.left.length)
            assert.equal(lab.queue.bytes, bytes - lab.left.reduce((sum, { frame }) => sum + frame.length, 0))
          }
          while (lab.take() !== 0);
          assert.deepEqual(
            lab.left.map(({ id }) => id).sort((a, b) => a - b),
            Array.from({ length: put }, (_, index) => index + 1),
          )
          for (let flow = 0; flow <= 5; flow++) {
            const ids = lab.left.filter(({ frame }) => frame[0] === flow).map(({ id }) => id)
            assert.deepEqual(
              ids,
              ids.toSorted((a, b) => a - b),
            )
          }
        },
      ),
      { seed: 8290, numRuns: 200 },
    )
  })
})

describe('RFC 8290 section 4.1: the limit', () => {
  test('the largest queue loses its head, not the flow that has just come', () => {
    const lab = new QueueLab(FqCodel, { ...PATIENT, queueFrames: 10 })
    for (let i = 0; i < 10; i++) lab.put(tagged(1, 1000))
    assert.deepEqual(lab.dropped, [])
    lab.put(tagged(2, 100))
    assert.deepEqual(
      lab.dropped.map(({ id, fate }) => [id, fate]),
      [[1, 'pushed-out']],
    )
    assert.equal(lab.queue.count, 10)
  })

  test('bytes count, not frames; and both limits hold', () => {
    const lab = new QueueLab(FqCodel, { ...PATIENT, queueBytes: 5000 })
    for (let i = 0; i < 20; i++) lab.put(tagged(1, 100))
    const big = lab.put(tagged(2, 3000))
    assert.deepEqual(lab.dropped, [])
    lab.put(tagged(3, 1))
    assert.deepEqual(
      lab.dropped.map(({ id }) => id),
      [big],
    )
  })

  test('a frame that is its flow alone, and the largest, is refused', () => {
    const lab = new QueueLab(FqCodel, { ...PATIENT, queueBytes: 500 })
    lab.put(tagged(1, 400))
    lab.put(tagged(2, 600))
    assert.deepEqual(
      lab.dropped.map(({ id }) => id),
      [2],
    )
    assert.equal(lab.take(), 1)
  })
})

describe('RFC 8290: CoDel for each queue', () => {
  /** Flow 1 sends twice what its half of the line takes, flow 2 a tenth of the line. */
  const LINE: Partial<LinkSettings> = { rate: 1_000_000, delay: MS, discipline: 'fq-codel', fqQuantum: 125 }
  const load = (more: Partial<LinkSettings> = {}): Lab => {
    const lab = new Lab([{ ...LINE, ...more }], [], 1, TAGGED)
    for (let at = 0; at < 2000; at++) {
      lab.do(at * MS, 0, (environment) => {
        environment.transmit(0, frameOf(environment, 125, 10))
        if (at % 10 === 5) environment.transmit(0, frameOf(environment, 125, 20))
      })
    }
    return lab.run()
  }
  const sojourns = (lab: Lab, tag: number): number[] =>
    lab
      .frames()
      .filter((frame) => frame.fate === 'arrived' && lab.recorder.bytes(frame.number)?.[0] === tag)
      .map(({ sent, enqueued }) => sent - enqueued)

  test('drops of the flow that fills the line only, and the other never waits for more than a frame', () => {
    const lab = load()
    const dropped = lab.frames().filter(({ fate }) => fate === 'codel-drop')
    assert.ok(dropped.length > 20, `${dropped.length} dropped`)
    assert.ok(
      dropped.every(({ number }) => lab.recorder.bytes(number)?.[0] === 10),
      'of the first flow',
    )
    assert.equal(sojourns(lab, 20).length, 200)
    assert.equal(Math.max(...sojourns(lab, 20)) <= MS, true)
    const fifo = load({ discipline: 'drop-tail', queueFrames: 50 })
    assert.ok(Math.max(...sojourns(fifo, 20)) > 40 * MS, 'which is worse without')
  })

  test('with one queue for all, there is no difference between flows', () => {
    const lab = load({ fqFlows: 1 })
    assert.ok(Math.max(...sojourns(lab, 20)) > 5 * MS, 'it waits like the others')
    const both = lab.frames().filter(({ fate }) => fate === 'codel-drop')
    assert.equal(new Set(both.map(({ number }) => lab.recorder.bytes(number)?.[0])).size, 2)
  })
})

describe('a queue that is exchanged', () => {
  test('hands on what waits, in the order in which it came, and as old as it is', () => {
    const lab = new Lab([{ rate: 1_000_000, delay: MS, discipline: 'fq-codel', queueFrames: 1000 }], [], 1, TAGGED)
    lab.do(0, 0, (environment) => {
      for (let i = 0; i < 30; i++) environment.transmit(0, frameOf(environment, 125, i % 3))
    })
    lab.at(10 * MS, 0, { kind: 'link', port: 0, settings: { discipline: 'drop-tail' } }).run()
    const ids = lab.received.slice(11).map(({ cause }) => cause)
    assert.deepEqual(
      ids,
      ids.toSorted((a, b) => a - b),
    )
    assert.equal(lab.received.length, 30)
  })

  test('CoDel that takes over a long queue begins with its age', () => {
    const lab = new Lab([{ rate: 1_000_000, delay: MS }]).send(0, 0, 500, 125)
    lab.at(200 * MS, 0, { kind: 'link', port: 0, settings: { discipline: 'codel' } }).run()
    const first = lab.frames().find(({ fate }) => fate === 'codel-drop')
    assert.equal(first?.fateAt, 300 * MS)
  })
})
