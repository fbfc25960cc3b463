import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteQueue } from '../../../src/protocols/tcp/byte-queue.ts'
import { Reassembly } from '../../../src/protocols/tcp/reassembly.ts'
import { TcpSegment } from '../../../src/wire/tcp.ts'
import { pattern } from '../../pair/tcp-pair.ts'

const STREAM = pattern(100_000)

/** Ranges of positions that are held, by brute force. */
function rangesOf(held: Uint8Array, from: number): [number, number][] {
  const ranges: [number, number][] = []
  for (let at = from; at < held.length; at++) {
    if (held[at] === 0) continue
    const start = at
    while (at < held.length && held[at] === 1) at++
    ranges.push([start, at])
  }
  return ranges
}

function blocks(reassembly: Reassembly, limit = 4): [number, number][] {
  const segment = new TcpSegment()
  reassembly.report(segment, 0, limit)
  return Array.from({ length: segment.sackCount }, (_, i) => [segment.sack[i * 2], segment.sack[i * 2 + 1]])
}

const arrival = fc.record({
  start: fc.integer({ min: 2, max: 4000 }),
  length: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 1500 })),
})

test('pieces in any order, overlapping in any way, come out as the stream; blocks are what is held', () => {
  fc.assert(
    fc.property(fc.array(arrival, { maxLength: 80 }), fc.array(fc.nat(79), { maxLength: 5 }), (arrivals, fills) => {
      const reassembly = new Reassembly(1_000_000)
      const queue = new ByteQueue(1)
      const held = new Uint8Array(6000)
      for (const [index, { start, length }] of arrivals.entries()) {
        if (start > queue.end) {
          assert.equal(reassembly.insert(start, STREAM.subarray(start, start + length)), true)
          held.fill(1, start, start + length)
          const [first] = blocks(reassembly)
          // RFC 2018 section 4: the first block is the one that the last arrival belongs to.
          assert.ok(first[0] <= start && first[1] >= start + length)
        }
        if (fills.includes(index)) {
          queue.push(STREAM.subarray(queue.end, queue.end + length))
          held.fill(1, 0, queue.end)
          reassembly.drainInto(queue)
        }
        const ranges = rangesOf(held, queue.end).filter(([start]) => start > queue.end)
        assert.equal(
          reassembly.length,
          ranges.reduce((sum, [start, end]) => sum + end - start, 0),
        )
        assert.equal(reassembly.isEmpty, ranges.length === 0)
        const reported = blocks(reassembly)
        assert.equal(reported.length, Math.min(4, ranges.length))
        assert.equal(reassembly.blockCount, reported.length)
        for (const [start, end] of reported) assert.ok(ranges.some((range) => range[0] === start && range[1] === end))
        assert.equal(new Set(reported.map(String)).size, reported.length)
      }
      let expectedEnd = queue.end
      while (held[expectedEnd] === 1) expectedEnd++
      assert.equal(queue.end, expectedEnd)
      if (queue.length > 0) assert.equal(Buffer.compare(queue.slice(1, queue.length), STREAM.subarray(1, queue.end)), 0)
    }),
    { seed: 2018, numRuns: 1000 },
  )
})

test('RFC 2018 section 4: blocks come in the order of their last growth, the latest first', () => {
  const reassembly = new Reassembly(100_000)
  for (const start of [1000, 3000, 5000, 7000, 9000]) reassembly.insert(start, STREAM.subarray(start, start + 100))
  reassembly.insert(3100, STREAM.subarray(3100, 3200))
  assert.deepEqual(blocks(reassembly, 3), [
    [3000, 3200],
    [9000, 9100],
    [7000, 7100],
  ])
})

test('where bytes come twice, the first ones stay', () => {
  const reassembly = new Reassembly(100_000)
  const queue = new ByteQueue(1)
  reassembly.insert(11, new Uint8Array(600).fill(1))
  reassembly.insert(6, new Uint8Array(800).fill(2))
  queue.push(new Uint8Array(5).fill(3))
  reassembly.drainInto(queue)
  assert.equal(queue.end, 806)
  const bytes = queue.slice(1, 805)
  assert.deepEqual([bytes[4], bytes[5], bytes[9], bytes[10], bytes[609], bytes[610]], [3, 2, 2, 1, 1, 2])
})

test('a peer that scatters single bytes gets no more memory than the limits, and the rest still works', () => {
  const reassembly = new Reassembly(1_000_000)
  let kept = 0
  for (let start = 3; start < 60_000; start += 2) if (reassembly.insert(start, STREAM.subarray(start, start + 1))) kept++
  assert.equal(kept, 1024)
  assert.equal(reassembly.length, 1024)
  assert.equal(reassembly.insert(3, STREAM.subarray(3, 5)), true)
})

test('a peer that sends single bytes backwards is bounded too', () => {
  const reassembly = new Reassembly(65_536)
  let kept = 0
  for (let start = 50_000; start > 2; start--) if (reassembly.insert(start, STREAM.subarray(start, start + 1))) kept++
  assert.ok(kept <= 1025, String(kept))
})

test('single bytes forwards are gathered', () => {
  const reassembly = new Reassembly(65_536)
  for (let start = 3; start < 50_000; start++) assert.equal(reassembly.insert(start, STREAM.subarray(start, start + 1)), true)
  const queue = new ByteQueue(2)
  queue.push(STREAM.subarray(2, 3))
  reassembly.drainInto(queue)
  assert.equal(queue.end, 50_000)
  assert.ok(queue.pieceCount < 20)
})
