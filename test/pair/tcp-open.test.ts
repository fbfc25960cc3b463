import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TcpFlag } from '../../src/wire/tcp.ts'
import { MS, pattern, readAll, SECOND, TcpPair } from './tcp-pair.ts'

function transitions(pair: TcpPair, side: 'a' | 'b'): string[] {
  return pair.recorded(side, 'tcp:state-changed').map(({ data }) => String(data.to))
}

test('RFC 9293 section 3.5, figure 6: the three-way handshake takes one round trip, and opens both sides', () => {
  const pair = new TcpPair().establish()
  assert.deepEqual(transitions(pair, 'a'), ['SYN-SENT', 'ESTABLISHED'])
  assert.deepEqual(transitions(pair, 'b'), ['LISTEN', 'SYN-RECEIVED', 'ESTABLISHED'])
  assert.deepEqual(
    pair.seen.map(({ from, at, flags, seq, ack }) => [from, at / MS, flags, seq, ack]),
    [
      ['a', 0, 'SYN', 0, 0],
      ['b', 10, 'SYN ACK', 0, 1],
      ['a', 20, 'ACK', 1, 1],
    ],
  )
  assert.deepEqual([pair.a.events, pair.b.events], [['connected'], ['connected']])
})

test('a SYN carries MSS, SACK-permitted, timestamps and window scale; its answer too', () => {
  const pair = new TcpPair().establish()
  for (const { segment } of pair.seen.slice(0, 2)) {
    const { mss, sackPermitted, hasTimestamp, windowScale, window } = segment
    assert.deepEqual(
      { mss, sackPermitted, hasTimestamp, windowScale, window },
      { mss: 1460, sackPermitted: true, hasTimestamp: true, windowScale: 5, window: 65535 },
    )
  }
})

test('RFC 9293 section 3.5, figure 7: simultaneous open', () => {
  const pair = new TcpPair({ bothActive: true })
  pair.a.connection.connect(0)
  pair.b.connection.connect(0)
  pair.settle()
  pair.runUntil(() => pair.a.connection.state === 'ESTABLISHED' && pair.b.connection.state === 'ESTABLISHED')
  for (const side of ['a', 'b'] as const) {
    assert.deepEqual(transitions(pair, side), ['SYN-SENT', 'SYN-RECEIVED', 'ESTABLISHED'])
  }
  assert.equal(pair.now, 20 * MS)
  pair.act('a', (connection) => connection.send(pattern(5000)))
  pair.runFor(SECOND)
  assert.deepEqual(readAll(pair.b.connection), pattern(5000))
})

test('simultaneous open survives the loss of either answer', () => {
  for (const lost of [[2], [], [2, 3]]) {
    const pair = new TcpPair({
      bothActive: true,
      toA: { drop: (_, count) => lost.includes(count) },
      toB: { drop: (_, count) => count === 2 },
    })
    pair.a.connection.connect(0)
    pair.b.connection.connect(0)
    pair.settle()
    pair.runUntil(() => pair.a.connection.state === 'ESTABLISHED' && pair.b.connection.state === 'ESTABLISHED')
    assert.ok(pair.now < 8 * SECOND)
  }
})

test('RFC 6298 section 5, RFC 9293 section 3.8.3: a SYN that nobody answers is sent again after 1, 3, 7, 15, 31 and 63 s, and given up after 127 s', () => {
  const pair = new TcpPair({ toB: { drop: () => true } })
  pair.connect().runToEnd()
  assert.deepEqual(
    pair.seen.map(({ at }) => at / SECOND),
    [0, 1, 3, 7, 15, 31, 63],
  )
  assert.deepEqual(
    pair.seen.map(({ segment }) => segment.retransmission),
    [false, true, true, true, true, true, true],
  )
  assert.equal(pair.now / SECOND, 127)
  assert.equal(pair.a.connection.state, 'CLOSED')
  assert.deepEqual([pair.a.failure?.code, pair.a.failure?.whose], ['ETIMEDOUT', 'network'])
  assert.ok(pair.a.failure?.cites.startsWith('RFC 9293'))
})

test('a lost SYN-ACK is sent again after 1, 3, 7, 15 and 31 s, and given up after 63 s', () => {
  const pair = new TcpPair({ toA: { drop: () => true }, a: { synRetries: 0 } })
  pair.connect().runToEnd()
  const answers = pair.seen.filter(({ from }) => from === 'b')
  assert.deepEqual(
    answers.map(({ at }) => Math.round(at / SECOND)),
    [0, 1, 3, 7, 15, 31],
  )
  assert.equal(pair.b.failure?.code, 'ETIMEDOUT')
  assert.equal(Math.round(pair.b.closedAt / SECOND), 63)
})

test('a lost last ACK of the handshake does no harm when data follows', () => {
  const pair = new TcpPair({ toB: { drop: (_, count) => count === 2 } })
  pair.connect()
  pair.runUntil(() => pair.a.connection.state === 'ESTABLISHED')
  pair.act('a', (connection) => connection.send(pattern(100)))
  pair.runFor(15 * MS)
  assert.equal(pair.b.connection.state, 'ESTABLISHED')
  assert.deepEqual(readAll(pair.b.connection), pattern(100))
})

test('a lost last ACK is given again to the repeated SYN-ACK', () => {
  const pair = new TcpPair({ toB: { drop: (_, count) => count === 2 } }).connect()
  pair.runUntil(() => pair.b.connection.state === 'ESTABLISHED')
  assert.equal(pair.now, 10 * MS + SECOND + 20 * MS)
})

test('RFC 5681 section 3.1: after a lost SYN the initial window is one segment, and without a measurement the timeout 3 s (RFC 6298 section 5.7)', () => {
  const plain = { timestamps: false }
  const pair = new TcpPair({ a: plain, b: plain, toB: { drop: (_, count) => count === 1 } }).establish()
  const { block } = pair.a.connection
  assert.equal(block.congestion.cwnd, 1460)
  assert.equal(block.rtt.rto, 3 * SECOND)
})

test('with timestamps the repeated SYN gives a measurement', () => {
  const pair = new TcpPair({ toB: { drop: (_, count) => count === 1 } }).establish()
  assert.equal(pair.a.connection.block.rtt.srtt, 20 * MS)
})

test('data queued before the handshake is done goes out with its last ACK; so does a FIN', () => {
  const pair = new TcpPair()
  pair.a.connection.connect(0)
  assert.equal(pair.a.connection.send(pattern(100)), 100)
  pair.a.connection.shutdown(0)
  pair.settle()
  pair.runFor(40 * MS)
  assert.deepEqual(readAll(pair.b.connection), pattern(100))
  assert.equal(pair.b.connection.state, 'CLOSE-WAIT')
  assert.ok(pair.lines('a').includes('FIN PSH ACK 1+100 ack 1'))
})

test('RFC 9293 section 3.10.4: closing in SYN-SENT forgets the connection; its SYN-ACK is then reset', () => {
  const pair = new TcpPair().connect()
  pair.act('a', (connection, now) => {
    connection.close(now)
  })
  assert.equal(pair.a.connection.state, 'CLOSED')
  assert.deepEqual([pair.a.closed, pair.a.failure], [true, undefined])
  pair.runToEnd()
  assert.equal(pair.b.connection.state, 'CLOSED')
  assert.deepEqual(pair.lines('a'), ['SYN 0+0 ack 0', 'RST 1+0 ack 0'])
})

test('RFC 9293 section 3.5, figure 8: an old duplicate SYN is undone by the reset of its answer', () => {
  const pair = new TcpPair({ isnA: 1000 })
  pair.inject('b', (segment) => {
    segment.flags = TcpFlag.SYN
    segment.seq = 90
  })
  pair.connect()
  assert.equal(pair.b.connection.state, 'SYN-RECEIVED')
  pair.runFor(25 * MS)
  assert.equal(pair.b.connection.state, 'CLOSED')
  const reset = pair.seen.find(({ flags }) => flags === 'RST')
  assert.deepEqual([reset?.from, reset?.segment.seq], ['a', 91])
  assert.equal(pair.a.connection.state, 'SYN-SENT')
})

test('ICMP: port unreachable refuses, host unreachable ends the attempt as in Linux, or is kept for the timeout by RFC 1122', () => {
  const refused = new TcpPair().connect()
  refused.act('a', (connection, now) => {
    connection.handleUnreachable(3, now)
  })
  assert.equal(refused.a.failure?.code, 'ECONNREFUSED')
  const linux = new TcpPair().connect()
  linux.act('a', (connection, now) => {
    connection.handleUnreachable(1, now)
  })
  assert.equal(linux.a.failure?.code, 'EHOSTUNREACH')
  const book = new TcpPair({ a: { unreachableEndsConnect: false }, toB: { drop: () => true } }).connect()
  book.act('a', (connection, now) => {
    connection.handleUnreachable(0, now)
  })
  assert.equal(book.a.closed, false)
  book.runToEnd()
  assert.equal(book.now / SECOND, 127)
  assert.equal(book.a.failure?.code, 'ENETUNREACH')
})

test('RFC 1122 section 4.2.3.9: an established connection survives what ICMP says', () => {
  const pair = new TcpPair().establish()
  for (let code = 0; code < 16; code++)
    pair.act('a', (connection, now) => {
      connection.handleUnreachable(code, now)
    })
  assert.equal(pair.a.connection.state, 'ESTABLISHED')
})

test('only a fresh connection can be opened', () => {
  const pair = new TcpPair().establish()
  assert.throws(() => {
    pair.a.connection.connect(pair.now)
  }, /connect\(\) in state ESTABLISHED/)
  pair.act('a', (connection, now) => {
    connection.abort(now)
  })
  assert.throws(() => {
    pair.a.connection.connect(pair.now)
  }, /CLOSED/)
})
