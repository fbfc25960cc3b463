import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ControlBlock } from '../../src/protocols/tcp/control-block.ts'
import { DEFAULT_TCP } from '../../src/protocols/tcp/config.ts'
import { TcpFlag, TcpSegment } from '../../src/wire/tcp.ts'
import { MS, pattern, readAll, SECOND, TcpPair } from './tcp-pair.ts'

test('RFC 9293 section 3.4: sequence numbers wrap around, with losses on both sides of it', () => {
  for (const isnA of [0xffff_ffff, 0xffff_ff00, 0xffff_8000, 0x7fff_ff00]) {
    for (const sack of [true, false]) {
      const pair = new TcpPair({
        isnA,
        isnB: isnA - 5000,
        a: { sack },
        b: { sack },
        link: { loss: 0.05 },
        seed: isnA,
      }).establish()
      const bytes = pattern(200_000)
      pair.a.connection.send(bytes)
      pair.b.connection.send(bytes)
      pair.settle()
      pair.runUntil(() => pair.a.connection.block.sent.outstanding === 0 && pair.b.connection.block.sent.outstanding === 0)
      assert.deepEqual(readAll(pair.b.connection), bytes)
      assert.deepEqual(readAll(pair.a.connection), bytes)
    }
  }
})

test('positions stay exact far beyond 2^32, for sending and for receiving', () => {
  const block = new ControlBlock({
    config: DEFAULT_TCP,
    localPort: 1,
    remotePort: 2,
    isn: 0xfedc_ba98,
    passive: false,
    keeper: { record: () => undefined, isBrief: false, synAckRetries: (most) => most },
  })
  block.irs = 0x0123_4567
  for (const position of [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 5 * 2 ** 32 + 12_345, 2 ** 52 + 7]) {
    block.sndUna = position
    block.rcvNxt = position
    for (const offset of [-(2 ** 31), -1_000_000, -1, 0, 1, 1_000_000, 2 ** 31 - 1]) {
      if (position + offset < 0) continue
      const ack = Number((BigInt(block.iss) + BigInt(position + offset)) % 2n ** 32n)
      const seq = Number((BigInt(block.irs) + BigInt(position + offset)) % 2n ** 32n)
      assert.equal(block.sendSeq(position + offset), ack)
      assert.equal(block.receiveSeq(position + offset), seq)
      assert.equal(block.ackPosition(ack), position + offset)
      assert.equal(block.receivePosition(seq), position + offset)
    }
  }
})

test('a transfer of more than 4 GiB: every position comes once, through two wraps', () => {
  // The sender's queue holds one piece again and again; the receiver is a bare acknowledger.
  const MORE = 9 * 2 ** 30
  const config = { mss: 65_495, sendBuffer: 2 ** 30, receiveBuffer: 2 ** 30 - 1, initialWindow: 10_000, delayedAckSegments: 8 }
  const pair = new TcpPair({ a: config, b: config, isnA: 0xf000_0000, keep: false }).establish()
  const [a, b] = [pair.a.connection, pair.b.connection]
  const piece = pattern(2 ** 20)
  const copy = new TcpSegment()
  let sent = 0
  let read = 0
  let now = pair.now
  while (read < MORE) {
    now += MS
    while (sent < MORE && a.writableBytes >= piece.length) sent += a.send(piece)
    for (let segment = a.pollTransmit(now); segment !== undefined; segment = a.pollTransmit(now)) {
      Object.assign(copy, segment)
      b.handle(copy, now)
      for (let bytes = b.read(); bytes !== undefined; bytes = b.read()) {
        // A sample of each run of bytes, against the pattern.
        const at = read % piece.length
        if (bytes[0] !== piece[at] || bytes[bytes.length - 1] !== piece[(read + bytes.length - 1) % piece.length])
          assert.fail(`at ${String(read)}`)
        read += bytes.length
      }
      for (let answer = b.pollTransmit(now); answer !== undefined; answer = b.pollTransmit(now)) a.handle(answer, now)
    }
    if ((b.pollTimeout() ?? Infinity) <= now) b.handleTimeout(now)
    for (let answer = b.pollTransmit(now); answer !== undefined; answer = b.pollTransmit(now)) a.handle(answer, now)
  }
  assert.equal(read, sent)
  a.shutdown(now)
  const fin = a.pollTransmit(now)
  assert.ok(fin !== undefined && (fin.flags & TcpFlag.FIN) !== 0)
  assert.equal(fin.seq, Number((0xf000_0000n + 1n + BigInt(sent)) % 2n ** 32n))
  b.handle(fin, now)
  assert.equal(b.receivedFin, true)
})

test('bytes that change hands carry no copy: what is read is the memory that arrived', () => {
  const pair = new TcpPair().establish()
  const payload = pattern(1448)
  pair.inject('b', (segment) => {
    const { block } = pair.b.connection
    segment.flags = TcpFlag.ACK
    segment.seq = block.receiveSeq(1)
    segment.ack = block.sendSeq(1)
    segment.hasTimestamp = true
    segment.tsVal = block.tsRecent
    segment.payload = payload
  })
  assert.equal(pair.b.connection.read(), payload)
  const bytes = pattern(100_000)
  pair.a.connection.send(bytes)
  const segment = pair.a.connection.pollTransmit(pair.now)
  assert.equal(segment?.payload.buffer, bytes.buffer)
  pair.runFor(SECOND)
})
