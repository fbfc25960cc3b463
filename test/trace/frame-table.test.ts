import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FATE_NUMBER } from '../../src/kernel/egress.ts'
import { FATES, type Fate } from '../../src/kernel/link.ts'
import { ID_SEQUENCE_LIMIT } from '../../src/kernel/machine.ts'
import { NEVER } from '../../src/kernel/time.ts'
import { FrameTable, PACKED_WIDTH, ROW_BYTES } from '../../src/trace/frame-table.ts'
import { FRAME_KINDS } from '../../src/trace/record.ts'

/** Two hosts and one link. */
function context(horizon = 0) {
  return {
    ends: [
      [0, 1],
      [1, 0],
    ] as const,
    horizon,
    measure: () => undefined,
  }
}

const idOf = (host: number, sequence: number): number => host * ID_SEQUENCE_LIMIT + sequence

/** Rows in one block of the table. */
const BLOCK = 4096

const time = fc.oneof(fc.nat(), fc.integer({ min: 0, max: NEVER }))
const row = fc.record({
  host: fc.nat(1),
  enqueued: time,
  sent: time,
  arrives: time,
  fateAt: time,
  cause: fc.nat(NEVER),
  where: fc.nat(1),
  length: fc.nat(65_535),
  connection: fc.nat(70_000),
  seq: fc.nat(2 ** 32 - 1),
  payload: fc.nat(65_535),
  corruption: fc.nat(65_535 * 256),
  fate: fc.nat(FATES.length - 1),
  kind: fc.nat(FRAME_KINDS.length - 1),
  mark: fc.nat(7),
  duplicate: fc.nat(1),
})

describe('rows', () => {
  test('what goes to another thread comes out as it was, new or as news of an old one', () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 50 }), (rows) => {
        const [here, there] = [new FrameTable(context(1000)), new FrameTable(context(1000))]
        const packed = new Float64Array(rows.length * PACKED_WIDTH)
        rows.forEach(({ host, seq, payload, ...columns }, index) => {
          const number = here.append(idOf(host, index + 1))
          const block = here.block(number)
          const at = FrameTable.at(number)
          for (const [name, value] of Object.entries(columns)) block[name as keyof typeof columns][at] = value
          block.tcpSegments.set([seq, payload], at * 2)
          block.isMeasured[at] = 1
          here.pack(number, packed, index * PACKED_WIDTH)
        })
        for (const _twice of [1, 2]) {
          for (let at = 0; at < packed.length; at += PACKED_WIDTH) there.unpack(packed, at)
          assert.equal(there.count, rows.length)
          rows.forEach((_, index) => {
            const [sent, got] = [here.view(index + 1), there.view(index + 1)]
            for (const key of KEYS) assert.equal(got?.[key], sent?.[key], key)
            assert.equal(there.numberOf(idOf(rows[index].host, index + 1)), index + 1)
          })
        }
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  test('a view stays up to date, and tells the hosts at both ends', () => {
    const table = new FrameTable(context())
    const number = table.append(idOf(1, 1))
    const view = table.view(number)
    table.block(number).where[0] = 1
    table.block(number).length[0] = 99
    assert.deepEqual([view?.link, view?.direction, view?.from, view?.to, view?.length], [0, 1, 1, 0, 99])
  })

  test('there is no frame before the first or behind the last', () => {
    const table = new FrameTable(context())
    table.append(idOf(0, 1))
    assert.equal(table.view(0), undefined)
    assert.equal(table.view(2), undefined)
    assert.equal(table.view(1)?.number, 1)
    assert.deepEqual([table.numberOf(idOf(0, 2)), table.numberOf(idOf(5, 1)), table.idOf(7)], [0, 0, -1])
  })
})

describe('numbers of ids', () => {
  test('are found among those of many hosts, also after the oldest went', () => {
    const table = new FrameTable(context())
    const ids: number[] = []
    for (let i = 1; i <= 3 * BLOCK; i++) {
      // Host 2 never sends anything.
      const id = idOf([0, 1, 3][i % 3], i * 2)
      ids.push(id)
      assert.equal(table.append(id), i)
    }
    const check = (): void => {
      for (let number = 1; number <= ids.length; number += 17) {
        assert.equal(table.numberOf(ids[number - 1]), number >= table.firstKept ? number : 0)
        assert.equal(table.numberOf(ids[number - 1] + 1), 0)
      }
    }
    check()
    assert.equal(table.bytes, 3 * BLOCK * ROW_BYTES)
    assert.equal(table.oldestBlockEnd, BLOCK)
    assert.equal(table.dropOldestBlock(), BLOCK)
    assert.deepEqual([table.firstKept, table.count, table.bytes], [BLOCK + 1, 3 * BLOCK, 2 * BLOCK * ROW_BYTES])
    assert.equal(table.view(BLOCK), undefined)
    check()
    assert.equal(table.dropOldestBlock(), BLOCK)
    assert.equal(table.dropOldestBlock(), 0, 'the last block stays')
    check()
    assert.equal(table.append(idOf(0, 9 * BLOCK)), 3 * BLOCK + 1)
    assert.equal(table.dropOldestBlock(), BLOCK)
    assert.deepEqual([table.firstKept, table.count], [3 * BLOCK + 1, 3 * BLOCK + 1])
  })

  test('rows that were let go before they were told leave a gap, and what comes later stands where it should', () => {
    const here = new FrameTable(context())
    for (let i = 1; i <= 3 * BLOCK; i++) here.append(idOf(0, i))
    here.dropOldestBlock()
    const there = new FrameTable(context())
    const packed = new Float64Array(PACKED_WIDTH)
    const tell = (number: number): void => {
      here.pack(number, packed, 0)
      there.unpack(packed, 0)
    }
    // Of the first block, 10 rows were told in time.
    for (let number = 1; number <= 10; number++) there.append(idOf(0, number))
    for (let number = BLOCK + 1; number <= here.count; number++) tell(number)
    assert.deepEqual([there.firstKept, there.count], [BLOCK + 1, 3 * BLOCK])
    assert.equal(there.view(10), undefined)
    assert.equal(there.view(BLOCK + 5)?.id, idOf(0, BLOCK + 5))
    assert.equal(there.numberOf(idOf(0, 2 * BLOCK)), 2 * BLOCK)
    assert.equal(there.numberOf(idOf(0, 10)), 0)
    // News of what is no longer here is no news.
    here.append(idOf(0, 3 * BLOCK + 1))
    tell(3 * BLOCK + 1)
    assert.equal(there.count, 3 * BLOCK + 1)
  })
})

describe('a fate, at the horizon', () => {
  const at = (horizon: number, fate: Fate, { sent = 10, arrives = 30, fateAt = NEVER } = {}): readonly [Fate, number] => {
    const table = new FrameTable(context(horizon))
    const block = table.block(table.append(1))
    block.fate[0] = FATE_NUMBER[fate]
    block.sent[0] = sent
    block.arrives[0] = arrives
    block.fateAt[0] = fateAt
    const view = table.view(1)
    assert.ok(view !== undefined, 'it is there')
    return [view.fate, view.fateAt]
  }

  test('a frame in flight has arrived once its time is over, and not a nanosecond before', () => {
    assert.deepEqual(at(29, 'in-flight'), ['in-flight', NEVER])
    assert.deepEqual(at(30, 'in-flight'), ['in-flight', NEVER])
    assert.deepEqual(at(31, 'in-flight'), ['arrived', 30])
  })

  test('what will befall a frame on its way is not told before it has', () => {
    for (const fate of ['random-loss', 'listed-loss', 'bad-fcs'] as const) {
      assert.deepEqual(at(20, fate, { fateAt: 20 }), ['in-flight', NEVER])
      assert.deepEqual(at(21, fate, { fateAt: 20 }), [fate, 20])
    }
  })

  test('what a person did at that very moment is seen at once', () => {
    for (const fate of ['dropped-by-hand', 'link-down', 'host-down', 'queue-full'] as const) {
      assert.deepEqual(at(20, fate, { fateAt: 20 }), [fate, 20])
      assert.deepEqual(at(19, fate, { fateAt: 20 }), ['in-flight', NEVER])
      assert.deepEqual(at(19, fate, { fateAt: 20, sent: NEVER, arrives: NEVER }), ['queued', NEVER])
    }
  })

  test('a frame that waits has no fate', () => {
    assert.deepEqual(at(1000, 'queued', { sent: NEVER, arrives: NEVER }), ['queued', NEVER])
  })
})

const KEYS = [
  ...(['number', 'id', 'link', 'direction', 'from', 'to', 'enqueued', 'sent', 'arrives', 'fate', 'fateAt', 'length'] as const),
  ...(['corrupted', 'duplicate', 'mark', 'kind', 'connection', 'seq', 'payload', 'cause'] as const),
]
