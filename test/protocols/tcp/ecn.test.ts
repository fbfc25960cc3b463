/** Explicit congestion notification: RFC 3168 section 6.1, against honest peers and others. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TcpConfig } from '../../../src/protocols/tcp/config.ts'
import { MS, pattern, TcpPair, TransferDriver, type Seen } from '../../pair/tcp-pair.ts'
import { ACK, BARE, CWR, ECE, FIN, Solo, SYN } from './solo.ts'

const [NOT_ECT, ECT_1, ECT_0, CE] = [0, 1, 2, 3]
const SETUP = ECE | CWR
const ON: Readonly<Partial<TcpConfig>> = { ...BARE, ecn: 'on', delayedAck: false }

const bits = (flags: number): string => [(flags & ECE) !== 0 && 'ECE', (flags & CWR) !== 0 && 'CWR'].filter(Boolean).join(' ')

/** A server after a SYN with some of the bits, and after the handshake's last ACK. */
function server(ecn: TcpConfig['ecn'], synBits: number): { solo: Solo; synAck: string } {
  const solo = new Solo({ ...ON, ecn })
  solo.give({ flags: SYN | synBits, seq: 0, mss: 1000 })
  const synAck = bits(solo.lastSegment.flags)
  solo.give({ flags: ACK })
  return { solo, synAck }
}

/** A client after a SYN and ACK with some of the bits. */
function client(ecn: TcpConfig['ecn'], synAckBits: number): { solo: Solo; syn: string } {
  const solo = new Solo({ ...ON, ecn }, false)
  solo.connection.connect(0)
  solo.drain()
  const syn = bits(solo.lastSegment.flags)
  solo.give({ flags: SYN | ACK | synAckBits, seq: 0, ack: 1, mss: 1000 })
  return { solo, syn }
}

/** Whether new data is sent as capable. */
function sendsCapable(solo: Solo): boolean {
  solo.send(new Uint8Array(1000))
  assert.equal(solo.lastSegment.payload.length, 1000)
  assert.ok([NOT_ECT, ECT_0].includes(solo.lastSegment.ecn), `codepoint ${String(solo.lastSegment.ecn)}`)
  return solo.lastSegment.ecn === ECT_0
}

test('RFC 3168 section 6.1.1: who asks, who answers, and what comes of it', () => {
  for (const [ecn, synBits, synAck] of [
    ['off', SETUP, ''],
    ['passive', SETUP, 'ECE'],
    ['on', SETUP, 'ECE'],
    ['passive', 0, ''],
    ['on', 0, ''],
    // Half of the question is none.
    ['on', ECE, ''],
    ['on', CWR, ''],
  ] as const) {
    const given = server(ecn, synBits)
    assert.equal(given.synAck, synAck, `${ecn}, SYN with ${bits(synBits)}`)
    assert.equal(sendsCapable(given.solo), synAck === 'ECE')
  }
  for (const [ecn, syn, synAckBits, capable] of [
    ['off', '', ECE, false],
    ['passive', '', ECE, false],
    ['on', 'ECE CWR', ECE, true],
    ['on', 'ECE CWR', 0, false],
    // Section 6.1.1.1: a host that throws the SYN's bits back does not know what they mean.
    ['on', 'ECE CWR', SETUP, false],
    ['on', 'ECE CWR', CWR, false],
  ] as const) {
    const given = client(ecn, synAckBits)
    assert.equal(given.syn, syn, ecn)
    assert.equal(sendsCapable(given.solo), capable, `${ecn}, SYN and ACK with ${bits(synAckBits)}`)
  }
})

test('RFC 3168 section 6.1.1: SYNs themselves, and bare acknowledgments, are not sent as capable', () => {
  const { solo } = server('on', SETUP)
  assert.equal(solo.lastSegment.ecn, NOT_ECT)
  solo.give({ flags: ACK, payload: new Uint8Array(10), ecn: CE })
  assert.deepEqual([solo.lastSegment.payload.length, solo.lastSegment.ecn], [0, NOT_ECT])
})

test('RFC 3168 section 6.1.1.1: a SYN that is sent again asks no more, but the answer to the first one counts', () => {
  const solo = new Solo(ON, false)
  solo.connection.connect(0)
  solo.drain()
  solo.timeout()
  assert.equal(bits(solo.lastSegment.flags), '')
  solo.give({ flags: SYN | ACK | ECE, seq: 0, ack: 1, mss: 1000 })
  assert.equal(sendsCapable(solo), true)
})

test('RFC 3168 section 6.1: in a simultaneous open both ask, and both are capable', () => {
  const pair = new TcpPair({ a: { ecn: 'on' }, b: { ecn: 'on' }, bothActive: true })
  pair.a.connection.connect(0)
  pair.b.connection.connect(0)
  pair.settle()
  pair.runUntil(() => pair.a.connection.state === 'ESTABLISHED' && pair.b.connection.state === 'ESTABLISHED')
  pair.act('a', (connection) => connection.send(pattern(5000)))
  assert.equal(pair.seen[pair.seen.length - 1].segment.ecn, ECT_0)
  assert.equal(pair.recorded('a', 'tcp:congestion-marked').length, 0, 'what the SYNs say is no mark')
})

test('RFC 3168 section 6.1.3: a mark is echoed in every acknowledgment until CWR comes', () => {
  const { solo } = server('on', SETUP)
  const give = (flags: number, ecn: number): string => {
    solo.give({ flags: ACK | flags, payload: new Uint8Array(1000), ecn })
    return bits(solo.lastSegment.flags)
  }
  assert.deepEqual([give(0, ECT_0), give(0, ECT_1), give(0, NOT_ECT)], ['', '', ''])
  assert.deepEqual([give(0, CE), give(0, ECT_0), give(0, ECT_0)], ['ECE', 'ECE', 'ECE'])
  // Data that goes the other way carries it too.
  solo.send(new Uint8Array(1000))
  assert.equal(bits(solo.lastSegment.flags), 'ECE')
  assert.deepEqual([give(CWR, ECT_0), give(0, ECT_0)], ['', ''])
  // CWR on a segment that is marked itself: that mark is a new one.
  assert.deepEqual([give(0, CE), give(CWR, CE), give(0, ECT_0)], ['ECE', 'ECE', 'ECE'])
})

test('RFC 3168 section 6.1.5: marks on what lies outside of the window, or carries no data, say nothing', () => {
  const { solo } = server('on', SETUP)
  solo.give({ flags: ACK, seq: 1_900_000_000, payload: new Uint8Array(10), ecn: CE })
  assert.equal(bits(solo.lastSegment.flags), '')
  solo.give({ flags: ACK, ecn: CE })
  solo.give({ flags: ACK, payload: new Uint8Array(10), ecn: ECT_0 })
  assert.equal(bits(solo.lastSegment.flags), '')
  // A CWR without data does not end the echo either.
  solo.give({ flags: ACK, payload: new Uint8Array(10), ecn: CE })
  solo.give({ flags: ACK | CWR })
  solo.give({ flags: ACK, payload: new Uint8Array(10), ecn: ECT_0 })
  assert.equal(bits(solo.lastSegment.flags), 'ECE')
})

test('a peer that has not agreed cannot slow us down, nor draw echoes', () => {
  const { solo } = server('passive', 0)
  const { congestion } = solo.connection.block
  const { cwnd } = congestion
  solo.send(new Uint8Array(8000))
  solo.give({ flags: ACK | ECE, ack: 1001 })
  assert.ok(congestion.cwnd > cwnd, 'the window grows on')
  solo.give({ flags: ACK, payload: new Uint8Array(10), ecn: CE })
  assert.equal(bits(solo.lastSegment.flags), '')
})

test('RFC 3168 section 6.1.2: an echo halves the window once, nothing is sent again, and the next new data says CWR', () => {
  const { solo } = client('on', ECE)
  const { congestion } = solo.connection.block
  solo.send(pattern(10_000))
  assert.equal(solo.sent.filter(({ length }) => length > 0).length, 10)
  const flags: string[] = []
  for (const ack of [1001, 2001, 3001, 4001, 5001, 6001]) {
    const sent = solo.give({ flags: ACK | ECE, ack })
    assert.deepEqual(sent, [], 'nothing fits into half of the window, and nothing is lost')
    flags.push(`${String(congestion.cwnd)} ${String(congestion.ssthresh)}`)
  }
  // Equation 4 of RFC 5681 on what was in flight, once for all of them.
  assert.equal(flags[0], '5000 5000')
  assert.equal(congestion.ssthresh, 5000)
  const fresh = [...solo.send(pattern(3000)), ...solo.give({ flags: ACK | ECE, ack: 8001 })].filter(({ length }) => length > 0)
  assert.deepEqual(
    fresh.map(({ flags: text }) => text.includes('CWR')),
    [true, false, false],
    'once, on the first',
  )
  // All of the old window acknowledged, still with ECE: that is what was marked before. Then new data is acknowledged with it: a new mark.
  const { ssthresh } = congestion
  solo.give({ flags: ACK | ECE, ack: 10_001 })
  assert.equal(congestion.ssthresh, ssthresh)
  solo.give({ flags: ACK | ECE, ack: 11_001 })
  assert.ok(congestion.ssthresh < ssthresh, 'a second reduction')
})

test('RFC 3168 section 6.1.2: a reduction for a loss is told by CWR too, and an echo does not reduce again in that window', () => {
  const { solo } = client('on', ECE)
  const { congestion } = solo.connection.block
  solo.send(pattern(10_000))
  solo.timeout()
  const { ssthresh } = congestion
  assert.equal(solo.lastSegment.ecn, NOT_ECT, 'section 6.1.5: no retransmission is sent as capable')
  assert.equal(bits(solo.lastSegment.flags), '')
  solo.give({ flags: ACK | ECE, ack: 1001 })
  assert.equal(congestion.ssthresh, ssthresh)
  solo.give({ flags: ACK, ack: 10_001 })
  solo.send(pattern(1000))
  assert.equal(bits(solo.lastSegment.flags), 'CWR')
})

test('RFC 3168 section 6.1.2: so is a reduction for a loss that duplicates tell', () => {
  const { solo } = client('on', ECE)
  const { congestion } = solo.connection.block
  solo.send(pattern(10_000))
  for (let i = 0; i < 3; i++) solo.give({ flags: ACK, ack: 1 })
  assert.equal(congestion.ssthresh, 5000)
  assert.equal(solo.lastSegment.retransmission, true)
  assert.deepEqual([solo.lastSegment.ecn, bits(solo.lastSegment.flags)], [NOT_ECT, ''])
  solo.give({ flags: ACK | ECE, ack: 2001 })
  assert.deepEqual(
    solo.records.filter(({ name }) => name === 'tcp:congestion-marked'),
    [],
    'the echo is of the same window',
  )
  solo.give({ flags: ACK, ack: 10_001 })
  const [first] = solo.send(pattern(1000))
  assert.ok(first.flags.includes('CWR'), first.flags)
})

test('RFC 3168 section 6.1.6: window probes are not sent as capable; nor is a FIN alone', () => {
  const { solo } = client('on', ECE)
  solo.give({ flags: ACK, window: 0 })
  solo.send(pattern(100))
  solo.timeout()
  assert.deepEqual([solo.lastSegment.payload.length, solo.lastSegment.ecn], [1, NOT_ECT])
  const other = client('on', ECE).solo
  other.connection.shutdown(0)
  other.drain()
  assert.deepEqual([other.lastSegment.flags & FIN, other.lastSegment.ecn], [FIN, NOT_ECT])
})

test('a peer that echoes for ever holds the window down, but not the connection up', () => {
  const { solo } = client('on', ECE)
  const { block } = solo.connection
  let left = 200
  for (let i = 0; i < 200; i++) {
    if (left-- > 0) solo.send(pattern(1000))
    const sent = block.sndNxt
    if (sent > block.sndUna) solo.give({ flags: ACK | ECE, ack: Math.min(sent, block.sndUna + 1000) })
  }
  assert.ok(block.congestion.cwnd >= 2000, 'two segments remain')
  for (let i = 0; i < 200 && block.sndUna < block.sndNxt; i++) solo.give({ flags: ACK | ECE, ack: block.sndNxt })
  assert.equal(block.sndUna, 200_001)
})

for (const congestionControl of ['new-reno', 'cubic', 'bbr'] as const) {
  test(`${congestionControl}: a transfer whose every capable segment may be marked comes through without a retransmission`, () => {
    const data = pattern(500_000)
    const drivers = { a: new TransferDriver(data), b: new TransferDriver(new Uint8Array(0)) }
    const config = { congestionControl, ecn: 'on' } as const
    const pair = new TcpPair({ a: config, b: config, drivers, link: { delay: 10 * MS, mark: 0.2 } })
    pair.connect().runToEnd()
    assert.deepEqual(Buffer.compare(drivers.b.whole(), data), 0)
    const segments: Seen[] = pair.seen.filter(({ from, length }) => from === 'a' && length > 0)
    assert.equal(segments.filter(({ segment }) => segment.retransmission).length, 0)
    assert.ok(
      segments.every(({ segment }) => segment.ecn === ECT_0 || segment.ecn === CE),
      'all data is capable',
    )
    assert.ok(
      pair.seen.every(({ length, segment }) => length > 0 || segment.ecn === NOT_ECT),
      'nothing else is',
    )
    const reductions = pair.recorded('a', 'tcp:congestion-marked').length
    const told = segments.filter(({ segment }) => (segment.flags & CWR) !== 0).length
    assert.ok(reductions > 3, `${String(reductions)} reductions`)
    assert.ok(told >= reductions - 1 && told <= reductions, `${String(told)} CWR for ${String(reductions)} reductions`)
  })
}
