import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RecordReader } from '../../../src/protocols/tls/record-reader.ts'
import { SendQueue } from '../../../src/protocols/tls/send-queue.ts'
import { encodeRecord } from '../../../src/wire/tls/record.ts'
import { concat } from './tls-pair.ts'

const SEED = { seed: 4, numRuns: 300 }
const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 200 })

test('what goes into the queue comes out, in pieces as large as was asked for', () => {
  fc.assert(
    fc.property(pieces, fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 20 }), (given, limits) => {
      const queue = new SendQueue()
      const taken: Uint8Array[] = []
      let turn = 0
      for (const piece of given) {
        queue.push(piece)
        if (turn % 3 === 0 && queue.length > 0) taken.push(queue.take(limits[turn % limits.length]))
        turn++
      }
      while (queue.length > 0) {
        const limit = limits[turn++ % limits.length]
        const expected = Math.min(limit, queue.length)
        const piece = queue.take(limit)
        assert.equal(piece.length, expected)
        taken.push(piece)
      }
      assert.deepEqual(concat(taken), concat(given))
    }),
    SEED,
  )
})

test('records come out as they went in, however the stream is cut', () => {
  fc.assert(
    fc.property(pieces, fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }), (contents, cuts) => {
      const records = contents.map((content) => encodeRecord(23, content))
      const stream = concat(records)
      const reader = new RecordReader()
      const read: Uint8Array[] = []
      let turn = 0
      for (let at = 0; at < stream.length;) {
        const end = Math.min(stream.length, at + cuts[turn++ % cuts.length])
        reader.push(stream.slice(at, end))
        for (let record = reader.next(); record !== undefined; record = reader.next()) read.push(record)
        at = end
      }
      assert.deepEqual(read, records)
      assert.equal(reader.isPartial, false)
    }),
    SEED,
  )
})
