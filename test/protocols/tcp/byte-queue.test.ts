import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteQueue } from '../../../src/protocols/tcp/byte-queue.ts'
import { pattern } from '../../pair/tcp-pair.ts'

const STREAM = pattern(300_000)

type Step =
  | { do: 'push'; length: number }
  | { do: 'read'; limit: number }
  | { do: 'discard'; by: number }
  | { do: 'slice'; from: number; length: number }
  | { do: 'append'; lengths: number[]; discard: number }

const length = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 400, max: 600 }), fc.integer({ min: 0, max: 5000 }))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: length.map((length) => ({ do: 'push' as const, length })) },
  fc.oneof(length, fc.constant(Infinity)).map((limit) => ({ do: 'read' as const, limit })),
  length.map((by) => ({ do: 'discard' as const, by })),
  fc.record({ do: fc.constant('slice' as const), from: length, length }),
  fc.record({ do: fc.constant('append' as const), lengths: fc.array(length, { maxLength: 6 }), discard: fc.nat(100) }),
)

test('whatever is pushed, appended, discarded and read: the bytes of each position stay what they were', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(1000), (steps, start) => {
      const queue = new ByteQueue(start)
      const handedOut: [position: number, bytes: Uint8Array][] = []
      for (const step of steps) {
        if (queue.end - start > 200_000) break
        if (step.do === 'push') {
          queue.push(STREAM.subarray(queue.end, queue.end + step.length))
        } else if (step.do === 'append') {
          const other = new ByteQueue(queue.end)
          for (const each of step.lengths) other.push(STREAM.subarray(other.end, other.end + each))
          // What one queue has already is taken off the front of the other.
          other.discard(queue.end)
          const { end } = other
          queue.append(other)
          assert.equal(queue.end, end)
        } else if (step.do === 'read') {
          const at = queue.start
          const bytes = queue.read(step.limit)
          if (bytes === undefined) {
            assert.ok(queue.length === 0 || step.limit <= 0)
          } else {
            assert.ok(bytes.length > 0 && bytes.length <= step.limit)
            assert.equal(queue.start, at + bytes.length)
            handedOut.push([at, bytes])
          }
        } else if (step.do === 'discard') {
          const at = queue.start
          queue.discard(at + step.by)
          assert.equal(queue.start, Math.min(at + step.by, queue.end))
        } else if (queue.length > 0) {
          const from = queue.start + (step.from % queue.length)
          const size = 1 + (step.length % (queue.end - from))
          assert.equal(Buffer.compare(queue.slice(from, size), STREAM.subarray(from, from + size)), 0)
        }
      }
      assert.equal(queue.length, queue.end - queue.start)
      if (queue.length > 0) {
        assert.equal(Buffer.compare(queue.slice(queue.start, queue.length), STREAM.subarray(queue.start, queue.end)), 0)
      } else {
        assert.equal(queue.pieceCount, 0)
      }
      for (const [at, bytes] of handedOut) assert.equal(Buffer.compare(bytes, STREAM.subarray(at, at + bytes.length)), 0)
    }),
    { seed: 11, numRuns: 1000 },
  )
})

test('a large piece goes through without a copy', () => {
  const queue = new ByteQueue(1)
  const piece = pattern(1460)
  queue.push(piece)
  assert.equal(queue.slice(1, 1460), piece)
  assert.equal(queue.read(Infinity), piece)
})

test('many tiny pieces take little more memory than their bytes', () => {
  const queue = new ByteQueue(0)
  for (let i = 0; i < 100_000; i++) queue.push(STREAM.subarray(i, i + 1))
  assert.ok(queue.pieceCount < 30, String(queue.pieceCount))
  assert.equal(Buffer.compare(queue.slice(0, 100_000), STREAM.subarray(0, 100_000)), 0)
})

test('a slice over two pieces is a copy that a reader of the pieces cannot see', () => {
  const queue = new ByteQueue(0)
  const [first, second] = [pattern(600, 1), pattern(600, 2)]
  queue.push(first)
  queue.push(second)
  const slice = queue.slice(500, 200)
  slice.fill(0)
  assert.deepEqual(first, pattern(600, 1))
  assert.deepEqual(second, pattern(600, 2))
})
