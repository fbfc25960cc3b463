/** RACK-TLP and proportional rate reduction between two ends, over links that lose, delay and reorder. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TcpConfig } from '../../src/protocols/tcp/config.ts'
import type { TcpSegment } from '../../src/wire/tcp.ts'
import { MS, pattern, readAll, SECOND, TcpPair, TransferDriver, type PairLink, type PairOptions } from './tcp-pair.ts'

const SMSS = 1000
const SACK = { timestamps: false, sack: true, mss: SMSS } as const
const RACK = { ...SACK, rack: true, tailLossProbe: true, dsack: true } as const

/** Loses segments of a by number, the first `times` times that they are sent. */
function losing(segments: readonly number[], times = 1): (segment: TcpSegment) => boolean {
  const counts = new Map<number, number>()
  return (segment) => {
    if (segment.payload.length === 0) return false
    const number = numberOf((segment.seq - 1000) >>> 0)
    const count = (counts.get(number) ?? 0) + 1
    counts.set(number, count)
    return segments.includes(number) && count <= times
  }
}

/** Segments are counted from 1. */
function numberOf(position: number): number {
  return Math.floor((position - 1) / SMSS) + 1
}

/** Sends so many segments, of which some are lost; the round-trip time is 20 ms. */
function transfer(
  config: Partial<TcpConfig>,
  lost: readonly number[],
  segments: number,
  options: PairOptions & { times?: number } = {},
) {
  const pair = new TcpPair({ a: config, b: config, toB: { drop: losing(lost, options.times) }, ...options }).establish()
  pair.act('a', (connection) => connection.send(pattern(segments * SMSS)))
  return pair
}

function complete(pair: TcpPair, segments: number): void {
  pair.runUntil(() => pair.a.connection.block.sndUna === segments * SMSS + 1)
  assert.deepEqual(readAll(pair.b.connection), pattern(segments * SMSS))
}

function resent(pair: TcpPair): { number: number; at: number }[] {
  return pair.seen
    .filter(({ from, segment }) => from === 'a' && segment.retransmission)
    .map(({ seq, at }) => ({ number: numberOf(seq), at }))
}

function whys(pair: TcpPair): unknown[] {
  return pair.recorded('a', 'tcp:segment-retransmitted').map(({ data }) => data.why)
}

const numbers = (pair: TcpPair): number[] => resent(pair).map(({ number }) => number)

test('RFC 8985 section 3.1: with fewer than three segments behind a loss it is repaired after a quarter of a round trip, not by the timer', () => {
  const pair = transfer(RACK, [2], 3)
  const start = pair.now
  complete(pair, 3)
  assert.deepEqual([numbers(pair), whys(pair)], [[2], ['rack']])
  // The acknowledgment of 3 comes after 20 ms; a quarter of that is the reordering window.
  assert.equal(resent(pair)[0].at - start, 25 * MS)
  const counting = transfer(SACK, [2], 3)
  complete(counting, 3)
  assert.deepEqual(whys(counting), ['rto'])
})

test('RFC 8985 section 6.2 step 4: three segments that arrived behind a loss need no reordering window', () => {
  const pair = transfer(RACK, [2], 10)
  const start = pair.now
  complete(pair, 10)
  assert.deepEqual(resent(pair), [{ number: 2, at: start + 20 * MS }])
  assert.equal(pair.recorded('a', 'tcp:fast-retransmit-entered').length, 1)
  assert.equal(pair.recorded('a', 'tcp:recovery-exited').length, 1)
})

test('RFC 8985 section 4: a lost retransmission is found without the timer, again and again', () => {
  const pair = transfer(RACK, [2], 400, { times: 4 })
  complete(pair, 400)
  assert.deepEqual(numbers(pair), [2, 2, 2, 2])
  assert.deepEqual(whys(pair), ['rack', 'rack', 'rack', 'rack'])
  assert.equal(pair.recorded('a', 'tcp:rto-expired').length, 0)
  const times = resent(pair).map(({ at }) => at)
  for (const [i, at] of times.slice(1).entries())
    assert.ok(at - times[i] <= 22 * MS, `found after ${String((at - times[i]) / MS)} ms`)
})

test('RFC 8985 section 7.3: the lost end of a flight is repaired by a probe after two round trips', () => {
  for (const lost of [
    [9, 10],
    [8, 9, 10],
    [4, 5, 6, 7, 8, 9, 10],
    [2, 10],
  ]) {
    const pair = transfer({ ...RACK, delayedAck: false }, lost, 10)
    const start = pair.now
    complete(pair, 10)
    assert.deepEqual(
      numbers(pair).toSorted((a, b) => a - b),
      lost,
      'each lost segment once',
    )
    assert.equal(pair.recorded('a', 'tcp:rto-expired').length, 0)
    // The last acknowledgment of something new comes after 20 ms, the probe 40 ms later; its answer and the rest take 20 ms each, or twice that.
    assert.ok(pair.now - start <= 120 * MS, `it took ${String((pair.now - start) / MS)} ms for ${String(lost)}`)
    const slow = transfer({ ...RACK, tailLossProbe: false, rack: false }, lost, 10)
    const slowStart = slow.now
    complete(slow, 10)
    if (lost.length !== 2) assert.ok(slow.now - slowStart > 220 * MS, 'without a probe the timer has to do it')
  }
})

test('RFC 8985 section 7.2: the probe goes out two round trips after the last news, and later where an acknowledgment may be held back', () => {
  const two = transfer(RACK, [1, 2], 2)
  const start = two.now
  two.runUntil(() => two.recorded('a', 'tcp:tail-loss-probe-sent').length > 0)
  assert.equal(two.now - start, 40 * MS)
  assert.deepEqual(two.recorded('a', 'tcp:tail-loss-probe-sent')[0].data, {
    seq: 1000 + 1 + SMSS,
    length: SMSS,
    retransmission: true,
  })
  assert.deepEqual(whys(two), ['tlp'])
  complete(two, 2)
  // Of a single segment 200 ms more: that would be after the retransmission timer, whose place it takes.
  const one = transfer(RACK, [1], 1)
  const { rto } = one.a.connection.block.rtt
  const sentAt = one.now
  one.runUntil(() => one.recorded('a', 'tcp:tail-loss-probe-sent').length > 0)
  assert.equal(one.now - sentAt, Math.min(rto, 240 * MS))
  complete(one, 1)
  assert.equal(one.recorded('a', 'tcp:rto-expired').length, 0)
})

test('RFC 8985 section 7.3: the probe is new data where there is some, whatever the congestion window says', () => {
  const pair = transfer(RACK, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 20)
  pair.runUntil(() => pair.recorded('a', 'tcp:tail-loss-probe-sent').length > 0)
  const { data } = pair.recorded('a', 'tcp:tail-loss-probe-sent')[0]
  assert.deepEqual([numberOf(Number(data.seq) - 1000), data.retransmission], [11, false])
  assert.equal(pair.a.connection.block.sent.outstanding, 11 * SMSS)
  complete(pair, 20)
  assert.equal(pair.recorded('a', 'tcp:rto-expired').length, 0)
})

test('RFC 8985 section 7.3: only one probe is out at a time; when it is lost, the timer repairs', () => {
  const pair = transfer(RACK, [1, 2], 2, { times: 2 })
  const start = pair.now
  complete(pair, 2)
  assert.equal(pair.recorded('a', 'tcp:tail-loss-probe-sent').length, 1)
  const [expired] = pair.recorded('a', 'tcp:rto-expired')
  // The probe has started the timer anew.
  assert.equal(expired.at - start, 40 * MS + Number(expired.data.rto))
})

test('RFC 8985 section 7.4: a probe that repairs the only loss reduces the window; one that was needless does not', () => {
  const repaired = transfer(RACK, [10], 10)
  const { congestion } = repaired.a.connection.block
  complete(repaired, 10)
  repaired.runFor(SECOND)
  repaired.act('a', (connection) => connection.send(pattern(SMSS, 7)))
  repaired.runFor(SECOND)
  assert.equal(repaired.recorded('a', 'tcp:tail-loss-repaired').length, 1)
  assert.ok(congestion.ssthresh < 20 * SMSS, 'the threshold has come down')

  // The flight and its acknowledgments are late, not lost.
  const needless = transfer(RACK, [], 10, { link: { delay: 10 * MS } })
  needless.loseFlights()
  const before = needless.a.connection.block.congestion.ssthresh
  const late = needless.seen.filter(({ length }) => length > 0)
  needless.runUntil(() => needless.recorded('a', 'tcp:tail-loss-probe-sent').length > 0)
  for (const { segment } of late) {
    needless.b.connection.handle(segment, needless.now)
    needless.settle()
  }
  complete(needless, 10)
  needless.runFor(SECOND)
  assert.equal(needless.recorded('a', 'tcp:spurious-retransmission-detected').length, 1)
  assert.equal(needless.recorded('a', 'tcp:tail-loss-repaired').length, 0)
  assert.equal(needless.a.connection.block.congestion.ssthresh, before)
})

test('a probe of a lost FIN repairs the end of the stream', () => {
  const pair = transfer(RACK, [], 2)
  pair.runFor(SECOND)
  pair.links.b.drop = (segment) => (segment.flags & 1) !== 0 && !segment.retransmission
  const start = pair.now
  pair.act('a', (connection, now) => {
    connection.shutdown(now)
  })
  pair.runUntil(() => pair.b.connection.receivedFin)
  assert.deepEqual(whys(pair), ['tlp'])
  assert.ok(pair.now - start < 260 * MS, 'before a timeout and its way')
})

/** A transfer of 2 MB over 10 Mbit/s with a round-trip time of 50 ms. */
function bulk(
  config: Partial<TcpConfig>,
  link: Partial<PairLink>,
  seed: number,
): { pair: TcpPair; lost: number; sentAgain: number } {
  const size = 2_000_000
  const drivers = {
    a: new TransferDriver(pattern(size), { keep: false }),
    b: new TransferDriver(new Uint8Array(0), { keep: false }),
  }
  const pair = new TcpPair({
    a: config,
    b: config,
    link: { delay: 25 * MS, rate: 10e6, queue: 1000, ...link },
    seed,
    drivers,
  }).connect()
  pair.runUntil(() => drivers.b.receivedBytes === size)
  const lost = pair.seen.filter(({ from, length, lost }) => from === 'a' && length > 0 && lost).length
  return { pair, lost, sentAgain: pair.recorded('a', 'tcp:segment-retransmitted').length }
}

const ALL = { rack: true, tailLossProbe: true, dsack: true, proportionalRateReduction: true, frto: true, undo: true } as const

test('reordering within a quarter of the round-trip time costs (nearly) no retransmission by RACK, and many by counting duplicates', () => {
  let byTime = 0
  let byCount = 0
  for (let seed = 1; seed <= 5; seed++) {
    const link = { reorder: 0.05, reorderBy: 10 * MS }
    const rack = bulk(ALL, link, seed)
    byTime += rack.sentAgain
    byCount += bulk({}, link, seed).sentAgain
    assert.equal(rack.lost, 0)
    assert.ok(rack.sentAgain <= 2, `${String(rack.sentAgain)} retransmissions although nothing was lost`)
    assert.equal(rack.pair.recorded('a', 'tcp:reordering-detected').length, 1, 'it is noticed once')
  }
  assert.ok(byCount > 5 * Math.max(1, byTime), `${String(byCount)} by counting, ${String(byTime)} by time`)
})

test('RFC 8985 section 3.3.2: reordering by more is learnt from reports of duplicates', () => {
  let learning = 0
  let deaf = 0
  for (let seed = 1; seed <= 4; seed++) {
    const link = { reorder: 0.05, reorderBy: 30 * MS }
    learning += bulk(ALL, link, seed).sentAgain
    deaf += bulk({ ...ALL, dsack: false }, link, seed).sentAgain
  }
  assert.ok(learning * 2 < deaf, `${String(learning)} retransmissions with reports, ${String(deaf)} without`)
})

test('under random losses nothing is sent again but what was lost, or hardly, and the timer hardly fires', () => {
  let expired = 0
  for (let seed = 1; seed <= 4; seed++) {
    const { pair, lost, sentAgain } = bulk(ALL, { loss: 0.02 }, seed)
    expired += pair.recorded('a', 'tcp:rto-expired').length
    assert.ok(sentAgain <= lost + 3, `${String(sentAgain)} retransmissions of ${String(lost)} losses`)
  }
  assert.ok(expired <= 2, `${String(expired)} timeouts`)
})

test('without SACK at the peer RACK, probes and rate reduction stand aside, and NewReno does it', () => {
  const pair = new TcpPair({ a: { ...RACK, ...ALL }, b: { ...SACK, sack: false }, toB: { drop: losing([2, 4]) } }).establish()
  pair.act('a', (connection) => connection.send(pattern(20 * SMSS)))
  complete(pair, 20)
  assert.deepEqual(
    [numbers(pair), whys(pair)],
    [
      [2, 4],
      ['fast', 'fast'],
    ],
  )
  assert.equal(pair.recorded('a', 'tcp:tail-loss-probe-sent').length, 0)
})

test('without fast retransmit the timer alone repairs, whatever else is switched on', () => {
  const pair = transfer({ ...RACK, ...ALL, fastRetransmit: false }, [2, 10], 10)
  complete(pair, 10)
  assert.ok(
    whys(pair).every((why) => why === 'rto'),
    String(whys(pair)),
  )
})

test('RFC 6937: recovery sends evenly, a segment for every two acknowledgments, instead of falling silent for half a round trip', () => {
  const sentPer = (config: Partial<TcpConfig>): number[] => {
    // 40 segments in flight over a line on which each takes 1 ms: acknowledgments come one by one.
    const line = { delay: 20 * MS, rate: 8_288_000, queue: 1000 }
    const pair = transfer({ ...config, initialWindow: 40, delayedAck: false }, [1], 300, {
      link: line,
      toB: { ...line, drop: losing([1]) },
    })
    pair.runUntil(() => pair.recorded('a', 'tcp:fast-retransmit-entered').length > 0)
    const from = pair.now
    pair.runUntil(() => pair.recorded('a', 'tcp:recovery-exited').length > 0)
    const out = pair.seen.filter(({ from: side, at, length }) => side === 'a' && length > 0 && at >= from && at < pair.now)
    const quarter = (pair.now - from) / 4
    return [0, 1, 2, 3].map((i) => out.filter(({ at }) => at >= from + i * quarter && at < from + (i + 1) * quarter).length)
  }
  const prr = sentPer({ ...RACK, proportionalRateReduction: true })
  const sack = sentPer(SACK)
  assert.ok(sack[0] <= 2, `RFC 6675 alone waits: ${String(sack)}`)
  const total = prr.reduce((sum, n) => sum + n, 0)
  for (const n of prr) assert.ok(n >= total / 4 - 2 && n <= total / 4 + 2, `evenly: ${String(prr)}`)
})

test('RFC 6937 section 3.1: when recovery ends, what is in flight is the threshold', () => {
  const line = { delay: 20 * MS, rate: 8_288_000, queue: 1000 }
  const config = { ...RACK, proportionalRateReduction: true, initialWindow: 40, delayedAck: false }
  const pair = transfer(config, [1], 300, { link: line, toB: { ...line, drop: losing([1]) } })
  let pipe = 0
  pair.runUntil(() => {
    const { recovery, sent } = pair.a.connection.block
    if (recovery.phase === 'recovery') pipe = sent.pipe
    return pair.recorded('a', 'tcp:recovery-exited').length > 0
  })
  const { ssthresh } = pair.a.connection.block.congestion
  assert.ok(Math.abs(pipe - ssthresh) <= SMSS, `${String(pipe)} in flight, threshold ${String(ssthresh)}`)
})

test('RFC 6937 section 3: after heavy losses the window comes back by slow start at most: two segments for each acknowledgment', () => {
  const lost = Array.from({ length: 30 }, (_, i) => i + 1)
  const pair = transfer({ ...RACK, proportionalRateReduction: true, initialWindow: 40, delayedAck: false }, lost, 200)
  pair.runUntil(() => pair.recorded('a', 'tcp:fast-retransmit-entered').length > 0)
  const arrivals = new Map<number, number>()
  const departures = new Map<number, number>()
  const { block } = pair.a.connection
  let before = pair.seen.length
  while (block.recovery.phase === 'recovery' && pair.step()) {
    const news = pair.seen.slice(before)
    before = pair.seen.length
    const out = news.filter(({ from, length }) => from === 'a' && length > 0).length
    assert.ok(out <= 2, `${String(out)} segments at once`)
    arrivals.set(pair.now, 1)
    departures.set(pair.now, out)
  }
  complete(pair, 200)
  assert.equal(pair.recorded('a', 'tcp:rto-expired').length, 0)
})
