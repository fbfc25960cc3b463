import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QuicViolation } from '../../../src/protocols/quic/fault.ts'
import { APPLICATION, HANDSHAKE, INITIAL } from '../../../src/protocols/quic/recovery/packet-space.ts'
import { ackOf, bytesOf, MS, pathOf, SECOND, Sender, SIZE, zeros } from './recovery-lab.ts'

/** A sender whose path is measured: 100 ms, steadily. */
function measured(options: ConstructorParameters<typeof Sender>[0] = {}): Sender {
  const sender = new Sender({ pacing: false, ...options })
  sender.send(1, 0)
  sender.acknowledge([0, 0], 100 * MS)
  return sender
}

test('RFC 9002 section 6.1.1: a packet is lost when one sent three later is acknowledged, not two later', () => {
  const sender = measured()
  sender.send(5, 200 * MS)
  sender.acknowledge([3, 3], 300 * MS)
  assert.deepEqual(sender.told.lost, [])
  sender.acknowledge([3, 4], 301 * MS)
  assert.deepEqual([sender.told.lost, sender.told.triggers], [[1], ['packet-threshold']])
})

test('RFC 9002 section 6.1.2: a packet is lost nine eighths of a round trip after it was sent, when a later one has arrived', () => {
  const sender = measured()
  sender.send(1, 200 * MS)
  sender.send(1, 210 * MS)
  sender.acknowledge([2, 2], 310 * MS)
  assert.equal(sender.recovery.timeout, 200 * MS + (9 * 100 * MS) / 8)
  sender.recovery.handleTimeout(sender.recovery.timeout - 1)
  assert.deepEqual(sender.told.lost, [], 'harmless when early')
  sender.recovery.handleTimeout(sender.recovery.timeout)
  assert.deepEqual([sender.told.lost, sender.told.triggers], [[1], ['time-threshold']])
  assert.deepEqual(sender.told.probes, [], 'no probe timeout')
})

test('RFC 9002 section 5.3: smoothed as in the example computed by hand, with the delay that the peer reports', () => {
  const sender = measured()
  const { rtt } = sender.path
  assert.deepEqual([rtt.srtt, rtt.rttvar, rtt.least, rtt.latest], [100 * MS, 50 * MS, 100 * MS, 100 * MS])
  sender.recovery.peerMaxAckDelay = 25 * MS
  sender.send(1, 200 * MS)
  // 20 ms in units of 8 µs.
  sender.recovery.handleAck(APPLICATION, ackOf([1, 1], 2500), 340 * MS)
  // Adjusted: 140 - 20 = 120 ms; 3/4 · 50 + 1/4 · 20; 7/8 · 100 + 1/8 · 120.
  assert.deepEqual([rtt.srtt, rtt.rttvar, rtt.latest], [102.5 * MS, 42.5 * MS, 140 * MS])
})

test('RFC 9002 section 5.3: a reported delay counts up to max_ack_delay, and never makes a path faster than it is', () => {
  const sender = measured()
  const { rtt } = sender.path
  sender.recovery.peerMaxAckDelay = 10 * MS
  sender.send(1, 200 * MS)
  sender.recovery.handleAck(APPLICATION, ackOf([1, 1], 1e6), 340 * MS)
  assert.equal(rtt.srtt, 0.875 * 100 * MS + 0.125 * 130 * MS)
  const before = rtt.srtt
  sender.send(1, 400 * MS)
  sender.recovery.handleAck(APPLICATION, ackOf([2, 2], 1e6), 505 * MS)
  assert.equal(rtt.srtt, Math.round(0.875 * before + 0.125 * 105 * MS), '105 ms less 10 ms would be below the least')
})

test('RFC 9002 section 5.1: no measurement from an acknowledgment whose largest packet was acknowledged before', () => {
  const sender = measured()
  sender.send(3, 200 * MS)
  sender.acknowledge([3, 3], 300 * MS)
  const { latest } = sender.path.rtt
  sender.acknowledge([1, 3], 390 * MS)
  assert.equal(sender.path.rtt.latest, latest)
})

test('RFC 9002 section 6.2.1: the probe timeout counts from the last packet, includes max_ack_delay, and doubles', () => {
  const sender = measured()
  sender.recovery.peerMaxAckDelay = 25 * MS
  sender.send(1, 200 * MS)
  sender.send(1, 210 * MS)
  const pto = 100 * MS + 4 * 50 * MS + 25 * MS
  assert.equal(sender.recovery.timeout, 210 * MS + pto)
  sender.recovery.handleTimeout(210 * MS + pto)
  assert.deepEqual(sender.told.probes, [[APPLICATION, 1]])
  assert.equal(sender.recovery.probesDue(APPLICATION), 2)
  assert.deepEqual(sender.told.lost, [], 'a timeout is no loss')
  assert.equal(sender.recovery.oldestUnacknowledged(APPLICATION)?.number, 1)
  assert.equal(sender.recovery.oldestUnacknowledged(APPLICATION, 2)?.number, 2)
  sender.send(2, 600 * MS)
  assert.equal(sender.recovery.probesDue(APPLICATION), 0)
  assert.equal(sender.recovery.timeout, 600 * MS + 2 * pto)
  sender.acknowledge([4, 4, 0, 0], 700 * MS)
  assert.equal(sender.recovery.ptoCount, 0)
})

test('RFC 9002 section 6.2.2: a second without an answer before anything is measured', () => {
  const sender = new Sender({ isClient: true, confirmed: false })
  sender.send(1, 0, INITIAL)
  assert.equal(sender.recovery.timeout, 999 * MS)
})

test('RFC 9002 section 6.2.1: application data set no probe timeout until the handshake is confirmed', () => {
  const sender = new Sender({ confirmed: false })
  sender.send(1, 0)
  assert.equal(sender.recovery.timeout, -1)
  sender.recovery.handshakeConfirmed(5 * MS)
  assert.equal(sender.recovery.timeout, 999 * MS)
})

test('RFC 9002 section 6.2.2.1: a client with nothing in flight still probes, by a Handshake packet once it can, until it is believed', () => {
  const sender = new Sender({ isClient: true, confirmed: false, pacing: false })
  sender.send(1, 0, INITIAL)
  sender.acknowledge([0, 0], 100 * MS, undefined, INITIAL)
  const pto = 100 * MS + 4 * 50 * MS
  assert.equal(sender.recovery.timeout, 100 * MS + pto)
  sender.recovery.handleTimeout(100 * MS + pto)
  assert.deepEqual(sender.told.probes, [[INITIAL, 1]])
  sender.recovery.handshakeKeysReady(400 * MS)
  sender.recovery.handleTimeout(sender.recovery.timeout)
  assert.deepEqual(sender.told.probes.at(-1), [HANDSHAKE, 2])
  sender.send(1, 1100 * MS, HANDSHAKE)
  sender.acknowledge([0, 0], 1200 * MS, undefined, HANDSHAKE)
  assert.deepEqual([sender.recovery.timeout, sender.recovery.ptoCount], [-1, 0])
})

test('RFC 9002 section 6.2.1: an acknowledgment of an Initial packet does not end the backing off of a client', () => {
  const sender = new Sender({ isClient: true, confirmed: false, pacing: false })
  sender.send(1, 0, INITIAL)
  sender.recovery.handleTimeout(SECOND)
  sender.send(1, SECOND, INITIAL)
  sender.acknowledge([0, 1], 2 * SECOND, undefined, INITIAL)
  assert.equal(sender.recovery.ptoCount, 1)
})

test('RFC 9002 section 6.2.2.1: a server that may not send any more sets no probe timeout until something comes', () => {
  const sender = new Sender({ confirmed: false, pacing: false })
  const path = sender.path
  // Not validated: three times what came.
  Object.assign(path, { allowance: 0 })
  path.datagramReceived(1200)
  path.datagramSent(3000)
  sender.send(1, 0, HANDSHAKE)
  assert.equal(path.sendable, 600)
  assert.equal(sender.recovery.timeout, -1)
  path.datagramReceived(1200)
  sender.recovery.datagramReceived(MS)
  assert.equal(sender.recovery.timeout, 999 * MS)
})

test('RFC 9002 section 6.4: when keys are dropped, what was in flight counts no more, and the backing off ends', () => {
  const sender = new Sender({ isClient: true, confirmed: false })
  sender.send(3, 0, INITIAL)
  sender.recovery.handleTimeout(SECOND)
  assert.equal(sender.path.congestion.inFlight, 3 * SIZE)
  sender.recovery.discard(INITIAL, SECOND)
  assert.deepEqual([sender.path.congestion.inFlight, sender.recovery.ptoCount], [0, 0])
  assert.deepEqual([sender.told.lost, sender.recovery.probesDue(INITIAL)], [[], 0])
})

test('a Retry: what was sent is given back, numbers go on (RFC 9000 section 17.2.5.3)', () => {
  const sender = new Sender({ isClient: true, confirmed: false })
  sender.send(2, 0, INITIAL)
  const recalled = sender.recovery.recall(INITIAL)
  assert.deepEqual(
    recalled.map(({ frames }) => frames[0]),
    ['packet 0', 'packet 1'],
  )
  assert.deepEqual([sender.path.congestion.inFlight, sender.recovery.nextNumber(INITIAL)], [0, 2])
})

test('RFC 9002 section 7.2: ten datagrams to begin with, of large ones no more than 14,720 bytes', () => {
  assert.equal(pathOf().congestion.window, 12_000)
})

test('RFC 9002 section 7.3.1: slow start grows by what is acknowledged', () => {
  const sender = new Sender({ pacing: false })
  sender.send(10, 0)
  assert.equal(sender.recovery.admits(SIZE, 0), false)
  sender.acknowledge([0, 4], 100 * MS)
  assert.equal(sender.path.congestion.window, 15 * SIZE)
  assert.equal(sender.path.congestion.state, 'slow_start')
})

test('RFC 9002 section 7.8: a window that is not used does not grow', () => {
  const sender = new Sender({ pacing: false })
  for (let i = 0; i < 50; i++) {
    sender.send(1, i * 200 * MS)
    const number = sender.recovery.nextNumber(APPLICATION) - 1
    sender.acknowledge([number, number], i * 200 * MS + 100 * MS)
  }
  assert.equal(sender.path.congestion.window, 12_000)
})

test('RFC 9002 section 7.3.2: one reduction for all losses of a round trip; recovery ends with what was sent in it', () => {
  const sender = measured({ congestionControl: 'new-reno' })
  const { congestion } = sender.path
  sender.send(10, 200 * MS)
  const [before] = [congestion.window]
  sender.acknowledge([5, 6], 300 * MS)
  assert.deepEqual(sender.told.lost, [1, 2, 3])
  assert.deepEqual([congestion.window, congestion.threshold, congestion.state], [before / 2, before / 2, 'recovery'])
  sender.acknowledge([5, 10], 305 * MS)
  assert.deepEqual(sender.told.lost, [1, 2, 3, 4])
  assert.equal(congestion.window, before / 2, 'packets from before the reduction neither grow nor shrink it')
  sender.send(1, 306 * MS)
  sender.acknowledge([11, 11, 5, 10], 406 * MS)
  assert.equal(congestion.state, 'congestion_avoidance')
})

test('RFC 9002 section 7.3.2: one packet goes out although the window has just shrunk', () => {
  const sender = measured({ congestionControl: 'new-reno' })
  sender.send(10, 200 * MS)
  sender.acknowledge([4, 4], 300 * MS)
  assert.ok(sender.path.congestion.inFlight > sender.path.congestion.window, 'the window is full')
  assert.equal(sender.recovery.admits(SIZE, 300 * MS), true)
  sender.send(1, 300 * MS)
  assert.equal(sender.recovery.admits(SIZE, 300 * MS), false)
})

test('RFC 9002 section 7.6: two losses far apart with nothing acknowledged between leave two datagrams', () => {
  const sender = measured()
  const pto = 100 * MS + 4 * 50 * MS
  sender.send(1, 200 * MS)
  for (let at = 400 * MS; at < 200 * MS + 3 * pto + 300 * MS; at += 100 * MS) sender.send(1, at)
  const last = sender.recovery.nextNumber(APPLICATION) - 1
  sender.acknowledge([last, last], 1400 * MS)
  assert.equal(sender.told.persistent, 1)
  assert.equal(sender.path.congestion.window, 2 * SIZE)
  assert.equal(sender.path.congestion.state, 'slow_start')
})

test('RFC 9002 section 7.6.2: an acknowledged packet between, or losses before the first measurement, are no persistent congestion', () => {
  const sender = measured()
  for (let at = 200 * MS; at < 1500 * MS; at += 100 * MS) sender.send(1, at)
  sender.acknowledge([13, 13, 7, 7], 1600 * MS)
  assert.equal(sender.told.persistent, 0)
  const fresh = new Sender({ pacing: false })
  for (let at = 0; at < 5000 * MS; at += 500 * MS) fresh.send(1, at)
  fresh.acknowledge([9, 9], 5100 * MS)
  assert.ok(fresh.told.lost.length > 5, 'packets are lost')
  assert.equal(fresh.told.persistent, 0)
})

test('a loss that was none is told, and when none of them was one the reduction is taken back (RFC 9438 section 4.9)', () => {
  for (const congestionControl of ['new-reno', 'cubic'] as const) {
    const sender = measured({ congestionControl })
    const { congestion } = sender.path
    sender.send(10, 200 * MS)
    const before = congestion.window
    sender.acknowledge([5, 6], 300 * MS)
    assert.deepEqual(sender.told.lost, [1, 2, 3])
    sender.acknowledge([5, 6, 1, 2], 305 * MS)
    assert.deepEqual(sender.told.disproved, [2, 1])
    assert.ok(congestion.window < before, 'packet 3 may be lost')
    sender.acknowledge([1, 6], 306 * MS)
    assert.deepEqual(sender.told.disproved, [2, 1, 3])
    assert.ok(congestion.window >= before, 'nothing was lost')
    assert.equal(sender.told.acknowledged.filter((number) => number === 3).length, 1)
  }
})

test('late arrivals are believed for three probe timeouts, no longer', () => {
  const sender = measured()
  sender.send(5, 200 * MS)
  sender.acknowledge([4, 5], 300 * MS)
  assert.deepEqual(sender.told.lost, [1, 2])
  sender.acknowledge([1, 5], 10 * SECOND)
  assert.deepEqual(sender.told.disproved, [])
})

test('RFC 9000 section 13.1: who acknowledges what was never sent is lying', () => {
  for (const space of [INITIAL, HANDSHAKE, APPLICATION] as const) {
    const sender = new Sender()
    sender.send(3, 0, space)
    assert.throws(
      () => sender.recovery.handleAck(space, ackOf([0, 3]), MS),
      (error) => error instanceof QuicViolation && error.code === 0x0a && error.cites === 'RFC 9000 section 13.1',
    )
  }
})

test('RFC 9000 section 21.4: packet numbers are left out, and who acknowledges them all is found out', () => {
  const honest = new Sender({ pacing: false }, zeros)
  const liar = new Sender({ pacing: false }, zeros)
  const numbers = honest.send(100, 0)
  liar.send(100, 0)
  const skipped = Array.from({ length: 101 }, (_, number) => number).filter((number) => !numbers.includes(number))
  assert.deepEqual(skipped, [64])
  honest.acknowledge([65, 100, 0, 63], MS)
  assert.equal(honest.told.acknowledged.length, 100)
  assert.deepEqual(honest.told.lost, [], 'what was never sent is not lost')
  assert.throws(() => liar.acknowledge([0, 100], MS), QuicViolation)
})

test('RFC 9000 section 21.4: distances between them follow from chance and grow', () => {
  const sender = new Sender({ pacing: false }, bytesOf(5))
  const gaps: number[] = []
  let last = -1
  for (let i = 0; i < 20_000; i++) {
    const [number] = sender.send(1, i)
    if (number > last + 1) gaps.push(number)
    last = number
    sender.acknowledge([number, number], i)
  }
  assert.ok(gaps.length >= 5 && gaps.length <= 9, `${String(gaps.length)} left out`)
})

test('RFC 9000 section 14.4: a lost probe of the MTU is no congestion', () => {
  const sender = measured()
  const { recovery, path } = sender
  const before = path.congestion.window
  recovery.packetSent(APPLICATION, path, 1400, 'mtu-probe', false, [], -1, 200 * MS)
  sender.send(3, 200 * MS)
  sender.acknowledge([2, 4], 300 * MS)
  assert.equal(sender.told.lost.length, 1)
  assert.ok(path.congestion.window >= before, 'the window is as it was')
  assert.equal(path.congestion.inFlight, 0)
})

test('RFC 9002 section 2: packets of ACK frames are not in flight, and their loss means nothing', () => {
  const sender = measured()
  const { recovery, path } = sender
  for (let i = 0; i < 2000; i++) recovery.packetSent(APPLICATION, path, 40, 'silent', false, [], i, 200 * MS)
  assert.deepEqual([path.congestion.inFlight, recovery.isAwaiting(APPLICATION)], [0, false])
  const [number] = sender.send(1, 300 * MS)
  sender.acknowledge([number, number], 400 * MS)
  assert.deepEqual(sender.told.lost, [])
})

test('RFC 9000 section 9.4: another path has a window and a round-trip time of its own; what is in flight stays with the old one', () => {
  const sender = measured()
  sender.send(8, 200 * MS)
  const path = pathOf({ pacing: false })
  sender.recovery.switchPath(path, 210 * MS)
  assert.deepEqual([path.congestion.window, path.rtt.srtt], [12_000, -1])
  sender.acknowledge([1, 4], 300 * MS)
  assert.deepEqual([path.congestion.inFlight, path.rtt.srtt], [0, -1])
  assert.equal(sender.path.congestion.inFlight, 4 * SIZE)
  sender.recovery.packetSent(APPLICATION, path, SIZE, 'eliciting', false, ['x'], -1, 310 * MS)
  sender.acknowledge([9, 9, 1, 4], 350 * MS)
  assert.equal(path.rtt.srtt, 40 * MS)
  assert.deepEqual(sender.told.lost, [5, 6, 7, 8])
  assert.equal(path.congestion.window, 12_000, 'losses of the old path do not count on the new one')
})

test('RFC 9000 section 13.4.2: ten packets are marked, then none until the counts come back, then all', () => {
  const sender = new Sender({ ecn: true, pacing: false })
  const { ecn } = sender.path
  const marks: boolean[] = []
  for (let i = 0; i < 12; i++) {
    marks.push(ecn.marks)
    sender.send(1, 0)
  }
  assert.deepEqual(marks, [...Array<boolean>(10).fill(true), false, false])
  sender.acknowledge([0, 11], 100 * MS, { ect0: 10, ect1: 0, ce: 0 })
  assert.deepEqual([ecn.state, ecn.marks], ['capable', true])
})

test('RFC 9000 section 13.4.2.1: counts that are missing, too small, of marks that nobody sent, or falling end the marking', () => {
  for (const counts of [undefined, { ect0: 4, ect1: 0, ce: 0 }, { ect0: 5, ect1: 1, ce: 0 }, { ect0: 6, ect1: 0, ce: 0 }]) {
    const sender = new Sender({ ecn: true, pacing: false })
    sender.send(5, 0)
    sender.acknowledge([0, 4], 100 * MS, counts)
    assert.equal(sender.path.ecn.state, 'failed', JSON.stringify(counts))
    assert.equal(sender.path.ecn.marks, false)
  }
  const sender = new Sender({ ecn: true, pacing: false })
  sender.send(5, 0)
  sender.acknowledge([0, 2], 100 * MS, { ect0: 3, ect1: 0, ce: 0 })
  sender.acknowledge([0, 4], 101 * MS, { ect0: 2, ect1: 0, ce: 0 })
  assert.equal(sender.path.ecn.state, 'failed')
})

test('RFC 9000 section 13.4.2.1: an acknowledgment that came out of order fails nothing', () => {
  const sender = new Sender({ ecn: true, pacing: false })
  sender.send(5, 0)
  sender.acknowledge([2, 4], 100 * MS, { ect0: 5, ect1: 0, ce: 0 })
  sender.acknowledge([0, 2], 101 * MS, { ect0: 3, ect1: 0, ce: 0 })
  assert.equal(sender.path.ecn.state, 'capable')
})

test('RFC 9002 section 7.1: a mark of congestion reduces the window as a loss does, once in a round trip', () => {
  const heard = new Sender({ ecn: true, pacing: false, congestionControl: 'new-reno' })
  heard.send(10, 0)
  heard.acknowledge([0, 3], 100 * MS, { ect0: 3, ect1: 0, ce: 1 })
  assert.deepEqual([heard.path.congestion.window, heard.path.congestion.state], [6000, 'recovery'])
  heard.acknowledge([0, 7], 101 * MS, { ect0: 6, ect1: 0, ce: 2 })
  assert.equal(heard.path.congestion.window, 6000)
  assert.deepEqual(heard.told.lost, [])
})

test('RFC 9000 section 13.4.2: when every marked packet is lost, marking is what kills them, perhaps', () => {
  const sender = new Sender({ ecn: true, pacing: false })
  sender.send(14, 0)
  sender.acknowledge([10, 13], 100 * MS)
  assert.equal(sender.told.lost.length, 10)
  assert.equal(sender.path.ecn.state, 'failed')
})

test('RFC 9002 section 7.7: packets are spread over the round trip, with bursts up to the initial window', () => {
  const sender = new Sender({ pacing: true })
  const { congestion } = sender.path
  sender.send(10, 0)
  sender.acknowledge([0, 9], 100 * MS)
  const now = 200 * MS
  let sent = 0
  for (; sender.recovery.admits(SIZE, now) && sent < 100; sent++) sender.send(1, now)
  assert.ok(sent >= 10 && sent <= 11, `${String(sent)} at once, of ${String(congestion.window / SIZE)}`)
  assert.ok(congestion.paceAt > now, 'the next one has to wait')
  const gap = congestion.paceAt
  sender.send(1, gap)
  assert.equal(congestion.paceAt - gap, Math.ceil((SIZE * 100 * MS) / (2 * congestion.window)))
})

test('RFC 8899 section 3: a probe that counted as lost and arrives late has shown its size all the same', () => {
  const sender = new Sender({ pacing: false, maxUdpPayload: 1400 })
  const { recovery, path } = sender
  path.mtu.begin(0)
  const size = path.mtu.probeSize(0)
  path.mtu.probeSent(size)
  recovery.packetSent(APPLICATION, path, size, 'mtu-probe', false, [], -1, 0)
  sender.send(3, 0)
  sender.acknowledge([1, 3], 100 * MS)
  assert.deepEqual([sender.told.lost, path.mtu.size], [[0], 1200])
  sender.acknowledge([0, 3], 101 * MS)
  assert.deepEqual([sender.told.disproved, path.mtu.size], [[], 1400])
})

test('RFC 9000 section 14.2.1: a report of a router makes datagrams smaller, and the window shrinks with them', () => {
  const sender = new Sender({ pacing: false, maxUdpPayload: 1400 })
  const { recovery, path } = sender
  path.mtu.begin(0)
  path.mtu.probeSent(path.mtu.probeSize(0))
  path.mtu.acknowledged(1400, true, 0)
  path.congestion.resized(path.mtu.size)
  recovery.packetTooBig(1300, MS)
  assert.deepEqual([path.mtu.size, path.congestion.window], [1200, Math.floor((12_000 * 1200) / 1400)])
})
