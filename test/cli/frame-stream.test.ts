import assert from 'node:assert/strict'
import { PassThrough, Writable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameReader, FrameWriter, FramingError } from '../../src/cli/frame-stream.ts'

/** A stream in the framing of QEMU: 4 bytes of length, big-endian, and the frame. */
function framed(frames: readonly Uint8Array[]): Buffer {
  return Buffer.concat(frames.flatMap((frame) => [Buffer.from([0, 0, frame.length >> 8, frame.length & 0xff]), frame]))
}

const someFrames = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 })

test('however a stream is cut, the same frames come out', () => {
  fc.assert(
    fc.property(someFrames, fc.array(fc.integer({ min: 1, max: 50 })), (frames, cuts) => {
      const stream = framed(frames)
      const found: Uint8Array[] = []
      const reader = new FrameReader((frame) => found.push(frame))
      let at = 0
      for (const cut of [...cuts, stream.length]) {
        reader.push(stream.subarray(at, at + cut))
        at += cut
      }
      assert.deepEqual(
        found.map((frame) => [...frame]),
        frames.map((frame) => [...frame]),
      )
    }),
    { seed: 1 },
  )
})

test('what is written is read again', () => {
  fc.assert(
    fc.property(someFrames, (frames) => {
      const stream = new PassThrough()
      const writer = new FrameWriter(stream)
      for (const frame of frames) assert.equal(writer.write(frame), true)
      writer.flush()
      writer.flush()
      assert.deepEqual(stream.read() ?? Buffer.alloc(0), framed(frames))
    }),
    { seed: 2 },
  )
})

test('a length that no frame has is refused, at once', () => {
  const reader = new FrameReader(() => assert.fail('there is no frame'))
  assert.throws(() => reader.push(Buffer.from([0, 1, 0, 65])), FramingError)
  new FrameReader(() => assert.fail('it is not whole')).push(Buffer.from([0, 1, 0, 64]))
})

test('a reader who is slow loses frames, and holds nobody up', () => {
  const stuck = new Writable({
    write: () => {
      // Never says that it is done.
    },
  })
  const writer = new FrameWriter(stuck)
  const frame = new Uint8Array(1500)
  let taken = 0
  for (let i = 0; i < 10_000; i++) {
    if (writer.write(frame)) taken++
    writer.flush()
  }
  assert.equal(taken > 1000 && taken < 4000, true, `${taken} frames were taken`)
})
