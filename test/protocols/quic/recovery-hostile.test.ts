import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomStream } from '../../../src/kernel/random.ts'
import { QuicViolation } from '../../../src/protocols/quic/fault.ts'
import { LossRecovery } from '../../../src/protocols/quic/recovery/loss-recovery.ts'
import { APPLICATION, PACKET_SPACES, type PacketSpace } from '../../../src/protocols/quic/recovery/packet-space.ts'
import { ReceivedPackets } from '../../../src/protocols/quic/recovery/received-packets.ts'
import type { EcnBits } from '../../../src/protocols/quic/datagram.ts'
import type { AckFrame } from '../../../src/wire/quic/frame.ts'
import { bytesOf, download, MS, pathOf, SECOND, zeros } from './recovery-lab.ts'

/** Ranges in falling order within [0, most], as an ACK frame has them. */
function someRanges(below: (bound: number) => number, most: number): number[] {
  const ranges: number[] = []
  let top = most - below(4)
  for (let count = 1 + below(4); count > 0 && top >= 0; count--) {
    const bottom = Math.max(0, top - below(12))
    ranges.push(bottom, top)
    top = bottom - 2 - below(6)
  }
  return ranges
}

test('100,000 acknowledgments of any kind: what is in flight always adds up, nothing is told twice, lies are found out', () => {
  const random = randomStream(7, 'acks')
  const below = (bound: number): number => random.below(bound)
  let [violations, acknowledgments] = [0, 0]
  while (acknowledgments < 100_000) {
    const path = pathOf({ ecn: true })
    /** Fate by space and number: open, lost or acknowledged; and sizes. */
    const fates = new Map<string, string>()
    const sizes = new Map<string, number>()
    const key = (space: PacketSpace, number: number): string => `${String(space)}/${String(number)}`
    const flight = (): number => {
      let sum = 0
      for (const [name, fate] of fates) if (fate === 'open') sum += sizes.get(name) ?? 0
      return sum
    }
    const recovery: LossRecovery<number> = new LossRecovery<number>({ isClient: below(2) === 0, random: zeros }, path, {
      packetAcknowledged: (space, packet) => {
        const fate = fates.get(key(space, packet.number))
        assert.ok(fate === 'open' || fate === (packet.isMtuProbe ? 'lost' : 'late'), `acknowledged after ${String(fate)}`)
        fates.set(key(space, packet.number), 'acknowledged')
      },
      packetLost: (space, packet) => {
        assert.equal(fates.get(key(space, packet.number)), 'open')
        fates.set(key(space, packet.number), 'lost')
      },
      lossDisproved: (space, packet) => {
        assert.equal(fates.get(key(space, packet.number)), 'lost')
        assert.equal(packet.isMtuProbe, false)
        fates.set(key(space, packet.number), 'late')
      },
      persistentCongestion: () => undefined,
      probeTimeout: () => undefined,
    })
    if (below(2) === 0) recovery.handshakeConfirmed(0)
    let now = 0
    try {
      for (let step = 0; step < 400; step++) {
        now += below(20 * MS)
        const space = PACKET_SPACES[below(6) === 0 ? below(3) : APPLICATION]
        const next = recovery.nextNumber(space)
        if (below(2) === 0 || next === 0) {
          const size = 40 + below(1200)
          const kind = (['eliciting', 'eliciting', 'mtu-probe', 'padded'] as const)[below(4)]
          fates.set(key(space, next), 'open')
          sizes.set(key(space, next), size)
          recovery.packetSent(space, path, size, kind, path.ecn.marks, [next], -1, now)
          continue
        }
        const ranges = someRanges(below, next - 1 + (below(300) === 0 ? 1 + below(3) : 0))
        const ecn: AckFrame['ecn'] = below(2) === 0 ? undefined : { ect0: below(20), ect1: below(2), ce: below(3) }
        acknowledgments++
        recovery.handleAck(space, { type: 'ACK', largest: ranges[1], delay: below(1e9), ranges, ecn }, now)
        if (below(4) === 0) {
          now = Math.max(now, recovery.timeout)
          recovery.handleTimeout(now)
        }
        assert.equal(path.congestion.inFlight, flight())
        assert.ok(path.congestion.window >= 2400 && Number.isInteger(path.congestion.window), String(path.congestion.window))
        assert.ok(recovery.timeout === -1 || recovery.timeout >= 0, String(recovery.timeout))
      }
    } catch (error) {
      if (!(error instanceof QuicViolation)) throw error
      violations++
    }
  }
  assert.ok(violations > 100, `${String(violations)} violations`)
})

test('100,000 packet numbers of any kind: no duplicate is taken, ranges are in order, and their number is bounded', () => {
  const random = randomStream(8, 'numbers')
  const below = (bound: number): number => random.below(bound)
  for (let round = 0; round < 50; round++) {
    const received = new ReceivedPackets(below(2) * 25 * MS)
    const seen = new Set<number>()
    let top = 0
    for (let step = 0; step < 2000; step++) {
      const number = [top, top + 1, Math.max(0, top - below(100)), below(top + 10), top + below(below(50) === 0 ? 2 ** 40 : 5)][
        below(5)
      ]
      const now = step * MS
      if (received.isDuplicate(number)) continue
      assert.ok(!seen.has(number), `${String(number)} was taken twice`)
      seen.add(number)
      top = Math.max(top, number)
      received.record(number, below(3) > 0, below(4) as EcnBits, now)
      if (!received.ackNow && below(8) > 0) continue
      const ack = received.report(3, now)
      assert.ok(ack !== undefined && ack.ranges.length >= 2 && ack.ranges.length <= 64, 'a bounded report')
      assert.equal(ack.ranges[1], top)
      for (let i = 0; i < ack.ranges.length; i += 2) {
        assert.ok(ack.ranges[i] <= ack.ranges[i + 1], 'smallest first')
        assert.ok(i === 0 || ack.ranges[i + 1] < ack.ranges[i - 2] - 1, 'with a gap between')
        assert.ok(seen.has(ack.ranges[i]) && seen.has(ack.ranges[i + 1]), 'nothing that did not come')
      }
      if (below(4) === 0) received.reportAcknowledged(ack.largest - below(3))
    }
  }
})

test('a peer that acknowledges ahead of what arrives is stopped before its window is worth anything', () => {
  const path = pathOf({ pacing: false })
  const recovery: LossRecovery<number> = new LossRecovery<number>({ isClient: false, random: bytesOf(3) }, path, {
    packetAcknowledged: () => undefined,
    packetLost: () => undefined,
    lossDisproved: () => undefined,
    persistentCongestion: () => undefined,
    probeTimeout: () => undefined,
  })
  recovery.handshakeConfirmed(0)
  let sent = 0
  assert.throws(() => {
    for (let now = 0; now < 100 * SECOND; now += MS) {
      for (; recovery.admits(1200, now); sent++) recovery.packetSent(APPLICATION, path, 1200, 'eliciting', false, [], -1, now)
      // It does not wait for the packets.
      const largest = recovery.nextNumber(APPLICATION) - 1
      recovery.handleAck(APPLICATION, { type: 'ACK', largest, delay: 0, ranges: [0, largest], ecn: undefined }, now + MS)
    }
  }, QuicViolation)
  assert.ok(sent < 500, `${String(sent)} packets for a liar`)
})

test('1,000 seeds of transfer over links that lose and reject: everything arrives, and little is sent twice', () => {
  for (let seed = 1; seed <= 1000; seed++) {
    const random = randomStream(seed, 'link')
    const loss = random.below(20) / 100
    const link = {
      rate: 1e6 * (1 + random.below(50)),
      delay: MS * (1 + random.below(100)),
      queue: 3000 + random.below(60_000),
      loss,
    }
    const congestionControl = random.below(2) === 0 ? 'cubic' : 'new-reno'
    const { doneAt, sent, lost, probeTimeouts } = download(40_000, link, seed, {
      congestionControl,
      pacing: random.below(2) === 0,
    })
    assert.ok(doneAt > 0, `seed ${String(seed)} did not end`)
    assert.ok(sent <= 35 + lost + 2 * probeTimeouts, `seed ${String(seed)}: ${String(sent)} packets, ${String(lost)} lost`)
  }
})
