import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tcpConfig } from '../../src/protocols/tcp/config.ts'
import { pattern, readAll, SECOND, TcpPair, type PairOptions } from './tcp-pair.ts'

const HOUR = 3600 * SECOND

function probes(pair: TcpPair): number[] {
  return pair.seen
    .filter(({ from, segment }) => from === 'a' && segment.probe)
    .map(({ at }) => Math.round((at / SECOND) * 10) / 10)
}

function idlePair(options: PairOptions = {}): TcpPair {
  return new TcpPair({ ...options, a: { keepAlive: true, ...options.a } }).establish()
}

test('RFC 9293 section 3.8.4, MUST-25: keepalives are off unless asked for', () => {
  assert.equal(tcpConfig({}).keepAlive, false)
  const pair = new TcpPair().establish()
  const { sentCount } = pair
  pair.runFor(100 * HOUR)
  assert.equal(pair.sentCount, sentCount)
})

test('RFC 9293 section 3.8.4, MUST-28: by default the silence before a probe is two hours', () => {
  const pair = idlePair()
  pair.runFor(2 * HOUR - SECOND)
  assert.deepEqual(probes(pair), [])
  pair.runFor(3 * SECOND)
  assert.equal(probes(pair).length, 1)
})

test('RFC 9293 section 3.8.4: a probe is one number below what is expected and has no data; its answer is a bare ACK', () => {
  const pair = idlePair({ a: { keepAliveIdle: 10 * SECOND } })
  pair.runFor(11 * SECOND)
  const [probe, answer] = pair.seen.slice(-2)
  assert.deepEqual([probe.from, probe.flags, probe.seq, probe.length], ['a', 'ACK', 0, 0])
  assert.deepEqual([answer.from, answer.flags, answer.ack, answer.length], ['b', 'ACK', 1, 0])
})

test('RFC 9293 section 3.8.4, MUST-27: idle time, interval and number of probes are settings, and per connection', () => {
  const pair = new TcpPair().establish()
  pair.act('a', (connection, now) => {
    connection.setKeepAlive({ idle: 20 * SECOND, interval: 3 * SECOND, probes: 4 }, now)
  })
  pair.links.b.drop = () => true
  pair.runFor(60 * SECOND)
  assert.deepEqual(probes(pair), [20, 23, 26, 29])
})

test('RFC 9293 section 3.8.4, MUST-24: the application decides, also against the setting of the host', () => {
  const pair = idlePair({ a: { keepAliveIdle: 10 * SECOND } })
  pair.act('a', (connection, now) => {
    connection.setKeepAlive(undefined, now)
  })
  pair.runFor(HOUR)
  assert.deepEqual(probes(pair), [])
})

test('RFC 9293 section 3.8.4, MUST-26: only silence is probed, not while data is outstanding or acknowledgments come', () => {
  const pair = idlePair({ a: { keepAliveIdle: 10 * SECOND } })
  for (let i = 0; i < 4; i++) {
    pair.runFor(6 * SECOND)
    pair.act(i % 2 === 0 ? 'a' : 'b', (connection) => connection.send(pattern(100)))
  }
  assert.deepEqual(probes(pair), [], 'somebody spoke every 6 s')
  // Data that nobody acknowledges has its own timer.
  pair.links.b.drop = () => true
  pair.act('a', (connection) => connection.send(pattern(100)))
  pair.runFor(100 * SECOND)
  assert.deepEqual(probes(pair), [])
})

test('a window that stays shut is probed by its own timer, not by keepalives', () => {
  const pair = idlePair({
    a: { keepAliveIdle: 2 * SECOND, keepAliveInterval: SECOND, keepAliveProbes: 2 },
    b: { receiveBuffer: 2000 },
  })
  pair.act('a', (connection) => connection.send(pattern(5000)))
  pair.runFor(600 * SECOND)
  assert.equal(pair.a.connection.state, 'ESTABLISHED')
  assert.deepEqual(pair.recorded('a', 'tcp:keepalive-sent'), [])
})

test('RFC 9293 section 3.8.4, MUST-29: lost answers are no death; only all of them in a row are', () => {
  const pair = idlePair({ a: { keepAliveIdle: 10 * SECOND, keepAliveInterval: 2 * SECOND, keepAliveProbes: 3 } })
  // The first two answers of each round are lost.
  let lost = 0
  pair.links.a.drop = () => lost++ % 3 !== 2
  pair.runFor(HOUR)
  assert.equal(pair.a.connection.state, 'ESTABLISHED')
  assert.ok(probes(pair).length > 300, `${String(probes(pair).length)} probes`)
})

test('a peer that is gone: after the last probe and one more interval the connection ends, with a reset as in Linux', () => {
  const pair = idlePair({ a: { keepAliveIdle: 10 * SECOND, keepAliveInterval: 2 * SECOND, keepAliveProbes: 3 } })
  pair.links.b.drop = () => true
  pair.runFor(HOUR)
  assert.deepEqual(probes(pair), [10, 12, 14])
  assert.deepEqual([pair.a.failure?.code, pair.a.failure?.cites], ['ETIMEDOUT', 'RFC 9293 section 3.8.4'])
  assert.equal(Math.round(pair.a.closedAt / SECOND), 16)
  assert.equal(pair.seen.at(-1)?.flags, 'RST ACK')
})

test('a peer that has forgotten the connection resets it when asked', () => {
  const pair = idlePair({ a: { keepAliveIdle: 10 * SECOND } })
  pair.b.connection.abort(pair.now)
  pair.b.connection.pollTransmit(pair.now)
  pair.settle()
  pair.runFor(11 * SECOND)
  assert.equal(pair.a.failure?.code, 'ECONNRESET')
})

test('a probe disturbs nothing: data flows on both ways, timestamps and SACK on', () => {
  const pair = idlePair({
    a: { keepAliveIdle: SECOND, keepAliveInterval: SECOND },
    b: { keepAlive: true, keepAliveIdle: SECOND },
  })
  pair.runFor(10 * SECOND)
  const sent = pattern(50_000)
  pair.act('a', (connection) => connection.send(sent))
  pair.runFor(10 * SECOND)
  assert.deepEqual(readAll(pair.b.connection), sent)
  pair.act('b', (connection) => connection.send(sent))
  pair.runFor(10 * SECOND)
  assert.deepEqual(readAll(pair.a.connection), sent)
})

test('a half-closed connection is watched as well', () => {
  const pair = idlePair({ a: { keepAliveIdle: 10 * SECOND, keepAliveInterval: 2 * SECOND, keepAliveProbes: 2 } })
  pair.act('a', (connection, now) => {
    connection.shutdown(now)
  })
  pair.runFor(SECOND)
  assert.equal(pair.a.connection.state, 'FIN-WAIT-2')
  pair.links.b.drop = () => true
  pair.runFor(HOUR)
  assert.equal(pair.a.failure?.code, 'ETIMEDOUT')
})
