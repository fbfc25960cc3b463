import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SentFlag, SentSegments } from '../../../src/protocols/tcp/sent-segments.ts'
import { TcpSegment } from '../../../src/wire/tcp.ts'

const BASE = 0xffff_f000

function withBlocks(blocks: readonly (readonly [number, number])[]): TcpSegment {
  const segment = new TcpSegment()
  segment.sackCount = blocks.length
  for (const [i, [left, right]] of blocks.entries()) {
    segment.sack[i * 2] = (BASE + left) >>> 0
    segment.sack[i * 2 + 1] = (BASE + right) >>> 0
  }
  return segment
}

/** The scoreboard of RFC 6675 by the letter: flags for each sequence number. */
class Naive {
  una = 1
  next = 1
  readonly lengths: number[] = []
  readonly sacked = new Set<number>()
  readonly lost = new Set<number>()
  readonly resent = new Set<number>()

  /** IsLost of RFC 6675 section 4. */
  isLost(position: number, threshold: number, smss: number): boolean {
    let bytes = 0
    let ranges = 0
    for (let at = position + 1; at < this.next; at++) {
      if (!this.sacked.has(at)) continue
      bytes++
      if (!this.sacked.has(at - 1)) ranges++
    }
    return ranges >= threshold || bytes > (threshold - 1) * smss
  }
  get pipe(): number {
    let pipe = 0
    for (let at = this.una; at < this.next; at++) {
      if (this.sacked.has(at)) continue
      if (!this.lost.has(at)) pipe++
      if (this.resent.has(at)) pipe++
    }
    return pipe
  }
}

const SMSS = 10
type Step =
  | { do: 'send'; length: number }
  | { do: 'ack'; segments: number; cut: number }
  | { do: 'sack'; blocks: [number, number][] }
  | { do: 'detect' }
  | { do: 'resend' }
  | { do: 'timeout' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: SMSS }).map((length) => ({ do: 'send' as const, length })) },
  fc.record({ do: fc.constant('ack' as const), segments: fc.nat(3), cut: fc.nat(SMSS) }),
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('sack' as const),
      blocks: fc.array(fc.tuple(fc.nat(20), fc.nat(20)), { maxLength: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ do: 'detect' as const }) },
  { weight: 2, arbitrary: fc.constant({ do: 'resend' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'timeout' as const }) },
)

test('RFC 6675: whatever is sent, acknowledged, reported and lost, the sums are those of a scoreboard kept by the letter', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const sent = new SentSegments()
      const naive = new Naive()
      const indices = () => Array.from({ length: sent.count }, (_, i) => i)
      const cover = (index: number, set: Set<number>, add: boolean) => {
        const start = sent.startOf(index)
        for (let at = start; at < start + sent.lengthOf(index); at++) {
          if (add) set.add(at)
          else set.delete(at)
        }
      }
      for (const step of steps) {
        if (step.do === 'send') {
          sent.append(naive.next, step.length, false, 0)
          naive.next += step.length
        } else if (step.do === 'ack') {
          if (sent.count === 0) continue
          const index = Math.min(step.segments, sent.count - 1)
          const to = Math.min(sent.startOf(index) + step.cut, naive.next)
          sent.acknowledge(to)
          naive.una = Math.max(naive.una, to)
        } else if (step.do === 'sack') {
          // Blocks along segments, as receivers report them; the first octet never among them.
          const blocks = step.blocks
            .map(([from, length]) => [from + 1, Math.min(from + 1 + length, sent.count - 1)])
            .filter(([from, to]) => to < sent.count && from <= to)
            .map(([from, to]): [number, number] => [sent.startOf(from), sent.startOf(to) + sent.lengthOf(to)])
          const before = naive.sacked.size
          for (const [left, right] of blocks) {
            for (let at = left; at < right; at++) {
              naive.sacked.add(at)
              naive.lost.delete(at)
              naive.resent.delete(at)
            }
          }
          assert.equal(sent.acknowledgeSelectively(withBlocks(blocks), BASE, naive.una, naive.next), naive.sacked.size - before)
        } else if (step.do === 'detect') {
          const firstLost = sent.markLostBySack(3, SMSS)
          for (const index of indices()) {
            const start = sent.startOf(index)
            if (!naive.sacked.has(start) && naive.isLost(start, 3, SMSS)) cover(index, naive.lost, true)
          }
          assert.equal(firstLost, sent.count > 0 && naive.lost.has(naive.una))
        } else if (step.do === 'resend') {
          const expected = indices().find(
            (index) => naive.lost.has(sent.startOf(index)) && !naive.resent.has(sent.startOf(index)),
          )
          const index = sent.nextLost()
          assert.equal(index, expected ?? -1)
          if (index < 0) continue
          sent.markResent(index, 1)
          cover(index, naive.resent, true)
        } else {
          if (naive.sacked.has(naive.una)) naive.sacked.clear()
          sent.markAllLost()
          naive.resent.clear()
          for (let at = naive.una; at < naive.next; at++) if (!naive.sacked.has(at)) naive.lost.add(at)
        }
        for (const set of [naive.sacked, naive.lost, naive.resent]) for (const at of set) if (at < naive.una) set.delete(at)
        assert.deepEqual(
          [sent.outstanding, sent.sacked, sent.lost, sent.resent, sent.pipe],
          [naive.next - naive.una, naive.sacked.size, naive.lost.size, naive.resent.size, naive.pipe],
        )
        for (const index of indices()) {
          const flags = sent.flagsOf(index)
          const start = sent.startOf(index)
          assert.deepEqual([flags & SentFlag.SACKED, flags & SentFlag.LOST, flags & SentFlag.RESENT].map(Boolean), [
            naive.sacked.has(start),
            naive.lost.has(start),
            naive.resent.has(start),
          ])
        }
      }
    }),
    { seed: 6675, numRuns: 1000 },
  )
})

test('blocks that no honest peer sends change nothing', () => {
  const sent = new SentSegments()
  for (let i = 0; i < 10; i++) sent.append(1 + i * 10, 10, false, 0)
  sent.acknowledge(11)
  const hostile: [number, number][] = [
    [0, 5],
    [1, 11],
    [50, 40],
    [60, 60],
    [90, 102],
    [2 ** 31, 2 ** 31 + 10],
    [21, 29],
    [25, 35],
  ]
  for (const block of hostile) assert.equal(sent.acknowledgeSelectively(withBlocks([block]), BASE, 11, 101), 0, String(block))
  assert.equal(sent.sacked, 0)
  // A block that covers one segment and a half marks the one; grown, it marks the other.
  assert.equal(sent.acknowledgeSelectively(withBlocks([[31, 45]]), BASE, 11, 101), 10)
  assert.equal(sent.acknowledgeSelectively(withBlocks([[31, 51]]), BASE, 11, 101), 10)
})

test('RFC 2018 section 8: a peer that takes back its reports is sent everything again after a timeout', () => {
  const sent = new SentSegments()
  for (let i = 0; i < 5; i++) sent.append(1 + i * 10, 10, false, 0)
  sent.acknowledgeSelectively(withBlocks([[11, 51]]), BASE, 1, 51)
  sent.acknowledge(11)
  assert.equal(sent.sacked, 40)
  sent.markAllLost()
  assert.deepEqual([sent.sacked, sent.lost, sent.nextLost()], [0, 40, 0])
})

test('RFC 6298 section 3 (Karn): an acknowledgment that covers a segment sent twice measures nothing', () => {
  const sent = new SentSegments()
  for (let i = 0; i < 4; i++) sent.append(1 + i * 10, 10, false, 100 + i)
  sent.acknowledge(21)
  assert.deepEqual([sent.measuredSentAt, sent.ambiguous], [100, false])
  sent.markFirstLost()
  sent.markResent(0, 500)
  sent.acknowledge(41)
  assert.deepEqual([sent.measuredSentAt, sent.ambiguous], [-1, true])
})

test('a segment that was selectively acknowledged earlier is no measurement', () => {
  const sent = new SentSegments()
  sent.append(1, 10, false, 100)
  sent.append(11, 10, false, 200)
  sent.acknowledgeSelectively(withBlocks([[11, 21]]), BASE, 1, 21)
  sent.acknowledge(11)
  assert.equal(sent.measuredSentAt, 100)
  sent.acknowledge(21)
  assert.equal(sent.measuredSentAt, -1)
})
