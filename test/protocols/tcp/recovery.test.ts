import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tcpConfig, type TcpConfig } from '../../../src/protocols/tcp/config.ts'
import { NewReno } from '../../../src/protocols/congestion/new-reno.ts'
import { LossRecovery } from '../../../src/protocols/tcp/recovery.ts'
import { SentSegments } from '../../../src/protocols/tcp/sent-segments.ts'

const SMSS = 1000

/** Ten segments in flight, without SACK; positions from 1. */
function flight(settings: Partial<TcpConfig> = {}): { recovery: LossRecovery; sent: SentSegments; congestion: NewReno } {
  const config = tcpConfig(settings)
  const sent = new SentSegments()
  const congestion = new NewReno(config)
  congestion.begin(SMSS, 10)
  const recovery = new LossRecovery(config, sent, congestion)
  recovery.smss = SMSS
  for (let i = 0; i < 10; i++) sent.append(1 + i * SMSS, SMSS, false, 0)
  return { recovery, sent, congestion }
}

function acknowledge({ recovery, sent }: ReturnType<typeof flight>, position: number, acked: number): string {
  sent.acknowledge(position)
  return recovery.acknowledged(position, acked, 0)
}

test('RFC 6582 section 3.2: the window is inflated by duplicates, deflated by partial acknowledgments, and left at the threshold', () => {
  const all = flight()
  const { recovery, sent, congestion } = all
  assert.deepEqual(
    [1, 2, 3].map(() => recovery.duplicate(1, 10_001, 0)),
    [false, false, true],
  )
  assert.deepEqual([congestion.ssthresh, congestion.cwnd, recovery.inflation], [5000, 5000, 3000])
  assert.equal(recovery.nextRetransmission(), 0)
  recovery.resent(0, 0)
  assert.equal(sent.pipe, 10_000)
  for (let i = 0; i < 6; i++) recovery.duplicate(1, 10_001, 0)
  assert.equal(recovery.inflation, 9000)
  // 14,000 of window, 10,000 in flight: room for four new segments.
  assert.deepEqual([recovery.fits(4000), recovery.fits(4001)], [true, false])
  // Three segments acknowledged: three off, one back; the fourth is the next hole.
  assert.equal(acknowledge(all, 3001, 3000), 'first-partial')
  assert.equal(recovery.inflation, 7000)
  assert.equal(recovery.nextRetransmission(), 0)
  recovery.resent(0, 0)
  assert.equal(acknowledge(all, 3500, 500), 'partial')
  assert.equal(recovery.inflation, 6500)
  assert.equal(acknowledge(all, 10_001, 6500), 'exited')
  assert.deepEqual([recovery.phase, recovery.inflation, congestion.cwnd], ['open', 0, 2000])
})

test('RFC 6582 section 3.2 step 1: duplicates at or below the recovery point do not begin again', () => {
  const all = flight()
  for (let i = 0; i < 3; i++) all.recovery.duplicate(1, 10_001, 0)
  acknowledge(all, 10_001, 10_000)
  all.sent.append(10_001, SMSS, false, 0)
  for (let i = 0; i < 5; i++) assert.equal(all.recovery.duplicate(10_001, 11_001, 0), false)
  acknowledge(all, 11_001, 1000)
  all.sent.append(11_001, SMSS, false, 0)
  assert.deepEqual(
    [1, 2, 3].map(() => all.recovery.duplicate(11_001, 12_001, 0)),
    [false, false, true],
  )
})

test('RFC 3042: two duplicates widen the window by two segments, which FlightSize leaves out', () => {
  const { recovery, sent, congestion } = flight()
  recovery.duplicate(1, 10_001, 0)
  assert.equal(recovery.window, 11_000)
  sent.append(10_001, SMSS, false, 0)
  recovery.sentNew(SMSS)
  recovery.duplicate(1, 11_001, 0)
  assert.equal(recovery.window, 12_000)
  sent.append(11_001, SMSS, false, 0)
  recovery.sentNew(SMSS)
  recovery.duplicate(1, 12_001, 0)
  assert.equal(congestion.ssthresh, 5000)
})

test('a timeout ends fast recovery, and lasts until everything sent before it is acknowledged', () => {
  const all = flight()
  const { recovery, sent, congestion } = all
  for (let i = 0; i < 4; i++) recovery.duplicate(1, 10_001, 0)
  recovery.timedOut(1, 10_001, 0)
  assert.deepEqual([recovery.phase, recovery.inflation, congestion.cwnd, sent.pipe], ['loss', 0, SMSS, 0])
  assert.equal(recovery.nextRetransmission(), 0)
  recovery.resent(0, 0)
  // One segment is the window.
  assert.equal(recovery.nextRetransmission(), -1)
  assert.equal(recovery.isRepairing, true)
  assert.equal(acknowledge(all, 1001, 1000), 'none')
  assert.equal(recovery.nextRetransmission(), 0)
  for (let i = 0; i < 5; i++) assert.equal(recovery.duplicate(1001, 10_001, 0), false)
  acknowledge(all, 10_001, 9000)
  assert.equal(recovery.phase, 'open')
})

test('RFC 5681 equation 4: a timeout in the middle of recovery does not raise the threshold by what recovery itself has sent', () => {
  const { recovery, sent, congestion } = flight()
  for (let i = 0; i < 3; i++) recovery.duplicate(1, 10_001, 0)
  for (let i = 10; i < 40; i++) sent.append(1 + i * SMSS, SMSS, false, 0)
  recovery.timedOut(1, 40_001, 0)
  assert.deepEqual([congestion.ssthresh, congestion.cwnd], [5000, SMSS])
})

test('an empty network always has room for a segment', () => {
  const { recovery, sent } = flight()
  sent.acknowledge(10_001)
  assert.equal(recovery.fits(1_000_000), true)
})
