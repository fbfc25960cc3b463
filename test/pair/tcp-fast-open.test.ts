import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FastOpenPeer } from '../../src/protocols/tcp/fast-open-peer.ts'
import { FastOpenCookies } from '../../src/protocols/tcp/fast-open.ts'
import { MS, pattern, readAll, SECOND, TcpPair, type PairOptions } from './tcp-pair.ts'

const COOKIE = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8])

function known(mss = 1460): FastOpenPeer {
  return Object.assign(new FastOpenPeer(), { cookie: COOKIE, mss })
}

/** A client that knows the server, and has `data` to send; the server accepts its cookie, unless told otherwise. */
function open(data: Uint8Array, options: PairOptions & { accepts?: boolean; cookie?: Uint8Array } = {}): TcpPair {
  const pair = new TcpPair({ fastOpen: known(), ...options })
  pair.b.connection.grantFastOpen(options.accepts ?? true, options.cookie)
  pair.a.connection.send(data)
  return pair.connect()
}

test('RFC 7413 section 3: the data of a request is with the server after one way, the answer with the client after two', () => {
  const pair = open(pattern(300))
  pair.runFor(10 * MS)
  assert.deepEqual(readAll(pair.b.connection), pattern(300))
  assert.equal(pair.b.connection.state, 'SYN-RECEIVED')
  assert.deepEqual(pair.b.events, ['connected', 'readable'])
  pair.act('b', (connection) => connection.send(pattern(5000, 1)))
  pair.runFor(10 * MS)
  assert.deepEqual(readAll(pair.a.connection), pattern(5000, 1))
  pair.runFor(50 * MS)
  assert.equal(pair.b.connection.state, 'ESTABLISHED')
  assert.deepEqual(pair.b.events, ['connected', 'readable'], 'it is told of one connection once')
  assert.deepEqual(pair.lines('a').slice(0, 2), ['SYN 0+300 ack 0', 'ACK 301+0 ack 1'])
  assert.equal(pair.lines('b')[0], 'SYN ACK 0+0 ack 301')
  assert.deepEqual([...(pair.seen[0].segment.fastOpen ?? [])], [...COOKIE])
})

test('RFC 7413 section 4.1.1: without a cookie the SYN asks for one and carries no data', () => {
  const peer = new FastOpenPeer()
  const pair = open(pattern(300), { fastOpen: peer, accepts: false, cookie: COOKIE })
  pair.runFor(SECOND)
  assert.deepEqual([pair.seen[0].segment.fastOpen?.length, pair.seen[0].length], [0, 0])
  assert.deepEqual(peer.cookie, COOKIE)
  assert.equal(peer.mss, 1460)
  assert.deepEqual(readAll(pair.b.connection), pattern(300))
})

test('RFC 7413 section 4.2.2: a server that does not like the cookie gives another, and the data goes out again after the handshake', () => {
  const fresh = new Uint8Array(8).fill(9)
  const peer = known()
  const pair = open(pattern(3000), { fastOpen: peer, accepts: false, cookie: fresh })
  pair.runFor(SECOND)
  assert.deepEqual(peer.cookie, fresh)
  assert.deepEqual(readAll(pair.b.connection), pattern(3000))
  const [syn, ack] = pair.lines('a')
  assert.match(syn, /^SYN 0\+1428 /)
  assert.match(ack, /^ACK 1\+1448 ack 1/)
  assert.equal(pair.lines('b')[0], 'SYN ACK 0+0 ack 1')
  assert.ok(pair.seen.find(({ seq, length }) => seq === 1 && length > 0)?.segment.retransmission, 'it has been sent before')
})

test('RFC 7413 section 4.2.2: a SYN with data holds no more than the MSS that the server once named, options taken off', () => {
  const pair = open(pattern(9000), { fastOpen: known(600) })
  const [{ segment }] = pair.seen
  assert.equal(segment.payload.length, 600 - 32)
  pair.runFor(SECOND)
  assert.deepEqual(readAll(pair.b.connection), pattern(9000))
})

test('RFC 7413 section 4.1.3.1: a SYN with data that is lost goes out again without data, without option', () => {
  const peer = known()
  const pair = open(pattern(300), { fastOpen: peer, toB: { drop: (_, count) => count === 1 } })
  pair.runFor(3 * SECOND)
  const [first, second] = pair.seen.filter(({ flags }) => flags === 'SYN')
  assert.deepEqual([first.length, second.length], [300, 0])
  assert.equal(second.segment.fastOpen, undefined)
  assert.equal(second.at - first.at, SECOND)
  assert.deepEqual(readAll(pair.b.connection), pattern(300))
  assert.equal(peer.losses, 1)
})

test('a lost SYN-ACK: the plain SYN that follows is answered for the data as well, and the data delivered once', () => {
  const pair = open(pattern(300), { toA: { drop: (_, count) => count === 1 } })
  pair.runFor(3 * SECOND)
  assert.deepEqual(readAll(pair.b.connection), pattern(300))
  assert.equal(pair.a.connection.block.sndUna, 301)
  assert.equal(pair.a.connection.state, 'ESTABLISHED')
})

test('answers that are lost before the handshake is done are sent again after it', () => {
  const pair = new TcpPair({ fastOpen: known(), toA: { drop: (segment, count) => count <= 3 && segment.payload.length > 0 } })
  pair.b.connection.grantFastOpen(true, undefined)
  pair.a.connection.send(pattern(300))
  pair.connect()
  pair.runFor(10 * MS)
  pair.act('b', (connection) => connection.send(pattern(2000, 1)))
  pair.runFor(5 * SECOND)
  assert.deepEqual(readAll(pair.a.connection), pattern(2000, 1))
})

test('after two losses in a row it is not tried for four minutes, then eight, …', () => {
  const peer = known()
  assert.ok(peer.mayTry(0), 'at first')
  Object.assign(peer, { losses: 1, lastLostAt: 100 * SECOND })
  assert.ok(peer.mayTry(100 * SECOND), 'one loss is no proof')
  peer.losses = 2
  assert.ok(!peer.mayTry(340 * SECOND), 'four minutes')
  assert.ok(peer.mayTry(341 * SECOND), 'four minutes are over')
  peer.losses = 3
  assert.ok(!peer.mayTry(341 * SECOND), 'eight minutes')
})

test('closing before the handshake is done: everything queued, then the FIN, in their order', () => {
  const pair = open(pattern(300))
  pair.runFor(10 * MS)
  readAll(pair.b.connection)
  pair.act('b', (connection, now) => {
    connection.send(pattern(100, 1))
    connection.close(now)
  })
  pair.act('a', (connection, now) => {
    connection.shutdown(now)
  })
  pair.runFor(5 * SECOND)
  assert.deepEqual(readAll(pair.a.connection), pattern(100, 1))
  assert.deepEqual([pair.a.failure, pair.b.failure], [undefined, undefined])
  assert.deepEqual([pair.a.connection.state, pair.b.connection.state], ['TIME-WAIT', 'TIME-WAIT'])
})

test('a reset before the handshake is done ends the server’s connection', () => {
  const pair = open(pattern(300))
  pair.runFor(10 * MS)
  pair.act('a', (connection, now) => {
    connection.abort(now)
  })
  // Who forgets in SYN-SENT is silent, and resets the SYN-ACK.
  pair.runFor(SECOND)
  assert.equal(pair.b.failure?.code, 'ECONNRESET')
})

test('RFC 7413 section 4.1.2: a cookie belongs to an address and to a key', () => {
  const make = (key: number): FastOpenCookies => new FastOpenCookies(() => key)
  const cookie = make(1).cookieFor(0x0a000001)
  assert.equal(cookie.length, 8)
  assert.ok(make(1).isRight(cookie, 0x0a000001), 'its own')
  assert.ok(!make(1).isRight(cookie, 0x0a000002), 'of another address')
  assert.ok(!make(2).isRight(cookie, 0x0a000001), 'by another key')
  assert.ok(!make(1).isRight(cookie.subarray(0, 6), 0x0a000001), 'cut short')
  assert.ok(make(1).isRight(make(1).cookieFor(1n << 100n), 1n << 100n), 'IPv6')
})

test('over any lossy link: data by Fast Open both ways arrives once, in order', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const pair = open(pattern(4000, seed), {
      seed,
      accepts: seed % 3 !== 0,
      link: { loss: 0.25, duplicate: 0.1, reorder: 0.2, reorderBy: 30 * MS },
    })
    let answered = false
    pair.runUntil(() => {
      if (!answered && pair.b.events.includes('connected')) {
        answered = true
        pair.act('b', (connection) => connection.send(pattern(4000, -seed)))
      }
      const { a, b } = pair
      return a.connection.readableBytes >= 4000 && b.connection.readableBytes >= 4000
    }, 100_000)
    assert.deepEqual(readAll(pair.a.connection), pattern(4000, -seed), `seed ${String(seed)}`)
    assert.deepEqual(readAll(pair.b.connection), pattern(4000, seed), `seed ${String(seed)}`)
  }
})
