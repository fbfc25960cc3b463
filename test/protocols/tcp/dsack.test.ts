/** Reports of what came twice, by the examples of RFC 2883 section 4; and what else SACK blocks of a receiver tell. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TcpConfig } from '../../../src/protocols/tcp/config.ts'
import { TcpSegment } from '../../../src/wire/tcp.ts'
import { pattern } from '../../pair/tcp-pair.ts'
import { ACK, FIN, Solo, soloIn, SYN } from './solo.ts'

const OPEN = { timestamps: false, sack: true, windowScaling: false, mss: 1000, dsack: true } as const
const BYTES = pattern(20_000)

/** A receiver that has everything up to 3000, as in the RFC's examples. */
function receiver(config: Partial<TcpConfig> = {}): Solo {
  const solo = soloIn('ESTABLISHED', { ...OPEN, ...config })
  for (let seq = 0; seq < 3000; seq += 500) give(solo, seq, seq + 500)
  return solo
}

/** Bytes `from` up to `to` come; what is acknowledged, and the blocks of the acknowledgment. */
function give(solo: Solo, from: number, to: number): string {
  solo.give({ flags: ACK, seq: from + 1, payload: BYTES.subarray(from, to) })
  solo.wait(500_000_000)
  return told(solo)
}

function told(solo: Solo): string {
  const { ack, sack, sackCount } = solo.lastSegment
  const position = (number: number): number => solo.connection.block.receivePosition(number) - 1
  const blocks = Array.from(
    { length: sackCount },
    (_, i) => `${String(position(sack[i * 2]))}-${String(position(sack[i * 2 + 1]))}`,
  )
  return [String(position(ack)), ...blocks].join(' ')
}

test('RFC 2883 section 4.1.1: a duplicate of what was delivered', () => {
  const solo = receiver()
  assert.equal(give(solo, 3000, 3500), '3500')
  assert.equal(give(solo, 3500, 4000), '4000')
  assert.equal(give(solo, 3000, 3500), '4000 3000-3500')
})

test('RFC 2883 section 4.1.2: a duplicate while something is missing: the gap’s blocks follow', () => {
  const solo = receiver()
  give(solo, 3000, 4000)
  assert.equal(give(solo, 4500, 5000), '4000 4500-5000')
  assert.equal(give(solo, 3000, 3500), '4000 3000-3500 4500-5000')
})

test('RFC 2883 section 4.1.3: a duplicate of what waits out of order: the block that holds it follows', () => {
  const solo = receiver()
  give(solo, 3000, 4000)
  assert.equal(give(solo, 4500, 5000), '4000 4500-5000')
  assert.equal(give(solo, 5000, 5500), '4000 4500-5500')
  assert.equal(give(solo, 5000, 5500), '4000 5000-5500 4500-5500')
})

test('RFC 2883 section 4.2.1: a segment that is a duplicate in part', () => {
  const solo = receiver()
  give(solo, 3500, 4000)
  assert.equal(give(solo, 3000, 3500), '4000')
  assert.equal(give(solo, 3500, 4500), '4500 3500-4000')
})

test('RFC 2883 section 4.2.2: a segment that is a duplicate in part, out of order', () => {
  const solo = receiver()
  give(solo, 3000, 3500)
  give(solo, 4000, 4500)
  assert.equal(give(solo, 4000, 5000), '3500 4000-4500 4000-5000')
  assert.equal(give(solo, 5500, 6000), '3500 5500-6000 4000-5000')
  assert.equal(give(solo, 4500, 6000), '3500 4500-5000 4000-6000')
})

test('RFC 2883 section 4, rule 1: each duplicate is reported once', () => {
  const solo = receiver()
  assert.equal(give(solo, 1000, 1500), '3000 1000-1500')
  assert.equal(give(solo, 3500, 4000), '3000 3500-4000')
})

test('a FIN that comes twice is reported as a sequence number', () => {
  const solo = receiver()
  solo.give({ flags: FIN | ACK, seq: 3001, payload: BYTES.subarray(3000, 3500) })
  solo.give({ flags: FIN | ACK, seq: 3001, payload: BYTES.subarray(3000, 3500) })
  assert.equal(told(solo), '3501 3000-3501')
})

test('without the setting, or without SACK, duplicates are answered and not reported', () => {
  for (const config of [{ dsack: false }, { sack: false }]) {
    const solo = receiver(config)
    assert.equal(give(solo, 1000, 1500), '3000')
  }
})

test('a report fits beside the blocks that a segment has room for, data included', () => {
  const solo = soloIn('ESTABLISHED', { ...OPEN, timestamps: true })
  const give = (from: number, to: number): void => {
    const timestamp = [1, 0] as const
    solo.give({ flags: ACK, seq: from + 1, payload: BYTES.subarray(from, to), timestamp })
  }
  give(0, 500)
  for (const from of [1000, 2000, 3000, 4000]) give(from, from + 500)
  give(0, 500)
  assert.equal(told(solo), '500 0-500 4000-4500 3000-3500')
  give(0, 500)
  assert.ok(solo.lastSegment.sackCount <= 3)
})

test('a FIN that comes early is reported like a byte, alone or behind data, so that it need not be sent again', () => {
  const solo = receiver()
  solo.give({ flags: FIN | ACK, seq: 4001 })
  assert.equal(told(solo), '3000 4000-4001')
  assert.equal(give(solo, 3500, 4000), '3000 3500-4001')
  assert.equal(give(solo, 3000, 3500), '4001')
  assert.equal(solo.state, 'CLOSE-WAIT')

  const together = receiver()
  together.give({ flags: FIN | ACK, seq: 3501, payload: BYTES.subarray(3500, 4000) })
  assert.equal(told(together), '3000 3500-4001')
})

test('only what is missing is sent again when a FIN has overtaken it', () => {
  const solo = soloIn('ESTABLISHED', { ...OPEN, rack: true })
  solo.give({ flags: ACK })
  const start = solo.connection.block.sndUna
  solo.connection.send(pattern(3000))
  solo.connection.shutdown(solo.now)
  solo.drain()
  solo.now += 20_000_000
  const segment = new TcpSegment()
  segment.flags = ACK
  segment.seq = solo.connection.block.receiveSeq(solo.connection.block.rcvNxt)
  segment.ack = solo.connection.block.sendSeq(start)
  segment.window = 20_000
  segment.sackCount = 1
  segment.sack[0] = solo.connection.block.sendSeq(start + 1000)
  segment.sack[1] = solo.connection.block.sendSeq(start + 3001)
  solo.connection.handle(segment, solo.now)
  solo.drain()
  const again = solo.sent.slice(-1)
  assert.deepEqual([again[0].seq, again[0].length], [start, 1000])
  assert.equal(solo.connection.block.sent.sackedCount, 2)
})

test('RFC 5681 section 2: what repeats an acknowledgment repeats its window, although the reader has made room since', () => {
  const windows = (sack: boolean): number[] => {
    const solo = new Solo({ ...OPEN, sack, receiveBuffer: 20_000 })
    solo.give({ flags: SYN, seq: 0, mss: 1000, sackPermitted: true })
    solo.give({ flags: ACK })
    const seen: number[] = []
    const take = (from: number): void => {
      solo.give({ flags: ACK, seq: from + 1, payload: BYTES.subarray(from, from + 1000) })
      seen.push(solo.lastSegment.window)
      solo.connection.read()
      solo.drain()
    }
    // Two in order, acknowledged before they are read; then a gap.
    take(0)
    take(1000)
    for (const from of [3000, 4000, 5000]) take(from)
    return seen.slice(1)
  }
  const bare = windows(false)
  assert.equal(new Set(bare).size, 1, `the peer counts duplicates: ${String(bare)}`)
})

test('a reader that frees most of a full window is told of at once, gap or not', () => {
  const solo = new Solo({ ...OPEN, sack: false, receiveBuffer: 8000 })
  solo.give({ flags: SYN, seq: 0, mss: 1000 })
  solo.give({ flags: ACK })
  for (let from = 0; from < 6000; from += 1000)
    solo.give({ flags: ACK, seq: from + 1, payload: BYTES.subarray(from, from + 1000) })
  solo.give({ flags: ACK, seq: 7001, payload: BYTES.subarray(7000, 7500) })
  const before = solo.lastSegment.window
  while (solo.connection.read() !== undefined);
  const [update] = solo.drain()
  assert.ok(update.window > before, `${String(update.window)} after ${String(before)}`)
})
