import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plateauBelow } from '../../src/protocols/tcp/path-mtu.ts'
import { TcpFlag, type TcpSegment } from '../../src/wire/tcp.ts'
import { MS, pattern, readAll, SECOND, TcpPair, TransferDriver, type PairOptions } from './tcp-pair.ts'

/** Payload and options: what an MSS counts. */
function size(segment: TcpSegment): number {
  return segment.payload.length + (segment.hasTimestamp ? 12 : 0) + (segment.sackCount > 0 ? 4 + 8 * segment.sackCount : 0)
}

/** A path to b that takes segments of `mss` and no more; with `tells`, a router on its way reports what it drops. */
function narrow(mss: number, tells: boolean, options: PairOptions = {}): TcpPair {
  const pair = new TcpPair({ ...options, link: { delay: 10 * MS, rate: 10_000_000, ...options.link } })
  pair.links.b.drop = (segment) => {
    if (size(segment) <= mss || (segment.flags & TcpFlag.SYN) !== 0) return false
    if (tells) reports.push({ at: pair.now + 10 * MS, seq: segment.seq })
    return true
  }
  const reports: { at: number; seq: number }[] = []
  const run = pair.step.bind(pair)
  pair.step = () => {
    // A report takes a while to come back.
    const report = reports[0] as (typeof reports)[number] | undefined
    if (report === undefined || report.at > pair.nextWakeUp()) return run()
    reports.shift()
    pair.now = Math.max(pair.now, report.at)
    pair.act('a', (connection, now) => {
      if (connection.isInFlight(report.seq)) connection.handlePacketTooBig(mss, now)
    })
    return true
  }
  return pair
}

function transfer(
  length: number,
  options: PairOptions & { mss: number; tells: boolean },
): { pair: TcpPair; driver: TransferDriver } {
  const data = pattern(length)
  const driver = new TransferDriver(new Uint8Array(0))
  const pair = narrow(options.mss, options.tells, {
    ...options,
    drivers: { a: new TransferDriver(data), b: driver },
  }).connect()
  pair.runFor(600 * SECOND)
  assert.deepEqual(driver.whole(), data.subarray(0, driver.receivedBytes))
  return { pair, driver }
}

const resized = (pair: TcpPair): unknown[] => pair.recorded('a', 'tcp:segment-size-changed').map(({ data }) => data['smss'])

test('RFC 1191 section 6.4: what was reported too big goes out again at once in smaller segments, and the window is not halved', () => {
  const { pair, driver } = transfer(300_000, { mss: 1260, tells: true })
  assert.deepEqual(resized(pair), [1248])
  assert.deepEqual(pair.recorded('a', 'tcp:rto-expired'), [])
  assert.deepEqual(pair.recorded('a', 'tcp:fast-retransmit-entered'), [])
  // 10 segments of 1448 were under way: handshake, report, repair. 0.3 s are for 300 kB at 10 Mbit/s.
  assert.ok(driver.lastReadAt < 500 * MS, `done after ${String(driver.lastReadAt / MS)} ms`)
  const lost = pair.seen.filter(({ lost: isLost }) => isLost)
  assert.equal(lost.length, 10, 'only the first window was too big')
})

test('RFC 5681 section 3.1: the window shrinks in the ratio of the segment sizes, against a burst of many small ones', () => {
  const { pair } = transfer(300_000, { mss: 724, tells: true })
  const [before, after] = pair.recorded('a', 'tcp:congestion-updated')
  assert.deepEqual([before.data['cwnd'], after.data['cwnd']], [14_480, 7120])
  // As many segments as before.
  assert.equal(7120 / 712, 10)
})

test('the FIN keeps its place when the segment that has it is cut', () => {
  const { pair } = transfer(1400, { mss: 536, tells: true })
  assert.equal(pair.a.failure, undefined)
  const fins = pair.seen.filter(({ from, flags, lost }) => from === 'a' && flags.includes('FIN') && !lost)
  assert.ok(fins.length > 0 && fins.every(({ seq, length }) => seq + length === 1401), 'every FIN stands behind the last byte')
})

test('RFC 5927 section 4.1: a report about what is not in flight is a forgery', () => {
  const pair = new TcpPair().establish()
  const report = (seq: number): boolean => pair.a.connection.isInFlight(pair.a.connection.block.iss + seq)
  assert.equal(report(1), false, 'nothing is in flight')
  pair.a.connection.send(pattern(5000))
  pair.settle()
  assert.equal(report(0), false, 'acknowledged already')
  assert.equal(report(5001), false, 'not sent yet')
  assert.equal(report(-70_000), false)
  assert.equal(report(5000), true)
  assert.equal(report(1), true)
})

test('a report of more than is known already changes nothing', () => {
  const pair = new TcpPair().establish()
  pair.act('a', (connection) => connection.send(pattern(5000)))
  pair.act('a', (connection, now) => {
    connection.handlePacketTooBig(9000, now)
  })
  assert.equal(pair.a.connection.block.smss, 1448)
  assert.deepEqual(resized(pair), [])
})

test('RFC 1191 section 7.1: plateaus, for routers that do not say what fits', () => {
  assert.deepEqual([1500, 1492, 1006, 576, 68].map(plateauBelow), [1492, 1006, 508, 508, 68])
})

test('RFC 2923: a black hole stops the connection for good when nobody looks for it', () => {
  const { pair, driver } = transfer(100_000, { mss: 1260, tells: false })
  assert.equal(driver.receivedBytes, 0)
  assert.ok(pair.recorded('a', 'tcp:rto-expired').length >= 8, 'the same segment again and again')
})

test('RFC 4821 section 7.7: after some timeouts in a row segments become small, and get through', () => {
  const { pair, driver } = transfer(300_000, { mss: 1260, tells: false, a: { mtuProbing: 'on-black-hole' } })
  assert.equal(driver.receivedBytes, 300_000)
  assert.equal(pair.recorded('a', 'tcp:black-hole-suspected').length, 1)
  assert.equal(resized(pair)[0], 1012)
  // Three timeouts pass unsuspected: with an RTO of 220 ms, 0.22 + 0.44 + 0.88 + 1.76 s.
  const first = pair.recorded('a', 'tcp:segment-size-changed')[0].at
  assert.ok(first > 3 * SECOND && first < 4 * SECOND, `after ${String(first / MS)} ms`)
})

test('RFC 4821 section 7.6.1: probes find out what the path takes, to 8 bytes', () => {
  const { pair } = transfer(3_000_000, { mss: 1260, tells: false, a: { mtuProbing: 'on-black-hole' } })
  const { low, high } = pair.a.connection.block.path
  assert.ok(low <= 1260 && high >= 1260 && high - low < 8, `${String(low)} to ${String(high)}`)
  const sizes = resized(pair)
  assert.deepEqual(
    sizes,
    [...sizes].sort((a, b) => Number(a) - Number(b)),
    'it only grows',
  )
})

test('RFC 4821 section 7.6.2: a lost probe is no congestion: no halving, no timeout', () => {
  for (const sack of [true, false]) {
    const { pair } = transfer(3_000_000, { mss: 1260, tells: false, a: { mtuProbing: 'always', sack } })
    const lost = pair.recorded('a', 'tcp:path-probe-lost')
    assert.ok(lost.length >= 2, `${String(lost.length)} probes were lost`)
    assert.deepEqual(pair.recorded('a', 'tcp:fast-retransmit-entered'), [])
    assert.deepEqual(pair.recorded('a', 'tcp:rto-expired'), [])
    const { path } = pair.a.connection.block
    assert.ok(path.low <= 1260 && path.high >= 1260, `${String(path.low)} to ${String(path.high)}`)
  }
})

test('probing always: a path without a narrow place is used to its full size after a few probes', () => {
  const { pair } = transfer(3_000_000, { mss: 9000, tells: false, a: { mtuProbing: 'always' } })
  assert.equal(resized(pair)[0], 1230)
  assert.ok(pair.a.connection.block.smss >= 1440, String(pair.a.connection.block.smss))
})

test('a path so narrow that the first guess does not pass: half of it, with each timeout', () => {
  const { driver, pair } = transfer(20_000, { mss: 520, tells: false, a: { mtuProbing: 'on-black-hole' } })
  assert.equal(driver.receivedBytes, 20_000)
  assert.deepEqual(resized(pair).slice(0, 2), [1012, 500])
})

test('an outage that is no black hole: small segments afterwards, which grow again', () => {
  const pair = new TcpPair({ a: { mtuProbing: 'on-black-hole' }, link: { rate: 10_000_000 } }).establish()
  pair.links.b.flaps = [[pair.now, pair.now + 20 * SECOND]]
  pair.act('a', (connection) => connection.send(pattern(1_000_000)))
  pair.runFor(60 * SECOND)
  assert.equal(readAll(pair.b.connection).length, 1_000_000)
  const { path, smss } = pair.a.connection.block
  assert.ok(path.low > 1440 && smss > 1428, `${String(path.low)}, ${String(smss)}`)
})

test('probes among random loss: every byte arrives, whatever the probes come to', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { driver } = transfer(200_000, {
      mss: 1300,
      tells: seed % 2 === 0,
      seed,
      a: { mtuProbing: 'always' },
      link: { loss: 0.03, reorder: 0.05, reorderBy: 5 * MS },
    })
    assert.equal(driver.receivedBytes, 200_000, `seed ${String(seed)}`)
  }
})
