/** What a peer can make a connection hold, and spend. Counts, not times. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { pattern } from '../../pair/tcp-pair.ts'
import { ACK, FIN, PSH, RST, Solo, soloIn, SYN } from './solo.ts'

const OPEN = { timestamps: false, sack: true, mss: 1000 }
const RECOVERY = { rack: true, tailLossProbe: true, dsack: true, proportionalRateReduction: true, frto: true, undo: true }

test('a window full of single bytes, unread, takes little more memory than the window', () => {
  const solo = soloIn('ESTABLISHED', { ...OPEN, receiveBuffer: 60_000 })
  const bytes = pattern(60_000)
  for (let i = 0; i < 60_000; i++) solo.give({ flags: ACK, payload: bytes.subarray(i, i + 1) })
  assert.equal(solo.connection.readableBytes, 60_000)
  assert.ok(solo.connection.block.receiveQueue.pieceCount < 30)
})

test('every other byte of the window: kept up to a limit, answered, and mended by the rest', () => {
  const solo = soloIn('ESTABLISHED', { ...OPEN, receiveBuffer: 60_000 })
  const bytes = pattern(60_000)
  for (let i = 1; i < 60_000; i += 2) solo.give({ flags: ACK, seq: 1 + i, payload: bytes.subarray(i, i + 1) })
  assert.ok(solo.connection.block.reassembly.length <= 1024)
  solo.give({ flags: ACK, seq: 1, payload: bytes.subarray(0, 30_000) })
  solo.give({ flags: ACK, payload: bytes.subarray(30_000) })
  assert.deepEqual(Buffer.compare(solo.connection.block.receiveQueue.slice(1, 60_000), bytes), 0)
  assert.equal(solo.connection.block.reassembly.isEmpty, true)
})

test('bytes beyond the window are never held', () => {
  const solo = soloIn('ESTABLISHED', { ...OPEN, receiveBuffer: 10_000 })
  const { block } = solo.connection
  const huge = pattern(65_000)
  for (let seq = 1; seq < 100_000; seq += 777) solo.give({ flags: ACK, seq, payload: huge })
  assert.ok(block.receiveQueue.length + block.reassembly.length <= 10_000)
})

test('acknowledgments that promise everything and SACK blocks that contradict each other break no count', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(7), fc.nat(60_000), fc.nat(60_000), fc.nat(0xffff)), { maxLength: 200 }),
      fc.boolean(),
      fc.boolean(),
      (steps, sack, all) => {
        const solo = soloIn('ESTABLISHED', { ...OPEN, sack, ...(all ? RECOVERY : {}) })
        const { block } = solo.connection
        for (const [kind, x, y, window] of steps) {
          solo.now += 1_000_000 * (x % 50)
          if (kind === 0) solo.connection.handleTimeout(solo.now)
          if (kind === 1) solo.send(pattern(x % 20_000))
          const before = block.sndUna
          const ack = kind < 4 ? before + (x % (block.sndMax - before + 2)) : before
          // Blocks straight into the scoreboard's door, as `give` has no options for them.
          const segment = solo.lastSegment
          segment.flags = ACK
          segment.seq = block.receiveSeq(block.rcvNxt)
          segment.ack = block.sendSeq(ack)
          segment.window = kind === 5 ? 0 : window
          segment.payload = new Uint8Array(0)
          segment.hasTimestamp = false
          segment.sackCount = kind > 2 ? 2 : 0
          for (const [i, position] of [x, y, y, x + 3000].entries()) segment.sack[i] = block.sendSeq(position)
          solo.connection.handle(segment, solo.now)
          solo.drain()
          if (solo.state === 'CLOSED') return
          const { sent } = block
          assert.ok(block.sndUna >= before && block.sndUna <= block.sndNxt && block.sndNxt <= block.sndMax)
          assert.equal(sent.outstanding, block.sndNxt - block.sndUna)
          assert.ok(sent.sacked >= 0 && sent.lost >= 0 && sent.resent >= 0 && sent.sacked + sent.lost <= sent.outstanding)
          assert.ok(sent.pipe >= 0 && Number.isInteger(block.congestion.cwnd) && block.congestion.cwnd > 0)
          let sum = 0
          for (let i = 0; i < sent.count; i++) sum += sent.lengthOf(i)
          assert.equal(sum, sent.outstanding)
        }
      },
    ),
    { seed: 4, numRuns: 500 },
  )
})

test('a storm of segments that need answers gets no more answers than segments', () => {
  const solo = soloIn('ESTABLISHED', OPEN)
  solo.now = 1e10
  let answers = 0
  for (let i = 0; i < 1000; i++) answers += solo.give({ flags: ACK | PSH, seq: -5000, payload: pattern(10) }).length
  assert.equal(answers, 1000)
  // Without data they are rationed: two ends that disagree cannot keep each other busy.
  answers = 0
  for (let i = 0; i < 1000; i++) answers += solo.give({ flags: ACK, seq: -5000 }).length
  assert.ok(answers <= 1)
})

test('duplicate acknowledgments made up by the peer send no data beyond its window', () => {
  const solo = new Solo({ ...OPEN, sack: false })
  solo.give({ flags: SYN, seq: 0, mss: 1000 })
  solo.give({ flags: ACK, window: 20_000 })
  solo.send(pattern(100_000))
  for (let i = 0; i < 1000; i++) solo.give({ flags: ACK, ack: 1, window: 20_000 })
  assert.ok(solo.connection.block.sndNxt <= 20_001)
})

test('a reset or a FIN with rubbish inside the window does not end a stream early', () => {
  const solo = soloIn('ESTABLISHED', OPEN)
  solo.give({ flags: RST | ACK, seq: 5, payload: pattern(10) })
  solo.give({ flags: FIN | ACK, seq: 2000, payload: pattern(10) })
  assert.equal(solo.state, 'ESTABLISHED')
  assert.equal(solo.connection.receivedFin, false)
})
