import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TcpFlag, TcpSegment } from '../../src/wire/tcp.ts'
import { MS, pattern, readAll, SECOND, TcpPair, type Side } from './tcp-pair.ts'

function transitions(pair: TcpPair, side: Side): string[] {
  return pair
    .recorded(side, 'tcp:state-changed')
    .map(({ data }) => String(data.to))
    .filter((to) => !to.startsWith('SYN') && to !== 'LISTEN')
}

test('RFC 9293 section 3.6, figure 12: the four-way close', () => {
  const pair = new TcpPair().establish()
  pair.act('a', (connection, now) => {
    connection.close(now)
  })
  pair.runFor(10 * MS)
  assert.equal(pair.b.connection.receivedFin, true)
  pair.runFor(10 * MS)
  assert.deepEqual([pair.a.connection.state, pair.b.connection.state], ['FIN-WAIT-2', 'CLOSE-WAIT'])
  pair.act('b', (connection, now) => {
    connection.close(now)
  })
  pair.runFor(20 * MS)
  assert.deepEqual([pair.a.connection.state, pair.b.connection.state], ['TIME-WAIT', 'CLOSED'])
  assert.deepEqual(transitions(pair, 'a'), ['ESTABLISHED', 'FIN-WAIT-1', 'FIN-WAIT-2', 'TIME-WAIT'])
  assert.deepEqual(transitions(pair, 'b'), ['ESTABLISHED', 'CLOSE-WAIT', 'LAST-ACK', 'CLOSED'])
  assert.deepEqual(pair.lines('a').slice(2), ['FIN ACK 1+0 ack 1', 'ACK 2+0 ack 2'])
  assert.deepEqual(pair.lines('b').slice(1), ['ACK 1+0 ack 2', 'FIN ACK 1+0 ack 2'])
  assert.deepEqual([pair.a.failure, pair.b.failure, pair.a.closed, pair.b.closed], [undefined, undefined, true, true])
})

test('RFC 9293 section 3.4.2: TIME-WAIT lasts twice the maximum segment lifetime', () => {
  const pair = new TcpPair({ a: { timeWait: 240 * SECOND } }).establish()
  pair.act('a', (connection, now) => {
    connection.close(now)
  })
  pair.runFor(50 * MS)
  pair.act('b', (connection, now) => {
    connection.close(now)
  })
  pair.runUntil(() => pair.a.connection.state === 'TIME-WAIT')
  const since = pair.now
  assert.equal(pair.a.connection.pollTimeout(), since + 240 * SECOND)
  pair.runToEnd()
  assert.equal(pair.now, since + 240 * SECOND)
  assert.equal(pair.a.connection.state, 'CLOSED')
  assert.deepEqual(pair.a.events.filter((event) => event === 'closed').length, 1)
})

test('RFC 9293 section 3.10.7.4: a FIN sent again is acknowledged again, and TIME-WAIT begins anew', () => {
  const pair = new TcpPair().establish()
  pair.act('a', (connection, now) => {
    connection.close(now)
  })
  pair.runFor(50 * MS)
  pair.act('b', (connection, now) => {
    connection.close(now)
  })
  // The last ACK is lost: b repeats its FIN.
  pair.runUntil(() => pair.a.connection.state === 'TIME-WAIT')
  pair.loseFlights()
  const first = pair.a.connection.pollTimeout() ?? 0
  pair.runUntil(() => pair.b.connection.state === 'CLOSED')
  assert.ok((pair.a.connection.pollTimeout() ?? 0) > first)
  assert.equal(pair.b.failure, undefined)
})

test('RFC 9293 section 3.6, figure 13: simultaneous close', () => {
  const pair = new TcpPair().establish()
  pair.runFor(50 * MS)
  pair.a.connection.close(pair.now)
  pair.b.connection.close(pair.now)
  pair.settle()
  pair.runFor(50 * MS)
  for (const side of ['a', 'b'] as const) {
    assert.deepEqual(transitions(pair, side), ['ESTABLISHED', 'FIN-WAIT-1', 'CLOSING', 'TIME-WAIT'])
  }
  pair.runToEnd()
  assert.deepEqual([pair.a.failure, pair.b.failure], [undefined, undefined])
})

test('RFC 9293 section 3.6: after a half-close the other direction goes on for as long as it likes', () => {
  const pair = new TcpPair().establish()
  pair.act('a', (connection, now) => {
    connection.shutdown(now)
  })
  pair.runFor(1000 * SECOND)
  assert.deepEqual([pair.a.connection.state, pair.b.connection.state], ['FIN-WAIT-2', 'CLOSE-WAIT'])
  pair.act('b', (connection) => connection.send(pattern(10_000)))
  pair.runFor(SECOND)
  assert.deepEqual(readAll(pair.a.connection), pattern(10_000))
  assert.throws(() => pair.a.connection.send(pattern(1)), /after shutdown/)
  pair.act('b', (connection, now) => {
    connection.shutdown(now)
  })
  pair.runToEnd()
  assert.deepEqual(
    [pair.a.failure, pair.b.failure, pair.a.connection.state, pair.b.connection.state],
    [undefined, undefined, 'CLOSED', 'CLOSED'],
  )
})

test('a FIN goes out behind all queued data, in the last segment of it', () => {
  const pair = new TcpPair().establish()
  pair.act('a', (connection, now) => {
    connection.send(pattern(2000))
    connection.close(now)
  })
  assert.deepEqual(pair.lines('a').slice(2), ['ACK 1+1448 ack 1', 'FIN PSH ACK 1449+552 ack 1'])
})

test('a lost FIN is sent again, its data with it', () => {
  const pair = new TcpPair({ toB: { drop: (segment, count) => (segment.flags & TcpFlag.FIN) !== 0 && count < 4 } }).establish()
  pair.act('a', (connection, now) => {
    connection.send(pattern(100))
    connection.close(now)
  })
  pair.runFor(SECOND)
  assert.equal(pair.b.connection.state, 'CLOSE-WAIT')
  assert.deepEqual(readAll(pair.b.connection), pattern(100))
})

test('RFC 9293 section 3.6.1, RFC 2525 section 2.17: closing with unread data resets', () => {
  const pair = new TcpPair().establish()
  pair.act('b', (connection) => connection.send(pattern(100)))
  pair.runFor(20 * MS)
  pair.act('a', (connection, now) => {
    connection.close(now)
  })
  assert.equal(pair.lines('a').at(-1), 'RST ACK 1+0 ack 101')
  assert.deepEqual([pair.a.failure?.code, pair.a.failure?.whose], ['ECONNABORTED', 'local'])
  pair.runFor(20 * MS)
  assert.deepEqual([pair.b.failure?.code, pair.b.failure?.whose, pair.b.connection.state], ['ECONNRESET', 'remote', 'CLOSED'])
})

test('RFC 1122 section 4.2.2.13: data that comes after close resets', () => {
  const pair = new TcpPair().establish()
  pair.act('a', (connection, now) => {
    connection.close(now)
  })
  pair.runFor(50 * MS)
  pair.act('b', (connection) => connection.send(pattern(100)))
  pair.runFor(50 * MS)
  assert.deepEqual([pair.a.connection.state, pair.b.connection.state], ['CLOSED', 'CLOSED'])
  assert.equal(pair.recorded('a', 'tcp:reset-sent')[0].data.why, 'data came after close')
  assert.equal(pair.b.failure?.code, 'ECONNRESET')
})

test('after shutdown alone, data that comes is welcome', () => {
  const pair = new TcpPair().establish()
  pair.act('a', (connection, now) => {
    connection.shutdown(now)
  })
  pair.runFor(50 * MS)
  pair.act('b', (connection) => connection.send(pattern(100)))
  pair.runFor(50 * MS)
  assert.equal(pair.a.connection.readableBytes, 100)
})

test('a fully closed connection waits a minute in FIN-WAIT-2; for ever when the limit is off', () => {
  const pair = new TcpPair().establish()
  pair.act('a', (connection, now) => {
    connection.close(now)
  })
  pair.runUntil(() => pair.a.connection.state === 'FIN-WAIT-2')
  const since = pair.now
  pair.runToEnd()
  assert.equal(pair.now, since + 60 * SECOND)
  assert.equal(pair.a.connection.state, 'CLOSED')
  const patient = new TcpPair({ a: { finWait2Timeout: 0 } }).establish()
  patient.act('a', (connection, now) => {
    connection.close(now)
  })
  patient.runToEnd()
  assert.equal(patient.a.connection.state, 'FIN-WAIT-2')
})

test('closing after a half-close starts that minute too', () => {
  const pair = new TcpPair().establish()
  pair.act('a', (connection, now) => {
    connection.shutdown(now)
  })
  pair.runFor(SECOND)
  assert.equal(pair.a.connection.pollTimeout(), undefined)
  pair.act('a', (connection, now) => {
    connection.close(now)
  })
  assert.equal(pair.a.connection.pollTimeout(), pair.now + 60 * SECOND)
})

test('RFC 9293 section 3.10.5: abort resets where the peer would not know otherwise', () => {
  const pair = new TcpPair().establish()
  pair.act('a', (connection) => connection.send(pattern(3000)))
  pair.act('a', (connection, now) => {
    connection.abort(now)
  })
  assert.equal(pair.lines('a').at(-1), 'RST ACK 3001+0 ack 1')
  pair.runFor(SECOND)
  assert.equal(pair.b.connection.state, 'CLOSED')
  // What came before the reset can still be read.
  assert.deepEqual(readAll(pair.b.connection), pattern(3000))
})

test('a reset that lost data before it still ends the peer, by way of a challenge ACK', () => {
  const pair = new TcpPair({ toB: { drop: (segment) => segment.payload.length > 0 } }).establish()
  pair.act('a', (connection) => connection.send(pattern(3000)))
  pair.act('a', (connection, now) => {
    connection.abort(now)
  })
  pair.runFor(SECOND)
  assert.equal(pair.b.connection.state, 'CLOSED')
  assert.deepEqual(pair.lines('a').slice(-2), ['RST ACK 3001+0 ack 1', 'RST 1+0 ack 0'])
})

test('nothing is told after closed, and everything before is told in order', () => {
  const pair = new TcpPair().establish()
  pair.act('a', (connection, now) => {
    connection.send(pattern(10))
    connection.close(now)
  })
  pair.runFor(20 * MS)
  pair.act('b', (connection, now) => {
    readAll(connection)
    connection.close(now)
  })
  pair.runToEnd()
  assert.deepEqual(pair.b.events, ['connected', 'readable', 'peer-finished', 'closed'])
  assert.deepEqual(pair.a.events, ['connected', 'peer-finished', 'closed'])
})

test('RFC 9293 section 3.10.7.4, RFC 6191: a newer SYN may take the place of a connection in TIME-WAIT, an old one may not', () => {
  for (const timestamps of [true, false]) {
    const pair = new TcpPair({ a: { timestamps } }).establish()
    pair.act('a', (connection, now) => {
      connection.close(now)
    })
    pair.runFor(50 * MS)
    const { connection } = pair.a
    const syn = new TcpSegment()
    syn.flags = TcpFlag.SYN
    assert.equal(connection.canBeReplacedBy(syn), false)
    pair.act('b', (other, now) => {
      other.close(now)
    })
    pair.runFor(50 * MS)
    assert.equal(connection.state, 'TIME-WAIT')
    const { irs, rcvNxt, tsRecent } = connection.block
    syn.hasTimestamp = timestamps
    syn.seq = (irs + rcvNxt) >>> 0
    syn.tsVal = tsRecent
    assert.equal(connection.canBeReplacedBy(syn), false)
    if (timestamps) syn.tsVal = (tsRecent + 1) >>> 0
    else syn.seq = (irs + rcvNxt + 1) >>> 0
    assert.equal(connection.canBeReplacedBy(syn), true)
    syn.flags = TcpFlag.SYN | TcpFlag.ACK
    assert.equal(connection.canBeReplacedBy(syn), false)
  }
})

test('a peer that vanishes in the middle of closing is given up', () => {
  for (const state of ['FIN-WAIT-1', 'LAST-ACK', 'CLOSING'] as const) {
    const pair = new TcpPair({ a: { retries: 3 } }).establish()
    if (state === 'LAST-ACK') {
      pair.act('b', (connection, now) => {
        connection.close(now)
      })
      pair.runFor(20 * MS)
    }
    pair.links.b.drop = () => true
    pair.act('a', (connection, now) => {
      connection.close(now)
    })
    if (state === 'CLOSING') {
      pair.act('b', (connection, now) => {
        connection.close(now)
      })
      pair.runFor(15 * MS)
    }
    assert.equal(pair.a.connection.state, state)
    pair.runUntil(() => pair.a.connection.state === 'CLOSED')
    assert.equal(pair.a.failure?.code, 'ETIMEDOUT')
  }
})
