import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TcpConfig } from '../../src/protocols/tcp/config.ts'
import type { TcpSegment } from '../../src/wire/tcp.ts'
import { MS, pattern, readAll, SECOND, TcpPair, type PairOptions } from './tcp-pair.ts'

const SMSS = 1000
const RENO = { timestamps: false, sack: false, mss: SMSS } as const
const SACK = { timestamps: false, sack: true, mss: SMSS } as const

/** Loses segments of a by number, the first `times` times that they are sent. */
function losing(segments: readonly number[], times = 1): (segment: TcpSegment) => boolean {
  const counts = new Map<number, number>()
  return (segment) => {
    if (segment.payload.length === 0) return false
    const number = ((segment.seq - 1000 - 1) >>> 0) / SMSS + 1
    const count = (counts.get(number) ?? 0) + 1
    counts.set(number, count)
    return segments.includes(number) && count <= times
  }
}

function transfer(
  config: Partial<TcpConfig>,
  lost: readonly number[],
  segments: number,
  options: PairOptions & { times?: number } = {},
): TcpPair {
  const pair = new TcpPair({ a: config, b: config, toB: { drop: losing(lost, options.times) }, ...options }).establish()
  pair.act('a', (connection) => connection.send(pattern(segments * SMSS)))
  return pair
}

function complete(pair: TcpPair, segments: number): void {
  pair.runUntil(() => pair.a.connection.block.sndUna === segments * SMSS + 1)
  assert.deepEqual(readAll(pair.b.connection), pattern(segments * SMSS))
}

function resent(pair: TcpPair): number[] {
  return pair.seen.filter(({ from, segment }) => from === 'a' && segment.retransmission).map(({ seq }) => (seq - 1) / SMSS + 1)
}

function whys(pair: TcpPair): unknown[] {
  return pair.recorded('a', 'tcp:segment-retransmitted').map(({ data }) => data.why)
}

test('RFC 5681 section 3.2: the third duplicate acknowledgment sends the lost segment again, long before the timer', () => {
  const pair = transfer(RENO, [2], 10)
  pair.runUntil(() => pair.recorded('a', 'tcp:fast-retransmit-entered').length > 0)
  assert.equal(pair.now, 50 * MS)
  assert.equal(pair.recorded('a', 'tcp:duplicate-ack-received').at(-1)?.data.count, 3)
  assert.deepEqual(resent(pair), [2])
  // Half of ten segments less the first, and three for the duplicates.
  const { block } = pair.a.connection
  assert.equal(block.congestion.ssthresh, (9 * SMSS) / 2)
  assert.equal(block.recovery.window, 4500 + 3 * SMSS)
  complete(pair, 10)
  assert.deepEqual([resent(pair), whys(pair)], [[2], ['fast']])
  assert.equal(pair.recorded('a', 'tcp:rto-expired').length, 0)
  assert.equal(pair.recorded('a', 'tcp:recovery-exited').length, 1)
})

test('two duplicates are no loss: reordering by two segments costs nothing', () => {
  for (const config of [RENO, SACK]) {
    const pair = new TcpPair({ a: config, b: { ...config, delayedAck: false }, link: { reorder: 0 } }).establish()
    pair.act('a', (connection) => connection.send(pattern(10 * SMSS)))
    // Segment 3 changes places with the two behind it.
    const order = [1, 2, 4, 5, 3, 6, 7, 8, 9, 10]
    const segments = pair.seen.filter(({ length }) => length > 0)
    pair.loseFlights()
    for (const number of order) {
      const { segment } = segments[number - 1]
      pair.b.connection.handle(segment, pair.now)
      pair.settle()
    }
    pair.runFor(100 * MS)
    assert.deepEqual(resent(pair), [])
    assert.equal(pair.a.connection.block.sndUna, 10 * SMSS + 1)
  }
})

test('RFC 3042: the first two duplicates let out new segments, which do not count as flight', () => {
  for (const limitedTransmit of [true, false]) {
    const pair = transfer({ ...RENO, limitedTransmit }, [1], 30)
    pair.runFor(20 * MS)
    // Ten in flight, nine duplicates come back; the first two bring out 11 and 12.
    const flight = pair.seen.filter(
      ({ from, at, length, segment }) => from === 'a' && at === pair.now && length > 0 && !segment.retransmission,
    )
    const enteredAt = pair.records.findIndex(({ name }) => name === 'tcp:fast-retransmit-entered')
    assert.ok(enteredAt > 0)
    assert.deepEqual(
      flight.slice(0, 2).map(({ seq }) => (seq - 1) / SMSS + 1),
      [11, 12],
    )
    assert.equal(pair.a.connection.block.congestion.ssthresh, 5 * SMSS)
    const order = pair.seen
      .filter(({ from, at, length }) => from === 'a' && at === pair.now && length > 0)
      .map(({ seq }) => (seq - 1) / SMSS + 1)
    assert.deepEqual(order.slice(0, 3), limitedTransmit ? [11, 12, 1] : [1, 11, 12])
    complete(pair, 30)
  }
})

test('RFC 6582: each partial acknowledgment sends the next hole again, without three more duplicates', () => {
  const lost = [2, 4, 6]
  const pair = transfer(RENO, lost, 20)
  complete(pair, 20)
  assert.deepEqual([resent(pair), whys(pair)], [lost, ['fast', 'fast', 'fast']])
  assert.equal(pair.recorded('a', 'tcp:fast-retransmit-entered').length, 1)
  assert.equal(pair.recorded('a', 'tcp:recovery-exited').length, 1)
  assert.equal(pair.recorded('a', 'tcp:rto-expired').length, 0)
  // One hole a round trip.
  const times = pair.seen.filter(({ segment }) => segment.retransmission).map(({ at }) => at)
  assert.deepEqual([times[1] - times[0], times[2] - times[1]], [20 * MS, 20 * MS])
})

test('RFC 6582 section 4, the impatient variant: only the first partial acknowledgment restarts the timer', () => {
  // A hole a round trip of 100 ms; the timeout, 300 ms from the first partial acknowledgment, comes before the last hole's turn.
  const options = { link: { delay: 50 * MS } }
  const pair = transfer(RENO, [1, 2, 3, 4, 5, 6], 10, options)
  pair.runUntil(() => pair.recorded('a', 'tcp:rto-expired').length > 0)
  const repaired = resent(pair)
  assert.deepEqual(repaired.slice(0, 3), [1, 2, 3])
  const [, firstPartial] = pair.seen.filter(({ segment }) => segment.retransmission)
  assert.equal(pair.now - firstPartial.at, 300 * MS)
  complete(pair, 10)
  // SACK repairs them all at once.
  const fast = transfer(SACK, [1, 2, 3, 4, 5, 6], 10, options)
  complete(fast, 10)
  assert.equal(fast.recorded('a', 'tcp:rto-expired').length, 0)
})

test('a fast retransmission starts the timer anew', () => {
  const pair = transfer(SACK, [2], 10, { link: { rate: 1e6 } })
  pair.runUntil(() => resent(pair).length > 0)
  assert.equal(pair.a.connection.pollTimeout(), pair.now + pair.a.connection.block.rtt.rto)
})

test('RFC 6298 section 3: the round-trip time is measured once a round trip', () => {
  const pair = transfer(RENO, [], 300)
  complete(pair, 300)
  const times = pair.recorded('a', 'tcp:rtt-sampled').map(({ at }) => at)
  assert.ok(times.length >= 4)
  for (const [i, at] of times.slice(1).entries()) assert.ok(at - times[i] >= 20 * MS)
})

test('RFC 6582 section 3.2: duplicates for data from before the last recovery or timeout begin no new one', () => {
  const pair = transfer(RENO, [1], 20)
  complete(pair, 20)
  const { block } = pair.a.connection
  const { cwnd } = block.congestion
  // Late duplicates of the last acknowledgment, while more is in flight.
  pair.links.b.drop = () => true
  pair.act('a', (connection) => connection.send(pattern(3 * SMSS)))
  block.recovery.recoveryPoint = block.sndUna
  for (let i = 0; i < 5; i++) {
    pair.inject('a', (segment) => {
      segment.flags = 16
      segment.seq = block.receiveSeq(block.rcvNxt)
      segment.ack = block.sendSeq(block.sndUna)
      segment.window = block.sndWnd >> block.sndWndShift
    })
  }
  assert.equal(pair.recorded('a', 'tcp:fast-retransmit-entered').length, 1)
  assert.equal(block.congestion.cwnd, cwnd)
})

test('RFC 6675: three holes are repaired within one round trip, in order, what arrived is not sent again', () => {
  const lost = [2, 4, 6]
  const pair = transfer(SACK, lost, 20)
  complete(pair, 20)
  assert.deepEqual(resent(pair), lost)
  assert.deepEqual(whys(pair), ['fast', 'sack', 'sack'])
  const times = pair.seen.filter(({ segment }) => segment.retransmission).map(({ at }) => at)
  assert.ok(times[2] - times[0] <= 20 * MS)
  assert.equal(pair.recorded('a', 'tcp:recovery-exited').length, 1)
})

test('RFC 6675 section 5 step 2: losses are found by what was reported, even when duplicates are few', () => {
  // The acknowledgments of 2 to 4 are lost; that of 5 tells of all four.
  let acks = 0
  const pair = transfer(SACK, [1], 5, { toA: { drop: (segment) => segment.sackCount > 0 && ++acks < 4 } })
  pair.runUntil(() => resent(pair).length > 0)
  assert.equal(pair.now, 50 * MS)
  assert.equal(pair.recorded('a', 'tcp:duplicate-ack-received').length, 1)
  complete(pair, 5)
})

test('RFC 6675 section 4, NextSeg (4): a lost last segment is rescued while earlier ones are repaired', () => {
  const pair = transfer(SACK, [2, 10], 10)
  complete(pair, 10)
  assert.deepEqual(resent(pair), [2, 10])
  assert.equal(pair.recorded('a', 'tcp:rto-expired').length, 0)
})

test('RFC 6675: in recovery nothing but its first retransmission is sent beyond the window', () => {
  const lost = losing([5, 8, 9, 15, 16, 17, 18, 40, 41])
  const beyond: number[] = []
  const drop = (segment: TcpSegment): boolean => {
    if (segment.payload.length === 0) return false
    const { sent, congestion, recovery } = pair.a.connection.block
    if (recovery.phase === 'recovery' && sent.pipe > congestion.cwnd) beyond.push(((segment.seq - 1001) >>> 0) / SMSS + 1)
    return lost(segment)
  }
  const pair: TcpPair = new TcpPair({ a: SACK, b: SACK, toB: { drop } }).establish()
  pair.act('a', (connection) => connection.send(pattern(100 * SMSS)))
  complete(pair, 100)
  const firsts = pair.recorded('a', 'tcp:fast-retransmit-entered').map(({ data }) => ((Number(data.seq) - 1001) >>> 0) / SMSS + 1)
  assert.ok(firsts.length > 0 && beyond.every((segment) => firsts.includes(segment)), `${String(beyond)} of ${String(firsts)}`)
})

test('RFC 2018 section 4: SACK blocks tell of what arrived, the latest first', () => {
  const pair = transfer(SACK, [2, 5, 8], 10)
  pair.runFor(12 * MS)
  const blocks = pair.seen
    .filter(({ segment }) => segment.sackCount > 0)
    .map(({ segment }) => Array.from({ length: segment.sackCount * 2 }, (_, i) => ((segment.sack[i] - 1001) >>> 0) / SMSS + 1))
  assert.deepEqual(blocks, [
    [3, 4],
    [3, 5],
    [6, 7, 3, 5],
    [6, 8, 3, 5],
    [9, 10, 6, 8, 3, 5],
    [9, 11, 6, 8, 3, 5],
  ])
})

test('without SACK agreed upon there are no blocks', () => {
  const pair = new TcpPair({ a: SACK, b: RENO, toB: { drop: losing([2]) } }).establish()
  pair.act('a', (connection) => connection.send(pattern(10 * SMSS)))
  complete(pair, 10)
  assert.ok(pair.seen.every(({ segment }) => segment.sackCount === 0))
})

test('RFC 6298 section 5: a lone lost segment waits for the timer, which doubles until an acknowledgment comes', () => {
  const pair = transfer(RENO, [1], 1, { times: 4 })
  const sentAt = pair.now
  const { rto } = pair.a.connection.block.rtt
  complete(pair, 1)
  const times = pair.seen.filter(({ length }) => length > 0).map(({ at }) => (at - sentAt) / rto)
  assert.deepEqual(times, [0, 1, 3, 7, 15])
  assert.deepEqual(
    pair.recorded('a', 'tcp:rto-expired').map(({ data }) => [Number(data.rto) / rto, Number(data.next) / rto, data.backoff]),
    [
      [1, 2, 1],
      [2, 4, 2],
      [4, 8, 3],
      [8, 16, 4],
    ],
  )
  assert.deepEqual(whys(pair), ['rto', 'rto', 'rto', 'rto'])
  // Karn: no measurement from it, so the timeout stays backed off; the next segment ends that.
  assert.equal(pair.a.connection.block.rtt.backoff, 4)
  pair.act('a', (connection) => connection.send(pattern(10)))
  pair.runFor(SECOND)
  assert.equal(pair.a.connection.block.rtt.backoff, 0)
})

test('RFC 7323 section 4: with timestamps a retransmission is measured, and ends backing off', () => {
  const pair = transfer({ ...RENO, timestamps: true, mss: SMSS + 12 }, [1], 1, { times: 2 })
  complete(pair, 1)
  assert.equal(pair.a.connection.block.rtt.backoff, 0)
  assert.ok(pair.a.connection.block.rtt.srtt < 30 * MS)
})

test('RFC 5681 section 3.1: a timeout sends one segment, then grows by slow start to half of the flight', () => {
  const pair = transfer({ ...SACK, fastRetransmit: false }, [3, 4, 5, 6, 7, 8, 9, 10], 40)
  pair.runUntil(() => pair.recorded('a', 'tcp:rto-expired').length > 0)
  const { block } = pair.a.connection
  assert.equal(block.congestion.cwnd, SMSS)
  assert.equal(block.congestion.ssthresh, Math.floor(block.sent.outstanding / 2))
  assert.deepEqual(resent(pair), [3])
  complete(pair, 40)
  // What the peer had reported, and only that, is not sent again.
  assert.deepEqual(resent(pair), [3, 4, 5, 6, 7, 8, 9, 10])
})

test('RFC 5681 section 3.1: a repeated timeout of the same data does not halve the threshold again', () => {
  const pair = transfer(RENO, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 10, { times: 3 })
  pair.runUntil(() => pair.recorded('a', 'tcp:rto-expired').length === 3)
  const { congestion } = pair.a.connection.block
  assert.deepEqual([congestion.cwnd, congestion.ssthresh], [SMSS, 5 * SMSS])
  complete(pair, 10)
})

test('without fast retransmit the timer alone repairs', () => {
  for (const config of [RENO, SACK]) {
    const pair = transfer({ ...config, fastRetransmit: false }, [2], 10)
    complete(pair, 10)
    assert.equal(pair.recorded('a', 'tcp:fast-retransmit-entered').length, 0)
    assert.equal(pair.recorded('a', 'tcp:rto-expired').length, 1)
  }
})

test('RFC 5681 section 3.2: DupThresh is what the setting says', () => {
  for (const config of [RENO, SACK]) {
    const pair = transfer({ ...config, duplicateThreshold: 6 }, [1], 20)
    pair.runUntil(() => pair.recorded('a', 'tcp:fast-retransmit-entered').length > 0)
    assert.equal(pair.recorded('a', 'tcp:duplicate-ack-received').at(-1)?.data.count, 6)
    complete(pair, 20)
  }
})

test('RFC 6675: a lost retransmission waits for the timer', () => {
  const pair = transfer(SACK, [2], 200, { times: 2 })
  complete(pair, 200)
  assert.deepEqual(resent(pair), [2, 2])
  assert.deepEqual(whys(pair), ['fast', 'rto'])
})

test('losses behind the recovery point begin the next recovery as soon as they are known', () => {
  const pair = transfer(SACK, [2, 14, 15], 40)
  complete(pair, 40)
  assert.deepEqual(resent(pair), [2, 14, 15])
  assert.equal(pair.recorded('a', 'tcp:rto-expired').length, 0)
})

test('RFC 5681 section 4.1: after an idle time longer than the timeout the window begins anew', () => {
  for (const slowStartAfterIdle of [true, false]) {
    const pair = transfer({ ...RENO, slowStartAfterIdle }, [], 100)
    pair.runFor(SECOND)
    const { congestion } = pair.a.connection.block
    const grown = congestion.cwnd
    assert.ok(grown > 20 * SMSS)
    pair.runFor(10 * SECOND)
    pair.act('a', (connection) => connection.send(pattern(100 * SMSS)))
    assert.equal(congestion.cwnd, slowStartAfterIdle ? 10 * SMSS : grown)
  }
})

test('a sender whom the application holds back does not inflate its window', () => {
  const pair = transfer(RENO, [], 0)
  for (let i = 0; i < 100; i++) {
    pair.act('a', (connection) => connection.send(pattern(SMSS)))
    pair.runFor(100 * MS)
  }
  assert.equal(pair.a.connection.block.congestion.cwnd, 10 * SMSS)
})

test('RFC 9293 section 3.8.3: data that is never acknowledged is given up after all retries', () => {
  const pair = transfer({ ...RENO, retries: 15 }, [1], 1, { times: Infinity })
  const sentAt = pair.now
  pair.runUntil(() => pair.a.closed)
  assert.deepEqual([pair.a.failure?.code, pair.a.failure?.whose, pair.a.connection.state], ['ETIMEDOUT', 'network', 'CLOSED'])
  assert.equal(resent(pair).length, 15)
  const waited = (pair.now - sentAt) / SECOND
  // 220 ms doubled to the maximum of two minutes; R2 must be at least 100 s.
  assert.ok(waited > 900 && waited < 1200, String(waited))
})

test('what is sent again keeps its flag for the trace, and nothing else has it', () => {
  const pair = transfer(SACK, [3, 7], 30)
  complete(pair, 30)
  const first = new Set<number>()
  for (const { from, length, seq, segment } of pair.seen) {
    if (from !== 'a' || length === 0) continue
    assert.equal(segment.retransmission, first.has(seq))
    first.add(seq)
  }
})

test('congestion-updated is recorded at most once for each handled segment, and only on change', () => {
  const pair = transfer(SACK, [3, 20, 21], 200)
  complete(pair, 200)
  const updates = pair.recorded('a', 'tcp:congestion-updated')
  let last = ''
  for (const { data } of updates) {
    const state = `${String(data.cwnd)} ${String(data.ssthresh)}`
    assert.notEqual(state, last)
    last = state
  }
  assert.ok(updates.length <= pair.seen.filter(({ from }) => from === 'b').length + 1)
})

test('both directions lose and repair at once, with SACK blocks on data segments that stay within the MSS', () => {
  for (const config of [{}, RENO, { sack: true, timestamps: false }]) {
    const pair = new TcpPair({ a: config, b: config, link: { loss: 0.05, rate: 10e6, queue: 200 }, seed: 9 }).establish()
    const [there, back] = [pattern(400_000, 1), pattern(300_000, 2)]
    pair.a.connection.send(there)
    pair.b.connection.send(back)
    pair.settle()
    pair.runUntil(() => pair.a.connection.block.sent.outstanding === 0 && pair.b.connection.block.sent.outstanding === 0)
    assert.deepEqual(readAll(pair.b.connection), there)
    assert.deepEqual(readAll(pair.a.connection), back)
    for (const { segment } of pair.seen) {
      const options = (segment.hasTimestamp ? 12 : 0) + (segment.sackCount > 0 ? 4 + 8 * segment.sackCount : 0)
      assert.ok(segment.payload.length + options <= 1460)
    }
  }
})

test('RFC 5681 section 3.1: the threshold begins arbitrarily high: slow start goes on until something is lost', () => {
  const pair = transfer(RENO, [], 1000)
  complete(pair, 1000)
  const { congestion } = pair.a.connection.block
  assert.ok(congestion.cwnd > 200 * SMSS && congestion.ssthresh > 2 ** 31, `window ${String(congestion.cwnd)}`)
})

test('RFC 5681 section 3.2 step 1: with SACK a repetition that tells of nothing new lets nothing out', () => {
  const pair = transfer(SACK, [], 10)
  pair.loseFlights()
  pair.act('a', (connection) => connection.send(pattern(10 * SMSS)))
  const { block } = pair.a.connection
  const before = pair.seen.length
  for (let i = 0; i < 10; i++) {
    pair.inject('a', (segment) => {
      segment.flags = 16
      segment.seq = block.receiveSeq(block.rcvNxt)
      segment.ack = block.sendSeq(block.sndUna)
      segment.window = block.sndWnd >> block.sndWndShift
    })
  }
  assert.equal(pair.seen.length, before)
  assert.equal(block.recovery.phase, 'open')
})
