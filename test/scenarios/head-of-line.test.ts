import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runOf, type RunSetup } from './catalog-runs.ts'
import type { FrameRecord, TraceView } from '../../src/trace/record.ts'

const ID = 'tcp-head-of-line'

interface Repair {
  /** Duplicate ACKs until the first retransmission. */
  readonly duplicates: number
  readonly why: string
  readonly bytes: unknown
}

function dataOfBob(trace: TraceView): FrameRecord[] {
  return [...trace.frames(({ kind, from }) => kind === 'tcp-data' && trace.hosts[from] === 'bob')]
}

/** What comes of it when a reader clicks this packet while it flies. */
function repairOf({ number, sent, arrives }: FrameRecord, setup: RunSetup = {}): Repair {
  const at = Math.round((sent + arrives) / 2)
  const { trace } = runOf(ID, { ...setup, interventions: [{ at, drop: { frame: number } }] })
  assert.equal(trace.frame(number)?.fate, 'dropped-by-hand')
  const again = trace.first('tcp:segment-retransmitted')
  assert.ok(again, `nothing was sent again for frame ${String(number)}`)
  return {
    duplicates: trace.all('tcp:duplicate-ack-received', ({ time }) => time <= again.time).length,
    why: String(again.data['why']),
    bytes: trace.first('script:read', ({ host }) => trace.hosts[host] === 'alice')?.data['bytes'],
  }
}

describe('whichever data packet of the download is dropped in flight', () => {
  const data = dataOfBob(runOf(ID).trace)

  test('there are 70 of them, at most 20 frames fly at a time, and none is lost by itself', () => {
    const frames = [...runOf(ID).trace.frames()]
    assert.equal(data.length, 70)
    assert.ok(frames.every(({ fate }) => fate === 'arrived'))
    const most = Math.max(
      ...frames.map(({ sent }) => frames.filter((other) => other.sent <= sent && other.arrives > sent).length),
    )
    assert.ok(most >= 10 && most <= 20, String(most))
  })

  test('three duplicate ACKs bring a fast retransmission, except for the last three', () => {
    const repairs = data.map((frame) => repairOf(frame))
    assert.deepEqual(
      repairs.slice(0, -3).map(({ duplicates, why }) => [duplicates, why]),
      data.slice(0, -3).map(() => [3, 'fast']),
    )
    assert.deepEqual(
      repairs.slice(-3).map(({ duplicates, why }) => [duplicates, why]),
      [
        [2, 'rto'],
        [1, 'rto'],
        [0, 'rto'],
      ],
    )
    assert.ok(repairs.every(({ bytes }) => bytes === 100_000))
  })

  test('without SACK as well: a repetition repeats its window, so that the first counts too (RFC 5681 section 2)', () => {
    const repairs = data.map((frame) => repairOf(frame, { knobs: { sack: false } }))
    assert.deepEqual(
      repairs.map(({ duplicates, why }) => [duplicates, why]),
      [...data.slice(0, -3).map(() => [3, 'fast']), [2, 'rto'], [1, 'rto'], [0, 'rto']],
    )
    assert.ok(repairs.every(({ bytes }) => bytes === 100_000))
  })

  test('without fast retransmit the timer repairs it', () => {
    const repairs = data.map((frame) => repairOf(frame, { knobs: { fast: false } }))
    assert.deepEqual(new Set(repairs.map(({ why }) => why)), new Set(['rto']))
    assert.ok(repairs.every(({ bytes }) => bytes === 100_000))
  })
})
