import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NEVER } from '../../src/kernel/time.ts'
import { BatchWriter, readBatch } from '../../src/run/frame-batch.ts'

type Carried = Parameters<BatchWriter['carry']>

const whole = fc.nat(NEVER)
const frames = fc.array(fc.tuple(fc.uint8Array({ maxLength: 1600 }), whole, whole, fc.nat(65_535 * 256), fc.boolean()), {
  maxLength: 40,
})

function read(buffer: ArrayBuffer): Carried[] {
  const carried: Carried[] = []
  assert.equal(readBatch(buffer, { carry: (...frame) => carried.push(frame) }), carried.length)
  return carried
}

test('frames come out of a batch as they went in, and in that order', () => {
  fc.assert(
    fc.property(frames, frames, (first, second) => {
      const writer = new BatchWriter()
      // The writer is used again and again.
      for (const given of [first, second] as Carried[][]) {
        for (const frame of given) writer.carry(...frame)
        assert.equal(writer.count, given.length)
        assert.equal(writer.earliest, Math.min(NEVER, ...given.map(([, arrives]) => arrives)))
        assert.deepEqual(read(writer.take()), given)
        assert.deepEqual([writer.count, writer.earliest], [0, NEVER])
      }
    }),
    { seed: 3, numRuns: 100 },
  )
})

test('what follows an Ethernet header is aligned to 4 bytes, whatever lengths came before', () => {
  const writer = new BatchWriter()
  for (let length = 14; length < 60; length++) writer.carry(new Uint8Array(length), 1, length, 0, true)
  for (const [frame] of read(writer.take())) assert.equal((frame.byteOffset + 14) % 4, 0)
})

test('a batch does not change when the frame is changed afterwards', () => {
  const writer = new BatchWriter()
  const frame = Uint8Array.of(1, 2, 3)
  writer.carry(frame, 1, 2, 0, true)
  const buffer = writer.take()
  frame.fill(9)
  assert.deepEqual(read(buffer)[0][0], Uint8Array.of(1, 2, 3))
})
