import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MS, pattern, readAll, SECOND, TcpPair } from './tcp-pair.ts'

/** Sizes that make windows easy to see: segments of 1000 bytes, no options. */
const PLAIN = { timestamps: false, sack: false, mss: 1000 } as const

// The offered window.

test('RFC 9293 section 3.8.6: the window shrinks by what is unread, and its right edge never moves left', () => {
  const pair = new TcpPair({ a: PLAIN, b: { ...PLAIN, receiveBuffer: 10_000 } }).establish()
  pair.act('a', (connection) => connection.send(pattern(50_000)))
  pair.runFor(50 * MS)
  assert.equal(pair.b.connection.readableBytes, 10_000)
  let edge = 0
  for (const { ack, window } of pair.seen.filter(({ from }) => from === 'b')) {
    assert.ok(ack + window >= edge)
    edge = ack + window
  }
  assert.deepEqual([pair.seen.at(-1)?.window, pair.a.connection.block.sndWnd], [0, 0])
  assert.equal(pair.recorded('a', 'tcp:window-closed').length, 1)
})

test('RFC 9293 section 3.8.6.2.2: the receiver opens its window by a segment or half of its buffer, not byte by byte', () => {
  for (const [sillyWindowAvoidance, expected] of [
    [true, [0, 0, 0, 0, 0, 1000]],
    [false, [0, 200, 400, 600, 800, 1000]],
  ] as const) {
    const pair = new TcpPair({ a: PLAIN, b: { ...PLAIN, receiveBuffer: 4000, sillyWindowAvoidance } }).establish()
    pair.act('a', (connection) => connection.send(pattern(4000)))
    pair.runFor(50 * MS)
    const offered = [0, 200, 400, 600, 800, 1000].map((total) => {
      if (total > 0) pair.act('b', (connection) => connection.read(200))
      // An acknowledgment on occasion of a probe, so that there is one to look at.
      pair.inject('b', (segment) => {
        const { block } = pair.b.connection
        segment.flags = 16
        segment.seq = (block.irs + block.rcvNxt) >>> 0
        segment.ack = block.sendSeq(block.sndNxt)
        segment.payload = pattern(1)
        if (block.rcvAdv > block.rcvNxt) segment.seq = (segment.seq - 1) >>> 0
      })
      return pair.seen.filter(({ from }) => from === 'b').at(-1)?.window
    })
    assert.deepEqual(offered, expected)
  }
})

test('a reader who empties a full buffer announces it at once, without being asked', () => {
  const pair = new TcpPair({ a: PLAIN, b: { ...PLAIN, receiveBuffer: 4000 } }).establish()
  pair.act('a', (connection) => connection.send(pattern(6000)))
  pair.runFor(50 * MS)
  const before = pair.seen.length
  pair.act('b', (connection) => readAll(connection))
  assert.deepEqual(
    pair.seen.slice(before).map(({ from, flags, window }) => [from, flags, window]),
    [['b', 'ACK', 4000]],
  )
  pair.runFor(25 * MS)
  assert.equal(pair.recorded('a', 'tcp:window-opened').length, 1)
  assert.equal(pair.b.connection.readableBytes, 2000)
})

test('a reader who keeps up sends no window updates of his own', () => {
  const pair = new TcpPair({ a: PLAIN, b: PLAIN }).establish()
  pair.act('a', (connection) => connection.send(pattern(10_000)))
  for (let i = 0; i < 100; i++) {
    if (pair.nextWakeUp() > 30 * MS) break
    pair.step()
    pair.act('b', (connection) => readAll(connection))
  }
  pair.runFor(100 * MS)
  assert.equal(pair.seen.filter(({ from, length }) => from === 'b' && length === 0).length, 1 + 5)
})

test('RFC 7323 section 2.4: what scaling rounds off the window is still accepted', () => {
  const scaled = { ...PLAIN, receiveBuffer: 100_000 }
  const pair = new TcpPair({ a: scaled, b: scaled }).establish()
  pair.runFor(20 * MS)
  const { block } = pair.b.connection
  assert.equal(block.rcvWndShift, 1)
  const give = (length: number) => {
    pair.inject('b', (segment) => {
      segment.flags = 16
      segment.seq = block.receiveSeq(block.rcvNxt)
      segment.ack = block.sendSeq(1)
      segment.window = 1000
      segment.payload = pattern(length)
    })
  }
  give(2000)
  give(2000)
  const edge = block.rcvAdv
  assert.equal(edge, 100_001)
  give(1)
  give(2000)
  give(2000)
  // An odd rest: the field says one byte less than was offered before.
  const last = pair.seen.at(-1)
  assert.equal((last?.ack ?? 0) + (last?.window ?? 0) * 2, edge - 1)
  while (block.rcvNxt < edge) give(Math.min(50_000, edge - block.rcvNxt))
  assert.equal(pair.b.connection.readableBytes, edge - 1)
})

// Zero windows.

test('RFC 9293 section 3.8.6.1, MUST-36 and MUST-58: a closed window is probed after one RTO, then at doubled distances', () => {
  const pair = new TcpPair({ a: PLAIN, b: { ...PLAIN, receiveBuffer: 2000 } }).establish()
  pair.act('a', (connection) => connection.send(pattern(5000)))
  pair.runFor(20 * MS)
  assert.equal(pair.a.connection.block.sndWnd, 0)
  const closedAt = pair.now
  const { rto } = pair.a.connection.block.rtt
  const from = pair.seen.length
  pair.runFor(20 * SECOND)
  const probes = pair.seen.slice(from).filter((seen) => seen.from === 'a')
  assert.ok(probes.every(({ length, seq, segment }) => length === 1 && seq === 2001 && segment.probe))
  assert.deepEqual(
    probes.slice(0, 5).map(({ at }) => (at - closedAt) / rto),
    [1, 3, 7, 15, 31],
  )
  assert.ok(
    pair.seen
      .slice(from)
      .filter((seen) => seen.from === 'b')
      .every(({ ack, window }) => ack === 2001 && window === 0),
  )
})

test('RFC 9293 section 3.8.6.1, MUST-37: a window may stay closed for days, as long as probes are answered', () => {
  const pair = new TcpPair({ a: PLAIN, b: { ...PLAIN, receiveBuffer: 2000 } }).establish()
  pair.act('a', (connection) => connection.send(pattern(5000)))
  pair.runFor(3 * 86_400 * SECOND)
  assert.equal(pair.a.connection.state, 'ESTABLISHED')
  // The longest distance is the largest timeout.
  const probes = pair.seen.filter(({ segment }) => segment.probe)
  assert.equal(probes[probes.length - 1].at - probes[probes.length - 2].at, 120 * SECOND)
  pair.act('b', (connection) => readAll(connection))
  pair.runFor(SECOND)
  pair.act('b', (connection) => readAll(connection))
  pair.runFor(SECOND)
  assert.equal(pair.b.connection.block.rcvNxt, 5001)
})

test('probes that nobody answers give the connection up', () => {
  const pair = new TcpPair({ a: { ...PLAIN, retries: 5 }, b: { ...PLAIN, receiveBuffer: 2000 } }).establish()
  pair.act('a', (connection) => connection.send(pattern(5000)))
  pair.runFor(20 * MS)
  pair.links.b.drop = () => true
  pair.runUntil(() => pair.a.closed)
  assert.equal(pair.a.failure?.code, 'ETIMEDOUT')
  assert.equal(pair.seen.filter(({ segment }) => segment.probe).length, 5)
})

test('a lost window update is found out by the next probe, whose byte counts once', () => {
  const pair = new TcpPair({ a: PLAIN, b: { ...PLAIN, receiveBuffer: 2000 } }).establish()
  pair.act('a', (connection) => connection.send(pattern(5000)))
  pair.runFor(20 * MS)
  pair.act('b', (connection) => {
    assert.deepEqual(readAll(connection), pattern(5000).subarray(0, 2000))
  })
  pair.loseFlights()
  pair.runFor(SECOND)
  const second = readAll(pair.b.connection)
  assert.deepEqual(second, pattern(5000).subarray(2000, 4000))
})

test('a FIN alone waits for a closed window too, and is asked for by probes', () => {
  const pair = new TcpPair({ a: PLAIN, b: { ...PLAIN, receiveBuffer: 2000 } }).establish()
  pair.act('a', (connection, now) => {
    connection.send(pattern(2000))
    connection.shutdown(now)
  })
  pair.runFor(10 * SECOND)
  assert.equal(pair.b.connection.receivedFin, false)
  pair.act('b', (connection) => readAll(connection))
  pair.loseFlights()
  pair.runFor(30 * SECOND)
  assert.equal(pair.b.connection.receivedFin, true)
  assert.equal(pair.a.connection.state, 'FIN-WAIT-2')
})

test('RFC 9293 section 3.8.6: a peer that takes back its window is obeyed, and the connection lasts as long as it answers', () => {
  const pair = new TcpPair({ a: { ...PLAIN, retries: 3 }, b: PLAIN }).establish()
  pair.links.b.drop = (segment) => segment.payload.length > 0
  pair.act('a', (connection) => connection.send(pattern(3000)))
  const shrink = () => {
    pair.inject('a', (segment) => {
      const { block } = pair.a.connection
      segment.flags = 16
      segment.seq = block.receiveSeq(block.rcvNxt)
      segment.ack = block.sendSeq(block.sndUna)
    })
  }
  for (let i = 0; i < 20; i++) {
    shrink()
    const { length } = pair.seen
    pair.runUntil(() => pair.seen.length > length)
  }
  assert.equal(pair.a.connection.state, 'ESTABLISHED')
  assert.ok(pair.now > 600 * SECOND)
  const resent = pair.seen.filter(({ segment }) => segment.retransmission)
  assert.ok(resent.length === 20 && resent.every(({ seq }) => seq === 1))
})

// The sender and small segments.

test('RFC 9293 section 3.8.6.2.1: a sender waits rather than fill a small window, unless it is half of the largest', () => {
  const pair = new TcpPair({ a: PLAIN, b: { ...PLAIN, sillyWindowAvoidance: false, receiveBuffer: 4000 } }).establish()
  pair.act('a', (connection) => connection.send(pattern(10_000)))
  pair.runFor(50 * MS)
  pair.act('b', (connection) => {
    connection.read(300)
    connection.block.ackPending = true
  })
  const from = pair.seen.length
  pair.runFor(15 * MS)
  assert.equal(pair.a.connection.block.sndWnd, 300)
  assert.deepEqual(pair.seen.slice(from), [])
  // 200 ms later the timer overrides.
  pair.runFor(200 * MS)
  assert.deepEqual(
    pair.seen.slice(from, from + 1).map(({ at, length }) => [at - pair.now < 0, length]),
    [[true, 300]],
  )
})

test('RFC 9293 section 3.7.4: with Nagle’s algorithm a small segment waits for what is unacknowledged', () => {
  const pair = new TcpPair({ a: { ...PLAIN, minshall: false }, b: PLAIN }).establish()
  pair.act('a', (connection) => connection.send(pattern(1)))
  for (let i = 0; i < 5; i++) pair.act('a', (connection) => connection.send(pattern(10)))
  assert.deepEqual(
    pair.seen.filter(({ length }) => length > 0).map(({ length }) => length),
    [1],
  )
  pair.runFor(70 * MS)
  assert.deepEqual(
    pair.seen.filter(({ length }) => length > 0).map(({ length }) => length),
    [1, 50],
  )
  // A full segment does not wait.
  pair.act('a', (connection) => connection.send(pattern(2500)))
  assert.deepEqual(
    pair.seen.filter(({ length }) => length > 0).map(({ length }) => length),
    [1, 50, 1000, 1000],
  )
})

test('RFC 9293 section 3.7.4, MUST-17: Nagle’s algorithm can be switched off, for a host or for one connection', () => {
  for (const how of ['config', 'socket'] as const) {
    const pair = new TcpPair({ a: { ...PLAIN, nagle: how === 'socket' }, b: PLAIN }).establish()
    if (how === 'socket') pair.a.connection.setNoDelay(true)
    for (let i = 0; i < 3; i++) pair.act('a', (connection) => connection.send(pattern(10)))
    assert.equal(pair.seen.filter(({ length }) => length === 10).length, 3)
  }
  const pair = new TcpPair({ a: PLAIN, b: PLAIN }).establish()
  pair.act('a', (connection) => connection.send(pattern(10)))
  pair.act('a', (connection) => connection.send(pattern(10)))
  pair.act('a', (connection) => {
    connection.setNoDelay(true)
  })
  assert.equal(pair.seen.filter(({ length }) => length === 10).length, 2)
})

test('Minshall: the rest of a large write does not wait, a second small segment does', () => {
  for (const [minshall, expected] of [
    [true, [1000, 1000, 500]],
    [false, [1000, 1000]],
  ] as const) {
    const pair = new TcpPair({ a: { ...PLAIN, minshall }, b: PLAIN }).establish()
    pair.act('a', (connection) => connection.send(pattern(2500)))
    assert.deepEqual(
      pair.seen.filter(({ length }) => length > 0).map(({ length }) => length),
      expected,
    )
    pair.act('a', (connection) => connection.send(pattern(100)))
    assert.deepEqual(
      pair.seen.filter(({ length }) => length > 0).map(({ length }) => length),
      expected,
    )
  }
})

test('the last data before a FIN does not wait', () => {
  const pair = new TcpPair({ a: { ...PLAIN, minshall: false }, b: PLAIN }).establish()
  pair.act('a', (connection, now) => {
    connection.send(pattern(1500))
    connection.shutdown(now)
  })
  assert.deepEqual(pair.lines('a').slice(2), ['ACK 1+1000 ack 1', 'FIN PSH ACK 1001+500 ack 1'])
})

test('PSH stands on the segment that empties the queue', () => {
  const pair = new TcpPair({ a: PLAIN, b: PLAIN }).establish()
  pair.act('a', (connection) => connection.send(pattern(3000)))
  assert.deepEqual(pair.lines('a').slice(2), ['ACK 1+1000 ack 1', 'ACK 1001+1000 ack 1', 'PSH ACK 2001+1000 ack 1'])
})

// Delayed acknowledgments.

test('RFC 5681 section 4.2: every second full segment is acknowledged at once, a single one after the timeout', () => {
  const pair = new TcpPair({ a: PLAIN, b: { ...PLAIN, delayedAckTimeout: 100 * MS } }).establish()
  pair.act('a', (connection) => connection.send(pattern(5000)))
  const arrival = pair.now + 10 * MS
  pair.runFor(SECOND)
  const acks = pair.seen.filter(({ from, ack }) => from === 'b' && ack > 1)
  assert.deepEqual(
    acks.map(({ at, ack }) => [at - arrival, ack]),
    [
      [0, 2001],
      [0, 4001],
      [100 * MS, 5001],
    ],
  )
})

test('small segments count by their bytes, and all are acknowledged within the timeout', () => {
  const pair = new TcpPair({ a: { ...PLAIN, nagle: false }, b: PLAIN }).establish()
  for (let i = 0; i < 5; i++) pair.act('a', (connection) => connection.send(pattern(100)))
  pair.runFor(SECOND)
  const acks = pair.seen.filter(({ from, ack }) => from === 'b' && ack > 1)
  assert.deepEqual(
    acks.map(({ ack }) => ack),
    [501],
  )
})

test('without delayed acknowledgments every segment gets its own', () => {
  const pair = new TcpPair({ a: PLAIN, b: { ...PLAIN, delayedAck: false } }).establish()
  pair.act('a', (connection) => connection.send(pattern(5000)))
  pair.runFor(SECOND)
  assert.equal(pair.seen.filter(({ from, ack }) => from === 'b' && ack > 1).length, 5)
})

test('an acknowledgment rides on data', () => {
  const pair = new TcpPair({ a: PLAIN, b: PLAIN }).establish()
  pair.act('a', (connection) => connection.send(pattern(100)))
  pair.runFor(10 * MS)
  pair.act('b', (connection) => connection.send(pattern(50)))
  pair.runFor(SECOND)
  assert.deepEqual(pair.lines('b').slice(1), ['PSH ACK 1+50 ack 101'])
})

test('RFC 5681 section 4.2: data out of order, and data that fills a gap, is acknowledged at once', () => {
  const pair = new TcpPair({
    a: PLAIN,
    b: PLAIN,
    toB: { drop: (segment, count) => count === 4 && segment.payload.length > 0 },
  }).establish()
  pair.act('a', (connection) => connection.send(pattern(4000)))
  const arrival = pair.now + 10 * MS
  pair.runFor(12 * MS)
  const acks = pair.seen.filter(({ from, ack }) => from === 'b' && ack > 1)
  // Segment 1 waits for company; 3 and 4 each report the gap behind it.
  assert.deepEqual(
    acks.map(({ at, ack }) => [at, ack]),
    [
      [arrival, 1001],
      [arrival, 1001],
    ],
  )
  pair.runUntil(() => pair.b.connection.block.rcvNxt === 4001)
  const last = pair.seen.filter(({ from }) => from === 'b').at(-1)
  assert.deepEqual([last?.at, last?.ack], [pair.now, 4001])
})

// The send buffer.

test('the send buffer takes what fits, by reference, and says when there is room again', () => {
  const pair = new TcpPair({ a: { ...PLAIN, sendBuffer: 10_000 }, b: PLAIN }).establish()
  const bytes = pattern(15_000)
  assert.equal(pair.a.connection.writableBytes, 10_000)
  assert.equal(
    pair.act('a', (connection) => connection.send(bytes)),
    10_000,
  )
  assert.equal(
    pair.act('a', (connection) => connection.send(bytes.subarray(10_000))),
    0,
  )
  assert.deepEqual(pair.a.events, ['connected'])
  pair.runUntil(() => pair.a.events.includes('writable'))
  assert.ok(pair.a.connection.writableBytes * 3 >= 10_000)
  const room = pair.a.connection.writableBytes
  assert.equal(
    pair.act('a', (connection) => connection.send(bytes.subarray(10_000, 10_000 + room))),
    room,
  )
  pair.runFor(SECOND)
  pair.act('a', (connection) => connection.send(bytes.subarray(10_000 + room)))
  pair.runFor(SECOND)
  assert.deepEqual(readAll(pair.b.connection), bytes)
  // Nobody waits any more.
  assert.equal(pair.a.events.filter((event) => event === 'writable').length, 1)
})

test('bytes are read in what limits the reader sets', () => {
  const pair = new TcpPair().establish()
  pair.act('a', (connection) => connection.send(pattern(3000)))
  pair.runFor(20 * MS)
  const { connection } = pair.b
  assert.equal(connection.readableBytes, 3000)
  assert.deepEqual(connection.read(10), pattern(10))
  assert.equal(connection.readableBytes, 2990)
  assert.equal(connection.read(0), undefined)
})

test('RFC 7323 section 2: windows beyond 64 KiB, when both sides scale; exactly 65,535 when they do not', () => {
  for (const windowScaling of [true, false]) {
    const buffers = { sendBuffer: 8_000_000, receiveBuffer: 4_000_000, windowScaling, initialWindow: 10_000 }
    const pair = new TcpPair({ a: buffers, b: buffers }).establish()
    pair.runFor(20 * MS)
    pair.act('a', (connection) => connection.send(pattern(5_000_000)))
    pair.runFor(55 * MS)
    const { block } = pair.a.connection
    // The SYN-ACK offered 65,535 at most; the acknowledgment of that much tells the rest.
    if (windowScaling) assert.ok(block.sndNxt > 3_900_000, String(block.sndNxt))
    else assert.equal(block.maxSndWnd, 65_535)
    assert.ok(pair.seen.every(({ window }) => window <= 65_535))
  }
})
