import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Arena } from '../../src/kernel/arena.ts'

test('frames are empty, stand 2 bytes off a 4-byte boundary, and share nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(2000), fc.nat(40_000)), { maxLength: 200 }), (lengths) => {
      const arena = new Arena()
      const frames = lengths.map((length) => arena.allocate(length))
      frames.forEach((frame, index) => {
        assert.equal(frame.length, lengths[index])
        assert.equal(frame.byteOffset % 4, 2)
        assert.equal(
          frame.every((byte) => byte === 0),
          true,
        )
        frame.fill(index & 0xff)
      })
      frames.forEach((frame, index) =>
        assert.equal(
          frame.every((byte) => byte === (index & 0xff)),
          true,
        ),
      )
    }),
    { seed: 5, numRuns: 60 },
  )
})

test('one block serves many frames; a frame that no block holds gets its own', () => {
  const arena = new Arena()
  const buffers = new Set(Array.from({ length: 1000 }, () => arena.allocate(1514).buffer))
  assert.ok(buffers.size < 12, `${buffers.size} blocks`)
  const huge = arena.allocate(5_000_000)
  assert.equal(huge.length, 5_000_000)
  assert.equal(huge.buffer.byteLength < 5_000_100, true)
  assert.equal(arena.allocate(100).buffer.byteLength <= 256 * 1024, true)
})
