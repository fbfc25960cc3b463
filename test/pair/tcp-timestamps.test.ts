import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TcpFlag, type TcpSegment } from '../../src/wire/tcp.ts'
import { MS, pattern, readAll, SECOND, TcpPair } from './tcp-pair.ts'

/** A segment as a would send it now, but with a timestamp of our choice. */
function fromA(pair: TcpPair, tsVal: number, change: (segment: TcpSegment) => void = () => undefined): void {
  pair.inject('b', (segment) => {
    const { block } = pair.b.connection
    segment.flags = TcpFlag.ACK
    segment.seq = block.receiveSeq(block.rcvNxt)
    segment.ack = block.sendSeq(block.sndNxt)
    segment.window = 1000
    segment.hasTimestamp = true
    segment.tsVal = tsVal >>> 0
    segment.payload = pattern(10)
    change(segment)
  })
}

test('RFC 7323 section 3.2: once agreed upon, timestamps are in every segment; a segment without is dropped', () => {
  const pair = new TcpPair().establish()
  pair.act('a', (connection) => connection.send(pattern(5000)))
  pair.runFor(SECOND)
  assert.ok(pair.seen.every(({ segment }) => segment.hasTimestamp))
  fromA(pair, 0, (segment) => (segment.hasTimestamp = false))
  assert.equal(pair.b.connection.readableBytes, 5000)
})

test('RFC 7323 section 4.1: the echo is that of the segment that the acknowledgment answers, the earliest of two', () => {
  const pair = new TcpPair({ a: { nagle: false } }).establish()
  pair.act('a', (connection) => connection.send(pattern(100)))
  const first = pair.seen.at(-1)?.segment.tsVal
  pair.runFor(5 * MS)
  pair.act('a', (connection) => connection.send(pattern(100)))
  assert.notEqual(pair.seen.at(-1)?.segment.tsVal, first)
  pair.runUntil(() => pair.seen.at(-1)?.from === 'b')
  assert.deepEqual([pair.seen.at(-1)?.ack, pair.seen.at(-1)?.segment.tsEcr], [201, first])
})

test('RFC 7323 section 4.3: a segment behind a gap does not set the echo', () => {
  const pair = new TcpPair().establish()
  const { tsRecent } = pair.b.connection.block
  pair.runFor(50 * MS)
  fromA(pair, tsRecent + 50, (segment) => (segment.seq += 100))
  assert.equal(pair.seen.at(-1)?.segment.tsEcr, tsRecent)
})

test('RFC 7323 appendix D: the answer to what is here already echoes the copy that it answers, not the first', () => {
  const pair = new TcpPair({ b: { delayedAck: false } }).establish()
  const { tsRecent } = pair.b.connection.block
  fromA(pair, tsRecent + 5)
  assert.deepEqual([pair.seen.at(-1)?.ack, pair.seen.at(-1)?.segment.tsEcr], [11, tsRecent + 5])
  fromA(pair, tsRecent + 900, (segment) => (segment.seq -= 10))
  assert.deepEqual([pair.seen.at(-1)?.ack, pair.seen.at(-1)?.segment.tsEcr], [11, tsRecent + 900])
})

test('a lost ACK does not make the round trip look as long as the retransmission timer', () => {
  const pair = new TcpPair({
    toA: { drop: (segment, count) => count > 1 && count < 5 && segment.flags === TcpFlag.ACK },
  }).establish()
  pair.act('a', (connection) => connection.send(pattern(1000)))
  pair.runFor(60 * SECOND)
  assert.equal(pair.a.connection.block.sent.outstanding, 0)
  const { rtt } = pair.a.connection.block
  assert.ok(rtt.rto <= 400 * MS, `the timer stands at ${rtt.rto / MS} ms`)
})

test('a segment from far behind the window does not set the echo', () => {
  const pair = new TcpPair({ b: { receiveBuffer: 5000 } }).establish()
  const { tsRecent } = pair.b.connection.block
  fromA(pair, tsRecent + 500, (segment) => (segment.seq -= 5001))
  assert.deepEqual([pair.seen.at(-1)?.flags, pair.seen.at(-1)?.segment.tsEcr], ['ACK', tsRecent])
})

test('RFC 7323 section 5.3 (PAWS): a segment with an older timestamp is an old duplicate, whatever its sequence number', () => {
  const pair = new TcpPair().establish()
  pair.runFor(SECOND)
  const { tsRecent } = pair.b.connection.block
  const before = pair.seen.length
  fromA(pair, tsRecent - 1)
  assert.equal(pair.b.connection.readableBytes, 0)
  // It is acknowledged, as any unacceptable segment.
  assert.deepEqual(
    pair.seen.slice(before).map(({ flags, ack }) => [flags, ack]),
    [['ACK', 1]],
  )
  fromA(pair, tsRecent)
  assert.equal(pair.b.connection.readableBytes, 10)
  fromA(pair, tsRecent + 2 ** 31 - 1)
  assert.equal(pair.b.connection.readableBytes, 20)
})

test('RFC 7323 section 5.2: a RST is not held against its timestamp', () => {
  const pair = new TcpPair().establish()
  const { tsRecent } = pair.b.connection.block
  fromA(pair, tsRecent - 1000, (segment) => {
    segment.flags = TcpFlag.RST
    segment.payload = new Uint8Array(0)
  })
  assert.equal(pair.b.connection.state, 'CLOSED')
})

test('RFC 7323 section 5.5: after 24 days of silence a timestamp proves nothing', () => {
  const pair = new TcpPair().establish()
  const { tsRecent } = pair.b.connection.block
  pair.runFor(23 * 86_400 * SECOND)
  fromA(pair, tsRecent - 1)
  assert.equal(pair.b.connection.readableBytes, 0)
  pair.runFor(2 * 86_400 * SECOND)
  fromA(pair, tsRecent - 1)
  assert.equal(pair.b.connection.readableBytes, 10)
  assert.equal(pair.b.connection.block.tsRecent, (tsRecent - 1) >>> 0)
})

test('a connection whose timestamps wrap around goes on', () => {
  for (const isnA of [0, 1, 77, 0x7fff_ffff, 0xffff_ffff]) {
    const pair = new TcpPair({ isnA }).establish()
    const untilWrap = 2 ** 32 - pair.a.connection.block.timestamp(pair.now)
    // Not idle for so long that the timestamps would lose their meaning: a byte every ten days.
    for (let left = untilWrap * MS; left > 0; left -= 10 * 86_400 * SECOND) {
      pair.act('a', (connection) => connection.send(pattern(1)))
      pair.runFor(Math.min(left, 10 * 86_400 * SECOND) - 5 * MS)
    }
    pair.act('a', (connection) => connection.send(pattern(30_000)))
    pair.runFor(SECOND)
    assert.equal(pair.a.connection.block.sent.outstanding, 0)
    assert.ok(pair.b.connection.readableBytes > 30_000)
  }
})

test('a lost segment of a long transfer over a fast line cannot be filled by one from 4 GiB ago', () => {
  // The sequence space wraps; the old segment has a fitting number and an old timestamp.
  const pair = new TcpPair().establish()
  fromA(pair, pair.b.connection.block.tsRecent + 100_000)
  const { tsRecent } = pair.b.connection.block
  fromA(pair, tsRecent - 99_999, (segment) => (segment.payload = new Uint8Array(10).fill(0xee)))
  assert.deepEqual(readAll(pair.b.connection), pattern(10))
})
