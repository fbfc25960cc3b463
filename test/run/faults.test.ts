/** What faults do to a download through all layers: measured on the trace, and always the right bytes in the end. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInline, type InlineRun } from '../../src/run/run-inline.ts'
import type { LinkSettings } from '../../src/kernel/link.ts'
import type { Intervention } from '../../src/scenario/intervention.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { FrameRecord } from '../../src/trace/record.ts'
import { tsharkFields, withFile } from '../vectors/tshark.ts'

const MS = 1_000_000
const SIZE = 300_000

const DOWNLOAD = resolveScenario({
  id: 'download',
  title: 'A download',
  seed: 21,
  duration: '300 s',
  hosts: {
    alice: { app: 'browser', visits: 'http://bob/file', digest: true },
    bob: { app: 'web-server', serves: { '/file': `${SIZE} B` }, digest: true },
  },
  links: [{ between: ['alice', 'bob'], rate: '10 Mbit/s', delay: '10 ms', queue: '1000 packets' }],
})

/** A download over a link with some settings, in both directions. */
function download(settings: Partial<LinkSettings>, interventions: readonly Intervention[] = []): InlineRun {
  const links = DOWNLOAD.links.map((link) => {
    const [there, back] = link.settings
    return {
      ...link,
      settings: [
        { ...there, ...settings },
        { ...back, ...settings },
      ] as const,
    }
  })
  return runInline({ ...DOWNLOAD, links }, { interventions })
}

/** The file arrived, once and exactly. */
function assertWhole({ trace }: InlineRun): void {
  const [sent, got] = ['http:response-sent', 'http:response-received'].map((name) => trace.first(name)?.data)
  assert.equal(got?.['bytes'], SIZE)
  assert.equal(got?.['digest'], sent?.['digest'])
  assert.equal(trace.all('http:response-received').length, 1)
}

function count({ trace }: InlineRun, where: (frame: FrameRecord) => boolean): number {
  return [...trace.frames(where)].length
}

function assertShare(struck: number, of: number, share: number): void {
  const deviation = Math.sqrt(of * share * (1 - share))
  assert.ok(Math.abs(struck - of * share) <= 5 * deviation, `${struck} of ${of} instead of ${share * 100} %`)
}

const original = (frame: FrameRecord): boolean => !frame.duplicate
const resent = (run: InlineRun): number => run.trace.all('tcp:segment-retransmitted').length

describe('a download', () => {
  test('over a link without faults: nothing is lost, sent again, changed or late', () => {
    const run = download({})
    assertWhole(run)
    assert.equal(
      count(run, ({ fate }) => fate !== 'arrived'),
      0,
    )
    assert.equal(resent(run), 0)
  })

  for (const loss of [0.01, 0.1, 0.25]) {
    test(`with a loss of ${loss * 100} %`, () => {
      const run = download({ loss })
      assertWhole(run)
      assertShare(
        count(run, ({ fate }) => fate === 'random-loss'),
        count(run, original),
        loss,
      )
      assert.ok(resent(run) > 0, 'something was sent again')
    })
  }

  test('with bits flipped that cards notice', () => {
    const run = download({ corrupt: 0.05 })
    assertWhole(run)
    assertShare(
      count(run, ({ fate }) => fate === 'bad-fcs'),
      count(run, original),
      0.05,
    )
    assert.equal(run.trace.all('ip:discarded').length + run.trace.all('tcp:discarded').length, 0)
  })

  test('with bits flipped that no card notices: checksums do', () => {
    const run = download({ corrupt: 0.05, corruptUndetected: true })
    assertWhole(run)
    const struck = count(run, ({ corrupted, fate }) => corrupted && fate === 'arrived')
    assertShare(struck, count(run, original), 0.05)
    assert.equal(
      count(run, ({ fate }) => fate !== 'arrived'),
      0,
    )
    assert.ok(resent(run) > 0, 'what a checksum refused was sent again')
    const refused = run.trace.events.filter(({ name }) => name.endsWith(':discarded') || name.endsWith('-discarded')).length
    assert.ok(refused > 0 && refused <= struck, `${refused} of ${struck} were refused by a checksum`)
  })

  test('with duplicates', () => {
    const run = download({ duplicate: 0.2 })
    assertWhole(run)
    assertShare(
      count(run, ({ duplicate }) => duplicate),
      count(run, original),
      0.2,
    )
  })

  test('with frames held back', () => {
    const run = download({ reorder: 0.1, reorderBy: 4 * MS })
    assertWhole(run)
    const late = ({ arrives, sent, length }: FrameRecord): number => arrives - sent - 10 * MS - length * 800
    assertShare(
      count(run, (frame) => late(frame) === 4 * MS),
      count(run, original),
      0.1,
    )
    assert.equal(
      count(run, (frame) => late(frame) !== 0 && late(frame) !== 4 * MS),
      0,
    )
  })

  test('with jitter, which keeps the order', () => {
    const run = download({ jitter: 5 * MS })
    assertWhole(run)
    const arrivals = [...run.trace.frames(({ direction }) => direction === 1)].map(({ arrives }) => arrives)
    assert.ok(
      arrivals.every((time, index) => index === 0 || time >= arrivals[index - 1]),
      'no frame overtakes another',
    )
    assert.equal(resent(run), 0)
  })

  test('through a queue that is too short, in packets and in bytes', () => {
    for (const limit of [{ queueFrames: 8 }, { queueBytes: 8 * 1514, queueFrames: 1000 }]) {
      const run = download(limit)
      assertWhole(run)
      assert.ok(count(run, ({ fate }) => fate === 'queue-full') > 0, 'the queue was full')
      assert.equal(
        count(run, ({ fate }) => fate !== 'queue-full' && fate !== 'arrived'),
        0,
      )
      const queue = most(run)
      assert.ok(queue.frames <= 8 && queue.bytes <= 8 * 1514, `${queue.frames} frames waited`)
      assert.equal(queue.frames, 8)
    }
  })

  test('of which certain frames are lost', () => {
    const run = download({ lossList: [5, 6, 40] })
    assertWhole(run)
    for (const direction of [0, 1]) {
      const lost = [...run.trace.frames((frame) => frame.direction === direction)].flatMap(({ fate }, index) =>
        fate === 'listed-loss' ? [index + 1] : [],
      )
      assert.deepEqual(lost, [5, 6, 40])
    }
  })

  test('on which everything goes wrong at once', () => {
    const faults = {
      loss: 0.05,
      corrupt: 0.05,
      corruptUndetected: true,
      duplicate: 0.05,
      reorder: 0.1,
      jitter: 3 * MS,
      queueFrames: 20,
    }
    assertWhole(download(faults))
  })
})

/** The most that ever waited in Bob's queue. */
function most({ trace }: InlineRun): { frames: number; bytes: number } {
  const changes = [
    ...trace.frames(({ direction, fate, sent, enqueued }) => direction === 1 && fate === 'arrived' && sent > enqueued),
  ]
    .flatMap(({ enqueued, sent, length }) => [
      { time: enqueued, frames: 1, bytes: length },
      { time: sent, frames: -1, bytes: -length },
    ])
    // At one time, what leaves does so before what comes: nothing that had to wait comes as the line is free.
    .sort((a, b) => a.time - b.time || a.frames - b.frames)
  const now = { frames: 0, bytes: 0 }
  const peak = { frames: 0, bytes: 0 }
  for (const { frames, bytes } of changes) {
    now.frames += frames
    now.bytes += bytes
    peak.frames = Math.max(peak.frames, now.frames)
    peak.bytes = Math.max(peak.bytes, now.bytes)
  }
  return peak
}

describe('a fault that is set while it runs', () => {
  const FAULTS: readonly Partial<LinkSettings>[] = [
    { loss: 0.3 },
    { corrupt: 0.3 },
    { corrupt: 0.3, corruptUndetected: true },
    { duplicate: 0.5 },
    { reorder: 0.5, reorderBy: 5 * MS },
    { delay: 40 * MS },
    { jitter: 20 * MS },
    { rate: 2_000_000 },
    { queueFrames: 2 },
    { queueBytes: 3000 },
    { up: false },
  ]
  for (const fault of FAULTS) {
    test(`${JSON.stringify(fault)} strikes from then on, and is gone when it is cleared`, () => {
      const [before] = DOWNLOAD.links[0].settings
      const cleared = Object.fromEntries(Object.keys(fault).map((key) => [key, before[key as keyof LinkSettings]]))
      const [from, to] = [60 * MS, 160 * MS]
      const run = download({}, [
        { at: from, link: { name: 'alice-bob', settings: fault } },
        { at: to, link: { name: 'alice-bob', settings: cleared } },
      ])
      assertWhole(run)
      assert.deepEqual(run.director.refused, [])
      const isNormal = ({ fate, arrives, sent, length, corrupted, duplicate }: FrameRecord): boolean =>
        fate === 'arrived' && !corrupted && !duplicate && arrives - sent === 10 * MS + length * 800
      // Frames that were under way when the cable was pulled are lost; other faults strike what leaves from then on.
      const early = count(run, (frame) => frame.sent < from - 12 * MS && !isNormal(frame))
      assert.equal(early, 0)
      const isRefused = ({ fate }: FrameRecord): boolean => fate === 'queue-full' || fate === 'link-down'
      const struck = count(
        run,
        (frame) => (isRefused(frame) ? frame.enqueued >= from - 12 * MS : frame.sent >= from) && !isNormal(frame),
      )
      assert.ok(struck > 0, 'it strikes')
      assert.equal(
        count(run, (frame) => frame.enqueued >= to && !isRefused(frame) && frame.sent > to && !isNormal(frame)),
        0,
      )
      assert.equal(
        count(run, (frame) => frame.enqueued >= to && isRefused(frame)),
        0,
      )
      const { settings } = run.director.state.snapshot().links[0]
      assert.deepEqual(settings, DOWNLOAD.links[0].settings)
    })
  }
})

test('tshark finds nothing wrong in what nobody corrupted, and finds what was corrupted on purpose', () => {
  const run = download({ corrupt: 0.03, corruptUndetected: true, loss: 0.02, duplicate: 0.03, reorder: 0.05 }, [
    { at: 200 * MS, link: { name: 'alice-bob', settings: { corruptUndetected: false } } },
  ])
  const columns = ['frame.comment', 'frame.packet_flags_crc_error', '_ws.malformed', 'ip.checksum.status', 'tcp.checksum.status']
  const rows = withFile(run.capture({ kind: 'links', repeats: 'whole' }), (path) => tsharkFields(path, columns))
  assert.equal(rows.length, run.trace.frameCount)
  const wrong = (row: readonly string[]): boolean => row[2] !== '' || row[3].includes('0') || row[4].includes('0')
  const marked = rows.filter(([comment]) => comment.includes('bits flipped on the way'))
  assert.deepEqual(
    rows.filter((row) => wrong(row) && !marked.includes(row)),
    [],
  )
  assert.equal(
    marked.length,
    count(run, ({ corrupted }) => corrupted),
  )
  assert.ok(marked.filter(wrong).length > marked.length / 2, 'most flipped bits are found by a checksum')
  assert.ok(marked.some(([, crc]) => crc === '1') && marked.some(([, crc]) => crc !== '1'), 'some were noticed by cards')
})
